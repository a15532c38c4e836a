//! Where the signatures of a path are.

use std::{path::Path, sync::Arc};

use formats::{
    Source,
    container::koly::Koly,
    document::plist::{self, Value},
    image::{MachO, Slices},
};

use crate::{
    error::{Doing, Error, Result},
    inspect::disk::Watch,
};

/// An Info.plist has some kilobytes.
const MAX_INFO: u64 = 16 << 20;

/// Code, or a disk image, and where its signature is.
pub(super) struct Code {
    /// The file, as given or as found in the bundle.
    pub path: String,
    /// Architecture; `None` for a disk image.
    pub slice: Option<String>,
    /// The whole file.
    pub file: Arc<dyn Source>,
    /// Where the slice lies in it: offset and length.
    pub window: (u64, u64),
    /// Where the signature lies in the slice; `None`: there is none.
    pub signature: Option<(u64, u64)>,
}

/// Every slice of the file at `path`, or of the main executable of the bundle there.
pub(super) fn locate(path: &Path) -> Result<Vec<Code>> {
    let watch = Watch::default();
    let path = if path.is_dir() { executable(&watch, path)? } else { path.to_owned() };
    let name = path.display().to_string();
    let file = watch.file(&name, &path)?;
    let whole = (0, file.len());
    let code =
        |slice, window, signature| Code { path: name.clone(), slice, file: file.clone(), window, signature };
    let reading = || format!("cannot read `{name}`");
    if let Some(koly) = Koly::read(&*file).doing_as_asked(reading)? {
        let signature = koly.signature.map(|it| (it.offset, it.len));
        return Ok(vec![code(None, whole, signature)]);
    }
    let Some(slices) = Slices::read(&*file).doing_as_asked(reading)? else {
        let hint = "give a Mach-O file, a bundle or a disk image";
        return Err(Error::usage(format!("`{name}` carries no code signature")).hint(hint));
    };
    slices
        .slices
        .iter()
        .map(|it| {
            let image = it.window(&*file).and_then(|it| MachO::read(&it)).doing_as_asked(reading)?;
            let signature = image.code_signature().map(|it| (it.offset, it.size));
            Ok(code(Some(it.arch.to_string()), (it.offset, it.size), signature))
        })
        .collect()
}

/// The main executable of a bundle, flat or with `Contents`.
fn executable(watch: &Watch, bundle: &Path) -> Result<std::path::PathBuf> {
    let contents = bundle.join("Contents");
    let (info, folder) = match contents.is_dir() {
        true => (contents.join("Info.plist"), contents.join("MacOS")),
        false => (bundle.join("Info.plist"), bundle.to_owned()),
    };
    let name = info.display().to_string();
    let reading = || format!("cannot read `{name}`");
    let file = watch.file(&name, &info)?;
    if file.len() > MAX_INFO {
        return Err(Error::usage(reading()).because("larger than 16 MiB"));
    }
    let bytes = file.read(0, file.len() as usize).doing_as_asked(reading)?;
    let list = plist::read(&bytes).doing_as_asked(reading)?.value;
    match list.get("CFBundleExecutable").and_then(Value::as_str) {
        Some(executable) if !executable.contains('/') => Ok(folder.join(executable)),
        _ => Err(Error::usage(reading()).because("`CFBundleExecutable` names no file")),
    }
}
