//! The generated header: the file as it was written, each class replaced by the declarations made from it.

use crate::{
    error::Error,
    message,
    model::{Method, Param},
    plan::{Home, Planned, PlannedClass, PlannedMethod, Role},
    write::Text,
};
use std::ops::Range;

/// Actions of their own class came with DriverKit 20; a product for an older one must not use them.
const ACTION_AVAILABILITY: &str = " __attribute__((availability(driverkit,introduced=20)))";

/// Text of `X.h`.
pub(crate) fn write(planned: &Planned) -> Result<String, Error> {
    let mut text = Text::default();
    text.line(format!("/* generated from {} */", planned.name));
    let mut rest = 0;
    for (bytes, class) in pieces(planned) {
        verbatim(planned, rest..bytes.start, &mut text);
        rest = bytes.end;
        // A class without a base is the root, which the compiler knows from OSMetaClass.h.
        if let Some(class) = class.filter(|it| !it.base.is_empty()) {
            let source = planned.text.get(bytes.clone()).unwrap_or_default();
            text.line(format!("/* class {} {}:{} */", class.class.name, planned.name, class.class.line));
            text.blank();
            text.lines([
                "#if __DOCUMENTATION__",
                "#define KERNEL IIG_KERNEL",
                "",
                source,
                "",
                "#undef KERNEL",
                "#else /* __DOCUMENTATION__ */",
                "",
            ]);
            declare(planned, class, &mut text);
            text.line("#endif /* !__DOCUMENTATION__ */");
        }
    }
    verbatim(planned, rest..planned.text.len(), &mut text);
    Ok(text.into_string())
}

/// Classes and extensions in the order of the file.
fn pieces(planned: &Planned) -> Vec<(Range<usize>, Option<&PlannedClass>)> {
    let classes = planned.classes.iter().map(|it| (it.class.bytes.clone(), Some(it)));
    let mut all: Vec<_> = classes.chain(planned.extensions.iter().map(|it| (it.clone(), None))).collect();
    all.sort_by_key(|(bytes, _)| bytes.start);
    all
}

/// Copies a stretch of the file; an included `.iig` becomes its header.
fn verbatim(planned: &Planned, bytes: Range<usize>, text: &mut Text) {
    let stretch = planned.text.get(bytes).unwrap_or_default();
    if stretch.trim().is_empty() {
        return text.blank();
    }
    for line in stretch.trim_end().lines() {
        let is_include =
            line.trim_start().strip_prefix('#').is_some_and(|it| it.trim_start().starts_with("include"));
        if is_include && (line.contains(".iig>") || line.contains(".iig\"")) {
            text.line(line.replace(".iig>", ".h>").replace(".iig\"", ".h\""));
        } else {
            text.line(line);
        }
    }
    text.blank();
}

fn declare(planned: &Planned, class: &PlannedClass, text: &mut Text) {
    let name = &class.class.name;
    for PlannedMethod { method, role } in &class.methods {
        if let Role::Message { id, .. } | Role::Action { id, .. } = role {
            text.line(format!("#define {name}_{}_ID            {id:#018x}ULL", method.name));
        }
    }
    text.blank();
    for it in class.methods.iter().filter(|it| !matches!(it.role, Role::Plain | Role::Virtual { .. })) {
        text.define(&format!("{name}_{}_Args", it.method.name), &args(planned, &it.method));
        text.blank();
    }
    text.define(&format!("{name}_Methods"), &methods(planned, class));
    text.blank();
    text.define(&format!("{name}_KernelMethods"), &kernel_methods(class));
    text.blank();
    text.define(&format!("{name}_VirtualMethods"), &virtual_methods(planned, class));
    text.blank();
    let is_native = class.class.native;
    class_declaration(
        &Shell {
            name,
            base: &class.base,
            attribute: "",
            is_native,
            dispatches: !class.class.local_only,
            interface: interface(planned, class),
        },
        text,
    );
    for it in class.methods.iter().filter(|it| matches!(it.role, Role::Action { .. })) {
        action_class(&action_name(name, &it.method), text);
    }
}

/// Name of the class whose actions call `method`.
pub(crate) fn action_name(class: &str, method: &Method) -> String {
    format!("OSAction_{class}_{}", method.name)
}

/// One line per parameter, all but the last with a comma.
fn args(planned: &Planned, method: &Method) -> Vec<String> {
    let mut parts = params(planned, method);
    if method.invoke_reply {
        parts.insert(0, "const IORPC rpc".to_string());
    }
    let last = parts.len().saturating_sub(1);
    parts
        .iter()
        .enumerate()
        .map(|(at, it)| format!("        {it}{}", if at == last { "" } else { "," }))
        .collect()
}

/// Parameters as C++ declares them.
pub(crate) fn params(planned: &Planned, method: &Method) -> Vec<String> {
    let name = |(at, it): (usize, &Param)| {
        let ty = message::declared(&planned.world, it).spelled();
        if it.name.is_empty() { format!("{ty} _param{at}") } else { format!("{ty} {}", it.name) }
    };
    method.params.iter().enumerate().map(name).collect()
}

/// `result name(params)suffix;` over some lines.
fn declaration(prefix: &str, result: &str, name: &str, params: &[String], suffix: &str) -> Vec<String> {
    let mut lines = vec![String::new(), format!("    {prefix}{result}")];
    if params.is_empty() {
        lines.push(format!("    {name}(){suffix};"));
        return lines;
    }
    lines.push(format!("    {name}("));
    let last = params.len() - 1;
    lines.extend(params.iter().enumerate().map(|(at, it)| {
        format!("        {it}{}", if at == last { format!("){suffix};") } else { ",".to_string() })
    }));
    lines
}

fn methods(planned: &Planned, class: &PlannedClass) -> Vec<String> {
    let name = &class.class.name;
    let mut lines = vec![String::new(), "public:".to_string()];
    if !class.class.local_only {
        lines.extend(dispatch_methods(name));
    }
    for PlannedMethod { method, role } in &class.methods {
        let suffix = format!("{}{}", if method.is_const { " const" } else { "" }, method.attributes);
        let prefix = if method.is_static { "static " } else { "" };
        let result = method.result.spelled();
        let mut params = params(planned, method);
        match role {
            Role::Plain => lines.extend(declaration(prefix, &result, &method.name, &params, &suffix)),
            Role::Message { .. } => {
                if !method.is_static {
                    params.push("OSDispatchMethod supermethod = NULL".to_string());
                }
                if method.reply {
                    params.insert(0, "IORPC rpc".to_string());
                }
                let result = if method.reply { "kern_return_t" } else { &result };
                lines.extend(declaration(prefix, result, &method.name, &params, &suffix));
            }
            Role::Virtual { .. } | Role::Override { .. } | Role::Action { .. } => {}
        }
    }
    for it in class.methods.iter().filter(|it| matches!(it.role, Role::Action { .. })) {
        let params = ["size_t referenceSize".to_string(), "OSAction ** action".to_string()];
        lines.extend(declaration(
            "",
            "kern_return_t",
            &format!("CreateAction{}", it.method.name),
            &params,
            ACTION_AVAILABILITY,
        ));
    }
    lines.extend([String::new(), "protected:".to_string()]);
    for it in &class.methods {
        // `LOCAL` on a static method: the method is written by hand, and calls what sends the message.
        if it.method.is_static && it.method.local && matches!(it.role, Role::Message { .. }) {
            lines.extend(implementation(name, &it.method, "Call", name));
        }
        if let Some((_, owner)) = implemented(it, name).filter(|(home, _)| *home != Home::Kernel) {
            lines.extend(implementation(name, &it.method, "Impl", owner));
        }
    }
    lines.extend([String::new(), "public:".to_string()]);
    for it in class.methods.iter().filter(|it| matches!(it.role, Role::Message { .. })) {
        lines.extend(invoke(planned, name, &it.method));
    }
    lines.push(String::new());
    lines
}

/// The way in for messages.
fn dispatch_methods(class: &str) -> Vec<String> {
    let rpc = || "const IORPC rpc".to_string();
    let mut lines = declaration("virtual ", "kern_return_t", "Dispatch", &[rpc()], " APPLE_KEXT_OVERRIDE");
    lines.extend(declaration(
        "static ",
        "kern_return_t",
        "_Dispatch",
        &[format!("{class} * self"), rpc()],
        "",
    ));
    lines
}

/// Where a method's `_Impl` lives and whose `_Args` it takes, if this class has one.
pub(crate) fn implemented<'a>(it: &'a PlannedMethod, class: &'a str) -> Option<(Home, &'a str)> {
    match &it.role {
        Role::Plain | Role::Virtual { .. } => None,
        Role::Message { home, .. } | Role::Action { home, .. } => Some((*home, class)),
        Role::Override { introduced_by, home } => Some((*home, introduced_by.as_str())),
    }
    .filter(|(home, _)| *home != Home::Nowhere)
}

fn implementation(class: &str, method: &Method, suffix: &str, owner: &str) -> Vec<String> {
    debug_assert!(!class.is_empty());
    let prefix = if method.is_static { "static " } else { "" };
    let args = format!("{owner}_{}_Args", method.name);
    vec![
        String::new(),
        format!("    {prefix}{}", method.result.spelled()),
        format!("    {}_{suffix}({args});", method.name),
    ]
}

fn kernel_methods(class: &PlannedClass) -> Vec<String> {
    let name = &class.class.name;
    let mut lines = vec![String::new(), "protected:".to_string()];
    for it in &class.methods {
        if let Some((_, owner)) = implemented(it, name).filter(|(home, _)| *home == Home::Kernel) {
            lines.extend(implementation(name, &it.method, "Impl", owner));
        }
    }
    lines.push(String::new());
    lines
}

fn virtual_methods(planned: &Planned, class: &PlannedClass) -> Vec<String> {
    let mut lines = vec![String::new(), "public:".to_string()];
    for it in class.methods.iter().filter(|it| matches!(it.role, Role::Virtual { .. })) {
        let method = &it.method;
        let suffix = format!(
            "{} APPLE_KEXT_OVERRIDE{}",
            if method.is_const { " const" } else { "" },
            method.attributes
        );
        lines.extend(declaration(
            "virtual ",
            &method.result.spelled(),
            &method.name,
            &params(planned, method),
            &suffix,
        ));
    }
    lines.push(String::new());
    lines
}

/// `M_Handler` and `M_Invoke`: how a message becomes a call.
fn invoke(planned: &Planned, class: &str, method: &Method) -> Vec<String> {
    let name = &method.name;
    let has_args = !params(planned, method).is_empty() || method.invoke_reply;
    let handler_params = match (method.is_static, has_args) {
        (true, _) => format!("{class}_{name}_Args"),
        (false, true) => format!("OSMetaClassBase * target, {class}_{name}_Args"),
        (false, false) => "OSMetaClassBase * target".to_string(),
    };
    let mut lines = vec![
        String::new(),
        format!("    typedef {} (*{name}_Handler)({handler_params});", method.result.spelled()),
    ];
    let target = if method.is_static { "" } else { "OSMetaClassBase * target, " };
    if method.params.iter().any(|it| it.target) {
        let params =
            format!("const IORPC rpc, {target}{name}_Handler func, const OSMetaClass * targetActionClass");
        lines.push(format!("    static kern_return_t {name}_Invoke({params});"));
    }
    lines.push(format!(
        "    static kern_return_t {name}_Invoke(const IORPC rpc, {target}{name}_Handler func);"
    ));
    lines
}

/// Members of the interface beside the class: its new virtual methods.
fn interface(planned: &Planned, class: &PlannedClass) -> Vec<String> {
    let mut lines = Vec::new();
    for it in class.methods.iter().filter(|it| matches!(it.role, Role::Virtual { is_new: true })) {
        let method = &it.method;
        let constant = if method.is_const { " const" } else { "" };
        let all = params(planned, method).join(", ");
        lines.push(format!("    virtual {} {}({all}){constant} = 0;", method.result.spelled(), method.name));
    }
    lines
}

struct Shell<'a> {
    name: &'a str,
    base: &'a str,
    attribute: &'a str,
    is_native: bool,
    /// It has messages, or could have.
    dispatches: bool,
    interface: Vec<String>,
}

/// The metaclass, the interface, and the class that the macros above fill.
fn class_declaration(shell: &Shell<'_>, text: &mut Text) {
    let Shell { name, base, attribute, is_native, dispatches, interface } = shell;
    text.line(format!("extern OSMetaClass * g{name}MetaClass;"));
    text.line(format!("extern const OSClassLoadInformation {name}_Class;"));
    text.blank();
    text.line(format!("class {name}MetaClass : public OSMetaClass"));
    text.lines(["{", "public:"]);
    text.line("    virtual kern_return_t New(OSObject * instance) override;");
    if *dispatches {
        text.line("    virtual kern_return_t Dispatch(const IORPC rpc) override;");
    }
    text.lines(["};", ""]);
    text.line(format!("class{attribute} {name}Interface : public OSInterface"));
    text.lines(["{", "public:"]);
    text.lines(interface);
    text.lines(["};", ""]);
    text.line(format!("struct {name}_IVars;"));
    text.line(format!("struct {name}_LocalIVars;"));
    text.blank();
    text.line(format!("class{attribute} {name} : public {base}, public {name}Interface"));
    text.line("{");
    text.line(format!("    friend class {name}MetaClass;"));
    text.lines(["", "public:"]);
    text.line(format!("#ifdef {name}_DECLARE_IVARS"));
    text.line(format!("{name}_DECLARE_IVARS"));
    text.line(format!("#else /* {name}_DECLARE_IVARS */"));
    text.lines(["    union", "    {"]);
    text.line(format!("        {name}_IVars * ivars;"));
    text.line(format!("        {name}_LocalIVars * lvars;"));
    text.line("    };");
    text.line(format!("#endif /* {name}_DECLARE_IVARS */"));
    text.line(format!("    static OSMetaClass * sGetMetaClass() {{ return g{name}MetaClass; }}"));
    if *is_native {
        text.line(format!("    virtual const OSMetaClass * getMetaClass() const APPLE_KEXT_OVERRIDE {{ return g{name}MetaClass; }}"));
    }
    text.blank();
    text.line(format!("    using super = {base};"));
    text.blank();
    text.line(format!("    {name}_Methods"));
    text.line(format!("    {name}_VirtualMethods"));
    text.lines(["};", ""]);
}

/// An action knows the class of its receiver by its own class.
fn action_class(name: &str, text: &mut Text) {
    let mut lines = vec![String::new(), "public:".to_string()];
    lines.extend(dispatch_methods(name));
    lines.push(String::new());
    text.define(&format!("{name}_Methods"), &lines);
    text.blank();
    text.define(&format!("{name}_KernelMethods"), &[String::new()]);
    text.blank();
    text.define(&format!("{name}_VirtualMethods"), &[String::new()]);
    text.blank();
    class_declaration(
        &Shell {
            name,
            base: "OSAction",
            attribute: ACTION_AVAILABILITY,
            is_native: true,
            dispatches: true,
            interface: Vec::new(),
        },
        text,
    );
}
