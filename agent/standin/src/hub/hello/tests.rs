//! Tests of `hello.rs`. The hellos are composed by RFC 4346, 5246 and 8446, but for the one that was recorded.

use super::*;

/// What stands for no version, so that servers learn to pass over it (RFC 8701).
const GREASE: u16 = 0x7a7a;

/// Python's `ssl` 3.11 on OpenSSL 3.0.19 with `PROTOCOL_TLSv1_1` at security level 0, for the server `gw`; recorded 2026-11-26.
const TLS_1_1_OF_OPENSSL: &str = "160301006e0100006a030292b63640ae973fc084100bbb5eb4190ba09686e701cf0e9bafccd43f3261f231000012c00ac0140039c009c01300330035002f00ff0100002f0000000700050000026777000b000403000102000a000c000a001d0017001e00190018002300000016000000170000";

/// An extension with its length.
fn extension(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap();
    [&kind.to_be_bytes()[..], &length.to_be_bytes(), value].concat()
}

/// `gateway`, as RFC 6066 has it.
fn server_name() -> Vec<u8> {
    extension(SERVER_NAME, b"\x00\x0a\x00\x00\x07gateway")
}

fn supported_versions(versions: &[u16]) -> Vec<u8> {
    let mut value = vec![u8::try_from(versions.len() * 2).unwrap()];
    value.extend(versions.iter().flat_map(|version| version.to_be_bytes()));
    extension(SUPPORTED_VERSIONS, &value)
}

/// The handshake message; no extensions at all where there are none.
fn message(version: u16, extensions: &[u8]) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    body.extend([7; 32]);
    body.extend([2, 1, 1]);
    body.extend([0, 4, 0xc0, 0x0a, 0xc0, 0x14]);
    body.extend([1, 0]);
    if !extensions.is_empty() {
        body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
        body.extend(extensions);
    }
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[CLIENT_HELLO], &length[1..], &body].concat()
}

fn record(fragment: &[u8]) -> Vec<u8> {
    let length = u16::try_from(fragment.len()).unwrap().to_be_bytes();
    [&[HANDSHAKE, 3, 1], &length[..], fragment].concat()
}

fn refused() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "peer is incompatible")
}

fn check(version: u16, extensions: &[Vec<u8>], wanted: &str) {
    let message = message(version, &extensions.concat());
    assert_eq!(told(&refused(), &record(&message)), wanted);
    // The same in records of one byte, of seven, and with an alert behind it.
    for size in [1, 7] {
        let records: Vec<u8> = message.chunks(size).flat_map(record).collect();
        assert_eq!(told(&refused(), &records), wanted);
    }
    let with_alert = [record(&message), vec![21, 3, 1, 0, 2, 2, 48]].concat();
    assert_eq!(told(&refused(), &with_alert), wanted);
}

#[test]
fn the_newest_version_is_told_where_it_is_too_old() {
    for (version, words) in [
        (0x0300, "SSL 3.0"),
        (0x0301, "TLS 1.0"),
        (0x0302, "TLS 1.1"),
    ] {
        let told =
            format!("offers at most {words}, wanted is TLS 1.2 or 1.3 (peer is incompatible)");
        check(version, &[server_name()], &told);
        check(version, &[], &format!("{told}; its hello names no server"));
    }
}

#[test]
fn a_new_hello_says_its_versions_in_an_extension() {
    let only_old = supported_versions(&[GREASE, 0x0301, 0x0302]);
    let told = "offers at most TLS 1.1, wanted is TLS 1.2 or 1.3 (peer is incompatible)";
    check(TLS_1_2, &[server_name(), only_old], told);
    let none = supported_versions(&[GREASE, 0x7f1c]);
    let told =
        "offers no version of TLS that is known, wanted is TLS 1.2 or 1.3 (peer is incompatible)";
    check(TLS_1_2, &[server_name(), none], told);
    // The version in front says nothing then, and one that is new enough was refused for something else.
    let new = supported_versions(&[TLS_1_3, TLS_1_2]);
    check(0x0301, &[new, server_name()], "peer is incompatible");
    check(
        TLS_1_2,
        &[extension(23, &[])],
        "peer is incompatible; its hello names no server",
    );
}

#[test]
fn a_recorded_hello_is_read() {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap();
    let pairs = TLS_1_1_OF_OPENSSL.as_bytes().chunks(2);
    let bytes: Vec<u8> = pairs
        .map(|pair| u8::try_from(digit(pair[0]) << 4 | digit(pair[1])).unwrap())
        .collect();
    let wanted = Hello {
        newest: Some(0x0302),
        names_server: true,
    };
    assert_eq!(heard(&bytes), Heard::Whole(wanted));
}

#[test]
fn a_hello_that_is_cut_off_is_told_by_its_length() {
    let whole = record(&message(0x0302, &server_name()));
    let hung_up = io::Error::new(io::ErrorKind::UnexpectedEof, "tls handshake eof");
    for cut in 1..whole.len() {
        assert_eq!(heard(&whole[..cut]), Heard::Part(cut));
        let wanted = format!("the client hung up within its TLS hello, after {cut} bytes");
        assert_eq!(told(&hung_up, &whole[..cut]), wanted);
        assert_eq!(told(&refused(), &whole[..cut]), "peer is incompatible");
    }
    assert_eq!(
        told(&hung_up, &[]),
        "the client hung up before its TLS hello"
    );
    let new = record(&message(TLS_1_2, &server_name()));
    assert_eq!(told(&hung_up, &new), "tls handshake eof");
}

#[test]
fn what_is_no_hello_is_left_to_the_librarys_words() {
    let mut finished = message(0x0301, &[]);
    finished[0] = 20;
    // Lengths that point past the end of what holds them.
    let mut long_session = message(0x0301, &server_name());
    long_session[38] = 0xff;
    let mut long_extensions = message(0x0301, &server_name());
    long_extensions[49] = 0xff;
    let endless = vec![0xff; LONGEST];
    for bytes in [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        record(&finished),
        record(&long_session),
        record(&long_extensions),
        [&[HANDSHAKE, 3, 1, 0xff, 0xff, CLIENT_HELLO][..], &endless].concat(),
    ] {
        assert_eq!(heard(&bytes), Heard::Unread, "{bytes:?}");
        assert_eq!(told(&refused(), &bytes), "peer is incompatible");
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_break_the_reader(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        let _any = heard(&bytes);
        let _framed = heard(&record(&bytes));
        let mut as_hello = message(0x0303, &bytes);
        as_hello.truncate(as_hello.len().saturating_sub(bytes.len() / 3));
        let _cut = heard(&record(&as_hello));
    }
}
