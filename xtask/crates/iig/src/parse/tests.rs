//! What the parser understands, and what it refuses.

use super::*;
use crate::{lex, model::Method};

fn parsed(text: &str) -> Result<Declarations, Error> {
    declarations("x.iig", &lex::tokens("x.iig", text).unwrap(), Strictness::Own)
}

#[track_caller]
fn refused(text: &str, message: &str) {
    assert_eq!(parsed(text).unwrap_err().to_string(), message);
}

#[track_caller]
fn method(text: &str) -> Method {
    parsed(&format!("class D : public B {{ {text} }};")).unwrap().classes[0].methods[0].clone()
}

#[test]
fn a_class_with_its_attributes() {
    let found = parsed(
        "class NATIVE KERNEL Queue : public OSObject { public: };\nclass EXTENDS (Queue) QueuePrivate { };",
    )
    .unwrap();
    assert!(found.classes[0].kernel && found.classes[0].native);
    assert_eq!(found.classes[0].base.as_deref(), Some("OSObject"));
    assert_eq!(found.classes[1].extends.as_deref(), Some("Queue"));
    assert_eq!(found.classes[1].bytes, 57..96);
}

#[test]
fn forward_classes_arrays_and_constants_are_picked_up() {
    let text = "class IIG_SERIALIZABLE OSData; class B; enum E { a, b = 1 << 4, c }; typedef const char Name[b]; typedef void (^Block)(void);";
    let found = parsed(text).unwrap();
    assert_eq!(found.forward, [("OSData".to_string(), true), ("B".to_string(), false)]);
    assert_eq!(found.enumerators[1], ("b".to_string(), Some("1<<4".to_string())));
    assert_eq!(found.arrays.len(), 1);
    assert_eq!(
        (found.arrays[0].1.element.spelled().as_str(), found.arrays[0].1.length.as_str()),
        ("const char", "b")
    );
}

#[test]
fn what_is_no_class_is_passed_over() {
    let text = "struct P { int x; int f() { return 1; } };\nextern \"C\" {\nvoid f(void);\n}\nstatic inline int g(int x) { return x; }\nclass A;";
    assert_eq!(parsed(text).unwrap().forward.len(), 1);
    let text = "struct P { int x; } __attribute__((packed));\ntypedef struct P P;\nextern int y;\nstruct { int z; } z;\nclass A;";
    assert_eq!(parsed(text).unwrap().forward.len(), 1);
}

#[test]
fn a_method_with_all_its_parts() {
    let found = method(
        "virtual kern_return_t Get(const Name name, IOService ** out, uint32_t values[32]) const override LOCAL QUEUENAME(Q);",
    );
    assert!(found.is_virtual && found.is_const && found.is_override && found.local && !found.is_pure);
    assert_eq!(found.queue.as_deref(), Some("Q"));
    assert_eq!(
        found.params.iter().map(|it| it.ty.spelled()).collect::<Vec<_>>(),
        ["const Name", "IOService **", "uint32_t"]
    );
    assert_eq!(found.params[2].array.as_deref(), Some("32"));
}

#[test]
fn an_action_names_its_method() {
    let found = method("virtual void Done(OSAction * action TARGET, IOReturn status) TYPE(Pipe::Complete);");
    assert_eq!(found.action, Some((Some("Pipe".to_string()), "Complete".to_string())));
    assert!(found.params[0].target && !found.params[1].target);
    assert_eq!(method("void f(OSAction * a TYPE(Complete));").params[0].name, "a");
}

#[test]
fn a_parameter_may_have_no_name() {
    let found = method("void f(int, const Name, Type * const, unsigned int, IOService *) LOCALONLY;");
    assert!(found.params.iter().all(|it| it.name.is_empty()));
    let types: Vec<_> = found.params.iter().map(|it| it.ty.spelled()).collect();
    assert_eq!(types, ["int", "const Name", "Type * const", "unsigned int", "IOService *"]);
}

#[test]
fn methods_of_a_plain_class_are_plain() {
    assert!(parsed("class LOCALONLY D { void f(); };").unwrap().classes[0].methods[0].local_only);
}

#[test]
fn attributes_of_the_compiler_are_kept() {
    let found = method("virtual void f() __attribute__((availability(driverkit,introduced=20.0))) = 0;");
    assert_eq!(found.attributes, " __attribute__((availability(driverkit,introduced=20.0)))");
    assert!(found.is_pure && found.params.is_empty());
}

#[test]
fn mistakes_are_named_with_their_line() {
    refused(
        "class D {\n int x;\n};",
        "x.iig:2: an interface class has methods only; state belongs into `struct D_IVars`",
    );
    refused(
        "class D {\n D();\n};",
        "x.iig:2: `D` has no result type; an interface class has no constructors",
    );
    refused("class D {\n void f(int x = 1);\n};", "x.iig:2: a default argument cannot be kept");
    refused("class D {\n void f() {}\n};", "x.iig:2: a method of an interface class has no body here");
    refused("class D {\n void f() SERVER;\n};", "x.iig:2: `SERVER` is no attribute of a method that we know");
    refused(
        "class D {\n void f() TYPE(1);\n};",
        "x.iig:2: `TYPE(1)` does not name a method as `Class::Method`",
    );
    refused(
        "class D {\n void f(void (^b)(void));\n};",
        "x.iig:2: give this function or block type a name with `typedef`",
    );
    refused(
        "class D : public A, public B {};",
        "x.iig:1: a class has one base; the interface beside it is generated",
    );
    refused("class D : private A {};", "x.iig:1: a base class must be `public`, and not virtual");
    refused("class MAYBE D {};", "x.iig:1: `MAYBE` is no attribute of a class that we know");
    refused("class D {", "x.iig:1: this `{` has no `}`");
    refused("class D {}", "x.iig:1: expected `;`, found the end of the file");
}

#[test]
fn an_included_file_may_use_attributes_we_do_not_know() {
    let text = "class D { void f() API_AVAILABLE(x) NEW_WORD; };";
    let found = declarations("x.iig", &lex::tokens("x.iig", text).unwrap(), Strictness::Included).unwrap();
    assert_eq!(found.classes[0].methods.len(), 1);
}
