//! The way back for the result of a direct method.

use std::fmt;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::HubError;
use super::limits::MAX_METHOD_RESULT_BYTES;

/// A result on its way to the hub.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MethodResult {
    /// The link over which the call came.
    pub(super) link: u64,
    /// The hub's request id, verbatim.
    pub(super) request: String,
    /// Status for the caller.
    pub(super) status: u16,
    /// JSON text.
    pub(super) body: Vec<u8>,
}

/// Answers one call of a direct method, once. If it is dropped unused, the caller gets status 500
/// at once instead of waiting for its timeout.
pub struct MethodReply {
    link: u64,
    request: String,
    /// Unbounded, because it holds at most one result for each call that the hub made.
    results: mpsc::UnboundedSender<MethodResult>,
    answered: bool,
}

impl MethodReply {
    pub(super) fn new(
        link: u64,
        request: String,
        results: mpsc::UnboundedSender<MethodResult>,
    ) -> MethodReply {
        MethodReply {
            link,
            request,
            results,
            answered: false,
        }
    }

    /// Sends `payload` with `status` (an HTTP-like number). It goes nowhere if the link over
    /// which the call came is gone: the hub has then told the caller already.
    ///
    /// # Errors
    /// The payload is larger than a hub accepts; the caller gets status 500.
    pub fn send(mut self, status: u16, payload: &Value) -> Result<(), HubError> {
        let body = payload.to_string().into_bytes();
        if body.len() > MAX_METHOD_RESULT_BYTES {
            return Err(HubError::TooLarge {
                what: "a method's result",
                size: body.len(),
                limit: MAX_METHOD_RESULT_BYTES,
            });
        }
        self.put(status, body);
        Ok(())
    }

    /// Sends an error's text with `status`.
    pub(super) fn refuse(mut self, status: u16, reason: &str) {
        self.put(status, json!({ "error": reason }).to_string().into_bytes());
    }

    fn put(&mut self, status: u16, body: Vec<u8>) {
        self.answered = true;
        // When nobody takes it any more, the client is closed and the link with it.
        let _ = self.results.send(MethodResult {
            link: self.link,
            request: std::mem::take(&mut self.request),
            status,
            body,
        });
    }
}

impl Drop for MethodReply {
    fn drop(&mut self) {
        if !self.answered {
            let body = json!({"error": "no result could be given"}).to_string();
            self.put(500, body.into_bytes());
        }
    }
}

impl fmt::Debug for MethodReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MethodReply")
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply() -> (MethodReply, mpsc::UnboundedReceiver<MethodResult>) {
        let (results, taken) = mpsc::unbounded_channel();
        (MethodReply::new(3, "r".into(), results), taken)
    }

    #[test]
    fn a_result_is_sent_once_with_its_status() {
        let (reply, mut taken) = reply();
        reply.send(200, &json!({"ok": true})).unwrap();
        let result = taken.try_recv().unwrap();
        assert_eq!(
            (result.link, result.status, result.body.as_slice()),
            (3, 200, &b"{\"ok\":true}"[..])
        );
        assert!(taken.try_recv().is_err());
    }

    #[test]
    fn a_call_that_nobody_answers_is_answered_with_500() {
        let (reply, mut taken) = reply();
        drop(reply);
        assert_eq!(taken.try_recv().unwrap().status, 500);
    }

    #[test]
    fn a_result_that_is_too_large_is_an_error_here_and_500_there() {
        let (reply, mut taken) = reply();
        let payload = json!("x".repeat(MAX_METHOD_RESULT_BYTES));
        assert!(matches!(
            reply.send(200, &payload),
            Err(HubError::TooLarge { .. })
        ));
        assert_eq!(taken.try_recv().unwrap().status, 500);
    }
}
