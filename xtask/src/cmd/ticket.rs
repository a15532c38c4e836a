//! `cargo xtask ticket`.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use formats::{
    Bytes,
    document::ticket::Ticket,
    signature::{
        certificate::Certificate,
        chain::{Anchor, Trust},
    },
};
use notary::lookup::Hash;

use crate::{
    cmd::{self, Context},
    error::{Doing, Error, Exit, Result},
    stage::{
        files,
        notarize::{
            product::{self, Product},
            staple,
        },
    },
    terminal,
};

/// Shows and verifies notarization tickets
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cargo xtask ticket show Host.pkg
  cargo xtask ticket verify dist/Host.app --trust-root dist/rehearsal-root.pem

Offline: signature, chain, time, and which code it covers. Whether Apple revoked it since cannot be seen.
Exit codes: 0 genuine and complete · 1 not so · 2 usage · 4 there is no ticket")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// What a ticket says: a ticket file, or one stapled to a product
    #[command(after_help = "Examples:
  cargo xtask ticket show Host.pkg
  cargo xtask ticket show Host.app/Contents/CodeResources")]
    Show(Look),
    /// Whether it is genuine and covers the product it is stapled to
    #[command(after_help = "Examples:
  cargo xtask ticket verify Host.pkg
  cargo xtask ticket verify dist/Host.app --trust-root dist/rehearsal-root.pem

Exit codes: 0 genuine and complete · 1 not so · 2 usage · 4 there is no ticket")]
    Verify(Look),
}

#[derive(Debug, clap::Args)]
struct Look {
    /// A ticket, or an app, pkg or dmg that carries one
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// Trusts the certificates in this file beside Apple's roots
    #[arg(long, value_name = "PEM")]
    trust_root: Vec<PathBuf>,
}

/// Shows or verifies.
pub fn run(args: Args, _context: &Context) -> Result<Exit> {
    let (look, must_cover) = match &args.command {
        Command::Show(look) => (look, false),
        Command::Verify(look) => (look, true),
    };
    let trust = trust(&look.trust_root)?;
    let cannot = || format!("cannot read the ticket of `{}`", look.path.display());
    let raw = raw_ticket(&look.path)?;
    let product = match &raw {
        Some(_) => None,
        None => Some(Product::open(&look.path, &trust)?),
    };
    let stapled = match &product {
        Some(product) => product.place().map(staple::ticket).transpose()?.flatten(),
        None => raw,
    };
    let Some(bytes) = stapled else {
        cmd::print(&format!("{}: no ticket\n", look.path.display()))?;
        return Ok(if must_cover { Exit::Incomplete } else { Exit::Passed });
    };
    let ticket = Ticket::read(&bytes).doing(cannot)?;
    let verified = ticket.verify(&trust);
    let mut text = format!("ticket    {} bytes, issued {}\n", bytes.len(), time(ticket.time.0));
    if ticket.flags != 0 {
        text.push_str(&format!("flags     {:#x}, which no ticket seen so far has\n", ticket.flags));
    }
    for certificate in &ticket.certificates {
        let sha256: String = certificate.sha256().iter().map(|it| format!("{it:02x}")).collect();
        text.push_str(&format!("signed by {sha256} (certificate, SHA-256)\n"));
    }
    let signature = match &verified.signature {
        Ok(()) => "fits the bytes".to_owned(),
        Err(why) => format!("does not hold: {why}"),
    };
    let chain = match &verified.chain.anchor {
        Anchor::Apple(root) => format!("leads to {root}"),
        Anchor::Given => "leads to a root that was given".to_owned(),
        other => product::untrusted(other),
    };
    text.push_str(&format!("signature {signature}\nchain     {chain}\n"));
    for fault in &verified.chain.faults {
        text.push_str(&format!("          {fault}\n"));
    }
    for marker in &verified.missing_markers {
        text.push_str(&format!("          the marker {marker} is missing\n"));
    }
    let hashes = ticket.entries.iter().map(|(kind, bytes)| Hash { kind: *kind, bytes: *bytes });
    let covered: std::collections::BTreeSet<Hash> = hashes.collect();
    let mut is_complete = true;
    match &product {
        None => covered.iter().for_each(|it| text.push_str(&format!("covers    {it}\n"))),
        Some(product) => {
            for hash in &product.required {
                let word = if covered.contains(hash) { "covers   " } else { "MISSING  " };
                is_complete &= covered.contains(hash);
                text.push_str(&format!("{word} {hash}\n"));
            }
            for hash in covered.difference(&product.required) {
                text.push_str(&format!("also      {hash}, which is not in the product\n"));
            }
        }
    }
    let verdict = match (verified.is_genuine(), is_complete) {
        (true, true) => "genuine; it covers all code",
        (true, false) => "genuine; it does not cover all code",
        (false, _) => "not genuine",
    };
    text.push_str(&format!("verdict   {verdict}\n"));
    cmd::print(&text)?;
    if matches!(verified.chain.anchor, Anchor::Missing(_)) && look.trust_root.is_empty() {
        terminal::note("the ticket of a rehearsal needs `--trust-root dist/rehearsal-root.pem`");
    }
    let is_good = verified.is_genuine() && is_complete;
    Ok(if must_cover && !is_good { Exit::Findings } else { Exit::Passed })
}

/// The roots in these files, PEM or DER.
pub fn trust(files: &[PathBuf]) -> Result<Trust> {
    let mut trust = Trust::default();
    for path in files {
        let bytes = files::read(path)?;
        let cannot = || format!("cannot read the certificates in `{}`", path.display());
        let text = String::from_utf8_lossy(&bytes);
        let blocks: Vec<Vec<u8>> = match text.contains("-----BEGIN CERTIFICATE-----") {
            false => vec![bytes.clone()],
            true => pem_blocks(&text).doing_as_asked(cannot)?,
        };
        for der in blocks {
            trust.roots.push(Certificate::parse(Bytes::new(&der)).doing_as_asked(cannot)?);
        }
    }
    Ok(trust)
}

fn pem_blocks(text: &str) -> Result<Vec<Vec<u8>>, base64::DecodeError> {
    let blocks = text.split("-----BEGIN CERTIFICATE-----").skip(1);
    let decode = |block: &str| {
        let inside: String = block.split("-----END").next().unwrap_or_default().split_whitespace().collect();
        base64::prelude::BASE64_STANDARD.decode(inside)
    };
    blocks.map(decode).collect()
}

/// The file's bytes when it is a bare ticket.
fn raw_ticket(path: &Path) -> Result<Option<Vec<u8>>> {
    if !path.is_file() {
        return match path.exists() {
            true => Ok(None),
            false => Err(Error::usage(format!("there is no `{}`", path.display()))),
        };
    }
    /// No ticket is larger: 16 MiB would be 700 000 pieces of code.
    const LARGEST: u64 = 16 << 20;
    let len = path.metadata().doing(|| format!("cannot read `{}`", path.display()))?.len();
    if len > LARGEST {
        return Ok(None);
    }
    let bytes = files::read(path)?;
    Ok(Ticket::is(&bytes).then_some(bytes))
}

fn time(unix: i64) -> String {
    u64::try_from(unix).map_or_else(|_| unix.to_string(), notary::clock::timestamp)
}
