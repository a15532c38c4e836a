//! The Info.plists of a driver and its app: what the loader asks for, nothing that depends on the machine.

use plist::{Dictionary, Value};

use crate::{
    config::{App, Driver},
    error::{Doing, Error, Result},
};

/// A driver's Info.plist, as Xcode's DriverKit target would have written it but for the machine's versions.
pub fn driver(config: &Driver) -> Result<Vec<u8>> {
    let mut plist =
        common(&config.bundle_id, &config.name, config.executable(), &config.version, config.build.as_str());
    let sdk = *config.sdk_driverkit;
    set(&mut plist, "CFBundlePackageType", "DEXT");
    plist.insert("CFBundleSupportedPlatforms".into(), Value::Array(vec!["DriverKit".into()]));
    set(&mut plist, "DTPlatformName", "driverkit");
    set(&mut plist, "DTSDKName", &format!("driverkit{sdk}"));
    set(&mut plist, "OSBundleUsageDescription", &config.usage);
    set(&mut plist, "OSMinimumDriverKitVersion", &config.minimum_driverkit.to_string());
    plist.insert("IOKitPersonalities".into(), Value::Dictionary(personalities(config)?));
    merge(&mut plist, &config.info_plist)?;
    xml(plist)
}

/// The app's Info.plist.
pub fn app(config: &App) -> Result<Vec<u8>> {
    let mut plist =
        common(&config.bundle_id, &config.name, config.executable(), &config.version, &config.build);
    set(&mut plist, "CFBundlePackageType", "APPL");
    plist.insert("CFBundleSupportedPlatforms".into(), Value::Array(vec!["MacOSX".into()]));
    set(&mut plist, "LSMinimumSystemVersion", &config.minimum_macos.to_string());
    merge(&mut plist, &config.info_plist)?;
    xml(plist)
}

fn common(id: &str, name: &str, executable: &str, version: &str, build: &str) -> Dictionary {
    let mut plist = Dictionary::new();
    set(&mut plist, "CFBundleDevelopmentRegion", "en");
    set(&mut plist, "CFBundleExecutable", executable);
    set(&mut plist, "CFBundleIdentifier", id);
    set(&mut plist, "CFBundleInfoDictionaryVersion", "6.0");
    set(&mut plist, "CFBundleName", name);
    set(&mut plist, "CFBundleShortVersionString", version);
    set(&mut plist, "CFBundleVersion", build);
    plist
}

fn set(plist: &mut Dictionary, key: &str, value: &str) {
    plist.insert(key.to_owned(), value.into());
}

/// The personalities as written, with the identifier and the server's name filled in, and the self-test flavour.
fn personalities(config: &Driver) -> Result<Dictionary> {
    let mut all = Dictionary::new();
    for (name, written) in config.personalities.iter() {
        let written =
            written.as_table().ok_or_else(|| Error::usage(format!("personality `{name}` is not a table")))?;
        let mut personality = table(written)?;
        for key in ["CFBundleIdentifier", "IOUserServerName"] {
            if !personality.contains_key(key) {
                set(&mut personality, key, &config.bundle_id);
            }
        }
        all.insert(name.clone(), Value::Dictionary(personality));
    }
    if let Some(self_test) = &config.self_test
        && !all.contains_key(&self_test.personality)
    {
        let personality = self_test_personality(config, &all)?;
        all.insert(self_test.personality.clone(), Value::Dictionary(personality));
    }
    Ok(all)
}

/// The first personality's class on IOUserResources, which every Mac has, so that it starts without the device.
fn self_test_personality(config: &Driver, all: &Dictionary) -> Result<Dictionary> {
    let first = all.values().next().and_then(Value::as_dictionary);
    let class = first.and_then(|first| first.get("IOUserClass")).and_then(Value::as_string);
    let class = class.ok_or_else(|| {
        Error::usage(format!(
            "{}: the self-test needs a personality with `IOUserClass`",
            config.personalities.place()
        ))
    })?;
    let mut personality = Dictionary::new();
    for (key, value) in [
        ("CFBundleIdentifier", config.bundle_id.as_str()),
        ("CFBundleIdentifierKernel", "com.apple.kpi.iokit"),
        ("IOClass", "IOUserService"),
        ("IOMatchCategory", &format!("{}.self-test", *config.bundle_id)),
        ("IOProviderClass", "IOUserResources"),
        ("IOResourceMatch", "IOKit"),
        ("IOUserClass", class),
        ("IOUserServerName", config.bundle_id.as_str()),
    ] {
        set(&mut personality, key, value);
    }
    personality.insert("SelfTest".to_owned(), Value::Boolean(true));
    // What the driver offers its clients is the same in both flavours.
    for (key, value) in first.into_iter().flatten().filter(|(_, value)| value.as_dictionary().is_some()) {
        personality.insert(key.clone(), value.clone());
    }
    Ok(personality)
}

/// Keys of `[….info-plist]` replace ours.
fn merge(plist: &mut Dictionary, more: &toml::Table) -> Result {
    for (key, value) in table(more)? {
        plist.insert(key, value);
    }
    Ok(())
}

fn table(table: &toml::Table) -> Result<Dictionary> {
    table.iter().map(|(key, value)| Ok((key.clone(), convert(value)?))).collect()
}

fn convert(value: &toml::Value) -> Result<Value> {
    Ok(match value {
        toml::Value::String(text) => Value::String(text.clone()),
        toml::Value::Integer(number) => Value::Integer((*number).into()),
        toml::Value::Float(number) => Value::Real(*number),
        toml::Value::Boolean(truth) => Value::Boolean(*truth),
        toml::Value::Array(values) => Value::Array(values.iter().map(convert).collect::<Result<_>>()?),
        toml::Value::Table(values) => Value::Dictionary(self::table(values)?),
        toml::Value::Datetime(date) => {
            return Err(Error::usage(format!("a property list key has the date `{date}`"))
                .hint("write it as a string: nothing that macOS reads from a driver is a date"));
        }
    })
}

/// XML in the order of the keys, so that the same configuration gives the same bytes.
fn xml(mut plist: Dictionary) -> Result<Vec<u8>> {
    sort(&mut plist);
    let mut bytes = Vec::new();
    plist::to_writer_xml(&mut bytes, &Value::Dictionary(plist)).doing(|| "cannot write an Info.plist")?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn sort(plist: &mut Dictionary) {
    plist.sort_keys();
    for (_, value) in plist.iter_mut() {
        if let Value::Dictionary(inner) = value {
            sort(inner);
        }
    }
}
