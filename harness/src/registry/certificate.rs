//! What is wrong with a registry's certificate, in words that say what would help.

use std::error::Error;
use std::io;

use rustls::CertificateError;
use rustls::pki_types::UnixTime;

/// The certificate's fault, if one kept an answer from coming.
pub(super) fn fault(error: &(dyn Error + 'static)) -> Option<String> {
    let mut here = Some(error);
    while let Some(error) = here {
        if let Some(rustls::Error::InvalidCertificate(fault)) = error.downcast_ref() {
            return Some(words(fault));
        }
        // The source of an `io::Error` is the source of what it holds, and not that.
        here = match error.downcast_ref::<io::Error>() {
            Some(io) => io.get_ref().map(|held| held as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    None
}

fn words(fault: &CertificateError) -> String {
    if *fault == CertificateError::UnknownIssuer {
        return "no authority that is trusted here signed its certificate; `--registry-ca FILE` names one to trust".to_owned();
    }
    if let CertificateError::ExpiredContext { not_after, .. } = fault {
        return format!("its certificate ran out on {}", day(*not_after));
    }
    if let CertificateError::NotValidYetContext { not_before, .. } = fault {
        let day = day(*not_before);
        return format!("its certificate is valid from {day} on; is this machine's clock set?");
    }
    if let CertificateError::NotValidForNameContext { presented, .. } = fault {
        let names = presented.join(", ");
        return format!("its certificate is for another name: {names:.200}");
    }
    format!("its certificate is not valid: {fault}")
}

/// A moment as `2026-11-27T10:00:00Z`, or in seconds where no calendar has it.
fn day(time: UnixTime) -> String {
    let seconds = time.as_secs();
    let moment = i64::try_from(seconds)
        .ok()
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    moment.map_or_else(|| format!("second {seconds}"), |moment| moment.to_string())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_fault_is_found_in_what_an_error_holds_and_told_with_what_would_help() {
        let of = |fault: CertificateError| {
            let tls = rustls::Error::InvalidCertificate(fault);
            let error = io::Error::other(io::Error::other(tls));
            super::fault(&error).unwrap()
        };
        assert!(of(CertificateError::UnknownIssuer).contains("--registry-ca"));
        let at = |seconds: u64| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let expired = CertificateError::ExpiredContext {
            time: at(1_800_000_000),
            not_after: at(1_577_836_800),
        };
        assert_eq!(
            of(expired),
            "its certificate ran out on 2020-01-01T00:00:00Z"
        );
        assert!(of(CertificateError::BadSignature).contains("BadSignature"));
        assert_eq!(super::fault(&io::Error::other("something else")), None);
    }
}
