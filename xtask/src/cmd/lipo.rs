//! `cargo xtask lipo`: universal binaries under the architecture policy.

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use formats::{
    Source,
    image::{Arch, MachO, Slices, fat_write::merge_aligned, merge},
};

use crate::{
    cmd::{Context, print},
    config::ARM64E,
    error::{Doing, Error, Exit, Result},
    stage::files,
};

/// Makes and takes apart universal binaries
///
/// Slices are ordered x86_64, arm64 and aligned at 2^14, so the same slices give the same bytes everywhere.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cargo xtask lipo create app.x86_64 app.arm64 -o app
  cargo xtask lipo remove app --arch arm64e -o app.clean
  cargo xtask lipo verify-arch app x86_64 arm64")]
pub struct Args {
    /// Plain lipo behaviour: arm64e is joined, signed slices are joined
    #[arg(long, global = true)]
    no_policy: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Joins thin files, or the slices of universal ones
    Create {
        /// Mach-O files
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// The universal file
        #[arg(short, long)]
        output: PathBuf,
        /// Alignment of the slices as a power of two
        #[arg(long, default_value_t = formats::image::fat_write::ALIGN, value_name = "POWER")]
        align: u32,
    },
    /// Takes one slice out, as a thin file
    Thin {
        /// A universal file
        file: PathBuf,
        /// Which slice
        #[arg(long)]
        arch: String,
        /// The thin file
        #[arg(short, long)]
        output: PathBuf,
    },
    /// Keeps some slices, as a universal file
    Extract(Selection),
    /// Drops some slices
    Remove(Selection),
    /// Replaces a slice by a thin file of the same architecture
    Replace {
        /// A universal file
        file: PathBuf,
        /// The new slice
        #[arg(long)]
        with: PathBuf,
        /// The result
        #[arg(short, long)]
        output: PathBuf,
    },
    /// Prints the architectures on one line
    Archs {
        /// A Mach-O file
        file: PathBuf,
    },
    /// Prints each slice: architecture, offset, size, alignment
    Info {
        /// Mach-O files
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Exit code 0 when all architectures are there, else 1
    VerifyArch {
        /// A Mach-O file
        file: PathBuf,
        /// Architectures
        #[arg(required = true)]
        arches: Vec<String>,
    },
}

#[derive(Debug, clap::Args)]
struct Selection {
    /// A universal file
    file: PathBuf,
    /// Which slices; may be repeated
    #[arg(long, required = true)]
    arch: Vec<String>,
    /// The result
    #[arg(short, long)]
    output: PathBuf,
}

/// A thin image and what it runs on.
struct Piece {
    arch: Arch,
    bytes: Vec<u8>,
}

/// Does one of the verbs.
pub fn run(args: Args, _context: &Context) -> Result<Exit> {
    let policy = if args.no_policy { Policy::Plain } else { Policy::Shippable };
    match args.verb {
        Verb::Create { files, output, align } => {
            let mut pieces = Vec::new();
            for file in &files {
                pieces.extend(open(file)?);
            }
            write(&output, &pieces, align, policy, mode_of(files.first())?)
        }
        Verb::Thin { file, arch, output } => {
            let wanted = parse(&arch)?;
            let piece = open(&file)?.into_iter().find(|piece| piece.arch.is_same_as(wanted));
            let piece = piece.ok_or_else(|| lacks(&file, &arch))?;
            files::write(&output, &piece.bytes, mode_of(Some(&file))?)?;
            Ok(Exit::Passed)
        }
        Verb::Extract(selection) => select(selection, policy, |chosen| chosen),
        Verb::Remove(selection) => select(selection, policy, |chosen| !chosen),
        Verb::Replace { file, with, output } => {
            let mut pieces = open(&file)?;
            let [new] = <[Piece; 1]>::try_from(open(&with)?)
                .map_err(|_| Error::usage(format!("`{}` is not a thin file", with.display())))?;
            let old = pieces.iter_mut().find(|piece| piece.arch.is_same_as(new.arch));
            let old = old.ok_or_else(|| lacks(&file, &new.arch.to_string()))?;
            *old = new;
            write(&output, &pieces, formats::image::fat_write::ALIGN, policy, mode_of(Some(&file))?)
        }
        Verb::Archs { file } => {
            let names: Vec<String> = open(&file)?.iter().map(|piece| piece.arch.to_string()).collect();
            print(&(names.join(" ") + "\n"))?;
            Ok(Exit::Passed)
        }
        Verb::Info { files } => {
            for file in &files {
                print(&info(file)?)?;
            }
            Ok(Exit::Passed)
        }
        Verb::VerifyArch { file, arches } => {
            let pieces = open(&file)?;
            for arch in &arches {
                let wanted = parse(arch)?;
                if !pieces.iter().any(|piece| piece.arch.is_same_as(wanted)) {
                    return Ok(Exit::Findings);
                }
            }
            Ok(Exit::Passed)
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Policy {
    /// What can be shipped: no arm64e, nothing that is signed already.
    Shippable,
    /// Whatever is asked.
    Plain,
}

fn open(path: &Path) -> Result<Vec<Piece>> {
    let cannot = || Error::usage(format!("cannot read `{}`", path.display()));
    let bytes = files::read(path)?;
    let Some(slices) = Slices::read(&bytes).map_err(|error| cannot().because(error))? else {
        let macho = MachO::read(&bytes).map_err(|error| cannot().because(error))?;
        return Ok(vec![Piece { arch: macho.arch, bytes }]);
    };
    let piece = |slice: &formats::image::Slice| {
        let window = slice.window(&bytes)?;
        let len = usize::try_from(window.len())
            .map_err(|_| formats::Error::new(slice.offset, "slice too large"))?;
        Ok(Piece { arch: slice.arch, bytes: window.read(0, len)?.into_owned() })
    };
    let pieces: formats::Result<Vec<Piece>> = slices.slices.iter().map(piece).collect();
    pieces.map_err(|error| cannot().because(error))
}

fn select(selection: Selection, policy: Policy, keep: fn(bool) -> bool) -> Result<Exit> {
    let mut pieces = open(&selection.file)?;
    let wanted: Vec<Arch> = selection.arch.iter().map(|arch| parse(arch)).collect::<Result<_>>()?;
    for (arch, name) in wanted.iter().zip(&selection.arch) {
        if !pieces.iter().any(|piece| piece.arch.is_same_as(*arch)) {
            return Err(lacks(&selection.file, name));
        }
    }
    pieces.retain(|piece| keep(wanted.iter().any(|arch| piece.arch.is_same_as(*arch))));
    if pieces.is_empty() {
        return Err(Error::usage("no slice would be left"));
    }
    let mode = mode_of(Some(&selection.file))?;
    write(&selection.output, &pieces, formats::image::fat_write::ALIGN, policy, mode)
}

fn write(output: &Path, pieces: &[Piece], align: u32, policy: Policy, mode: u32) -> Result<Exit> {
    let cannot = || Error::usage(format!("cannot make `{}`", output.display()));
    if policy == Policy::Shippable {
        for piece in pieces {
            if piece.arch.is_arm64e() {
                return Err(cannot().because(ARM64E).hint("`--no-policy` does it all the same"));
            }
        }
    }
    let images: Vec<&[u8]> = pieces.iter().map(|piece| piece.bytes.as_slice()).collect();
    let joined = match align {
        formats::image::fat_write::ALIGN => merge(&images),
        other => merge_aligned(&images, other),
    };
    files::write(output, &joined.map_err(|error| cannot().because(error))?, mode)?;
    Ok(Exit::Passed)
}

fn info(path: &Path) -> Result<String> {
    let bytes = files::read(path)?;
    let cannot = |error| Error::usage(format!("cannot read `{}`", path.display())).because(error);
    let Some(slices) = Slices::read(&bytes).map_err(cannot)? else {
        let macho = MachO::read(&bytes).map_err(cannot)?;
        return Ok(format!("{}: thin, {} {}\n", path.display(), macho.arch, macho.filetype));
    };
    let mut text = format!("{}: universal, {} slices\n", path.display(), slices.slices.len());
    for slice in &slices.slices {
        text += &format!(
            "  {:<10} cpusubtype {:#010x}  offset {:>10}  size {:>10}  align 2^{}\n",
            slice.arch.to_string(),
            slice.arch.cpusubtype,
            slice.offset,
            slice.size,
            slice.align
        );
    }
    for odd in slices.irregularities() {
        text += &format!("  {odd:?}\n");
    }
    Ok(text)
}

fn mode_of(path: Option<&PathBuf>) -> Result<u32> {
    let Some(path) = path else { return Ok(0o755) };
    let meta = std::fs::metadata(path).doing(|| format!("cannot read `{}`", path.display()))?;
    Ok(meta.permissions().mode() & 0o777)
}

fn parse(arch: &str) -> Result<Arch> {
    arch.parse().map_err(|_| Error::usage(format!("`{arch}` is not an architecture that we know")))
}

fn lacks(file: &Path, arch: &str) -> Error {
    Error::usage(format!("`{}` has no {arch} slice", file.display()))
        .hint("`cargo xtask lipo info` shows what it has")
}
