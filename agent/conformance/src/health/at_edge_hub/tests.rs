//! Tests of `at_edge_hub.rs`.

use super::*;
use crate::observation::EdgeEnd;
use crate::sample;

fn request(method: &str, path: &str, status: u16) -> WorkloadRequest {
    WorkloadRequest {
        at: Millis(4_000),
        method: method.to_owned(),
        path: path.to_owned(),
        status,
    }
}

fn sign(status: u16) -> WorkloadRequest {
    request(
        "POST",
        "/modules/m/genid/1/sign?api-version=2018-06-28",
        status,
    )
}

fn kept_out(breaches: &[(&str, &str)]) -> EdgeUse {
    let breach = |(rule, detail): &(&str, &str)| EdgeBreach {
        detail: (*detail).to_owned(),
        ..sample::breach(rule)
    };
    EdgeUse {
        breaches: breaches.iter().map(breach).collect(),
        ..EdgeUse::default()
    }
}

fn check(breaches: &[(&str, &str)], requests: &[WorkloadRequest], lines: &[&str], cause: &str) {
    let lines: Vec<String> = lines.iter().map(|&line| line.to_owned()).collect();
    let trouble = never_there(&kept_out(breaches), requests, &lines);
    assert_eq!(trouble.cause, cause, "{trouble:?}");
    assert!(!trouble.seen.is_empty() && !trouble.mend.is_empty());
}

/// The details were recorded at edgeproof's own edgeHub (rustls 0.23), 2026-11-26: the first from the Python SDK 2.14.0 that
/// trusts another authority, the second from the Node.js SDK 1.18.4 without its anchor; the others are rustls' words as its
/// source has them.
#[test]
fn a_certificate_that_is_not_trusted_is_the_cause() {
    let cause = "it does not trust edgeHub's certificate";
    for detail in [
        "received fatal alert: UnknownCA",
        "tls handshake eof",
        "received fatal alert: CertificateUnknown",
        "received fatal alert: BadCertificate",
    ] {
        check(&[("tls-handshake", detail)], &[sign(200)], &[], cause);
    }
}

#[test]
fn a_tls_that_is_too_old_is_the_cause() {
    let cause = "it offers no TLS that edgeHub takes";
    for detail in [
        "offers at most TLS 1.1, wanted is TLS 1.2 or 1.3 (peer is incompatible: Tls12NotOffered)",
        "offers no version of TLS that is known, wanted is TLS 1.2 or 1.3 (peer is incompatible: Tls12NotOfferedOrEnabled)",
        // As earlier probes recorded it.
        "peer is incompatible: Tls12NotOfferedOrEnabled",
    ] {
        check(&[("tls-handshake", detail)], &[], &[], cause);
    }
}

/// What edgeproof's edgeHub does not take says nothing of a customer's.
#[test]
fn a_tls_that_is_new_enough_and_has_nothing_in_common_is_told_as_such() {
    let cause = "its TLS and that of edgeproof's edgeHub have nothing in common";
    let detail = "peer is incompatible: NoCipherSuitesInCommon; its hello names no server";
    check(&[("tls-handshake", detail)], &[], &[], cause);
}

#[test]
fn a_client_that_did_not_finish_its_hello_says_nothing_of_certificates() {
    for detail in [
        "no TLS handshake in time",
        "the client hung up before its TLS hello",
        "the client hung up within its TLS hello, after 37 bytes",
    ] {
        check(
            &[("tls-handshake", detail)],
            &[sign(200)],
            &[],
            "its TLS handshake fails",
        );
    }
}

#[test]
fn every_way_in_has_its_cause_and_tls_comes_first() {
    for (rule, cause) in [
        ("plain-text", "it speaks without TLS"),
        ("token", "edgeHub refuses its token"),
        ("token-expired", "edgeHub refuses its token"),
        ("no-password", "edgeHub refuses its token"),
        ("client-id", "it logs in as somebody else"),
        (
            "malformed",
            "it does not speak what edgeHub serves at that port",
        ),
    ] {
        check(&[(rule, "x")], &[sign(200)], &[], cause);
        let both = [
            (rule, "x"),
            ("tls-handshake", "received fatal alert: UnknownCA"),
        ];
        check(&both, &[], &[], "it does not trust edgeHub's certificate");
    }
}

#[test]
fn what_is_no_way_in_is_no_cause() {
    check(
        &[("unknown-topic", "x")],
        &[sign(200)],
        &[],
        "it never came to edgeHub",
    );
}

/// What Python 3.11, Node.js 18 and .NET 8 print of it; composed from their documentation.
#[test]
fn what_it_prints_names_the_cause_where_nothing_came() {
    let name = "it cannot resolve the gateway's name";
    let port = "it dials a port at which edgeHub does not listen";
    for (line, cause) in [
        (
            "socket.gaierror: [Errno -2] Name or service not known",
            name,
        ),
        ("Error: getaddrinfo ENOTFOUND edge.local", name),
        ("Error: getaddrinfo EAI_AGAIN edge.local", name),
        (
            "ConnectionRefusedError: [Errno 111] Connection refused",
            port,
        ),
        ("Error: connect ECONNREFUSED 172.18.0.2:1883", port),
        (
            "OSError: [Errno 113] No route to host",
            "it dials an address that is not on its network",
        ),
    ] {
        check(&[], &[sign(200)], &["up", line], cause);
        // What edgeHub saw itself says more.
        check(&[("token", "x")], &[], &[line], "edgeHub refuses its token");
    }
}

#[test]
fn how_far_it_came_is_told_where_nothing_names_a_cause() {
    check(
        &[],
        &[sign(404)],
        &[],
        "the workload API signs nothing for it",
    );
    // It asked again and was served.
    check(
        &[],
        &[sign(404), sign(200)],
        &[],
        "it never came to edgeHub",
    );
    let bundle = request("GET", "/trust-bundle?api-version=2018-06-28", 200);
    check(
        &[],
        &[bundle],
        &["listening"],
        "it never asked for a signature",
    );
    check(
        &[],
        &[],
        &[],
        "it never asked for anything of the edge runtime",
    );
}

fn lasting(connections: &[(u64, u64, &str)]) -> EdgeUse {
    let mut edge = sample::edge_use();
    let like = edge.connections.remove(0);
    edge.connections = connections
        .iter()
        .map(|&(at, lived, reason)| EdgeConnection {
            at: Millis(at),
            ended: Some(EdgeEnd {
                at: Millis(at + lived),
                reason: reason.to_owned(),
            }),
            ..like.clone()
        })
        .collect();
    edge
}

#[test]
fn connections_that_end_and_come_again_flap() {
    let flapping = lasting(&[
        (1_000, 500, "lost"),
        (2_000, 500, "lost"),
        (3_000, 500, "lost"),
        (4_000, 60_000, "goodbye"),
    ]);
    let trouble = unsteady(&flapping, &[Millis(0)]).unwrap();
    assert_eq!(trouble.cause, "its connections to edgeHub flap");
    assert_eq!(
        trouble.seen,
        "3 of 4 ended within 10.0 s and came again, the first at 1.5 s (lost)"
    );
    // The same ends, each with the end of its container.
    let starts = [0, 1_900, 2_900, 3_900].map(Millis);
    assert_eq!(unsteady(&flapping, &starts), None);
    let two = lasting(&[
        (1_000, 500, "taken-over"),
        (2_000, 500, "taken-over"),
        (3_000, 500, "goodbye"),
    ]);
    assert_eq!(unsteady(&two, &[]), None);
    let long = lasting(&[(0, 60_000, "lost"); 5]);
    assert_eq!(unsteady(&long, &[]), None);
    let asked_for = lasting(&[(0, 100, "requested"); 5]);
    assert_eq!(unsteady(&asked_for, &[]), None);
}

#[test]
fn one_connection_that_edge_hub_ends_for_a_broken_rule_is_told() {
    let mut edge = lasting(&[(1_000, 100, "violation"), (2_000, 9_000, "goodbye")]);
    edge.breaches = vec![sample::breach("unknown-filter"), sample::breach("qos-two")];
    let trouble = unsteady(&edge, &[]).unwrap();
    assert_eq!(trouble.cause, "edgeHub ends its connections");
    assert_eq!(
        trouble.seen,
        "1 of 2 ended for a broken rule; qos-two: seen and wanted"
    );
    assert_eq!(unsteady(&sample::edge_use(), &[]), None);
}
