//! Checks by family, one file each.
