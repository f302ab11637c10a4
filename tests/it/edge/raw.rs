//! Clients that do not behave: bytes on a socket.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};

/// A connection from an address of this machine.
pub(super) async fn connect(from: &str, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    let from: IpAddr = from.parse().unwrap();
    socket.bind(SocketAddr::from((from, 0)))?;
    socket.connect(to).await
}

/// A connection that has sent this, and nothing more.
pub(super) async fn sent(to: SocketAddr, text: &str) -> TcpStream {
    let mut socket = TcpStream::connect(to).await.unwrap();
    socket.write_all(text.as_bytes()).await.unwrap();
    socket
}

/// What comes until the server closes, or `None` when it does not within the time.
pub(super) async fn until_closed(socket: &mut TcpStream, time: Duration) -> Option<String> {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(time, socket.read_to_end(&mut bytes)).await;
    match read {
        Err(_) => None,
        // Reset is closed too.
        Ok(_) => Some(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

/// What comes at first.
pub(super) async fn first_bytes(socket: &mut TcpStream, time: Duration) -> String {
    let mut bytes = vec![0; 4096];
    let read = tokio::time::timeout(time, socket.read(&mut bytes)).await;
    let length = read.ok().and_then(Result::ok).unwrap_or(0);
    String::from_utf8_lossy(&bytes[..length]).into_owned()
}

/// The head of a request with a body of `length` bytes.
pub(super) fn head(method: &str, path: &str, token: &str, length: usize) -> String {
    format!(
        "{method} /scim/v2{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/scim+json\r\nContent-Length: {length}\r\n\r\n"
    )
}
