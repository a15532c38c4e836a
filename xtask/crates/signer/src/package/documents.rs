//! The two XML documents of a package: `PackageInfo` of the component, `Distribution` of a product archive.

use formats::container::xml::escape;

use super::{Bundle, Component, Entry, Product};
use crate::{Error, Result};

/// What the payload takes when it is installed, in units of 1024 bytes.
pub(super) fn kilobytes(entries: &[Entry]) -> u64 {
    entries.iter().map(Entry::size).sum::<u64>().div_ceil(1024)
}

/// The folder of a component in a product archive. `pkg-ref` names it as part of a URL, so what needs escaping there is refused.
pub(super) fn component_folder(identifier: &str) -> Result<String> {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || matches!(it, '.' | '-' | '_');
    if identifier.is_empty() || !identifier.chars().all(is_plain) {
        let what = format!(
            "the package identifier `{identifier}` has other characters than letters, digits, `.`, `-`, `_`"
        );
        return Err(Error::new(what).hint("correct CFBundleIdentifier"));
    }
    Ok(identifier.to_owned())
}

/// What Installer asks of the Mac before it installs the component, in the shape that `productbuild --synthesize` gives.
///
/// No comment is written into it: `--` inside one makes the notary call the whole package unreadable. The reference to the component
/// begins with `#`, without which the notary finds nothing in the package.
pub(super) fn distribution(
    component: &Component<'_>,
    product: &Product<'_>,
    folder: &str,
    kilobytes: u64,
) -> Result<String> {
    if product.architectures.is_empty() {
        return Err(Error::new("a product that runs on no architecture").hint("build at least one slice"));
    }
    let Bundle { path, identifier, short_version, version } = &component.bundle;
    let (id, package_version) = (escape(component.identifier), escape(component.version));
    let oldest = product.minimum_macos.map_or_else(String::new, |it| {
        format!(
            "    <volume-check>\n        <allowed-os-versions>\n            <os-version min=\"{}\"/>\n        </allowed-os-versions>\n    </volume-check>\n",
            escape(it)
        )
    });
    Ok(format!(
        r##"<?xml version="1.0" encoding="utf-8"?>
<installer-gui-script minSpecVersion="2">
    <title>{}</title>
    <options customize="never" require-scripts="false" rootVolumeOnly="true" hostArchitectures="{}"/>
    <domains enable_anywhere="false" enable_currentUserHome="false" enable_localSystem="true"/>
{oldest}    <product id="{}" version="{package_version}"/>
    <choices-outline>
        <line choice="default">
            <line choice="{id}"/>
        </line>
    </choices-outline>
    <choice id="default"/>
    <choice id="{id}" visible="false">
        <pkg-ref id="{id}"/>
    </choice>
    <pkg-ref id="{id}" version="{package_version}" onConclusion="none" installKBytes="{kilobytes}">#{folder}</pkg-ref>
    <pkg-ref id="{id}">
        <bundle-version>
            <bundle id="{}" path="{}" CFBundleShortVersionString="{}" CFBundleVersion="{}"/>
        </bundle-version>
    </pkg-ref>
</installer-gui-script>
"##,
        escape(product.title),
        escape(&product.architectures.join(",")),
        escape(identifier),
        escape(identifier),
        escape(path),
        escape(short_version),
        escape(version),
    ))
}

/// What Installer reads about the component.
pub(super) fn package_info(component: &Component<'_>, entries: &[Entry]) -> String {
    let Bundle { path, identifier, short_version, version } = &component.bundle;
    let id = escape(identifier);
    format!(
        r#"<?xml version="1.0" encoding="utf-8"?>
<pkg-info overwrite-permissions="true" relocatable="false" identifier="{}" postinstall-action="none" version="{}" format-version="2" generator-version="driver-xtask" install-location="{}" auth="root">
    <payload numberOfFiles="{}" installKBytes="{}"/>
    <bundle path="./{}" id="{id}" CFBundleShortVersionString="{}" CFBundleVersion="{}"/>
    <bundle-version>
        <bundle id="{id}"/>
    </bundle-version>
    <upgrade-bundle>
        <bundle id="{id}"/>
    </upgrade-bundle>
    <update-bundle/>
    <atomic-update-bundle/>
    <strict-identifier>
        <bundle id="{id}"/>
    </strict-identifier>
    <relocate/>
</pkg-info>
"#,
        escape(component.identifier),
        escape(component.version),
        escape(component.install_location),
        entries.len() + 1,
        kilobytes(entries),
        escape(path),
        escape(short_version),
        escape(version),
    )
}
