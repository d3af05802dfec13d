//! Requests whose JSON passes byte for byte, in both directions, over the engine's unix socket.
//!
//! Source of the paths: Docker Engine API reference. Unversioned paths mean the engine's newest API version.

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, Response};
use serde_json::Value;
use tokio::time::timeout;

use crate::error::{Doing, EngineError};

/// No answer that edgeproof reads whole is larger.
const LARGEST_ANSWER: usize = 16 << 20;

/// GETs a path; `None` stands for status 404.
pub(crate) async fn look_up(doing: &Doing, path: &str) -> Result<Option<Value>, EngineError> {
    match get(doing, path).await {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// GETs a path.
pub(crate) async fn get(doing: &Doing, path: &str) -> Result<Value, EngineError> {
    exchange(doing, Method::GET, path, None).await
}

/// POSTs a JSON document to a path.
pub(crate) async fn post(doing: &Doing, path: &str, body: &Value) -> Result<Value, EngineError> {
    let body = serde_json::to_vec(body).map_err(|error| doing.malformed(error))?;
    exchange(doing, Method::POST, path, Some(body)).await
}

/// GETs a path and hands out the body as it comes. Dropping the body ends the request.
pub(crate) async fn stream(doing: &Doing, path: &str) -> Result<Incoming, EngineError> {
    let response = timeout(doing.limit, send(doing, Method::GET, path, None))
        .await
        .map_err(|_| doing.timed_out())??;
    if response.status().is_success() {
        return Ok(response.into_body());
    }
    let status = response.status().as_u16();
    let text = whole(doing, response).await?;
    Err(doing.refused(status, message_of(&text)))
}

async fn exchange(
    doing: &Doing,
    method: Method,
    path: &str,
    body: Option<Vec<u8>>,
) -> Result<Value, EngineError> {
    let both = async {
        let response = send(doing, method, path, body).await?;
        let status = response.status();
        let text = whole(doing, response).await?;
        if !status.is_success() {
            return Err(doing.refused(status.as_u16(), message_of(&text)));
        }
        serde_json::from_slice(&text).map_err(|error| doing.malformed(error))
    };
    timeout(doing.limit, both)
        .await
        .map_err(|_| doing.timed_out())?
}

async fn send(
    doing: &Doing,
    method: Method,
    path: &str,
    body: Option<Vec<u8>>,
) -> Result<Response<Incoming>, EngineError> {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, "engine");
    if body.is_some() {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    let request = request
        .body(Full::new(Bytes::from(body.unwrap_or_default())))
        .map_err(|error| doing.malformed(error))?;
    let answer = doing.line.send(request).await;
    answer.map_err(|error| doing.unanswered(&error))
}

async fn whole(doing: &Doing, response: Response<Incoming>) -> Result<Bytes, EngineError> {
    Limited::new(response.into_body(), LARGEST_ANSWER)
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .map_err(|error| doing.unreachable(error))
}

/// The engine's words: `{"message": "…"}`, or the body as it is.
fn message_of(body: &[u8]) -> String {
    let message = serde_json::from_slice::<Value>(body)
        .ok()
        .and_then(|value| Some(value.get("message")?.as_str()?.to_owned()));
    message.unwrap_or_else(|| String::from_utf8_lossy(body).trim().to_owned())
}

/// A name or reference as one piece of a request path.
///
/// # Errors
/// A name with characters that no engine object has; they could turn one request into another.
pub(crate) fn path_safe<'a>(doing: &Doing, name: &'a str) -> Result<&'a str, EngineError> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:/@".contains(&byte);
    let climbs = name.split('/').any(|part| part.is_empty() || part == "..");
    if climbs || !name.bytes().all(known) {
        return Err(EngineError::NotFound {
            action: doing.action,
            object: doing.object.clone(),
            message: "no engine object can have such a name".to_owned(),
        });
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_engine_s_message_is_taken_out_of_its_envelope() {
        assert_eq!(
            message_of(br#"{"message":"no such image"}"#),
            "no such image"
        );
        assert_eq!(message_of(b"404 page not found\n"), "404 page not found");
    }

    #[test]
    fn a_name_cannot_leave_its_place_in_the_path() {
        let doing = Doing {
            line: crate::line::Line {
                socket: "/s".into(),
                caller: crate::Caller::Probe,
                silence: crate::silence::Silence::default(),
            },
            action: "inspect",
            object: "image x".to_owned(),
            limit: Duration::from_secs(1),
        };
        for good in ["abc", "localhost:5000/a/b:1.0", "a@sha256:00"] {
            assert!(path_safe(&doing, good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "a b",
            "a?force=1",
            "../info",
            "a/../b",
            "a#b",
            "/a",
            "a\n",
        ] {
            assert!(path_safe(&doing, bad).is_err(), "{bad}");
        }
    }
}
