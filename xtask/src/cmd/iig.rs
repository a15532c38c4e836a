//! `cargo xtask iig`: DriverKit interfaces to C++, with Apple's spelling of the arguments or ours.

use std::path::{Path, PathBuf};

use iig::{Options, Version};

use crate::{
    cmd::{Context, print},
    error::{Error, Exit, Result},
    stage::{
        files,
        generate::{Includes, generate_file},
    },
};

/// Generates DriverKit interfaces
///
/// From `X.iig` come `X.h` and `X.iig.cpp`. Message ids of Apple's methods are read from the headers beside the SDK's interfaces; using a method
/// whose id is not known is an error.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cargo xtask iig driver/*.iig --out target/generated
  cargo xtask iig --def X.iig --header X.h --impl X.iig.cpp -- -isysroot DriverKit25.5.sdk -x c++ -std=c++17 -D__IIG=1")]
pub struct Args {
    /// Interface files
    #[arg(value_name = "FILE.iig", required_unless_present = "def")]
    files: Vec<PathBuf>,
    /// One interface file, as Apple's tool spells it
    #[arg(long, value_name = "FILE.iig", conflicts_with = "files")]
    def: Option<PathBuf>,
    /// The header to write; for one interface
    #[arg(long, value_name = "FILE", requires = "implementation", conflicts_with = "out")]
    header: Option<PathBuf>,
    /// The implementation to write; for one interface
    #[arg(long = "impl", value_name = "FILE", requires = "header")]
    implementation: Option<PathBuf>,
    /// The folder to write to; without it, each file's own
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The framework that the header is part of
    #[arg(long, value_name = "NAME")]
    framework_name: Option<String>,
    /// The oldest DriverKit to run on
    #[arg(long, value_name = "VERSION")]
    deployment_target: Option<Version>,
    /// The DriverKit SDK; without it, `-isysroot`, `DRIVERKIT_SDK`, or our open subset
    #[arg(long, value_name = "DIR")]
    sdk: Option<PathBuf>,
    /// What a compiler would be told: -D, -I, -iquote, -isystem, -F, -iframework, -isysroot count, the rest does not
    #[arg(last = true, value_name = "CLANG ARGUMENTS")]
    clang: Vec<String>,
}

/// Generates each interface.
pub fn run(args: Args, context: &Context) -> Result<Exit> {
    let clang = ClangArguments::parse(&args.clang)?;
    let sdk = match args.sdk.clone().or(clang.sysroot) {
        Some(sdk) => sdk,
        None => match std::env::var_os("DRIVERKIT_SDK").filter(|it| !it.is_empty()) {
            Some(sdk) => PathBuf::from(sdk),
            None => context.workspace()?.root().join("xtask/sdk/DriverKit"),
        },
    };
    if !sdk.join("System/DriverKit").is_dir() {
        let cannot = Error::usage(format!("`{}` is not a DriverKit SDK", sdk.display()));
        return Err(cannot.because("it has no folder `System/DriverKit`").hint("name one with `--sdk`"));
    }
    let mut includes = clang.includes;
    let of_sdk = Includes::of_sdk(&sdk);
    includes.folders.extend(of_sdk.folders);
    includes.frameworks.extend(of_sdk.frameworks);
    let files: Vec<&PathBuf> = args.files.iter().chain(&args.def).collect();
    if files.len() > 1 && args.header.is_some() {
        return Err(Error::usage("`--header` and `--impl` are for one interface").hint("use `--out DIR`"));
    }
    let options = Options {
        framework_name: args.framework_name.clone(),
        deployment_target: args.deployment_target,
        defines: clang.defines,
        ..Options::default()
    };
    for file in files {
        let generation = generate_file(file, &includes, &options)?;
        let (header, implementation) = outputs(file, &args);
        files::write(&header, generation.generated.header.as_bytes(), 0o644)?;
        files::write(&implementation, generation.generated.implementation.as_bytes(), 0o644)?;
        print(&format!("{}\n{}\n", header.display(), implementation.display()))?;
    }
    Ok(Exit::Passed)
}

fn outputs(file: &Path, args: &Args) -> (PathBuf, PathBuf) {
    if let (Some(header), Some(implementation)) = (&args.header, &args.implementation) {
        return (header.clone(), implementation.clone());
    }
    let folder = args.out.as_deref().or(file.parent()).unwrap_or(Path::new(""));
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    (folder.join(format!("{stem}.h")), folder.join(format!("{stem}.iig.cpp")))
}

/// What counts of a compiler's arguments.
#[derive(Debug, Default)]
struct ClangArguments {
    includes: Includes,
    defines: std::collections::BTreeMap<String, String>,
    sysroot: Option<PathBuf>,
}

/// Flags with a value, glued to them or in the next argument. Longer ones first: `-isystem` is not `-I`.
const FLAGS: [&str; 7] = ["-iframework", "-isysroot", "-isystem", "-iquote", "-D", "-I", "-F"];

impl ClangArguments {
    fn parse(args: &[String]) -> Result<Self> {
        let mut found = Self::default();
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            let Some((flag, glued)) = FLAGS.iter().find_map(|flag| Some((*flag, arg.strip_prefix(flag)?)))
            else {
                continue;
            };
            let value = match glued {
                "" => rest.next().map(String::as_str),
                glued => Some(glued),
            };
            let missing = || Error::usage(format!("`{flag}` behind `--` has no value"));
            found.take(flag, value.ok_or_else(missing)?);
        }
        Ok(found)
    }

    fn take(&mut self, flag: &str, value: &str) {
        match flag {
            "-D" => {
                let (name, value) = value.split_once('=').unwrap_or((value, "1"));
                self.defines.insert(name.to_owned(), value.to_owned());
            }
            "-I" | "-isystem" => self.includes.folders.push(PathBuf::from(value)),
            "-iquote" => self.includes.quoted.push(PathBuf::from(value)),
            "-F" | "-iframework" => self.includes.frameworks.push(PathBuf::from(value)),
            _ => self.sysroot = Some(PathBuf::from(value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(args: &[&str]) -> ClangArguments {
        ClangArguments::parse(&args.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn values_may_be_glued_or_apart() {
        let found =
            check(&["-Da", "-D", "b=2", "-Ix", "-isystem", "y", "-iquotez", "-isysroot", "sdk", "-Fw"]);
        assert_eq!(found.defines.get("a").map(String::as_str), Some("1"));
        assert_eq!(found.defines.get("b").map(String::as_str), Some("2"));
        assert_eq!(found.includes.folders, [PathBuf::from("x"), PathBuf::from("y")]);
        assert_eq!(found.includes.quoted, [PathBuf::from("z")]);
        assert_eq!(found.includes.frameworks, [PathBuf::from("w")]);
        assert_eq!(found.sysroot, Some(PathBuf::from("sdk")));
    }

    #[test]
    fn other_flags_are_passed_over() {
        let found = check(&["-x", "c++", "-std=c++17"]);
        assert!(found.defines.is_empty() && found.includes.folders.is_empty());
    }

    #[test]
    fn a_flag_without_its_value_is_refused() {
        assert!(ClangArguments::parse(&["-isysroot".to_owned()]).is_err());
    }
}
