//! Connections: one thread each, requests routed to the rooms, faults done to whatever they are due.

use std::{
    collections::VecDeque,
    fmt,
    io::{self, BufReader, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread::JoinHandle,
};

use super::{
    Fault, Harm, Settings, Step,
    notary::State,
    s3,
    wire::{BodyReader, Head, Reply},
};
use crate::{client::Endpoints, clock, error::Result};

/// JSON bodies are short; an XML list of 10 000 parts is about a megabyte.
const MAX_DOCUMENT: u64 = 4 << 20;
/// Requests per rolling hour and key; Apple's number.
const HOURLY: usize = 3500;

/// A notary that runs on this machine until it is dropped.
pub struct LocalNotary {
    address: SocketAddr,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

pub(super) struct Shared {
    pub(super) settings: Settings,
    pub(super) base: String,
    state: Mutex<State>,
    faults: Mutex<Vec<Fault>>,
    hour: Mutex<Hour>,
    stopping: AtomicBool,
    n_requests: AtomicU32,
}

/// The requests of the last hour.
#[derive(Default)]
struct Hour {
    at: VecDeque<u64>,
    busiest: usize,
}

impl Shared {
    /// A thread that panicked while holding the state leaves it readable: a test wants to see it.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> u64 {
        self.settings.clock.now()
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Counts one request to the API: the header that says what is left, and whether there was anything left.
    pub(super) fn count(&self) -> (String, bool) {
        let mut hour = self.hour.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let now = self.now();
        while hour.at.front().is_some_and(|it| it.saturating_add(3600) <= now) {
            hour.at.pop_front();
        }
        let is_allowed = hour.at.len() < HOURLY;
        if is_allowed {
            hour.at.push_back(now);
        }
        hour.busiest = hour.busiest.max(hour.at.len());
        let left = HOURLY.saturating_sub(hour.at.len());
        (format!("user-hour-lim:{HOURLY};user-hour-rem:{left};"), is_allowed)
    }

    /// Uses up one harm that is due at `step`.
    fn harm(&self, step: Step) -> Option<Harm> {
        let mut faults = self.faults.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let due = faults.iter_mut().find(|it| it.step == step && it.times > 0)?;
        due.times -= 1;
        Some(due.harm)
    }
}

impl LocalNotary {
    /// Listens on 127.0.0.1; port 0 takes any that is free.
    pub fn start(port: u16, settings: Settings) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            base: format!("http://{address}"),
            faults: Mutex::new(settings.faults.clone()),
            state: Mutex::new(State::default()),
            settings,
            hour: Mutex::default(),
            stopping: AtomicBool::new(false),
            n_requests: AtomicU32::new(0),
        });
        let listener = {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || {
                for stream in listener.incoming() {
                    if shared.stopping.load(Ordering::SeqCst) {
                        return;
                    }
                    let Ok(stream) = stream else { continue };
                    let shared = Arc::clone(&shared);
                    std::thread::spawn(move || {
                        // What breaks a connection concerns that client alone; it sees it at its end.
                        let _broken = stream.set_nodelay(true).and_then(|()| serve(&shared, stream));
                    });
                }
            })
        };
        Ok(Self { address, shared, listener: Some(listener) })
    }

    /// Answers on a connection that somebody else accepted, perhaps through TLS.
    pub fn serve(&self, stream: impl Read + Write) -> io::Result<()> {
        serve(&self.shared, stream)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What a client has to be told.
    pub fn endpoints(&self) -> Result<Endpoints> {
        endpoints(&self.shared.base)
    }

    /// Adds a harm to come.
    pub fn harm(&self, fault: Fault) {
        self.shared.faults.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(fault);
    }

    /// Takes back every harm still to come.
    pub fn mend(&self) {
        self.shared.faults.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clear();
    }

    /// Requests answered (or harmed) so far.
    pub fn n_requests(&self) -> u32 {
        self.shared.n_requests.load(Ordering::SeqCst)
    }

    /// The most requests to the API in any hour so far.
    pub fn busiest_hour(&self) -> usize {
        self.shared.hour.lock().unwrap_or_else(std::sync::PoisonError::into_inner).busiest
    }

    /// How many submissions hold bytes: what "submitted twice" is about.
    pub fn n_uploads(&self) -> usize {
        self.shared.state().n_uploads()
    }

    /// Whether some submission's bytes are not the ones it declared (nobody else compares them).
    pub fn has_mismatch(&self) -> bool {
        self.shared.state().has_mismatch()
    }
}

impl fmt::Debug for LocalNotary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalNotary({})", self.address)
    }
}

impl Drop for LocalNotary {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // Wakes the listener. When it cannot be reached any more it is gone already.
        let _wake = TcpStream::connect(self.address);
        if let Some(listener) = self.listener.take() {
            let _panicked = listener.join();
        }
    }
}

/// The services of a local notary at `http://127.0.0.1:PORT`.
pub fn endpoints(base: &str) -> Result<Endpoints> {
    Endpoints::new(Some(&format!("{base}/notary/v2")), Some(&format!("{base}{LOOK_UP}")), Some(base))
}

/// Path of the ticket service, Apple's own.
const LOOK_UP: &str = "/database/1/com.apple.gk.ticket-delivery/production/public/records/lookup";

/// Answers until the stream ends, or a fault ends it: dropping it closes the connection.
fn serve(shared: &Arc<Shared>, stream: impl Read + Write) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    while let Some(head) = Head::read(&mut reader)? {
        if shared.stopping.load(Ordering::SeqCst) {
            break;
        }
        shared.n_requests.fetch_add(1, Ordering::SeqCst);
        let step = step_of(&head);
        let harm = step.and_then(|step| shared.harm(step).map(|harm| (step, harm)));
        let name = step.map_or(head.path.as_str(), |it| it.name());
        if let Some((_, harm)) = harm {
            (shared.settings.heard)(&format!("{name}: {}", harm.name()));
        }
        if let Some((_, Harm::Reset)) = harm {
            // Closing with unread bytes makes the kernel send RST.
            break;
        }
        if head.header("expect").is_some_and(|it| it.eq_ignore_ascii_case("100-continue")) {
            reader.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let in_place = harm.and_then(|(step, harm)| harm.reply(step));
        let mut body = BodyReader::new(&head, &mut reader)?;
        let reply = match in_place {
            Some(reply) => {
                io::copy(&mut body, &mut io::sink())?;
                reply
            }
            None => answer(shared, &head, step, &mut body)?,
        };
        // What a room did not read would be taken for the next request.
        io::copy(&mut body, &mut io::sink())?;
        if harm.is_none() {
            (shared.settings.heard)(&format!("{name}: {}", reply.status));
        }
        let date = clock::http_date(shared.now());
        match harm.map(|(_, harm)| harm) {
            Some(Harm::LostAnswer) => break,
            Some(Harm::Hang) => {
                std::thread::sleep(shared.settings.hang);
                break;
            }
            Some(Harm::CutAnswer) => {
                reply.write(reader.get_mut(), &date, reply.body.len() / 2)?;
                break;
            }
            Some(Harm::HalfDocument) => {
                let mut half = reply.clone();
                half.body.truncate(reply.body.len() / 2);
                half.write(reader.get_mut(), &date, usize::MAX)?;
            }
            _ => reply.write(reader.get_mut(), &date, usize::MAX)?,
        }
    }
    Ok(())
}

fn step_of(head: &Head) -> Option<Step> {
    let path = head.path.as_str();
    let is_s3 = path.starts_with(s3::PREFIX);
    match (head.method.as_str(), path) {
        ("POST", LOOK_UP) => Some(Step::LookUp),
        ("POST", "/notary/v2/submissions") => Some(Step::Submit),
        ("GET", "/notary/v2/submissions") => Some(Step::History),
        ("GET", _) if path.starts_with("/notary/v2/submissions/") && path.ends_with("/logs") => {
            Some(Step::LogAddress)
        }
        ("GET", _) if path.starts_with("/notary/v2/submissions/") => Some(Step::Status),
        ("GET", _) if path.starts_with("/artifacts/") => Some(Step::Log),
        ("PUT", _) if is_s3 && head.query("partNumber").is_some() => Some(Step::Part),
        ("PUT", _) if is_s3 => Some(Step::Put),
        ("POST", _) if is_s3 && head.query("uploads").is_some() => Some(Step::Begin),
        ("POST", _) if is_s3 && head.query("uploadId").is_some() => Some(Step::Complete),
        _ => None,
    }
}

fn answer(shared: &Arc<Shared>, head: &Head, step: Option<Step>, body: &mut dyn Read) -> io::Result<Reply> {
    match step {
        Some(Step::Put | Step::Part | Step::Begin | Step::Complete) => s3::answer(shared, head, body),
        None if head.method == "DELETE" && head.path.starts_with(s3::PREFIX) => {
            s3::answer(shared, head, body)
        }
        Some(step) => {
            let mut document = Vec::new();
            body.take(MAX_DOCUMENT).read_to_end(&mut document)?;
            Ok(super::notary::answer(shared, head, step, &document))
        }
        None => Ok(Reply::text(404, "Not Found")),
    }
}
