//! How a method's parameters travel in its messages.
//!
//! ```text
//!  Msg   mach header │ descriptors: object, in-objects │ content: IORPCMessage, object refs, then values, structs, arrays
//!  Rpl   mach header │ descriptors: out-objects        │ content: IORPCMessage, object refs, then values, arrays
//! ```
//! Objects travel as port descriptors, serializable ones (OSData, OSString, …) as out-of-line memory; both come first in the content, in parameter
//! order. Source: generated files published for DriverKit-286 and DriverKit-427, `IORPC.h`.

use crate::{
    model::{Method, Param, Type},
    world::World,
};

/// How one parameter travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A number, an enumerator, a block.
    Value,
    /// `T *`: comes back in the reply.
    ValueOut,
    /// `const T *`: a struct sent by value.
    Struct,
    /// `X *`, and how it travels.
    Object(Travel),
    /// `X **`.
    ObjectOut(Travel),
    /// `const char name[N]`: a string, with its end inside the array.
    Text { length: String },
    /// `const T a[N]`, of which the parameter `aCount` says how many.
    Elements { element: Type, length: String, count: String },
    /// `T a[N]`, of which `aCount` points to how many.
    ElementsOut { element: Type, length: String, count: String },
    /// How many elements the named array has.
    Count { of: String },
    /// How many elements the named array can take and has got.
    CountOut { of: String },
}

/// How an object travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Travel {
    /// As a reference, in a port descriptor.
    Reference,
    /// As bytes, in an out-of-line descriptor.
    Bytes,
}

/// A parameter and how it travels.
#[derive(Debug)]
pub(crate) struct Field<'a> {
    pub(crate) param: &'a Param,
    pub(crate) declared: Type,
    pub(crate) shape: Shape,
}

impl Field<'_> {
    /// Its object's travel, when it is an object on the way in.
    pub(crate) fn object(&self) -> Option<Travel> {
        if let Shape::Object(travel) = self.shape { Some(travel) } else { None }
    }

    /// Its object's travel, when it is an object on the way out.
    pub(crate) fn object_out(&self) -> Option<Travel> {
        if let Shape::ObjectOut(travel) = self.shape { Some(travel) } else { None }
    }
}

/// The type a parameter has in C++ declarations: arrays have become pointers.
pub(crate) fn declared(world: &World, param: &Param) -> Type {
    let array = world.array(&param.ty.name).filter(|_| param.ty.pointers.is_empty());
    let mut ty = match array {
        Some(array) => {
            Type { is_const: param.ty.is_const || array.element.is_const, ..canonical(&array.element) }
        }
        None => param.ty.clone(),
    };
    if array.is_some() || param.array.is_some() {
        // `X * const a[N]` is declared as `X ** const a` (CreateWithMemoryDescriptors).
        ty.pointers.insert(0, false);
    }
    ty
}

/// How all parameters of a message travel.
pub(crate) fn fields<'a>(world: &World, method: &'a Method) -> Result<Vec<Field<'a>>, String> {
    let fields = method.params.iter().map(|param| {
        let shape = shape(world, method, param)?;
        Ok(Field { param, declared: declared(world, param), shape })
    });
    fields.collect()
}

fn shape(world: &World, method: &Method, param: &Param) -> Result<Shape, String> {
    let failed =
        |why: &str| Err(format!("`{}` of `{}` cannot travel in a message: {why}", param.name, method.name));
    if param.name.is_empty() {
        return Err(format!(
            "a parameter of `{}` has no name, so it cannot travel in a message",
            method.name
        ));
    }
    if param.port {
        return failed("only DriverKit itself sends ports");
    }
    if let Some((element, length)) = array(world, param) {
        if let Err(why) = world.length(&length) {
            return failed(&why);
        }
        if !element.pointers.is_empty() {
            return failed("arrays of pointers are not supported");
        }
        let is_const = param.ty.is_const || element.is_const;
        let element = canonical(&element.clone().pointee_free());
        let count = format!("{}Count", param.name);
        let counter = method.params.iter().find(|it| it.name == count);
        return match counter.map(|it| it.ty.pointers.len()) {
            None if element.name == "char" && is_const => Ok(Shape::Text { length }),
            None => failed(&format!("an array needs a parameter `{count}`")),
            Some(0) if is_const => Ok(Shape::Elements { element, length, count }),
            Some(1) if !is_const => Ok(Shape::ElementsOut { element, length, count }),
            Some(_) => failed(&format!(
                "a const array has a number `{count}`, one that comes back has a pointer to it"
            )),
        };
    }
    let counted = param
        .name
        .strip_suffix("Count")
        .filter(|array| method.params.iter().any(|it| it.name == *array && is_array(world, it)));
    match (param.ty.pointers.len(), counted) {
        (0, Some(of)) => return Ok(Shape::Count { of: of.to_string() }),
        (1, Some(of)) => return Ok(Shape::CountOut { of: of.to_string() }),
        _ => {}
    }
    let is_class = world.is_class(&param.ty.name);
    let travel = if world.is_serializable(&param.ty.name) { Travel::Bytes } else { Travel::Reference };
    match (param.ty.pointers.len(), is_class) {
        (0, true) => failed("an object travels as a pointer"),
        (0, false) if param.ty.name.contains(['<', '&']) => {
            failed("its type is neither a number nor a struct")
        }
        (0, false) => Ok(Shape::Value),
        (1, true) => Ok(Shape::Object(travel)),
        (2, true) => Ok(Shape::ObjectOut(travel)),
        (1, false) if param.ty.name == "void" => failed("`void *` says nothing of a size"),
        (1, false) if param.ty.is_const && param.ty.name == "char" => {
            failed("a string needs a size: `const char name[N]`")
        }
        (1, false) if param.ty.is_const => Ok(Shape::Struct),
        (1, false) => Ok(Shape::ValueOut),
        _ => failed("pointers to pointers are for objects"),
    }
}

/// Element and length, when the parameter is an array or has an array type.
fn array(world: &World, param: &Param) -> Option<(Type, String)> {
    if let Some(length) = &param.array {
        return Some((param.ty.clone(), length.clone()));
    }
    let array = world.array(&param.ty.name).filter(|_| param.ty.pointers.is_empty())?;
    Some((array.element.clone(), array.length.clone()))
}

fn is_array(world: &World, param: &Param) -> bool {
    array(world, param).is_some()
}

impl Type {
    /// The type of an element by itself.
    fn pointee_free(mut self) -> Type {
        self.is_const = false;
        self
    }
}

/// Fixed-width integers by their own names, as the generated files of Apple's tool spell the elements of array types and values that come back.
pub(crate) fn canonical(ty: &Type) -> Type {
    let name = match ty.name.as_str() {
        "uint8_t" => "unsigned char",
        "int8_t" => "signed char",
        "uint16_t" => "unsigned short",
        "int16_t" => "short",
        "uint32_t" => "unsigned int",
        "int32_t" => "int",
        "uint64_t" => "unsigned long long",
        "int64_t" => "long long",
        other => other,
    };
    Type { name: name.to_string(), ..ty.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, world::World};

    #[track_caller]
    fn check(params: &str, expected: Result<&[Shape], &str>) {
        let text = format!(
            "enum {{ kMax = 16 }}; typedef uint64_t Scalars[kMax]; typedef char Name[128]; struct S;\nclass B; class IIG_SERIALIZABLE OSData;\n\
             class OSAction;\nclass C : public B {{ virtual kern_return_t M({params}) = 0; }};"
        );
        let (world, _) = World::read("x.iig", &text, &|_| Ok(None), &Options::default()).unwrap();
        let method = world.class("C").unwrap().methods[0].clone();
        let found = fields(&world, &method).map(|it| it.into_iter().map(|it| it.shape).collect::<Vec<_>>());
        assert_eq!(found, expected.map(<[Shape]>::to_vec).map_err(str::to_string));
    }

    #[test]
    fn each_parameter_travels_by_its_type() {
        check("uint32_t a, uint8_t * b, const S * c", Ok(&[Shape::Value, Shape::ValueOut, Shape::Struct]));
        check("B * a, B ** b", Ok(&[Shape::Object(Travel::Reference), Shape::ObjectOut(Travel::Reference)]));
        check(
            "OSData * a, OSData ** b",
            Ok(&[Shape::Object(Travel::Bytes), Shape::ObjectOut(Travel::Bytes)]),
        );
        check(
            "const Name a, const char b[64]",
            Ok(&[Shape::Text { length: "128".into() }, Shape::Text { length: "64".into() }]),
        );
    }

    #[test]
    fn arrays_travel_with_their_count() {
        let long = Type { name: "unsigned long long".into(), ..Type::default() };
        let count = || "aCount".to_string();
        check(
            "const Scalars a, uint32_t aCount",
            Ok(&[
                Shape::Elements { element: long.clone(), length: "kMax".into(), count: count() },
                Shape::Count { of: "a".into() },
            ]),
        );
        check(
            "uint32_t * aCount, Scalars a",
            Ok(&[
                Shape::CountOut { of: "a".into() },
                Shape::ElementsOut { element: long, length: "kMax".into(), count: count() },
            ]),
        );
    }

    #[test]
    fn what_cannot_travel_is_refused() {
        let refused = |why: &str| format!("`a` of `M` cannot travel in a message: {why}");
        check("void * a", Err(&refused("`void *` says nothing of a size")));
        check("const char * a", Err(&refused("a string needs a size: `const char name[N]`")));
        check("B a", Err(&refused("an object travels as a pointer")));
        check("uint32_t a[4]", Err(&refused("an array needs a parameter `aCount`")));
        check(
            "const uint32_t a[kUnknown], uint32_t aCount",
            Err(&refused("the length `kUnknown` is not a known positive number")),
        );
        check(
            "const uint32_t a[0], uint32_t aCount",
            Err(&refused("the length `0` is not a known positive number")),
        );
        check("mach_port_t a PORTMAKESEND", Err(&refused("only DriverKit itself sends ports")));
    }
}
