//! `--help-config`: every key of every file, in one table.

/// File, key, what it is, example.
type Row = (&'static str, &'static str, &'static str, &'static str);

const KEYS: &[Row] = &[
    (
        "driver/driver.toml [driver]",
        "bundle-id",
        "identifier; also the folder's name before .dext and the executable's",
        r#""com.example.usb-interface-driver""#,
    ),
    (
        "driver/driver.toml [driver]",
        "name",
        "what a person reads (CFBundleName)",
        r#""USB Interface Driver""#,
    ),
    ("driver/driver.toml [driver]", "version", "CFBundleShortVersionString", r#""1.2.0""#),
    (
        "driver/driver.toml [driver]",
        "build",
        "CFBundleVersion: up to 3 numbers of up to 4 digits; `--build` overrides",
        r#""12""#,
    ),
    (
        "driver/driver.toml [driver]",
        "usage",
        "OSBundleUsageDescription; a driver without it is refused at activation",
        r#""Talks to the example USB interface.""#,
    ),
    (
        "driver/driver.toml [driver]",
        "minimum-driverkit",
        "OSMinimumDriverKitVersion and the minimum in each slice",
        r#""20.4""#,
    ),
    (
        "driver/driver.toml [driver]",
        "sdk-driverkit",
        "DriverKit version of the SDK, recorded in each slice",
        r#""25.5""#,
    ),
    (
        "driver/driver.toml [driver]",
        "triples",
        "what is built; arm64e is refused",
        r#"["x86_64-apple-driverkit", "arm64-apple-driverkit"]"#,
    ),
    ("driver/driver.toml [driver]", "source", "`build` or `prebuilt`", r#""build""#),
    (
        "driver/driver.toml [driver]",
        "prebuilt",
        "with source = \"prebuilt\": the unsigned .dext",
        r#""path/to/Unsigned.dext""#,
    ),
    ("driver/driver.toml [driver]", "language", "C++ standard", r#""c++17""#),
    ("driver/driver.toml [driver]", "interfaces", "patterns of the .iig files", r#"["*.iig"]"#),
    (
        "driver/driver.toml [driver]",
        "generated",
        "folder with checked-in generated sources, instead of running a generator",
        r#""""#,
    ),
    ("driver/driver.toml [driver]", "sources", "patterns of the source files", r#"["*.cpp"]"#),
    ("driver/driver.toml [driver]", "frameworks", "frameworks to link", r#"["DriverKit", "USBDriverKit"]"#),
    (
        "driver/driver.toml [driver]",
        "personalities",
        "a table for each IOKit personality; CFBundleIdentifier and IOUserServerName are filled in",
        "[driver.personalities.Name]",
    ),
    (
        "driver/driver.toml [driver]",
        "self-test",
        "a labelled personality on IOUserResources, so that a machine without the device sees a launch",
        "[driver.self-test]",
    ),
    (
        "driver/driver.toml [driver]",
        "info-plist",
        "any other key of Info.plist, merged last",
        "[driver.info-plist]",
    ),
    ("driver/driver.toml [driver.self-test]", "personality", "its name", r#""SelfTest""#),
    ("app/app.toml [app]", "bundle-id", "identifier", r#""com.example.usb-driver-host""#),
    (
        "app/app.toml [app]",
        "name",
        "what a person reads; bundle and executable are called so",
        r#""USB Driver Host""#,
    ),
    (
        "app/app.toml [app]",
        "version",
        "CFBundleShortVersionString; app and driver have separate versions",
        r#""1.2.0""#,
    ),
    ("app/app.toml [app]", "build", "CFBundleVersion", r#""340""#),
    (
        "app/app.toml [app]",
        "minimum-macos",
        "LSMinimumSystemVersion and the minimum in each slice",
        r#""12.0""#,
    ),
    ("app/app.toml [app]", "triples", "what is built", r#"["x86_64-apple-macos", "arm64-apple-macos"]"#),
    ("app/app.toml [app]", "source", "`build` or `prebuilt`", r#""build""#),
    ("app/app.toml [app]", "prebuilt", "with source = \"prebuilt\": the unsigned .app", r#""…/Host.app""#),
    ("app/app.toml [app]", "sources", "patterns of the source files", r#"["*.m"]"#),
    (
        "app/app.toml [app]",
        "frameworks",
        "frameworks to link",
        r#"["Foundation", "SystemExtensions", "IOKit"]"#,
    ),
    (
        "app/app.toml [app]",
        "drivers",
        "the driver.toml of each driver inside",
        r#"["../driver/driver.toml"]"#,
    ),
    ("app/app.toml [app]", "info-plist", "any other key of Info.plist, merged last", "[app.info-plist]"),
    (
        "signing/NAME.toml [signing]",
        "mode",
        "distribution | development | rehearsal | adhoc",
        r#""distribution""#,
    ),
    ("signing/NAME.toml [signing]", "team", "the ten characters of the team", r#""ABCDE12345""#),
    (
        "signing/NAME.toml [signing]",
        "identity",
        "one of p12, pem, keychain, rehearsal, adhoc; where it is found, never the secret itself",
        r#"{ p12 = { env-path = "XTASK_P12", password = { env = "XTASK_P12_PASSWORD" } } }"#,
    ),
    (
        "signing/NAME.toml [signing]",
        "installer-identity",
        "who signs packages, in the same forms",
        r#"{ keychain = "Developer ID Installer: …" }"#,
    ),
    (
        "signing/NAME.toml [signing]",
        "hardened-runtime",
        "for every part that does not say otherwise; default true",
        "true",
    ),
    (
        "signing/NAME.toml [signing]",
        "timestamp",
        "timestamp servers, tried in order",
        r#"["http://timestamp.apple.com/ts01"]"#,
    ),
    ("signing/NAME.toml [signing]", "notarization", "apple | local | none", r#""apple""#),
    (
        "signing/NAME.toml [signing]",
        "staple-app",
        "a submission of its own for the app inside a package; default false",
        "false",
    ),
    ("signing/NAME.toml [signing]", "packages", "zip, pkg, dmg", r#"["zip", "pkg"]"#),
    (
        "signing/NAME.toml [signing]",
        "pkg-style",
        "component (default) | product: with a Distribution that asks for architecture and macOS",
        r#""component""#,
    ),
    (
        "signing/NAME.toml [notary]",
        "key",
        "AuthKey_*.p8, or JSON that holds everything",
        r#"{ env-path = "XTASK_NOTARY_KEY" }"#,
    ),
    (
        "signing/NAME.toml [notary]",
        "key-id",
        "the key's ten characters",
        r#"{ env = "XTASK_NOTARY_KEY_ID" }"#,
    ),
    (
        "signing/NAME.toml [notary]",
        "issuer",
        "the team's issuer id; none for an individual key",
        r#"{ env = "XTASK_NOTARY_ISSUER" }"#,
    ),
    (
        "signing/NAME.toml [notary]",
        "keychain-profile",
        "a profile of notarytool (Apple's tools only)",
        r#""my-profile""#,
    ),
    (
        "signing/NAME.toml [[part]]",
        "path",
        "pattern of paths inside the app, `.` is the app; the first match wins, one without a match is an error",
        r#""Contents/Library/SystemExtensions/*.dext""#,
    ),
    ("signing/NAME.toml [[part]]", "entitlements", "entitlements file", r#""driver.entitlements""#),
    (
        "signing/NAME.toml [[part]]",
        "profile",
        "provisioning profile to embed",
        r#""profiles/driver.provisionprofile""#,
    ),
    (
        "signing/NAME.toml [[part]]",
        "identifier",
        "identifier of code without Info.plist",
        r#""com.example.helper""#,
    ),
    ("signing/NAME.toml [[part]]", "hardened-runtime", "overrides [signing]", "true"),
    (
        "signing/NAME.toml [[part]]",
        "launch-constraint-self",
        "property list: what the code itself must be to run",
        r#""constraints/self.plist""#,
    ),
    (
        "signing/NAME.toml [[part]]",
        "launch-constraint-parent",
        "property list: what may start it",
        r#""constraints/parent.plist""#,
    ),
    (
        "signing/NAME.toml [[part]]",
        "launch-constraint-responsible",
        "property list: what may be responsible for it",
        r#""constraints/responsible.plist""#,
    ),
    (
        "signing/NAME.toml [[part]]",
        "library-constraint",
        "property list: what libraries it may load",
        r#""constraints/library.plist""#,
    ),
];

/// The table, as text.
pub fn help() -> String {
    let mut text = String::from(
        "Paths are relative to the file that names them. No file holds a secret: only where to find one.\n",
    );
    let mut section = "";
    for (file, key, what, example) in KEYS {
        if *file != section {
            text.push_str(&format!("\n{file}\n"));
            section = file;
        }
        text.push_str(&format!("  {key} = {example}\n      {what}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The keys that serde knows, from its complaint about one that it does not.
    fn known(table: &str, complaint: &str) -> Vec<String> {
        assert!(complaint.contains("unknown field"), "{table}: {complaint}");
        complaint.split('`').skip(3).step_by(2).map(str::to_owned).collect()
    }

    #[test]
    fn every_key_of_every_file_is_in_the_table() {
        let workspace = tempfile::tempdir().unwrap();
        let complain = |name: &str, text: &str| {
            let path = workspace.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            let at = crate::workspace::Workspace::at(workspace.path());
            let error = match name {
                "driver.toml" => super::super::Driver::load(&path, &at).map(|_| ()),
                "app.toml" => super::super::App::load(&path, &at).map(|_| ()),
                _ => super::super::Signing::load("x", &at).map(|_| ()),
            };
            error.unwrap_err().to_string().lines().next().unwrap().to_owned()
        };
        let tables = [
            ("driver.toml", "[driver]\nnonsense = 1", "driver/driver.toml [driver]"),
            ("app.toml", "[app]\nnonsense = 1", "app/app.toml [app]"),
            ("signing/x.toml", "[signing]\nnonsense = 1", "signing/NAME.toml [signing]"),
            ("signing/x.toml", "[notary]\nnonsense = 1", "signing/NAME.toml [notary]"),
            ("signing/x.toml", "[[part]]\nnonsense = 1", "signing/NAME.toml [[part]]"),
        ];
        for (name, text, section) in tables {
            let keys = known(section, &complain(name, text));
            let shown: Vec<&str> = KEYS.iter().filter(|row| row.0 == section).map(|row| row.1).collect();
            assert_eq!(keys, shown, "{section}");
        }
    }
}
