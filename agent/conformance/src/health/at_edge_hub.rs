//! What stands between a module on the SDK and edgeHub, as one cause with its mend: pure rules over what edgeHub, the workload
//! socket and the module's last lines show.

use crate::observation::{EdgeBreach, EdgeConnection, EdgeUse, WorkloadRequest};
use crate::units::Millis;

/// Why a module never logged in at edgeHub, or did not stay there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// The cause in a few words.
    pub(crate) cause: &'static str,
    /// What was seen of it.
    pub(crate) seen: String,
    /// The next step.
    pub(crate) mend: &'static str,
}

/// What edgeHub says of a way in that was not taken: rules, words of their detail of which one must be there (none: any), the
/// cause and its mend. The first row that fits decides; TLS comes before the login, as it does for the client.
///
/// The words are rustls' for what a client sent: alerts (RFC 8446, 6.2) and offers that do not fit. A client that checks the
/// certificate only after the handshake, as Node.js does, hangs up instead.
const AT_THE_DOOR: &[(&[&str], &[&str], &str, &str)] = &[
    (
        &["tls-handshake"],
        &[
            "UnknownCA",
            "BadCertificate",
            "UnsupportedCertificate",
            "CertificateUnknown",
            "CertificateExpired",
            "CertificateRevoked",
            "handshake eof",
        ],
        "it does not trust edgeHub's certificate",
        TRUST,
    ),
    (
        &["tls-handshake"],
        &["wanted is TLS", "Tls12NotOffered", "ProtocolVersion"],
        "it offers no TLS that edgeHub takes",
        "let the client offer TLS 1.2 or 1.3: edgeHub's default (its SslProtocols) and a current TLS library's",
    ),
    (
        &["tls-handshake"],
        &["incompatible", "HandshakeFailure"],
        "its TLS and that of edgeproof's edgeHub have nothing in common",
        "let the client offer ECDHE with AES-GCM or ChaCha20 and certificates on P-256, as a current TLS library does; an edgeHub of a customer may take more",
    ),
    (
        &["tls-handshake"],
        &[],
        "its TLS handshake fails",
        "mend what the handshake shows: TLS 1.2 or 1.3, and the trust bundle as the only anchor",
    ),
    (
        &["plain-text"],
        &[],
        "it speaks without TLS",
        "connect over TLS: 8883 for MQTT, 443 for WebSocket",
    ),
    (
        &["token", "token-expired", "no-password"],
        &[],
        "edgeHub refuses its token",
        "let the workload API sign the token (fromEnvironment, create_from_edge_environment), with an expiry in the future and the device's clock set",
    ),
    (
        &["user-name", "api-version", "client-id", "unknown-identity"],
        &[],
        "it logs in as somebody else",
        "take hub, device and module id from the IOTEDGE_ variables: fromEnvironment or create_from_edge_environment does",
    ),
    (
        &["web-socket", "malformed", "connect-first"],
        &[],
        "it does not speak what edgeHub serves at that port",
        "speak MQTT 3.1.1 on 8883, or MQTT over WebSocket on 443 at /$iothub/websocket",
    ),
];

const TRUST: &str = "trust the bundle of the workload API and dial the gateway by IOTEDGE_GATEWAYHOSTNAME; in Node.js set `ca` with every setOptions";

/// What C libraries and runtimes print where nothing came to edgeHub, lower case: words, cause, mend. Sources: `gai_strerror(3)`,
/// `errno(3)`, libuv's error names, .NET's `SocketError` texts.
const IN_ITS_OUTPUT: &[(&[&str], &str, &str)] = &[
    (
        &[
            "name or service not known",
            "temporary failure in name resolution",
            "no address associated with hostname",
            "enotfound",
            "eai_again",
            "no such host",
        ],
        "it cannot resolve the gateway's name",
        "dial IOTEDGE_GATEWAYHOSTNAME and no other name",
    ),
    (
        &["connection refused", "econnrefused"],
        "it dials a port at which edgeHub does not listen",
        "dial 8883 (MQTT), 443 (WebSocket) or 5671 (AMQP), as the SDKs do by themselves",
    ),
    (
        &[
            "no route to host",
            "ehostunreach",
            "network is unreachable",
            "enetunreach",
        ],
        "it dials an address that is not on its network",
        "dial IOTEDGE_GATEWAYHOSTNAME and no other name",
    ),
];

/// Why a module that is built on the SDK, or tried, never logged in; `lines` are the last ones of its output.
pub(crate) fn never_there(
    edge: &EdgeUse,
    requests: &[WorkloadRequest],
    lines: &[String],
) -> Trouble {
    at_the_door(&edge.breaches)
        .or_else(|| at_the_socket(requests))
        .or_else(|| in_its_output(lines))
        .unwrap_or_else(|| nowhere(requests))
}

fn at_the_door(breaches: &[EdgeBreach]) -> Option<Trouble> {
    AT_THE_DOOR.iter().find_map(|(rules, words, cause, mend)| {
        let fits = |one: &&EdgeBreach| {
            let told = words.is_empty() || words.iter().any(|word| one.detail.contains(word));
            told && rules.contains(&one.rule.as_str())
        };
        let breach = breaches.iter().find(fits)?;
        Some(Trouble {
            cause,
            seen: format!("{} {}: {}", breach.rule, times(breach.times), breach.detail),
            mend,
        })
    })
}

/// A signature that the workload API refused: without one there is no token.
fn at_the_socket(requests: &[WorkloadRequest]) -> Option<Trouble> {
    let signs = || requests.iter().filter(|one| is_sign(one));
    let refused = signs().find(|one| one.status >= 400)?;
    signs().all(|one| one.status >= 400).then(|| Trouble {
        cause: "the workload API signs nothing for it",
        seen: format!("{} {}: {}", refused.method, refused.path, refused.status),
        mend: "ask as the module that IOTEDGE_MODULEID and IOTEDGE_MODULEGENERATIONID name",
    })
}

fn in_its_output(lines: &[String]) -> Option<Trouble> {
    IN_ITS_OUTPUT.iter().find_map(|(words, cause, mend)| {
        let line = lines.iter().find(|line| {
            let lower = line.to_lowercase();
            words.iter().any(|word| lower.contains(word))
        })?;
        Some(Trouble {
            cause,
            seen: format!("it said: {}", line.trim()),
            mend,
        })
    })
}

fn nowhere(requests: &[WorkloadRequest]) -> Trouble {
    let signed = requests.iter().find(|one| is_sign(one));
    let (cause, seen) = match (signed, requests.first()) {
        (Some(sign), _) => (
            "it never came to edgeHub",
            format!(
                "signed for at {}, and no connection to 8883, 443 or 5671 of the gateway after it",
                sign.at
            ),
        ),
        (None, Some(first)) => (
            "it never asked for a signature",
            format!(
                "{} {} at {}, and nothing that leads to a login",
                first.method, first.path, first.at
            ),
        ),
        (None, None) => (
            "it never asked for anything of the edge runtime",
            "no request on its workload socket, no connection to edgeHub".to_owned(),
        ),
    };
    Trouble {
        cause,
        seen,
        mend: "create the client from the edge environment (fromEnvironment, create_from_edge_environment) and open it before the module counts as up",
    }
}

fn is_sign(request: &WorkloadRequest) -> bool {
    let path = request.path.split('?').next().unwrap_or_default();
    path.ends_with("/sign")
}

/// A connection that ends sooner than this and comes again did not do its work, in milliseconds.
const SHORT: Millis = Millis(10_000);
/// So often it may happen: a network hiccups.
const HICCUPS: usize = 2;

/// Connections that edgeHub had to end because a rule was broken, or that end and come again: of either the account.
///
/// `begun` are the moments at which containers were started: what ends with its container does not come again.
pub(crate) fn unsteady(edge: &EdgeUse, begun: &[Millis]) -> Option<Trouble> {
    let ended = |one: &&EdgeConnection, reasons: &[&str]| {
        let end = one.ended.as_ref();
        end.is_some_and(|end| reasons.contains(&end.reason.as_str()))
    };
    let kept = &edge.connections;
    let thrown_out = kept.iter().filter(|one| ended(one, &["violation"])).count();
    if thrown_out > 0 {
        let breach = edge.breaches.iter().find(|one| one.rule == "qos-two");
        let breach = breach.or(edge.breaches.first());
        let why = breach.map_or_else(String::new, |one| format!("; {}: {}", one.rule, one.detail));
        return Some(Trouble {
            cause: "edgeHub ends its connections",
            seen: format!(
                "{thrown_out} of {} ended for a broken rule{why}",
                kept.len()
            ),
            mend: "keep the rule: edgeHub takes QoS 0 and 1, packets up to 256 KiB and MQTT 3.1.1",
        });
    }
    let comes_again = |pair: &&[EdgeConnection]| {
        let [one, next] = pair else { return false };
        let lived = one
            .ended
            .as_ref()
            .map(|end| end.at.0.saturating_sub(one.at.0));
        let same_life = !begun.iter().any(|at| one.at < *at && *at <= next.at);
        let by_itself = ended(&one, &["lost", "keep-alive", "taken-over", "stalled"]);
        same_life && by_itself && lived.is_some_and(|lived| lived < SHORT.0)
    };
    let flaps: Vec<_> = kept.windows(2).filter(comes_again).collect();
    let first = flaps.first().filter(|_| flaps.len() > HICCUPS)?;
    let end = first[0].ended.as_ref()?;
    Some(Trouble {
        cause: "its connections to edgeHub flap",
        seen: format!(
            "{} of {} ended within {SHORT} and came again, the first at {} ({})",
            flaps.len(),
            kept.len(),
            end.at,
            end.reason
        ),
        mend: match end.reason.as_str() {
            "taken-over" => {
                "open one client for one module: edgeHub keeps the newest connection of an identity and ends the other"
            }
            "keep-alive" => {
                "let the client send its PINGREQ: nothing may block its loop for longer than the keep-alive"
            }
            _ => "keep one connection open; do not open a client for each message",
        },
    })
}

fn times(count: u64) -> String {
    match count {
        0 | 1 => "once".to_owned(),
        n => format!("{n} times"),
    }
}

#[cfg(test)]
mod tests;
