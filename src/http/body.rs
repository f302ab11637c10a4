//! Request bodies: bounded in size and time, JSON, or a SCIM error.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{HeaderMap, header},
};
use futures_util::StreamExt as _;
use http_body_util::BodyExt as _;
use serde_json::Value;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{limits::Limits, server::pace::Pace};
use crate::{
    heavy,
    scim::error::{Error, Kind},
};

/// What is taken of a body that is too large, and thrown away, and for how long: a client that is
/// still sending when the connection closes never sees the answer.
const DRAINED: usize = 64 << 20;
const DRAIN_TIME: Duration = Duration::from_secs(5);
/// Bodies that are thrown away at once.
const DRAINS: usize = 64;
/// The unit in which held bytes are counted.
const KIB: usize = 1 << 10;

/// The bodies that are being received and worked on.
#[derive(Debug)]
pub struct Bodies {
    limits: Arc<Limits>,
    held: Arc<Semaphore>,
    drains: Arc<Semaphore>,
    stopping: CancellationToken,
}

/// A body, with its share of the bytes that may be held at once.
#[derive(Debug)]
pub struct Held {
    /// The JSON object.
    pub value: Value,
    /// Its share; dropping it gives it back.
    pub share: Option<OwnedSemaphorePermit>,
}

impl Bodies {
    /// None is held; when `stopping` is cancelled, none is waited for.
    pub fn new(limits: Arc<Limits>, stopping: CancellationToken) -> Self {
        let kib = (limits.bodies / KIB).clamp(1, Semaphore::MAX_PERMITS);
        Self {
            held: Arc::new(Semaphore::new(kib)),
            drains: Arc::new(Semaphore::new(DRAINS)),
            limits,
            stopping,
        }
    }

    /// Reads a JSON object.
    ///
    /// # Errors
    /// 415 for another media type or a coded body, 413 for a larger body, 408 for one that does
    /// not come, 503 when too much is held already, `invalidSyntax` for what is no JSON object.
    pub async fn read(&self, headers: &HeaderMap, body: Body) -> Result<Held, Error> {
        check_media(headers)?;
        let most = self.limits.body;
        let too_large = || {
            let text = format!("the request body is larger than {most} bytes");
            Error::new(Kind::TooLarge, text)
        };
        if announced(headers).is_some_and(|length| length > most) {
            self.drain(body);
            return Err(too_large());
        }
        let (bytes, share) = match self.collect(body).await {
            Ok(whole) => whole,
            Err(Broken::TooLarge(rest)) => {
                self.drain(rest);
                return Err(too_large());
            }
            Err(Broken::Cut) => {
                return Err(Error::invalid_syntax(
                    "the request body did not arrive whole",
                ));
            }
            Err(Broken::TooSlow) => {
                return Err(Error::new(
                    Kind::RequestTimeout,
                    "the request body came too slowly",
                ));
            }
            Err(Broken::NoRoom) => {
                return Err(Error::new(
                    Kind::Unavailable,
                    "too many request bodies are worked on at once",
                ));
            }
            Err(Broken::Stopping) => {
                return Err(Error::new(Kind::Unavailable, "the server is stopping"));
            }
        };
        let much = bytes.len() > heavy::MANY_BYTES;
        let over = Instant::now() + self.limits.body_time;
        let read = heavy::run(much, over, move || serde_json::from_slice::<Value>(&bytes)).await;
        let value = read
            .map_err(|ended| Error::new(Kind::Unavailable, ended.to_string()))?
            .map_err(|e| Error::invalid_syntax(format!("the request body is not JSON: {e}")))?;
        if !value.is_object() {
            return Err(Error::invalid_syntax(
                "the request body is not a JSON object",
            ));
        }
        Ok(Held { value, share })
    }

    async fn collect(
        &self,
        mut body: Body,
    ) -> Result<(Vec<u8>, Option<OwnedSemaphorePermit>), Broken> {
        let Limits {
            body: most,
            body_time,
            min_rate,
            ..
        } = *self.limits;
        let over = Instant::now() + body_time;
        // A third of the time may pass in silence.
        let mut pace = Pace::new(body_time / 3, min_rate);
        let mut bytes = Vec::new();
        let mut share: Option<OwnedSemaphorePermit> = None;
        loop {
            let began = Instant::now();
            let frame = tokio::select! {
                frame = body.frame() => frame,
                () = tokio::time::sleep_until(over.min(began + pace.left())) => {
                    return Err(Broken::TooSlow);
                }
                () = self.stopping.cancelled() => return Err(Broken::Stopping),
            };
            let Some(frame) = frame else {
                return Ok((bytes, share));
            };
            let Ok(frame) = frame.map_err(|_| Broken::Cut)?.into_data() else {
                continue; // trailers
            };
            pace.moved(began.elapsed(), frame.len());
            if bytes.len() + frame.len() > most {
                return Err(Broken::TooLarge(body));
            }
            let held = share.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
            let needed = (bytes.len() + frame.len()).div_ceil(KIB);
            if needed > held {
                let more = u32::try_from(needed - held).map_err(|_| Broken::NoRoom)?;
                let more = Arc::clone(&self.held).try_acquire_many_owned(more);
                let more = more.map_err(|_| Broken::NoRoom)?;
                match &mut share {
                    Some(share) => share.merge(more),
                    None => share = Some(more),
                }
            }
            bytes.extend_from_slice(&frame);
        }
    }

    /// Throws the rest away beside the answer.
    fn drain(&self, body: Body) {
        let Ok(place) = Arc::clone(&self.drains).try_acquire_owned() else {
            return;
        };
        tokio::spawn(async move {
            let mut frames = body.into_data_stream();
            let all = async {
                let mut dropped = 0;
                while let Some(Ok(frame)) = frames.next().await {
                    dropped += frame.len();
                    if dropped > DRAINED {
                        break;
                    }
                }
            };
            if tokio::time::timeout(DRAIN_TIME, all).await.is_err() {
                tracing::debug!("a body that is too large was not drained in time");
            }
            drop(place);
        });
    }
}

fn check_media(headers: &HeaderMap) -> Result<(), Error> {
    let text = |name| headers.get(name).and_then(|v| v.to_str().ok());
    let content_type = text(header::CONTENT_TYPE).unwrap_or_default();
    let media = content_type.split(';').next().unwrap_or_default();
    let media = media.trim().to_ascii_lowercase();
    if !matches!(
        media.as_str(),
        "application/scim+json" | "application/json" | ""
    ) {
        return Err(Error::new(
            Kind::UnsupportedMediaType,
            format!("'{media}' is not taken: send application/scim+json"),
        ));
    }
    let coding = text(header::CONTENT_ENCODING).unwrap_or("identity").trim();
    if !coding.eq_ignore_ascii_case("identity") {
        let shown: String = coding.chars().take(40).collect();
        return Err(Error::new(
            Kind::UnsupportedMediaType,
            format!("a body coded as '{shown}' is not taken: send it as it is"),
        ));
    }
    Ok(())
}

fn announced(headers: &HeaderMap) -> Option<usize> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

/// Why a body was not read.
enum Broken {
    TooLarge(Body),
    Cut,
    TooSlow,
    NoRoom,
    Stopping,
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;
    use futures_util::stream;

    use super::*;

    fn bodies(body: usize, held: usize) -> Bodies {
        let limits = Limits {
            body,
            bodies: held,
            ..Limits::default()
        };
        Bodies::new(Arc::new(limits), CancellationToken::new())
    }

    async fn kind(bodies: &Bodies, headers: &HeaderMap, body: Body) -> Option<Kind> {
        bodies.read(headers, body).await.err().map(|e| e.kind)
    }

    #[tokio::test]
    async fn bodies_of_every_kind() {
        let long = r#"{"a":"0123456789012345678901234567890123456789"}"#;
        for (media, coding, body, expected) in [
            ("application/scim+json; charset=utf-8", "", "{}", None),
            ("application/json", "identity", r#"{"a":1}"#, None),
            ("", "", "{}", None),
            ("text/xml", "", "{}", Some(Kind::UnsupportedMediaType)),
            ("", "gzip", "{}", Some(Kind::UnsupportedMediaType)),
            ("application/json", "", "{\"a\":", Some(Kind::InvalidSyntax)),
            ("application/json", "", "[]", Some(Kind::InvalidSyntax)),
            ("application/json", "", "", Some(Kind::InvalidSyntax)),
            ("application/json", "", long, Some(Kind::TooLarge)),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in [
                (header::CONTENT_TYPE, media),
                (header::CONTENT_ENCODING, coding),
            ] {
                if !value.is_empty() {
                    headers.insert(name, value.parse().unwrap());
                }
            }
            let got = kind(&bodies(32, 1 << 20), &headers, Body::from(body)).await;
            assert_eq!(got, expected, "{media} {coding} {body}");
        }
    }

    #[tokio::test]
    async fn deep_json_is_an_error_not_a_crash() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        let got = kind(
            &bodies(1 << 20, 1 << 20),
            &HeaderMap::new(),
            Body::from(deep),
        )
        .await;
        assert_eq!(got, Some(Kind::InvalidSyntax));
    }

    /// A body in pieces, with the seconds before each.
    fn pieces(every: u64, piece: &'static [u8], count: usize) -> Body {
        let pieces = stream::iter(0..count).then(move |_| async move {
            tokio::time::sleep(Duration::from_secs(every)).await;
            Ok::<_, std::io::Error>(Bytes::from_static(piece))
        });
        Body::from_stream(pieces)
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_have_their_time() {
        let bodies = bodies(1 << 20, 1 << 20);
        for (every, piece, took) in [(60, &b" "[..], 10), (1, b" ", 10), (1, &[b' '; 2048], 30)] {
            let started = Instant::now();
            let got = kind(&bodies, &HeaderMap::new(), pieces(every, piece, 1000)).await;
            assert_eq!(got, Some(Kind::RequestTimeout));
            let seconds = started.elapsed().as_secs();
            assert!((took..took + 2).contains(&seconds), "{seconds}");
        }
        bodies.stopping.cancel();
        let got = kind(&bodies, &HeaderMap::new(), pieces(1, b" ", 9)).await;
        assert_eq!(got, Some(Kind::Unavailable));
    }

    #[tokio::test]
    async fn held_bytes_are_bounded_and_come_back() {
        let bodies = bodies(4096, 4096);
        let body = || Body::from(format!("{{\"a\":\"{}\"}}", "x".repeat(3000)));
        let first = bodies.read(&HeaderMap::new(), body()).await.unwrap();
        let second = kind(&bodies, &HeaderMap::new(), body()).await;
        assert_eq!(second, Some(Kind::Unavailable));
        drop(first);
        assert!(bodies.read(&HeaderMap::new(), body()).await.is_ok());
    }
}
