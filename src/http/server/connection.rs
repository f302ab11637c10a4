//! One connection, from the accepted socket to its end.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::Request, response::Response};
use http_body_util::BodyExt as _;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tower::{ServiceExt as _, service_fn};

use super::{
    super::{forwarded::Peer, limits::Limits},
    activity::Activity,
    counters::Counters,
    guarded::Guarded,
    pace::Pace,
};

/// How long the last bytes of an answer have when a connection is ended from here.
const LINGER: Duration = Duration::from_millis(500);
/// What a head may hold, as lines and bytes; beyond it 431.
const MAX_HEADERS: usize = 100;
const MAX_HEAD_BYTES: usize = 64 << 10;
/// Requests at once in one HTTP/2 connection.
const MAX_STREAMS: u32 = 64;

/// How HTTP is spoken.
pub fn protocol(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    if !limits.http2 {
        builder = builder.http1_only();
    }
    builder
        .http1()
        .timer(TokioTimer::new())
        // Silence between requests; the time of a head that has begun is the socket's.
        .header_read_timeout(limits.idle_time.max(limits.header_time))
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(u32::try_from(MAX_HEAD_BYTES).unwrap_or(u32::MAX))
        .keep_alive_interval(limits.header_time)
        .keep_alive_timeout(limits.header_time);
    builder
}

/// Serves the connection to its end: the peer's, its silence, or `stopping`, which lets requests
/// under way finish and waits for nothing that is half sent.
pub async fn serve(
    protocol: auto::Builder<TokioExecutor>,
    router: Router,
    socket: TcpStream,
    address: SocketAddr,
    limits: Arc<Limits>,
    counters: Arc<Counters>,
    stopping: CancellationToken,
) {
    let activity = Activity::new();
    // HTTP/2 has frames between requests that are no heads.
    let header_time = if limits.http2 {
        limits.idle_time.max(limits.header_time)
    } else {
        limits.header_time
    };
    let pace = Pace::new(limits.write_time, limits.min_rate);
    let socket = Guarded::new(socket, Arc::clone(&activity), header_time, pace);
    let of_service = Arc::clone(&activity);
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        let under_way = of_service.begin();
        let router = router.clone();
        async move {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(Peer(address.ip()));
            let Ok(response): Result<Response, Infallible> = router.oneshot(request).await;
            let body = response.map(|body| {
                body.map_frame(move |frame| {
                    let _ends_with_the_body = &under_way;
                    frame
                })
            });
            Ok::<_, Infallible>(body)
        }
    });
    let service = TowerToHyperService::new(service);
    let connection = protocol.serve_connection(TokioIo::new(socket), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = activity.quiet_for(limits.idle_time) => None,
        () = stopping.cancelled() => None,
    };
    let ended = if let Some(ended) = ended {
        ended
    } else {
        connection.as_mut().graceful_shutdown();
        tokio::select! {
            ended = connection => ended,
            () = activity.quiet_for(LINGER) => return,
        }
    };
    if let Err(error) = ended {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error.as_ref());
        while let Some(error) = cause {
            let is_slow = error
                .downcast_ref::<std::io::Error>()
                .is_some_and(|e| e.kind() == std::io::ErrorKind::TimedOut)
                || error
                    .downcast_ref::<hyper::Error>()
                    .is_some_and(hyper::Error::is_timeout);
            if is_slow {
                Counters::count(&counters.timed_out);
                break;
            }
            cause = error.source();
        }
        tracing::debug!(peer = %address.ip(), %error, "a connection ended");
    }
}
