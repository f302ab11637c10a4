//! `healthcheck`: a container's probe, so that its image needs no other HTTP client.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::ConfigArg;

const PATIENCE: Duration = Duration::from_secs(3);

pub(super) async fn run(args: &ConfigArg) -> anyhow::Result<ExitCode> {
    let listen = args.load()?.server.listen;
    timeout(PATIENCE, probe(local(listen)))
        .await
        .context("the server does not answer in time")??;
    Ok(ExitCode::SUCCESS)
}

/// Where a server that listens at `listen` is reached from this machine.
fn local(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

async fn probe(at: SocketAddr) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(at)
        .await
        .with_context(|| format!("nobody listens at {at}"))?;
    stream
        .write_all(
            format!("GET /healthz HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n").as_bytes(),
        )
        .await?;
    let mut head = [0; 12];
    stream.read_exact(&mut head).await?;
    ensure!(&head == b"HTTP/1.1 200", "the server at {at} is not well");
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn tells_well_from_unwell() {
        for (answer, well) in [
            ("HTTP/1.1 200 OK\r\n\r\n", true),
            ("HTTP/1.1 503 Service Unavailable\r\n\r\n", false),
            ("", false),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let at = listener.local_addr().unwrap();
            let server = tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = [0; 512];
                let _ = stream.read(&mut request).await.unwrap();
                stream.write_all(answer.as_bytes()).await.unwrap();
            });
            assert_eq!(probe(at).await.is_ok(), well, "{answer:?}");
            server.await.unwrap();
        }
        assert!(probe("127.0.0.1:1".parse().unwrap()).await.is_err());
    }

    #[test]
    fn any_address_is_reached_by_loopback() {
        for (listen, expected) in [
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "[::1]:80"),
            ("10.0.0.1:80", "10.0.0.1:80"),
        ] {
            assert_eq!(local(listen.parse().unwrap()), expected.parse().unwrap());
        }
    }
}
