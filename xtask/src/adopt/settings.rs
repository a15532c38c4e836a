//! What `xcodebuild -showBuildSettings -json` says of a project: where the built app is, and which entitlements an unsigned build left out.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::error::{Doing, Error, Result};

/// A workspace with a hundred targets prints some megabytes.
const LARGEST: u64 = 64 << 20;

/// One target; keys that nobody here needs are passed over.
#[derive(Debug, Deserialize)]
struct Target {
    target: String,
    #[serde(rename = "buildSettings")]
    settings: BTreeMap<String, String>,
}

/// The settings of every target of a build.
#[derive(Debug)]
pub struct Settings {
    targets: Vec<Target>,
}

impl Settings {
    /// Reads the file.
    pub fn read(path: &Path) -> Result<Self> {
        let cannot = || format!("cannot read `{}`", path.display());
        let size = fs::metadata(path).doing_as_asked(cannot)?.len();
        if size > LARGEST {
            return Err(
                Error::usage(cannot()).because(format!("{size} bytes are more than any build settings have"))
            );
        }
        Self::parse(&fs::read_to_string(path).doing_as_asked(cannot)?).map_err(|why| {
            Error::usage(cannot()).because(why).hint("make it with `xcodebuild -showBuildSettings -json`")
        })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let targets = serde_json::from_str(text).map_err(|error| error.to_string())?;
        Ok(Self { targets })
    }

    fn of_type(&self, kind: &str) -> Vec<&Target> {
        let has = |it: &&Target| it.settings.get("PRODUCT_TYPE").is_some_and(|it| it == kind);
        self.targets.iter().filter(has).collect()
    }

    /// The one app that the project builds.
    pub fn app(&self) -> Result<PathBuf> {
        let apps = self.of_type("com.apple.product-type.application");
        let [app] = apps.as_slice() else {
            let names: Vec<&str> = apps.iter().map(|it| it.target.as_str()).collect();
            return Err(Error::usage(format!("the build settings are of {} apps", apps.len()))
                .because(names.join(", "))
                .hint("name one scheme: `xcodebuild -scheme NAME -showBuildSettings -json`"));
        };
        let path = app.product().ok_or_else(|| {
            Error::usage(format!("the settings of `{}` do not say where it is built", app.target))
        })?;
        if path.is_dir() {
            return Ok(path);
        }
        Err(Error::usage(format!("`{}` is not there", path.display())).hint(
            "build it first: `xcodebuild build -scheme NAME -configuration Release CODE_SIGNING_ALLOWED=NO`",
        ))
    }

    /// The entitlements file that a target names for the product of this file name. Xcode's own substitutions are left as they are.
    pub fn entitlements(&self, product: &str) -> Result<Option<Vec<u8>>> {
        let is_it = |it: &&Target| it.settings.get("FULL_PRODUCT_NAME").is_some_and(|it| it == product);
        let Some(target) = self.targets.iter().find(is_it) else { return Ok(None) };
        let named = target.settings.get("CODE_SIGN_ENTITLEMENTS").filter(|it| !it.is_empty());
        let Some(named) = named else { return Ok(None) };
        let root = target.settings.get("SRCROOT").map(PathBuf::from).unwrap_or_default();
        let path = root.join(named);
        fs::read(&path).map(Some).doing_as_asked(|| {
            format!("cannot read the entitlements of `{}`, `{}`", target.target, path.display())
        })
    }

    /// What a person should change before the next build.
    pub fn advice(&self) -> Vec<String> {
        let mut advice = Vec::new();
        for target in &self.targets {
            let is = |key: &str, value: &str| target.settings.get(key).is_some_and(|it| it == value);
            let arches = target.settings.get("ARCHS").map(String::as_str).unwrap_or_default();
            if is("ENABLE_POINTER_AUTHENTICATION", "YES")
                || arches.split_whitespace().any(|it| it == "arm64e")
            {
                advice.push(format!(
                    "`{}` is built for arm64e, which the merge drops: build with `ARCHS=arm64 x86_64 ENABLE_POINTER_AUTHENTICATION=NO`",
                    target.target
                ));
            }
            if is("CODE_SIGNING_ALLOWED", "YES") {
                advice.push(format!(
                    "`{}` is signed by Xcode, which we undo: build with `CODE_SIGNING_ALLOWED=NO`",
                    target.target
                ));
            }
        }
        advice
    }
}

impl Target {
    fn product(&self) -> Option<PathBuf> {
        let folder =
            self.settings.get("TARGET_BUILD_DIR").or_else(|| self.settings.get("BUILT_PRODUCTS_DIR"))?;
        Some(Path::new(folder).join(self.settings.get("FULL_PRODUCT_NAME")?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(folder: &Path, arches: &str) -> Settings {
        let folder = folder.display();
        Settings::parse(&format!(
            r#"[{{ "action": "build", "target": "Example", "buildSettings": {{
                "PRODUCT_TYPE": "com.apple.product-type.application", "TARGET_BUILD_DIR": "{folder}",
                "FULL_PRODUCT_NAME": "Example.app", "SRCROOT": "{folder}", "CODE_SIGN_ENTITLEMENTS": "Example.entitlements" }} }},
               {{ "action": "build", "target": "Driver", "buildSettings": {{
                "PRODUCT_TYPE": "com.apple.product-type.driver-extension", "FULL_PRODUCT_NAME": "com.example.dext", "ARCHS": "{arches}" }} }}]"#
        ))
        .unwrap()
    }

    #[test]
    fn the_app_is_where_the_settings_say_or_the_build_line_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(folder.path(), "arm64 x86_64");
        let error = settings.app().unwrap_err().to_string();
        assert!(error.contains("CODE_SIGNING_ALLOWED=NO"), "{error}");
        fs::create_dir(folder.path().join("Example.app")).unwrap();
        assert_eq!(settings.app().unwrap(), folder.path().join("Example.app"));
    }

    #[test]
    fn entitlements_come_from_the_file_that_the_target_names() {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(folder.path(), "arm64");
        assert!(settings.entitlements("Example.app").is_err(), "named, and not there");
        fs::write(folder.path().join("Example.entitlements"), "<plist/>").unwrap();
        assert_eq!(settings.entitlements("Example.app").unwrap().as_deref(), Some(b"<plist/>".as_slice()));
        assert_eq!(settings.entitlements("com.example.dext").unwrap(), None, "none are named");
        assert_eq!(settings.entitlements("Other.app").unwrap(), None);
    }

    #[test]
    fn arm64e_is_advised_against_and_arm64_is_not() {
        let folder = Path::new("/none");
        assert!(settings(folder, "arm64 x86_64").advice().is_empty());
        let advice = settings(folder, "arm64 arm64e").advice().join("\n");
        assert!(advice.contains("`Driver` is built for arm64e"), "{advice}");
    }

    #[test]
    fn what_is_no_list_of_settings_is_refused() {
        assert!(Settings::parse("{}").is_err());
        assert!(Settings::parse("Build settings for action build").is_err());
        assert!(Settings::parse("[]").unwrap().app().is_err());
    }
}
