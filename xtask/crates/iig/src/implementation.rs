//! The generated implementation: descriptions of the classes, and the code between calls and messages.
//!
//! What must match the runtime to the byte is the layout of the `Msg` and `Rpl` structs, the class description, and the `__osclassinfo` section
//! with one pointer per class, from which DriverKit finds the classes of an executable.

use crate::{
    error::Error,
    header::{action_name, implemented, params},
    message::{self, Field, Shape, Travel},
    model::Method,
    plan::{Home, Planned, PlannedClass, Queued, Role},
    write::Text,
};

/// Every class of DriverKit's collections, as the runtime exports them.
const COLLECTIONS: [&str; 9] = [
    "OSContainer",
    "OSData",
    "OSNumber",
    "OSString",
    "OSBoolean",
    "OSDictionary",
    "OSArray",
    "OSSet",
    "OSOrderedSet",
];

/// Calling a method through its `_Handler` type: on this platform the first word of a pointer to a method that is not virtual is its address.
const CAST: &str = "\
#if __has_builtin(__builtin_load_member_function_pointer)
#define IIG_HANDLER(handler, self, method) (handler)__builtin_load_member_function_pointer(self, method)
#else
#define IIG_HANDLER(handler, self, method) iig_handler<handler>(method)
template <typename Handler, typename Method> static inline Handler iig_handler(Method method)
{
    static_assert(sizeof(Handler) <= sizeof(Method), \"a method pointer holds an address\");
    Handler handler;
    __builtin_memcpy(&handler, &method, sizeof(handler));
    return handler;
}
#endif";

/// Text of `X.iig.cpp`.
pub(crate) fn write(planned: &Planned) -> Result<String, Error> {
    let mut text = Text::default();
    text.line(format!("/* generated from {} */", planned.name));
    text.blank();
    text.lines(["#include <DriverKit/DriverKit.h>", "#include <DriverKit/IOReturn.h>"]);
    text.line(format!("#include {}", planned.header));
    text.lines(planned.prologue.iter().map(|it| include_of(it)));
    text.blank();
    text.line("// The last members of a class description are only names for what lies behind it.");
    text.line("#pragma clang diagnostic ignored \"-Wmissing-field-initializers\"");
    text.blank();
    text.line(CAST);
    text.blank();
    for class in planned.classes.iter().filter(|it| !it.base.is_empty()) {
        class_code(planned, class, &mut text)?;
    }
    Ok(text.into_string())
}

/// An `@iig implementation` line may name an interface; what is compiled is its header.
fn include_of(line: &str) -> String {
    line.replace(".iig>", ".h>").replace(".iig\"", ".h\"")
}

fn class_code(planned: &Planned, class: &PlannedClass, text: &mut Text) -> Result<(), Error> {
    let messages = messages(planned, class)?;
    messages.iter().for_each(|it| it.structs(text));
    extern_metaclasses(planned, class, &messages, text);
    let name = &class.class.name;
    description(
        &Description { name, base: &class.base, can_remote: class.class.kernel, queued: &class.queued },
        text,
    );
    let is_root = planned.world.class(&class.base).is_none_or(|it| it.base.is_none());
    let base_dispatch = match is_root {
        // The root has no class of its own to ask.
        true => format!("self->{}::Dispatch(rpc)", class.base),
        false => format!("{}::_Dispatch(self, rpc)", class.base),
    };
    dispatch(name, &base_dispatch, &dispatch_cases(class), text);
    meta_dispatch(name, &static_cases(class), text);
    messages.iter().for_each(|it| it.proxy(planned, text));
    for it in &class.methods {
        if let Role::Action { message, .. } = &it.role {
            create_action(name, &it.method, message, text);
        }
    }
    messages.iter().for_each(|it| it.invoke(text));
    for it in class.methods.iter().filter(|it| matches!(it.role, Role::Action { .. })) {
        let action = action_name(name, &it.method);
        description(&Description { name: &action, base: "OSAction", can_remote: false, queued: &[] }, text);
        dispatch(&action, "OSAction::_Dispatch(self, rpc)", &[], text);
        meta_dispatch(&action, &[], text);
    }
    Ok(())
}

fn messages<'a>(planned: &'a Planned, class: &'a PlannedClass) -> Result<Vec<Message<'a>>, Error> {
    let mut found = Vec::new();
    for it in class.methods.iter().filter(|it| matches!(it.role, Role::Message { .. })) {
        let failed = |message: String| Error::new(&class.class.file, it.method.line, message);
        if it.method.reply || it.method.invoke_reply {
            return Err(failed(format!(
                "`{}`: REPLY and INVOKEREPLY are for DriverKit itself",
                it.method.name
            )));
        }
        let fields = message::fields(&planned.world, &it.method).map_err(failed)?;
        found.push(Message { class: &class.class.name, method: &it.method, fields });
    }
    Ok(found)
}

/// Metaclasses whose headers need not be included: objects of these classes are only passed on.
fn extern_metaclasses(planned: &Planned, class: &PlannedClass, messages: &[Message<'_>], text: &mut Text) {
    let mut names: Vec<String> = COLLECTIONS.iter().map(|it| it.to_string()).collect();
    let objects =
        messages.iter().flat_map(|it| &it.fields).filter(|it| it.object().or(it.object_out()).is_some());
    names.extend(objects.map(|it| it.param.ty.name.clone()));
    let actions = class.methods.iter().filter(|it| matches!(it.role, Role::Action { .. }));
    names.extend(actions.map(|it| action_name(&class.class.name, &it.method)));
    names.sort();
    names.dedup();
    text.lines(
        names
            .iter()
            .filter(|it| planned.world.class(it).is_none())
            .map(|it| format!("extern OSMetaClass * g{it}MetaClass;")),
    );
    text.blank();
}

struct Description<'a> {
    name: &'a str,
    base: &'a str,
    /// `kOSClassCanRemote`: a kernel class of which a driver holds stand-ins.
    can_remote: bool,
    queued: &'a [Queued],
}

/// Writes the description, the load information and the section entry of a class, and the two functions that make it and its objects.
fn description(it: &Description<'_>, text: &mut Text) {
    let Description { name, base, can_remote, queued } = it;
    let n_methods = queued.len();
    let mut queues: Vec<&str> = Vec::new();
    for it in *queued {
        if !queues.contains(&it.queue.as_str()) {
            queues.push(&it.queue);
        }
    }
    text.line(format!("#define {name}_QueueNames {}", counted_strings(&queues)));
    let methods: Vec<&str> = queued.iter().map(|it| it.method.as_str()).collect();
    text.line(format!("#define {name}_MethodNames {}", counted_strings(&methods)));
    text.line(format!("#define {name}MetaClass_MethodNames \"\""));
    text.blank();
    let structure = format!("OSClassDescription_{name}_t");
    text.line(format!("struct {structure}"));
    text.lines(["{", "    OSClassDescription base;"]);
    text.line(format!("    uint64_t methodOptions[2 * {n_methods}];"));
    text.line("    uint64_t metaMethodOptions[2 * 0];");
    text.line(format!("    char queueNames[sizeof({name}_QueueNames)];"));
    text.line(format!("    char methodNames[sizeof({name}_MethodNames)];"));
    text.line(format!("    char metaMethodNames[sizeof({name}MetaClass_MethodNames)];"));
    text.lines(["};", ""]);
    text.line(format!("const {structure} OSClassDescription_{name} ="));
    text.lines(["{", "    .base =", "    {"]);
    let offset = |field: &str| format!("__builtin_offsetof({structure}, {field})");
    let fields = [
        ("descriptionSize", format!("sizeof({structure})")),
        ("name", format!("\"{name}\"")),
        ("superName", format!("\"{base}\"")),
        ("methodOptionsSize", format!("2 * sizeof(uint64_t) * {n_methods}")),
        ("methodOptionsOffset", offset("methodOptions")),
        ("metaMethodOptionsSize", "2 * sizeof(uint64_t) * 0".to_string()),
        ("metaMethodOptionsOffset", offset("metaMethodOptions")),
        ("queueNamesSize", format!("sizeof({name}_QueueNames)")),
        ("queueNamesOffset", offset("queueNames")),
        ("methodNamesSize", format!("sizeof({name}_MethodNames)")),
        ("methodNamesOffset", offset("methodNames")),
        ("metaMethodNamesSize", format!("sizeof({name}MetaClass_MethodNames)")),
        ("metaMethodNamesOffset", offset("metaMethodNames")),
        ("flags", if *can_remote { "kOSClassCanRemote" } else { "0" }.to_string()),
        ("resv1", "{0}".to_string()),
    ];
    text.lines(fields.iter().map(|(field, value)| format!("        .{field} = {value},")));
    text.lines(["    },", "    .methodOptions =", "    {"]);
    for it in *queued {
        let queue = queues.iter().position(|queue| *queue == it.queue).unwrap_or_default();
        text.line(format!("        {}_{}_ID, {queue:#018x},", it.class, it.method));
    }
    text.lines(["    },", "    .metaMethodOptions = {},"]);
    text.line(format!("    .queueNames = {name}_QueueNames,"));
    text.line(format!("    .methodNames = {name}_MethodNames,"));
    text.line(format!("    .metaMethodNames = {name}MetaClass_MethodNames,"));
    text.lines(["};", ""]);
    text.line(format!("OSMetaClass * g{name}MetaClass;"));
    text.blank();
    text.line(format!("static kern_return_t {name}_New(OSMetaClass * instance)"));
    text.line("{");
    text.line(format!("    return new(instance) {name}MetaClass ? kIOReturnSuccess : kIOReturnNoMemory;"));
    text.lines(["}", ""]);
    text.line(format!("kern_return_t {name}MetaClass::New(OSObject * instance)"));
    text.line("{");
    text.line(format!("    return new(instance) {name} ? kIOReturnSuccess : kIOReturnNoMemory;"));
    text.lines(["}", ""]);
    text.line(format!("const OSClassLoadInformation {name}_Class ="));
    text.line("{");
    text.line(format!("    .description = &OSClassDescription_{name}.base,"));
    text.line(format!("    .metaPointer = &g{name}MetaClass,"));
    text.line("    .version = 1,");
    text.line(format!("    .instanceSize = sizeof({name}),"));
    text.line("    .resv2 = {0},");
    text.line(format!("    .New = &{name}_New,"));
    text.line("    .resv3 = {0},");
    text.lines(["};", ""]);
    text.line(format!("extern const void * const g{name}_Declaration;"));
    text.line(format!("const void * const g{name}_Declaration"));
    text.line("__attribute__((used, visibility(\"hidden\"), section(\"__DATA_CONST,__osclassinfo,regular,no_dead_strip\"), no_sanitize(\"address\")))");
    text.line(format!("    = &{name}_Class;"));
    text.blank();
}

/// Strings one after the other, each behind a byte with its length. An empty literal between the pieces keeps octal digits apart.
fn counted_strings(names: &[&str]) -> String {
    let parts = names.iter().map(|it| format!(" \"\\{:03o}\" \"{it}\"", it.len()));
    format!("\"\"{}", parts.collect::<String>())
}

/// The cases of `_Dispatch`: every method with an implementation in this process.
fn dispatch_cases(class: &PlannedClass) -> Vec<String> {
    let name = &class.class.name;
    let mut lines = Vec::new();
    for it in class.methods.iter().filter(|it| !it.method.is_static) {
        let Some((home, owner)) = implemented(it, name).filter(|(home, _)| *home != Home::Kernel) else {
            continue;
        };
        let method = &it.method.name;
        // An action's messages arrive in the form of the method it receives.
        let (sender, sent, kind) = match &it.role {
            Role::Action { message: (class, sent), .. } => {
                (class.as_str(), sent, format!(", OSTypeID({})", action_name(name, &it.method)))
            }
            _ => (owner, method, String::new()),
        };
        lines.push(format!("    case {owner}_{method}_ID:"));
        if home == Home::Driver {
            lines.push("        // Someone else's object: send the message on.".to_string());
            lines.push(
                "        if (self->IsRemote()) return self->OSMetaClassBase::Dispatch(rpc);".to_string(),
            );
        }
        let handler = format!("IIG_HANDLER({sender}::{sent}_Handler, *self, &{name}::{method}_Impl)");
        lines.push(format!("        return {sender}::{sent}_Invoke(rpc, self, {handler}{kind});"));
    }
    lines
}

fn static_cases(class: &PlannedClass) -> Vec<String> {
    let name = &class.class.name;
    let mut lines = Vec::new();
    for it in class.methods.iter().filter(|it| it.method.is_static) {
        let Some((home, _)) = implemented(it, name).filter(|(home, _)| *home != Home::Kernel) else {
            continue;
        };
        debug_assert!(home != Home::Nowhere);
        let method = &it.method.name;
        lines.push(format!("    case {name}_{method}_ID:"));
        lines.push(format!("        return {name}::{method}_Invoke(rpc, &{name}::{method}_Impl);"));
    }
    lines
}

fn dispatch(name: &str, otherwise: &str, cases: &[String], text: &mut Text) {
    text.line(format!("kern_return_t {name}::Dispatch(const IORPC rpc)"));
    text.lines(["{", "    return _Dispatch(this, rpc);", "}", ""]);
    text.line(format!("kern_return_t {name}::_Dispatch({name} * self, const IORPC rpc)"));
    switch(cases, otherwise, text);
}

fn meta_dispatch(name: &str, cases: &[String], text: &mut Text) {
    text.line(format!("kern_return_t {name}MetaClass::Dispatch(const IORPC rpc)"));
    switch(cases, "OSMetaClassBase::Dispatch(rpc)", text);
}

fn switch(cases: &[String], otherwise: &str, text: &mut Text) {
    text.line("{");
    if !cases.is_empty() {
        text.lines(["    switch (IORPCMessageFromMach(rpc.message, false)->msgid)", "    {"]);
        text.lines(cases);
        text.line("    }");
    }
    text.line(format!("    return {otherwise};"));
    text.lines(["}", ""]);
}

fn create_action(class: &str, method: &Method, (sender, sent): &(String, String), text: &mut Text) {
    let (name, action) = (&method.name, action_name(class, method));
    text.line(format!("kern_return_t {class}::CreateAction{name}(size_t referenceSize, OSAction ** action)"));
    text.lines(["{", "#if defined(IOKIT_ENABLE_SHARED_PTR)"]);
    text.line(format!("    OSSharedPtr<OSString> typeName = OSString::withCString(\"{action}\");"));
    text.lines(["    OSString * name = typeName.get();", "#else"]);
    text.line(format!("    OSString * name = OSString::withCString(\"{action}\");"));
    text.lines(["#endif", "    if (!name) return kIOReturnNoMemory;"]);
    let call = format!(
        "{action}::CreateWithTypeName(this, {class}_{name}_ID, {sender}_{sent}_ID, referenceSize, name, action)"
    );
    text.line(format!("    kern_return_t ret = {call};"));
    text.lines([
        "#if !defined(IOKIT_ENABLE_SHARED_PTR)",
        "    name->release();",
        "#endif",
        "    return ret;",
        "}",
        "",
    ]);
}

/// A method's message and its reply.
struct Message<'a> {
    class: &'a str,
    method: &'a Method,
    fields: Vec<Field<'a>>,
}

impl Message<'_> {
    fn prefix(&self) -> String {
        format!("{}_{}", self.class, self.method.name)
    }

    fn is_oneway(&self) -> bool {
        self.method.result.is_void()
    }

    fn target(&self) -> Option<&str> {
        self.fields.iter().find(|it| it.param.target).map(|it| it.param.name.as_str())
    }

    /// In-objects and how they travel.
    fn objects(&self) -> impl Iterator<Item = (&Field<'_>, Travel)> {
        self.fields.iter().filter_map(|it| it.object().map(|travel| (it, travel)))
    }

    /// Out-objects and how they travel.
    fn objects_out(&self) -> impl Iterator<Item = (&Field<'_>, Travel)> {
        self.fields.iter().filter_map(|it| it.object_out().map(|travel| (it, travel)))
    }

    /// Descriptors of the message: the object it is sent to, then the objects it carries.
    fn n_descriptors(&self) -> usize {
        1 + self.objects().count()
    }

    fn structs(&self, text: &mut Text) {
        let prefix = self.prefix();
        let mut content =
            vec!["    IORPCMessage __hdr;".to_string(), "    OSObjectRef __object;".to_string()];
        content.extend(self.objects().flat_map(|(it, travel)| object_content(it, travel)));
        content.extend(self.fields.iter().flat_map(value_content));
        let mut descriptors = vec!["    mach_msg_port_descriptor_t __object__descriptor;".to_string()];
        descriptors.extend(self.objects().map(|(it, travel)| descriptor(it, travel)));
        message_structs(&format!("{prefix}_Msg"), &content, &descriptors, text);
        text.line(format!("#define {prefix}_Msg_ObjRefs ({})", self.n_descriptors()));
        text.blank();
        let mut content = vec!["    IORPCMessage __hdr;".to_string()];
        content.extend(self.objects_out().flat_map(|(it, travel)| object_content(it, travel)));
        content.extend(self.fields.iter().flat_map(reply_content));
        let descriptors: Vec<_> = self.objects_out().map(|(it, travel)| descriptor(it, travel)).collect();
        message_structs(&format!("{prefix}_Rpl"), &content, &descriptors, text);
        text.line(format!("#define {prefix}_Rpl_ObjRefs ({})", descriptors.len()));
        text.blank();
        text.line("typedef union");
        text.line("{");
        text.lines(["    const IORPC rpc;", "    struct", "    {"]);
        text.line(format!("        const struct {prefix}_Msg_With_Content * message;"));
        text.line(format!("        struct {prefix}_Rpl_With_Content * reply;"));
        text.lines(["        uint32_t sendSize;", "        uint32_t replySize;", "    };"]);
        text.line(format!("}} {prefix}_Invocation;"));
        text.blank();
    }

    /// The method itself: packs its arguments, sends, and unpacks the reply.
    fn proxy(&self, planned: &Planned, text: &mut Text) {
        let (prefix, method) = (self.prefix(), self.method);
        let called = if method.is_static && method.local {
            format!("{}_Call", method.name)
        } else {
            method.name.clone()
        };
        let mut declared = params(planned, method);
        if !method.is_static {
            // A message to an action has no super method to go through.
            declared.push(format!(
                "OSDispatchMethod{}",
                if self.target().is_some() { "" } else { " supermethod" }
            ));
        }
        let constant = if method.is_const { " const" } else { "" };
        text.line(format!(
            "{} {}::{called}({}){constant}",
            method.result.spelled(),
            self.class,
            declared.join(", ")
        ));
        text.line("{");
        text.lines(["    union", "    {"]);
        text.line(format!("        {prefix}_Msg_With_Content msg;"));
        if !self.is_oneway() {
            text.lines(["        struct", "        {"]);
            text.line(format!("            {prefix}_Rpl_With_Content rpl;"));
            text.lines(["            mach_msg_max_trailer_t trailer;", "        } rpl;"]);
        }
        text.lines(["    } buf;", "    auto msg = &buf.msg;"]);
        if !self.is_oneway() {
            text.line("    auto rpl = &buf.rpl.rpl;");
        }
        text.blank();
        self.pack(text);
        self.send(text);
        if self.is_oneway() {
            return text.lines(["}", ""]);
        }
        text.line("    if (kIOReturnSuccess != ret) return ret;");
        text.line("    if (rpl->mach.msgh.msgh_size != sizeof(*rpl)) return kIOReturnIPCError;");
        text.line(format!("    if (rpl->content.__hdr.msgid != {prefix}_ID) return kIOReturnIPCError;"));
        text.line(format!(
            "    if (rpl->mach.msgh_body.msgh_descriptor_count != {}) return kIOReturnIPCError;",
            self.objects_out().count()
        ));
        text.line(format!(
            "    if (rpl->content.__hdr.objectRefs != {prefix}_Rpl_ObjRefs) return kIOReturnIPCError;"
        ));
        for field in &self.fields {
            text.lines(unpack_reply(field));
        }
        text.lines(["    return ret;", "}", ""]);
    }

    fn pack(&self, text: &mut Text) {
        let (prefix, method) = (self.prefix(), self.method);
        let flag = |is_set: bool, name: &str| format!("{}*{name}", u8::from(is_set));
        // Simple: no object comes back, and none travels as bytes (so in all 81 messages of DriverKit's own interfaces).
        let is_simple =
            self.objects_out().count() == 0 && self.objects().all(|(_, travel)| travel == Travel::Reference);
        let flags = [
            flag(self.is_oneway(), "kIORPCMessageOneway"),
            flag(is_simple, "kIORPCMessageSimpleReply"),
            flag(method.local_host, "kIORPCMessageLocalHost"),
            flag(false, "kIORPCMessageOnqueue"),
        ];
        text.line("    memset(msg, 0, sizeof(*msg));");
        text.line("    msg->mach.msgh.msgh_id = kIORPCVersion190615;");
        text.line("    msg->mach.msgh.msgh_size = sizeof(*msg);");
        text.line(format!("    msg->content.__hdr.flags = {};", flags.join(" | ")));
        text.line(format!("    msg->content.__hdr.msgid = {prefix}_ID;"));
        let object = match (method.is_static, self.target()) {
            (true, _) => format!("OSTypeID({})", self.class),
            (false, Some(action)) => action.to_string(),
            (false, None) => "this".to_string(),
        };
        text.line(format!("    msg->content.__object = (OSObjectRef) {object};"));
        text.line(format!("    msg->content.__hdr.objectRefs = {prefix}_Msg_ObjRefs;"));
        text.line(format!("    msg->mach.msgh_body.msgh_descriptor_count = {};", self.n_descriptors()));
        text.line("    msg->__object__descriptor.type = MACH_MSG_PORT_DESCRIPTOR;");
        let overrun = if self.is_oneway() { "return" } else { "return kIOReturnOverrun" };
        for field in &self.fields {
            text.lines(pack_field(&prefix, field, overrun));
        }
        text.blank();
    }

    fn send(&self, text: &mut Text) {
        if self.is_oneway() {
            text.line("    IORPC rpc = { &msg->mach, NULL, sizeof(*msg), 0 };");
        } else {
            text.line("    IORPC rpc = { &msg->mach, &rpl->mach, sizeof(buf.msg), sizeof(buf.rpl) };");
        }
        let object = match (self.method.is_static, self.target()) {
            (true, _) => format!("OSMTypeID({})->Invoke(rpc)", self.class),
            (false, Some(action)) => format!("{action}->Invoke(rpc)"),
            (false, None) => {
                "supermethod ? supermethod((OSObject *) this, rpc) : ((OSObject *) this)->Invoke(rpc)"
                    .to_string()
            }
        };
        let start = if self.is_oneway() { "    (void) (" } else { "    kern_return_t ret = " };
        text.line(format!("{start}{object}{};", if self.is_oneway() { ")" } else { "" }));
    }

    /// `M_Invoke`: unpacks a message, calls, and packs the reply.
    fn invoke(&self, text: &mut Text) {
        let (prefix, name) = (self.prefix(), &self.method.name);
        let target = if self.method.is_static { "" } else { "OSMetaClassBase * target, " };
        let head = format!(
            "kern_return_t {}::{name}_Invoke(const IORPC _rpc, {target}{name}_Handler func",
            self.class
        );
        if self.target().is_some() {
            let pass = if self.method.is_static { "" } else { "target, " };
            text.line(format!("{head})"));
            text.line("{");
            text.line(format!("    return {name}_Invoke(_rpc, {pass}func, NULL);"));
            text.lines(["}", ""]);
            text.line(format!("{head}, const OSMetaClass * targetActionClass)"));
        } else {
            text.line(format!("{head})"));
        }
        text.line("{");
        text.line(format!("    {prefix}_Invocation rpc = {{ _rpc }};"));
        text.line("    auto message = rpc.message;");
        text.line("    auto reply = rpc.reply;");
        text.line(format!(
            "    if (message->mach.msgh_body.msgh_descriptor_count != {}) return kIOReturnIPCError;",
            self.n_descriptors()
        ));
        text.line(format!(
            "    if (message->content.__hdr.objectRefs != {prefix}_Msg_ObjRefs) return kIOReturnIPCError;"
        ));
        text.line("    if (rpc.sendSize < sizeof(*message)) return kIOReturnIPCError;");
        let no_reply = if self.is_oneway() { "reply != NULL && " } else { "reply == NULL || " };
        text.line(format!("    if ({no_reply}rpc.replySize < sizeof(*reply)) return kIOReturnIPCError;"));
        for field in &self.fields {
            text.lines(unpack_field(field));
        }
        let mut arguments = if self.method.is_static { Vec::new() } else { vec!["target".to_string()] };
        arguments.extend(self.fields.iter().map(argument));
        let call = format!("(*func)({})", arguments.join(", "));
        if self.is_oneway() {
            text.line(format!("    {call};"));
            return text.lines(["    return kIOReturnSuccess;", "}", ""]);
        }
        text.line(format!("    kern_return_t ret = {call};"));
        text.line("    if (kIOReturnSuccess != ret) return ret;");
        text.line(format!("    reply->content.__hdr.msgid = {prefix}_ID;"));
        text.line("    reply->content.__hdr.flags = kIORPCMessageOneway;");
        text.line("    reply->mach.msgh.msgh_id = kIORPCVersion190615Reply;");
        text.line("    reply->mach.msgh.msgh_size = sizeof(*reply);");
        text.line(format!(
            "    reply->mach.msgh_body.msgh_descriptor_count = {};",
            self.objects_out().count()
        ));
        text.line(format!("    reply->content.__hdr.objectRefs = {prefix}_Rpl_ObjRefs;"));
        for field in &self.fields {
            text.lines(pack_reply(&prefix, field));
        }
        text.lines(["    return ret;", "}", ""]);
    }
}

/// The three structs of one direction. Only those with descriptors are packed to 4 bytes, as mach messages are.
fn message_structs(name: &str, content: &[String], descriptors: &[String], text: &mut Text) {
    text.line(format!("struct {name}_Content"));
    text.line("{");
    text.lines(content);
    text.line("};");
    text.line("#pragma pack(4)");
    text.line(format!("struct {name}"));
    text.lines(["{", "    IORPCMessageMach mach;"]);
    text.lines(descriptors);
    text.line("};");
    text.line(format!("struct {name}_With_Content"));
    text.lines(["{", "    IORPCMessageMach mach;"]);
    text.lines(descriptors);
    text.line(format!("    {name}_Content content;"));
    text.lines(["};", "#pragma pack()"]);
}

fn descriptor(field: &Field<'_>, travel: Travel) -> String {
    let kind = match travel {
        Travel::Reference => "mach_msg_port_descriptor_t",
        Travel::Bytes => "mach_msg_ool_descriptor_t",
    };
    format!("    {kind} {}__descriptor;", field.param.name)
}

fn object_content(field: &Field<'_>, travel: Travel) -> Vec<String> {
    let name = &field.param.name;
    match travel {
        Travel::Reference => vec![format!("    OSObjectRef {name};")],
        Travel::Bytes => vec![format!("    {} * {name};", field.param.ty.name)],
    }
}

/// What a parameter adds to the values of the message.
fn value_content(field: &Field<'_>) -> Vec<String> {
    let name = &field.param.name;
    match &field.shape {
        Shape::Value | Shape::Count { .. } => vec![format!("    {} {name};", field.declared.spelled())],
        Shape::Struct => vec![format!("    {} {name};", field.param.ty.pointee().spelled())],
        Shape::CountOut { .. } => {
            vec![format!("    {} {name};", message::canonical(&field.param.ty.pointee()).spelled())]
        }
        Shape::Text { length } => {
            vec![format!("    {} {name};", field.declared.spelled()), format!("    char __{name}[{length}];")]
        }
        Shape::Elements { element, length, .. } => elements(field, element.spelled(), length),
        Shape::ValueOut | Shape::Object(_) | Shape::ObjectOut(_) | Shape::ElementsOut { .. } => Vec::new(),
    }
}

/// What a parameter adds to the values of the reply.
fn reply_content(field: &Field<'_>) -> Vec<String> {
    match &field.shape {
        Shape::ValueOut | Shape::CountOut { .. } => {
            vec![format!(
                "    {} {};",
                message::canonical(&field.param.ty.pointee()).spelled(),
                field.param.name
            )]
        }
        Shape::ElementsOut { element, length, .. } => elements(field, element.spelled(), length),
        Shape::Value
        | Shape::Struct
        | Shape::Object(_)
        | Shape::ObjectOut(_)
        | Shape::Text { .. }
        | Shape::Elements { .. }
        | Shape::Count { .. } => Vec::new(),
    }
}

/// An array stands behind a pointer that is only there for the kernel's convenience.
fn elements(field: &Field<'_>, element: String, length: &str) -> Vec<String> {
    let name = &field.param.name;
    vec![format!("    {} {name};", field.declared.spelled()), format!("    {element} __{name}[{length}];")]
}

fn pack_field(prefix: &str, field: &Field<'_>, overrun: &str) -> Vec<String> {
    let name = &field.param.name;
    match &field.shape {
        Shape::Value | Shape::Count { .. } => vec![format!("    msg->content.{name} = {name};")],
        Shape::Struct => vec![format!("    msg->content.{name} = *{name};")],
        Shape::ValueOut | Shape::ObjectOut(_) | Shape::ElementsOut { .. } => Vec::new(),
        Shape::Object(Travel::Reference) => vec![
            format!("    msg->{name}__descriptor.type = MACH_MSG_PORT_DESCRIPTOR;"),
            format!("    msg->content.{name} = (OSObjectRef) {name};"),
        ],
        Shape::Object(Travel::Bytes) => {
            let mut lines = out_of_line("msg", name, &format!("{prefix}_Msg_Content"));
            lines.push(format!("    msg->content.{name} = {name};"));
            lines
        }
        Shape::Text { .. } => {
            vec![format!("    strlcpy(msg->content.__{name}, {name}, sizeof(msg->content.__{name}));")]
        }
        Shape::Elements { count, .. } => vec![
            format!(
                "    if ({count} > sizeof(msg->content.__{name}) / sizeof(msg->content.__{name}[0])) {overrun};"
            ),
            format!("    memcpy(msg->content.__{name}, {name}, {count} * sizeof(msg->content.__{name}[0]));"),
        ],
        Shape::CountOut { of } => vec![
            format!(
                "    if (*{name} > sizeof(rpl->content.__{of}) / sizeof(rpl->content.__{of}[0])) {overrun};"
            ),
            format!("    msg->content.{name} = *{name};"),
        ],
    }
}

/// An out-of-line descriptor says where in the content its pointer stands.
fn out_of_line(direction: &str, name: &str, content: &str) -> Vec<String> {
    vec![
        format!("    {direction}->{name}__descriptor.type = MACH_MSG_OOL_DESCRIPTOR;"),
        format!("    {direction}->{name}__descriptor.copy = MACH_MSG_VIRTUAL_COPY;"),
        format!(
            "    {direction}->{name}__descriptor.address = (void *) __builtin_offsetof({content}, {name});"
        ),
    ]
}

fn unpack_reply(field: &Field<'_>) -> Vec<String> {
    let name = &field.param.name;
    match &field.shape {
        Shape::ValueOut => vec![format!("    if ({name}) *{name} = rpl->content.{name};")],
        Shape::ObjectOut(_) => vec![
            format!(
                "    *{name} = OSDynamicCast({}, (OSObject *) rpl->content.{name});",
                field.param.ty.name
            ),
            format!("    if (rpl->content.{name} && !*{name}) ret = kIOReturnBadArgument;"),
        ],
        Shape::CountOut { .. } => {
            vec![format!("    if (rpl->content.{name} < *{name}) *{name} = rpl->content.{name};")]
        }
        Shape::ElementsOut { count, .. } => vec![
            // The count may stand behind its array, so it is cut here too.
            format!("    if (rpl->content.{count} < *{count}) *{count} = rpl->content.{count};"),
            format!(
                "    memcpy({name}, rpl->content.__{name}, *{count} * sizeof(rpl->content.__{name}[0]));"
            ),
        ],
        Shape::Value
        | Shape::Struct
        | Shape::Object(_)
        | Shape::Text { .. }
        | Shape::Elements { .. }
        | Shape::Count { .. } => Vec::new(),
    }
}

fn unpack_field(field: &Field<'_>) -> Vec<String> {
    let (name, class) = (&field.param.name, &field.param.ty.name);
    match &field.shape {
        Shape::Object(travel) => {
            let cast = format!("OSDynamicCast({class}, (OSObject *) message->content.{name})");
            let value = if field.param.target {
                let exact = format!(
                    "OSMetaClassBase::safeMetaCast((OSObject *) message->content.{name}, targetActionClass)"
                );
                format!("targetActionClass ? ({class} *) {exact} : {cast}")
            } else {
                cast
            };
            let pointer = match travel {
                Travel::Reference => format!("message->content.{name}"),
                Travel::Bytes => format!("(OSObject *) message->content.{name}"),
            };
            vec![
                format!("    {class} * {name} = {value};"),
                format!("    if (!{name} && {pointer}) return kIOReturnBadArgument;"),
            ]
        }
        Shape::Text { .. } => {
            let size = format!("sizeof(message->content.__{name})");
            vec![format!(
                "    if (strnlen(message->content.__{name}, {size}) >= {size}) return kIOReturnBadArgument;"
            )]
        }
        Shape::Count { of } => cut(field.declared.spelled(), name, &format!("message->content.__{of}")),
        Shape::CountOut { of } => {
            cut(field.param.ty.pointee().spelled(), name, &format!("reply->content.__{of}"))
        }
        Shape::Value
        | Shape::ValueOut
        | Shape::Struct
        | Shape::ObjectOut(_)
        | Shape::Elements { .. }
        | Shape::ElementsOut { .. } => Vec::new(),
    }
}

/// A count that comes from outside is cut to what the array holds.
fn cut(kind: String, name: &str, array: &str) -> Vec<String> {
    vec![
        format!("    {kind} {name} = sizeof({array}) / sizeof({array}[0]);"),
        format!(
            "    if ((uint64_t) message->content.{name} < (uint64_t) {name}) {name} = message->content.{name};"
        ),
    ]
}

/// What the implementation is called with.
fn argument(field: &Field<'_>) -> String {
    let name = &field.param.name;
    match &field.shape {
        Shape::Value => format!("message->content.{name}"),
        Shape::Struct => format!("&message->content.{name}"),
        Shape::ValueOut => format!("&reply->content.{name}"),
        Shape::Object(_) | Shape::Count { .. } => name.clone(),
        Shape::ObjectOut(Travel::Reference) => format!("({} **) &reply->content.{name}", field.param.ty.name),
        Shape::ObjectOut(Travel::Bytes) => format!("&reply->content.{name}"),
        Shape::Text { .. } | Shape::Elements { .. } => format!("message->content.__{name}"),
        Shape::ElementsOut { .. } => format!("reply->content.__{name}"),
        Shape::CountOut { .. } => format!("&{name}"),
    }
}

fn pack_reply(prefix: &str, field: &Field<'_>) -> Vec<String> {
    let name = &field.param.name;
    match &field.shape {
        Shape::ObjectOut(Travel::Reference) => {
            vec![format!("    reply->{name}__descriptor.type = MACH_MSG_PORT_DESCRIPTOR;")]
        }
        Shape::ObjectOut(Travel::Bytes) => {
            let mut lines = out_of_line("reply", name, &format!("{prefix}_Rpl_Content"));
            lines.push(format!("    reply->{name}__descriptor.size = 0;"));
            lines
        }
        Shape::CountOut { .. } => vec![format!("    reply->content.{name} = {name};")],
        Shape::Value
        | Shape::ValueOut
        | Shape::Struct
        | Shape::Object(_)
        | Shape::Text { .. }
        | Shape::Elements { .. }
        | Shape::ElementsOut { .. }
        | Shape::Count { .. } => Vec::new(),
    }
}
