//! The catalogue as text: one check explained, all of them listed.
