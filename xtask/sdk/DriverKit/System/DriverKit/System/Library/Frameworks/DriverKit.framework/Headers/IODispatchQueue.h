/* generated from IODispatchQueue.iig */
// A queue on which blocks and messages run one after the other.
#ifndef OPEN_SDK_DRIVERKIT_IODISPATCHQUEUE_H
#define OPEN_SDK_DRIVERKIT_IODISPATCHQUEUE_H

#include <DriverKit/OSObject.h>
#include <DriverKit/OSAction.h>
#include <DriverKit/IODispatchSource.h>

typedef int (*IODispatchLogFunction)(const char * format, ...);
typedef void (^IODispatchBlock)(void);
typedef void (*IODispatchFunction)(void * context);
typedef kern_return_t (^IODispatchAction)(void);
typedef void (^IODispatchQueueCancelHandler)(void);

enum {
    kIODispatchQueueReentrant = 0x00000001,
    kIODispatchQueueMethodsNotSynchronized = 0x00000002,
};

/* class IODispatchQueue IODispatchQueue.iig:20 */

#if __DOCUMENTATION__
#define KERNEL IIG_KERNEL

class NATIVE KERNEL IODispatchQueue : public OSObject
{
public:
    static kern_return_t Create(const IODispatchQueueName name, uint64_t options, uint64_t priority, IODispatchQueue ** queue) LOCAL;

    virtual bool init() override;
    virtual void free() override;

    bool OnQueue() LOCALONLY;
    const char * GetName() LOCALONLY;
    kern_return_t Cancel(IODispatchQueueCancelHandler handler) LOCALONLY;
    void DispatchAsync(IODispatchBlock block) LOCALONLY;
    void DispatchAsync_f(void * context, IODispatchFunction function) LOCALONLY;
    void DispatchConcurrent(IODispatchBlock block) LOCALONLY;
    void DispatchConcurrent_f(void * context, IODispatchFunction function) LOCALONLY;
    void DispatchSync(IODispatchBlock block) LOCALONLY;
    void DispatchSync_f(void * context, IODispatchFunction function) LOCALONLY;
    static void Log(const char * message, IODispatchLogFunction output) LOCALONLY;
    kern_return_t RunAction(IODispatchAction action) LOCALONLY;
    kern_return_t SleepWithDeadline(void * event, uint64_t options, uint64_t deadline) LOCALONLY;
    kern_return_t SleepWithTimeout(void * event, uint64_t timeout) LOCALONLY;
    kern_return_t Sleep(void * event, uint64_t timeout) LOCALONLY;
    kern_return_t Wakeup(void * event) LOCALONLY;
    kern_return_t WakeupWithOptions(void * event, uint64_t options) LOCALONLY;
};

#undef KERNEL
#else /* __DOCUMENTATION__ */

#define IODispatchQueue_SetPort_ID            0xc437e970b5609767ULL
#define IODispatchQueue_Create_ID            0xac000428df2a91d0ULL

#define IODispatchQueue_SetPort_Args \
        mach_port_t port

#define IODispatchQueue_Create_Args \
        const char * name, \
        uint64_t options, \
        uint64_t priority, \
        IODispatchQueue ** queue

#define IODispatchQueue_Methods \
 \
public: \
 \
    virtual kern_return_t \
    Dispatch( \
        const IORPC rpc) APPLE_KEXT_OVERRIDE; \
 \
    static kern_return_t \
    _Dispatch( \
        IODispatchQueue * self, \
        const IORPC rpc); \
 \
    kern_return_t \
    SetPort( \
        mach_port_t port, \
        OSDispatchMethod supermethod = NULL); \
 \
    static kern_return_t \
    Create( \
        const char * name, \
        uint64_t options, \
        uint64_t priority, \
        IODispatchQueue ** queue); \
 \
    bool \
    OnQueue(); \
 \
    const char * \
    GetName(); \
 \
    kern_return_t \
    Cancel( \
        IODispatchQueueCancelHandler handler); \
 \
    void \
    DispatchAsync( \
        IODispatchBlock block); \
 \
    void \
    DispatchAsync_f( \
        void * context, \
        IODispatchFunction function); \
 \
    void \
    DispatchConcurrent( \
        IODispatchBlock block); \
 \
    void \
    DispatchConcurrent_f( \
        void * context, \
        IODispatchFunction function); \
 \
    void \
    DispatchSync( \
        IODispatchBlock block); \
 \
    void \
    DispatchSync_f( \
        void * context, \
        IODispatchFunction function); \
 \
    static void \
    Log( \
        const char * message, \
        IODispatchLogFunction output); \
 \
    kern_return_t \
    RunAction( \
        IODispatchAction action); \
 \
    kern_return_t \
    SleepWithDeadline( \
        void * event, \
        uint64_t options, \
        uint64_t deadline); \
 \
    kern_return_t \
    SleepWithTimeout( \
        void * event, \
        uint64_t timeout); \
 \
    kern_return_t \
    Sleep( \
        void * event, \
        uint64_t timeout); \
 \
    kern_return_t \
    Wakeup( \
        void * event); \
 \
    kern_return_t \
    WakeupWithOptions( \
        void * event, \
        uint64_t options); \
 \
protected: \
 \
    static kern_return_t \
    Create_Call(IODispatchQueue_Create_Args); \
 \
public: \
 \
    typedef kern_return_t (*SetPort_Handler)(OSMetaClassBase * target, IODispatchQueue_SetPort_Args); \
    static kern_return_t SetPort_Invoke(const IORPC rpc, OSMetaClassBase * target, SetPort_Handler func); \
 \
    typedef kern_return_t (*Create_Handler)(IODispatchQueue_Create_Args); \
    static kern_return_t Create_Invoke(const IORPC rpc, Create_Handler func); \


#define IODispatchQueue_KernelMethods \
 \
protected: \
 \
    kern_return_t \
    SetPort_Impl(IODispatchQueue_SetPort_Args); \
 \
    static kern_return_t \
    Create_Impl(IODispatchQueue_Create_Args); \


#define IODispatchQueue_VirtualMethods \
 \
public: \
 \
    virtual bool \
    init() APPLE_KEXT_OVERRIDE; \
 \
    virtual void \
    free() APPLE_KEXT_OVERRIDE; \


extern OSMetaClass * gIODispatchQueueMetaClass;
extern const OSClassLoadInformation IODispatchQueue_Class;

class IODispatchQueueMetaClass : public OSMetaClass
{
public:
    virtual kern_return_t New(OSObject * instance) override;
    virtual kern_return_t Dispatch(const IORPC rpc) override;
};

class IODispatchQueueInterface : public OSInterface
{
public:
};

struct IODispatchQueue_IVars;
struct IODispatchQueue_LocalIVars;

class IODispatchQueue : public OSObject, public IODispatchQueueInterface
{
    friend class IODispatchQueueMetaClass;

public:
#ifdef IODispatchQueue_DECLARE_IVARS
IODispatchQueue_DECLARE_IVARS
#else /* IODispatchQueue_DECLARE_IVARS */
    union
    {
        IODispatchQueue_IVars * ivars;
        IODispatchQueue_LocalIVars * lvars;
    };
#endif /* IODispatchQueue_DECLARE_IVARS */
    static OSMetaClass * sGetMetaClass() { return gIODispatchQueueMetaClass; }
    virtual const OSMetaClass * getMetaClass() const APPLE_KEXT_OVERRIDE { return gIODispatchQueueMetaClass; }

    using super = OSObject;

    IODispatchQueue_Methods
    IODispatchQueue_VirtualMethods
};

#endif /* !__DOCUMENTATION__ */



#endif

