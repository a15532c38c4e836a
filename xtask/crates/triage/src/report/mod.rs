//! The diagnosis for people and machines.

pub mod json;
pub mod text;
