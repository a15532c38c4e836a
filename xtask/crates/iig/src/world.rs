//! All that the generated file can see: the classes, types and message ids of it and of everything it includes.

use crate::{
    Options, condition,
    error::Error,
    ids::MessageIds,
    lex,
    model::{ArrayType, Class, Declarations, Method},
    parse::{self, Strictness},
    preprocess::{self, Blanked, Defines, Inclusion},
};
use std::collections::{BTreeMap, BTreeSet};

/// What an inclusion resolved to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Which file it is, for messages and so that it is read once.
    pub file: String,
    /// Its text.
    pub text: String,
}

/// Answers what an inclusion names: `Ok(None)` when there is no such file.
///
/// A missing `.iig` is an error; a missing plain header is left to the compiler, which sees the same line in the generated header. For each `.iig` the
/// `.h` beside it is asked for too (as an inclusion of that name), because in an SDK that is where the message ids stand.
pub type Resolve<'a> = &'a dyn Fn(&Inclusion) -> Result<Option<Found>, String>;

/// DriverKit and the families together have some 300 headers.
const MAX_FILES: usize = 4096;
/// Headers include each other some ten deep.
const MAX_DEPTH: usize = 64;
/// The longest chain in DriverKit has six classes.
const MAX_ANCESTORS: usize = 64;

/// The classes, types and ids in sight.
#[derive(Debug, Default)]
pub(crate) struct World {
    classes: BTreeMap<String, Class>,
    /// Class names that were only declared, and whether they are serializable.
    forward: BTreeMap<String, bool>,
    arrays: BTreeMap<String, ArrayType>,
    constants: Defines,
    pub(crate) ids: MessageIds,
}

/// The file that is generated from.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) blanked: Blanked,
    /// Names of its classes, in order, without extensions.
    pub(crate) classes: Vec<String>,
    /// Its extensions.
    pub(crate) extensions: Vec<Class>,
}

impl World {
    /// Reads `text` and, through `resolve`, all that it includes.
    pub(crate) fn read(
        name: &str,
        text: &str,
        resolve: Resolve<'_>,
        options: &Options,
    ) -> Result<(World, Source), Error> {
        let mut world = World { ids: options.ids.clone(), ..World::default() };
        let mut defines = options.defines.clone();
        defines.insert("__IIG".to_string(), "1".to_string());
        let mut reader =
            Reader { world: &mut world, resolve, visited: BTreeSet::from([name.to_string()]), depth: 0 };
        let (blanked, found) = reader.file(name, text, &mut defines, Strictness::Own)?;
        let classes =
            found.classes.iter().filter(|it| it.extends.is_none()).map(|it| it.name.clone()).collect();
        let extensions = found.classes.iter().filter(|it| it.extends.is_some()).cloned().collect();
        world.constants.extend(defines);
        Ok((world, Source { blanked, classes, extensions }))
    }

    pub(crate) fn class(&self, name: &str) -> Option<&Class> {
        self.classes.get(name)
    }

    /// Whether `name` is a class, so that a pointer to it is an object.
    pub(crate) fn is_class(&self, name: &str) -> bool {
        self.classes.contains_key(name) || self.forward.contains_key(name)
    }

    /// Whether objects of this class travel as bytes rather than as a reference.
    pub(crate) fn is_serializable(&self, name: &str) -> bool {
        self.forward.get(name).copied().unwrap_or(false)
    }

    pub(crate) fn array(&self, name: &str) -> Option<&ArrayType> {
        self.arrays.get(name)
    }

    /// Value of an array's length.
    pub(crate) fn length(&self, text: &str) -> Result<u64, String> {
        match condition::evaluate(text, &self.constants).map(u64::try_from) {
            Ok(Ok(length)) if length > 0 && !self.mentions_unknown(text) => Ok(length),
            _ => Err(format!("the length `{text}` is not a known positive number")),
        }
    }

    /// In a condition an unknown name is 0; in a length it is a mistake.
    fn mentions_unknown(&self, text: &str) -> bool {
        text.split(|it: char| !it.is_ascii_alphanumeric() && it != '_').any(|it| {
            it.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_')
                && !self.constants.contains_key(it)
        })
    }

    /// The classes from `name` up to the root, `name` first.
    pub(crate) fn ancestry<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Class> {
        std::iter::successors(self.class(name), |class| self.class(class.base.as_deref()?))
            .take(MAX_ANCESTORS)
    }

    /// The method that `method` of `class` overrides, with the class that introduced it.
    pub(crate) fn overridden(&self, class: &Class, method: &Method) -> Option<(&Class, &Method)> {
        let types: Vec<String> = method.params.iter().map(|it| it.ty.spelled()).collect();
        // The introducing class is the last one up the chain that has it.
        let base = class.base.as_deref()?;
        self.ancestry(base).filter_map(|class| Some((class, best(class, method, &types)?))).last()
    }
}

/// The method of `class` that `method` repeats: of overloads, the one with the same types.
fn best<'a>(class: &'a Class, method: &Method, types: &[String]) -> Option<&'a Method> {
    let mut same = class.methods.iter().filter(|it| it.name == method.name && it.params.len() == types.len());
    let exact = |it: &&Method| it.params.iter().zip(types).all(|(param, ty)| &param.ty.spelled() == ty);
    same.clone().find(exact).or_else(|| same.next())
}

struct Reader<'a> {
    world: &'a mut World,
    resolve: Resolve<'a>,
    visited: BTreeSet<String>,
    depth: usize,
}

impl Reader<'_> {
    fn file(
        &mut self,
        name: &str,
        text: &str,
        defines: &mut Defines,
        strictness: Strictness,
    ) -> Result<(Blanked, Declarations), Error> {
        let blanked = preprocess::blank(name, text, defines, &mut |inclusion, defines| {
            self.include(&inclusion, defines)
        })?;
        let found = match lex::tokens(name, &blanked.text)
            .and_then(|tokens| parse::declarations(name, &tokens, strictness))
        {
            Ok(found) => found,
            // A plain header may hold any C++; only what we could read of it is used.
            Err(_) if strictness == Strictness::Plain => Declarations::default(),
            Err(error) => return Err(error),
        };
        self.keep(&found)?;
        Ok((blanked, found))
    }

    fn include(&mut self, inclusion: &Inclusion, defines: &mut Defines) -> Result<(), Error> {
        let failed = |message: String| Error::new(&inclusion.from, inclusion.line, message);
        let is_interface = inclusion.path.ends_with(".iig");
        let Some(found) = (self.resolve)(inclusion)
            .map_err(|it| failed(format!("cannot read `{}`: {it}", inclusion.path)))?
        else {
            return if is_interface {
                Err(failed(format!("`{}` is not found", inclusion.path)))
            } else {
                Ok(())
            };
        };
        if !self.visited.insert(found.file.clone()) {
            return Ok(());
        }
        if self.visited.len() > MAX_FILES || self.depth >= MAX_DEPTH {
            return Err(failed("includes are too many, or too deep".to_string()));
        }
        if is_interface {
            self.generated_ids(inclusion, &failed)?;
        }
        self.depth += 1;
        let strictness = if is_interface { Strictness::Included } else { Strictness::Plain };
        let outcome = self.file(&found.file, &found.text, defines, strictness);
        self.depth -= 1;
        match outcome {
            // Only a compiler can judge a plain header; ours is a look at its constants.
            Err(_) if strictness == Strictness::Plain => Ok(()),
            outcome => outcome.map(|_| ()),
        }
    }

    /// Reads the ids from the generated header beside an interface.
    fn generated_ids(
        &mut self,
        inclusion: &Inclusion,
        failed: &dyn Fn(String) -> Error,
    ) -> Result<(), Error> {
        let path = format!("{}.h", inclusion.path.trim_end_matches(".iig"));
        let header = Inclusion { path, ..inclusion.clone() };
        match (self.resolve)(&header) {
            Ok(Some(found)) => self
                .world
                .ids
                .read(&found.text)
                .map(|_| ())
                .map_err(|it| failed(format!("`{}`: {it}", header.path))),
            Ok(None) => Ok(()),
            Err(message) => Err(failed(format!("cannot read `{}`: {message}", header.path))),
        }
    }

    fn keep(&mut self, found: &Declarations) -> Result<(), Error> {
        for (name, serializable) in &found.forward {
            *self.world.forward.entry(name.clone()).or_default() |= serializable;
        }
        self.world.arrays.extend(found.arrays.iter().cloned());
        let mut previous = "-1".to_string();
        for (name, value) in &found.enumerators {
            let value = value.clone().unwrap_or_else(|| format!("({previous})+1"));
            // Enumerators that only a compiler can compute are left out, and missed only where one is a length.
            if let Ok(value) = condition::evaluate(&value, &self.world.constants) {
                previous = value.to_string();
                self.world.constants.insert(name.clone(), previous.clone());
            }
        }
        for class in found.classes.iter().filter(|it| it.extends.is_none()) {
            if let Some(earlier) = self.world.classes.insert(class.name.clone(), class.clone()) {
                let message =
                    format!("`{}` is already declared at {}:{}", class.name, earlier.file, earlier.line);
                return Err(Error::new(&class.file, class.line, message));
            }
        }
        for extension in &found.classes {
            let Some(name) = &extension.extends else { continue };
            let Some(class) = self.world.classes.get_mut(name) else {
                return Err(Error::new(
                    &extension.file,
                    extension.line,
                    format!("`{name}`, which this extends, is not declared"),
                ));
            };
            // The methods of extensions come first (seen in every generated header that has some).
            let local_only = class.local_only;
            let methods = extension.methods.iter().cloned();
            class
                .methods
                .splice(0..0, methods.map(|it| Method { local_only: it.local_only || local_only, ..it }));
        }
        Ok(())
    }
}
