//! A ticket stapled to a flat package: behind the xar, framed by small trailers that are read from the end.
//!
//! ```text
//!   xar │ t8lr type 1, length 0 │ ticket (N bytes) │ t8lr type 2, length N │ end of file
//! ```
//! Source: Security `notarization.cpp`, `registerStapledTicketInPackage`; 85 of 85 packages are laid out like this.
//! Bytes behind the xar are not signed, so stapling changes no signature.

use super::xar::Range;
use crate::{
    bytes::{Bytes, Error, Result},
    source::Source,
};

/// `t8lr`
const MAGIC: &[u8; 4] = b"t8lr";
const LEN: u64 = 16;
const VERSION: u16 = 1;
const TERMINATOR: u16 = 1;
const TICKET: u16 = 2;
/// Most trailers walked: one terminator and one ticket are usual.
const MAX_TRAILERS: usize = 16;
/// Largest ticket: 16 bytes, two certificates of together 1.5 KB, 21 bytes per code object. 16 MB would be 700 000 of them.
pub const MAX_TICKET: u64 = 16 << 20;

/// What lies behind the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stapled {
    /// Where the ticket lies.
    pub ticket: Range,
    /// Where the terminator starts; a well-made package has it exactly at the end of the xar.
    pub terminator: u64,
}

/// The ticket stapled to `source`; `None` when the file does not end with a trailer.
///
/// Walks back from the end, over types it does not know, until the terminator, as Apple's reader does.
pub fn read(source: &dyn Source) -> Result<Option<Stapled>> {
    let mut end = source.len();
    let mut ticket = None;
    for seen in 0..MAX_TRAILERS {
        let Some(start) = end.checked_sub(LEN) else {
            return if seen == 0 {
                Ok(None)
            } else {
                Err(Error::new(0, "the trailers do not end with a terminator"))
            };
        };
        let head = source.read(start, LEN as usize)?;
        let head = Bytes::at(&head, start);
        if head.array::<4>(0)? != *MAGIC {
            return if seen == 0 {
                Ok(None)
            } else {
                Err(head.fault(0, "a trailer is missing before a stapled ticket"))
            };
        }
        let (version, kind, len) = (head.u16_le(4)?, head.u16_le(6)?, u64::from(head.u32_le(8)?));
        if version != VERSION {
            return Err(head.fault(4, format!("trailer version {version} is unknown")));
        }
        let body = start
            .checked_sub(len)
            .ok_or_else(|| head.fault(8, format!("a trailer speaks of {len} bytes, {start} there")))?;
        match kind {
            TERMINATOR => return Ok(ticket.map(|ticket| Stapled { ticket, terminator: start })),
            TICKET if len > MAX_TICKET => {
                return Err(head.fault(8, format!("a ticket of {len} bytes, the limit is {MAX_TICKET}")));
            }
            // Two tickets: the one nearest to the end is met first and is the one Apple's reader registers first.
            TICKET if ticket.is_none() => ticket = Some(Range { offset: body, len }),
            _ => {}
        }
        end = body;
    }
    Err(Error::new(end, format!("more than {MAX_TRAILERS} trailers")))
}

/// What has to follow the xar (cut at its end) so that it carries `ticket`.
pub fn write(ticket: &[u8]) -> Result<Vec<u8>> {
    let len = u32::try_from(ticket.len()).ok().filter(|it| u64::from(*it) <= MAX_TICKET);
    let len = len.ok_or_else(|| {
        Error::new(0, format!("a ticket of {} bytes, the limit is {MAX_TICKET}", ticket.len()))
    })?;
    let trailer = |kind: u16, len: u32| {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&kind.to_le_bytes());
        out.extend_from_slice(&len.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out
    };
    Ok([trailer(TERMINATOR, 0).as_slice(), ticket, trailer(TICKET, len).as_slice()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stapled(xar: &[u8], ticket: &[u8]) -> Vec<u8> {
        [xar, &write(ticket).unwrap()].concat()
    }

    #[test]
    fn what_is_written_is_found() {
        let file = stapled(b"xar!....", b"s8ch-ticket");
        let found = read(&file).unwrap().unwrap();
        assert_eq!(found, Stapled { ticket: Range { offset: 24, len: 11 }, terminator: 8 });
    }

    #[test]
    fn a_file_without_trailer_has_no_ticket() {
        assert_eq!(read(&b"xar! and no more than that".to_vec()), Ok(None));
        assert_eq!(read(&b"short".to_vec()), Ok(None));
    }

    #[test]
    fn an_unknown_type_is_walked_over() {
        let mut file = stapled(b"xar!....", b"ticket");
        let (end, ticket) = (file.len(), read(&file).unwrap());
        file.extend_from_slice(b"news");
        file.extend_from_slice(&write(&[]).unwrap()[..16]);
        let len = file.len();
        file[len - 10] = 9; // type
        file[len - 8] = 4; // length
        assert!(len > end);
        assert_eq!(read(&file).unwrap(), ticket);
    }

    #[test]
    fn a_length_past_the_start_is_refused() {
        let mut file = stapled(b"xar!....", b"ticket");
        let len = file.len();
        file[len - 8..len - 4].copy_from_slice(&200u32.to_le_bytes());
        assert!(read(&file).unwrap_err().what.contains("200 bytes"));
    }

    #[test]
    fn a_ticket_without_terminator_is_refused() {
        let file = stapled(b"", b"ticket");
        assert!(read(&file[16..].to_vec()).unwrap_err().what.contains("terminator"));
        let file = [&b"something else here"[..], &file[16..]].concat();
        assert!(read(&file).unwrap_err().what.contains("missing"));
    }

    proptest! {
        #[test]
        fn damage_never_makes_it_panic(at in 0usize..54, byte: u8) {
            let mut file = stapled(b"xar!....", b"some ticket");
            let at = at % file.len();
            file[at] = byte;
            if let Ok(Some(it)) = read(&file) {
                prop_assert!(it.ticket.end() <= file.len() as u64);
            }
        }
    }
}
