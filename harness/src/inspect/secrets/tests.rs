//! Secrets as they are found in images, put together here so that this file holds none, and what only looks like one.

use proptest::prelude::*;

use super::*;

/// Letters that are mixed and the same every time.
fn letters(count: usize) -> String {
    let all = b"aZ3kQ9xLm7Rb2WcY5dTfG8hJ";
    (0..count)
        .map(|n| char::from(all[(n * 7 + n / 24) % 24]))
        .collect()
}

fn key() -> String {
    format!(
        "-----BEGIN {}PRIVATE KEY-----\n{}\n{}\n",
        "RSA ",
        letters(64),
        letters(64)
    )
}

/// What is found in a text that comes in pieces of this size.
fn looks(text: &str, piece: usize) -> Vec<String> {
    let (mut scanner, mut places) = (Scanner::new(), Places::default());
    for piece in text.as_bytes().chunks(piece) {
        scanner.take(piece);
    }
    scanner.end("app/x", &mut places);
    places.found.into_iter().map(|one| one.look).collect()
}

#[test]
fn well_known_kinds_are_found_wherever_a_piece_ends() {
    let filler = "plain text, and more of it. ".repeat(60);
    for (secret, look) in [
        (key(), "a private key"),
        (key().replace('\n', "\\n"), "a private key"),
        (key().replace("RSA ", "ENCRYPTED "), "a private key"),
        (
            key().replacen(
                '\n',
                "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n",
                1,
            ),
            "a private key",
        ),
        (
            format!("HostName=h;DeviceId=d;SharedAccessKey={}=", letters(43)),
            CONNECTION,
        ),
        (
            format!("AccountName=a;AccountKey={}==", letters(86)),
            CONNECTION,
        ),
        (
            format!("{}{}", "AK", "IAQ7XWJ3PLM9TB2RZC"),
            "an access key of AWS",
        ),
        (format!("{}_{}", "ghp", letters(36)), GITHUB),
        (format!("{}-{}", "xoxb", letters(40)), SLACK),
        (
            format!("{}_{}", "npm", letters(36)),
            "an access token of npm",
        ),
    ] {
        for (before, piece) in [("", 64 << 10), (filler.as_str(), 7), (filler.as_str(), 513)] {
            let text = format!("{before}\n{secret}\n{filler}");
            assert_eq!(looks(&text, piece), [look], "{secret} {piece}");
        }
        assert_eq!(looks(&secret, 1), [look], "{secret} alone");
    }
}

#[test]
fn headers_alone_placeholders_and_keys_that_everybody_has_are_none() {
    for text in [
        format!("if line == \"-----BEGIN {} KEY-----\"", "PRIVATE"),
        key().replace(&letters(64), "MIIE..."),
        key().replace("PRIVATE", "PUBLIC"),
        "HostName=h;SharedAccessKey=<MY_KEY>".to_owned(),
        format!("SharedAccessKey={}", "your".repeat(11)),
        format!("SharedAccessKey={}=", "A".repeat(43)),
        format!("AccountKey=Eby8vdM02xNOcqFl{}==", letters(70)),
        format!("{}{}", "AK", "IAIOSFODNN7EXAMPLE"),
        format!("{}_{}", "ghp", "x".repeat(36)),
        format!("a{}_{}", "ghp", letters(36)),
        format!("{}_{}", "npm", letters(20)),
    ] {
        assert!(looks(&text, 64).is_empty(), "{text}");
    }
}

#[test]
fn a_place_is_told_with_its_layer_and_what_is_for_show_hides_nothing() {
    let (mut scanner, mut of_layer) = (Scanner::new(), Places::default());
    for n in 0..60 {
        scanner.take(key().as_bytes());
        scanner.end(&format!("usr/lib/python3/test/{n}.pem"), &mut of_layer);
    }
    scanner.take(key().as_bytes());
    scanner.end("app/key.pem", &mut of_layer);
    let mut places = Places::default();
    places.lay(of_layer, "sha256:1");
    let secrets = places.secrets();
    assert_eq!(
        (secrets.in_files.len(), secrets.more, secrets.files),
        (MOST_PLACES, 11, 61)
    );
    assert_eq!(secrets.in_files[0].path, "/app/key.pem");
    assert_eq!(secrets.in_files[0].layer, "sha256:1");
    let shown = secrets.in_files.iter().filter(|one| one.for_show).count();
    assert_eq!(shown, MOST_PLACES - 1);
}

#[test]
fn a_file_beyond_the_bound_is_told_as_cut() {
    let (mut scanner, mut places) = (Scanner::new(), Places::default());
    let piece = vec![0; 1 << 20];
    for _ in 0..65 {
        scanner.take(&piece);
    }
    scanner.take(key().as_bytes());
    assert!(scanner.window.len() < 2 << 20);
    scanner.end("data", &mut places);
    let secrets = places.secrets();
    assert_eq!((secrets.cut, secrets.in_files.len()), (1, 0));
}

proptest! {
    #[test]
    fn no_bytes_and_no_cut_make_the_scanner_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), piece in 1_usize..40, kind in 0..KINDS.len()) {
        let mut text = KINDS[kind].start.as_bytes().to_vec();
        text.extend(bytes);
        let (mut scanner, mut places) = (Scanner::new(), Places::default());
        for piece in text.chunks(piece) {
            scanner.take(piece);
        }
        scanner.end("a", &mut places);
    }
}
