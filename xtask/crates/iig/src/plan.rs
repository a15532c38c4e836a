//! What each method of a class means: plain C++, a message of its own, the override of one, or the receiver of an action.

use crate::{
    Options, OwnIds, Version,
    error::Error,
    ids,
    model::{Class, Method},
    world::{Resolve, Source, World},
};
use std::ops::Range;

/// A file, ready to be written.
#[derive(Debug)]
pub(crate) struct Planned {
    /// Its name without folders.
    pub(crate) name: String,
    /// Its text as a person wrote it.
    pub(crate) text: String,
    /// How its header is included: `<Framework/X.h>` or `"X.h"`.
    pub(crate) header: String,
    /// Lines for the top of the implementation.
    pub(crate) prologue: Vec<String>,
    pub(crate) classes: Vec<PlannedClass>,
    /// Bytes of extensions, which disappear from the header.
    pub(crate) extensions: Vec<Range<usize>>,
    pub(crate) world: World,
}

/// A class, and what its methods mean.
#[derive(Debug)]
pub(crate) struct PlannedClass {
    pub(crate) class: Class,
    pub(crate) base: String,
    pub(crate) methods: Vec<PlannedMethod>,
    /// Methods, own and inherited, whose messages have a queue; sorted by id, as the kernel searches them (`queueForObject`, IOUserServer.cpp).
    pub(crate) queued: Vec<Queued>,
}

#[derive(Debug)]
pub(crate) struct PlannedMethod {
    pub(crate) method: Method,
    pub(crate) role: Role,
}

/// What a method means.
#[derive(Debug)]
pub(crate) enum Role {
    /// Plain C++, not virtual.
    Plain,
    /// Plain C++, virtual; one that is new stands on the interface beside the class.
    Virtual { is_new: bool },
    /// A message of this class.
    Message { id: u64, home: Home },
    /// An implementation of a message of the class that introduced it.
    Override { introduced_by: String, home: Home },
    /// Receives the messages of another method through an action.
    Action { id: u64, message: (String, String), home: Home },
}

/// Where the implementation of a message lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    /// In the process that holds the object, whoever that is (`LOCAL`).
    Here,
    /// In the driver; another process that holds the object sends the message on.
    Driver,
    /// In the kernel.
    Kernel,
    /// In subclasses only (`= 0`).
    Nowhere,
}

/// A method whose messages have a queue.
#[derive(Clone, Debug)]
pub(crate) struct Queued {
    pub(crate) id: u64,
    pub(crate) class: String,
    pub(crate) method: String,
    pub(crate) queue: String,
}

/// Names of classes, methods and queues are stored with one length byte, or in 96 bytes with their end (`OSClassDescription`, IORPC.h).
const MAX_NAME: usize = 95;

/// Reads and understands a file.
pub(crate) fn plan(
    name: &str,
    text: &str,
    resolve: Resolve<'_>,
    options: &Options,
) -> Result<Planned, Error> {
    let (mut world, source) = World::read(name, text, resolve, options)?;
    let classes = source.classes.iter().map(|it| class(&mut world, it, options)).collect::<Result<_, _>>()?;
    let Source { blanked, extensions, .. } = source;
    let short = name.rsplit(['/', '\\']).next().unwrap_or(name).to_string();
    let stem = short.strip_suffix(".iig").unwrap_or(&short);
    let header = match &options.framework_name {
        Some(framework) => format!("<{framework}/{stem}.h>"),
        None => format!("\"{stem}.h\""),
    };
    let extensions = extensions.into_iter().map(|it| it.bytes).collect();
    Ok(Planned {
        name: short,
        text: text.to_string(),
        header,
        prologue: blanked.implementation,
        classes,
        extensions,
        world,
    })
}

fn class(world: &mut World, name: &str, options: &Options) -> Result<PlannedClass, Error> {
    let Some(class) = world.class(name).cloned() else {
        return Err(Error::new(name, 0, "the class is gone"));
    };
    let failed = |line, message: String| Error::new(&class.file, line, message);
    if name.len() > MAX_NAME {
        return Err(failed(
            class.line,
            format!(
                "the name `{name}` is longer than {MAX_NAME} bytes, which is what a class description holds"
            ),
        ));
    }
    let Some(base) = class.base.clone() else {
        // The root is DriverKit's own (`OSMetaClassBase`, OSMetaClass.h): declared for us, written by hand for the compiler.
        return Ok(PlannedClass { base: String::new(), methods: Vec::new(), queued: Vec::new(), class });
    };
    match world.ancestry(&base).last() {
        Some(root) if root.base.is_none() => {}
        Some(open) => {
            let missing = open.base.clone().unwrap_or_default();
            return Err(failed(
                class.line,
                format!("`{missing}`, a base of `{name}`, is not declared: include its `.iig`"),
            ));
        }
        None => {
            return Err(failed(
                class.line,
                format!("`{base}`, the base of `{name}`, is not declared: include its `.iig`"),
            ));
        }
    }
    let mut methods = Vec::new();
    for method in &class.methods {
        let role = role(world, &class, method, options).map_err(|it| failed(method.line, it))?;
        methods.push(PlannedMethod { method: method.clone(), role });
    }
    let queued = queued(world, &class)?;
    Ok(PlannedClass { base, methods, queued, class })
}

fn role(world: &mut World, class: &Class, method: &Method, options: &Options) -> Result<Role, String> {
    let name = &method.name;
    if method.local_only && (method.local || method.kernel || method.action.is_some()) {
        return Err(format!("`{name}` is LOCALONLY, so it is never a message"));
    }
    // A method hides one of its name that is not virtual, and plain C++ may hide a message.
    let hides = |original: &Method| {
        !original.is_virtual
            || method.is_static
            || method.local_only && !method.is_override && !original.local_only
    };
    let overridden = world.overridden(class, method).filter(|(_, original)| !hides(original));
    let overridden = overridden.map(|(class, method)| (class.name.clone(), method.clone()));
    if let Some((introduced_by, original)) = overridden {
        if original.local_only {
            return Ok(Role::Virtual { is_new: false });
        }
        if world.ids.get(&introduced_by, name).is_none() {
            return Err(format!("the message id of `{introduced_by}::{name}` is not known"));
        }
        let home = home(class, method, method.local || original.local);
        return Ok(Role::Override { introduced_by, home });
    }
    if method.is_override {
        return Err(format!(
            "`{name}` overrides nothing: no base of `{}` has it with {} parameters",
            class.name,
            method.params.len()
        ));
    }
    if method.local_only {
        return Ok(if method.is_virtual { Role::Virtual { is_new: true } } else { Role::Plain });
    }
    if name.len() > MAX_NAME {
        return Err(format!(
            "the name `{name}` is longer than {MAX_NAME} bytes, which is what a class description holds"
        ));
    }
    let same_name = class.methods.iter().filter(|it| &it.name == name && !it.local_only).count();
    if same_name > 1 {
        return Err(format!(
            "`{}` has two methods `{name}` that are messages: ids know no overloads",
            class.name
        ));
    }
    let id = match (world.ids.get(&class.name, name), options.own_ids) {
        (Some(id), _) => id,
        (None, OwnIds::Derive) => ids::derive_id(&class.name, name, class.kernel || method.kernel),
        (None, OwnIds::MustBeKnown) => {
            return Err(format!("the message id of `{}::{name}` is not known", class.name));
        }
    };
    world.ids.insert(&class.name, name, id)?;
    let home = home(class, method, method.local);
    match &method.action {
        None if !method.is_virtual && !method.is_static => {
            Err(format!("`{name}` is a message, so it must be `virtual` or `static`"))
        }
        None => message_result(method).map(|()| Role::Message { id, home }),
        Some((target, original)) => {
            let message = action(world, class, method, target.as_deref(), original)?;
            if options.deployment_target.is_some_and(|it| it < Version { major: 20, minor: 0 }) {
                return Err(format!(
                    "`CreateAction{name}` needs DriverKit 20.0, the deployment target is older"
                ));
            }
            Ok(Role::Action { id, message, home })
        }
    }
}

/// A message answers with a status, or with nothing.
fn message_result(method: &Method) -> Result<(), String> {
    let result = method.result.spelled();
    if method.result.is_void() || is_status(&result) || SMALL.contains(&result.as_str()) {
        Ok(())
    } else {
        Err(format!(
            "`{}` is a message, so it returns `kern_return_t`, `void` or a number of at most 32 bits, not `{result}`; LOCALONLY methods may return anything",
            method.name
        ))
    }
}

/// Results that fit where a status travels: the reply of a call that did not succeed is its 32-bit result.
const SMALL: [&str; 11] = [
    "bool",
    "char",
    "int",
    "unsigned",
    "unsigned int",
    "int8_t",
    "uint8_t",
    "int16_t",
    "uint16_t",
    "int32_t",
    "uint32_t",
];

/// Whether a result is a status by its type.
pub(crate) fn is_status(result: &str) -> bool {
    matches!(result, "kern_return_t" | "IOReturn")
}

fn home(class: &Class, method: &Method, local: bool) -> Home {
    if method.is_pure {
        Home::Nowhere
    } else if method.kernel || class.kernel && (method.is_static || !local && !method.local_host) {
        Home::Kernel
    } else if local || method.local_host {
        Home::Here
    } else {
        Home::Driver
    }
}

/// The method whose messages an action delivers: it must be known, and sent to an action.
fn action(
    world: &World,
    class: &Class,
    method: &Method,
    target: Option<&str>,
    original: &str,
) -> Result<(String, String), String> {
    let start = target.unwrap_or(&class.name);
    let found = world
        .ancestry(start)
        .find_map(|class| class.methods.iter().find(|it| it.name == original).map(|it| (class, it)));
    let Some((home, message)) = found else {
        return Err(format!("`TYPE({start}::{original})`: there is no such method in sight"));
    };
    let name = format!("{}::{original}", home.name);
    if !message.params.iter().any(|it| it.target) {
        return Err(format!("`{name}` has no parameter with TARGET, so no action can receive it"));
    }
    if message.params.len() != method.params.len() {
        return Err(format!(
            "`{}` takes {} parameters, `{name}` sends {}",
            method.name,
            method.params.len(),
            message.params.len()
        ));
    }
    for (mine, sent) in method.params.iter().zip(&message.params) {
        if mine.ty.pointers.len() != sent.ty.pointers.len() {
            return Err(format!(
                "`{}` of `{}` does not fit `{}` of `{name}`",
                mine.name,
                method.name,
                sent.ty.spelled()
            ));
        }
    }
    if world.ids.get(&home.name, original).is_none() && home.name != class.name {
        return Err(format!("the message id of `{name}` is not known"));
    }
    Ok((home.name.clone(), original.to_string()))
}

fn queued(world: &World, class: &Class) -> Result<Vec<Queued>, Error> {
    let mut found: Vec<Queued> = Vec::new();
    for owner in world.ancestry(&class.name) {
        for method in owner.methods.iter().filter(|it| !it.local_only) {
            let Some(queue) = &method.queue else { continue };
            let introduced_by = world.overridden(owner, method).map_or(&owner.name, |(class, _)| &class.name);
            let Some(id) = world.ids.get(introduced_by, &method.name) else {
                return Err(Error::new(
                    &owner.file,
                    method.line,
                    format!("the message id of `{introduced_by}::{}` is not known", method.name),
                ));
            };
            if queue.len() > MAX_NAME {
                return Err(Error::new(
                    &owner.file,
                    method.line,
                    format!("the queue name `{queue}` is too long"),
                ));
            }
            // The class nearest to us has the word.
            if found.iter().all(|it| it.id != id) {
                found.push(Queued {
                    id,
                    class: introduced_by.clone(),
                    method: method.name.clone(),
                    queue: queue.clone(),
                });
            }
        }
    }
    found.sort_by_key(|it| it.id);
    Ok(found)
}
