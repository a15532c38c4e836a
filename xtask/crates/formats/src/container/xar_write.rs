//! Writing flat packages: the same members give the same bytes.
//!
//! The table of contents must know where signatures lie before they exist, so space is reserved first; then the table is packed,
//! its digest is handed to the signer, and what comes back fills the space (padded with zeros).
//!
//! ```
//! # fn main() -> formats::Result<()> {
//! use formats::container::{xar::{Style, Xar}, xar_write::{Content, Package}};
//! let info = b"<pkg-info/>".to_vec();
//! let mut package = Package::new(Style::Sha1, 1_600_000_000);
//! package.add("PackageInfo", Content::zlib(&info, Style::Sha1)?)?;
//! let mut file = Vec::new();
//! package.write(&mut |_digest| Ok(Vec::new()), &mut file)?;
//! assert_eq!(Xar::read(&file)?.members.len(), 1);
//! # Ok(()) }
//! ```

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use base64::Engine;
use time::{OffsetDateTime, macros::format_description};

use super::{
    bounded::{self, SourceReader},
    path,
    xar::{Data, Encoding, HEADER_LEN, MAGIC, Stated, Style},
    xml::escape,
};
use crate::{
    bytes::{Error, Result},
    source::{Source, Window},
};

/// The packed bytes of a member and what the table says of them.
pub struct Content<'a> {
    packed: Box<dyn Source + 'a>,
    unpacked: u64,
    is_zlib: bool,
    archived: Stated,
    extracted: Stated,
}

impl<'a> Content<'a> {
    /// Bytes put into the archive as they are (a `Payload` is packed already).
    pub fn stored(bytes: &'a dyn Source, style: Style) -> Result<Self> {
        let digest = digest(bytes, style)?;
        let packed = Box::new(Window::new(bytes, 0, bytes.len())?);
        Ok(Self {
            unpacked: bytes.len(),
            is_zlib: false,
            archived: digest.clone(),
            extracted: digest,
            packed,
        })
    }

    /// Bytes packed with zlib here, in memory: documents such as `PackageInfo` and `Bom`.
    pub fn zlib(bytes: &'a dyn Source, style: Style) -> Result<Self> {
        let mut to = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        io::copy(&mut SourceReader::all(bytes), &mut to).map_err(|it| bounded::fault(0, it))?;
        let packed = to.finish().map_err(|it| bounded::fault(0, it))?;
        let (archived, extracted) = (digest(&packed, style)?, digest(bytes, style)?);
        Ok(Self { unpacked: bytes.len(), is_zlib: true, archived, extracted, packed: Box::new(packed) })
    }

    /// A member of an existing archive, not unpacked: how a package is signed again. It must state both digests.
    pub fn of_member(archive: &'a dyn Source, data: &Data) -> Result<Self> {
        let is_zlib = match &data.encoding {
            Encoding::Stored => false,
            Encoding::Zlib => true,
            Encoding::Other(name) => {
                return Err(Error::new(
                    data.range.offset,
                    format!("a member is packed as `{}`", name.escape_debug()),
                ));
            }
        };
        let (Some(archived), Some(extracted)) = (data.archived.clone(), data.extracted.clone()) else {
            return Err(Error::new(data.range.offset, "a member states no digests"));
        };
        let packed = Box::new(Window::new(archive, data.range.offset, data.range.len)?);
        Ok(Self { packed, unpacked: data.unpacked, is_zlib, archived, extracted })
    }
}

/// Space for a signature in the heap.
#[derive(Debug, Clone)]
pub struct Space {
    /// `RSA`: element `signature`, exactly as long as the key's modulus. `CMS`: element `x-signature`, padded.
    pub kind: SpaceKind,
    /// Bytes reserved.
    pub len: u64,
    /// Certificates written beside it, leaf first, DER.
    pub certificates: Vec<Vec<u8>>,
}

/// Which of the two signatures of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpaceKind {
    /// PKCS#1 v1.5 over the table's digest.
    Rsa,
    /// A detached CMS over the table's digest; Apple's stapler needs this one.
    Cms,
}

/// A package being put together.
pub struct Package<'a> {
    style: Style,
    created: u64,
    members: BTreeMap<String, Content<'a>>,
    spaces: Vec<Space>,
}

/// Receives the digest of the table, gives back one signature per reserved [`Space`], in the same order.
pub type Signing<'s> = dyn FnMut(&[u8]) -> Result<Vec<Vec<u8>>> + 's;

impl<'a> Package<'a> {
    /// An empty package whose table has this digest. The notary is suspected to refuse others than SHA-1 (`notary.md` 2.10).
    ///
    /// `created`: seconds since 1970, from `SOURCE_DATE_EPOCH`.
    pub const fn new(style: Style, created: u64) -> Self {
        Self { style, created, members: BTreeMap::new(), spaces: Vec::new() }
    }

    /// Adds a member; folders in its path are made. Members are written in the order of their paths.
    pub fn add(&mut self, name: &str, content: Content<'a>) -> Result<()> {
        let name = path::inside(name)?;
        match self.members.insert(name.clone(), content) {
            None => Ok(()),
            Some(_) => Err(Error::new(0, format!("the member {name:?} is there twice"))),
        }
    }

    /// Reserves space for one more signature.
    pub fn reserve(&mut self, space: Space) {
        self.spaces.push(space);
    }

    /// Writes the archive; `sign` is called once, also when no space was reserved.
    pub fn write(&self, sign: &mut Signing<'_>, out: &mut dyn Write) -> Result<()> {
        let table = self.table()?;
        let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        packed.write_all(table.as_bytes()).map_err(|it| bounded::fault(0, it))?;
        let packed = packed.finish().map_err(|it| bounded::fault(0, it))?;
        let digest = digest(&packed, self.style)?.digest;
        let signatures = sign(&digest)?;
        if signatures.len() != self.spaces.len() {
            let what = format!("{} signatures for {} spaces", signatures.len(), self.spaces.len());
            return Err(Error::new(0, what));
        }
        let mut head = Vec::new();
        head.extend_from_slice(&MAGIC.to_be_bytes());
        head.extend_from_slice(&HEADER_LEN.to_be_bytes());
        head.extend_from_slice(&1u16.to_be_bytes());
        head.extend_from_slice(&(packed.len() as u64).to_be_bytes());
        head.extend_from_slice(&(table.len() as u64).to_be_bytes());
        let number: u32 = match self.style {
            Style::Sha1 => 1,
            Style::Sha256 => 3,
            Style::Sha512 => 4,
        };
        head.extend_from_slice(&number.to_be_bytes());
        let mut put = |bytes: &[u8]| out.write_all(bytes).map_err(|it| bounded::fault(0, it));
        put(&head)?;
        put(&packed)?;
        put(&digest)?;
        for (space, signature) in self.spaces.iter().zip(&signatures) {
            put(&filled(space, signature)?)?;
        }
        for content in self.members.values() {
            let mut from = SourceReader::all(content.packed.as_ref());
            io::copy(&mut from, out).map_err(|it| bounded::fault(0, it))?;
        }
        Ok(())
    }

    /// The table of contents.
    fn table(&self) -> Result<String> {
        let style = self.style.name();
        let mut at = self.style.digest_len() as u64;
        let mut out = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<xar>\n <toc>\n  <creation-time>{}</creation-time>\n  \
             <checksum style=\"{style}\">\n   <offset>0</offset>\n   <size>{at}</size>\n  </checksum>\n",
            date(self.created)?
        );
        for space in &self.spaces {
            let (element, name) = match space.kind {
                SpaceKind::Rsa => ("signature", "RSA"),
                SpaceKind::Cms => ("x-signature", "CMS"),
            };
            out += &format!(
                "  <{element} style=\"{name}\">\n   <offset>{at}</offset>\n   <size>{}</size>\n",
                space.len
            );
            out += "   <KeyInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\">\n    <X509Data>\n";
            for certificate in &space.certificates {
                let text = base64::engine::general_purpose::STANDARD.encode(certificate);
                out += &format!("     <X509Certificate>{text}</X509Certificate>\n");
            }
            out += &format!("    </X509Data>\n   </KeyInfo>\n  </{element}>\n");
            at =
                at.checked_add(space.len).ok_or_else(|| Error::new(0, "a signature's space is too large"))?;
        }
        // Members come sorted by path, so a folder's members are neighbours: close and open folders as the path changes.
        let (mut open, mut id): (Vec<&str>, u64) = (Vec::new(), 0);
        for (name, content) in &self.members {
            let mut folders: Vec<&str> = name.split('/').collect();
            let file = folders.pop().unwrap_or_default();
            let shared = open.iter().zip(&folders).take_while(|(a, b)| a == b).count();
            while open.len() > shared {
                open.pop();
                out += &format!("{}</file>\n", indent(open.len()));
            }
            for folder in folders.into_iter().skip(shared) {
                id += 1;
                let space = indent(open.len());
                out += &format!(
                    "{space}<file id=\"{id}\">\n{space} <mode>0755</mode>\n{space} <type>directory</type>\n{space} <name>{}</name>\n",
                    escape(folder)
                );
                open.push(folder);
            }
            id += 1;
            out += &member(id, file, content, at, &indent(open.len()));
            at = at
                .checked_add(content.packed.len())
                .ok_or_else(|| Error::new(0, "the package is too large"))?;
        }
        while open.pop().is_some() {
            out += &format!("{}</file>\n", indent(open.len()));
        }
        Ok(out + " </toc>\n</xar>\n")
    }
}

fn member(id: u64, name: &str, content: &Content<'_>, at: u64, space: &str) -> String {
    let encoding = if content.is_zlib { "application/x-gzip" } else { "application/octet-stream" };
    let stated = |element: &str, it: &Stated| {
        format!("{space}  <{element} style=\"{}\">{}</{element}>\n", it.style.name(), hex(&it.digest))
    };
    [
        format!(
            "{space}<file id=\"{id}\">\n{space} <data>\n{space}  <length>{}</length>\n",
            content.packed.len()
        ),
        format!("{space}  <offset>{at}</offset>\n{space}  <size>{}</size>\n", content.unpacked),
        format!("{space}  <encoding style=\"{encoding}\"/>\n"),
        stated("extracted-checksum", &content.extracted),
        stated("archived-checksum", &content.archived),
        format!("{space} </data>\n{space} <mode>0644</mode>\n{space} <type>file</type>\n"),
        format!("{space} <name>{}</name>\n{space}</file>\n", escape(name)),
    ]
    .concat()
}

fn indent(depth: usize) -> String {
    " ".repeat(depth + 2)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("{it:02x}")).collect()
}

/// `signature`, filled up with zeros where the space may be larger.
fn filled(space: &Space, signature: &[u8]) -> Result<Vec<u8>> {
    let (len, found) = (space.len, signature.len() as u64);
    let fits = match space.kind {
        SpaceKind::Rsa => found == len,
        SpaceKind::Cms => found <= len,
    };
    if !fits {
        return Err(Error::new(0, format!("a signature of {found} bytes for a space of {len}")));
    }
    let mut out = signature.to_vec();
    out.resize(usize::try_from(len).map_err(|_| Error::new(0, "a signature's space is too large"))?, 0);
    Ok(out)
}

fn digest(bytes: &dyn Source, style: Style) -> Result<Stated> {
    let digest = style.digest(SourceReader::all(bytes)).map_err(|it| bounded::fault(0, it))?;
    Ok(Stated { style, digest })
}

fn date(seconds: u64) -> Result<String> {
    let fault = || Error::new(0, format!("the time {seconds} is out of range"));
    let time = i64::try_from(seconds).map_err(|_| fault())?;
    let time = OffsetDateTime::from_unix_timestamp(time).map_err(|_| fault())?;
    time.format(format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]")).map_err(|_| fault())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::xar::Xar;
    use proptest::prelude::*;

    #[expect(clippy::ptr_arg, reason = "a source has a size; a slice behind a reference has not")]
    fn package<'a>(info: &'a Vec<u8>, payload: &'a Vec<u8>, style: Style) -> Package<'a> {
        let mut package = Package::new(style, 1_600_000_000);
        package.add("b.pkg/PackageInfo", Content::zlib(info, style).unwrap()).unwrap();
        package.add("b.pkg/Payload", Content::stored(payload, style).unwrap()).unwrap();
        package.add("a.pkg/PackageInfo", Content::zlib(info, style).unwrap()).unwrap();
        package.add("Distribution", Content::zlib(info, style).unwrap()).unwrap();
        package
    }

    fn written(package: &Package<'_>, sign: &mut Signing<'_>) -> Result<Vec<u8>> {
        let mut file = Vec::new();
        package.write(sign, &mut file)?;
        Ok(file)
    }

    fn samples() -> (Vec<u8>, Vec<u8>) {
        (b"<pkg-info/>".repeat(40), (0..5000u32).map(|it| it as u8).collect())
    }

    #[test]
    fn what_is_written_is_read_back() {
        let (info, payload) = samples();
        for style in [Style::Sha1, Style::Sha256, Style::Sha512] {
            let file = written(&package(&info, &payload, style), &mut |_| Ok(Vec::new())).unwrap();
            let xar = Xar::read(&file).unwrap();
            let paths: Vec<_> = xar.members.iter().map(|it| it.path.as_str()).collect();
            let expected =
                ["Distribution", "a.pkg", "a.pkg/PackageInfo", "b.pkg", "b.pkg/PackageInfo", "b.pkg/Payload"];
            assert_eq!(paths, expected);
            assert_eq!(xar.computed_digest(&file).unwrap(), xar.stored_digest(&file).unwrap());
            assert_eq!(xar.style, Some(style));
            assert_eq!(xar.end, file.len() as u64);
            let document =
                |path: &str| xar.member(path).unwrap().data.as_ref().unwrap().document(&file).unwrap();
            assert_eq!(document("b.pkg/Payload"), payload);
            assert_eq!(document("a.pkg/PackageInfo"), info);
        }
    }

    #[test]
    fn signatures_fill_the_space_kept_for_them() {
        let (info, payload) = samples();
        let mut package = package(&info, &payload, Style::Sha1);
        package.reserve(Space { kind: SpaceKind::Rsa, len: 4, certificates: vec![vec![1], vec![2]] });
        package.reserve(Space { kind: SpaceKind::Cms, len: 9, certificates: vec![vec![3]] });
        let mut signed = Vec::new();
        let file = written(&package, &mut |digest| {
            signed = digest.to_vec();
            Ok(vec![b"RSA!".to_vec(), b"cms".to_vec()])
        });
        let file = file.unwrap();
        let xar = Xar::read(&file).unwrap();
        assert_eq!(xar.stored_digest(&file).unwrap(), Some(signed));
        let bytes: Vec<_> = xar
            .signatures
            .iter()
            .map(|it| file.read(it.range.offset, it.range.len as usize).unwrap())
            .collect();
        assert_eq!(bytes, [&b"RSA!"[..], b"cms\0\0\0\0\0\0"]);
        assert_eq!(xar.signatures[0].certificates, [[1], [2]]);
    }

    #[test]
    fn a_signature_that_does_not_fit_is_refused() {
        let (info, payload) = samples();
        let mut package = package(&info, &payload, Style::Sha1);
        package.reserve(Space { kind: SpaceKind::Rsa, len: 4, certificates: vec![] });
        assert!(written(&package, &mut |_| Ok(vec![vec![0; 3]])).is_err());
        assert!(written(&package, &mut |_| Ok(vec![vec![0; 5]])).is_err());
        assert!(written(&package, &mut |_| Ok(vec![])).is_err());
    }

    #[test]
    fn the_same_members_give_the_same_bytes_and_signing_again_keeps_them() {
        let (info, payload) = samples();
        let first = written(&package(&info, &payload, Style::Sha1), &mut |_| Ok(Vec::new())).unwrap();
        let xar = Xar::read(&first).unwrap();
        let mut again = Package::new(Style::Sha1, 1_600_000_000);
        for member in &xar.members {
            if let Some(data) = &member.data {
                again.add(&member.path, Content::of_member(&first, data).unwrap()).unwrap();
            }
        }
        assert!(written(&again, &mut |_| Ok(Vec::new())).unwrap() == first);
    }

    #[test]
    fn a_member_that_leaves_the_archive_or_comes_twice_is_refused() {
        let info = samples().0;
        let mut package = Package::new(Style::Sha1, 0);
        assert!(package.add("../x", Content::zlib(&info, Style::Sha1).unwrap()).is_err());
        package.add("x", Content::zlib(&info, Style::Sha1).unwrap()).unwrap();
        assert!(package.add("./x", Content::zlib(&info, Style::Sha1).unwrap()).is_err());
    }

    /// An archive around a table of our choice.
    fn hostile(table: &str) -> Vec<u8> {
        let mut to = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        to.write_all(table.as_bytes()).unwrap();
        let packed = to.finish().unwrap();
        let mut out = b"xar!\0\x1c\0\x01".to_vec();
        out.extend_from_slice(&(packed.len() as u64).to_be_bytes());
        out.extend_from_slice(&(table.len() as u64).to_be_bytes());
        out.extend_from_slice(&[0; 4]);
        [out, packed, vec![0; 100]].concat()
    }

    #[track_caller]
    fn refused(table: &str, why: &str) {
        let error = Xar::read(&hostile(table)).unwrap_err();
        assert!(error.what.contains(why), "{error}");
    }

    fn file(inner: &str) -> String {
        format!("<xar><toc>{inner}</toc></xar>")
    }

    #[test]
    fn hostile_tables_are_refused() {
        let data = |offset: &str, length: &str| {
            format!(
                "<file><name>a</name><data><offset>{offset}</offset><length>{length}</length><size>1</size></data></file>"
            )
        };
        assert!(Xar::read(&hostile(&file(&data("0", "100")))).is_ok());
        refused(&file(&data("0", "101")), "past the end");
        refused(&file(&data("18446744073709551615", "1")), "past the end");
        refused(&file(&data("-1", "1")), "a number expected");
        refused(&file("<file><name>..</name></file>"), "leaves its folder");
        refused(&file("<file><name>a/b</name></file>"), "slash");
        refused(&file("<file><name>a</name><name>b</name></file>"), "two names");
        refused(&file("<file><name>a</name></file><file><name>a</name></file>"), "twice");
        refused(&file("<file/>"), "no name");
        refused(&file("<checksum style='md5'><offset>0</offset><size>16</size></checksum>"), "unknown");
        refused(
            &file("<checksum style='sha1'><offset>0</offset><size>16</size></checksum>"),
            "digest of 16 bytes",
        );
        refused(&file("<checksum style='sha1'><offset>0</offset><size>20</size></checksum>"), "header names");
        refused("<other/>", "no `toc`");
        let deep = "<file><name>a</name>".repeat(80) + &"</file>".repeat(80);
        refused(&file(&deep), "64 levels");
    }

    #[test]
    fn a_table_that_unpacks_to_more_than_it_says_is_refused() {
        let mut bytes = hostile(&file(&" ".repeat(100_000)));
        bytes[22..24].copy_from_slice(&[0, 9]);
        assert!(Xar::read(&bytes).unwrap_err().what.contains("limit"));
        bytes[16] = 1;
        assert!(Xar::read(&bytes).unwrap_err().what.contains("the limit is 16777216"));
    }

    proptest! {
        #[test]
        fn damage_never_makes_the_reader_panic(at in 0usize..10_000, byte: u8) {
            let (info, payload) = samples();
            let mut file = written(&package(&info, &payload, Style::Sha1), &mut |_| Ok(Vec::new())).unwrap();
            let at = at % file.len();
            file[at] = byte;
            if let Ok(xar) = Xar::read(&file) {
                prop_assert!(xar.end <= file.len() as u64);
                for data in xar.members.iter().filter_map(|it| it.data.as_ref()) {
                    let _may_be_refused = data.document(&file);
                }
            }
        }
    }
}
