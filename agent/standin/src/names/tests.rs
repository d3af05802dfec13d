//! A client's view over real sockets.

use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, RCODE, TYPE};

use super::*;

const GATEWAY: &str = "edgeproof-gateway";

async fn service(beyond: Beyond) -> NameService {
    let config = NamesConfig {
        listen: ([127, 0, 0, 1], 0).into(),
        gateway: (GATEWAY.to_owned(), [172, 19, 0, 2].into()),
        beyond,
    };
    NameService::start(config).await.unwrap()
}

fn query(name: &str, kind: TYPE) -> Vec<u8> {
    let mut packet = Packet::new_query(4711);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    let name = Name::new_unchecked(name);
    let (kind, class) = (QTYPE::TYPE(kind), QCLASS::CLASS(CLASS::IN));
    packet
        .questions
        .push(simple_dns::Question::new(name, kind, class, false));
    packet.build_bytes_vec().unwrap()
}

async fn ask(service: &NameService, name: &str, kind: TYPE) -> (RCODE, Vec<IpAddr>) {
    let reply = over_udp(service.address(), &query(name, kind)).await;
    let reply = reply.unwrap();
    let packet = Packet::parse(&reply).unwrap();
    assert_eq!(packet.id(), 4711);
    (packet.rcode(), message::addresses(&reply))
}

/// What was asked: name, times, answer, addresses.
fn told(service: &NameService) -> Vec<(String, u64, Answer, usize)> {
    let names = service.questions().names.into_iter();
    names
        .map(|one| (one.name, one.times, one.answer, one.addresses.len()))
        .collect()
}

#[tokio::test]
async fn the_gateway_is_known_and_is_no_other_destination() {
    let service = service(Beyond::NoWayOut).await;
    let (code, found) = ask(&service, "Edgeproof-Gateway", TYPE::A).await;
    assert_eq!(code, RCODE::NoError);
    assert_eq!(found, ["172.19.0.2".parse::<IpAddr>().unwrap()]);
    let (code, found) = ask(&service, GATEWAY, TYPE::AAAA).await;
    assert_eq!((code, found.len()), (RCODE::NoError, 0));
    assert_eq!(told(&service), []);
}

#[tokio::test]
async fn without_a_way_out_every_other_name_fails_and_is_told() {
    let service = service(Beyond::NoWayOut).await;
    for _ in 0..3 {
        let (code, _) = ask(&service, "Api.Contoso.Test", TYPE::A).await;
        assert_eq!(code, RCODE::ServerFailure);
    }
    let wanted = ("api.contoso.test".to_owned(), 3, Answer::NoWayOut, 0);
    assert_eq!(told(&service), [wanted]);
}

#[tokio::test]
async fn a_name_is_asked_for_beyond_over_udp_and_over_tcp() {
    // What is beyond: a service that knows one name by itself.
    let beyond = service(Beyond::NoWayOut).await;
    let service = service(Beyond::Servers(vec![beyond.address()])).await;
    // Its own gateway is another's name here.
    let asked = query("EDGEPROOF-gateway.", TYPE::A);
    assert_eq!(told(&service), []);
    let _gateway = over_udp(service.address(), &asked).await.unwrap();
    assert_eq!(told(&service), [], "it is known here too");
    let reply = over_tcp(service.address(), &query("a.test", TYPE::A)).await;
    assert_eq!(message::outcome(&reply.unwrap()), Answer::Failed);
    let wanted = ("a.test".to_owned(), 1, Answer::Failed, 0);
    assert_eq!(told(&service), [wanted]);
    assert_eq!(told(&beyond)[0].0, "a.test");
}

#[tokio::test]
async fn an_address_from_beyond_is_handed_on_and_kept() {
    let beyond = NameService::start(NamesConfig {
        listen: ([127, 0, 0, 1], 0).into(),
        gateway: ("home.contoso.test".to_owned(), [192, 0, 2, 7].into()),
        beyond: Beyond::NoWayOut,
    });
    let beyond = beyond.await.unwrap();
    let service = service(Beyond::Servers(vec![beyond.address()])).await;
    let (code, found) = ask(&service, "home.contoso.test", TYPE::A).await;
    assert_eq!(code, RCODE::NoError);
    assert_eq!(found, ["192.0.2.7".parse::<IpAddr>().unwrap()]);
    let (code, found) = ask(&service, "home.contoso.test", TYPE::AAAA).await;
    assert_eq!((code, found.len()), (RCODE::NoError, 0));
    let wanted = ("home.contoso.test".to_owned(), 2, Answer::Found, 1);
    assert_eq!(told(&service), [wanted]);
}

#[tokio::test]
async fn a_name_that_is_reserved_for_nowhere_is_not_handed_on() {
    let beyond = service(Beyond::NoWayOut).await;
    let service = service(Beyond::Servers(vec![beyond.address()])).await;
    let (code, _) = ask(&service, "edgeproof-hub.invalid", TYPE::A).await;
    assert_eq!(code, RCODE::NameError);
    assert_eq!(told(&service)[0].2, Answer::NoSuchName);
    assert_eq!(told(&beyond), []);
}

#[tokio::test]
async fn a_server_that_is_not_there_leaves_a_name_unanswered() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = gone.local_addr().unwrap();
    drop(gone);
    let service = service(Beyond::Servers(vec![address])).await;
    let (code, _) = ask(&service, "a.test", TYPE::A).await;
    assert_eq!(code, RCODE::ServerFailure);
    assert_eq!(told(&service)[0].2, Answer::Unanswered);
}

#[tokio::test]
async fn what_is_no_query_has_no_answer_and_disturbs_nobody() {
    let service = service(Beyond::NoWayOut).await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for noise in [&[0_u8; 3][..], &[0xff; 600]] {
        socket.send_to(noise, service.address()).await.unwrap();
    }
    let (code, _) = ask(&service, "a.test", TYPE::A).await;
    assert_eq!(code, RCODE::ServerFailure);
    assert_eq!(told(&service).len(), 1);
}
