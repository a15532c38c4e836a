//! The generated implementation of a file: for each class its description, its dispatch, and the code between calls and messages.

use crate::{
    description::{Description, description},
    error::Error,
    exchange::Message,
    header::{action_name, implemented},
    message,
    model::Method,
    plan::{Home, Planned, PlannedClass, Role},
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
    if !class.class.local_only {
        dispatch(name, &base_dispatch, &dispatch_cases(class), text);
        meta_dispatch(name, &static_cases(class), text);
    }
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
        found.push(Message::new(&class.class.name, &it.method, fields));
    }
    Ok(found)
}

/// Metaclasses whose headers need not be included: objects of these classes are only passed on.
fn extern_metaclasses(planned: &Planned, class: &PlannedClass, messages: &[Message<'_>], text: &mut Text) {
    let mut names: Vec<String> = COLLECTIONS.iter().map(|it| it.to_string()).collect();
    let objects =
        messages.iter().flat_map(|it| it.fields()).filter(|it| it.object().or(it.object_out()).is_some());
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
