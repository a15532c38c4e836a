//! What an interface may not say, and what is answered; beside each, what is fine.

use iig::{Found, Inclusion, MessageIds, Options, OwnIds, Version};

/// A small DriverKit: one message with a known id, one without, one to an action, one plain method.
const BASE: &str = "
class OSAction;
class IIG_SERIALIZABLE OSData;
class Root { virtual void retain() const LOCALONLY; };
class Base : public Root
{
    virtual bool init() LOCALONLY;
    virtual kern_return_t Known(uint32_t value) LOCAL;
    virtual kern_return_t Unknown(uint32_t value);
    virtual void Complete(OSAction * action TARGET, IOReturn status) = 0;
    virtual void CompleteUnknown(OSAction * action TARGET, IOReturn status) = 0;
    kern_return_t Plain() LOCALONLY;
};
";

const IDS: &str =
    "#define Base_Known_ID 0x8000000000000001ULL\n#define Base_Complete_ID 0x8000000000000002ULL\n";

fn generate(body: &str, options: &Options) -> Result<iig::Generated, String> {
    let resolve = |inclusion: &Inclusion| {
        let text = match inclusion.path.as_str() {
            "Base.iig" => BASE,
            "Base.h" => IDS,
            _ => return Ok(None),
        };
        Ok(Some(Found { file: inclusion.path.clone(), text: text.to_string() }))
    };
    let text = format!("#include <Base.iig>\nclass D : public Base {{\n{body}\n}};");
    iig::generate("D.iig", &text, &resolve, options).map_err(|it| it.to_string())
}

#[track_caller]
fn refused(body: &str, message: &str) {
    assert_eq!(generate(body, &Options::default()).unwrap_err(), format!("D.iig:3: {message}"));
}

#[track_caller]
fn fine(body: &str) -> iig::Generated {
    generate(body, &Options::default()).unwrap()
}

#[test]
fn an_override_needs_the_id_of_its_method() {
    fine("virtual kern_return_t Known(uint32_t value) override;");
    refused(
        "virtual kern_return_t Unknown(uint32_t value) override;",
        "the message id of `Base::Unknown` is not known",
    );
    // The keyword is not needed to override.
    refused("virtual kern_return_t Unknown(uint32_t v);", "the message id of `Base::Unknown` is not known");
}

#[test]
fn an_override_overrides_something() {
    fine("virtual bool init() override;");
    let nothing = "`Known` overrides nothing: no base of `D` has it with 2 parameters";
    refused("virtual kern_return_t Known(uint32_t a, uint32_t b) override;", nothing);
}

#[test]
fn a_plain_method_may_hide_a_message() {
    let header =
        fine("kern_return_t Known(uint32_t value) LOCALONLY;\nkern_return_t Plain() LOCALONLY;").header;
    assert!(!header.contains("Known_Impl"), "{header}");
}

#[test]
fn an_action_needs_a_message_that_is_sent_to_one() {
    fine("virtual void Done(OSAction * action, IOReturn status) TYPE(Base::Complete);");
    refused(
        "virtual void Done(OSAction * action, IOReturn status) TYPE(Base::CompleteUnknown);",
        "the message id of `Base::CompleteUnknown` is not known",
    );
    refused(
        "virtual void Done(uint32_t value) TYPE(Base::Known);",
        "`Base::Known` has no parameter with TARGET, so no action can receive it",
    );
    refused(
        "virtual void Done(OSAction * action) TYPE(Base::Complete);",
        "`Done` takes 1 parameters, `Base::Complete` sends 2",
    );
    refused(
        "virtual void Done() TYPE(Base::Nothing);",
        "`TYPE(Base::Nothing)`: there is no such method in sight",
    );
    refused(
        "virtual void Done() TYPE(Nobody::Complete);",
        "`TYPE(Nobody::Complete)`: there is no such method in sight",
    );
}

#[test]
fn actions_need_driverkit_20() {
    let body = "virtual void Done(OSAction * action, IOReturn status) TYPE(Base::Complete);";
    let at =
        |version: &str| Options { deployment_target: Some(version.parse().unwrap()), ..Options::default() };
    generate(body, &at("20.0")).unwrap();
    let message = generate(body, &at("19.0")).unwrap_err();
    assert_eq!(message, "D.iig:3: `CreateActionDone` needs DriverKit 20.0, the deployment target is older");
    assert!("20.x".parse::<Version>().is_err());
}

#[test]
fn a_message_answers_with_something_that_travels() {
    fine("virtual kern_return_t M();");
    fine("virtual uint32_t M();");
    fine("virtual OSData * M() LOCALONLY;");
    let message = "`M` is a message, so it returns `kern_return_t`, `void` or a number of at most 32 bits, not `OSData *`; LOCALONLY methods may return anything";
    refused("virtual OSData * M();", message);
}

#[test]
fn a_message_is_virtual_and_has_no_overloads() {
    refused("kern_return_t M();", "`M` is a message, so it must be `virtual` or `static`");
    let twice = "virtual kern_return_t M();\nvirtual kern_return_t M(uint32_t value);";
    refused(twice, "`D` has two methods `M` that are messages: ids know no overloads");
    fine("virtual kern_return_t M() LOCALONLY;\nvirtual kern_return_t M(uint32_t value) LOCALONLY;");
}

#[test]
fn localonly_is_never_a_message() {
    refused("virtual void M() LOCALONLY LOCAL;", "`M` is LOCALONLY, so it is never a message");
}

#[test]
fn what_only_driverkit_sends_is_refused() {
    refused("virtual kern_return_t M() INVOKEREPLY;", "`M`: REPLY and INVOKEREPLY are for DriverKit itself");
    refused(
        "virtual kern_return_t M(mach_port_t port PORTMAKESEND);",
        "`port` of `M` cannot travel in a message: only DriverKit itself sends ports",
    );
}

#[test]
fn classes_of_an_sdk_need_known_ids() {
    let sdk = Options { own_ids: OwnIds::MustBeKnown, ..Options::default() };
    let message = generate("virtual kern_return_t M();", &sdk).unwrap_err();
    assert_eq!(message, "D.iig:3: the message id of `D::M` is not known");
    let mut ids = MessageIds::default();
    ids.read("#define D_M_ID 0x1234ULL").unwrap();
    let header = generate("virtual kern_return_t M();", &Options { ids, ..sdk }).unwrap().header;
    assert!(header.contains("#define D_M_ID            0x0000000000001234ULL"), "{header}");
}

#[test]
fn a_missing_interface_is_an_error_and_a_missing_header_is_not() {
    let nothing = |_: &Inclusion| Ok(None);
    let generate = |text: &str| iig::generate("D.iig", text, &nothing, &Options::default());
    assert!(generate("#include <stdint.h>\n").is_ok());
    assert_eq!(generate("\n#include <X.iig>\n").unwrap_err().to_string(), "D.iig:2: `X.iig` is not found");
    let message = generate("class D : public Nobody { };").unwrap_err().to_string();
    assert_eq!(message, "D.iig:1: `Nobody`, the base of `D`, is not declared: include its `.iig`");
}

#[test]
fn two_classes_of_one_name_are_refused() {
    let message = generate("};\nclass D : public Base {", &Options::default()).unwrap_err();
    assert_eq!(message, "D.iig:4: `D` is already declared at D.iig:2");
}
