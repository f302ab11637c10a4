//! A listener whose connections can be cut from inside: faults that only a client's transport sees.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

use super::tls::{self, Io};

/// Connections that have begun and wait to be served.
const BEGUN: usize = 64;

/// The handle by which a request cuts the connection it came over.
#[derive(Clone, Debug, Default)]
pub struct Wire {
    cut: Arc<AtomicBool>,
    secure: bool,
}

impl Wire {
    /// Ends the connection at the next byte that would be written.
    pub fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
    }

    /// Whether it is over TLS.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    fn check(&self) -> io::Result<()> {
        if self.cut.load(Ordering::SeqCst) {
            Err(io::ErrorKind::ConnectionReset.into())
        } else {
            Ok(())
        }
    }
}

type Begun = (CuttableStream, SocketAddr);

/// A TCP listener of connections that can be cut.
pub struct CuttableListener {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    begun: (mpsc::Sender<Begun>, mpsc::Receiver<Begun>),
}

impl std::fmt::Debug for CuttableListener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("CuttableListener")
            .field(&self.listener)
            .finish()
    }
}

impl CuttableListener {
    /// With `tls`, connections may speak it.
    pub fn new(listener: TcpListener, tls: Option<TlsAcceptor>) -> Self {
        Self {
            listener,
            tls,
            begun: mpsc::channel(BEGUN),
        }
    }

    /// Begins a connection beside the others: a client that is slow to shake hands holds up none.
    fn begin(&self, stream: TcpStream, address: SocketAddr, tls: &TlsAcceptor) {
        let (tls, begun) = (tls.clone(), self.begun.0.clone());
        tokio::spawn(async move {
            match tls::open(stream, &tls).await {
                Ok((stream, secure)) => {
                    let wire = Wire {
                        secure,
                        ..Wire::default()
                    };
                    if begun
                        .send((CuttableStream { stream, wire }, address))
                        .await
                        .is_err()
                    {
                        tracing::debug!("a connection began when the simulator had ended");
                    }
                }
                Err(error) => {
                    tracing::debug!(%error, "a connection to the simulator did not begin");
                }
            }
        });
    }
}

/// A connection that can be cut.
pub struct CuttableStream {
    stream: Box<dyn Io>,
    wire: Wire,
}

impl Listener for CuttableListener {
    type Io = CuttableStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let accepted = tokio::select! {
                Some(begun) = self.begun.1.recv() => return begun,
                accepted = Listener::accept(&mut self.listener) => accepted,
            };
            let (stream, address) = accepted;
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "small packets may wait on a simulator connection");
            }
            if let Some(tls) = &self.tls {
                self.begin(stream, address, tls);
            } else {
                let (stream, wire) = (Box::new(stream), Wire::default());
                return (CuttableStream { stream, wire }, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

impl Connected<IncomingStream<'_, CuttableListener>> for Wire {
    fn connect_info(stream: IncomingStream<'_, CuttableListener>) -> Self {
        stream.io().wire.clone()
    }
}

impl AsyncRead for CuttableStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for CuttableStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.wire.check()?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.wire.check()?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
