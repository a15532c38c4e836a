//! One image: makes room for a signature, signs, takes a signature away.

use formats::{
    Source,
    image::{Body, FileType, MachO, command::Segment},
};

use super::edited::{Edited, Piece, to_usize};
use crate::{
    Error, Result,
    code::{Embedded, Image, Role, Settings},
};

/// `LC_CODE_SIGNATURE` (`mach-o/loader.h`) and the length of that command.
const LC_CODE_SIGNATURE: u32 = 0x1d;
const COMMAND: usize = 16;
/// The kernel wants a signature at a multiple of 16 (`codesign_allocate`).
const ALIGN: u64 = 16;
/// Offsets of fields in a 64-bit header and in `LC_SEGMENT_64`.
const N_COMMANDS: usize = 16;
const SIZE_OF_COMMANDS: usize = 20;
const SEGMENT_MEMORY_SIZE: usize = 32;
const SEGMENT_FILE_SIZE: usize = 48;

/// The largest `__info_plist` that is taken for one; real ones have a few KiB.
const MAX_INFO: u64 = 16 << 20;
/// The largest signature that is taken off: a code directory of 4 GiB of code has 32 MiB.
const MAX_SIGNATURE: u64 = 128 << 20;

/// An image without its signature, as it is before signing.
#[derive(Debug)]
pub(super) struct Stripped<'a> {
    /// The image; its length is a multiple of 16.
    pub image: Edited<'a>,
    /// The signature that it had, with its padding.
    pub signature: Option<Vec<u8>>,
}

/// An image with everything in place but the signature itself.
struct Prepared<'a> {
    slice: &'a dyn Source,
    /// Header and load commands, with that of the signature in place.
    head: Vec<u8>,
    /// How far the image is kept.
    kept: u64,
    /// Where the command lies.
    command: usize,
    /// Where the command of `__LINKEDIT` lies.
    linkedit: usize,
    /// Where `__LINKEDIT` begins in the file.
    linkedit_start: u64,
    /// Where the commands end.
    commands_end: usize,
    /// How many there are.
    n_commands: u32,
    /// Pages of memory are this long.
    page: u64,
}

/// The image with a signature, which replaces the one it has.
pub(super) fn sign<'a>(slice: &'a dyn Source, settings: &Settings<'_>) -> Result<(Edited<'a>, Embedded)> {
    let image = MachO::read(slice)?;
    let about = about(&image, slice)?;
    let mut prepared = prepare(&image, slice)?;
    let mut reserved = settings.reserve(&about, prepared.code_len())?;
    // A second round only when a server's timestamp is larger than any seen so far.
    for _ in 0..2 {
        let room = reserved.next_multiple_of(ALIGN as usize);
        prepared.set_signature_size(room as u64)?;
        let mut code = prepared.code();
        let embedded = settings.embed(&about, &code)?;
        if embedded.bytes.len() <= room {
            let end = code.len() + room as u64;
            code.push(Piece::New(embedded.bytes.clone()));
            code.pad(end);
            return Ok((code, embedded));
        }
        reserved = embedded.bytes.len() + 1024;
    }
    Err(Error::new(format!(
        "the signature does not fit into {reserved} bytes, and changes its length each time"
    )))
}

/// The image as it is without a signature, and the signature.
pub(super) fn strip(slice: &dyn Source) -> Result<Stripped<'_>> {
    let image = MachO::read(slice)?;
    let signature = match signature_range(&image, slice)? {
        None => None,
        Some((start, _)) => {
            let len = slice.len().saturating_sub(start);
            if len > MAX_SIGNATURE {
                return Err(Error::new(format!("a signature of {len} bytes; the limit is {MAX_SIGNATURE}")));
            }
            Some(slice.read(start, to_usize(len)?)?.into_owned())
        }
    };
    let mut prepared = prepare(&image, slice)?;
    prepared.remove_command()?;
    Ok(Stripped { image: prepared.code(), signature })
}

/// The image with `signature` (as [`strip`] returned it) put in as it is.
pub(super) fn attach<'a>(slice: &'a dyn Source, signature: &[u8]) -> Result<Edited<'a>> {
    let image = MachO::read(slice)?;
    let mut prepared = prepare(&image, slice)?;
    prepared.set_signature_size(signature.len() as u64)?;
    let mut out = prepared.code();
    out.push(Piece::New(signature.to_vec()));
    Ok(out)
}

fn about(image: &MachO, slice: &dyn Source) -> Result<Image> {
    let text = image.segment("__TEXT").map(|it| (it.file.offset, it.file.size));
    let info = image.section("__TEXT", "__info_plist");
    let embedded_info = match info {
        None => None,
        Some(it) if it.size > MAX_INFO => {
            return Err(Error::new(format!(
                "an `__info_plist` of {} bytes; the limit is {MAX_INFO}",
                it.size
            )));
        }
        Some(it) => Some(slice.read(it.offset.into(), to_usize(it.size)?)?.into_owned()),
    };
    Ok(Image {
        page_shift: page_size(image).trailing_zeros() as u8,
        text: text.unwrap_or((0, 0)),
        role: if image.filetype == FileType::EXECUTE { Role::MainExecutable } else { Role::Library },
        sdk: image.targets().first().map(|(_, _, sdk)| sdk.0),
        embedded_info,
    })
}

/// 16 KiB on Apple silicon, 4 KiB on Intel, as Xcode 26 signs.
fn page_size(image: &MachO) -> u64 {
    if image.arch.is_x86_64() { 0x1000 } else { 0x4000 }
}

fn prepare<'a>(image: &MachO, slice: &'a dyn Source) -> Result<Prepared<'a>> {
    refuse_unsignable(image)?;
    let (linkedit, segment) = linkedit(image)?;
    let linkedit_start = segment.file.offset;
    let past = || Error::new("`__LINKEDIT` ends past the file").hint("the file is cut short: build it again");
    let signed = signature_range(image, slice)?;
    let kept = match signed {
        Some((start, _)) => start,
        None => {
            let end = segment.file.end();
            let after = slice.len().checked_sub(end).ok_or_else(past)?;
            if after > 0 {
                return Err(Error::new(format!(
                    "{after} bytes follow `__LINKEDIT`; a signature would not cover them"
                ))
                .hint("remove what was appended to the executable"));
            }
            end
        }
    };
    if kept > slice.len() {
        return Err(past());
    }
    if kept < linkedit_start {
        return Err(Error::new("the signature begins before `__LINKEDIT`"));
    }
    let commands_end = to_usize(image.commands_end)?;
    let head = (image.commands_end + COMMAND as u64).min(kept);
    let mut prepared = Prepared {
        slice,
        head: slice.read(0, to_usize(head)?)?.into_owned(),
        kept,
        command: commands_end,
        linkedit,
        linkedit_start,
        commands_end,
        n_commands: u32::try_from(image.commands.len()).map_err(|_| Error::new("too many load commands"))?,
        page: page_size(image),
    };
    match signed {
        Some((_, command)) => prepared.command = command,
        None => prepared.insert_command(content_start(image))?,
    }
    Ok(prepared)
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
fn signature_range(image: &MachO, slice: &dyn Source) -> Result<Option<(u64, usize)>> {
    let mut commands = image.commands.iter().filter(|it| it.kind == LC_CODE_SIGNATURE);
    let Some(command) = commands.next() else { return Ok(None) };
    let Body::Linkedit(range) = &command.body else {
        return Err(Error::new("`LC_CODE_SIGNATURE` cannot be read"));
    };
    if commands.next().is_some() || command.size as usize != COMMAND {
        return Err(Error::new("`LC_CODE_SIGNATURE` is there twice, or of an odd length"));
    }
    if range.end() != slice.len() {
        let what = format!("the signature ends at {:#x} and the image at {:#x}", range.end(), slice.len());
        return Err(Error::new(what).hint("build the file again; it was changed after it was signed"));
    }
    Ok(Some((range.offset, to_usize(command.offset)?)))
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

impl<'a> Prepared<'a> {
    /// How long the image is up to where its signature begins.
    fn code_len(&self) -> u64 {
        self.kept.next_multiple_of(ALIGN)
    }

    /// The image up to where its signature begins.
    fn code(&self) -> Edited<'a> {
        let mut code = Edited::new(self.slice);
        let head = self.head.len() as u64;
        code.push(Piece::New(self.head.clone()));
        code.push(Piece::Kept { offset: head, len: self.kept.saturating_sub(head) });
        code.pad(self.code_len());
        code
    }

    /// Adds an `LC_CODE_SIGNATURE` behind the last command; what the segments hold begins at `content`.
    fn insert_command(&mut self, content: u64) -> Result<()> {
        let (at, end) = (self.commands_end, self.commands_end.saturating_add(COMMAND));
        let is_free = self.head.get(at..end).is_some_and(|it| it.iter().all(|&byte| byte == 0));
        if content < end as u64 || !is_free {
            return Err(Error::new("no room in the header for `LC_CODE_SIGNATURE` (16 bytes)")
                .hint("link with `-headerpad 0x100`"));
        }
        put(&mut self.head, at, &LC_CODE_SIGNATURE.to_le_bytes())?;
        put(&mut self.head, at + 4, &(COMMAND as u32).to_le_bytes())?;
        self.set_commands(self.n_commands + 1, end)
    }

    /// Says how many commands there are, and where they end.
    fn set_commands(&mut self, count: u32, end: usize) -> Result<()> {
        /// Length of `mach_header_64`.
        const HEADER: usize = 32;
        let size = end.checked_sub(HEADER).and_then(|it| u32::try_from(it).ok());
        let size = size.ok_or_else(|| Error::new("load commands of an odd length"))?;
        (self.n_commands, self.commands_end) = (count, end);
        put(&mut self.head, N_COMMANDS, &count.to_le_bytes())?;
        put(&mut self.head, SIZE_OF_COMMANDS, &size.to_le_bytes())
    }

    /// Says how long the signature will be, in its command and in `__LINKEDIT`.
    fn set_signature_size(&mut self, size: u64) -> Result<()> {
        let too_large = |_| Error::new("an image of 4 GiB or more");
        let start = u32::try_from(self.code_len()).map_err(too_large)?;
        let length = u32::try_from(size).map_err(too_large)?;
        start.checked_add(length).ok_or_else(|| Error::new("an image of 4 GiB or more"))?;
        put(&mut self.head, self.command + 8, &start.to_le_bytes())?;
        put(&mut self.head, self.command + 12, &length.to_le_bytes())?;
        self.set_linkedit_size(self.code_len() - self.linkedit_start + size)
    }

    fn set_linkedit_size(&mut self, size: u64) -> Result<()> {
        let memory = size.next_multiple_of(self.page);
        put(&mut self.head, self.linkedit + SEGMENT_MEMORY_SIZE, &memory.to_le_bytes())?;
        put(&mut self.head, self.linkedit + SEGMENT_FILE_SIZE, &size.to_le_bytes())
    }

    /// Takes the command out again; those behind it move up.
    fn remove_command(&mut self) -> Result<()> {
        let (command, end) = (self.command, self.commands_end);
        let commands =
            self.head.get_mut(command..end).ok_or_else(|| Error::new("load commands past the file"))?;
        commands.rotate_left(COMMAND.min(commands.len()));
        put(&mut self.head, end - COMMAND, &[0; COMMAND])?;
        if self.linkedit > command {
            self.linkedit -= COMMAND;
        }
        self.set_commands(self.n_commands - 1, end - COMMAND)?;
        self.set_linkedit_size(self.code_len() - self.linkedit_start)
    }
}

fn put(code: &mut [u8], at: usize, bytes: &[u8]) -> Result<()> {
    let place = at.checked_add(bytes.len()).and_then(|end| code.get_mut(at..end));
    place.ok_or_else(|| Error::new("a load command past the file"))?.copy_from_slice(bytes);
    Ok(())
}
