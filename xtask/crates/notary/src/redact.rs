//! What must never be seen, taken out of text that will be: tokens, temporary credentials, signed addresses.
//!
//! Our own code does not put secrets into messages; this is for text that comes from elsewhere (an error body that quotes a request, an address
//! inside a log) and works by shape, because we cannot know what a server will echo.

/// The same text with every secret replaced by `…`.
pub fn redact(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut word = String::new();
    for letter in text.chars() {
        let ends_word =
            letter.is_whitespace() || matches!(letter, '"' | '\'' | '<' | '>' | ',' | '`' | '(' | ')');
        if ends_word {
            out.push_str(&redact_word(&std::mem::take(&mut word), &out));
            out.push(letter);
        } else {
            word.push(letter);
        }
    }
    let last = redact_word(&word, &out);
    out.push_str(&last);
    out
}

/// At most `limit` characters of one line, redacted: an answer's body as part of a message.
pub fn excerpt(body: &[u8], limit: usize) -> String {
    let text = String::from_utf8_lossy(body);
    let line = redact(&text).split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

fn redact_word(word: &str, before: &str) -> String {
    let follows_bearer = before.trim_end().to_ascii_lowercase().ends_with("bearer");
    let in_secret_element = ["<AWSAccessKeyId>", "<SecretAccessKey>", "<SessionToken>", "<Signature>"]
        .iter()
        .any(|element| before.ends_with(element));
    let is_token = word.starts_with("eyJ") && word.len() > 20;
    let is_key_id = ["ASIA", "AKIA"].iter().any(|it| word.contains(it)) && word.len() >= 16;
    // A temporary secret is 40 letters of base64, a session token hundreds; a SHA-256 (64 hex digits) and an id (with dashes) must stay.
    let is_long_base64 = word.len() >= 40
        && word.bytes().all(|it| it.is_ascii_alphanumeric() || b"+/=_-".contains(&it))
        && !word.bytes().all(|it| it.is_ascii_hexdigit() || it == b'-');
    if word.is_empty() {
        String::new()
    } else if follows_bearer || in_secret_element || is_token || is_long_base64 {
        "…".to_owned()
    } else if let (true, Some((address, _))) = (word.contains("://"), word.split_once('?')) {
        // The query of an address is where signatures and tokens travel.
        format!("{address}?…")
    } else if is_key_id {
        "…".to_owned()
    } else {
        word.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(redact(text), expected);
    }

    #[test]
    fn secrets_go() {
        check("Authorization: Bearer abc.def", "Authorization: Bearer …");
        check(
            "at https://a.s3.amazonaws.com/x.json?AWSAccessKeyId=ASIA1&Signature=s now",
            "at https://a.s3.amazonaws.com/x.json?… now",
        );
        check("<AWSAccessKeyId>ASIAXYZ</AWSAccessKeyId>", "<AWSAccessKeyId>…</AWSAccessKeyId>");
        check("key ASIAIOSFODNN7EXAMPLE", "key …");
        check("\"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\"", "\"…\"");
        check("eyJhbGciOiJFUzI1NiIsImtpZCI6IjEifQ.e30.abc", "…");
    }

    #[test]
    fn what_is_no_secret_stays() {
        let sha = "0e8e7755aca45c46bdd1ad174d333ace525209058dc2dd16e7c1e6b6e216a15f";
        check(sha, sha);
        check(
            "There is no resource of type 'x' for id '1238aa04-96fe-1a63-e053-0824d011072a'",
            "There is no resource of type 'x' for id '1238aa04-96fe-1a63-e053-0824d011072a'",
        );
        check("https://appstoreconnect.apple.com/business", "https://appstoreconnect.apple.com/business");
        check("a required agreement is missing", "a required agreement is missing");
    }

    #[test]
    fn an_excerpt_is_one_short_line() {
        assert_eq!(excerpt(b"Unauthenticated\n\nRequest ID: ICM7", 200), "Unauthenticated Request ID: ICM7");
        assert_eq!(excerpt("ää ää".as_bytes(), 3), "ää …");
    }
}
