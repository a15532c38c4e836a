/* generated from IOService.iig */
// A node of the I/O registry that can be matched, started and stopped: what every driver is.
#ifndef OPEN_SDK_DRIVERKIT_IOSERVICE_H
#define OPEN_SDK_DRIVERKIT_IOSERVICE_H

#include <DriverKit/OSObject.h>
#include <DriverKit/IOMemoryDescriptor.h>

class IOUserClient;

typedef char IOServiceName[128];
typedef char IOPropertyName[128];
typedef char IORegistryPlaneName[128];

enum {
    kIOServicePowerCapabilityOff = 0x00000000,
    kIOServicePowerCapabilityOn = 0x00000002,
    kIOServicePowerCapabilityLow = 0x00010000,
};

#define kIOServiceDefaultQueueName "Default"

/* class IOService IOService.iig:22 */

#if __DOCUMENTATION__
#define KERNEL IIG_KERNEL

class KERNEL IOService : public OSObject
{
public:
    virtual bool init() override;
    virtual void free() override;

    virtual kern_return_t Start(IOService * provider) LOCAL;
    virtual kern_return_t Stop(IOService * provider) LOCAL;
    virtual kern_return_t ClientCrashed(IOService * client, uint64_t options);
    virtual kern_return_t GetRegistryEntryID(uint64_t * registryEntryID) LOCAL;
    virtual kern_return_t SetName(const IOServiceName name);
    virtual kern_return_t RegisterService();
    virtual kern_return_t SetDispatchQueue(const IODispatchQueueName name, IODispatchQueue * queue) override LOCAL;
    virtual kern_return_t CopyDispatchQueue(const IODispatchQueueName name, IODispatchQueue ** queue) override;
    virtual kern_return_t CreateDefaultDispatchQueue(IODispatchQueue ** queue) LOCAL;
    virtual kern_return_t CopyProperties(OSDictionary ** properties);
    virtual kern_return_t SearchProperty(
        const IOPropertyName name, const IORegistryPlaneName plane, uint64_t options, OSContainer ** property);
    virtual kern_return_t SetProperties(OSDictionary * properties);
    virtual kern_return_t JoinPMTree(void);
    virtual kern_return_t SetPowerState(uint32_t powerFlags) LOCAL;
    virtual kern_return_t ChangePowerState(uint32_t powerFlags);
    virtual kern_return_t SetPowerOverride(bool enable);
    virtual kern_return_t NewUserClient(uint32_t type, IOUserClient ** userClient);
    // Makes the object whose class and properties stand under `propertiesKey` of this service's personality.
    virtual kern_return_t Create(IOService * provider, const IOPropertyName propertiesKey, IOService ** result) LOCAL;
    virtual kern_return_t Terminate(uint64_t options);
    virtual kern_return_t CopyProviderProperties(OSArray * propertyKeys, OSArray ** properties);
    virtual kern_return_t RequireMaxBusStall(uint64_t maxBusStall);
    virtual kern_return_t AdjustBusy(int32_t delta);
    virtual kern_return_t GetBusyState(uint32_t * busyState);
    virtual kern_return_t CoreAnalyticsSendEvent(uint64_t options, OSString * eventName, OSDictionary * eventPayload);
    virtual IOReturn UpdateReport(
        OSData * channels, uint32_t action, uint32_t * outElementCount, uint64_t offset, uint64_t capacity, IOMemoryDescriptor * buffer);
    virtual IOReturn ConfigureReport(OSData * channels, uint32_t action, uint32_t * outCount);
    virtual IOReturn SetLegend(OSArray * legend, bool is_public);
    virtual kern_return_t CopyName(OSString ** name);
    virtual kern_return_t StringFromReturn(IOReturn retval, OSString ** str);
    virtual kern_return_t _ClaimSystemWakeEvent(IOService * device, uint64_t flags, const IOPropertyName reason, OSContainer * details);
    virtual kern_return_t RemoveProperty(OSString * propertyName);
    IOService * GetProvider() const LOCALONLY;
    virtual kern_return_t CopySystemStateNotificationService(IOService ** service);
    virtual kern_return_t StateNotificationItemCreate(OSString * itemName, OSDictionary * schema);
    virtual kern_return_t StateNotificationItemSet(OSString * itemName, OSDictionary * value);
    virtual kern_return_t StateNotificationItemCopy(OSString * itemName, OSDictionary ** value);

private:
    virtual void Stop_async(IOService * provider) LOCAL;
    virtual kern_return_t _NewUserClient(uint32_t type, OSDictionary * entitlements, IOUserClient ** userClient) LOCAL;
};

#undef KERNEL
#else /* __DOCUMENTATION__ */

#define IOService_Start_ID            0xab6f76dde6d693f2ULL
#define IOService_Stop_ID            0x98e715041c459fa5ULL
#define IOService_ClientCrashed_ID            0xf608d8d479c824a3ULL
#define IOService_GetRegistryEntryID_ID            0x8a6f522f3894a0d7ULL
#define IOService_SetName_ID            0xff378dd57615eb9fULL
#define IOService_RegisterService_ID            0xe9722c2bb1347c28ULL
#define IOService_CreateDefaultDispatchQueue_ID            0x805bb452f0b44ef7ULL
#define IOService_CopyProperties_ID            0x833ec8f92f8b5362ULL
#define IOService_SearchProperty_ID            0xad751cdb94c8dcc8ULL
#define IOService_SetProperties_ID            0xd8a753ea156f9162ULL
#define IOService_JoinPMTree_ID            0xf26c46526735efffULL
#define IOService_SetPowerState_ID            0xd200fde7d57ecca6ULL
#define IOService_ChangePowerState_ID            0xdb75cfc3395484a0ULL
#define IOService_SetPowerOverride_ID            0xdca775718f07ae4fULL
#define IOService_NewUserClient_ID            0xf669efffcb89ed9cULL
#define IOService_Create_ID            0xe1a46dbd68bbe09cULL
#define IOService_Terminate_ID            0xf7a595d9927810c8ULL
#define IOService_CopyProviderProperties_ID            0xc2a554959002c8e7ULL
#define IOService_RequireMaxBusStall_ID            0xc21228652ff536afULL
#define IOService_AdjustBusy_ID            0xde9f5ab8cc9758ebULL
#define IOService_GetBusyState_ID            0xf5e47b685861dee5ULL
#define IOService_CoreAnalyticsSendEvent_ID            0xedf64411b90d31caULL
#define IOService_UpdateReport_ID            0x8509eed786c7ff1aULL
#define IOService_ConfigureReport_ID            0x85d9def59e3f02beULL
#define IOService_SetLegend_ID            0xa32ee5222548afa2ULL
#define IOService_CopyName_ID            0xfe0617febc5b2cc4ULL
#define IOService_StringFromReturn_ID            0xf62cec3df59db769ULL
#define IOService__ClaimSystemWakeEvent_ID            0x845c18dfe6f75305ULL
#define IOService_RemoveProperty_ID            0xdadeb06419d321b0ULL
#define IOService_CopySystemStateNotificationService_ID            0x9165d1fce9b2ca5aULL
#define IOService_StateNotificationItemCreate_ID            0xb35947bdab354e9eULL
#define IOService_StateNotificationItemSet_ID            0xb318c8fa26b5b891ULL
#define IOService_StateNotificationItemCopy_ID            0xad2e6404fde4b615ULL
#define IOService_Stop_async_ID            0xa8c93137712a16a2ULL
#define IOService__NewUserClient_ID            0x80b22dd60ee3abb6ULL

#define IOService_Start_Args \
        IOService * provider

#define IOService_Stop_Args \
        IOService * provider

#define IOService_ClientCrashed_Args \
        IOService * client, \
        uint64_t options

#define IOService_GetRegistryEntryID_Args \
        uint64_t * registryEntryID

#define IOService_SetName_Args \
        const char * name

#define IOService_RegisterService_Args

#define IOService_SetDispatchQueue_Args \
        const char * name, \
        IODispatchQueue * queue

#define IOService_CopyDispatchQueue_Args \
        const char * name, \
        IODispatchQueue ** queue

#define IOService_CreateDefaultDispatchQueue_Args \
        IODispatchQueue ** queue

#define IOService_CopyProperties_Args \
        OSDictionary ** properties

#define IOService_SearchProperty_Args \
        const char * name, \
        const char * plane, \
        uint64_t options, \
        OSContainer ** property

#define IOService_SetProperties_Args \
        OSDictionary * properties

#define IOService_JoinPMTree_Args

#define IOService_SetPowerState_Args \
        uint32_t powerFlags

#define IOService_ChangePowerState_Args \
        uint32_t powerFlags

#define IOService_SetPowerOverride_Args \
        bool enable

#define IOService_NewUserClient_Args \
        uint32_t type, \
        IOUserClient ** userClient

#define IOService_Create_Args \
        IOService * provider, \
        const char * propertiesKey, \
        IOService ** result

#define IOService_Terminate_Args \
        uint64_t options

#define IOService_CopyProviderProperties_Args \
        OSArray * propertyKeys, \
        OSArray ** properties

#define IOService_RequireMaxBusStall_Args \
        uint64_t maxBusStall

#define IOService_AdjustBusy_Args \
        int32_t delta

#define IOService_GetBusyState_Args \
        uint32_t * busyState

#define IOService_CoreAnalyticsSendEvent_Args \
        uint64_t options, \
        OSString * eventName, \
        OSDictionary * eventPayload

#define IOService_UpdateReport_Args \
        OSData * channels, \
        uint32_t action, \
        uint32_t * outElementCount, \
        uint64_t offset, \
        uint64_t capacity, \
        IOMemoryDescriptor * buffer

#define IOService_ConfigureReport_Args \
        OSData * channels, \
        uint32_t action, \
        uint32_t * outCount

#define IOService_SetLegend_Args \
        OSArray * legend, \
        bool is_public

#define IOService_CopyName_Args \
        OSString ** name

#define IOService_StringFromReturn_Args \
        IOReturn retval, \
        OSString ** str

#define IOService__ClaimSystemWakeEvent_Args \
        IOService * device, \
        uint64_t flags, \
        const char * reason, \
        OSContainer * details

#define IOService_RemoveProperty_Args \
        OSString * propertyName

#define IOService_CopySystemStateNotificationService_Args \
        IOService ** service

#define IOService_StateNotificationItemCreate_Args \
        OSString * itemName, \
        OSDictionary * schema

#define IOService_StateNotificationItemSet_Args \
        OSString * itemName, \
        OSDictionary * value

#define IOService_StateNotificationItemCopy_Args \
        OSString * itemName, \
        OSDictionary ** value

#define IOService_Stop_async_Args \
        IOService * provider

#define IOService__NewUserClient_Args \
        uint32_t type, \
        OSDictionary * entitlements, \
        IOUserClient ** userClient

#define IOService_Methods \
 \
public: \
 \
    virtual kern_return_t \
    Dispatch( \
        const IORPC rpc) APPLE_KEXT_OVERRIDE; \
 \
    static kern_return_t \
    _Dispatch( \
        IOService * self, \
        const IORPC rpc); \
 \
    kern_return_t \
    Start( \
        IOService * provider, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    Stop( \
        IOService * provider, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    ClientCrashed( \
        IOService * client, \
        uint64_t options, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    GetRegistryEntryID( \
        uint64_t * registryEntryID, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    SetName( \
        const char * name, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    RegisterService( \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    CreateDefaultDispatchQueue( \
        IODispatchQueue ** queue, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    CopyProperties( \
        OSDictionary ** properties, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    SearchProperty( \
        const char * name, \
        const char * plane, \
        uint64_t options, \
        OSContainer ** property, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    SetProperties( \
        OSDictionary * properties, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    JoinPMTree( \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    SetPowerState( \
        uint32_t powerFlags, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    ChangePowerState( \
        uint32_t powerFlags, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    SetPowerOverride( \
        bool enable, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    NewUserClient( \
        uint32_t type, \
        IOUserClient ** userClient, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    Create( \
        IOService * provider, \
        const char * propertiesKey, \
        IOService ** result, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    Terminate( \
        uint64_t options, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    CopyProviderProperties( \
        OSArray * propertyKeys, \
        OSArray ** properties, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    RequireMaxBusStall( \
        uint64_t maxBusStall, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    AdjustBusy( \
        int32_t delta, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    GetBusyState( \
        uint32_t * busyState, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    CoreAnalyticsSendEvent( \
        uint64_t options, \
        OSString * eventName, \
        OSDictionary * eventPayload, \
        OSDispatchMethod supermethod = NULL); \
 \
    IOReturn \
    UpdateReport( \
        OSData * channels, \
        uint32_t action, \
        uint32_t * outElementCount, \
        uint64_t offset, \
        uint64_t capacity, \
        IOMemoryDescriptor * buffer, \
        OSDispatchMethod supermethod = NULL); \
 \
    IOReturn \
    ConfigureReport( \
        OSData * channels, \
        uint32_t action, \
        uint32_t * outCount, \
        OSDispatchMethod supermethod = NULL); \
 \
    IOReturn \
    SetLegend( \
        OSArray * legend, \
        bool is_public, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    CopyName( \
        OSString ** name, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    StringFromReturn( \
        IOReturn retval, \
        OSString ** str, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    _ClaimSystemWakeEvent( \
        IOService * device, \
        uint64_t flags, \
        const char * reason, \
        OSContainer * details, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    RemoveProperty( \
        OSString * propertyName, \
        OSDispatchMethod supermethod = NULL); \
 \
    IOService * \
    GetProvider() const; \
 \
    kern_return_t \
    CopySystemStateNotificationService( \
        IOService ** service, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    StateNotificationItemCreate( \
        OSString * itemName, \
        OSDictionary * schema, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    StateNotificationItemSet( \
        OSString * itemName, \
        OSDictionary * value, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    StateNotificationItemCopy( \
        OSString * itemName, \
        OSDictionary ** value, \
        OSDispatchMethod supermethod = NULL); \
 \
    void \
    Stop_async( \
        IOService * provider, \
        OSDispatchMethod supermethod = NULL); \
 \
    kern_return_t \
    _NewUserClient( \
        uint32_t type, \
        OSDictionary * entitlements, \
        IOUserClient ** userClient, \
        OSDispatchMethod supermethod = NULL); \
 \
protected: \
 \
    kern_return_t \
    Start_Impl(IOService_Start_Args); \
 \
    kern_return_t \
    Stop_Impl(IOService_Stop_Args); \
 \
    kern_return_t \
    GetRegistryEntryID_Impl(IOService_GetRegistryEntryID_Args); \
 \
    kern_return_t \
    SetDispatchQueue_Impl(OSObject_SetDispatchQueue_Args); \
 \
    kern_return_t \
    CreateDefaultDispatchQueue_Impl(IOService_CreateDefaultDispatchQueue_Args); \
 \
    kern_return_t \
    SetPowerState_Impl(IOService_SetPowerState_Args); \
 \
    kern_return_t \
    Create_Impl(IOService_Create_Args); \
 \
    void \
    Stop_async_Impl(IOService_Stop_async_Args); \
 \
    kern_return_t \
    _NewUserClient_Impl(IOService__NewUserClient_Args); \
 \
public: \
 \
    typedef kern_return_t (*Start_Handler)(OSMetaClassBase * target, IOService_Start_Args); \
    static kern_return_t Start_Invoke(const IORPC rpc, OSMetaClassBase * target, Start_Handler func); \
 \
    typedef kern_return_t (*Stop_Handler)(OSMetaClassBase * target, IOService_Stop_Args); \
    static kern_return_t Stop_Invoke(const IORPC rpc, OSMetaClassBase * target, Stop_Handler func); \
 \
    typedef kern_return_t (*ClientCrashed_Handler)(OSMetaClassBase * target, IOService_ClientCrashed_Args); \
    static kern_return_t ClientCrashed_Invoke(const IORPC rpc, OSMetaClassBase * target, ClientCrashed_Handler func); \
 \
    typedef kern_return_t (*GetRegistryEntryID_Handler)(OSMetaClassBase * target, IOService_GetRegistryEntryID_Args); \
    static kern_return_t GetRegistryEntryID_Invoke(const IORPC rpc, OSMetaClassBase * target, GetRegistryEntryID_Handler func); \
 \
    typedef kern_return_t (*SetName_Handler)(OSMetaClassBase * target, IOService_SetName_Args); \
    static kern_return_t SetName_Invoke(const IORPC rpc, OSMetaClassBase * target, SetName_Handler func); \
 \
    typedef kern_return_t (*RegisterService_Handler)(OSMetaClassBase * target); \
    static kern_return_t RegisterService_Invoke(const IORPC rpc, OSMetaClassBase * target, RegisterService_Handler func); \
 \
    typedef kern_return_t (*CreateDefaultDispatchQueue_Handler)(OSMetaClassBase * target, IOService_CreateDefaultDispatchQueue_Args); \
    static kern_return_t CreateDefaultDispatchQueue_Invoke(const IORPC rpc, OSMetaClassBase * target, CreateDefaultDispatchQueue_Handler func); \
 \
    typedef kern_return_t (*CopyProperties_Handler)(OSMetaClassBase * target, IOService_CopyProperties_Args); \
    static kern_return_t CopyProperties_Invoke(const IORPC rpc, OSMetaClassBase * target, CopyProperties_Handler func); \
 \
    typedef kern_return_t (*SearchProperty_Handler)(OSMetaClassBase * target, IOService_SearchProperty_Args); \
    static kern_return_t SearchProperty_Invoke(const IORPC rpc, OSMetaClassBase * target, SearchProperty_Handler func); \
 \
    typedef kern_return_t (*SetProperties_Handler)(OSMetaClassBase * target, IOService_SetProperties_Args); \
    static kern_return_t SetProperties_Invoke(const IORPC rpc, OSMetaClassBase * target, SetProperties_Handler func); \
 \
    typedef kern_return_t (*JoinPMTree_Handler)(OSMetaClassBase * target); \
    static kern_return_t JoinPMTree_Invoke(const IORPC rpc, OSMetaClassBase * target, JoinPMTree_Handler func); \
 \
    typedef kern_return_t (*SetPowerState_Handler)(OSMetaClassBase * target, IOService_SetPowerState_Args); \
    static kern_return_t SetPowerState_Invoke(const IORPC rpc, OSMetaClassBase * target, SetPowerState_Handler func); \
 \
    typedef kern_return_t (*ChangePowerState_Handler)(OSMetaClassBase * target, IOService_ChangePowerState_Args); \
    static kern_return_t ChangePowerState_Invoke(const IORPC rpc, OSMetaClassBase * target, ChangePowerState_Handler func); \
 \
    typedef kern_return_t (*SetPowerOverride_Handler)(OSMetaClassBase * target, IOService_SetPowerOverride_Args); \
    static kern_return_t SetPowerOverride_Invoke(const IORPC rpc, OSMetaClassBase * target, SetPowerOverride_Handler func); \
 \
    typedef kern_return_t (*NewUserClient_Handler)(OSMetaClassBase * target, IOService_NewUserClient_Args); \
    static kern_return_t NewUserClient_Invoke(const IORPC rpc, OSMetaClassBase * target, NewUserClient_Handler func); \
 \
    typedef kern_return_t (*Create_Handler)(OSMetaClassBase * target, IOService_Create_Args); \
    static kern_return_t Create_Invoke(const IORPC rpc, OSMetaClassBase * target, Create_Handler func); \
 \
    typedef kern_return_t (*Terminate_Handler)(OSMetaClassBase * target, IOService_Terminate_Args); \
    static kern_return_t Terminate_Invoke(const IORPC rpc, OSMetaClassBase * target, Terminate_Handler func); \
 \
    typedef kern_return_t (*CopyProviderProperties_Handler)(OSMetaClassBase * target, IOService_CopyProviderProperties_Args); \
    static kern_return_t CopyProviderProperties_Invoke(const IORPC rpc, OSMetaClassBase * target, CopyProviderProperties_Handler func); \
 \
    typedef kern_return_t (*RequireMaxBusStall_Handler)(OSMetaClassBase * target, IOService_RequireMaxBusStall_Args); \
    static kern_return_t RequireMaxBusStall_Invoke(const IORPC rpc, OSMetaClassBase * target, RequireMaxBusStall_Handler func); \
 \
    typedef kern_return_t (*AdjustBusy_Handler)(OSMetaClassBase * target, IOService_AdjustBusy_Args); \
    static kern_return_t AdjustBusy_Invoke(const IORPC rpc, OSMetaClassBase * target, AdjustBusy_Handler func); \
 \
    typedef kern_return_t (*GetBusyState_Handler)(OSMetaClassBase * target, IOService_GetBusyState_Args); \
    static kern_return_t GetBusyState_Invoke(const IORPC rpc, OSMetaClassBase * target, GetBusyState_Handler func); \
 \
    typedef kern_return_t (*CoreAnalyticsSendEvent_Handler)(OSMetaClassBase * target, IOService_CoreAnalyticsSendEvent_Args); \
    static kern_return_t CoreAnalyticsSendEvent_Invoke(const IORPC rpc, OSMetaClassBase * target, CoreAnalyticsSendEvent_Handler func); \
 \
    typedef IOReturn (*UpdateReport_Handler)(OSMetaClassBase * target, IOService_UpdateReport_Args); \
    static kern_return_t UpdateReport_Invoke(const IORPC rpc, OSMetaClassBase * target, UpdateReport_Handler func); \
 \
    typedef IOReturn (*ConfigureReport_Handler)(OSMetaClassBase * target, IOService_ConfigureReport_Args); \
    static kern_return_t ConfigureReport_Invoke(const IORPC rpc, OSMetaClassBase * target, ConfigureReport_Handler func); \
 \
    typedef IOReturn (*SetLegend_Handler)(OSMetaClassBase * target, IOService_SetLegend_Args); \
    static kern_return_t SetLegend_Invoke(const IORPC rpc, OSMetaClassBase * target, SetLegend_Handler func); \
 \
    typedef kern_return_t (*CopyName_Handler)(OSMetaClassBase * target, IOService_CopyName_Args); \
    static kern_return_t CopyName_Invoke(const IORPC rpc, OSMetaClassBase * target, CopyName_Handler func); \
 \
    typedef kern_return_t (*StringFromReturn_Handler)(OSMetaClassBase * target, IOService_StringFromReturn_Args); \
    static kern_return_t StringFromReturn_Invoke(const IORPC rpc, OSMetaClassBase * target, StringFromReturn_Handler func); \
 \
    typedef kern_return_t (*_ClaimSystemWakeEvent_Handler)(OSMetaClassBase * target, IOService__ClaimSystemWakeEvent_Args); \
    static kern_return_t _ClaimSystemWakeEvent_Invoke(const IORPC rpc, OSMetaClassBase * target, _ClaimSystemWakeEvent_Handler func); \
 \
    typedef kern_return_t (*RemoveProperty_Handler)(OSMetaClassBase * target, IOService_RemoveProperty_Args); \
    static kern_return_t RemoveProperty_Invoke(const IORPC rpc, OSMetaClassBase * target, RemoveProperty_Handler func); \
 \
    typedef kern_return_t (*CopySystemStateNotificationService_Handler)(OSMetaClassBase * target, IOService_CopySystemStateNotificationService_Args); \
    static kern_return_t CopySystemStateNotificationService_Invoke(const IORPC rpc, OSMetaClassBase * target, CopySystemStateNotificationService_Handler func); \
 \
    typedef kern_return_t (*StateNotificationItemCreate_Handler)(OSMetaClassBase * target, IOService_StateNotificationItemCreate_Args); \
    static kern_return_t StateNotificationItemCreate_Invoke(const IORPC rpc, OSMetaClassBase * target, StateNotificationItemCreate_Handler func); \
 \
    typedef kern_return_t (*StateNotificationItemSet_Handler)(OSMetaClassBase * target, IOService_StateNotificationItemSet_Args); \
    static kern_return_t StateNotificationItemSet_Invoke(const IORPC rpc, OSMetaClassBase * target, StateNotificationItemSet_Handler func); \
 \
    typedef kern_return_t (*StateNotificationItemCopy_Handler)(OSMetaClassBase * target, IOService_StateNotificationItemCopy_Args); \
    static kern_return_t StateNotificationItemCopy_Invoke(const IORPC rpc, OSMetaClassBase * target, StateNotificationItemCopy_Handler func); \
 \
    typedef void (*Stop_async_Handler)(OSMetaClassBase * target, IOService_Stop_async_Args); \
    static kern_return_t Stop_async_Invoke(const IORPC rpc, OSMetaClassBase * target, Stop_async_Handler func); \
 \
    typedef kern_return_t (*_NewUserClient_Handler)(OSMetaClassBase * target, IOService__NewUserClient_Args); \
    static kern_return_t _NewUserClient_Invoke(const IORPC rpc, OSMetaClassBase * target, _NewUserClient_Handler func); \


#define IOService_KernelMethods \
 \
protected: \
 \
    kern_return_t \
    ClientCrashed_Impl(IOService_ClientCrashed_Args); \
 \
    kern_return_t \
    SetName_Impl(IOService_SetName_Args); \
 \
    kern_return_t \
    RegisterService_Impl(IOService_RegisterService_Args); \
 \
    kern_return_t \
    CopyDispatchQueue_Impl(OSObject_CopyDispatchQueue_Args); \
 \
    kern_return_t \
    CopyProperties_Impl(IOService_CopyProperties_Args); \
 \
    kern_return_t \
    SearchProperty_Impl(IOService_SearchProperty_Args); \
 \
    kern_return_t \
    SetProperties_Impl(IOService_SetProperties_Args); \
 \
    kern_return_t \
    JoinPMTree_Impl(IOService_JoinPMTree_Args); \
 \
    kern_return_t \
    ChangePowerState_Impl(IOService_ChangePowerState_Args); \
 \
    kern_return_t \
    SetPowerOverride_Impl(IOService_SetPowerOverride_Args); \
 \
    kern_return_t \
    NewUserClient_Impl(IOService_NewUserClient_Args); \
 \
    kern_return_t \
    Terminate_Impl(IOService_Terminate_Args); \
 \
    kern_return_t \
    CopyProviderProperties_Impl(IOService_CopyProviderProperties_Args); \
 \
    kern_return_t \
    RequireMaxBusStall_Impl(IOService_RequireMaxBusStall_Args); \
 \
    kern_return_t \
    AdjustBusy_Impl(IOService_AdjustBusy_Args); \
 \
    kern_return_t \
    GetBusyState_Impl(IOService_GetBusyState_Args); \
 \
    kern_return_t \
    CoreAnalyticsSendEvent_Impl(IOService_CoreAnalyticsSendEvent_Args); \
 \
    IOReturn \
    UpdateReport_Impl(IOService_UpdateReport_Args); \
 \
    IOReturn \
    ConfigureReport_Impl(IOService_ConfigureReport_Args); \
 \
    IOReturn \
    SetLegend_Impl(IOService_SetLegend_Args); \
 \
    kern_return_t \
    CopyName_Impl(IOService_CopyName_Args); \
 \
    kern_return_t \
    StringFromReturn_Impl(IOService_StringFromReturn_Args); \
 \
    kern_return_t \
    _ClaimSystemWakeEvent_Impl(IOService__ClaimSystemWakeEvent_Args); \
 \
    kern_return_t \
    RemoveProperty_Impl(IOService_RemoveProperty_Args); \
 \
    kern_return_t \
    CopySystemStateNotificationService_Impl(IOService_CopySystemStateNotificationService_Args); \
 \
    kern_return_t \
    StateNotificationItemCreate_Impl(IOService_StateNotificationItemCreate_Args); \
 \
    kern_return_t \
    StateNotificationItemSet_Impl(IOService_StateNotificationItemSet_Args); \
 \
    kern_return_t \
    StateNotificationItemCopy_Impl(IOService_StateNotificationItemCopy_Args); \


#define IOService_VirtualMethods \
 \
public: \
 \
    virtual bool \
    init() APPLE_KEXT_OVERRIDE; \
 \
    virtual void \
    free() APPLE_KEXT_OVERRIDE; \


extern OSMetaClass * gIOServiceMetaClass;
extern const OSClassLoadInformation IOService_Class;

class IOServiceMetaClass : public OSMetaClass
{
public:
    virtual kern_return_t New(OSObject * instance) override;
    virtual kern_return_t Dispatch(const IORPC rpc) override;
};

class IOServiceInterface : public OSInterface
{
public:
};

struct IOService_IVars;
struct IOService_LocalIVars;

class IOService : public OSObject, public IOServiceInterface
{
    friend class IOServiceMetaClass;

public:
#ifdef IOService_DECLARE_IVARS
IOService_DECLARE_IVARS
#else /* IOService_DECLARE_IVARS */
    union
    {
        IOService_IVars * ivars;
        IOService_LocalIVars * lvars;
    };
#endif /* IOService_DECLARE_IVARS */
    static OSMetaClass * sGetMetaClass() { return gIOServiceMetaClass; }

    using super = OSObject;

    IOService_Methods
    IOService_VirtualMethods
};

#endif /* !__DOCUMENTATION__ */


#endif

