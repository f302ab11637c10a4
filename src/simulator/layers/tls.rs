//! TLS with a certificate of the simulator's own making, on the port that speaks plain HTTP too: the
//! first bytes of a connection tell. A `CONNECT` to one of Microsoft's hosts is answered here, so that
//! clients that keep Microsoft's addresses need only a proxy and a certificate authority.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// Hosts that the simulator stands for.
const HOSTS: [&str; 8] = [
    "localhost",
    "graph.microsoft.com",
    "login.microsoftonline.com",
    "login.windows.net",
    "login.microsoft.com",
    "sts.windows.net",
    "management.azure.com",
    "management.core.windows.net",
];
/// The first byte of a TLS handshake record.
const HANDSHAKE: u8 = 0x16;
/// How long a client may take to begin.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest head of a `CONNECT`.
const MAX_HEAD: usize = 8 * 1024;

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// No certificate could be made.
    #[error("no certificate could be made")]
    Certificate(#[from] rcgen::Error),
    /// The library refuses it.
    #[error("the certificate is of no use")]
    Settings(#[from] rustls::Error),
    /// The certificate authority cannot be written.
    #[error("the certificate authority cannot be written")]
    File(#[from] io::Error),
}

/// A byte stream under HTTP.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// Makes an authority and a certificate of it, and writes the authority's certificate to a file.
///
/// # Errors
/// A [`TlsError`].
pub fn acceptor(authority_file: &Path) -> Result<TlsAcceptor, TlsError> {
    let authority_key = KeyPair::generate()?;
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let name = &mut authority.distinguished_name;
    name.push(DnType::CommonName, "entra-scim simulator");
    let shown = authority.self_signed(&authority_key)?;
    std::fs::write(authority_file, shown.pem())?;

    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(HOSTS.map(str::to_owned).to_vec())?;
    for address in [
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::LOCALHOST),
    ] {
        params.subject_alt_names.push(SanType::IpAddress(address));
    }
    params.use_authority_key_identifier_extension = true;
    let issuer = Issuer::new(authority, authority_key);
    let certificate = params.signed_by(&key, &issuer)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// A connection as HTTP is to see it, and whether it is over TLS.
///
/// # Errors
/// When the client says nothing in time, or what it says is neither.
pub async fn open(stream: TcpStream, tls: &TlsAcceptor) -> io::Result<(Box<dyn Io>, bool)> {
    tokio::time::timeout(PATIENCE, begin(stream, tls)).await?
}

async fn begin(mut stream: TcpStream, tls: &TlsAcceptor) -> io::Result<(Box<dyn Io>, bool)> {
    let mut first = [0; 1];
    stream.peek(&mut first).await?;
    if first[0] == b'C' {
        connect(&mut stream).await?;
    } else if first[0] != HANDSHAKE {
        return Ok((Box::new(stream), false));
    }
    Ok((Box::new(tls.accept(stream).await?), true))
}

/// Answers `CONNECT host:port`, which no other method of HTTP begins like.
async fn connect(stream: &mut TcpStream) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
        if head.len() > MAX_HEAD {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    let text = String::from_utf8_lossy(&head);
    let target = text.split(' ').nth(1).unwrap_or_default();
    let host = target.rsplit_once(':').map_or(target, |(host, _)| host);
    if HOSTS.iter().any(|known| host.eq_ignore_ascii_case(known)) || host == "127.0.0.1" {
        stream
            .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
            .await
    } else {
        stream
            .write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            .await?;
        Err(io::ErrorKind::PermissionDenied.into())
    }
}
