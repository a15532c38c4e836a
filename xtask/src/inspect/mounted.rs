//! What is in a disk image, read where somebody mounted it.

use std::{path::Path, sync::Arc};

use formats::{Source, container::xar::Xar};

use super::{
    Asked,
    disk::Watch,
    package::{self, Opened},
    tree::{Kind, Tree},
};
use crate::error::{Error, Result};

/// What a file system keeps for itself at the top of a volume.
const OWN: [&str; 5] =
    [".Trashes", ".fseventsd", ".Spotlight-V100", ".TemporaryItems", ".HFS+ Private Directory Data\r"];

/// Everything on the volume mounted at `at`; paths begin with the names at its top.
pub fn volume(watch: &Watch, at: &Path) -> Result<Tree> {
    if !at.is_dir() {
        let hint = "mount the image first (`hdiutil attach -nobrowse -readonly X.dmg`), and give the folder that it says";
        return Err(
            Error::usage(format!("`{}` is no folder, so nothing is mounted there", at.display())).hint(hint)
        );
    }
    const TOP: &str = "volume";
    let whole = watch.folder(TOP, at)?;
    let is_own = |path: &str| path.split('/').next().is_some_and(|it| OWN.contains(&it));
    let mut tree = Tree::default();
    for (path, node) in whole.below(TOP).filter(|it| !is_own(it.0)) {
        tree.add(path, node.clone());
    }
    for fault in &whole.faults {
        let path = fault.path.strip_prefix("volume/").unwrap_or(&fault.path);
        if !is_own(path) {
            tree.fault(path, fault.what.clone());
        }
    }
    if tree.iter().next().is_none() {
        return Err(Error::usage(format!("`{}` is empty, so nothing is mounted there", at.display())));
    }
    Ok(tree)
}

/// Opens the packages on a volume; what they hold is added to `tree`, behind the package's own path.
pub fn packages(tree: &mut Tree, asked: &Asked) -> Vec<(String, Opened)> {
    let file = |kind: &Kind| match kind {
        Kind::File(source) if Xar::is(source.as_ref()) => Some(source.clone()),
        Kind::File(_) | Kind::Folder | Kind::Symlink(_) | Kind::Other => None,
    };
    let found: Vec<(String, Arc<dyn Source>)> =
        tree.iter().filter_map(|(path, node)| Some((path.to_owned(), file(&node.kind)?))).collect();
    let mut all = Vec::new();
    for (path, source) in found {
        match package::pkg(&path, source.as_ref(), asked) {
            Ok(mut opened) => {
                package::graft(tree, Some(&path), std::mem::take(&mut opened.tree));
                for component in &mut opened.container.components {
                    let rest = std::mem::take(&mut component.folder);
                    component.folder = if rest.is_empty() { path.clone() } else { format!("{path}/{rest}") };
                }
                all.push((path, opened));
            }
            Err(error) => tree.fault(&path, error.to_string()),
        }
    }
    all
}
