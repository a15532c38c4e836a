//! Timestamps (RFC 3161) of the rehearsal authority: always at its epoch, so that the same signature gets the same token.

use sha2::{Digest, Sha256};

use super::{Authority, Role};
use crate::{
    Error, Result,
    asn1::{
        oid,
        read::Element,
        write::{self, number, octets, sequence},
    },
    cms::{Content, SignedData, attribute},
};

/// The policy under which it stamps: below the number kept for examples (RFC 5612), since nobody may rely on it.
const POLICY: &str = "1.3.6.1.4.1.32473.1";

impl Authority {
    /// Answers a `TimeStampReq` with a `TimeStampResp`, as a server would.
    pub fn timestamp(&self, request: &[u8]) -> Result<Vec<u8>> {
        let request = Element::read(request, "a timestamp request")?;
        if request.child(0, "its version")?.number("its version")? != 1 {
            return Err(Error::new("a timestamp request of a version other than 1"));
        }
        let imprint = request.child(1, "what to stamp")?;
        let nonce = request.children.iter().skip(2).find(|it| it.tag == 0x02);

        let chain = self.chain(Role::TimestampSigner)?;
        let leaf = chain.first().ok_or_else(|| Error::new("no timestamp signer"))?;
        let imprint_der = imprint.der();
        let serial =
            Sha256::new().chain_update(&imprint_der).chain_update(self.epoch().to_be_bytes()).finalize();
        let mut token = vec![
            number(1),
            write::oid(POLICY),
            imprint_der,
            write::integer(serial.get(..16).unwrap_or(&serial)),
            write::generalized_time(self.epoch())?,
        ];
        token.extend(nonce.map(Element::der));
        // ESSCertIDv2 with its default algorithm, SHA-256, left out, as DER demands (RFC 5035, RFC 5816).
        let certificate_id = sequence([sequence([sequence([octets(&leaf.sha256())])])]);
        let token = SignedData {
            content: Content::Embedded(oid::TST_INFO, &sequence(token)),
            chain: &chain,
            key: self.key(Role::TimestampSigner)?,
            signing_time: Some(self.epoch()),
            attributes: vec![attribute(oid::SIGNING_CERTIFICATE_V2, certificate_id)],
        };
        let granted = sequence([number(0)]);
        Ok(sequence([granted, token.sign(|_| Ok(Vec::new()))?]))
    }
}
