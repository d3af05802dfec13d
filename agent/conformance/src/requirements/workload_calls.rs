//! What a module that ran asked of its workload socket: the trace that the IoT module SDK leaves.

use crate::finding::{Reason, Unseen};
use crate::observation::WorkloadRequest;
use crate::record::Record;

/// The requests seen while the module ran.
///
/// # Errors
/// Nobody listened, or the module never ran: then no request means nothing.
pub(super) fn requests(record: &Record) -> Result<&[WorkloadRequest], Unseen> {
    let requests = record.observations.workload.get()?;
    let ran = |start: &crate::observation::Start| start.running.is_some();
    if requests.is_empty() && !record.observations.starts.iter().any(ran) {
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
