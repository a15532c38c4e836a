//! The key that opens the notary: where it is found, which shapes it has, and that it never shows.
//!
//! ```text
//!   AuthKey_ABC123DEFG.p8         PKCS#8 PEM, as downloaded (once) from App Store Connect
//!   {"issuer_id","key_id","private_key": base64 DER}      the unified JSON that other tools write
//!   {"key_id","issuer_id","key": PEM, "in_house"}         fastlane's JSON
//! ```

use std::{
    fmt,
    path::{Path, PathBuf},
};

use base64::Engine as _;
use p256::{
    ecdsa::{Signature, SigningKey, signature::Signer as _},
    pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _},
};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// Folders that Apple's tools search for `AuthKey_<id>.p8`, in their order; `~` is the home folder.
pub const SEARCHED: [&str; 4] =
    ["./private_keys", "~/private_keys", "~/.private_keys", "~/.appstoreconnect/private_keys"];

/// Whose key it is; the token differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// A Team key: the token names the team's issuer.
    Team {
        /// The issuer id, a UUID.
        issuer: String,
    },
    /// An Individual key: the token has no issuer, its subject is `user`.
    Individual,
}

/// A key of App Store Connect (EC P-256). Wiped from memory when dropped; `Debug` shows no secret.
#[derive(Clone)]
pub struct AuthKey {
    id: String,
    owner: Owner,
    secret: SigningKey,
}

/// What is known about a key beside its bytes; what the file itself says is used when this is empty.
#[derive(Debug, Clone, Default)]
pub struct Hints {
    /// File name, from which the key id can be told.
    pub file_name: Option<String>,
    /// Key id, 10 letters and digits.
    pub key_id: Option<String>,
    /// Issuer id; absent for an Individual key.
    pub issuer: Option<String>,
}

impl AuthKey {
    /// A key from the text of a `.p8`, PEM in an environment variable (`\n` may be literal), or one of the two JSON shapes.
    pub fn read(text: &str, hints: &Hints) -> Result<Self> {
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.starts_with('{') { Self::from_json(text, hints) } else { Self::from_p8(text, hints) }
    }

    /// A key made elsewhere: for rehearsals.
    pub fn new(id: impl Into<String>, owner: Owner, secret: SigningKey) -> Self {
        Self { id: id.into(), owner, secret }
    }

    /// The key id that the token names.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whose key it is.
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// The public half, which the local notary knows it by.
    pub fn verifying_key(&self) -> p256::ecdsa::VerifyingKey {
        *self.secret.verifying_key()
    }

    /// The unified JSON, which holds the secret: for a file that its owner alone can read.
    pub fn to_unified_json(&self) -> Result<Zeroizing<String>> {
        let der = self.secret.to_pkcs8_der().map_err(|error| Error::local("write the notary key", error))?;
        let private_key = Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(der.as_bytes()));
        let issuer = match &self.owner {
            Owner::Team { issuer } => Some(issuer),
            Owner::Individual => None,
        };
        let json =
            serde_json::json!({"issuer_id": issuer, "key_id": self.id, "private_key": private_key.as_str()});
        Ok(Zeroizing::new(json.to_string()))
    }

    /// r‖s over the SHA-256 of `message`, 64 bytes (what ES256 wants; not DER).
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        let signature: Signature = self.secret.sign(message);
        signature.to_bytes().into()
    }

    fn from_p8(text: &str, hints: &Hints) -> Result<Self> {
        let doing = "read the notary key";
        let pem = Zeroizing::new(text.replace("\\n", "\n").replace('\r', ""));
        if pem.contains("BEGIN EC PRIVATE KEY") {
            return Err(Error::local(doing, "it is a SEC1 key (`EC PRIVATE KEY`), not PKCS#8")
                .hint("convert it: openssl pkcs8 -topk8 -nocrypt"));
        }
        if !pem.contains("BEGIN PRIVATE KEY") {
            return Err(Error::local(doing, "it is neither a PEM private key nor JSON")
                .hint("use the AuthKey_….p8 that App Store Connect offered for download"));
        }
        let secret = SigningKey::from_pkcs8_pem(&pem)
            .map_err(|_| Error::local(doing, "it is not an EC P-256 key in PKCS#8"))?;
        let from_name = hints.file_name.as_deref().and_then(key_id_of);
        let id = hints.key_id.clone().or(from_name).ok_or_else(|| {
            Error::local(doing, "the key id is not known")
                .hint("set `key-id`, or keep the name AuthKey_<key id>.p8")
        })?;
        Self::checked(id, hints.issuer.clone(), secret)
    }

    fn from_json(text: &str, hints: &Hints) -> Result<Self> {
        /// Both shapes; which one it is tells the field that holds the key.
        #[derive(Deserialize)]
        struct Shape {
            key_id: Option<String>,
            issuer_id: Option<String>,
            private_key: Option<String>,
            key: Option<String>,
        }
        let doing = "read the notary key (JSON)";
        // The text of a JSON error may quote what it did not understand: only its place is safe to show.
        let shape: Shape = serde_json::from_str(text).map_err(|error| {
            Error::local(
                doing,
                format!("not the expected JSON (line {}, column {})", error.line(), error.column()),
            )
        })?;
        let private_key = shape.private_key.map(Zeroizing::new);
        let pem = shape.key.map(Zeroizing::new);
        let hints = Hints {
            file_name: None,
            key_id: hints.key_id.clone().or(shape.key_id),
            issuer: hints.issuer.clone().or(shape.issuer_id),
        };
        if let Some(pem) = pem {
            return Self::from_p8(&pem, &hints);
        }
        let encoded =
            private_key.ok_or_else(|| Error::local(doing, "neither `private_key` nor `key` is there"))?;
        let der = base64::engine::general_purpose::STANDARD
            .decode(encoded.trim())
            .map(Zeroizing::new)
            .map_err(|_| Error::local(doing, "`private_key` is not base64"))?;
        let secret = SigningKey::from_pkcs8_der(&der)
            .map_err(|_| Error::local(doing, "`private_key` is not an EC P-256 key in PKCS#8"))?;
        let id = hints.key_id.ok_or_else(|| Error::local(doing, "`key_id` is not there"))?;
        Self::checked(id, hints.issuer, secret)
    }

    fn checked(id: String, issuer: Option<String>, secret: SigningKey) -> Result<Self> {
        let doing = "read the notary key";
        let id_fits = (2..=32).contains(&id.len()) && id.bytes().all(|it| it.is_ascii_alphanumeric());
        if !id_fits {
            return Err(Error::local(doing, format!("`{}` is no key id", printable(&id)))
                .hint("a key id is 10 letters and digits, as in AuthKey_<key id>.p8"));
        }
        let owner = match issuer.map(|it| it.trim().to_owned()).filter(|it| !it.is_empty()) {
            None => Owner::Individual,
            Some(issuer) if is_uuid(&issuer) => Owner::Team { issuer },
            Some(issuer) => {
                return Err(Error::local(doing, format!("`{}` is no issuer id", printable(&issuer))).hint(
                    "the issuer id is the UUID above the list of Team keys; leave it out for an Individual key",
                ));
            }
        };
        Ok(Self { id, owner, secret })
    }
}

impl fmt::Debug for AuthKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthKey").field("id", &self.id).field("owner", &self.owner).finish_non_exhaustive()
    }
}

/// Where `AuthKey_<key_id>.p8` may lie, in the order in which Apple's tools look.
pub fn search_paths(key_id: &str, here: &Path, home: Option<&Path>) -> Vec<PathBuf> {
    let file = format!("AuthKey_{key_id}.p8");
    let place = |folder: &&str| match folder.strip_prefix("~/") {
        Some(rest) => home.map(|home| home.join(rest).join(&file)),
        None => Some(here.join(folder.trim_start_matches("./")).join(&file)),
    };
    SEARCHED.iter().filter_map(place).collect()
}

/// The key id in `AuthKey_ABC123DEFG.p8`.
pub fn key_id_of(file_name: &str) -> Option<String> {
    let id = file_name.strip_prefix("AuthKey_")?.strip_suffix(".p8")?;
    (!id.is_empty()).then(|| id.to_owned())
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, it)| match at {
            8 | 13 | 18 | 23 => it == b'-',
            _ => it.is_ascii_hexdigit(),
        })
}

/// At most 40 visible characters: an id that is a pasted secret must not fill the screen.
fn printable(text: &str) -> String {
    if text.len() > 40 { format!("{} characters", text.len()) } else { text.escape_debug().to_string() }
}

#[cfg(test)]
mod tests {
    use p256::pkcs8::LineEnding;

    use super::*;

    const ISSUER: &str = "57246542-96fe-1a63-e053-0824d011072a";

    fn secret() -> SigningKey {
        SigningKey::from_slice(&[7; 32]).unwrap()
    }

    fn pem() -> String {
        secret().to_pkcs8_pem(LineEnding::LF).unwrap().to_string()
    }

    fn hints(key_id: Option<&str>, issuer: Option<&str>) -> Hints {
        Hints { file_name: None, key_id: key_id.map(Into::into), issuer: issuer.map(Into::into) }
    }

    #[track_caller]
    fn check(text: &str, hints: &Hints, expected: Result<(&str, bool), &str>) {
        match (AuthKey::read(text, hints), expected) {
            (Ok(key), Ok((id, team))) => {
                assert_eq!(key.id(), id);
                assert_eq!(matches!(key.owner(), Owner::Team { .. }), team);
                assert_eq!(key.verifying_key(), *secret().verifying_key());
            }
            (Err(error), Err(text)) => assert!(error.to_string().contains(text), "{error}"),
            (found, expected) => panic!("found {found:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn every_shape_of_a_key_is_read() {
        let der =
            base64::engine::general_purpose::STANDARD.encode(secret().to_pkcs8_der().unwrap().as_bytes());
        let unified =
            serde_json::json!({"issuer_id": ISSUER, "key_id": "ABC123DEFG", "private_key": der}).to_string();
        let fastlane =
            serde_json::json!({"issuer_id": ISSUER, "key_id": "ABC123DEFG", "key": pem(), "in_house": false});
        check(&pem(), &hints(Some("ABC123DEFG"), Some(ISSUER)), Ok(("ABC123DEFG", true)));
        check(&pem(), &hints(Some("ABC123DEFG"), None), Ok(("ABC123DEFG", false)));
        check(&pem().replace('\n', "\\n"), &hints(Some("ABC123DEFG"), None), Ok(("ABC123DEFG", false)));
        check(&unified, &Hints::default(), Ok(("ABC123DEFG", true)));
        check(&fastlane.to_string(), &Hints::default(), Ok(("ABC123DEFG", true)));
        let named = Hints { file_name: Some("AuthKey_ABC123DEFG.p8".into()), ..Hints::default() };
        check(&pem(), &named, Ok(("ABC123DEFG", false)));
    }

    #[test]
    fn what_is_no_key_is_refused_with_the_way_out() {
        let good = hints(Some("ABC123DEFG"), None);
        check("hello", &good, Err("neither a PEM private key nor JSON"));
        check("-----BEGIN EC PRIVATE KEY-----", &good, Err("openssl pkcs8"));
        check("{\"key_id\":\"A\"}", &good, Err("neither `private_key` nor `key`"));
        check("{\"private_key\": 12}", &good, Err("line 1"));
        check(&pem(), &Hints::default(), Err("key id is not known"));
        check(&pem(), &hints(Some("ABC123DEFG"), Some("me")), Err("no issuer id"));
        check(&pem(), &hints(Some("../../etc"), None), Err("no key id"));
    }

    #[test]
    fn a_key_does_not_show_in_debug() {
        let key = AuthKey::read(&pem(), &hints(Some("ABC123DEFG"), None)).unwrap();
        assert_eq!(format!("{key:?}"), "AuthKey { id: \"ABC123DEFG\", owner: Individual, .. }");
    }

    #[test]
    fn keys_are_looked_for_where_apples_tools_look() {
        let found = search_paths("K", Path::new("/here"), Some(Path::new("/home")));
        let expected = [
            "/here/private_keys/AuthKey_K.p8",
            "/home/private_keys/AuthKey_K.p8",
            "/home/.private_keys/AuthKey_K.p8",
            "/home/.appstoreconnect/private_keys/AuthKey_K.p8",
        ];
        assert_eq!(found, expected.map(PathBuf::from));
        assert_eq!(search_paths("K", Path::new("/here"), None).len(), 1);
    }
}
