//! The TOML files and entitlements of an adopted product, as text.

use std::{collections::BTreeSet, path::PathBuf};

use formats::document::plist::{Dict, Value};

use super::read::{Adopted, Code};
use crate::{
    config::ARM64E,
    error::{Error, Result},
};

/// What a person must still do.
const TODO: &str = "# not known from the product:";

/// Every file to write: path relative to the checkout, content.
pub fn files(adopted: &Adopted) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut files = Vec::new();
    let several = adopted.drivers.len() > 1;
    let mut driver_files = Vec::new();
    for driver in &adopted.drivers {
        let id = required(driver, "CFBundleIdentifier")?;
        let folder = if several { format!("driver/{id}") } else { "driver".to_owned() };
        let file = PathBuf::from(&folder).join("driver.toml");
        driver_files.push(file.clone());
        files.push((file, driver_toml(driver)?.into_bytes()));
    }
    if let Some(app) = &adopted.app {
        files.push((PathBuf::from("app/app.toml"), app_toml(app, &driver_files)?.into_bytes()));
    }
    files.extend(signing(adopted)?);
    Ok(files)
}

fn required<'a>(code: &'a Code, key: &str) -> Result<&'a str> {
    code.text(key).ok_or_else(|| {
        Error::usage(format!("cannot adopt `{}`", code.path.display()))
            .because(format!("its Info.plist has no `{key}`"))
    })
}

fn app_toml(app: &Code, drivers: &[PathBuf]) -> Result<String> {
    let mut text = String::from("[app]\n");
    line(&mut text, "bundle-id", &quoted(required(app, "CFBundleIdentifier")?));
    // The folder's name is the product's; CFBundleName may be shorter.
    let name = app.path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    line(&mut text, "name", &quoted(&name));
    line(&mut text, "version", &quoted(app.text("CFBundleShortVersionString").unwrap_or("0")));
    line(&mut text, "build", &quoted(required(app, "CFBundleVersion")?));
    let minimum = app.text("LSMinimumSystemVersion").map(str::to_owned).or_else(|| lowest(app));
    line(&mut text, "minimum-macos", &quoted(&minimum.unwrap_or_else(|| "12.0".to_owned())));
    line(&mut text, "triples", &triples(app, "macos"));
    prebuilt(&mut text, app);
    let drivers: Vec<String> = drivers.iter().map(|file| quoted(&format!("../{}", file.display()))).collect();
    line(&mut text, "drivers", &format!("[{}]", drivers.join(", ")));
    Ok(text)
}

fn driver_toml(driver: &Code) -> Result<String> {
    let mut text = String::from("[driver]\n");
    line(&mut text, "bundle-id", &quoted(required(driver, "CFBundleIdentifier")?));
    line(&mut text, "name", &quoted(driver.text("CFBundleName").unwrap_or("")));
    line(&mut text, "version", &quoted(driver.text("CFBundleShortVersionString").unwrap_or("0")));
    line(&mut text, "build", &quoted(required(driver, "CFBundleVersion")?));
    match driver.text("OSBundleUsageDescription") {
        Some(usage) => line(&mut text, "usage", &quoted(usage)),
        None => {
            text += &format!(
                "{TODO} OSBundleUsageDescription is missing, and macOS refuses a driver without it\n"
            );
            line(&mut text, "usage", &quoted("what this driver is for"));
        }
    }
    let minimum = driver.text("OSMinimumDriverKitVersion").map(str::to_owned).or_else(|| lowest(driver));
    line(&mut text, "minimum-driverkit", &quoted(&minimum.unwrap_or_else(|| "20.4".to_owned())));
    let sdk = driver.target.map(|(_, _, sdk)| sdk.to_string());
    line(&mut text, "sdk-driverkit", &quoted(&sdk.unwrap_or_else(|| "25.5".to_owned())));
    line(&mut text, "triples", &triples(driver, "driverkit"));
    prebuilt(&mut text, driver);
    let personalities = driver.info.get("IOKitPersonalities").and_then(Value::as_dict);
    for (name, personality) in personalities.iter().flat_map(|all| all.iter()) {
        let Some(personality) = personality.as_dict() else { continue };
        table(&mut text, &format!("driver.personalities.{}", key(name)), personality);
    }
    Ok(text)
}

fn prebuilt(text: &mut String, code: &Code) {
    line(text, "source", &quoted("prebuilt"));
    if code.team.is_some() || code.hardened.is_some() {
        *text += &format!(
            "{TODO} where the unsigned build lies (this one is signed; build with `CODE_SIGNING_ALLOWED=NO`)\n"
        );
    }
    line(text, "prebuilt", &quoted(&code.path.display().to_string()));
}

fn triples(code: &Code, platform: &str) -> String {
    let kept = code.arches.iter().filter(|arch| *arch == "x86_64" || *arch == "arm64");
    let list: Vec<String> = kept.map(|arch| quoted(&format!("{arch}-apple-{platform}"))).collect();
    let dropped = code.arches.iter().any(|arch| arch.starts_with("arm64e"));
    let note = if dropped { format!("  # had arm64e: {ARM64E}") } else { String::new() };
    format!("[{}]{note}", list.join(", "))
}

fn lowest(code: &Code) -> Option<String> {
    code.target.map(|(_, minimum, _)| minimum.to_string())
}

/// A signing file for release, with what each part claims and embeds.
fn signing(adopted: &Adopted) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut files = Vec::new();
    let all = || adopted.drivers.iter().chain(&adopted.nested).chain(&adopted.app);
    let mut text = String::from("[signing]\n");
    line(&mut text, "mode", &quoted("distribution"));
    match all().find_map(|code| code.team.clone()) {
        Some(team) => line(&mut text, "team", &quoted(&team)),
        None => {
            text += &format!("{TODO} the team\n");
            line(&mut text, "team", &quoted("ABCDE12345"));
        }
    }
    text += &format!("{TODO} where the identity and the notary's key are found\n");
    text +=
        "identity = { p12 = { env-path = \"XTASK_P12\", password = { env = \"XTASK_P12_PASSWORD\" } } }\n";
    line(&mut text, "hardened-runtime", "true");
    line(&mut text, "timestamp", "[\"http://timestamp.apple.com/ts01\"]");
    line(&mut text, "notarization", &quoted("apple"));
    line(&mut text, "packages", "[\"zip\"]");
    text +=
        "\n[notary]\nkey = { env-path = \"XTASK_NOTARY_KEY\" }\nkey-id = { env = \"XTASK_NOTARY_KEY_ID\" }\n";
    text += "issuer = { env = \"XTASK_NOTARY_ISSUER\" }\n";
    let mut taken = BTreeSet::new();
    for code in all() {
        if code.entitlements.is_none() && code.profile.is_none() && code.inside != "." {
            continue;
        }
        let name = part_name(code, adopted, &mut taken);
        text += "\n[[part]]\n";
        line(&mut text, "path", &quoted(&code.inside));
        if let Some(entitlements) = &code.entitlements {
            let file = format!("{name}.entitlements");
            line(&mut text, "entitlements", &quoted(&file));
            files.push((PathBuf::from("signing").join(file), entitlements.clone()));
        }
        if let Some(profile) = &code.profile {
            let file = format!("profiles/{name}.provisionprofile");
            line(&mut text, "profile", &quoted(&file));
            files.push((PathBuf::from("signing").join(file), profile.clone()));
        }
    }
    files.insert(0, (PathBuf::from("signing/developer-id.toml"), text.into_bytes()));
    Ok(files)
}

/// `app`, `driver`, or the last part of the identifier.
fn part_name(code: &Code, adopted: &Adopted, taken: &mut BTreeSet<String>) -> String {
    let is_driver = adopted.drivers.iter().any(|driver| driver.inside == code.inside);
    let id = code.text("CFBundleIdentifier").unwrap_or("part");
    let safe: String =
        id.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' || c == '-' { c } else { '-' }).collect();
    let plain = match (code.inside == "." && adopted.app.is_some(), is_driver && adopted.drivers.len() == 1) {
        (true, _) => "app".to_owned(),
        (_, true) => "driver".to_owned(),
        _ => safe,
    };
    let free = (1..).map(|n| if n == 1 { plain.clone() } else { format!("{plain}-{n}") });
    let name = free.into_iter().find(|name| !taken.contains(name)).unwrap_or(plain);
    taken.insert(name.clone());
    name
}

fn line(text: &mut String, name: &str, value: &str) {
    text.push_str(&format!("{name} = {value}\n"));
}

/// A table and the tables inside it; values that TOML cannot hold are marked.
fn table(text: &mut String, name: &str, dict: &Dict) {
    text.push_str(&format!("\n[{name}]\n"));
    let mut inner = Vec::new();
    for (name, value) in dict.iter() {
        match value {
            Value::Dict(dict) => inner.push((name, dict)),
            other => match inline(other) {
                Some(value) => line(text, &key(name), &value),
                None => text.push_str(&format!("{TODO} `{}` has a value that TOML cannot hold\n", key(name))),
            },
        }
    }
    for (key_, dict) in inner {
        table(text, &format!("{name}.{}", key(key_)), dict);
    }
}

fn inline(value: &Value) -> Option<String> {
    Some(match value {
        Value::String(text) => quoted(text),
        Value::Bool(truth) => truth.to_string(),
        Value::Integer(number) => i64::try_from(*number).ok()?.to_string(),
        Value::Real(number) => toml::Value::Float(*number).to_string(),
        Value::Array(values) => {
            let values: Option<Vec<String>> = values.iter().map(inline).collect();
            format!("[{}]", values?.join(", "))
        }
        Value::Dict(dict) => {
            let entries: Option<Vec<String>> = dict
                .iter()
                .map(|(name, value)| Some(format!("{} = {}", key(name), inline(value)?)))
                .collect();
            format!("{{ {} }}", entries?.join(", "))
        }
        _ => return None,
    })
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if bare { name.to_owned() } else { quoted(name) }
}
