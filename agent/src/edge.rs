//! The edge runtime that stands in for the candidate's: put up on its network, listened to, taken down.
//!
//! A probe in a container joins the candidate's network under the gateway's name, as edgeHub does. A probe that is a process
//! of the host listens on the host's address there, and the name is written into the candidate's hosts file.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use conformance::candidate::Identity;
use conformance::create_options::CreateOptions;
use conformance::finding::{Reason, Unseen};
use conformance::observation::{EdgeUse, Egress, Observed, WorkloadRequest};
use conformance::offer::Plan;
use conformance::units::Millis;
use engine::Network;
use serde_json::{Value, json};
use standin::edge::{ANY_PORTS, EdgeConfig, EdgeError, EdgeRuntime, PORTS};
use standin::hub::{HubError, HubEvent};
use standin::plain::{PLAIN_PORTS, PlainPorts};
use tokio::task::JoinHandle;

use crate::bench::Bench;

mod egress;
mod routing;
mod seen;

use routing::Routing;

/// What is still on its way from edgeHub to the record is waited for, before it is read.
const SETTLE: Duration = Duration::from_millis(200);

/// The edge runtime of one run, or why there is none; it stops when dropped.
#[derive(Debug)]
pub struct Edge {
    from: Millis,
    runtime: Result<Running, Unseen>,
    /// Why what comes to edgeHub says nothing of the module: it cannot have met it, or not with its defaults.
    apart: Option<Unseen>,
    /// Who knocked at ports where edgeHub does not listen.
    plain: PlainPorts,
    egress: egress::Watcher,
}

#[derive(Debug)]
struct Running {
    runtime: Arc<EdgeRuntime>,
    seen: Arc<Mutex<EdgeUse>>,
    listening: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// How the candidate finds the gateway by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gateway {
    /// The engine's name service answers: the probe is on the network under that name.
    OnTheNetwork,
    /// The candidate's hosts file says it.
    InTheHostsFile(IpAddr),
}

impl Edge {
    /// Puts the runtime up on `network` for the candidate of this plan, whose createOptions were read.
    pub async fn start(
        bench: &Bench<'_>,
        network: &Network,
        identity: &Identity,
        plan: (&CreateOptions, &Plan),
    ) -> (Edge, Gateway) {
        let from = bench.events.now();
        let gateway = match bench.own_container {
            Some(_) => Gateway::OnTheNetwork,
            None => Gateway::InTheHostsFile(network.gateway),
        };
        let place = place(bench, network, identity, plan.0).await;
        // Where nobody can meet it, it need not be heard by neighbours either.
        let listen = place.clone().unwrap_or(Ipv4Addr::LOCALHOST.into());
        let egress = egress::Watcher::start(egress::Setup {
            roots: bench.roots,
            origin: bench.events.origin(),
            listen: place.clone(),
            gateway: &identity.gateway_host,
            options: plan.0,
            hermetic: bench.options.hermetic,
        })
        .await;
        let (plain, _) = PlainPorts::open(listen, &PLAIN_PORTS).await;
        let mut apart = place.err();
        let runtime = start(bench, listen, identity, plan.1, &mut apart).await;
        let edge = Edge {
            from,
            runtime,
            apart,
            plain,
            egress,
        };
        (edge, gateway)
    }

    /// Whom the engine's name service is to ask for the candidate; nobody of ours, where that could not be.
    #[must_use]
    pub fn name_service(&self) -> Option<IpAddr> {
        self.egress.name_service()
    }

    /// Where else the candidate wanted to go.
    #[must_use]
    pub fn egress(&self, bench: &Bench<'_>) -> Egress {
        self.egress.seen(bench.overlay)
    }

    /// The runtime itself, for who has something to do to the module.
    ///
    /// # Errors
    /// There is none, or the module cannot have met it as a customer's would.
    pub(crate) fn runtime(&self) -> Result<Arc<EdgeRuntime>, Unseen> {
        if let Some(apart) = &self.apart {
            return Err(apart.clone());
        }
        let running = self.runtime.as_ref().map_err(Unseen::clone)?;
        Ok(Arc::clone(&running.runtime))
    }

    /// Why there is no runtime at all, not even a workload socket.
    pub(crate) fn missing(&self) -> Option<&Unseen> {
        self.runtime.as_ref().err()
    }

    /// What was asked on the workload socket, and what came to edgeHub.
    pub async fn seen(
        &self,
        bench: &Bench<'_>,
    ) -> (Observed<Vec<WorkloadRequest>>, Observed<EdgeUse>) {
        match &self.runtime {
            Ok(running) => {
                tokio::time::sleep(SETTLE).await;
                let mut seen = locked(&running.seen).clone();
                for knock in self.plain.knocks() {
                    seen::knock(&mut seen, self.on_time_line(knock.first), &knock);
                }
                seen::hide(&mut seen, bench.overlay);
                let requests = self.requests(bench, &running.runtime);
                // edgeHub drops a listener that falls behind: what it said afterwards was heard by nobody.
                let deaf = running.listening.is_finished().then(|| {
                    let why =
                        "not everything that came to edgeHub was followed: the probe fell behind";
                    Unseen::new(Reason::Tool, why)
                });
                let seen = self.apart.clone().or(deaf).map_or(Ok(seen), Err);
                (Observed::Seen(requests), seen.into())
            }
            Err(unseen) => (
                Observed::Unseen(unseen.clone()),
                Observed::Unseen(unseen.clone()),
            ),
        }
    }

    /// What was asked on the workload socket.
    fn requests(&self, bench: &Bench<'_>, runtime: &EdgeRuntime) -> Vec<WorkloadRequest> {
        let seen = runtime.requests().into_iter();
        seen.map(|request| WorkloadRequest {
            at: self.on_time_line(request.at),
            method: request.method,
            path: bench.overlay.hide(&request.path),
            status: request.status,
        })
        .collect()
    }

    fn on_time_line(&self, at: Duration) -> Millis {
        Millis(self.from.0.saturating_add(Millis::from(at).0))
    }
}

/// The candidate is about to be started anew.
pub fn deploy_again(bench: &Bench<'_>) {
    if let Some(Ok(running)) = bench.edge.get().map(|edge| &edge.runtime) {
        running.runtime.deploy_again();
    }
}

/// The candidate runs, with this main process of the host.
pub fn follow(bench: &Bench<'_>, pid: u32) {
    if let Some(edge) = bench.edge.get() {
        edge.egress.follow(bench.roots, pid);
    }
}

/// Names that the candidate asked for since a moment of the run, and for which nobody had an address.
#[must_use]
pub fn without_address(bench: &Bench<'_>, since: Millis) -> Vec<String> {
    let edge = bench.edge.get();
    let names = edge.map(|edge| edge.egress.without_address(since));
    let names = names.unwrap_or_default().into_iter();
    names.map(|name| bench.overlay.hide(&name)).collect()
}

/// The one address that the candidate meets the probe at; on others it would hear neighbours, and tell of them as of the candidate.
async fn place(
    bench: &Bench<'_>,
    network: &Network,
    identity: &Identity,
    options: &CreateOptions,
) -> Result<IpAddr, Unseen> {
    let own_networks = options.value().pointer("/NetworkingConfig/EndpointsConfig");
    if own_networks.is_some_and(|own| !own.is_null()) {
        let why = "the createOptions put the module on networks of its own, where edgeproof's edgeHub is not";
        return Err(Unseen::new(Reason::Configuration, why));
    }
    let Some(own) = bench.own_container else {
        return Ok(network.gateway);
    };
    let failed = |error: &dyn std::fmt::Display| {
        let why = format!("the probe could not join the candidate's network: {error}");
        Unseen::new(Reason::Infrastructure, why)
    };
    let alias = &identity.gateway_host;
    let joined = bench.engine.join_network(&network.id, own, &[alias]).await;
    joined.map_err(|error| failed(&error))?;
    let inspected = bench.engine.inspect(own).await;
    let inspected = inspected.map_err(|error| failed(&error))?;
    address_on(&inspected.raw, &network.name)
        .ok_or_else(|| failed(&"the engine tells no address of it there"))
}

/// A container's address on a network (Docker Engine API, `ContainerInspect`).
fn address_on(inspected: &Value, network: &str) -> Option<IpAddr> {
    let networks = &inspected["NetworkSettings"]["Networks"];
    networks[network]["IPAddress"].as_str()?.parse().ok()
}

/// Puts up what can be put up: a module without the SDK is started all the same.
async fn start(
    bench: &Bench<'_>,
    listen: IpAddr,
    identity: &Identity,
    plan: &Plan,
    apart: &mut Option<Unseen>,
) -> Result<Running, Unseen> {
    let mut config = EdgeConfig {
        hub_host: identity.hub_host.clone(),
        gateway_host: identity.gateway_host.clone(),
        also_named: Vec::new(),
        device: identity.device_id.clone(),
        module: identity.module_id.clone(),
        socket: bench.sockets.here.join(socket_name(bench)),
        listen,
        ports: PORTS,
        desired: desired(&plan.twin).unwrap_or_else(|unseen| {
            *apart = Some(unseen);
            json!({})
        }),
    };
    let mut started = EdgeRuntime::start(config.clone()).await;
    if let Err(EdgeError::Hub(error)) = &started {
        let reason = match error {
            HubError::Twin { .. } => Reason::InputMissing,
            HubError::Listen { .. }
            | HubError::Certificate(_)
            | HubError::Random(_)
            | HubError::BadIdentity(_)
            | HubError::UnknownIdentity(_)
            | HubError::BadAuthority(_) => Reason::Infrastructure,
        };
        let why = format!("edgeproof could not stand in for edgeHub: {error}");
        *apart = Some(Unseen::new(reason, why));
        // The workload socket must be there: the engine would make a directory in its place.
        config.ports = ANY_PORTS;
        config.desired = json!({});
        started = EdgeRuntime::start(config).await;
    }
    match started {
        Ok(runtime) => {
            let routing = Routing::of(&plan.routes, &identity.device_id, &identity.module_id);
            Ok(listen_to(bench, runtime, routing))
        }
        Err(error) => {
            let why = format!("edgeproof could not stand in for the edge runtime: {error}");
            Err(Unseen::new(Reason::Infrastructure, why))
        }
    }
}

/// The default twin as a document; an empty text means none.
fn desired(twin: &str) -> Result<Value, Unseen> {
    match twin.trim() {
        "" => Ok(json!({})),
        text => serde_json::from_str(text).map_err(|error| {
            let why = format!("the default twin is not JSON: {error}");
            Unseen::new(Reason::InputMissing, why)
        }),
    }
}

fn listen_to(bench: &Bench<'_>, runtime: EdgeRuntime, routing: Routing) -> Running {
    let runtime = Arc::new(runtime);
    let seen = Arc::new(Mutex::new(EdgeUse::default()));
    let mut events = runtime.subscribe();
    let origin = bench.events.origin();
    let listening = tokio::spawn({
        let (runtime, seen) = (Arc::clone(&runtime), Arc::clone(&seen));
        async move {
            while let Some(event) = events.recv().await {
                let dropped = hand_on(&runtime, &routing, &event);
                let moment = seen::Moment {
                    at: origin.elapsed().into(),
                    unix: unix_now(),
                };
                seen::take(&mut locked(&seen), moment, event, dropped);
            }
        }
    });
    Running {
        runtime,
        seen,
        listening,
    }
}

/// Takes a message where the default routes want it; whether edgeHub would drop it.
fn hand_on(runtime: &EdgeRuntime, routing: &Routing, event: &HubEvent) -> bool {
    let HubEvent::Message {
        output,
        properties,
        body,
        ..
    } = event
    else {
        return false;
    };
    let routed = routing.route(output.as_deref(), properties, body);
    let module = runtime.identity();
    for input in &routed.own_inputs {
        let sent = runtime
            .hub()
            .send_to_input(module, input, module, (properties, body));
        if let Err(error) = sent {
            tracing::debug!(%error, input, "a message waits for an input that nobody hears");
        }
    }
    routed.dropped
}

fn unix_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

/// The socket of a run's candidate, under its name for the engine.
#[must_use]
pub fn socket_on_host(bench: &Bench<'_>) -> PathBuf {
    bench.sockets.on_host.join(socket_name(bench))
}

fn socket_name(bench: &Bench<'_>) -> String {
    format!("{}.sock", bench.run)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_that_of_the_candidates_network() {
        // As engine 20.10.24 tells of a container on two networks; shortened.
        let raw = json!({"NetworkSettings": {"Networks": {
            "bridge": {"IPAddress": "172.17.0.2"},
            "edgeproof-1-net": {"IPAddress": "172.19.0.2", "Gateway": "172.19.0.1"},
            "left": {"IPAddress": ""},
        }}});
        let wanted: IpAddr = [172, 19, 0, 2].into();
        assert_eq!(address_on(&raw, "edgeproof-1-net"), Some(wanted));
        assert_eq!(address_on(&raw, "left"), None);
        assert_eq!(address_on(&raw, "another"), None);
    }
}
