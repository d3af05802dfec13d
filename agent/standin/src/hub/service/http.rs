//! HTTP/1.1 over TLS for the service API: requests within bounds in, answers out.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, IF_MATCH};
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::super::connection::unix_now;
use super::super::session::Shared;
use super::answer::{Answer, TOO_LARGE, TOO_SLOW, UNREADABLE};
use super::{Request, answer};

/// Largest body in bytes. The largest honest one is a configuration with the content of a few twins of 32 KB.
pub(crate) const BODY: usize = 1024 * 1024;

/// A body must have arrived within this time.
const BODY_WITHIN: Duration = Duration::from_secs(20);

/// A request's head, its first line included, must have arrived within this time; so long may a connection be idle too.
const HEAD_WITHIN: Duration = Duration::from_secs(30);

/// Largest head in bytes. Tokens and continuation tokens are far shorter.
const HEAD: usize = 32 * 1024;

/// Most headers of a request.
const HEADERS: usize = 64;

/// A connection ends after this time at the latest, whatever its client takes or leaves; the longest direct method is over by then.
const CONNECTION: Duration = Duration::from_secs(15 * 60);

/// Serves one connection until it ends, if there is a place for it.
pub(crate) async fn serve<S>(shared: &Arc<Shared>, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let Ok(_place) = shared.service.places.try_acquire() else {
        tracing::warn!("too many connections to the service API: one was dropped");
        return;
    };
    let service = service_fn(|request| respond(Arc::clone(shared), request));
    let mut http = hyper::server::conn::http1::Builder::new();
    let served = http
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(HEAD)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    match timeout(CONNECTION, served).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a client of the service API broke off"),
        Err(_) => tracing::debug!("a client of the service API had its time"),
    }
}

async fn respond(
    shared: Arc<Shared>,
    request: hyper::Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let given = match read(request).await {
        Ok(request) => answer(&shared, &request).await,
        Err(refusal) => refusal,
    };
    Ok(response(given))
}

async fn read(request: hyper::Request<Incoming>) -> Result<Request, Answer> {
    let (head, body) = request.into_parts();
    let body = match timeout(BODY_WITHIN, Limited::new(body, BODY).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let why = format!("the body is over {BODY} bytes");
            return Err(Answer::error(TOO_LARGE, why));
        }
        Ok(Err(error)) => {
            let why = format!("the body cannot be read: {error}");
            return Err(Answer::error(UNREADABLE, why));
        }
        Err(_) => return Err(Answer::error(TOO_SLOW, "the body did not arrive in time")),
    };
    let text = |name: &str| header(&head.headers, name);
    Ok(Request {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        authorization: text(AUTHORIZATION.as_str()),
        if_match: text(IF_MATCH.as_str()),
        max_items: text("x-ms-max-item-count"),
        continuation: text("x-ms-continuation"),
        now: unix_now(),
        body,
    })
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn response(answer: Answer) -> Response<Full<Bytes>> {
    let body = answer
        .body
        .map_or_else(Bytes::new, |body| body.to_string().into());
    let mut response = Response::new(Full::new(body));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, json);
    for (name, value) in answer.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
