//! What a module that ran asked of its workload socket: the trace that the IoT module SDK leaves.

use crate::finding::{Reason, Unseen};
use crate::observation::{Start, WorkloadRequest};
use crate::record::Record;

/// The requests seen while the module ran.
///
/// # Errors
/// Nobody listened, or the module never ran: then no request means nothing.
pub(super) fn requests(record: &Record) -> Result<&[WorkloadRequest], Unseen> {
    let requests = record.observations.workload.get()?;
    let starts = &record.observations.starts;
    if requests.is_empty() && !starts.iter().any(Start::ran) {
        return Err(Unseen::new(
            Reason::InputMissing,
            "the module never ran, so what it asks of its workload socket is unseen",
        ));
    }
    Ok(requests)
}

/// `no request`, or `2 requests on its workload socket, the first GET /trust-bundle`.
pub(super) fn in_words(requests: &[WorkloadRequest]) -> String {
    match requests {
        [] => "no request on its workload socket".to_owned(),
        [first, ..] => format!(
            "{} {} on its workload socket, the first {} {}",
            requests.len(),
            if requests.len() == 1 {
                "request"
            } else {
                "requests"
            },
            first.method,
            first.path
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::{Cause, Health, Observed};
    use crate::sample;
    use crate::units::Millis;

    #[test]
    fn a_program_that_the_kernel_refused_never_ran_though_its_container_did() {
        let mut record = sample::record();
        record.observations.workload = Observed::Seen(Vec::new());
        assert_eq!(requests(&record), Ok(&[][..]));
        for start in &mut record.observations.starts {
            start.running = Some(Millis(300));
            start.health = Health::Unhealthy {
                cause: Cause::WrongArchitecture,
                detail: "exec format error".to_owned(),
                missing: Vec::new(),
            };
        }
        assert_eq!(requests(&record).unwrap_err().reason, Reason::InputMissing);
    }
}
