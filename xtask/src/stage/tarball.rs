//! Folders as one `.tar.gz` (POSIX ustar): sorted, without times and owners, so the same bytes from the same folders.
//!
//! For what is kept and never signed: the debug information of a release.

use std::{
    fs::File,
    io::{self, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use flate2::{Compression, GzBuilder, write::GzEncoder};

use super::files::{self, Kind};
use crate::{
    error::{Doing, Error, Result},
    interrupt,
};

/// Unit of a tar archive (POSIX.1-1988, `pax`): headers and contents fill whole blocks.
const BLOCK: usize = 512;
/// Longest `name` and `prefix` in a ustar header.
const NAME: usize = 100;
const PREFIX: usize = 155;

/// Writes `folders` into `goal`, each below `top` under its own name.
pub fn write(folders: &[PathBuf], top: &str, goal: &Path) -> Result {
    let cannot = || format!("cannot write `{}`", goal.display());
    let bench = files::Workbench::beside(goal)?;
    let file = BufWriter::new(File::create(bench.path()).doing(cannot)?);
    let mut out = GzBuilder::new().mtime(0).write(file, Compression::best());
    let mut folders: Vec<&PathBuf> = folders.iter().collect();
    folders.sort();
    for folder in folders {
        let top = format!("{top}/{}", crate::plan::file_name(folder));
        header(&mut out, &format!("{top}/"), 0o755, 0, b'5').doing(cannot)?;
        for entry in files::walk(folder)? {
            interrupt::check()?;
            let path = entry.at(folder);
            let name = format!("{top}/{}", entry.path.display());
            match entry.kind {
                Kind::Folder => header(&mut out, &format!("{name}/"), 0o755, 0, b'5').doing(cannot)?,
                Kind::File => add(&mut out, &name, &path).doing(cannot)?,
                Kind::Symlink(_) => {
                    return Err(Error::tool(cannot()).because(format!("`{}` is a link", path.display())));
                }
            }
        }
    }
    // Two empty blocks end an archive.
    out.write_all(&[0; 2 * BLOCK]).doing(cannot)?;
    out.finish().and_then(|mut file| file.flush()).doing(cannot)?;
    bench.finish()
}

fn add<W: Write>(out: &mut GzEncoder<W>, name: &str, path: &Path) -> io::Result<()> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    header(out, name, 0o644, size, b'0')?;
    let copied = io::copy(&mut file.take(size), out)?;
    if copied != size {
        return Err(io::Error::other(format!("`{}` shrank while it was read", path.display())));
    }
    let rest = (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64;
    io::copy(&mut io::repeat(0).take(rest), out).map(drop)
}

fn header(out: &mut impl Write, path: &str, mode: u32, size: u64, kind: u8) -> io::Result<()> {
    let (prefix, name) =
        split(path).ok_or_else(|| io::Error::other(format!("`{path}` is too long for a tar archive")))?;
    let mut block = Vec::with_capacity(BLOCK);
    let mut put = |text: &str, width: usize| {
        block.extend_from_slice(text.as_bytes());
        block.resize(block.len() + width.saturating_sub(text.len()), 0);
    };
    put(name, NAME);
    put(&format!("{mode:07o}"), 8);
    put("0000000", 8); // uid
    put("0000000", 8); // gid
    put(&format!("{size:011o}"), 12);
    put("00000000000", 12); // mtime
    put("        ", 8); // the checksum counts itself as spaces
    put(&char::from(kind).to_string(), 1);
    put("", 100); // target of a link
    put("ustar\x0000", 8);
    put("", 32 + 32 + 8 + 8); // names of user and group, device numbers
    put(prefix, PREFIX);
    put("", 12);
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block.splice(148..156, format!("{sum:06o}\0 ").bytes());
    if block.len() != BLOCK || size >= 1 << 33 {
        return Err(io::Error::other(format!("`{path}` does not fit a tar header")));
    }
    out.write_all(&block)
}

/// A path as ustar's prefix and name, cut at a slash.
fn split(path: &str) -> Option<(&str, &str)> {
    if path.len() <= NAME {
        return Some(("", path));
    }
    let cuts = path.match_indices('/').filter_map(|(at, _)| Some((path.get(..at)?, path.get(at + 1..)?)));
    cuts.into_iter().find(|(prefix, name)| prefix.len() <= PREFIX && name.len() <= NAME && !name.is_empty())
}

#[cfg(test)]
mod tests {
    use std::{fs, process::Command};

    use super::*;

    fn desk(long: &str) -> tempfile::TempDir {
        let desk = tempfile::tempdir().unwrap();
        let inner = desk.path().join("A.dSYM").join(long);
        fs::create_dir_all(&inner).unwrap();
        fs::write(inner.join("dwarf"), vec![7; 700]).unwrap();
        fs::write(desk.path().join("A.dSYM/empty"), "").unwrap();
        desk
    }

    fn made(desk: &tempfile::TempDir) -> Result<Vec<u8>> {
        let goal = desk.path().join("out.tar.gz");
        write(&[desk.path().join("A.dSYM")], "top", &goal)?;
        Ok(fs::read(goal).unwrap())
    }

    #[test]
    fn tar_unpacks_what_was_packed_and_the_bytes_are_always_the_same() {
        let long = format!("{}/{}", "a".repeat(60), "b".repeat(60));
        let (one, two) = (desk(&long), desk(&long));
        assert_eq!(made(&one).unwrap(), made(&two).unwrap());
        let out = tempfile::tempdir().unwrap();
        let unpack = Command::new("tar")
            .arg("-xzf")
            .arg(one.path().join("out.tar.gz"))
            .arg("-C")
            .arg(out.path())
            .status();
        assert!(unpack.unwrap().success());
        let left = files::walk(&out.path().join("top/A.dSYM")).unwrap();
        assert_eq!(left.len(), 4);
        assert_eq!(fs::read(out.path().join("top/A.dSYM").join(&long).join("dwarf")).unwrap(), [7; 700]);
    }

    #[test]
    fn a_name_that_no_header_holds_is_refused() {
        made(&desk(&"a".repeat(95))).unwrap();
        assert!(made(&desk(&"a".repeat(170))).unwrap_err().to_string().contains("cannot write"));
    }
}
