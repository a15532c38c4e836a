//! What an interface file declares: classes, their methods, and the parameters those take.

use std::ops::Range;

/// A class as it is written, or an extension of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Class {
    pub(crate) name: String,
    pub(crate) base: Option<String>,
    /// `EXTENDS(cls)`: this class only adds methods to that one.
    pub(crate) extends: Option<String>,
    /// `KERNEL`: implemented in the kernel; a driver holds a stand-in.
    pub(crate) kernel: bool,
    /// `NATIVE`: also implemented in the driver's process.
    pub(crate) native: bool,
    /// `LOCALONLY`: none of its methods is a message.
    pub(crate) local_only: bool,
    pub(crate) methods: Vec<Method>,
    /// File, line and bytes of the declaration, up to its `;`.
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) bytes: Range<usize>,
}

/// A method as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Method {
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) result: Type,
    pub(crate) params: Vec<Param>,
    pub(crate) is_virtual: bool,
    pub(crate) is_static: bool,
    pub(crate) is_const: bool,
    /// `= 0`: no implementation in this class.
    pub(crate) is_pure: bool,
    pub(crate) is_override: bool,
    /// `LOCALONLY`: plain C++, never a message.
    pub(crate) local_only: bool,
    /// `LOCAL`: a message that is always handled in the process that holds the object.
    pub(crate) local: bool,
    /// `KERNEL` on a method: implemented in the kernel.
    pub(crate) kernel: bool,
    /// `LOCALHOST`: flag of the message.
    pub(crate) local_host: bool,
    /// `REPLY`, `INVOKEREPLY`: plumbing inside DriverKit itself.
    pub(crate) reply: bool,
    pub(crate) invoke_reply: bool,
    /// `QUEUENAME(n)`: the queue its messages are handled on.
    pub(crate) queue: Option<String>,
    /// `TYPE(Class::Method)`: it receives that method's messages through an `OSAction`.
    pub(crate) action: Option<(Option<String>, String)>,
    /// Attributes to repeat on the declaration.
    pub(crate) attributes: String,
}

/// A parameter as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Param {
    /// Empty when it is not named, which only plain C++ may do.
    pub(crate) name: String,
    pub(crate) ty: Type,
    /// Text between the brackets of `name[…]`.
    pub(crate) array: Option<String>,
    /// `TARGET`: the action a message is sent to.
    pub(crate) target: bool,
    /// `PORTMAKESEND`, `PORTCOPYSEND`.
    pub(crate) port: bool,
}

/// A type: its words without pointers, and the pointers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Type {
    pub(crate) is_const: bool,
    /// Words without `const`, such as `unsigned int` or `IOService`.
    pub(crate) name: String,
    /// For each `*`, whether it is const itself.
    pub(crate) pointers: Vec<bool>,
}

impl Type {
    pub(crate) fn is_void(&self) -> bool {
        self.name == "void" && self.pointers.is_empty()
    }

    /// The type as it is spelled in a declaration: `const char *`.
    pub(crate) fn spelled(&self) -> String {
        let mut text = if self.is_const { format!("const {}", self.name) } else { self.name.clone() };
        if !self.pointers.is_empty() {
            text.push(' ');
        }
        for is_const in &self.pointers {
            text.push('*');
            if *is_const {
                text.push_str(" const");
            }
        }
        text
    }

    /// What one pointer less points to, without const: the type of a value that travels in a message.
    pub(crate) fn pointee(&self) -> Type {
        let mut pointers = self.pointers.clone();
        pointers.pop();
        Type { is_const: false, name: self.name.clone(), pointers }
    }
}

/// A `typedef T Name[N];`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ArrayType {
    pub(crate) element: Type,
    pub(crate) length: String,
}

/// Everything one file declares that we care about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Declarations {
    pub(crate) classes: Vec<Class>,
    /// `class X;`, and whether it says `IIG_SERIALIZABLE`.
    pub(crate) forward: Vec<(String, bool)>,
    pub(crate) arrays: Vec<(String, ArrayType)>,
    /// Enumerators, each with the text of its value, or none when it is its predecessor plus one.
    pub(crate) enumerators: Vec<(String, Option<String>)>,
}
