//! Code signatures: what a signature says and whether its parts fit together.
