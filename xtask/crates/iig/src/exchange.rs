//! One method's exchange: the structs of its message and reply, the call that sends, and the code that receives.
//!
//! Struct names, member order and packing are binary interface; the kernel and other processes build the same bytes.

use crate::{
    header::params,
    message::{Field, Travel},
    model::Method,
    plan::{Planned, is_status},
    travel::{
        argument, descriptor, object_content, pack_field, pack_reply, reply_content, unpack_field,
        unpack_reply, value_content,
    },
    write::Text,
};

/// A method's message and its reply.
pub(crate) struct Message<'a> {
    class: &'a str,
    method: &'a Method,
    fields: Vec<Field<'a>>,
}

impl<'a> Message<'a> {
    pub(crate) fn new(class: &'a str, method: &'a Method, fields: Vec<Field<'a>>) -> Self {
        Message { class, method, fields }
    }

    pub(crate) fn fields(&self) -> &[Field<'a>] {
        &self.fields
    }

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

    pub(crate) fn structs(&self, text: &mut Text) {
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
    pub(crate) fn proxy(&self, planned: &Planned, text: &mut Text) {
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
        let broken = self.give("kIOReturnIPCError");
        text.line(format!("    if (kIOReturnSuccess != ret) {}", self.give("ret")));
        text.line(format!("    if (rpl->mach.msgh.msgh_size != sizeof(*rpl)) {broken}"));
        text.line(format!("    if (rpl->content.__hdr.msgid != {prefix}_ID) {broken}"));
        let n_descriptors = self.objects_out().count();
        text.line(format!("    if (rpl->mach.msgh_body.msgh_descriptor_count != {n_descriptors}) {broken}"));
        text.line(format!("    if (rpl->content.__hdr.objectRefs != {prefix}_Rpl_ObjRefs) {broken}"));
        for field in &self.fields {
            text.lines(unpack_reply(field));
        }
        text.line(format!("    {}", self.give("ret")));
        text.lines(["}", ""]);
    }

    /// The statement that ends the method with a status; a result that is no status travels as one.
    fn give(&self, status: &str) -> String {
        let result = self.method.result.spelled();
        match is_status(&result) {
            _ if self.is_oneway() => "return;".to_string(),
            true => format!("return {status};"),
            false => format!("return ({result}) {status};"),
        }
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
        let overrun = self.give("kIOReturnOverrun");
        for field in &self.fields {
            text.lines(pack_field(&prefix, field, &overrun));
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
    pub(crate) fn invoke(&self, text: &mut Text) {
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
        let status = if is_status(&self.method.result.spelled()) { "" } else { "(kern_return_t) " };
        text.line(format!("    kern_return_t ret = {status}{call};"));
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
