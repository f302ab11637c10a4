//! The bridge to `azure_identity`: a fresh credential for each token, a bound on its time, and its
//! errors made clear.
//!
//! The library's credentials carry a cache that cannot be emptied. Building one per token (it is
//! only a struct) leaves caching to [`super::cache`] and picks up replaced files.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use azure_core::{
    credentials::{Secret, TokenCredential},
    error::ErrorKind,
    http::ClientMethodOptions,
};
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, ClientAssertion, ClientAssertionCredential,
    ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions,
    Executor, ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
    WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};
use secrecy::{ExposeSecret, SecretString};

use super::{
    Bearer, Endpoints, Error, Kind, Settings,
    cache::Mint,
    certificate::Loaded,
    transport::{check_authority, options},
};
use crate::base::{chain::Chain, clock::SharedClock};

/// The longest that one token may take. The metadata service's retries would take 72 seconds;
/// `check` answers within ten.
const LIMIT: Duration = Duration::from_secs(8);
/// The Azure CLI starts a Python program.
const CLI_LIMIT: Duration = Duration::from_secs(30);

/// Makes tokens through the library.
pub(super) struct AzureMint {
    settings: Settings,
    endpoints: Endpoints,
    http: reqwest::Client,
    clock: SharedClock,
    /// Replaces the Azure CLI in tests.
    executor: Option<Arc<dyn Executor>>,
    limit: Duration,
}

impl AzureMint {
    pub(super) fn new(
        settings: &Settings,
        endpoints: &Endpoints,
        http: reqwest::Client,
        clock: SharedClock,
    ) -> Result<Self, Error> {
        let kind = settings.kind();
        let http = if matches!(settings, Settings::ManagedIdentity { .. }) {
            // Link-local and per host: never through a proxy, never elsewhere.
            reqwest::Client::builder()
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .connect_timeout(Duration::from_secs(2))
                .build()
                .map_err(|e| Error::misconfigured(kind, e.without_url().to_string()))?
        } else {
            http
        };
        let mint = Self {
            limit: match settings {
                Settings::AzureCli { .. } => CLI_LIMIT,
                _ => LIMIT,
            },
            settings: settings.clone(),
            endpoints: endpoints.clone(),
            http,
            clock,
            executor: None,
        };
        // Built once for its complaints.
        mint.recipe().credential()?;
        Ok(mint)
    }

    #[cfg(test)]
    pub(super) fn with_executor(mut self, executor: Arc<dyn Executor>) -> Self {
        self.executor = Some(executor);
        self
    }

    #[cfg(test)]
    pub(super) fn with_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    fn recipe(&self) -> Recipe {
        Recipe {
            settings: self.settings.clone(),
            endpoints: self.endpoints.clone(),
            http: self.http.clone(),
            clock: Arc::clone(&self.clock),
            executor: self.executor.clone(),
        }
    }
}

#[async_trait]
impl Mint for AzureMint {
    fn name(&self) -> &'static str {
        self.settings.kind()
    }

    async fn mint(&self) -> Result<Bearer, Error> {
        let kind = self.name();
        let recipe = self.recipe();
        let scope = self.endpoints.scope.clone();
        let work = async move {
            // Reads files and, for a PFX, grinds its password.
            let credential = tokio::task::spawn_blocking(move || recipe.credential())
                .await
                .map_err(|_| {
                    Error::new(
                        Kind::Unavailable,
                        kind,
                        "reading the credential was interrupted",
                    )
                })??;
            let token = credential
                .get_token(&[&scope], None)
                .await
                .map_err(|e| translate(&e, kind))?;
            Ok(Bearer {
                token: SecretString::from(token.token.secret().to_owned()),
                expires_on: token.expires_on,
            })
        };
        tokio::time::timeout(self.limit, work)
            .await
            .unwrap_or_else(|_| {
                Err(Error::new(
                    Kind::Unavailable,
                    kind,
                    format!("no token within {} seconds", self.limit.as_secs_f32()),
                ))
            })
    }
}

/// What is needed to build a credential, for use on another thread.
struct Recipe {
    settings: Settings,
    endpoints: Endpoints,
    http: reqwest::Client,
    clock: SharedClock,
    executor: Option<Arc<dyn Executor>>,
}

impl Recipe {
    fn credential(&self) -> Result<Arc<dyn TokenCredential>, Error> {
        let kind = self.settings.kind();
        let refuse = |e: azure_core::Error| Error::misconfigured(kind, plain(&e));
        let authority = &self.endpoints.authority;
        match &self.settings {
            Settings::ManagedIdentity { .. } | Settings::AzureCli { .. } => {}
            Settings::Certificate { .. }
            | Settings::ClientSecret { .. }
            | Settings::WorkloadIdentity { .. } => {
                check_authority(authority).map_err(|what| Error::misconfigured(kind, what))?;
            }
        }
        Ok(match &self.settings {
            Settings::ManagedIdentity { client_id } => {
                ManagedIdentityCredential::new(Some(ManagedIdentityCredentialOptions {
                    user_assigned_id: client_id.clone().map(UserAssignedId::ClientId),
                    client_options: options(None, &self.http),
                }))
                .map_err(refuse)?
            }
            Settings::Certificate {
                tenant_id,
                client_id,
                certificate,
                password,
            } => {
                let loaded = Loaded::read(certificate, password.as_ref())?;
                let now = self.clock.now();
                loaded.check_dates(now)?;
                let audience = authority
                    .join(&format!("/{tenant_id}/oauth2/v2.0/token"))
                    .map_err(|_| Error::misconfigured(kind, "the tenant id is no URL segment"))?;
                let assertion = loaded.assertion(client_id, audience.as_str(), now)?;
                ClientAssertionCredential::new(
                    tenant_id.clone(),
                    client_id.clone(),
                    Assertion(assertion),
                    Some(ClientAssertionCredentialOptions {
                        client_options: options(Some(authority), &self.http),
                    }),
                )
                .map_err(refuse)?
            }
            Settings::ClientSecret {
                tenant_id,
                client_id,
                secret,
            } => ClientSecretCredential::new(
                tenant_id,
                client_id.clone(),
                Secret::new(secret.expose_secret().to_owned()),
                Some(ClientSecretCredentialOptions {
                    client_options: options(Some(authority), &self.http),
                }),
            )
            .map_err(refuse)?,
            Settings::WorkloadIdentity {
                tenant_id,
                client_id,
                token_file,
            } => WorkloadIdentityCredential::new(Some(WorkloadIdentityCredentialOptions {
                credential_options: ClientAssertionCredentialOptions {
                    client_options: options(Some(authority), &self.http),
                },
                client_id: client_id.clone(),
                tenant_id: tenant_id.clone(),
                token_file_path: token_file.clone(),
            }))
            .map_err(refuse)?,
            Settings::AzureCli { tenant_id } => {
                AzureCliCredential::new(Some(AzureCliCredentialOptions {
                    subscription: None,
                    tenant_id: tenant_id.clone(),
                    executor: self.executor.clone(),
                }))
                .map_err(refuse)?
            }
        })
    }
}

/// An assertion made beforehand.
struct Assertion(SecretString);

impl fmt::Debug for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Assertion")
    }
}

#[async_trait]
impl ClientAssertion for Assertion {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        Ok(self.0.expose_secret().to_owned())
    }
}

/// The innermost error of the library: the outer ones only add a preamble and hide the status.
fn innermost(error: &azure_core::Error) -> &azure_core::Error {
    let mut inner = error;
    while let Some(next) = inner.downcast_ref::<azure_core::Error>() {
        inner = next;
    }
    inner
}

/// The first line of the innermost message, cut to a readable length.
fn plain(error: &azure_core::Error) -> String {
    let inner = innermost(error);
    let mut text = inner.to_string();
    if let Some(cause) = inner.get_ref() {
        let said = Chain(cause).to_string();
        if cause.is::<reqwest::Error>() {
            // The library only adds the name of its HTTP client.
            text = said;
        } else if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
    }
    if matches!(inner.kind(), ErrorKind::DataConversion) {
        text = format!("the answer cannot be read: {text}");
    }
    let line = text
        .lines()
        .map(str::trim)
        .find(|l| !l.is_empty())
        .unwrap_or("no reason given");
    // Entra appends trace ids and a timestamp, which change with every answer.
    let line = line.split(" Trace ID:").next().unwrap_or(line);
    line.chars().take(400).collect()
}

/// The library's error as ours, with the code and status that it hides in its source.
fn translate(error: &azure_core::Error, credential: &'static str) -> Error {
    let message = plain(error);
    let (status, code) = match innermost(error).kind() {
        ErrorKind::HttpResponse {
            status, error_code, ..
        } => (
            Some(u16::from(*status)),
            error_code
                .as_deref()
                .and_then(|c| c.split(',').next())
                .filter(|c| !c.is_empty() && c.bytes().all(|b| b.is_ascii_digit()))
                .map(|c| format!("AADSTS{c}")),
        ),
        _ => (None, None),
    };
    let kind = match (status, code.as_deref()) {
        // No such application or tenant: nothing that Entra could grant.
        (_, Some("AADSTS700016" | "AADSTS90002" | "AADSTS900023" | "AADSTS500011")) => {
            Kind::Misconfigured
        }
        (Some(408 | 410 | 429), _) => Kind::Unavailable,
        // The metadata service: 400 is an identity that this host does not have, 404 comes and
        // goes while the service is updated.
        (Some(400), None) if credential == "managed identity" => Kind::Misconfigured,
        (Some(404), None) if credential == "managed identity" => Kind::Unavailable,
        (Some(400..=499), _) => Kind::Denied,
        (Some(_), _) => Kind::Unavailable,
        (None, _) => match innermost(error).kind() {
            ErrorKind::Credential | ErrorKind::Other => Kind::Denied,
            ErrorKind::Connection
            | ErrorKind::Io
            | ErrorKind::DataConversion
            | ErrorKind::HttpResponse { .. } => Kind::Unavailable,
        },
    };
    Error {
        kind,
        credential,
        code,
        status,
        message,
    }
}
