//! `.logarchive` directories on any OS: macos-unifiedlogs behind our own bounded file provider.
//!
//! **Not yet tried on a real archive**: none could be had where this was written. What is known to hold is
//! that hostile files neither exhaust memory nor end the program.
//!
//! The parser allocates what headers promise, so the promises are checked before it sees a file, and each
//! file is parsed behind a barrier: one that makes the parser panic is counted as unread.

use std::collections::HashMap;
use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use macos_unifiedlogs::dsc::SharedCacheStrings;
use macos_unifiedlogs::iterator::UnifiedLogIterator;
use macos_unifiedlogs::parser::{build_log, collect_timesync};
use macos_unifiedlogs::traits::{FileProvider, SourceFile, StringCache};
use macos_unifiedlogs::unified_log::{LogData, UnifiedLogData};
use macos_unifiedlogs::uuidtext::UUIDText;

use crate::entry::{Clock, Entry, layer_of};
use crate::input::{Kind, Reading, lines, plain};
use crate::signature;

/// The files of an archive, by their paths relative to its root.
pub trait Folder: Sync {
    /// Path and size of every regular file, sorted.
    fn files(&self) -> Vec<(String, u64)>;
    /// Opens one of them.
    fn open(&self, path: &str) -> io::Result<Box<dyn Read>>;
}

/// Largest log file that is read; the system starts a new one at about 10 MiB.
const LARGEST_LOG: u64 = 64 * 1024 * 1024;
/// Largest string file of one program; real ones stay below 30 MiB.
const LARGEST_STRINGS: u64 = 48 * 1024 * 1024;
/// Largest string file of the shared cache. Parsed it takes about its size again, and one is held at a time.
const LARGEST_SHARED: u64 = 96 * 1024 * 1024;
/// Largest time file; real ones have some kilobytes.
const LARGEST_TIMES: u64 = 4 * 1024 * 1024;
/// What one block of a log file may grow to; real ones have 64 KiB, and one catalog has some dozens of them.
const LARGEST_BLOCK: u64 = 4 * 1024 * 1024;
/// What the blocks of one log file may grow to; real files grow tenfold.
const LARGEST_UNPACKED: u64 = 1024 * 1024 * 1024;
/// What one catalog's blocks may grow to, since they are held together.
const LARGEST_CATALOG: u64 = 48 * 1024 * 1024;
/// Bytes of parsed program strings that are held; the least recently loaded go first.
const HELD_STRINGS: usize = 48 * 1024 * 1024;
/// Long strings carried from one part of a file to the next.
const MOST_OVERSIZE: usize = 2000;

/// Reads an archive, adds what matters to `reading`. `progress` is told the bytes of log files read so far.
///
/// Errors: there is nothing like a log in the folder. What cannot be read is counted (`Counts::unread`).
pub fn read(
    name: &str,
    folder: &dyn Folder,
    reading: &mut Reading,
    progress: &mut dyn FnMut(u64),
) -> io::Result<()> {
    let files = folder.files();
    let provider = Provider { folder, files: &files };
    let logs: Vec<&(String, u64)> = files.iter().filter(|it| is_log(&it.0)).collect();
    if logs.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "no .tracev3 file in it: this is no log archive",
        ));
    }
    reading.inputs.push((name.to_string(), Kind::Logarchive));
    let input = reading.inputs.len().saturating_sub(1);
    // Two clocks of the same entry, or none: without the time files the entries keep their order.
    let Ok(Ok(times)) = guarded(|| collect_timesync(&provider)) else {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "its time files cannot be read"));
    };
    let strings = Strings::default();
    let filter = signature::filter();
    let mut line = 0;
    let mut total = 0;
    for (path, size) in logs {
        total += size;
        let bytes = match provider.bytes(path, LARGEST_LOG) {
            Ok(bytes) if begins_with_header(&bytes) && promises_are_modest(&bytes) => bytes,
            Ok(_) | Err(_) => {
                reading.counts.unread += 1;
                continue;
            }
        };
        reading.counts.bytes += bytes.len() as u64;
        let mut parts = UnifiedLogIterator { data: bytes, header: Vec::new(), evidence: path.clone() };
        let mut carried = Vec::new();
        let lines_before = line;
        loop {
            let next = guarded(|| parts.next());
            let Ok(next) = next else {
                reading.counts.unread += 1;
                break;
            };
            let Some(mut part) = next else { break };
            part.oversize.append(&mut carried);
            let built = guarded(|| build_log(&part, &provider, &strings, &times, false));
            let UnifiedLogData { oversize, .. } = part;
            carried = oversize;
            carried.truncate(MOST_OVERSIZE);
            let Ok((messages, _missing)) = built else {
                reading.counts.unread += 1;
                continue;
            };
            for it in messages {
                line += 1;
                reading.counts.lines += 1;
                if filter.find(it.message.as_bytes(), 0).is_some()
                    || filter.find(it.process.as_bytes(), 0).is_some()
                {
                    lines::settle(entry(&it, input, line), reading);
                }
            }
        }
        if line == lines_before {
            // A log file without a single message does not exist: the parser gave up on it.
            reading.counts.unread += 1;
        }
        progress(total);
    }
    reading.counts.unread += strings.shared.lock().map_or(0, |it| it.n_refused);
    Ok(())
}

/// Runs the foreign parser; a panic in it ends the file, not the program.
fn guarded<T>(work: impl FnOnce() -> T) -> std::thread::Result<T> {
    catch_unwind(AssertUnwindSafe(work))
}

fn entry(it: &LogData, input: usize, line: u64) -> Entry {
    let base = |path: &str| path.rsplit('/').next().unwrap_or(path).to_string();
    let process = base(&it.process);
    let library = base(&it.library);
    let message = plain::plain(it.message.replace('\n', " ").as_bytes());
    let text =
        if library.is_empty() || library == process { message } else { format!("({library}) {message}") };
    Entry {
        // Nanoseconds since 1970 as a float: exact to a fraction of a microsecond.
        clock: Some(Clock { text: it.timestamp.clone(), micros: (it.time / 1000.0) as i64 }),
        layer: layer_of(&process),
        process: Some(process),
        pid: Some(it.pid),
        text: plain::cut(&text).to_string(),
        input,
        line,
        structured: true,
    }
}

/// Every log file begins with a header chunk.
fn begins_with_header(bytes: &[u8]) -> bool {
    bytes.starts_with(&0x1000u32.to_le_bytes())
}

/// Walks the chunks of a log file (tag, subtag, length; padded to 8) and adds up what they say they unpack to.
fn promises_are_modest(bytes: &[u8]) -> bool {
    const CATALOG: u32 = 0x600b;
    const BLOCKS: u32 = 0x600d;
    let u32_at = |at: usize| {
        bytes.get(at..at.checked_add(4)?).map(|it| u32::from_le_bytes(it.try_into().unwrap_or_default()))
    };
    let u64_at = |at: usize| {
        bytes.get(at..at.checked_add(8)?).map(|it| u64::from_le_bytes(it.try_into().unwrap_or_default()))
    };
    let (mut at, mut total, mut in_catalog) = (0usize, 0u64, 0u64);
    while let (Some(tag), Some(length)) = (u32_at(at), u64_at(at.saturating_add(8))) {
        if tag == CATALOG {
            in_catalog = 0;
        }
        if tag == BLOCKS {
            // LZ4 blocks state their unpacked size; the other kind cannot grow beyond what LZBITMAP's
            // 32 KiB windows make of their input, for which the length is a fair measure.
            let stated = u64::from(u32_at(at.saturating_add(20)).unwrap_or(0));
            let grows_to = if u32_at(at.saturating_add(16)) == Some(0x3134_7662) {
                stated
            } else {
                length.saturating_mul(16)
            };
            in_catalog = in_catalog.saturating_add(grows_to);
            total = total.saturating_add(grows_to);
            if grows_to > LARGEST_BLOCK || in_catalog > LARGEST_CATALOG || total > LARGEST_UNPACKED {
                return false;
            }
        }
        let Some(next) = usize::try_from(length)
            .ok()
            .and_then(|it| it.checked_next_multiple_of(8))
            .and_then(|it| it.checked_add(16))
            .and_then(|it| it.checked_add(at))
        else {
            return false;
        };
        at = next;
    }
    true
}

fn is_log(path: &str) -> bool {
    path.ends_with(".tracev3")
        && (path.ends_with("logdata.LiveData.tracev3")
            || ["HighVolume/", "Special/", "Signpost/", "Persist/"].iter().any(|it| path.contains(it)))
}

/// Files of the archive for the parser, each below its limit.
struct Provider<'a> {
    folder: &'a dyn Folder,
    files: &'a [(String, u64)],
}

impl Provider<'_> {
    fn bytes(&self, path: &str, limit: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.folder.open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit {
            Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than any real one"))
        } else {
            Ok(bytes)
        }
    }

    fn chosen(&self, limit: u64, is_wanted: impl Fn(&str) -> bool) -> impl Iterator<Item = Loaded> {
        self.files.iter().filter(move |it| it.1 <= limit && is_wanted(&it.0)).filter_map(move |it| {
            Some(Loaded { path: it.0.clone(), bytes: io::Cursor::new(self.bytes(&it.0, limit).ok()?) })
        })
    }

    /// A string file by the identifier in the log; the parser drops leading zeros.
    fn named(&self, uuid: &str, is_shared: bool) -> io::Result<Vec<u8>> {
        let uuid = format!("{uuid:0>32}").to_ascii_uppercase();
        let absent = || io::Error::new(io::ErrorKind::NotFound, "no such string file");
        if uuid.len() != 32 || !uuid.bytes().all(|it| it.is_ascii_hexdigit()) {
            return Err(absent());
        }
        let (first, rest) = uuid.split_at(2);
        let path = if is_shared { format!("dsc/{uuid}") } else { format!("{first}/{rest}") };
        let limit = if is_shared { LARGEST_SHARED } else { LARGEST_STRINGS };
        let (found, _) = self
            .files
            .iter()
            .find(|it| it.0 == path || it.0.ends_with(&format!("/{path}")))
            .ok_or_else(absent)?;
        self.bytes(found, limit)
    }
}

struct Loaded {
    path: String,
    bytes: io::Cursor<Vec<u8>>,
}

impl SourceFile for Loaded {
    fn reader(&mut self) -> impl Read {
        &mut self.bytes
    }

    fn source_path(&self) -> &str {
        &self.path
    }
}

impl FileProvider for Provider<'_> {
    fn tracev3_files(&self) -> impl Iterator<Item = impl SourceFile> {
        self.chosen(LARGEST_LOG, is_log)
    }

    fn uuidtext_files(&self) -> impl Iterator<Item = impl SourceFile> {
        // Strings are loaded by name, one file at a time.
        self.chosen(0, |_| false)
    }

    fn read_uuidtext(&self, uuid: &str) -> Result<UUIDText, io::Error> {
        let bytes = self.named(uuid, false)?;
        UUIDText::parse_uuidtext(&bytes)
            .map(|it| it.1)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a broken string file"))
    }

    fn dsc_files(&self) -> impl Iterator<Item = impl SourceFile> {
        self.chosen(0, |_| false)
    }

    fn read_dsc_uuid(&self, uuid: &str) -> Result<SharedCacheStrings, io::Error> {
        let bytes = self.named(uuid, true)?;
        SharedCacheStrings::parse_dsc(&bytes)
            .map(|it| it.1)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a broken string file"))
    }

    fn timesync_files(&self) -> impl Iterator<Item = impl SourceFile> {
        self.chosen(LARGEST_TIMES, |it| it.ends_with(".timesync"))
    }
}

/// Parsed strings, within limits: some programs' and one shared cache's; what is absent is remembered as absent.
#[derive(Default)]
struct Strings {
    programs: Mutex<Programs>,
    shared: Mutex<Shared>,
}

#[derive(Default)]
struct Shared {
    held: Option<(String, Option<Arc<SharedCacheStrings>>)>,
    n_loaded: u32,
    n_refused: u64,
}

/// How often a shared cache's strings are loaded. Entries of two caches that alternate would otherwise
/// load a hundred megabytes for each message.
const MOST_LOADS: u32 = 24;

#[derive(Default)]
struct Programs {
    held: HashMap<String, Option<Arc<UUIDText>>>,
    /// In the order of loading, with sizes.
    order: Vec<(String, usize)>,
    bytes: usize,
}

impl StringCache for Strings {
    fn get_or_load_uuidtext(&self, uuid: &str, provider: &impl FileProvider) -> Option<Arc<UUIDText>> {
        let mut programs = self.programs.lock().ok()?;
        if let Some(it) = programs.held.get(uuid) {
            return it.clone();
        }
        let loaded = provider.read_uuidtext(uuid).ok().map(Arc::new);
        let size = loaded.as_ref().map_or(64, |it| it.footer_data.len().saturating_add(1024));
        while programs.bytes.saturating_add(size) > HELD_STRINGS && !programs.order.is_empty() {
            let (oldest, freed) = programs.order.remove(0);
            programs.held.remove(&oldest);
            programs.bytes = programs.bytes.saturating_sub(freed);
        }
        programs.bytes = programs.bytes.saturating_add(size);
        programs.order.push((uuid.to_string(), size));
        programs.held.insert(uuid.to_string(), loaded.clone());
        loaded
    }

    fn get_or_load_dsc(&self, uuid: &str, provider: &impl FileProvider) -> Option<Arc<SharedCacheStrings>> {
        let mut shared = self.shared.lock().ok()?;
        if let Some((held, it)) = shared.held.as_ref()
            && held == uuid
        {
            return it.clone();
        }
        if shared.n_loaded >= MOST_LOADS {
            shared.n_refused += 1;
            return None;
        }
        shared.n_loaded += 1;
        // The old one goes before the new one comes: two would not fit.
        shared.held = None;
        let loaded = provider.read_dsc_uuid(uuid).ok().map(Arc::new);
        shared.held = Some((uuid.to_string(), loaded.clone()));
        loaded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Made(Vec<(&'static str, Vec<u8>)>);

    impl Folder for Made {
        fn files(&self) -> Vec<(String, u64)> {
            self.0.iter().map(|it| (it.0.to_string(), it.1.len() as u64)).collect()
        }

        fn open(&self, path: &str) -> io::Result<Box<dyn Read>> {
            let found = self.0.iter().find(|it| it.0 == path).ok_or(io::ErrorKind::NotFound)?;
            Ok(Box::new(io::Cursor::new(found.1.clone())))
        }
    }

    /// A chunk of a log file.
    fn chunk(tag: u32, body: &[u8]) -> Vec<u8> {
        let mut all = [tag.to_le_bytes(), 0x11u32.to_le_bytes()].concat();
        all.extend((body.len() as u64).to_le_bytes());
        all.extend(body);
        all.resize(all.len().next_multiple_of(8), 0);
        all
    }

    #[test]
    fn a_folder_without_logs_is_refused() {
        let mut reading = Reading::default();
        assert!(read("x", &Made(vec![("Info.plist", vec![])]), &mut reading, &mut |_| {}).is_err());
    }

    #[test]
    fn hostile_files_are_counted_and_do_not_end_the_run() {
        let bomb =
            chunk(0x600d, &[&0x3134_7662u32.to_le_bytes()[..], &u32::MAX.to_le_bytes(), &[0; 32]].concat());
        assert!(!promises_are_modest(&bomb));
        let made = Made(vec![
            ("Persist/0001.tracev3", bomb),
            ("Persist/0002.tracev3", vec![7; 4096]),
            ("timesync/1.timesync", vec![9; 100]),
        ]);
        let mut reading = Reading::default();
        read("x", &made, &mut reading, &mut |_| {}).unwrap();
        assert_eq!(reading.counts.unread, 2);
        assert_eq!(reading.counts.relevant, 0);
    }

    #[test]
    fn modest_promises_pass() {
        let good = [
            chunk(0x1000, &[0; 208]),
            chunk(0x600d, &[&0x3134_7662u32.to_le_bytes()[..], &65_536u32.to_le_bytes(), &[0; 32]].concat()),
        ]
        .concat();
        assert!(begins_with_header(&good) && promises_are_modest(&good));
        assert!(promises_are_modest(&[]));
    }
}
