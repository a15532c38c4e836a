//! The token that every request carries: ES256, made by hand, fresh each time.
//!
//! ```text
//!   base64url({"alg":"ES256","kid":"ABC123DEFG","typ":"JWT"}) . base64url(claims) . base64url(r ‖ s)
//! ```
//! App Store Connect refuses a token that lives longer than 20 minutes, whatever is asked with it. One made per request never expires under us,
//! however long a wait takes.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use p256::ecdsa::{Signature, VerifyingKey, signature::Verifier as _};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::key::{AuthKey, Owner};

/// The longest life that App Store Connect accepts, in seconds ("Generating Tokens for API Requests").
pub const LONGEST_LIFE: u64 = 20 * 60;
/// The life we ask for. Half the limit leaves room for a clock that is minutes off in either direction.
const LIFE: u64 = 10 * 60;
const AUDIENCE: &str = "appstoreconnect-v1";

/// A token; whoever has it is us for ten minutes, so it does not show in `Debug`.
pub struct Token(Zeroizing<String>);

impl Token {
    /// The text that follows `Bearer `.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// A token for `key`, issued `now` (seconds since 1970).
pub fn mint(key: &AuthKey, now: u64) -> Token {
    let header = serde_json::json!({"alg": "ES256", "kid": key.id(), "typ": "JWT"});
    let expires = now.saturating_add(LIFE);
    let claims = match key.owner() {
        Owner::Team { issuer } => {
            serde_json::json!({"iss": issuer, "iat": now, "exp": expires, "aud": AUDIENCE})
        }
        Owner::Individual => serde_json::json!({"sub": "user", "iat": now, "exp": expires, "aud": AUDIENCE}),
    };
    let message = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header.to_string()),
        URL_SAFE_NO_PAD.encode(claims.to_string())
    );
    let signature = URL_SAFE_NO_PAD.encode(key.sign(message.as_bytes()));
    Token(Zeroizing::new(format!("{message}.{signature}")))
}

/// What a token claims.
#[derive(Debug, Deserialize)]
struct Claims {
    iss: Option<String>,
    sub: Option<String>,
    iat: Option<u64>,
    exp: u64,
    aud: String,
}

/// Checks a token as App Store Connect does; the error says which rule it breaks. Used by the local notary.
pub fn verify(token: &str, key_id: &str, owner: &Owner, key: &VerifyingKey, now: u64) -> Result<(), String> {
    #[derive(Deserialize)]
    struct Header {
        alg: String,
        kid: String,
    }
    let parts: Vec<&str> = token.split('.').collect();
    let &[header, claims, signature] = parts.as_slice() else {
        return Err(format!("a token has 3 parts, not {}", parts.len()));
    };
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| "a part is not base64url".to_owned());
    let message = format!("{header}.{claims}");
    let header: Header = serde_json::from_slice(&decode(header)?)
        .map_err(|_| "the header is not the expected JSON".to_owned())?;
    let claims: Claims = serde_json::from_slice(&decode(claims)?)
        .map_err(|_| "the claims are not the expected JSON".to_owned())?;
    if header.alg != "ES256" {
        return Err("the algorithm is not ES256".to_owned());
    }
    if header.kid != key_id {
        return Err("the key id is not known".to_owned());
    }
    let signature =
        Signature::from_slice(&decode(signature)?).map_err(|_| "the signature is not r‖s".to_owned())?;
    key.verify(message.as_bytes(), &signature).map_err(|_| "the signature does not verify".to_owned())?;
    match owner {
        Owner::Team { issuer } if claims.iss.as_ref() != Some(issuer) => {
            return Err("the issuer is not the team's".to_owned());
        }
        Owner::Individual if claims.iss.is_some() || claims.sub.as_deref() != Some("user") => {
            return Err("an Individual key has no issuer and the subject `user`".to_owned());
        }
        Owner::Team { .. } | Owner::Individual => {}
    }
    if claims.aud != AUDIENCE {
        return Err(format!("the audience is not {AUDIENCE}"));
    }
    let issued = claims.iat.unwrap_or(now);
    if issued > now.saturating_add(SKEW) {
        return Err("the token was issued in the future".to_owned());
    }
    if claims.exp <= now {
        return Err("the token has expired".to_owned());
    }
    if claims.exp.saturating_sub(issued) > LONGEST_LIFE {
        return Err("the token lives longer than 20 minutes".to_owned());
    }
    Ok(())
}

/// How far a clock may run ahead before a token counts as issued in the future, in seconds.
const SKEW: u64 = 60;

#[cfg(test)]
mod tests {
    use p256::ecdsa::SigningKey;

    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn key(owner: Owner) -> AuthKey {
        AuthKey::new("ABC123DEFG", owner, SigningKey::from_slice(&[7; 32]).unwrap())
    }

    fn team() -> Owner {
        Owner::Team { issuer: "57246542-96fe-1a63-e053-0824d011072a".into() }
    }

    #[track_caller]
    fn check(minted: Owner, judged: Owner, at: u64, expected: Result<(), &str>) {
        let key = key(minted);
        let found = verify(mint(&key, NOW).expose(), "ABC123DEFG", &judged, &key.verifying_key(), at);
        assert_eq!(found, expected.map_err(str::to_owned));
    }

    #[test]
    fn a_token_is_accepted_while_it_lives() {
        check(team(), team(), NOW, Ok(()));
        check(Owner::Individual, Owner::Individual, NOW + LIFE - 1, Ok(()));
        check(team(), team(), NOW + LIFE, Err("the token has expired"));
        check(team(), team(), NOW - SKEW - 1, Err("the token was issued in the future"));
    }

    #[test]
    fn the_owner_of_the_key_decides_the_claims() {
        check(Owner::Individual, team(), NOW, Err("the issuer is not the team's"));
        check(team(), Owner::Individual, NOW, Err("an Individual key has no issuer and the subject `user`"));
    }

    #[test]
    fn a_token_of_another_key_or_with_a_changed_claim_is_refused() {
        let key = key(team());
        let other = SigningKey::from_slice(&[8; 32]).unwrap();
        let token = mint(&key, NOW);
        let found = verify(token.expose(), "ABC123DEFG", &team(), other.verifying_key(), NOW);
        assert_eq!(found.unwrap_err(), "the signature does not verify");
        let mut parts: Vec<&str> = token.expose().split('.').collect();
        let longer = URL_SAFE_NO_PAD.encode(format!("{{\"exp\":{},\"aud\":\"{AUDIENCE}\"}}", NOW + 99_999));
        parts[1] = &longer;
        let found = verify(&parts.join("."), "ABC123DEFG", &team(), &key.verifying_key(), NOW);
        assert_eq!(found.unwrap_err(), "the signature does not verify");
    }

    #[test]
    fn a_token_does_not_show_in_debug() {
        assert_eq!(format!("{:?}", mint(&key(team()), NOW)), "Token(…)");
    }
}
