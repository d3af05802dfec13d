//! What single links come to, with limits that end a test soon.

use std::io::{self, Write as _};
use std::net::{IpAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use conformance::links::OfferLink;
use conformance::observation::{LinkAnswer, LinkEnd, LinkFailure, LinkFailureKind, LinkVisit};
use conformance::units::Bytes;
use harness::links::{Limits, Names, Reach, Visitor};

use crate::server::{Answer, Server};

/// Limits of time a tenth of the usual ones.
fn soon() -> Limits {
    Limits {
        each: Duration::from_millis(1_500),
        together: Duration::from_millis(4_500),
        look_up: Duration::from_millis(500),
        ..Limits::default()
    }
}

fn link(url: &str) -> OfferLink {
    OfferLink {
        url: url.to_owned(),
        pointers: vec!["/listing/supportUrl".to_owned()],
        left_alone: None,
    }
}

fn names(known: &[(&str, &[&str])]) -> Names {
    let known = known.iter().map(|(name, addresses)| {
        let addresses: Vec<IpAddr> = addresses.iter().map(|one| one.parse().unwrap()).collect();
        ((*name).to_owned(), addresses)
    });
    Names::Known(known.collect())
}

fn visit(names: Names, reach: Reach, limits: Limits, urls: &[&str]) -> Vec<LinkVisit> {
    let visitor = Visitor::new(names, reach, limits).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(visitor.visit(urls.iter().map(|url| link(url)).collect()))
}

/// One link of a server that is called `site.lab`, on a machine that finds names.
fn at(server: &Server, path: &str) -> LinkEnd {
    let site = names(&[
        ("site.lab", &["127.0.0.1"]),
        ("a.root-servers.net", &["198.41.0.4"]),
    ]);
    let url = format!("http://site.lab:{}{path}", server.address.port());
    let begun = Instant::now();
    let end = visit(site, Reach::Private, soon(), &[&url]).remove(0).end;
    assert!(begun.elapsed() < Duration::from_secs(5), "{end:?}");
    end
}

fn answer(end: LinkEnd) -> LinkAnswer {
    match end {
        LinkEnd::Answered(answer) => answer,
        LinkEnd::Failed(_) | LinkEnd::LeftAlone(_) => panic!("{end:?}"),
    }
}

fn failure(end: LinkEnd) -> LinkFailure {
    match end {
        LinkEnd::Failed(failure) => failure,
        LinkEnd::Answered(_) | LinkEnd::LeftAlone(_) => panic!("{end:?}"),
    }
}

fn refused(names: Names, reach: Reach, url: &str) -> String {
    let end = visit(names, reach, soon(), &[url]).remove(0).end;
    let failure = failure(end);
    assert_eq!(failure.kind, LinkFailureKind::Refused, "{failure:?}");
    failure.because
}

#[test]
fn a_page_is_told_by_status_type_size_and_digest() {
    let server = Server::start(|_, _| Answer::Page("abc"));
    let answer = answer(at(&server, "/"));
    assert_eq!((answer.status, answer.redirects), (200, 0));
    assert_eq!(answer.media_type.as_deref(), Some("text/html"));
    assert_eq!((answer.read, answer.whole), (Bytes(3), true));
    // Source: NIST, FIPS 180-4 examples, SHA-256 of `abc`.
    assert_eq!(
        answer.sha256,
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
}

#[test]
fn redirects_are_followed_five_times_and_no_more() {
    let server = Server::start(|path, _| match path {
        "/0" => Answer::Page("here"),
        _ => {
            let left: u32 = path[1..].parse().unwrap();
            Answer::To(format!("/{}", left - 1))
        }
    });
    let answer = answer(at(&server, "/5"));
    assert_eq!((answer.status, answer.redirects), (200, 5));
    assert!(answer.url.ends_with("/0"), "{}", answer.url);
    let before = server.questions();
    let failure = failure(at(&server, "/99"));
    assert_eq!(failure.kind, LinkFailureKind::TooManyRedirects);
    assert_eq!(server.questions() - before, 6);
}

#[test]
fn what_is_no_page_is_told_by_its_status() {
    for (line, status) in [
        ("404 Not Found", 404),
        ("503 Busy", 503),
        ("302 Found", 302),
    ] {
        let server = Server::start(move |_, _| Answer::Status(line));
        let answer = answer(at(&server, "/"));
        assert_eq!((answer.status, answer.read), (status, Bytes(0)));
    }
}

#[test]
fn a_page_without_an_end_is_cut_off_and_that_is_no_failure() {
    let server = Server::start(|_, _| Answer::Endless);
    let answer = answer(at(&server, "/"));
    assert_eq!((answer.status, answer.whole), (200, false));
    assert_eq!(answer.read, Bytes(2 << 20));
}

#[test]
fn a_head_without_an_end_a_silent_server_and_one_of_another_kind_are_left() {
    for (answer, kinds) in [
        (
            (|| Answer::EndlessHead) as fn() -> Answer,
            // The client may have no more room, or the server may be reset by what it still writes.
            [LinkFailureKind::Unreadable, LinkFailureKind::Unreachable],
        ),
        (|| Answer::Silence, [LinkFailureKind::Slow; 2]),
        (|| Answer::Noise, [LinkFailureKind::Unreadable; 2]),
    ] {
        let server = Server::start(move |_, _| answer());
        let failure = failure(at(&server, "/"));
        assert!(kinds.contains(&failure.kind), "{failure:?}");
    }
}

#[test]
fn a_server_that_is_not_there_and_one_without_tls_are_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"220 mail.lab ESMTP\r\n").unwrap();
        // What the other side says is read, for the connection not to be reset by it.
        let _ = io::copy(&mut stream, &mut io::sink());
    });
    let site = names(&[("site.lab", &["127.0.0.1"])]);
    let tls = format!("https://site.lab:{port}/");
    let visits = visit(site, Reach::Private, soon(), &[&tls, "http://site.lab:1/"]);
    let kinds: Vec<LinkFailureKind> = visits
        .into_iter()
        .map(|visit| failure(visit.end).kind)
        .collect();
    assert_eq!(kinds, [LinkFailureKind::Tls, LinkFailureKind::Unreachable]);
}

#[test]
fn a_name_at_private_addresses_is_refused_and_nobody_is_asked() {
    let server = Server::start(|_, _| Answer::Page("secret"));
    let port = server.address.port();
    for address in [
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "::1",
        "fd00::1",
        "::ffff:127.0.0.1",
    ] {
        let site = names(&[("site.lab", &[address])]);
        let because = refused(site, Reach::Public, &format!("http://site.lab:{port}/"));
        assert!(because.contains(address), "{because}");
        assert!(because.contains("--allow-private-links"), "{because}");
    }
    assert_eq!(server.questions(), 0);
}

#[test]
fn of_several_addresses_only_those_that_are_let_through_are_connected_to() {
    let server = Server::start(|_, _| Answer::Page("secret"));
    // Nobody answers at the address of a test network, so a visit that kept to it ends by its time.
    let site = names(&[("site.lab", &["198.41.0.4", "127.0.0.1"])]);
    let url = format!("http://site.lab:{}/", server.address.port());
    let end = visit(site, Reach::Public, soon(), &[&url]).remove(0).end;
    let kind = failure(end).kind;
    assert!(
        matches!(kind, LinkFailureKind::Slow | LinkFailureKind::Unreachable),
        "{kind:?}"
    );
    assert_eq!(server.questions(), 0);
}

#[test]
fn every_redirect_is_let_through_anew() {
    let site: IpAddr = "127.0.0.1".parse().unwrap();
    for target in [
        "http://169.254.169.254/latest/meta-data/",
        "http://127.0.0.1:PORT/inside",
        "http://2130706433:PORT/inside",
        "http://[::1]:PORT/inside",
        "http://[::ffff:7f00:1]:PORT/inside",
        "//inside.lab:PORT/inside",
        "http://localhost.lab:PORT/inside",
        "ftp://site.lab/",
        "http://user:word@site.lab:PORT/inside",
    ] {
        let server =
            Server::start(|_, here| Answer::To(target.replace("PORT", &here.port().to_string())));
        let known = names(&[
            ("site.lab", &["127.0.0.1"]),
            ("inside.lab", &["192.168.0.1"]),
            ("localhost.lab", &["127.0.0.2"]),
        ]);
        let because = refused(
            known,
            Reach::PublicAnd(site),
            &format!("http://site.lab:{}/", server.address.port()),
        );
        assert!(because.starts_with("it leads to"), "{because}");
        assert_eq!(server.questions(), 1, "{target}");
    }
}

#[test]
fn bare_addresses_other_schemes_and_credentials_are_refused() {
    for (url, told) in [
        ("http://127.0.0.1/", "loopback"),
        ("http://0x7f.1/", "loopback"),
        ("http://[::ffff:10.0.0.1]/", "private"),
        ("http://8.8.8.8/", "not a host's name"),
        ("ftp://site.lab/", "`ftp`"),
        ("file:///etc/passwd", "`file`"),
        ("https://user@site.lab/", "user name"),
        ("https://:word@site.lab/", "password"),
    ] {
        let because = refused(names(&[]), Reach::Public, url);
        assert!(because.contains(told), "{url}: {because}");
    }
}

#[test]
fn a_name_that_nobody_has_is_told_apart_from_a_machine_that_finds_none() {
    let kind = |names| {
        let end = visit(names, Reach::Public, soon(), &["https://gone.lab/"])
            .remove(0)
            .end;
        failure(end).kind
    };
    let control = ("a.root-servers.net", &["198.41.0.4"][..]);
    assert_eq!(kind(names(&[control])), LinkFailureKind::NoSuchName);
    assert_eq!(kind(names(&[])), LinkFailureKind::NoNames);
    let empty = names(&[control, ("gone.lab", &[])]);
    assert_eq!(kind(empty), LinkFailureKind::NoSuchName);
}

#[test]
fn links_are_visited_together_and_what_has_neither_time_nor_room_is_told() {
    let server = Server::start(|path, _| match path {
        "/slow" => Answer::Silence,
        _ => Answer::Page("here"),
    });
    let site = names(&[("site.lab", &["127.0.0.1"])]);
    let url = |path: &str| format!("http://site.lab:{}{path}", server.address.port());
    let (slow, fast) = (url("/slow"), url("/"));
    let limits = Limits {
        links: 6,
        at_once: 2,
        together: Duration::from_secs(2),
        ..soon()
    };
    let urls = [&*slow, &slow, &slow, &slow, &fast, &fast, &fast];
    let begun = Instant::now();
    let visits = visit(site, Reach::Private, limits, &urls);
    assert!(
        begun.elapsed() < Duration::from_secs(4),
        "{:?}",
        begun.elapsed()
    );
    let kinds: Vec<Option<LinkFailureKind>> = visits
        .into_iter()
        .map(|visit| match visit.end {
            LinkEnd::Failed(failure) => Some(failure.kind),
            LinkEnd::Answered(_) | LinkEnd::LeftAlone(_) => None,
        })
        .collect();
    use LinkFailureKind::{LeftOut, Slow};
    assert_eq!(
        kinds[..4],
        [Some(Slow), Some(Slow), Some(LeftOut), Some(LeftOut)]
    );
    assert_eq!(kinds[6], Some(LeftOut), "{kinds:?}");
}
