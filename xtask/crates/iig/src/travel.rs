//! The lines of code that one parameter adds to each part of an exchange.

use crate::message::{self, Field, Shape, Travel};

pub(crate) fn descriptor(field: &Field<'_>, travel: Travel) -> String {
    let kind = match travel {
        Travel::Reference => "mach_msg_port_descriptor_t",
        Travel::Bytes => "mach_msg_ool_descriptor_t",
    };
    format!("    {kind} {}__descriptor;", field.param.name)
}

pub(crate) fn object_content(field: &Field<'_>, travel: Travel) -> Vec<String> {
    let name = &field.param.name;
    match travel {
        Travel::Reference => vec![format!("    OSObjectRef {name};")],
        Travel::Bytes => vec![format!("    {} * {name};", field.param.ty.name)],
    }
}

/// What a parameter adds to the values of the message.
pub(crate) fn value_content(field: &Field<'_>) -> Vec<String> {
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
pub(crate) fn reply_content(field: &Field<'_>) -> Vec<String> {
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

pub(crate) fn pack_field(prefix: &str, field: &Field<'_>, overrun: &str) -> Vec<String> {
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
                "    if ({count} > sizeof(msg->content.__{name}) / sizeof(msg->content.__{name}[0])) {overrun}"
            ),
            format!("    memcpy(msg->content.__{name}, {name}, {count} * sizeof(msg->content.__{name}[0]));"),
        ],
        Shape::CountOut { of } => vec![
            format!(
                "    if (*{name} > sizeof(rpl->content.__{of}) / sizeof(rpl->content.__{of}[0])) {overrun}"
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

pub(crate) fn unpack_reply(field: &Field<'_>) -> Vec<String> {
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

pub(crate) fn unpack_field(field: &Field<'_>) -> Vec<String> {
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
pub(crate) fn argument(field: &Field<'_>) -> String {
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

pub(crate) fn pack_reply(prefix: &str, field: &Field<'_>) -> Vec<String> {
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
