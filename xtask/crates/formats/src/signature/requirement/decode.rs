//! Requirements from bytes.

use crate::{
    bytes::{Bytes, Result},
    signature::{
        requirement::{
            CertSlot, Expr, FLAG_MASK, GENERIC_FALSE, GENERIC_SKIP, KIND_EXPRESSION, KIND_LIGHTWEIGHT,
            MAX_DEPTH, Match, Requirement, RequirementKind, RequirementSet,
        },
        superblob::{MAGIC_REQUIREMENT, MAGIC_REQUIREMENTS, SuperBlob, read_blob},
    },
};

/// Reads the requirement at the start of `bytes`, blob header included.
///
/// An operator that is neither known nor skippable is refused: Security's interpreter gives up on it, too, wherever
/// in the expression it stands, since it evaluates both sides of every `and` and `or`.
pub fn decode(bytes: Bytes<'_>) -> Result<Requirement> {
    let (magic, blob) = read_blob(bytes)?;
    if magic != MAGIC_REQUIREMENT {
        return Err(blob.fault(0, format!("magic is {magic:#010x}, not {MAGIC_REQUIREMENT:#010x}")));
    }
    let mut reader = Reader { blob, at: 8 };
    match reader.u32()? {
        KIND_EXPRESSION => {
            let expr = reader.expr(MAX_DEPTH)?;
            let rest = blob.as_slice().get(reader.at..).unwrap_or_default();
            Ok(Requirement::Expression(expr, rest.to_vec()))
        }
        KIND_LIGHTWEIGHT => Ok(Requirement::Lightweight(reader.data()?)),
        kind => Err(blob.fault(8, format!("requirement of unknown kind {kind}"))),
    }
}

/// Reads the set of requirements at the start of `bytes`, blob header included.
pub fn decode_set(bytes: Bytes<'_>) -> Result<RequirementSet> {
    let index = SuperBlob::parse_with_magic(bytes, MAGIC_REQUIREMENTS)?;
    let member = |number, blob| {
        let kind = RequirementKind::from_number(number);
        decode(blob).map(|it| (kind, it)).map_err(|it| it.within(kind.name().unwrap_or("requirement")))
    };
    let members = index.blobs.iter().map(|it| member(it.slot.number(), it.bytes));
    Ok(RequirementSet { members: members.collect::<Result<_>>()? })
}

struct Reader<'a> {
    blob: Bytes<'a>,
    at: usize,
}

impl Reader<'_> {
    fn u32(&mut self) -> Result<u32> {
        let value = self.blob.u32_be(self.at)?;
        self.at += 4;
        Ok(value)
    }

    fn time(&mut self) -> Result<i64> {
        let value = self.blob.u64_be(self.at)?;
        self.at += 8;
        Ok(value as i64)
    }

    fn slot(&mut self) -> Result<CertSlot> {
        self.u32().map(|it| CertSlot(it as i32))
    }

    /// `length bytes`, and the padding to a multiple of four, which need not be there at the very end.
    fn data(&mut self) -> Result<Vec<u8>> {
        let len = self.u32()? as usize;
        let value = self.blob.range(self.at, len)?.as_slice().to_vec();
        self.at = (self.at + len).next_multiple_of(4);
        Ok(value)
    }

    fn expr(&mut self, depth: u32) -> Result<Expr> {
        let start = self.at;
        let Some(depth) = depth.checked_sub(1) else {
            return Err(self.blob.fault(start, format!("nested deeper than {MAX_DEPTH}")));
        };
        let opcode = self.u32()?;
        let flags = opcode & FLAG_MASK;
        let expr = match opcode & !FLAG_MASK {
            0 => Expr::Never,
            1 => Expr::Always,
            2 => Expr::Identifier(self.data()?),
            3 => Expr::AnchorApple,
            4 => Expr::CertificateHash { slot: self.slot()?, hash: self.sha1()? },
            5 => Expr::InfoValue { key: self.data()?, value: self.data()? },
            6 => Expr::And(self.operand(depth)?, self.operand(depth)?),
            7 => Expr::Or(self.operand(depth)?, self.operand(depth)?),
            8 => Expr::CdHash(self.data()?),
            9 => Expr::Not(self.operand(depth)?),
            10 => Expr::Info { key: self.data()?, test: self.test()? },
            11 => Expr::CertificateSubject { slot: self.slot()?, key: self.data()?, test: self.test()? },
            12 => Expr::TrustedCertificate(self.slot()?),
            13 => Expr::TrustedCertificates,
            14 => Expr::CertificateField { slot: self.slot()?, oid: self.data()?, test: self.test()? },
            15 => Expr::AnchorAppleGeneric,
            16 => Expr::Entitlement { key: self.data()?, test: self.test()? },
            17 => Expr::CertificatePolicy { slot: self.slot()?, oid: self.data()?, test: self.test()? },
            18 => Expr::NamedAnchor(self.data()?),
            19 => Expr::NamedCode(self.data()?),
            20 => Expr::Platform(self.u32()? as i32),
            21 => Expr::Notarized,
            22 => Expr::CertificateDate { slot: self.slot()?, oid: self.data()?, test: self.test()? },
            23 => Expr::LegacyDeveloperId,
            _ if flags & GENERIC_FALSE != 0 => {
                return Ok(Expr::UnknownFalse { opcode, argument: self.argument()? });
            }
            _ if flags & GENERIC_SKIP != 0 => {
                let argument = self.argument()?;
                return Ok(Expr::UnknownSkipped { opcode, argument, then: self.operand(depth)? });
            }
            _ => return Err(self.blob.fault(start, format!("operator {opcode:#x} is not known"))),
        };
        match (flags >> 24) as u8 {
            0 => Ok(expr),
            flags => Ok(Expr::Flagged { flags, expr: Box::new(expr) }),
        }
    }

    fn operand(&mut self, depth: u32) -> Result<Box<Expr>> {
        self.expr(depth).map(Box::new)
    }

    /// What an unknown operator carries; unlike a text it is not padded.
    fn argument(&mut self) -> Result<Vec<u8>> {
        let len = self.u32()? as usize;
        let value = self.blob.range(self.at, len)?.as_slice().to_vec();
        self.at += len;
        Ok(value)
    }

    fn sha1(&mut self) -> Result<Vec<u8>> {
        let start = self.at;
        let hash = self.data()?;
        match hash.len() {
            20 => Ok(hash),
            len => Err(self.blob.fault(start, format!("certificate hash has {len} bytes, not 20"))),
        }
    }

    fn test(&mut self) -> Result<Match> {
        Ok(match self.u32()? {
            0 => Match::Exists,
            1 => Match::Equal(self.data()?),
            2 => Match::Contains(self.data()?),
            3 => Match::BeginsWith(self.data()?),
            4 => Match::EndsWith(self.data()?),
            5 => Match::LessThan(self.data()?),
            6 => Match::GreaterThan(self.data()?),
            7 => Match::LessEqual(self.data()?),
            8 => Match::GreaterEqual(self.data()?),
            9 => Match::On(self.time()?),
            10 => Match::Before(self.time()?),
            11 => Match::After(self.time()?),
            12 => Match::OnOrBefore(self.time()?),
            13 => Match::OnOrAfter(self.time()?),
            14 => Match::Absent,
            number => Match::Unknown(number, self.data()?),
        })
    }
}
