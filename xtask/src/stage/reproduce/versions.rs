//! What the tools of a build say they are: two builds with the same sources and other tools may differ, and a verdict must let one see it.

use std::time::Duration;

use crate::{
    plan::{Backend, Toolchain},
    tools::{Call, Toolbox},
};

/// The tools that decide the bytes of a product, by name, with the first line of what each says of itself.
pub fn of(toolchain: &Toolchain, tools: &Toolbox) -> Vec<(String, String)> {
    let mut found = vec![("cargo xtask".to_owned(), env!("CARGO_PKG_VERSION").to_owned())];
    match toolchain.backend {
        Backend::Apple => {
            found.push(("clang++".to_owned(), ask(tools, "xcrun", &["clang++", "--version"])));
            found.push(("ld".to_owned(), ask(tools, "xcrun", &["ld", "-version_details"])));
            found.push(("xcodebuild".to_owned(), ask(tools, "xcodebuild", &["-version"])));
        }
        Backend::Portable => {
            for tool in
                [&toolchain.cxx, &toolchain.cc, &toolchain.linker, &toolchain.dsymutil, &toolchain.strip]
            {
                found.push((tool.name.clone(), ask(tools, &tool.name, &["--version"])));
            }
        }
    }
    found.dedup();
    found
}

/// A version, or why it is not known; that a tool is silent does not stop a build.
fn ask(tools: &Toolbox, program: &str, args: &[&str]) -> String {
    let call = Call::new(program, format!("ask `{program}` for its version")).args(args.iter().copied());
    match tools.run(&call.deadline(Duration::from_secs(20))) {
        Ok(said) => {
            let text = said.text();
            // LLVM's smaller tools begin with a line about LLVM itself; the version is where the word is.
            let line = text
                .lines()
                .find(|it| it.contains("version") || it.contains("LLD"))
                .or_else(|| text.lines().next());
            line.map_or("says nothing".to_owned(), |it| it.trim().to_owned())
        }
        Err(error) => format!("not known: {}", error.to_string().replace('\n', "; ")),
    }
}
