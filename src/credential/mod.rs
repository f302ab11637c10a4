//! Floor 3: Entra tokens. In: which credential and which authority. Out: a bearer token that is
//! valid now, or an error that says whose fault it is.
//!
//! `azure_identity` talks to Entra; [`build`] puts our own cache in front of it, because the
//! library's cache gives up a token that is still good when its refresh fails, makes callers queue
//! behind a failing endpoint, and cannot be told that Graph refused a token.

mod azure;
mod cache;
mod certificate;
mod error;
mod sane;
mod transport;

#[cfg(test)]
pub(crate) mod tests;

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use secrecy::SecretString;
use time::OffsetDateTime;
use url::Url;

pub use certificate::CertificateInfo;
pub use error::{Error, Kind};

use crate::base::clock::SharedClock;

/// Which identity asks for tokens, and how it proves itself.
#[derive(Clone, Debug)]
pub enum Settings {
    /// The identity of the Azure host: App Service when `IDENTITY_ENDPOINT` and `IDENTITY_HEADER`
    /// are set, else the instance metadata service of a virtual machine.
    ManagedIdentity {
        /// The client id of a user-assigned identity; `None` is the system-assigned one.
        client_id: Option<String>,
    },
    /// An app registration with a certificate.
    Certificate {
        /// The Entra tenant id or one of its domain names.
        tenant_id: String,
        /// The application (client) id.
        client_id: String,
        /// Certificate and private key, PEM or PFX (PKCS#12).
        certificate: CertificateSource,
        /// The password of a PFX. PEM keys must not be encrypted.
        password: Option<SecretString>,
    },
    /// An app registration with a client secret.
    ClientSecret {
        /// The Entra tenant id or one of its domain names.
        tenant_id: String,
        /// The application (client) id.
        client_id: String,
        /// The secret's value (not its id).
        secret: SecretString,
    },
    /// A federated token, as Kubernetes projects it. What is `None` comes from
    /// `AZURE_TENANT_ID`, `AZURE_CLIENT_ID`, `AZURE_FEDERATED_TOKEN_FILE`.
    WorkloadIdentity {
        /// The Entra tenant id.
        tenant_id: Option<String>,
        /// The application (client) id.
        client_id: Option<String>,
        /// The file that holds the federated token.
        token_file: Option<PathBuf>,
    },
    /// Whoever is signed in to the Azure CLI. For development.
    AzureCli {
        /// The tenant to sign in to; `None` is the CLI's own default.
        tenant_id: Option<String>,
    },
}

/// Where certificate and private key come from.
#[derive(Clone, Debug)]
pub enum CertificateSource {
    /// A PEM or PFX file, read again at each token refresh, so that it can be replaced in place.
    Path(PathBuf),
    /// PEM text, or a PFX in base64.
    Inline(SecretString),
}

/// Where tokens are asked for, and for what.
#[derive(Clone, Debug)]
pub struct Endpoints {
    /// The sign-in host, such as `https://login.microsoftonline.com`. `http` is accepted for
    /// loopback hosts only. Not used by managed identities and the Azure CLI.
    pub authority: Url,
    /// The scope, such as `https://graph.microsoft.com/.default`.
    pub scope: String,
}

/// An access token and its end.
#[derive(Clone, Debug)]
pub struct Bearer {
    /// The token itself.
    pub token: SecretString,
    /// When it stops being valid.
    pub expires_on: OffsetDateTime,
}

/// Something that supplies tokens for one scope.
#[async_trait]
pub trait TokenSource: Send + Sync {
    /// A token that has not expired.
    ///
    /// # Errors
    ///
    /// [`Error`] with its [`Kind`] when there is no valid token and none can be had now.
    async fn bearer(&self) -> Result<Bearer, Error>;

    /// Drops `rejected` if it is still the current token, so that the next [`Self::bearer`] asks
    /// for a new one. For use after a 401. Many callers may report the same token: only the first
    /// has an effect.
    async fn invalidate(&self, rejected: &Bearer);
}

/// What a credential is, without asking anyone: for `check` and for the log at start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// `managed identity`, `certificate`, `client secret`, `workload identity`, `Azure CLI`.
    pub kind: &'static str,
    /// The tenant, when configured.
    pub tenant_id: Option<String>,
    /// The client id, when configured.
    pub client_id: Option<String>,
    /// The certificate, for that kind.
    pub certificate: Option<CertificateInfo>,
}

/// Describes `settings`; reads the certificate, if there is one, and checks that the private key
/// belongs to it. An expired certificate is described, not refused.
///
/// # Errors
///
/// [`Kind::Misconfigured`] when the certificate cannot be read.
pub fn describe(settings: &Settings) -> Result<Description, Error> {
    let (tenant_id, client_id, certificate) = match settings {
        Settings::ManagedIdentity { client_id } => (None, client_id.clone(), None),
        Settings::Certificate {
            tenant_id,
            client_id,
            certificate,
            password,
        } => {
            let loaded = certificate::Loaded::read(certificate, password.as_ref())?;
            (
                Some(tenant_id.clone()),
                Some(client_id.clone()),
                Some(loaded.info),
            )
        }
        Settings::ClientSecret {
            tenant_id,
            client_id,
            ..
        } => (Some(tenant_id.clone()), Some(client_id.clone()), None),
        Settings::WorkloadIdentity {
            tenant_id,
            client_id,
            ..
        } => (tenant_id.clone(), client_id.clone(), None),
        Settings::AzureCli { tenant_id } => (tenant_id.clone(), None, None),
    };
    Ok(Description {
        kind: settings.kind(),
        tenant_id,
        client_id,
        certificate,
    })
}

/// The token source for `settings`, with its cache. `http` carries the requests to Entra; managed
/// identities use a connection of their own, past any proxy. Nothing is sent yet, but files and
/// environment are read, so that a broken configuration shows at start.
///
/// The source spawns its refreshes on the Tokio runtime of the caller of [`TokenSource::bearer`].
///
/// # Errors
///
/// [`Kind::Misconfigured`] naming what is wrong; an expired certificate is one.
pub fn build(
    settings: &Settings,
    endpoints: &Endpoints,
    http: reqwest::Client,
    clock: SharedClock,
) -> Result<Arc<dyn TokenSource>, Error> {
    let mint = azure::AzureMint::new(settings, endpoints, http, Arc::clone(&clock))?;
    Ok(Arc::new(cache::Cached::new(Arc::new(mint), clock)))
}

impl Settings {
    /// The kind in words, as in [`Description::kind`].
    pub fn kind(&self) -> &'static str {
        match self {
            Self::ManagedIdentity { .. } => "managed identity",
            Self::Certificate { .. } => "certificate",
            Self::ClientSecret { .. } => "client secret",
            Self::WorkloadIdentity { .. } => "workload identity",
            Self::AzureCli { .. } => "Azure CLI",
        }
    }
}
