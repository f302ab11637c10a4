//! The server below the router: accepts connections, bounds them, ends them.

mod activity;
mod connection;
mod counters;
mod guarded;
pub mod pace;
mod peers;

use std::{future::Future, io, sync::Arc, time::Duration};

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{forwarded::Proxies, limits::Limits};
use counters::{Counters, Seldom};
use peers::{Full, Peers};

/// How long nothing is accepted when the machine has no room for a connection.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until `shutdown` completes, then lets requests under way finish. What is half sent (the
/// head of a request, its body) is not waited for: `stopping` is cancelled when it begins.
pub async fn serve(
    router: Router,
    limits: Arc<Limits>,
    proxies: Arc<Proxies>,
    listener: TcpListener,
    stopping: CancellationToken,
    shutdown: impl Future<Output = ()> + Send,
) {
    let counters = Arc::new(Counters::default());
    let peers = Peers::new(limits.connections, limits.connections_per_peer);
    let protocol = connection::protocol(&limits);
    let connections = TaskTracker::new();
    let (failed, full) = (Seldom::default(), Seldom::default());
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => break,
        };
        let (socket, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                let total = Counters::count(&counters.accept_errors);
                if let Some(left_out) = failed.due() {
                    tracing::error!(%error, total, left_out, "no connection can be accepted");
                }
                if !is_of_the_peer(&error) {
                    tokio::time::sleep(PAUSE).await;
                }
                continue;
            }
        };
        Counters::count(&counters.accepted);
        let place = match peers.enter(address.ip(), proxies.trusts(address.ip())) {
            Ok(place) => place,
            Err(which) => {
                let total = Counters::count(&counters.refused);
                if let Some(left_out) = full.due() {
                    let key = match which {
                        Full::All => "server.max_connections",
                        Full::Peer => "server.max_connections_per_peer",
                    };
                    tracing::warn!(peer = %address.ip(), key, total, left_out, "a connection was closed: too many");
                }
                drop(socket);
                continue;
            }
        };
        at_once(&socket);
        let serving = connection::serve(
            protocol.clone(),
            router.clone(),
            socket,
            address,
            Arc::clone(&limits),
            Arc::clone(&counters),
            stopping.clone(),
        );
        connections.spawn(async move {
            serving.await;
            drop(place);
        });
    }
    drop(listener);
    stopping.cancel();
    connections.close();
    connections.wait().await;
    let count =
        |counter: &std::sync::atomic::AtomicU64| counter.load(std::sync::atomic::Ordering::Relaxed);
    tracing::info!(
        accepted = count(&counters.accepted),
        refused = count(&counters.refused),
        accept_errors = count(&counters.accept_errors),
        timed_out = count(&counters.timed_out),
        open = peers.open(),
        "connections are closed"
    );
}

/// Answers are small and wanted now.
fn at_once(socket: &TcpStream) {
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
}

/// Whether the connection failed, not the listener.
fn is_of_the_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}
