//! Mach-O images and the universal files that carry several of them.
