//! Words, numbers and punctuation of a blanked interface file, each with its place.

use crate::error::Error;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Word,
    Number,
    Literal,
    Punctuation,
}

/// A token, with its bytes in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind,
    pub(crate) text: &'a str,
    pub(crate) line: usize,
    /// Offset of its first byte.
    pub(crate) start: usize,
}

impl Token<'_> {
    /// Offset behind its last byte.
    pub(crate) fn end(&self) -> usize {
        self.start + self.text.len()
    }
}

/// Splits `text` (as blanked by `preprocess`, so without comments) into tokens.
pub(crate) fn tokens<'a>(file: &str, text: &'a str) -> Result<Vec<Token<'a>>, Error> {
    let mut found = Vec::new();
    let (mut line, mut start) = (1, 0);
    while let Some(rest) = text.get(start..).filter(|it| !it.is_empty()) {
        let first = rest.chars().next().unwrap_or(' ');
        let span = |belongs: fn(char) -> bool| rest.find(|it| !belongs(it)).unwrap_or(rest.len());
        let (kind, length) = match first {
            '\n' => {
                line += 1;
                start += 1;
                continue;
            }
            it if it.is_whitespace() => {
                start += it.len_utf8();
                continue;
            }
            'a'..='z' | 'A'..='Z' | '_' => (Kind::Word, span(|it| it.is_ascii_alphanumeric() || it == '_')),
            '0'..='9' => (Kind::Number, span(|it| it.is_ascii_alphanumeric() || it == '.')),
            '"' | '\'' => (Kind::Literal, quoted(rest, first)),
            _ if rest.starts_with("::") => (Kind::Punctuation, 2),
            _ if rest.starts_with("...") => (Kind::Punctuation, 3),
            it if it.is_ascii_punctuation() => (Kind::Punctuation, 1),
            it => {
                return Err(Error::new(
                    file,
                    line,
                    format!("`{}` does not belong into a declaration", it.escape_debug()),
                ));
            }
        };
        found.push(Token { kind, text: rest.get(..length).unwrap_or(rest), line, start });
        start += length;
    }
    Ok(found)
}

/// Length of a literal; `preprocess` has seen that it closes on its line.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, it) in text.char_indices().skip(1) {
        if it == quote && !escaped {
            return at + 1;
        }
        escaped = it == '\\' && !escaped;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_know_their_line_and_bytes() {
        let found = tokens("x", "int a::b(\n  0x1F, \"c\\\"d\");").unwrap();
        let texts: Vec<_> = found.iter().map(|it| it.text).collect();
        assert_eq!(texts, ["int", "a", "::", "b", "(", "0x1F", ",", "\"c\\\"d\"", ")", ";"]);
        assert_eq!(found[5].line, 2);
        assert_eq!((found[5].start, found[5].end()), (12, 16));
    }

    #[test]
    fn what_is_no_c_is_refused_with_its_line() {
        assert_eq!(
            tokens("x", "\nint é").unwrap_err().to_string(),
            "x:2: `é` does not belong into a declaration"
        );
    }
}
