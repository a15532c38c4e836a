//! Which notary is talked to: Apple's with a key from the signing file, or one of our own in this process.

use std::{path::PathBuf, sync::Arc, time::Duration};

use formats::{
    Bytes,
    signature::{certificate::Certificate, chain::Trust, time::UnixTime},
};
use notary::{
    AuthKey, Clock, Kind,
    client::Endpoints,
    clock::interrupted,
    http::{Http, Patience},
    key::{self, Hints, Owner},
    local::{KnownKey, LocalNotary, Ruling, Settings, TicketFault},
};
use sha2::{Digest as _, Sha256};
use signer::authority::Role;

use super::examine::Spool;
use crate::{
    config::{Notarization, SecretSource, Signing},
    error::{Doing, Error, Exit, Result},
    interrupt,
    rehearsal::{self, Rehearsal},
    stage::sign::identity,
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
    /// The notary, in place of Apple's
    #[arg(long, value_name = "URL")]
    pub notary_url: Option<String>,
    /// The ticket service, in place of Apple's
    #[arg(long, value_name = "URL")]
    pub ticket_url: Option<String>,
    /// Where uploads go, in place of Amazon's
    #[arg(long, value_name = "URL")]
    pub s3_endpoint: Option<String>,
    /// Uploads to the regional address: some networks do not let the accelerated one through
    #[arg(long)]
    pub no_s3_acceleration: bool,
}

impl Addresses {
    /// Apple's, with what was given in place of them.
    pub fn endpoints(&self) -> Result<Endpoints> {
        let (notary, tickets, s3) = (&self.notary_url, &self.ticket_url, &self.s3_endpoint);
        let found = Endpoints::new(notary.as_deref(), tickets.as_deref(), s3.as_deref());
        let mut endpoints = found.map_err(|error| Error::usage(error.to_string()))?;
        if self.no_s3_acceleration {
            endpoints.acceleration = notary::client::Acceleration::Off;
        }
        Ok(endpoints)
    }
}

/// A notary and the key that opens it.
#[derive(Debug)]
pub struct Service {
    /// Connections.
    pub http: Http,
    /// Where.
    pub endpoints: Endpoints,
    /// With what.
    pub key: AuthKey,
    local: Option<LocalNotary>,
}

impl Service {
    /// The one that the signing file names.
    pub fn of(signing: &Signing, rehearsal: Option<&Rehearsal>, addresses: &Addresses) -> Result<Self> {
        match (*signing.notarization, rehearsal) {
            (Notarization::Apple, _) => Self::remote(key(signing)?, addresses),
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

    /// Any notary, with a key.
    pub fn remote(key: AuthKey, addresses: &Addresses) -> Result<Self> {
        Ok(Self { http: http()?, endpoints: addresses.endpoints()?, key, local: None })
    }

    /// One of our own, in this process, under the rehearsal's root.
    pub fn local(rehearsal: &Rehearsal) -> Result<Self> {
        let (settings, key) = settings(rehearsal)?;
        let server = LocalNotary::start(0, settings).doing(|| "cannot start the local notary")?;
        let endpoints = server.endpoints().map_err(explain)?;
        Ok(Self { http: http()?, endpoints, key, local: Some(server) })
    }

    /// Whether it is one of our own and ends with this process.
    pub fn is_in_process(&self) -> bool {
        self.local.is_some()
    }

    /// What a person is told.
    pub fn name(&self) -> String {
        match &self.local {
            Some(_) => "local notary, a rehearsal".to_owned(),
            None => self.endpoints.notary.host().to_owned(),
        }
    }
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
    let sign = move |hashes: &std::collections::BTreeSet<notary::lookup::Hash>, _now: u64| {
        let entries = hashes.iter().map(|it| (it.kind, it.bytes)).collect();
        // Dates of a rehearsal count from its epoch, so that the same inputs give the same bytes.
        formats::document::ticket::write(&certificates, epoch, &entries, |bytes| {
            signer.sign(bytes).map_err(|error| formats::Error::new(0, error.to_string()))
        })
        .map_err(|error| error.to_string())
    };
    let settings = Settings {
        key: KnownKey { id: key.id().to_owned(), owner: key.owner().clone(), key: key.verifying_key() },
        clock: Arc::new(SystemClock),
        examiner: Box::new(Spool::new(trust(rehearsal)?).doing(cannot)?),
        sign: Box::new(sign),
        processing: 0,
        propagation: 0,
        faults: Vec::new(),
        ruling: Ruling::Examined,
        tickets: TicketFault::None,
    };
    Ok((settings, key))
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
        Some(SecretSource::Env(name)) if std::env::var_os(name).is_none_or(|it| it.is_empty()) => None,
        source => text(source)?,
    };
    let key_id = match &named.key_id {
        Some(SecretSource::Env(name)) if std::env::var_os(name).is_none_or(|it| it.is_empty()) => None,
        source => text(source)?,
    };
    let file_name = match &named.key {
        Some(SecretSource::File(path)) => path.file_name().and_then(|it| it.to_str()).map(str::to_owned),
        Some(SecretSource::EnvPath(name)) => {
            std::env::var_os(name).and_then(|it| PathBuf::from(it).file_name()?.to_str().map(str::to_owned))
        }
        _ => None,
    };
    let hints = Hints { file_name, key_id: key_id.clone(), issuer };
    let found = match (&named.key, key_id) {
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
    let exit = match error.kind {
        Kind::Interrupted => Exit::Interrupted,
        _ => Exit::Tool,
    };
    let ours = Error::new(format!("cannot {}", error.doing), exit).because(&error.cause);
    error.hint.into_iter().fold(ours, Error::hint)
}
