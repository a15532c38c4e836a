//! What a property list holds.

use super::Date;

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Keys and values, in file order.
    Dict(Dict),
    /// Values, in order.
    Array(Vec<Value>),
    /// Text.
    String(String),
    /// Bytes.
    Data(Vec<u8>),
    /// A whole number; wide enough for any signed or unsigned 64 bits.
    Integer(i128),
    /// A floating point number.
    Real(f64),
    /// True or false.
    Bool(bool),
    /// A point in time.
    Date(Date),
    /// A reference inside a keyed archive (binary only).
    Uid(u64),
}

/// A dictionary that keeps its order. A key that the file has twice is here twice; [`Dict::get`] answers with the last,
/// as CoreFoundation and the kernel do.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Dict(Vec<(String, Value)>);

impl Dict {
    /// An empty one.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.iter().rev().find(|(it, _)| it == key).map(|(_, value)| value)
    }

    /// Whether `key` is there.
    pub fn contains(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Adds an entry at the end, whether or not the key is there.
    pub(crate) fn push(&mut self, key: String, value: Value) {
        self.0.push((key, value));
    }

    /// Sets `key`, in place when it is there, else at the end.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<Value>) {
        let (key, value) = (key.into(), value.into());
        match self.0.iter_mut().rev().find(|(it, _)| *it == key) {
            Some((_, old)) => *old = value,
            None => self.0.push((key, value)),
        }
    }

    /// Takes `key` out, every time it is there; the last value.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let mut last = None;
        let entries = std::mem::take(&mut self.0);
        for (name, value) in entries {
            if name == key {
                last = Some(value);
            } else {
                self.0.push((name, value));
            }
        }
        last
    }

    /// Entries in file order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Keys in file order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_str())
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<K: Into<String>, V: Into<Value>> FromIterator<(K, V)> for Dict {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        Self(entries.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}

impl Value {
    /// The value of `key`, when this is a dictionary that has it.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_dict()?.get(key)
    }

    /// This, when it is a dictionary.
    pub fn as_dict(&self) -> Option<&Dict> {
        if let Self::Dict(it) = self { Some(it) } else { None }
    }

    /// This, when it is an array.
    pub fn as_array(&self) -> Option<&[Value]> {
        if let Self::Array(it) = self { Some(it) } else { None }
    }

    /// This, when it is text.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(it) = self { Some(it) } else { None }
    }

    /// This, when it is bytes.
    pub fn as_data(&self) -> Option<&[u8]> {
        if let Self::Data(it) = self { Some(it) } else { None }
    }

    /// This, when it is true or false.
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(it) = self { Some(*it) } else { None }
    }

    /// This, when it is a whole number.
    pub fn as_integer(&self) -> Option<i128> {
        if let Self::Integer(it) = self { Some(*it) } else { None }
    }

    /// This, when it is a point in time.
    pub fn as_date(&self) -> Option<Date> {
        if let Self::Date(it) = self { Some(*it) } else { None }
    }

    /// The name of its kind, as a message says it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Dict(_) => "dictionary",
            Self::Array(_) => "array",
            Self::String(_) => "string",
            Self::Data(_) => "data",
            Self::Integer(_) => "integer",
            Self::Real(_) => "real",
            Self::Bool(_) => "boolean",
            Self::Date(_) => "date",
            Self::Uid(_) => "uid",
        }
    }

    /// Whether both say the same, the order of dictionary keys aside.
    pub fn is_same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Dict(a), Self::Dict(b)) => {
                let has = |(key, value): (&str, &Value), it: &Dict| {
                    it.get(key).is_some_and(|it| value.is_same_as(it))
                };
                a.len() == b.len() && a.iter().all(|entry| has(entry, b))
            }
            (Self::Array(a), Self::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.is_same_as(b))
            }
            _ => self == other,
        }
    }
}

/// One line for messages: `{idVendor: 1452}`, `["a", "b"]`, long data shortened.
impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Dict(it) => {
                f.write_str("{")?;
                for (index, (key, value)) in it.iter().enumerate() {
                    write!(f, "{}{key}: {value}", if index > 0 { ", " } else { "" })?;
                }
                f.write_str("}")
            }
            Self::Array(it) => {
                f.write_str("[")?;
                for (index, value) in it.iter().enumerate() {
                    write!(f, "{}{value}", if index > 0 { ", " } else { "" })?;
                }
                f.write_str("]")
            }
            Self::String(it) => write!(f, "{it:?}"),
            Self::Data(it) => write!(f, "<{} bytes>", it.len()),
            Self::Integer(it) => write!(f, "{it}"),
            Self::Real(it) => write!(f, "{it}"),
            Self::Bool(it) => write!(f, "{it}"),
            Self::Date(it) => write!(f, "{it}"),
            Self::Uid(it) => write!(f, "uid {it}"),
        }
    }
}

impl From<Dict> for Value {
    fn from(it: Dict) -> Self {
        Self::Dict(it)
    }
}
impl From<Vec<Value>> for Value {
    fn from(it: Vec<Value>) -> Self {
        Self::Array(it)
    }
}
impl From<&str> for Value {
    fn from(it: &str) -> Self {
        Self::String(it.to_owned())
    }
}
impl From<String> for Value {
    fn from(it: String) -> Self {
        Self::String(it)
    }
}
impl From<Vec<u8>> for Value {
    fn from(it: Vec<u8>) -> Self {
        Self::Data(it)
    }
}
impl From<bool> for Value {
    fn from(it: bool) -> Self {
        Self::Bool(it)
    }
}
impl From<i64> for Value {
    fn from(it: i64) -> Self {
        Self::Integer(it.into())
    }
}
impl From<Date> for Value {
    fn from(it: Date) -> Self {
        Self::Date(it)
    }
}
