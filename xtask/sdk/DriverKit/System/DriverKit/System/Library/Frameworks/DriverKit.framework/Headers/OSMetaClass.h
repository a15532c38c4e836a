// The root of all DriverKit classes, and the casts that take the place of C++'s own.
//
// Members and the order of virtual methods are binary interface. They were compared with the vtables of a shipped driver
// (Karabiner-DriverKit-VirtualHIDDevice 7.3.0): getMetaClass, retain, release, isEqualTo, Dispatch, then New in a metaclass.
#ifndef OPEN_SDK_DRIVERKIT_OSMETACLASS_H
#define OPEN_SDK_DRIVERKIT_OSMETACLASS_H

#include <stddef.h>
#include <stdint.h>
#include <DriverKit/IORPC.h>
#include <DriverKit/IOReturn.h>

class OSMetaClass;
class OSObject;
struct OSMetaClassPrivate;

// What the `__osclassinfo` section points to, once per class.
struct OSClassLoadInformation {
    const OSClassDescription * description;
    OSMetaClass ** metaPointer;
    uint32_t version;
    uint32_t instanceSize;
    uint64_t resv2[8];
    kern_return_t (*New)(OSMetaClass * instance);
    uint64_t resv3[8];
};

class OSMetaClassBase {
public:
    _Atomic mutable int32_t refcount;
    int32_t reserved;
    OSMetaClass * meta;

    // The runtime allocates; `new` only fills what it is given.
    inline void * operator new(size_t, void * place) { return place; }

    static OSMetaClassBase * safeMetaCast(const OSMetaClassBase * object, const OSMetaClass * to);
    static OSMetaClassBase * requiredMetaCast(const OSMetaClassBase * object, const OSMetaClass * to);

    bool IsRemote();
    const OSMetaClass * GetClass();
    const char * GetClassName();

    virtual const OSMetaClass * getMetaClass() const;
    virtual void retain() const;
    virtual void release() const;
    virtual bool isEqualTo(const OSMetaClassBase * object) const;
    virtual kern_return_t Dispatch(IORPC rpc);

    kern_return_t Invoke(IORPC rpc);
};

class OSMetaClass : public OSMetaClassBase {
public:
    OSMetaClassPrivate * metaClassPrivate;

    virtual kern_return_t New(OSObject * instance) = 0;
};

class OSInterface {};

extern kern_return_t OSObjectAllocate(OSMetaClass * meta, OSObject ** object);

#define SUPERDISPATCH ((OSDispatchMethod) &super::_Dispatch)

#define OSTypeID(type) g##type##MetaClass
#define OSMTypeID(type) OSTypeID(type)
#define OSTypeIDInst(object) (object)->GetClass()

// NULL when `object` is NULL or of another class.
#define OSDynamicCast(type, object) ((object) ? ((type *) OSMetaClassBase::safeMetaCast((object), OSTypeID(type))) : NULL)
// Ends the process when `object` is of another class.
#define OSRequiredCast(type, object) ((object) ? ((type *) OSMetaClassBase::requiredMetaCast((object), OSTypeID(type))) : NULL)

#define OSTypeAlloc(type)                                                                         \
    ({                                                                                            \
        type * _instance = NULL;                                                                  \
        if (OSObjectAllocate(OSTypeID(type), (OSObject **) &_instance) != kIOReturnSuccess) {     \
            _instance = NULL;                                                                     \
        }                                                                                         \
        _instance;                                                                                \
    })

#define OSSafeReleaseNULL(object)  \
    do {                           \
        if (object) {              \
            (object)->release();   \
            (object) = NULL;       \
        }                          \
    } while (0)

#define APPLE_KEXT_OVERRIDE override

#endif
