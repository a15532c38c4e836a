//! What DriverKit's runtime knows of a class: its description, and the pointer in `__osclassinfo` by which it is found.
//!
//! Every class of an executable has one 8-byte pointer in that section; the description behind it is sent to the kernel as it is, so its layout and
//! the order of its method options are binary interface (`OSClassDescription`, IORPC.h; `registerClass`, IOUserServer.cpp).

use crate::{plan::Queued, write::Text};

/// What the runtime is told of a class.
pub(crate) struct Description<'a> {
    pub(crate) name: &'a str,
    pub(crate) base: &'a str,
    /// `kOSClassCanRemote`: a kernel class of which a driver holds stand-ins.
    pub(crate) can_remote: bool,
    pub(crate) queued: &'a [Queued],
}

/// Writes the description, the load information and the section entry of a class, and the two functions that make it and its objects.
pub(crate) fn description(it: &Description<'_>, text: &mut Text) {
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
