//! Damaged answers of registries against their readers: nothing panics, a digest is a digest, nothing long is kept.
//! `scripts/fuzz.sh` plays a million of each; a few thousand are part of every test run. No product has this module.

use conformance::observation::ManifestKind;
use damage::Target;

use super::manifest::LONGEST_TYPE;
use super::{ACCEPTED, access, challenge, read_config, read_manifest, tags};

/// What is put between the pieces of a JSON answer.
const JSON: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\\ud800",
    "null",
    "true",
    "-1",
    "18446744073709551616",
    "1e99",
    "{}",
    "[]",
    "\"\"",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    "sha256:",
    "sha512:",
    "../../etc/passwd",
    "unknown",
    "linux",
    "arm",
    "\"variant\":\"v7\",",
    "\"manifests\":[],",
    "\"layers\":[],",
    "\"mediaType\":\"application/vnd.oci.image.index.v1+json\",",
    "\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",",
    "\"size\":0,",
    "\"tags\":[\"1.0.0\"],",
    "\"token\":\"x\",",
    "\n",
    "é",
];

fn is_digest(text: &str) -> bool {
    let hex = text.strip_prefix("sha256:").unwrap_or_default();
    hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Manifests and indexes, of Docker and of OCI, with the media type told and without.
#[must_use]
pub fn manifests() -> Target {
    Target {
        seeds: vec![
            include_str!("../../tests/data/registry/index.json"),
            include_str!("../../tests/data/registry/manifest.json"),
            include_str!("../../tests/data/registry/docker-list.json"),
            include_str!("../../tests/data/registry/docker-manifest.json"),
            include_str!("../../tests/data/registry/schema-1.json"),
        ],
        words: JSON,
        play: |text| {
            let told = [None, Some("text/html")];
            let told = told.into_iter().chain(ACCEPTED.map(Some));
            let mut taken = false;
            for told in told {
                let (media_type, kind) = read_manifest(text.as_bytes(), told);
                match kind {
                    ManifestKind::Index(children) => {
                        let good = children.iter().all(|child| is_digest(&child.digest));
                        assert!(good, "{text}");
                        taken = true;
                    }
                    ManifestKind::Image(image) => {
                        let good = image.layers.iter().all(|layer| {
                            is_digest(&layer.digest) && layer.media_type.len() <= LONGEST_TYPE
                        });
                        assert!(good && is_digest(&image.config), "{text}");
                        taken = true;
                    }
                    ManifestKind::Unreadable(why) => {
                        assert!(!why.is_empty() && why.len() <= 1_500, "{why}: {text}");
                    }
                }
                assert!(media_type.len() <= 1_500, "{text}");
            }
            taken
        },
    }
}

/// Configs of images.
#[must_use]
pub fn configs() -> Target {
    Target {
        seeds: vec![
            include_str!("../../tests/data/registry/config.json"),
            include_str!("../../tests/data/registry/docker-config.json"),
        ],
        words: JSON,
        play: |text| {
            let read = read_config(text.as_bytes());
            let platform = read.platform.map(|platform| platform.to_string());
            assert!(
                platform.as_ref().is_none_or(|text| text.len() <= 200),
                "{text}"
            );
            let whole = platform.is_some() && !read.config.layers.is_empty();
            assert_eq!(read.flaw.is_none(), whole, "{:?}: {text}", read.flaw);
            assert!(
                read.config.env_names.iter().all(|name| !name.contains('=')),
                "{text}"
            );
            whole
        },
    }
}

/// Pages of tags, tokens, and the headers that lead to both.
#[must_use]
pub fn answers() -> Target {
    Target {
        seeds: vec![
            r#"{"name":"air-quality","tags":["1.0.0","1.0.1","1.0","1","latest","1.0.1-arm32v7"]}"#,
            r#"{"name":"air-quality","tags":null}"#,
            r#"{"token":"eyJhbGciOiJSUzI1NiJ9.e30.c2ln","access_token":"eyJhbGciOiJSUzI1NiJ9.e30.c2ln","expires_in":300}"#,
            r#"</v2/air/tags/list?last=1.0.1&n=1000>; rel="next", </v2/air/tags/list>; rel="first""#,
            r#"Bearer realm="https://contoso.azurecr.io/oauth2/token",service="contoso.azurecr.io",scope="repository:air:metadata_read""#,
            r#"Basic realm="a \"quoted\" place""#,
        ],
        words: &[
            "\"",
            "\\",
            ",",
            ";",
            "<",
            ">",
            "=",
            " ",
            "\t",
            "rel=next",
            "rel=\"next\"",
            "Bearer ",
            "Basic ",
            "realm=",
            "scope=",
            "\"tags\":",
            "[",
            "]",
            "{",
            "}",
            ":",
            "null",
            "\n",
            "é",
            "\u{0}",
            "1.0.0",
        ],
        play: |text| {
            let page = tags::page(text.as_bytes());
            for tag in page.iter().flatten() {
                assert!(conformance::image::is_tag(tag), "{text}");
            }
            let token = access::token(text.as_bytes());
            if let Ok(header) = &token {
                assert!(header.bytes().all(|b| (b' '..0x7f).contains(&b)), "{text}");
            }
            let next = tags::next(text);
            let challenge = challenge::best(std::iter::once(text));
            page.is_ok() || token.is_ok() || next.is_some() || challenge.is_some()
        },
    }
}

#[test]
fn damaged_answers_of_registries_are_read_or_refused() {
    for target in [manifests(), configs(), answers()] {
        target.campaign(3_000, 0x5eed, &mut || {});
    }
}
