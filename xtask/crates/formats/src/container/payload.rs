//! The stream inside a package's `Payload` or `Scripts`: gzip, pbzx or nothing around a cpio archive.

use std::io::Read;

use super::{
    bounded::{self, Bounded, Limit},
    pbzx,
};
use crate::bytes::{Error, Result};

/// How a payload is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// `1f 8b`
    Gzip,
    /// `pbzx`
    Pbzx,
    /// cpio as it is.
    Plain,
}

/// The cpio stream in `packed`, which has `len` bytes, under `limit`.
pub fn open<'a>(mut packed: impl Read + 'a, len: u64, limit: Limit) -> Result<(Packing, Box<dyn Read + 'a>)> {
    let mut first = Vec::new();
    (&mut packed).take(4).read_to_end(&mut first).map_err(|it| bounded::fault(0, it))?;
    let packing = match first.as_slice() {
        [0x1f, 0x8b, ..] => Packing::Gzip,
        it if it == pbzx::MAGIC => Packing::Pbzx,
        [b'0', b'7', b'0', b'7'] => Packing::Plain,
        other => {
            return Err(Error::new(0, format!("neither gzip, pbzx nor cpio: it starts with {other:02x?}")));
        }
    };
    let whole = std::io::Cursor::new(first).chain(packed);
    Ok(match packing {
        Packing::Gzip => {
            (packing, Box::new(Bounded::new(flate2::read::MultiGzDecoder::new(whole), len, limit)))
        }
        Packing::Pbzx => (packing, Box::new(Bounded::new(pbzx::Reader::new(whole), len, limit))),
        Packing::Plain => (packing, Box::new(Bounded::new(whole, len, limit))),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(len: usize) -> Vec<u8> {
        let mut to = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        to.write_all(&vec![b'0'; len]).unwrap();
        to.finish().unwrap()
    }

    #[test]
    fn each_packing_is_recognised() {
        let packed = gzip(9);
        let (packing, stream) = open(&packed[..], packed.len() as u64, Limit::PAYLOAD).unwrap();
        assert_eq!((packing, bounded::read_all(stream, 0).unwrap()), (Packing::Gzip, vec![b'0'; 9]));
        let (packing, stream) = open(&b"070707..."[..], 9, Limit::PAYLOAD).unwrap();
        assert_eq!((packing, bounded::read_all(stream, 0).unwrap()), (Packing::Plain, b"070707...".to_vec()));
        assert_eq!(open(&b"pbzx........"[..], 12, Limit::PAYLOAD).unwrap().0, Packing::Pbzx);
        assert!(open(&b"BZh9"[..], 4, Limit::PAYLOAD).is_err());
        assert!(open(&b""[..], 0, Limit::PAYLOAD).is_err());
    }

    #[test]
    fn a_bomb_is_refused_with_the_limit_named() {
        let packed = gzip(8 << 20);
        let limit = Limit { bytes: 5 << 20, ratio: 2000 };
        let error =
            bounded::read_all(open(&packed[..], packed.len() as u64, limit).unwrap().1, 0).unwrap_err();
        assert!(error.what.contains("the limit of 5242880 bytes"), "{error}");
    }
}
