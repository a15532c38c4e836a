// Objects that hold data: strings, bytes, numbers.
//
// Only members that do not extend a vtable are declared: their order in later SDKs is not known to us.
#ifndef OPEN_SDK_DRIVERKIT_OSCOLLECTIONS_H
#define OPEN_SDK_DRIVERKIT_OSCOLLECTIONS_H

#include <DriverKit/OSObject.h>

class OSContainer : public OSObject {};

class OSData;
class OSNumber;
class OSString;
typedef OSData * OSDataPtr;
typedef OSNumber * OSNumberPtr;
typedef OSString * OSStringPtr;

extern OSMetaClass * gOSDataMetaClass;
extern OSMetaClass * gOSNumberMetaClass;
extern OSMetaClass * gOSStringMetaClass;

class OSData : public OSContainer {
public:
    static OSDataPtr withCapacity(uint32_t capacity);
    static OSDataPtr withBytes(const void * bytes, size_t length);
    static OSDataPtr withBytesNoCopy(void * bytes, size_t length);

    size_t getLength() const;
    size_t getCapacity() const;
    bool appendBytes(const void * bytes, size_t length);
    const void * getBytesNoCopy() const;
    const void * getBytesNoCopy(size_t start, size_t length) const;
};

class OSNumber : public OSContainer {
public:
    static OSNumberPtr withNumber(uint64_t value, size_t bits);
};

class OSString : public OSContainer {
public:
    static OSStringPtr withCString(const char * text);
    static OSStringPtr withCString(const char * text, size_t length);

    size_t getLength() const;
    const char * getCStringNoCopy() const;
};

#endif
