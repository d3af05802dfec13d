//! Where the candidate wants to go beside edgeHub: its name service, and looks at its socket tables. Facts only.
//!
//! The engine's own name service stays the candidate's; ours is whom that one asks (`HostConfig.Dns`). No packet is read, and
//! nothing stands between the module and where it goes.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use conformance::create_options::CreateOptions;
use conformance::finding::{Reason, Unseen};
use conformance::observation::{
    AskedName, Connection, Egress, NameAnswer, Names, Observed, Remotes,
};
use conformance::offer::Overlay;
use conformance::units::Millis;
use standin::names::{Answer, Beyond, NameService, NamesConfig};
use tokio::task::JoinHandle;

use crate::sampler::{Roots, remotes};

/// Port of name services (RFC 1035, 4.2).
const DNS: u16 = 53;
/// How often the tables are looked at. A connection that the module closed itself stays in them for a minute (`TIME_WAIT`).
const LOOK: Duration = Duration::from_secs(1);
/// A look may cost one part in so many: the tables of TCP are sized by the host's memory.
const LOOK_SHARE: u32 = 100;
/// Addresses kept.
const REMOTES: usize = 200;
/// Names told of with a start that failed.
const TOLD: usize = 5;

/// Watches where one run's candidate goes; it stops when dropped.
#[derive(Debug)]
pub(super) struct Watcher {
    names: Result<NameService, Unseen>,
    /// When the name service began, on the run's time line.
    from: Millis,
    hermetic: bool,
    sockets: Arc<Mutex<Sockets>>,
    looking: JoinHandle<()>,
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

/// Where and how a watcher is set up.
#[derive(Debug)]
pub(super) struct Setup<'a> {
    /// The device's kernel files.
    pub(super) roots: &'a Roots,
    /// Start of the run's time line.
    pub(super) origin: Instant,
    /// Where edgeHub listens, or why the module cannot reach it.
    pub(super) listen: Result<IpAddr, Unseen>,
    /// The gateway's name.
    pub(super) gateway: &'a str,
    /// The candidate's createOptions.
    pub(super) options: &'a CreateOptions,
    /// Whether there is no way out.
    pub(super) hermetic: bool,
}

/// The process whose tables are looked at, and what was in them.
#[derive(Debug, Default)]
struct Sockets {
    followed: Option<Followed>,
    seen: Remotes,
    /// Why nothing was seen, where a look failed before any succeeded.
    why: Option<String>,
}

/// A process, told from another of the same id by its start.
#[derive(Debug, Clone, Copy)]
struct Followed {
    pid: u32,
    started: u64,
}

impl Watcher {
    pub(super) async fn start(setup: Setup<'_>) -> Watcher {
        let names = names(&setup).await;
        let sockets = Arc::<Mutex<Sockets>>::default();
        let from = setup.origin.elapsed().into();
        let looking = tokio::spawn(look(
            setup.roots.clone(),
            setup.origin,
            setup.listen.ok(),
            Arc::clone(&sockets),
        ));
        Watcher {
            names,
            from,
            hermetic: setup.hermetic,
            sockets,
            looking,
        }
    }

    /// Whom the engine's name service is to ask for the candidate.
    pub(super) fn name_service(&self) -> Option<IpAddr> {
        let service = self.names.as_ref().ok()?;
        Some(service.address().ip())
    }

    /// The candidate runs, with this main process.
    pub(super) fn follow(&self, roots: &Roots, pid: u32) {
        let mut sockets = locked(&self.sockets);
        match remotes::started(roots, pid) {
            Ok(started) => sockets.followed = Some(Followed { pid, started }),
            Err(error) => sockets.why = Some(format!("process {pid}: {error}")),
        }
    }

    /// Names for which nobody had an address since a moment, most asked for first.
    pub(super) fn without_address(&self, since: Millis) -> Vec<String> {
        let Ok(service) = &self.names else {
            return Vec::new();
        };
        let since = Duration::from(since).saturating_sub(self.from.into());
        let mut names = service.questions().names;
        names.retain(|one| one.last >= since && one.answer != Answer::Found);
        names.sort_by_key(|one| std::cmp::Reverse(one.times));
        names.into_iter().map(|one| one.name).take(TOLD).collect()
    }

    /// What was seen so far.
    pub(super) fn seen(&self, overlay: &Overlay) -> Egress {
        let names = match &self.names {
            Ok(service) => Observed::Seen(self.asked(service, overlay)),
            Err(unseen) => Observed::Unseen(unseen.clone()),
        };
        let sockets = locked(&self.sockets);
        let remotes = if sockets.seen.looks == 0 {
            let why = sockets.why.as_deref();
            let why = why.unwrap_or("the module never ran long enough to be looked at");
            let why = format!("its socket tables were not seen: {why}");
            Observed::unseen(Reason::CannotMeasure, why)
        } else {
            let mut seen = sockets.seen.clone();
            name_them(&mut seen, names.seen());
            Observed::Seen(seen)
        };
        Egress {
            hermetic: self.hermetic,
            names,
            remotes,
        }
    }

    fn asked(&self, service: &NameService, overlay: &Overlay) -> Names {
        let questions = service.questions();
        let asked = questions.names.into_iter().map(|one| AskedName {
            at: Millis(self.from.0.saturating_add(Millis::from(one.first).0)),
            name: overlay.hide(&one.name),
            times: one.times,
            answer: match one.answer {
                Answer::NoWayOut if self.hermetic => NameAnswer::NoWayOut,
                // Its first question is still on its way.
                Answer::NoWayOut | Answer::Unanswered => NameAnswer::Unanswered,
                Answer::Failed => NameAnswer::Failed,
                Answer::NoSuchName => NameAnswer::NoSuchName,
                Answer::Empty => NameAnswer::Empty,
                Answer::Found => NameAnswer::Found,
            },
            addresses: one.addresses.iter().map(IpAddr::to_string).collect(),
        });
        Names {
            asked: asked.collect(),
            further: questions.further,
        }
    }
}

/// Puts up the name service, or says why the candidate asks another one.
async fn names(setup: &Setup<'_>) -> Result<NameService, Unseen> {
    let own = setup.options.value().pointer("/HostConfig/Dns");
    if own
        .and_then(|own| own.as_array())
        .is_some_and(|own| !own.is_empty())
    {
        let why = "the createOptions name DNS servers of the module's own, so nobody else heard its questions";
        return Err(Unseen::new(Reason::Configuration, why));
    }
    let listen = setup.listen.clone()?;
    let beyond = if setup.hermetic {
        Beyond::NoWayOut
    } else {
        Beyond::Servers(servers(Path::new("/etc/resolv.conf")))
    };
    let started = NameService::start(NamesConfig {
        listen: SocketAddr::new(listen, DNS),
        gateway: (setup.gateway.to_owned(), listen),
        beyond,
    });
    started.await.map_err(|error| {
        let why = format!("edgeproof could not stand in for the name service: {error}");
        Unseen::new(Reason::Infrastructure, why)
    })
}

/// Whom this process itself asks (resolv.conf(5)).
fn servers(path: &Path) -> Vec<SocketAddr> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let server = |line: &str| {
        let address = line.trim().strip_prefix("nameserver")?.trim();
        Some(SocketAddr::new(address.parse().ok()?, DNS))
    };
    text.lines().filter_map(server).collect()
}

/// Looks at the tables of whom is followed, again and again.
async fn look(
    roots: Roots,
    origin: Instant,
    edge_hub: Option<IpAddr>,
    sockets: Arc<Mutex<Sockets>>,
) {
    loop {
        let began = Instant::now();
        let followed = locked(&sockets).followed;
        if let Some(followed) = followed {
            let looked = look_once(&roots, followed);
            let mut sockets = locked(&sockets);
            match looked {
                Ok(found) => {
                    let found = found.into_iter();
                    let others = found.filter(|one| Some(one.address) != edge_hub);
                    take(&mut sockets.seen, origin.elapsed().into(), others);
                }
                // It has ended: the next start is followed anew.
                Err(why) => {
                    sockets.why = Some(why);
                    sockets.followed = None;
                }
            }
        }
        tokio::time::sleep(LOOK.max(began.elapsed() * LOOK_SHARE)).await;
    }
}

fn look_once(roots: &Roots, followed: Followed) -> Result<Vec<remotes::Remote>, String> {
    let found = remotes::of(roots, followed.pid).map_err(|error| error.to_string())?;
    // Asked afterwards: what was read was the module's if it still lives.
    let started = remotes::started(roots, followed.pid).map_err(|error| error.to_string())?;
    if started != followed.started {
        return Err(format!("process {} has ended", followed.pid));
    }
    Ok(found)
}

fn take(seen: &mut Remotes, at: Millis, found: impl Iterator<Item = remotes::Remote>) {
    seen.looks += 1;
    for one in found {
        let (address, protocol) = (one.address.to_string(), one.protocol());
        let known = seen.to.iter_mut().find(|known| {
            known.port == one.port && known.protocol == protocol && known.address == address
        });
        if let Some(known) = known {
            known.answered = known.answered.max(one.answered);
        } else if seen.to.len() >= REMOTES {
            seen.further += 1;
        } else {
            seen.to.push(Connection {
                at,
                protocol,
                address,
                port: one.port,
                name: None,
                answered: one.answered,
            });
        }
    }
}

/// Gives each address the name in whose answer it stood.
fn name_them(seen: &mut Remotes, names: Option<&Names>) {
    let Some(names) = names else { return };
    for one in &mut seen.to {
        let named = names
            .asked
            .iter()
            .find(|name| name.addresses.contains(&one.address));
        one.name = named.map(|name| name.name.clone());
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(last: u8, answered: bool) -> remotes::Remote {
        remotes::Remote {
            address: [192, 0, 2, last].into(),
            port: 443,
            udp: false,
            answered: Some(answered),
        }
    }

    #[test]
    fn a_connection_is_kept_once_and_an_answer_stays() {
        let mut seen = Remotes::default();
        take(&mut seen, Millis(1), [remote(1, false)].into_iter());
        take(&mut seen, Millis(2), [remote(1, true)].into_iter());
        take(&mut seen, Millis(3), [remote(1, false)].into_iter());
        assert_eq!((seen.to.len(), seen.looks), (1, 3));
        assert_eq!(
            (seen.to[0].at, seen.to[0].answered),
            (Millis(1), Some(true))
        );
    }

    #[test]
    fn a_module_cannot_make_the_record_grow_without_end() {
        let mut seen = Remotes::default();
        for port in 1..1000 {
            let one = remotes::Remote {
                port,
                ..remote(1, true)
            };
            take(&mut seen, Millis(1), [one].into_iter());
        }
        assert_eq!((seen.to.len(), seen.further), (REMOTES, 799));
    }

    #[test]
    fn an_address_has_the_name_in_whose_answer_it_stood() {
        let mut seen = Remotes::default();
        let found = [remote(1, true), remote(2, true)];
        take(&mut seen, Millis(1), found.into_iter());
        let names = Names {
            asked: vec![AskedName {
                at: Millis(0),
                name: "home.contoso.test".to_owned(),
                times: 1,
                answer: NameAnswer::Found,
                addresses: vec!["192.0.2.2".to_owned()],
            }],
            further: 0,
        };
        name_them(&mut seen, Some(&names));
        let told: Vec<_> = seen.to.iter().map(|one| one.name.as_deref()).collect();
        assert_eq!(told, [None, Some("home.contoso.test")]);
    }

    #[test]
    fn the_servers_are_those_of_this_process() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("resolv.conf");
        let text = "# a comment\nsearch lan\nnameserver 127.0.0.11\nnameserver  2001:db8::1\nnameserver x\n";
        std::fs::write(&path, text).unwrap();
        let told: Vec<String> = servers(&path).iter().map(ToString::to_string).collect();
        assert_eq!(told, ["127.0.0.11:53", "[2001:db8::1]:53"]);
        assert!(servers(&directory.path().join("none")).is_empty());
    }
}
