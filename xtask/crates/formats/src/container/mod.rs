//! Containers that software is shipped in: xar, cpio, zip, disk image trailers.
