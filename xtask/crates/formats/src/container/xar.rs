//! The xar archive that a flat package is.
//!
//! ```text
//!   header (28 bytes or more) │ table of contents (zlib, XML) │ heap: digest of the table │ signatures │ members …
//!                                                             ▲ all offsets in the table count from here
//! ```
//! Layout: `xar.h` of Apple's xar and the wiki page "xarformat" of mackyle/xar. The digest of the *compressed* table is what is
//! signed. Stapling appends after [`Xar::end`] (`trailer`).

use std::{collections::BTreeSet, io::Read};

use super::{
    bounded::{self, Bounded, Limit, SourceReader},
    path,
    xml::Element,
};
use crate::{
    bytes::{Bytes, Error, Result},
    source::Source,
};
use base64::Engine;

/// `xar!`
pub const MAGIC: u32 = 0x7861_7221;
/// Shortest header; a longer one carries the name of the digest (`XAR_CKSUM_OTHER`).
pub const HEADER_LEN: u16 = 28;
/// Largest table of contents, unpacked. 14 KB in every package seen; a product archive with a thousand members stays below 1 MB.
const MAX_TOC: u64 = 16 << 20;
/// Most members; packages have four to some hundred.
const MAX_MEMBERS: usize = 50_000;
/// Most signatures: packages have an RSA and a CMS one.
const MAX_SIGNATURES: usize = 8;
/// Most certificates in one signature: leaf, intermediate, root are usual.
const MAX_CERTIFICATES: usize = 16;

/// A digest that a xar names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Style {
    /// `sha1`: what `pkgbuild` writes (85 of 85 packages).
    Sha1,
    /// `sha256`
    Sha256,
    /// `sha512`
    Sha512,
}

impl Style {
    /// The name in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// Bytes of a digest.
    pub const fn digest_len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    /// The type number that a notarization ticket gives to such a digest (`xar++.cpp`: 20 bytes → 1, 32 → 2; 64 has no number there).
    pub const fn ticket_hash_type(self) -> Option<u8> {
        match self {
            Self::Sha1 => Some(1),
            Self::Sha256 => Some(2),
            Self::Sha512 => None,
        }
    }

    /// The digest of everything `reader` gives.
    pub fn digest(self, reader: impl Read) -> std::io::Result<Vec<u8>> {
        fn run<D: sha1::Digest>(mut reader: impl Read) -> std::io::Result<Vec<u8>> {
            let (mut hash, mut window) = (D::new(), vec![0; 256 << 10]);
            loop {
                match reader.read(&mut window)? {
                    0 => return Ok(hash.finalize().to_vec()),
                    n => hash.update(window.get(..n).unwrap_or_default()),
                }
            }
        }
        match self {
            Self::Sha1 => run::<sha1::Sha1>(reader),
            Self::Sha256 => run::<sha2::Sha256>(reader),
            Self::Sha512 => run::<sha2::Sha512>(reader),
        }
    }

    fn parse(name: &str) -> Result<Option<Self>> {
        match name.trim().to_ascii_lowercase().as_str() {
            "sha1" => Ok(Some(Self::Sha1)),
            "sha256" => Ok(Some(Self::Sha256)),
            "sha512" => Ok(Some(Self::Sha512)),
            "none" => Ok(None),
            other => Err(Error::new(0, format!("the digest `{}` is unknown", other.escape_debug()))),
        }
    }
}

/// A range of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// From the start of the file.
    pub offset: u64,
    /// In bytes.
    pub len: u64,
}

impl Range {
    /// One past the last byte; the reader has checked that it does not overflow.
    pub const fn end(self) -> u64 {
        self.offset.saturating_add(self.len)
    }
}

/// A digest as the table states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stated {
    /// How it was made.
    pub style: Style,
    /// Its bytes.
    pub digest: Vec<u8>,
}

/// How a member is packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encoding {
    /// As it is: `application/octet-stream`.
    Stored,
    /// zlib, although the table says `application/x-gzip`.
    Zlib,
    /// Anything else (bzip2, lzma); not read here.
    Other(String),
}

/// Bytes of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Data {
    /// Where the packed bytes lie.
    pub range: Range,
    /// Length after unpacking, as stated.
    pub unpacked: u64,
    /// How they are packed.
    pub encoding: Encoding,
    /// Digest of the packed bytes.
    pub archived: Option<Stated>,
    /// Digest of the unpacked bytes.
    pub extracted: Option<Stated>,
}

/// A file or folder in the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Path from the root of the archive, checked by [`path::inside`].
    pub path: String,
    /// `file`, `directory`, `symlink` …, as stated.
    pub kind: String,
    /// The bytes, for those that have some.
    pub data: Option<Data>,
}

/// A signature of the table's digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// `RSA` (element `signature`) or `CMS` (element `x-signature`), as stated.
    pub style: String,
    /// Whether it is the `x-signature` element.
    pub is_extended: bool,
    /// Where its bytes lie. A CMS one is padded with zeros to the space reserved.
    pub range: Range,
    /// The certificates beside it, leaf first, DER.
    pub certificates: Vec<Vec<u8>>,
}

/// What the header and the table of contents say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Xar {
    /// Where the compressed table of contents lies.
    pub toc: Range,
    /// Where the heap starts.
    pub heap: u64,
    /// How the table's digest was made; `None`: the archive has none.
    pub style: Option<Style>,
    /// Where the stored digest of the table lies.
    pub checksum: Option<Range>,
    /// In the order of the table.
    pub signatures: Vec<Signature>,
    /// Parents before children, otherwise in the order of the table.
    pub members: Vec<Member>,
    /// One past the last byte that the table speaks of: where a stapled ticket's trailer begins.
    pub end: u64,
}

impl Xar {
    /// Whether `source` starts like a xar.
    pub fn is(source: &dyn Source) -> bool {
        source.read(0, 4).is_ok_and(|it| Bytes::new(&it).u32_be(0) == Ok(MAGIC))
    }

    /// Reads header and table of contents. Everything the table speaks of lies inside `source` afterwards.
    pub fn read(source: &dyn Source) -> Result<Self> {
        let head = source.read(0, HEADER_LEN.into()).map_err(|it| it.within("xar header"))?;
        let head = Bytes::new(&head);
        if head.u32_be(0)? != MAGIC {
            return Err(head.fault(0, "not a xar archive"));
        }
        let header_len = head.u16_be(4)?;
        if header_len < HEADER_LEN {
            return Err(
                head.fault(4, format!("a xar header of {header_len} bytes, at least {HEADER_LEN} expected"))
            );
        }
        let version = head.u16_be(6)?;
        if version != 1 {
            return Err(head.fault(6, format!("xar version {version} is unknown")));
        }
        let (packed, unpacked) = (head.u64_be(8)?, head.u64_be(16)?);
        if packed > MAX_TOC || unpacked > MAX_TOC {
            return Err(
                head.fault(8, format!("a table of contents of {unpacked} bytes, the limit is {MAX_TOC}"))
            );
        }
        let header_style = header_style(source, head.u32_be(24)?, header_len)?;
        let toc = Range { offset: header_len.into(), len: packed };
        let heap = toc.end();
        let bytes = source.read(toc.offset, usize::try_from(packed).expect("below MAX_TOC"));
        let bytes = bytes.map_err(|it| it.within("table of contents"))?;
        let text = bounded::zlib(&bytes, Limit { bytes: unpacked, ratio: Limit::DOCUMENT.ratio })
            .map_err(|it| it.shifted(toc.offset).within("table of contents"))?;
        if text.len() as u64 != unpacked {
            let found = text.len();
            return Err(head
                .fault(16, format!("the table of contents has {found} bytes, the header says {unpacked}")));
        }
        let text = String::from_utf8(text)
            .map_err(|_| Error::new(toc.offset, "the table of contents is not UTF-8"))?;
        let root = Element::parse(&text)
            .map_err(|it| Error::new(toc.offset, it.to_string()).within("table of contents"))?;
        let table = root.child("toc").filter(|_| root.name == "xar");
        let table = table.ok_or_else(|| Error::new(toc.offset, "the table of contents has no `toc`"))?;

        let mut reading =
            Reading { heap, len: source.len(), end: heap, members: Vec::new(), seen: BTreeSet::new() };
        let (style, checksum) = reading.checksum(table).map_err(|it| at(it, toc))?;
        if style != header_style {
            return Err(
                head.fault(24, format!("the header names the digest {header_style:?}, the table {style:?}"))
            );
        }
        let signatures = reading.signatures(table).map_err(|it| at(it, toc))?;
        reading.files(table, "").map_err(|it| at(it, toc))?;
        Ok(Self { toc, heap, style, checksum, signatures, members: reading.members, end: reading.end })
    }

    /// The member called `path`.
    pub fn member(&self, path: &str) -> Option<&Member> {
        self.members.iter().find(|it| it.path == path)
    }

    /// The digest of the table, computed from its compressed bytes; `None`: the archive states no digest.
    pub fn computed_digest(&self, source: &dyn Source) -> Result<Option<Vec<u8>>> {
        let Some(style) = self.style else { return Ok(None) };
        let toc = SourceReader::new(source, self.toc.offset, self.toc.end());
        style.digest(toc).map(Some).map_err(|it| bounded::fault(self.toc.offset, it))
    }

    /// The digest of the table as it is stored in the heap; this is what the signatures sign.
    pub fn stored_digest(&self, source: &dyn Source) -> Result<Option<Vec<u8>>> {
        let Some(range) = self.checksum else { return Ok(None) };
        // The reader has made sure that the range has the length of a digest.
        let len =
            usize::try_from(range.len).map_err(|_| Error::new(range.offset, "the digest is too long"))?;
        Ok(Some(source.read(range.offset, len)?.into_owned()))
    }
}

impl Data {
    /// The unpacked bytes, as a stream under `limit`.
    pub fn open<'a>(&self, source: &'a dyn Source, limit: Limit) -> Result<Box<dyn Read + 'a>> {
        let packed = SourceReader::new(source, self.range.offset, self.range.end());
        match &self.encoding {
            Encoding::Stored => Ok(Box::new(packed)),
            Encoding::Zlib => {
                Ok(Box::new(Bounded::new(flate2::read::ZlibDecoder::new(packed), self.range.len, limit)))
            }
            Encoding::Other(name) => {
                let name = name.escape_debug();
                Err(Error::new(
                    self.range.offset,
                    format!("a member is packed as `{name}`, which is not read here"),
                ))
            }
        }
    }

    /// The unpacked bytes, in memory.
    pub fn document(&self, source: &dyn Source) -> Result<Vec<u8>> {
        let limit = Limit { bytes: self.unpacked.min(Limit::DOCUMENT.bytes), ..Limit::DOCUMENT };
        if self.unpacked > limit.bytes {
            let what = format!("a document of {} bytes, the limit is {}", self.unpacked, limit.bytes);
            return Err(Error::new(self.range.offset, what));
        }
        let all = bounded::read_all(self.open(source, limit)?, self.range.offset)?;
        if all.len() as u64 != self.unpacked {
            let what = format!("a member unpacks to {} bytes, the table says {}", all.len(), self.unpacked);
            return Err(Error::new(self.range.offset, what));
        }
        Ok(all)
    }
}

fn at(error: Error, toc: Range) -> Error {
    Error::new(toc.offset, format!("table of contents: {}", error.what))
}

/// The digest that the header names (`cksum_alg` of `xar.h`; 3 with a longer header carries a name).
fn header_style(source: &dyn Source, number: u32, header_len: u16) -> Result<Option<Style>> {
    match number {
        0 => Ok(None),
        1 => Ok(Some(Style::Sha1)),
        3 if header_len > HEADER_LEN => {
            let name = source.read(HEADER_LEN.into(), (header_len - HEADER_LEN).into())?;
            Style::parse(Bytes::at(&name, HEADER_LEN.into()).c_str(0)?)
        }
        3 => Ok(Some(Style::Sha256)),
        4 => Ok(Some(Style::Sha512)),
        other => Err(Error::new(24, format!("xar digest number {other} is not accepted"))),
    }
}

struct Reading {
    heap: u64,
    len: u64,
    end: u64,
    members: Vec<Member>,
    seen: BTreeSet<String>,
}

impl Reading {
    fn number(element: &Element, name: &str) -> Result<u64> {
        let text = element
            .value(name)
            .ok_or_else(|| Error::new(0, format!("`{}` has no `{name}`", element.name)))?;
        text.parse().map_err(|_| Error::new(0, format!("`{name}` is {:?}, a number expected", text)))
    }

    /// `offset` and a length, counted from the heap, as a range of the file.
    ///
    /// The length in the heap is `size` for digests and signatures, but `length` for members (whose `size` is the unpacked one).
    fn range(&mut self, element: &Element, length: &str) -> Result<Range> {
        let (offset, len) = (Self::number(element, "offset")?, Self::number(element, length)?);
        let start = self.heap.checked_add(offset);
        let end = start.and_then(|it| it.checked_add(len)).filter(|&it| it <= self.len);
        let (Some(start), Some(end)) = (start, end) else {
            let what = format!(
                "`{}` of {len} bytes at heap offset {offset} ends past the end of the file",
                element.name
            );
            return Err(Error::new(0, what));
        };
        self.end = self.end.max(end);
        Ok(Range { offset: start, len })
    }

    fn checksum(&mut self, table: &Element) -> Result<(Option<Style>, Option<Range>)> {
        let Some(element) = table.child("checksum") else { return Ok((None, None)) };
        let Some(style) = Style::parse(element.attribute("style").unwrap_or_default())? else {
            return Ok((None, None));
        };
        let range = self.range(element, "size")?;
        if range.len != style.digest_len() as u64 {
            return Err(Error::new(0, format!("a {} digest of {} bytes", style.name(), range.len)));
        }
        Ok((Some(style), Some(range)))
    }

    fn signatures(&mut self, table: &Element) -> Result<Vec<Signature>> {
        let mut found = Vec::new();
        for element in table.children.iter().filter(|it| it.name == "signature" || it.name == "x-signature") {
            if found.len() >= MAX_SIGNATURES {
                return Err(Error::new(0, format!("more than {MAX_SIGNATURES} signatures")));
            }
            let holders = element.child("KeyInfo").into_iter().flat_map(|it| it.children("X509Data"));
            let mut certificates = Vec::new();
            for text in holders.flat_map(|it| it.children("X509Certificate")) {
                if certificates.len() >= MAX_CERTIFICATES {
                    return Err(Error::new(0, format!("more than {MAX_CERTIFICATES} certificates")));
                }
                let text: String = text.text.split_whitespace().collect();
                let der = base64::engine::general_purpose::STANDARD.decode(text);
                certificates
                    .push(der.map_err(|it| Error::new(0, format!("a certificate is not base64: {it}")))?);
            }
            found.push(Signature {
                style: element.attribute("style").unwrap_or_default().to_owned(),
                is_extended: element.name == "x-signature",
                range: self.range(element, "size")?,
                certificates,
            });
        }
        Ok(found)
    }

    /// The files below `parent`. Recursion is bounded by the depth that the XML reader accepts.
    fn files(&mut self, element: &Element, parent: &str) -> Result<()> {
        for file in element.children("file") {
            if self.members.len() >= MAX_MEMBERS {
                return Err(Error::new(0, format!("more than {MAX_MEMBERS} members")));
            }
            let path = path::inside(&join(parent, &name(file)?))?;
            if path.is_empty() || !self.seen.insert(path.clone()) {
                return Err(Error::new(0, format!("the member {path:?} is there twice")));
            }
            let data = file.child("data").map(|it| self.data(it)).transpose();
            let data = data.map_err(|it| it.within(format!("{path:?}")))?;
            // Extended attributes lie in the heap, too; they count for the end of the archive and are not read.
            for attribute in file.children("ea") {
                self.range(attribute, "length")?;
            }
            let kind = file.value("type").unwrap_or("file").to_owned();
            self.members.push(Member { path: path.clone(), kind, data });
            self.files(file, &path)?;
        }
        Ok(())
    }

    fn data(&mut self, element: &Element) -> Result<Data> {
        let encoding = element.child("encoding").and_then(|it| it.attribute("style"));
        let stated = |name: &str| -> Result<Option<Stated>> {
            let Some(it) = element.child(name) else { return Ok(None) };
            let Some(style) = Style::parse(it.attribute("style").unwrap_or_default())? else {
                return Ok(None);
            };
            let digest = unhex(it.text.trim()).filter(|it| it.len() == style.digest_len());
            let digest =
                digest.ok_or_else(|| Error::new(0, format!("`{name}` is not a {} digest", style.name())))?;
            Ok(Some(Stated { style, digest }))
        };
        Ok(Data {
            range: self.range(element, "length")?,
            unpacked: Self::number(element, "size")?,
            encoding: match encoding {
                None | Some("application/octet-stream") => Encoding::Stored,
                Some("application/x-gzip") => Encoding::Zlib,
                Some(other) => Encoding::Other(other.to_owned()),
            },
            archived: stated("archived-checksum")?,
            extracted: stated("extracted-checksum")?,
        })
    }
}

/// The name of a `file`. Apple's tools write it twice since 2023; two different ones would be read differently by different readers.
fn name(file: &Element) -> Result<String> {
    let mut found: Option<String> = None;
    for element in file.children("name") {
        let name = match element.attribute("enctype") {
            None => element.text.trim().to_owned(),
            Some("base64") => {
                let bytes = base64::engine::general_purpose::STANDARD.decode(element.text.trim());
                let text = bytes.ok().and_then(|it| String::from_utf8(it).ok());
                text.ok_or_else(|| Error::new(0, "a base64 name is not text"))?
            }
            Some(other) => return Err(Error::new(0, format!("a name is encoded as {other:?}"))),
        };
        match &found {
            Some(first) if *first != name => {
                return Err(Error::new(0, format!("a member has two names, {first:?} and {name:?}")));
            }
            _ => found = Some(name),
        }
    }
    match found {
        Some(name) if name.contains('/') => Err(Error::new(0, format!("the name {name:?} contains a slash"))),
        Some(name) => Ok(name),
        None => Err(Error::new(0, "a member has no name")),
    }
}

fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}/{name}") }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|it| u8::try_from(it.to_digit(16)?).ok()).collect();
    let digits = digits.filter(|it| it.len().is_multiple_of(2))?;
    Some(digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |sum, digit| sum << 4 | digit)).collect())
}
