//! The manual pages, as far as options go: one synopsis for each tool. Sources: the macOS manual pages and `--help` texts of the tools.
//!
//! A page that was held against its text says so; the others are written from memory of the page and from lines in other people's pipelines.

mod machine;
mod notary;
mod packaging;
mod signing;

use crate::synopsis::Synopsis;

/// The synopsis of every tool we stand in for.
pub fn all() -> Vec<Synopsis> {
    [signing::PAGES, notary::PAGES, packaging::PAGES, machine::PAGES]
        .into_iter()
        .flatten()
        .map(|text| Synopsis::read(text))
        .collect()
}

/// The synopsis of one tool.
pub fn page(tool: &str) -> Option<Synopsis> {
    all().into_iter().find(|it| it.tool == tool)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_has_one_page() {
        let mut tools: Vec<_> = all().iter().map(|it| it.tool).collect();
        assert!(tools.len() > 20, "{tools:?}");
        tools.sort_unstable();
        let count = tools.len();
        tools.dedup();
        assert_eq!(tools.len(), count);
    }

    #[track_caller]
    fn check(line: &str) -> Result<(), String> {
        let mut words = line.split_whitespace().map(str::to_owned);
        let tool = words.next().unwrap();
        page(&tool).unwrap().check(&words.collect::<Vec<_>>()).map(drop)
    }

    /// Lines as they stand in our facts and in other people's pipelines.
    const LINES: &[&str] = &[
        "codesign --force --sign ID --keychain k --options runtime --timestamp --entitlements e --generate-entitlement-der X.dext",
        "codesign -vvvv --strict=all A.app",
        "codesign -d --entitlements - --xml A.app",
        "codesign -d -r- A.app",
        "codesign -dvvv A.app",
        "codesign --verify --deep --strict --verbose=4 A.app",
        "codesign --verify -R=notarized --check-notarization A.app",
        "security create-keychain -p pw k.keychain-db",
        "security list-keychains -d user -s a b",
        "security list-keychains -d user",
        "security import a.p12 -k k -f pkcs12 -P pw -T /usr/bin/codesign",
        "security set-key-partition-list -S apple-tool:,apple:,codesign: -s -k pw k",
        "security set-keychain-settings -lut 3600 k",
        "security find-identity -v -p codesigning k",
        "security cms -D -i embedded.provisionprofile",
        "security -i",
        "notarytool submit a.zip --key k --key-id i --issuer u --wait --timeout 1h --output-format json",
        "notarytool log ID --key k --key-id i out.json",
        "notarytool history --keychain-profile p",
        "stapler staple -v A.app",
        "stapler validate A.pkg",
        "spctl -a -vv -t exec A.app",
        "spctl --assess --type open --context context:primary-signature -v A.dmg",
        "syspolicy_check distribution A.app",
        "xcrun --sdk driverkit --show-sdk-path",
        "lipo -create a b -output c",
        "lipo a -thin arm64 -output b",
        "lipo -archs a",
        "ditto -c -k --sequesterRsrc --keepParent A.app a.zip",
        "hdiutil create -volname V -srcfolder F -fs APFS -format UDZO -ov a.dmg",
        "pkgbuild --component A.app --install-location /Applications --identifier i --version 1 a.pkg",
        "productbuild --component A.app /Applications --sign ID --timestamp a.pkg",
        "productsign --sign ID --keychain k --timestamp a.pkg b.pkg",
        "dsymutil a -o a.dSYM",
        "systemextensionsctl list",
        "csrutil status",
        "sw_vers -productVersion",
        "sw_vers --buildVersion",
        "log show --info --debug --style ndjson --start 2026-01-01 --predicate process==\"sysextd\"",
        "ioreg -p IOService -w0 -l -r -c IOUserService",
        "pgrep -fl com.example",
        "system_profiler -json SPHardwareDataType",
        "sysctl -n hw.optional.arm64 kern.bootargs",
        "xcode-select -p",
        "xcodebuild -version",
        "pkgutil --check-signature a.pkg",
        "gktool scan A.app",
    ];

    #[test]
    fn usual_calls_keep_to_the_manual() {
        for line in LINES {
            assert_eq!(check(line), Ok(()), "{line}");
        }
    }

    #[test]
    fn usual_mistakes_do_not() {
        for line in [
            "codesign --sign ID --entitlement e A.app",
            "codesign --sign ID",
            "codesign --sign ID --timestamp http://x A.app B.app --no-such",
            "security import",
            "security list-keychain",
            "security set-key-partition-list -K pw k",
            "notarytool submit",
            "notarytool submit a.zip --api-key k",
            "notarytool staple a.zip",
            "stapler staple",
            "spctl --asses A.app",
            "lipo --create a b --output c",
            "hdiutil create --volname V a.dmg",
            "pkgbuild -component A.app a.pkg",
            "systemextensionsctl install",
            "log show --styl ndjson",
        ] {
            assert!(check(line).is_err(), "{line}");
        }
    }
}
