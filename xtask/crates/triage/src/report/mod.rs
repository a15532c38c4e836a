//! The diagnosis for people and machines.

pub mod html;
pub mod json;
pub mod text;
