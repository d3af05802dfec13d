//! What kept a visitor from a page, told apart by kind.

use std::error::Error;
use std::io;

use conformance::observation::{LinkFailure, LinkFailureKind};

/// How much of an error's own words is kept, in characters.
const MOST_WORDS: usize = 240;

/// A failure of this kind.
pub(super) fn failure(kind: LinkFailureKind, because: impl Into<String>) -> LinkFailure {
    let because: String = because.into();
    LinkFailure {
        kind,
        because: because.chars().take(MOST_WORDS).collect(),
    }
}

/// What the HTTP client says, with its causes; the link is told beside it.
pub(super) fn of_client(error: reqwest::Error) -> LinkFailure {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut kind = match error.is_connect() {
        true => LinkFailureKind::Unreachable,
        false => LinkFailureKind::Unreadable,
    };
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        if is_tls(inner) {
            kind = LinkFailureKind::Tls;
        } else if inner.is::<io::Error>() && kind != LinkFailureKind::Tls {
            kind = LinkFailureKind::Unreachable;
        }
        cause = inner.source();
    }
    failure(kind, text)
}

/// An error of TLS comes alone, or inside of errors of a connection, which name none as their source.
fn is_tls(error: &(dyn Error + 'static)) -> bool {
    let inside = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref);
    error.is::<rustls::Error>() || inside.is_some_and(|inner| is_tls(inner))
}
