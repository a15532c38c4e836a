//! Object identifiers: DER content bytes, and the same with dots.

/// Arcs of more than 63 bits do not occur; such an identifier has no text.
const MAX_ARC_BITS: u32 = 63;

/// `1.2.840.113635.100.6.1.13` for its DER content; `None` when the bytes are no identifier.
pub fn to_text(content: &[u8]) -> Option<String> {
    let mut arcs = Vec::new();
    let mut arc = 0u64;
    let mut inside = false;
    for &byte in content {
        if arc.leading_zeros() < 64 - MAX_ARC_BITS + 7 {
            return None;
        }
        arc = arc << 7 | u64::from(byte & 0x7f);
        inside = byte & 0x80 != 0;
        if !inside {
            arcs.push(arc);
            arc = 0;
        }
    }
    let (&first, rest) = arcs.split_first()?;
    if inside {
        return None;
    }
    let top = (first / 40).min(2);
    let arcs = [top, first - top * 40].into_iter().chain(rest.iter().copied());
    Some(arcs.map(|it| it.to_string()).collect::<Vec<_>>().join("."))
}

/// The DER content of `1.2.840.…`; `None` when the text is no identifier.
pub fn from_text(text: &str) -> Option<Vec<u8>> {
    let arcs: Vec<u64> = text.split('.').map(|it| it.parse().ok()).collect::<Option<_>>()?;
    let (&[top, second], rest) = arcs.split_first_chunk()?;
    if top > 2 || (top < 2 && second > 39) {
        return None;
    }
    let first = (top * 40).checked_add(second)?;
    let mut content = Vec::new();
    for arc in std::iter::once(first).chain(rest.iter().copied()) {
        if arc >> MAX_ARC_BITS != 0 {
            return None;
        }
        let groups = (64 - arc.leading_zeros()).div_ceil(7).max(1);
        for group in (0..groups).rev() {
            let more = if group > 0 { 0x80 } else { 0 };
            content.push((arc >> (7 * group) & 0x7f) as u8 | more);
        }
    }
    Some(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, content: &[u8]) {
        assert_eq!(from_text(text).as_deref(), Some(content));
        assert_eq!(to_text(content).as_deref(), Some(text));
    }

    #[test]
    fn identifiers_go_there_and_back() {
        check("1.2.840.113635.100.6.1.13", &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x63, 0x64, 6, 1, 13]);
        check("2.5.29.15", &[0x55, 0x1d, 0x0f]);
        check("2.999.0", &[0x88, 0x37, 0]);
        check("0.0", &[0]);
    }

    #[test]
    fn what_is_no_identifier_has_no_text_and_no_bytes() {
        for text in ["", "1", "3.1", "1.40", "1.2.x", "1..2", "1.2.99999999999999999999"] {
            assert_eq!(from_text(text), None, "{text}");
        }
        assert_eq!(to_text(&[]), None);
        assert_eq!(to_text(&[0x2a, 0x86]), None, "ends inside an arc");
        assert_eq!(to_text(&[0xff; 12]), None);
    }
}
