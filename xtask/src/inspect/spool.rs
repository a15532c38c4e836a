//! What was unpacked, kept for positioned reads: in memory while it is small, then in a nameless temporary file.

use std::{
    borrow::Cow,
    fs::File,
    io::{self, Write},
    os::unix::fs::FileExt,
    sync::Arc,
};

use formats::{Error, Result, Source};

/// Kept in memory up to here; part of the 256 MB that an inspection may take.
const IN_MEMORY: usize = 48 << 20;

/// Where unpacked bytes go, one member after another.
#[derive(Default)]
pub struct Spool {
    memory: Vec<u8>,
    file: Option<File>,
    len: u64,
}

impl Spool {
    /// Bytes so far.
    pub fn written(&self) -> u64 {
        self.len
    }

    /// No more to come; parts can be read now.
    pub fn finish(self) -> Arc<Spooled> {
        let store = match self.file {
            Some(file) => Store::File(file),
            None => Store::Memory(self.memory),
        };
        Arc::new(Spooled { store, len: self.len })
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let fits = self.file.is_none() && self.memory.len().saturating_add(bytes.len()) <= IN_MEMORY;
        if fits {
            self.memory.extend_from_slice(bytes);
        } else {
            let file = match &mut self.file {
                Some(file) => file,
                None => {
                    let mut file = tempfile::tempfile()?;
                    file.write_all(&std::mem::take(&mut self.memory))?;
                    self.file.insert(file)
                }
            };
            file.write_all(bytes)?;
        }
        self.len = self.len.saturating_add(bytes.len() as u64);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A finished spool.
pub struct Spooled {
    store: Store,
    len: u64,
}

enum Store {
    Memory(Vec<u8>),
    File(File),
}

impl Source for Spooled {
    fn len(&self) -> u64 {
        self.len
    }

    fn read(&self, offset: u64, len: usize) -> Result<Cow<'_, [u8]>> {
        match &self.store {
            Store::Memory(bytes) => bytes.read(offset, len),
            Store::File(file) => {
                let end = offset.checked_add(len as u64).filter(|it| *it <= self.len);
                if end.is_none() {
                    return Err(Error::new(
                        offset,
                        format!("{len} bytes wanted, {} there", self.len.saturating_sub(offset)),
                    ));
                }
                let mut out = vec![0; len];
                let read = file.read_exact_at(&mut out, offset);
                read.map_err(|it| Error::new(offset, format!("the temporary file cannot be read: {it}")))?;
                Ok(Cow::Owned(out))
            }
        }
    }
}

/// A range of a shared source, a source of its own.
pub struct Part {
    whole: Arc<dyn Source>,
    offset: u64,
    len: u64,
}

impl Part {
    /// `len` bytes of `whole` from `offset`; refused when they are not all there.
    pub fn new(whole: Arc<dyn Source>, offset: u64, len: u64) -> Result<Self> {
        match offset.checked_add(len) {
            Some(end) if end <= whole.len() => Ok(Self { whole, offset, len }),
            _ => Err(Error::new(
                offset,
                format!("{len} bytes wanted, {} there", whole.len().saturating_sub(offset)),
            )),
        }
    }
}

impl Source for Part {
    fn len(&self) -> u64 {
        self.len
    }

    fn read(&self, offset: u64, len: usize) -> Result<Cow<'_, [u8]>> {
        let end = offset.checked_add(len as u64).filter(|it| *it <= self.len);
        match (end, self.offset.checked_add(offset)) {
            (Some(_), Some(start)) => self.whole.read(start, len),
            _ => Err(Error::new(
                offset,
                format!("{len} bytes wanted, {} there", self.len.saturating_sub(offset)),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_and_large_are_read_back_alike() {
        for size in [10, IN_MEMORY + 10] {
            let mut spool = Spool::default();
            spool.write_all(&vec![1; size]).unwrap();
            spool.write_all(b"end").unwrap();
            assert_eq!(spool.written(), size as u64 + 3);
            let spooled = spool.finish();
            assert_eq!(matches!(spooled.store, Store::File(_)), size > IN_MEMORY);
            let part = Part::new(spooled.clone(), size as u64 - 1, 3).unwrap();
            assert_eq!(*part.read(0, 3).unwrap(), *b"\x01en");
            assert!(part.read(1, 3).is_err());
            assert!(Part::new(spooled.clone(), size as u64, 4).is_err());
            assert!(spooled.read(size as u64, 4).is_err());
        }
    }
}
