//! What the portable linker leaves undone: a driver's image as Apple's linker would have written it.
//!
//! ```text
//!   lld    … LC_LOAD_DYLINKER LC_UUID LC_BUILD_VERSION LC_MAIN LC_LOAD_DYLIB …
//!   ours   … LC_LOAD_DYLINKER LC_UUID LC_BUILD_VERSION         LC_LOAD_DYLIB … LC_SOURCE_VERSION
//! ```
//! The kernel refuses a driver that has an LC_MAIN (xnu `mach_loader.c`, `setup_driver_main`): dyld starts it through
//! DriverKit instead. An image from Apple's linker has none and passes through unchanged.

use formats::image::{Body, MachO, Platform};

/// `LC_SOURCE_VERSION` (loader.h).
const LC_SOURCE_VERSION: u32 = 0x2a;
/// Its size: command, size, packed version.
const SOURCE_VERSION_SIZE: usize = 16;
/// `S_ATTR_NO_DEAD_STRIP` (loader.h): an instruction to the linker, which lld leaves in its output.
const NO_DEAD_STRIP: u32 = 0x1000_0000;
/// `ncmds` and `sizeofcmds` in the header.
const NCMDS: usize = 16;
const SIZEOFCMDS: usize = 20;
/// Sizes in a 64-bit segment command: what precedes the sections, each section, and its flags.
const SEGMENT_HEADER: usize = 72;
const SECTION: usize = 80;
const SECTION_FLAGS: usize = 64;

/// A driver's image without LC_MAIN and with LC_SOURCE_VERSION. The error is a sentence about the image.
pub fn driver(image: &[u8]) -> Result<Vec<u8>, String> {
    let macho = read_unsigned(image, Platform::DRIVERKIT)?;
    let mut bytes = image.to_vec();
    clear_linker_attributes(&macho, &mut bytes)?;
    let entries: Vec<_> = macho.commands.iter().filter(|command| is_entry(&command.body)).collect();
    let main = match entries.as_slice() {
        [] => return Ok(bytes),
        [one] => one,
        more => return Err(format!("{} entry points where there is at most one", more.len())),
    };
    if main.body != (Body::Main { entry_offset: 0, stack_size: 0 }) {
        return Err(
            "an entry point of its own: a driver has none (link with `-e __mh_execute_header`)".to_owned()
        );
    }
    if macho.commands.iter().any(|command| command.kind == LC_SOURCE_VERSION) {
        return Err("both LC_MAIN and LC_SOURCE_VERSION, which no linker that we know writes".to_owned());
    }
    let start = usize::try_from(main.offset).map_err(|error| error.to_string())?;
    let (size, end) =
        (main.size as usize, usize::try_from(macho.commands_end).map_err(|error| error.to_string())?);
    let tail =
        start.checked_add(size).filter(|tail| *tail <= end).ok_or("LC_MAIN ends past the load commands")?;
    let commands = bytes.get_mut(..end).ok_or("load commands end past the image")?;
    commands.copy_within(tail..end, start);
    let hole = end - size;
    let (command, rest) = commands
        .get_mut(hole..)
        .and_then(|hole| hole.split_at_mut_checked(SOURCE_VERSION_SIZE))
        .ok_or("LC_MAIN is smaller than LC_SOURCE_VERSION")?;
    command.fill(0);
    put(command, 0, LC_SOURCE_VERSION)?;
    put(command, 4, SOURCE_VERSION_SIZE as u32)?;
    rest.fill(0);
    let shrunk = u32::try_from(rest.len()).map_err(|error| error.to_string())?;
    let size_before = get(&bytes, SIZEOFCMDS)?;
    // One command less, one command more: ncmds stays.
    put(&mut bytes, SIZEOFCMDS, size_before.checked_sub(shrunk).ok_or("sizeofcmds is too small")?)?;
    debug_assert!(get(&bytes, NCMDS).is_ok());
    Ok(bytes)
}

/// An app's image, which needs nothing but to be what it should be.
pub fn app(image: &[u8]) -> Result<Vec<u8>, String> {
    read_unsigned(image, Platform::MACOS)?;
    Ok(image.to_vec())
}

fn read_unsigned(image: &[u8], platform: Platform) -> Result<MachO, String> {
    let macho = MachO::read(&image).map_err(|error| error.to_string())?;
    if macho.code_signature().is_some() {
        return Err("it already has a signature".to_owned());
    }
    match macho.targets().as_slice() {
        [(found, _, _)] if *found == platform => Ok(macho),
        found => Err(format!("built for {found:?}, not for {platform:?} alone")),
    }
}

fn is_entry(body: &Body) -> bool {
    matches!(body, Body::Main { .. } | Body::UnixThread)
}

/// ld does not write what only the linker needed; lld keeps it in `__osclassinfo`.
fn clear_linker_attributes(macho: &MachO, bytes: &mut [u8]) -> Result<(), String> {
    for command in &macho.commands {
        let Body::Segment(segment) = &command.body else { continue };
        for (index, section) in segment.sections.iter().enumerate() {
            if section.name != "__osclassinfo" {
                continue;
            }
            let offset = usize::try_from(command.offset).map_err(|error| error.to_string())?;
            let flags = offset + SEGMENT_HEADER + index * SECTION + SECTION_FLAGS;
            let value = get(bytes, flags)?;
            put(bytes, flags, value & !NO_DEAD_STRIP)?;
        }
    }
    Ok(())
}

fn get(bytes: &[u8], offset: usize) -> Result<u32, String> {
    formats::Bytes::new(bytes).u32_le(offset).map_err(|error| error.to_string())
}

fn put(bytes: &mut [u8], offset: usize, value: u32) -> Result<(), String> {
    let place = bytes.get_mut(offset..offset + 4).ok_or_else(|| format!("no room at {offset:#x}"))?;
    place.copy_from_slice(&value.to_le_bytes());
    Ok(())
}
