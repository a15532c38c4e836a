//! One image: makes room for a signature, signs, takes a signature away.

use formats::image::{Body, FileType, MachO, command::Segment};

use crate::{
    Error, Result,
    code::{Embedded, Image, Role, Settings},
};

/// `LC_CODE_SIGNATURE` (`mach-o/loader.h`) and the length of that command.
const LC_CODE_SIGNATURE: u32 = 0x1d;
const COMMAND: usize = 16;
/// The kernel wants a signature at a multiple of 16 (`codesign_allocate`).
const ALIGN: usize = 16;
/// Offsets of fields in a 64-bit header and in `LC_SEGMENT_64`.
const N_COMMANDS: usize = 16;
const SIZE_OF_COMMANDS: usize = 20;
const SEGMENT_MEMORY_SIZE: usize = 32;
const SEGMENT_FILE_SIZE: usize = 48;

/// An image without its signature, as it is before signing.
#[derive(Debug, Clone)]
pub struct Stripped {
    /// The image; its length is a multiple of 16.
    pub bytes: Vec<u8>,
    /// The signature that it had, with its padding.
    pub signature: Option<Vec<u8>>,
}

/// An image with everything in place but the signature itself.
struct Prepared {
    /// Up to where the signature begins, with its command in place.
    code: Vec<u8>,
    /// Where the command lies.
    command: usize,
    /// Where the command of `__LINKEDIT` lies.
    linkedit: usize,
    /// Where `__LINKEDIT` begins in the file.
    linkedit_start: usize,
    /// Pages of memory are this long.
    page: usize,
}

/// The image with a signature, which replaces the one it has.
pub(super) fn sign(slice: &[u8], settings: &Settings<'_>) -> Result<(Vec<u8>, Embedded)> {
    let image = MachO::read(&slice)?;
    let about = about(&image, slice)?;
    let mut prepared = prepare(&image, slice)?;
    let mut reserved = settings.reserve(&about, prepared.code.len())?;
    // A second round only when a server's timestamp is larger than any seen so far.
    for _ in 0..2 {
        let room = reserved.next_multiple_of(ALIGN);
        prepared.set_signature_size(room)?;
        let embedded = settings.embed(&about, &prepared.code)?;
        if embedded.bytes.len() <= room {
            let mut out = prepared.code;
            out.extend_from_slice(&embedded.bytes);
            out.resize(out.len() + room - embedded.bytes.len(), 0);
            return Ok((out, embedded));
        }
        reserved = embedded.bytes.len() + 1024;
    }
    Err(Error::new(format!(
        "the signature does not fit into {reserved} bytes, and changes its length each time"
    )))
}

/// The image as it is without a signature, and the signature.
pub(super) fn strip(slice: &[u8]) -> Result<Stripped> {
    let image = MachO::read(&slice)?;
    let signature =
        signature_range(&image, slice)?.map(|(start, _)| slice.get(start..).unwrap_or_default().to_vec());
    let mut prepared = prepare(&image, slice)?;
    prepared.remove_command()?;
    Ok(Stripped { bytes: prepared.code, signature })
}

/// The image with `signature` (as [`strip`] returned it) put in as it is.
pub(super) fn attach(slice: &[u8], signature: &[u8]) -> Result<Vec<u8>> {
    let image = MachO::read(&slice)?;
    let mut prepared = prepare(&image, slice)?;
    prepared.set_signature_size(signature.len())?;
    let mut out = prepared.code;
    out.extend_from_slice(signature);
    Ok(out)
}

fn about<'a>(image: &MachO, slice: &'a [u8]) -> Result<Image<'a>> {
    let text = image.segment("__TEXT").map(|it| (it.file.offset, it.file.size));
    let info = image.section("__TEXT", "__info_plist").and_then(|it| {
        let start = it.offset as usize;
        slice.get(start..start.checked_add(usize::try_from(it.size).ok()?)?)
    });
    Ok(Image {
        page_shift: page_size(image).trailing_zeros() as u8,
        text: text.unwrap_or((0, 0)),
        role: if image.filetype == FileType::EXECUTE { Role::MainExecutable } else { Role::Library },
        sdk: image.targets().first().map(|(_, _, sdk)| sdk.0),
        embedded_info: info,
    })
}

/// 16 KiB on Apple silicon, 4 KiB on Intel, as Xcode 26 signs.
fn page_size(image: &MachO) -> usize {
    if image.arch.is_x86_64() { 0x1000 } else { 0x4000 }
}

fn prepare(image: &MachO, slice: &[u8]) -> Result<Prepared> {
    refuse_unsignable(image)?;
    let (linkedit, segment) = linkedit(image)?;
    let linkedit_start = to_usize(segment.file.offset)?;
    let signed = signature_range(image, slice)?;
    let end = match signed {
        Some((start, _)) => start,
        None => {
            let end = to_usize(segment.file.end())?;
            let after =
                slice.len().checked_sub(end).ok_or_else(|| Error::new("`__LINKEDIT` ends past the file"))?;
            if after > 0 {
                return Err(Error::new(format!(
                    "{after} bytes follow `__LINKEDIT`; a signature would not cover them"
                ))
                .hint("remove what was appended to the executable"));
            }
            end
        }
    };
    let mut code = slice.get(..end).ok_or_else(|| Error::new("`__LINKEDIT` ends past the file"))?.to_vec();
    if end < linkedit_start {
        return Err(Error::new("the signature begins before `__LINKEDIT`"));
    }
    code.resize(end.next_multiple_of(ALIGN), 0);
    let command = match signed {
        Some((_, command)) => command,
        None => insert_command(image, &mut code)?,
    };
    Ok(Prepared { code, command, linkedit, linkedit_start, page: page_size(image) })
}

fn refuse_unsignable(image: &MachO) -> Result<()> {
    if !image.is_64 {
        return Err(Error::new(format!("a 32-bit image ({})", image.arch))
            .hint("take the slice out; no macOS since 10.15 runs it"));
    }
    if image.encryption_id().is_some_and(|id| id != 0) {
        return Err(Error::new("an encrypted image, whose pages are hashed in clear")
            .hint("sign the product as it was built, before the store encrypted it"));
    }
    if image.filetype == FileType::OBJECT || image.filetype == FileType::DSYM {
        let name = image.filetype.name().unwrap_or("of this type");
        return Err(Error::new(format!("a Mach-O file that is neither launched nor loaded ({name})"))
            .hint("keep objects and debug symbols out of the bundle"));
    }
    Ok(())
}

/// Start of the existing signature and of its command.
fn signature_range(image: &MachO, slice: &[u8]) -> Result<Option<(usize, usize)>> {
    let mut commands = image.commands.iter().filter(|it| it.kind == LC_CODE_SIGNATURE);
    let Some(command) = commands.next() else { return Ok(None) };
    let Body::Linkedit(range) = &command.body else {
        return Err(Error::new("`LC_CODE_SIGNATURE` cannot be read"));
    };
    if commands.next().is_some() || command.size as usize != COMMAND {
        return Err(Error::new("`LC_CODE_SIGNATURE` is there twice, or of an odd length"));
    }
    if range.end() != slice.len() as u64 {
        let what = format!("the signature ends at {:#x} and the image at {:#x}", range.end(), slice.len());
        return Err(Error::new(what).hint("build the file again; it was changed after it was signed"));
    }
    Ok(Some((to_usize(range.offset)?, to_usize(command.offset)?)))
}

fn linkedit(image: &MachO) -> Result<(usize, &Segment)> {
    let found = image.commands.iter().find_map(|it| match &it.body {
        Body::Segment(segment) if segment.name == "__LINKEDIT" => Some((it.offset, segment)),
        _ => None,
    });
    let (offset, segment) = found.ok_or_else(|| Error::new("an image without `__LINKEDIT`"))?;
    let is_last = image.segments().all(|it| it.address <= segment.address);
    if !is_last {
        return Err(Error::new("`__LINKEDIT` is not the last segment, so it cannot grow"));
    }
    Ok((to_usize(offset)?, segment))
}

/// Adds an `LC_CODE_SIGNATURE` behind the last command and returns where.
fn insert_command(image: &MachO, code: &mut [u8]) -> Result<usize> {
    let at = to_usize(image.commands_end)?;
    let end = at.saturating_add(COMMAND);
    let free = code.get(at..end).is_some_and(|it| it.iter().all(|&byte| byte == 0));
    if content_start(image) < end as u64 || !free {
        return Err(Error::new("no room in the header for `LC_CODE_SIGNATURE` (16 bytes)")
            .hint("link with `-headerpad 0x100`"));
    }
    put(code, at, &LC_CODE_SIGNATURE.to_le_bytes())?;
    put(code, at + 4, &(COMMAND as u32).to_le_bytes())?;
    let count = u32::try_from(image.commands.len() + 1).map_err(|_| Error::new("too many load commands"))?;
    put(code, N_COMMANDS, &count.to_le_bytes())?;
    put_commands_size(code, end)?;
    Ok(at)
}

/// Where the first section, or segment without sections, begins in the file.
fn content_start(image: &MachO) -> u64 {
    // Sections of zeros (S_ZEROFILL, S_GB_ZEROFILL, S_THREAD_LOCAL_ZEROFILL) have no bytes.
    let has_bytes = |flags: u32| !matches!(flags & 0xff, 0x1 | 0xc | 0x12);
    let mut start = image.size;
    for segment in image.segments() {
        let sections = segment.sections.iter().filter(|it| has_bytes(it.flags) && it.size > 0);
        let first = sections.map(|it| u64::from(it.offset)).min();
        let whole = (segment.file.size > 0 && segment.file.offset > 0).then_some(segment.file.offset);
        start = start.min(first.or(whole).unwrap_or(start));
    }
    start
}

impl Prepared {
    /// Says how long the signature will be, in its command and in `__LINKEDIT`.
    fn set_signature_size(&mut self, size: usize) -> Result<()> {
        let too_large = |_| Error::new("an image of 4 GiB or more");
        let start = u32::try_from(self.code.len()).map_err(too_large)?;
        let length = u32::try_from(size).map_err(too_large)?;
        start.checked_add(length).ok_or_else(|| Error::new("an image of 4 GiB or more"))?;
        put(&mut self.code, self.command + 8, &start.to_le_bytes())?;
        put(&mut self.code, self.command + 12, &length.to_le_bytes())?;
        self.set_linkedit_size(self.code.len() - self.linkedit_start + size)
    }

    fn set_linkedit_size(&mut self, size: usize) -> Result<()> {
        let memory = size.next_multiple_of(self.page);
        put(&mut self.code, self.linkedit + SEGMENT_MEMORY_SIZE, &(memory as u64).to_le_bytes())?;
        put(&mut self.code, self.linkedit + SEGMENT_FILE_SIZE, &(size as u64).to_le_bytes())
    }

    /// Takes the command out again; those behind it move up.
    fn remove_command(&mut self) -> Result<()> {
        let image = MachO::read(&self.code.as_slice())?;
        let end = to_usize(image.commands_end)?;
        let commands =
            self.code.get_mut(self.command..end).ok_or_else(|| Error::new("load commands past the file"))?;
        commands.rotate_left(COMMAND.min(commands.len()));
        put(&mut self.code, end - COMMAND, &[0; COMMAND])?;
        if self.linkedit > self.command {
            self.linkedit -= COMMAND;
        }
        let count =
            u32::try_from(image.commands.len() - 1).map_err(|_| Error::new("too many load commands"))?;
        put(&mut self.code, N_COMMANDS, &count.to_le_bytes())?;
        put_commands_size(&mut self.code, end - COMMAND)?;
        self.set_linkedit_size(self.code.len() - self.linkedit_start)
    }
}

fn put_commands_size(code: &mut [u8], commands_end: usize) -> Result<()> {
    /// Length of `mach_header_64`.
    const HEADER: usize = 32;
    let size = commands_end.checked_sub(HEADER).and_then(|it| u32::try_from(it).ok());
    put(
        code,
        SIZE_OF_COMMANDS,
        &size.ok_or_else(|| Error::new("load commands of an odd length"))?.to_le_bytes(),
    )
}

fn put(code: &mut [u8], at: usize, bytes: &[u8]) -> Result<()> {
    let place = at.checked_add(bytes.len()).and_then(|end| code.get_mut(at..end));
    place.ok_or_else(|| Error::new("a load command past the file"))?.copy_from_slice(bytes);
    Ok(())
}

fn to_usize(value: u64) -> Result<usize> {
    usize::try_from(value)
        .map_err(|_| Error::new(format!("offset {value:#x} is past what this machine can hold")))
}
