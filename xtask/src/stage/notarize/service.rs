//! Which notary is talked to, and through whom: Apple's with a key from the signing file, Apple's by way of its own tool, or one of our own.

use std::{path::PathBuf, sync::Arc, time::Duration};

use formats::{
    Bytes,
    signature::{certificate::Certificate, chain::Trust, time::UnixTime},
};
use notary::{
    Agency, AuthKey, Clock,
    client::{Endpoints, Notary},
    clock::interrupted,
    http::{Endpoint, Http, Patience},
    key::{self, Hints, Owner},
    local::{KnownKey, LocalNotary, Settings},
};
use sha2::{Digest as _, Sha256};
use signer::authority::Role;

use super::{
    examine::Spool,
    notarytool::{AtWork, NotaryTool},
    product::Upload,
    progress::Progress,
};
use crate::{
    config::{Notarization, NotaryKey, SecretSource, Signing},
    error::{Doing, Error, Exit, Result},
    interrupt,
    rehearsal::{self, Rehearsal},
    stage::sign::identity,
    tools::Toolbox,
    workspace::Workspace,
};

/// The machine's clock; a sleep ends when somebody presses Ctrl-C.
#[derive(Debug)]
pub struct SystemClock;

/// The one there is.
pub static CLOCK: SystemClock = SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> u64 {
        rehearsal::now()
    }

    fn sleep(&self, pause: Duration) -> notary::Result<()> {
        /// How long Ctrl-C may go unnoticed.
        const STEP: Duration = Duration::from_millis(100);
        let mut left = pause;
        while !left.is_zero() {
            if interrupt::happened() {
                return Err(interrupted());
            }
            let step = left.min(STEP);
            std::thread::sleep(step);
            left = left.saturating_sub(step);
        }
        if interrupt::happened() { Err(interrupted()) } else { Ok(()) }
    }
}

/// Addresses in place of Apple's; http only on this machine.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Addresses {
    /// The notary, in place of Apple's; the bare address of `notary serve` stands for ticket service and uploads as well
    #[arg(long, global = true, value_name = "URL")]
    pub notary_url: Option<String>,
    /// The ticket service, in place of Apple's
    #[arg(long, global = true, value_name = "URL")]
    pub ticket_url: Option<String>,
    /// Where uploads go, in place of Amazon's
    #[arg(long, global = true, value_name = "URL")]
    pub s3_endpoint: Option<String>,
    /// Uploads to the regional address: some networks do not let the accelerated one through
    #[arg(long, global = true)]
    pub no_s3_acceleration: bool,
}

impl Addresses {
    /// Apple's, with what was given in place of them.
    pub fn endpoints(&self) -> Result<Endpoints> {
        let (notary, tickets, s3) = (&self.notary_url, &self.ticket_url, &self.s3_endpoint);
        let wrong = |error: notary::Error| Error::usage(error.to_string());
        let local = notary.as_deref().filter(|_| tickets.is_none() && s3.is_none());
        let local = local.map(Endpoint::parse).transpose().map_err(wrong)?;
        let found = match local.filter(|it| it.is_loopback() && is_bare(it)) {
            Some(it) => notary::local::endpoints(it.base()),
            None => Endpoints::new(notary.as_deref(), tickets.as_deref(), s3.as_deref()),
        };
        let mut endpoints = found.map_err(wrong)?;
        if self.no_s3_acceleration {
            endpoints.acceleration = notary::client::Acceleration::Off;
        }
        Ok(endpoints)
    }

    /// As they were typed, for the command that goes on.
    pub fn typed(&self) -> Vec<String> {
        let named = [
            ("--notary-url", &self.notary_url),
            ("--ticket-url", &self.ticket_url),
            ("--s3-endpoint", &self.s3_endpoint),
        ];
        let mut typed: Vec<String> = named
            .into_iter()
            .filter_map(|(name, value)| Some([name.to_owned(), value.clone()?]))
            .flatten()
            .collect();
        typed.extend(self.no_s3_acceleration.then(|| "--no-s3-acceleration".to_owned()));
        typed
    }
}

/// Whether an address is a machine and nothing on it.
fn is_bare(it: &Endpoint) -> bool {
    it.base().split_once("://").is_some_and(|(_, rest)| !rest.contains('/'))
}

/// A notary, and who talks to it.
#[derive(Debug)]
pub struct Service {
    /// Connections.
    pub http: Http,
    /// Where.
    pub endpoints: Endpoints,
    way: Way,
    webhook: Option<Endpoint>,
}

/// Who talks to the notary.
#[derive(Debug)]
enum Way {
    /// Our own client, with a key.
    Key(AuthKey),
    /// Our own client, with a notary of our own that ends with this process.
    Local(AuthKey, #[expect(dead_code, reason = "it answers until it is dropped")] LocalNotary),
    /// Apple's tool, with a keychain profile.
    Tool(NotaryTool),
}

impl Service {
    /// The one that the signing file names, or the one at the addresses given in its place.
    pub fn of(signing: &Signing, rehearsal: Option<&Rehearsal>, addresses: &Addresses) -> Result<Self> {
        match (*signing.notarization, rehearsal) {
            (Notarization::Apple, _) => Self::apple(signing, addresses),
            // A notary that `notary serve` runs: the same rehearsal, another process.
            (Notarization::Local, Some(rehearsal)) if addresses.notary_url.is_some() => {
                Self::remote(settings(rehearsal)?.1, addresses)
            }
            (Notarization::Local, Some(rehearsal)) => Self::local(rehearsal),
            (Notarization::Local, None) => {
                Err(Error::usage(format!("`{}`: a local notary needs a rehearsal identity", signing.shown)))
            }
            (Notarization::None, _) => {
                Err(Error::usage(format!("`{}` says `notarization = \"none\"`", signing.shown))
                    .hint("set it to `apple` or `local`"))
            }
        }
    }

    /// Apple's: through its own tool where a keychain profile is named and the tool is there, else with a key.
    fn apple(signing: &Signing, addresses: &Addresses) -> Result<Self> {
        let named = signing.notary.as_ref();
        let Some(profile) = named.and_then(|it| it.keychain_profile.as_deref()) else {
            return Self::remote(key(signing)?, addresses);
        };
        if !notary::notarytool::is_profile(profile) {
            return Err(Error::usage(format!(
                "`{}`: `keychain-profile = \"{profile}\"` is no name of a profile",
                signing.shown
            )));
        }
        let tools = Toolbox::here()?;
        let has_tool = tools.host().is_mac() && tools.find("xcrun").is_some();
        match (has_tool, named.is_some_and(has_key)) {
            (true, _) => {
                let tool = NotaryTool {
                    tools,
                    profile: profile.to_owned(),
                    no_acceleration: addresses.no_s3_acceleration,
                    webhook: None,
                };
                Ok(Self {
                    http: http()?,
                    endpoints: addresses.endpoints()?,
                    way: Way::Tool(tool),
                    webhook: None,
                })
            }
            (false, true) => Self::remote(key(signing)?, addresses),
            (false, false) => Err(Error::usage(format!(
                "`{}`: the profile `{profile}` lies in the keychain of a Mac, where notarytool reads it; there is none here",
                signing.shown
            ))
            .hint("name an App Store Connect key beside it (`key`, `key-id`, `issuer`), or run this on the Mac")),
        }
    }

    /// Any notary, with a key.
    pub fn remote(key: AuthKey, addresses: &Addresses) -> Result<Self> {
        Ok(Self { http: http()?, endpoints: addresses.endpoints()?, way: Way::Key(key), webhook: None })
    }

    /// One of our own, in this process, under the rehearsal's root.
    pub fn local(rehearsal: &Rehearsal) -> Result<Self> {
        let (settings, key) = settings(rehearsal)?;
        let server = LocalNotary::start(0, settings).doing(|| "cannot start the local notary")?;
        let endpoints = server.endpoints().map_err(explain)?;
        Ok(Self { http: http()?, endpoints, way: Way::Local(key, server), webhook: None })
    }

    /// Has the notary post to this address when a verdict is there.
    pub fn telling(mut self, webhook: Option<&str>) -> Result<Self> {
        let Some(webhook) = webhook else { return Ok(self) };
        let endpoint = Endpoint::parse(webhook).map_err(|error| Error::usage(error.to_string()))?;
        if let Way::Tool(tool) = &mut self.way {
            tool.webhook = Some(endpoint.base().to_owned());
        }
        self.webhook = Some(endpoint);
        Ok(self)
    }

    /// The one who takes submissions. `upload` is what will be handed in, when anything will.
    pub fn agency<'a>(
        &'a self,
        upload: Option<&'a Upload>,
        progress: &'a Progress,
        say: &'a dyn Fn(&str),
    ) -> Result<Box<dyn Agency + 'a>> {
        Ok(match &self.way {
            Way::Key(key) | Way::Local(key, _) => {
                let notary = Notary::new(&self.http, &self.endpoints, key, &CLOCK, say);
                Box::new(notary.telling(self.webhook.as_ref()))
            }
            Way::Tool(tool) => {
                let folder = Workspace::find()?.work().join("notary/named");
                Box::new(AtWork { tool, file: upload.map(Upload::path), folder, progress })
            }
        })
    }

    /// Whether it is one of our own and ends with this process.
    pub fn is_in_process(&self) -> bool {
        matches!(self.way, Way::Local(..))
    }

    /// What a person is told.
    pub fn name(&self) -> String {
        match &self.way {
            Way::Local(..) => "local notary, a rehearsal".to_owned(),
            Way::Key(_) => self.endpoints.notary.host().to_owned(),
            Way::Tool(tool) => {
                let simulated = if tool.tools.host().simulated { ", simulated" } else { "" };
                format!("notarytool, profile `{}`{simulated}", tool.profile)
            }
        }
    }
}

/// Whether `[notary]` names a key of its own.
fn has_key(it: &NotaryKey) -> bool {
    it.key.is_some() || it.key_id.is_some()
}

/// What a local notary of this rehearsal is made of, and the key that opens it.
pub fn settings(rehearsal: &Rehearsal) -> Result<(Settings, AuthKey)> {
    let cannot = || "cannot set up the local notary";
    let authority = rehearsal.authority();
    let signer = authority.key(Role::TicketSigner).doing(cannot)?.to_pkcs8().doing(cannot)?;
    // The API key of a rehearsal follows from its seed, as all its keys do.
    let seed = Sha256::new().chain_update(b"notary api key").chain_update(&*signer).finalize();
    let secret = p256::ecdsa::SigningKey::from_slice(&seed).doing(cannot)?;
    let key = AuthKey::new("REHEARSAL0", Owner::Individual, secret);
    let certificates: Vec<Vec<u8>> = [Role::TicketSigner, Role::TicketCa]
        .into_iter()
        .map(|role| authority.certificate(role).map(|it| it.der().to_vec()))
        .collect::<Result<_, _>>()
        .doing(cannot)?;
    rehearsal.keep_keys()?;
    let epoch = UnixTime(i64::try_from(authority.epoch()).doing(cannot)?);
    let signer = signer::key::PrivateKey::from_pkcs8(&signer)
        .ok_or_else(|| Error::tool(cannot()).because("the ticket key does not read back"))?;
    let sealer = signer.clone();
    let chain: Vec<u8> = certificates.iter().flat_map(|it| pem(it).into_bytes()).collect();
    let sign = move |hashes: &std::collections::BTreeSet<notary::lookup::Hash>, _now: u64| {
        let entries = hashes.iter().map(|it| (it.kind, it.bytes)).collect();
        // Dates of a rehearsal count from its epoch, so that the same inputs give the same bytes.
        formats::document::ticket::write(&certificates, epoch, &entries, |bytes| {
            signer.sign(bytes).map_err(|error| formats::Error::new(0, error.to_string()))
        })
        .map_err(|error| error.to_string())
    };
    let known = KnownKey { id: key.id().to_owned(), owner: key.owner().clone(), key: key.verifying_key() };
    let spool = Box::new(Spool::new(trust(rehearsal)?).doing(cannot)?);
    let mut settings = Settings::new(known, Arc::new(SystemClock), spool, Box::new(sign));
    authority.team().clone_into(&mut settings.team);
    settings.seal = Box::new(move |payload: &[u8]| {
        let signature = sealer.sign(payload).map_err(|error| error.to_string())?;
        Ok((signature, chain.clone()))
    });
    Ok((settings, key))
}

/// A certificate as text.
fn pem(der: &[u8]) -> String {
    let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, der);
    let mut out = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, next) = rest.split_at_checked(64).unwrap_or((rest, ""));
        out.push_str(line);
        out.push('\n');
        rest = next;
    }
    out + "-----END CERTIFICATE-----\n"
}

/// The rehearsal's roots, for whoever judges its signatures and tickets.
pub fn trust(rehearsal: &Rehearsal) -> Result<Trust> {
    let cannot = || "cannot read the roots of the rehearsal";
    let mut trust = Trust::default();
    for role in [Role::Root, Role::TicketRoot] {
        let certificate = rehearsal.authority().certificate(role).doing(cannot)?;
        trust.roots.push(Certificate::parse(Bytes::new(certificate.der())).doing(cannot)?);
    }
    Ok(trust)
}

/// Connections that trust what `SSL_CERT_FILE` names, if anything.
pub fn http() -> Result<Http> {
    let roots = match std::env::var_os("SSL_CERT_FILE").filter(|it| !it.is_empty()) {
        Some(path) => {
            let path = PathBuf::from(path);
            let cannot = || format!("cannot read `{}`, which `SSL_CERT_FILE` names", path.display());
            Some(std::fs::read(&path).doing_as_asked(cannot)?)
        }
        None => None,
    };
    Http::new(roots.as_deref(), Patience::default()).map_err(explain)
}

/// The key that the signing file names, or that lies where Apple's tools look.
pub fn key(signing: &Signing) -> Result<AuthKey> {
    let Some(named) = &signing.notary else {
        return Err(Error::usage(format!("`{}` has no section `[notary]`", signing.shown))
            .hint("add `key`, `key-id` and `issuer`; cargo xtask dist --help-config shows them"));
    };
    let text = |source: &Option<SecretSource>| {
        source.as_ref().map(identity::read_text).transpose().map(|it| it.map(|it| it.to_string()))
    };
    // An Individual key has no issuer: the variable may be empty or absent.
    let issuer = match &named.issuer {
        Some(it) if is_unset(it) => None,
        _ => text(&named.issuer)?,
    };
    let key_id = match &named.key_id {
        Some(it) if is_unset(it) => None,
        _ => text(&named.key_id)?,
    };
    let file_name = match &named.key {
        Some(SecretSource::File(path)) => path.file_name().and_then(|it| it.to_str()).map(str::to_owned),
        Some(SecretSource::EnvPath(name)) => {
            std::env::var_os(name).and_then(|it| PathBuf::from(it).file_name()?.to_str().map(str::to_owned))
        }
        _ => None,
    };
    let hints = Hints { file_name, key_id: key_id.clone(), issuer };
    // A key that the environment does not name may lie where Apple's tools look.
    let source = named.key.as_ref().filter(|it| key_id.is_none() || !is_unset(it));
    let found = match (source, key_id) {
        (Some(source), _) => identity::read_text(source)?,
        (None, Some(id)) => find(&id)?,
        (None, None) => {
            return Err(Error::usage(format!(
                "`{}`: `[notary]` names neither `key` nor `key-id`",
                signing.shown
            )));
        }
    };
    AuthKey::read(&found, &hints).map_err(|error| {
        let wrong = Error::usage(format!("cannot {}", error.doing)).because(&error.cause);
        error.hint.into_iter().fold(wrong, Error::hint)
    })
}

/// Whether a source is a variable that is not set.
fn is_unset(source: &SecretSource) -> bool {
    match source {
        SecretSource::Env(name) | SecretSource::EnvPath(name) => {
            std::env::var_os(name).is_none_or(|it| it.is_empty())
        }
        _ => false,
    }
}

fn find(id: &str) -> Result<zeroize::Zeroizing<String>> {
    let here = std::env::current_dir().doing(|| "cannot tell the current folder")?;
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let places = key::search_paths(id, &here, home.as_deref());
    let found = places.iter().find(|it| it.is_file()).ok_or_else(|| {
        let listed: Vec<String> = places.iter().map(|it| it.display().to_string()).collect();
        Error::usage(format!("there is no AuthKey_{id}.p8"))
            .because(format!("looked at\n{}", listed.join("\n")))
    })?;
    identity::read_text(&SecretSource::File(found.clone()))
}

/// An error of the crate as one of ours: what, cause, one hint, exit code.
pub fn explain(error: notary::Error) -> Error {
    let ours =
        Error::new(format!("cannot {}", error.doing), exit(error.kind.exit_code())).because(&error.cause);
    error.hint.into_iter().fold(ours, Error::hint)
}

/// The crate's exit codes are ours.
pub fn exit(code: u8) -> Exit {
    match code {
        0 => Exit::Passed,
        1 => Exit::Findings,
        4 => Exit::Incomplete,
        130 => Exit::Interrupted,
        _ => Exit::Tool,
    }
}
