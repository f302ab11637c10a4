//! The tenant's sign-in: who may get a token, what the token says, and whether one shown to Graph
//! is good. Pure but for the lock around the registrations; HTTP is in [`routes`].

mod assertion;
mod keys;
pub mod managed;
mod published;
mod refusal;
pub mod routes;
mod token;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use time::{Duration, OffsetDateTime};

use crate::base::clock::SharedClock;
use crate::simulator::request::GRAPH_HOSTS;

pub use assertion::{FEDERATED_AUDIENCE, FederatedKey};
pub use keys::{Certificate, KeyError, VerifyingKey};
pub use refusal::Refusal;
pub use token::{Caller, Claims, TokenFault};

/// Application id of Microsoft Graph itself.
pub const GRAPH_APP_ID: &str = "00000003-0000-0000-c000-000000000000";
/// The only client assertion type there is (RFC 7523 section 2.2).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Azure Resource Manager in each national cloud.
const ARM_HOSTS: [&str; 3] = [
    "management.azure.com",
    "management.usgovcloudapi.net",
    "management.chinacloudapi.cn",
];
/// Sign-in hosts whose token endpoint a client may name as audience while it talks to the simulator.
const AUTHORITIES: [&str; 3] = [
    "https://login.microsoftonline.com",
    "https://login.microsoftonline.us",
    "https://login.partner.microsoftonline.cn",
];

/// A client secret, stored hashed.
#[derive(Clone, Debug)]
pub struct Secret {
    hash: [u8; 32],
    /// When it stops to work; `None` is never.
    pub expires: Option<OffsetDateTime>,
}

impl Secret {
    /// A secret by the SHA-256 of its text.
    pub fn hashed(hash: [u8; 32], expires: Option<OffsetDateTime>) -> Self {
        Self { hash, expires }
    }

    /// A secret by its text.
    pub fn new(text: &str, expires: Option<OffsetDateTime>) -> Self {
        Self {
            hash: Sha256::digest(text).into(),
            expires,
        }
    }
}

/// An application that may sign in.
#[derive(Clone, Debug, Default)]
pub struct Registration {
    /// The client id.
    pub app_id: String,
    /// The display name.
    pub name: String,
    /// Object id of the service principal.
    pub service_principal: String,
    /// Granted application permissions; they go into every new token.
    pub permissions: Vec<String>,
    /// Client secrets.
    pub secrets: Vec<Secret>,
    /// Certificates.
    pub certificates: Vec<Certificate>,
    /// Federated identity credentials.
    pub federated: Vec<FederatedKey>,
    /// Whether the machine the simulator plays has this identity (App Service, IMDS).
    pub managed: bool,
    /// Whether sign-in is switched off.
    pub disabled: bool,
}

/// A token as the endpoints hand it out.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The JWT.
    pub token: String,
    /// Lifetime in seconds.
    pub expires_in: i64,
    /// Expiry, seconds since 1970.
    pub expires_on: i64,
    /// When it begins to hold, seconds since 1970.
    pub not_before: i64,
    /// The client it is for.
    pub client_id: String,
}

/// The directory's applications, as sign-in sees them.
pub trait Applications: Send + Sync {
    /// An application by its client id, with the credentials and permissions that it was given
    /// through Graph.
    fn registration(&self, client_id: &str) -> Option<Registration>;
}

struct State {
    registrations: Vec<Registration>,
    lifetime: Duration,
    generation: u64,
}

/// The sign-in service of one tenant.
pub struct Identity {
    tenant_id: String,
    domain: String,
    clock: SharedClock,
    signer: token::Signer,
    applications: OnceLock<Arc<dyn Applications>>,
    state: Mutex<State>,
}

impl Identity {
    /// A service for the tenant with this id and initial domain.
    pub fn new(
        tenant_id: impl Into<String>,
        domain: impl Into<String>,
        lifetime: Duration,
        clock: SharedClock,
    ) -> Self {
        Self {
            tenant_id: tenant_id.into(),
            domain: domain.into(),
            clock,
            signer: token::Signer::default(),
            applications: OnceLock::new(),
            state: Mutex::new(State {
                registrations: Vec::new(),
                lifetime,
                generation: 0,
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The present moment of the simulated tenant.
    pub fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }

    /// The tenant's id.
    pub fn tenant_id(&self) -> &str {
        &self.tenant_id
    }

    /// Takes away every application that may sign in.
    pub fn forget_registrations(&self) {
        self.state().registrations.clear();
    }

    /// Adds an application, or replaces the one with the same client id.
    pub fn register(&self, registration: Registration) {
        let mut state = self.state();
        state
            .registrations
            .retain(|known| known.app_id != registration.app_id);
        state.registrations.push(registration);
    }

    /// Changes an application; `None` when it is not registered.
    pub fn change<T>(
        &self,
        app_id: &str,
        change: impl FnOnce(&mut Registration) -> T,
    ) -> Option<T> {
        self.state()
            .registrations
            .iter_mut()
            .find(|known| known.app_id.eq_ignore_ascii_case(app_id))
            .map(change)
    }

    /// A copy of an application's registration.
    pub fn find(&self, app_id: &str) -> Option<Registration> {
        self.change(app_id, |known| known.clone())
    }

    /// Where applications are looked up that nobody registered here: in the directory. A second
    /// one is not heard.
    pub fn attach(&self, applications: Arc<dyn Applications>) {
        // It would name the same directory.
        let _ = self.applications.set(applications);
    }

    /// An application with what it was given here and through Graph.
    fn registration(&self, client_id: &str) -> Option<Registration> {
        let applications = self.applications.get();
        let found = applications.and_then(|a| a.registration(client_id));
        match (self.find(client_id), found) {
            (Some(mut known), Some(found)) => {
                known.secrets.extend(found.secrets);
                known.certificates.extend(found.certificates);
                Some(known)
            }
            (known, found) => known.or(found),
        }
    }

    /// Signs tokens with a new key from now on.
    ///
    /// # Errors
    /// When the cryptography library fails.
    pub fn rotate_keys(&self) -> Result<(), String> {
        self.signer.rotate().map_err(|e| e.to_string())
    }

    /// How long tokens issued from now on live.
    pub fn set_lifetime(&self, lifetime: Duration) {
        self.state().lifetime = lifetime;
    }

    /// Makes every token issued so far fail with 401, as a revocation would.
    pub fn revoke_all(&self) {
        self.state().generation += 1;
    }

    /// Answers `POST /{tenant}/oauth2/v2.0/token`. `origin` is how the caller reached this
    /// service (`http://127.0.0.1:9400`): assertions may name it as audience, scopes as resource.
    ///
    /// # Errors
    /// A [`Refusal`] in Entra's words.
    pub fn token(
        &self,
        tenant: &str,
        origin: &str,
        form: &[(String, String)],
    ) -> Result<Issued, Refusal> {
        let field = |name: &str| {
            form.iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.as_str())
                .filter(|value| !value.is_empty())
        };
        if !self.is_tenant(tenant) {
            return Err(Refusal::unknown_tenant(tenant));
        }
        let grant = field("grant_type").ok_or_else(|| Refusal::missing_parameter("grant_type"))?;
        if grant != "client_credentials" {
            return Err(Refusal::unsupported_grant(grant));
        }
        let client_id =
            field("client_id").ok_or_else(|| Refusal::missing_parameter("client_id"))?;
        // Version 1 of the endpoint names a resource, version 2 a scope.
        let resource = match (field("scope"), field("resource")) {
            (None, Some(resource)) => Self::audience_of(resource, origin)
                .ok_or_else(|| Refusal::unknown_resource(resource, &self.tenant_id))?,
            (None, None) => return Err(Refusal::missing_parameter("scope")),
            (Some(scope), _) => self.resource_of_scope(scope, origin)?,
        };
        let registration = self
            .registration(client_id)
            .ok_or_else(|| Refusal::unknown_application(client_id, &self.tenant_id))?;
        let by_secret = if let Some(assertion) = field("client_assertion") {
            if field("client_assertion_type") != Some(JWT_BEARER) {
                return Err(Refusal::missing_parameter("client_assertion_type"));
            }
            assertion::verify(
                assertion,
                &assertion::Context {
                    client_id: &registration.app_id,
                    certificates: &registration.certificates,
                    federated: &registration.federated,
                    audiences: &self.audiences(tenant, origin),
                    now: self.now(),
                },
            )?;
            false
        } else if let Some(secret) = field("client_secret") {
            self.check_secret(&registration, secret)?;
            true
        } else {
            return Err(Refusal::no_credential());
        };
        if registration.disabled {
            return Err(Refusal::disabled_application(client_id));
        }
        self.issue(&registration, &resource, by_secret)
    }

    /// Judges the `Authorization` header of a Graph request.
    ///
    /// # Errors
    /// A [`TokenFault`]; Graph answers it with 401 `InvalidAuthenticationToken`.
    pub fn authenticate(&self, authorization: Option<&str>) -> Result<Caller, TokenFault> {
        self.judge(authorization, is_graph)
    }

    /// Judges the `Authorization` header of a request to Azure Resource Manager.
    ///
    /// # Errors
    /// A [`TokenFault`].
    pub fn authenticate_arm(&self, authorization: Option<&str>) -> Result<Caller, TokenFault> {
        self.judge(authorization, is_arm)
    }

    fn judge(
        &self,
        authorization: Option<&str>,
        is_mine: fn(&str) -> bool,
    ) -> Result<Caller, TokenFault> {
        let bearer = authorization
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .filter(|token| !token.is_empty())
            .ok_or(TokenFault::Empty)?;
        let claims = self.signer.verify(bearer, self.now())?;
        if claims.tid != self.tenant_id {
            return Err(TokenFault::Malformed);
        }
        if !is_mine(&claims.aud) {
            return Err(TokenFault::Audience);
        }
        if claims.sim_generation != self.state().generation {
            return Err(TokenFault::Revoked);
        }
        Ok(Caller {
            app_id: claims.appid,
            service_principal: claims.oid,
            roles: claims.roles,
        })
    }

    fn is_tenant(&self, tenant: &str) -> bool {
        tenant.eq_ignore_ascii_case(&self.tenant_id) || tenant.eq_ignore_ascii_case(&self.domain)
    }

    fn check_secret(&self, registration: &Registration, secret: &str) -> Result<(), Refusal> {
        let given: [u8; 32] = Sha256::digest(secret).into();
        // Every stored secret is compared, so that time tells nothing of which one came near.
        let matching = registration
            .secrets
            .iter()
            .filter(|known| bool::from(known.hash.ct_eq(&given)))
            .collect::<Vec<_>>();
        let now = self.now();
        if matching.is_empty() {
            Err(Refusal::wrong_secret(&registration.app_id))
        } else if matching
            .iter()
            .all(|known| known.expires.is_some_and(|at| now >= at))
        {
            Err(Refusal::expired_secret(&registration.app_id))
        } else {
            Ok(())
        }
    }

    fn audiences(&self, tenant: &str, origin: &str) -> Vec<String> {
        let mut list = Vec::new();
        for authority in AUTHORITIES.into_iter().chain([origin]) {
            for name in [tenant, &self.tenant_id, &self.domain] {
                list.push(format!("{authority}/{name}/oauth2/v2.0/token"));
                list.push(format!("{authority}/{name}/v2.0"));
                list.push(format!("{authority}/{name}"));
                list.push(format!("{authority}/{name}/"));
            }
        }
        list
    }

    /// The resource of a client-credentials scope: exactly one, ending in `/.default`.
    fn resource_of_scope(&self, scope: &str, origin: &str) -> Result<String, Refusal> {
        let mut scopes = scope.split_whitespace();
        let (Some(one), None) = (scopes.next(), scopes.next()) else {
            return Err(Refusal::bad_scope(scope));
        };
        let resource = one
            .strip_suffix("/.default")
            .ok_or_else(|| Refusal::not_default_scope(one))?;
        Self::audience_of(resource, origin)
            .ok_or_else(|| Refusal::unknown_resource(resource, &self.tenant_id))
    }

    /// The token's `aud` for a resource; the simulator's own address stands for Graph.
    fn audience_of(resource: &str, origin: &str) -> Option<String> {
        let bare = resource.trim_end_matches('/');
        let own = bare == origin;
        if own || is_graph(bare) {
            let known = if own {
                "https://graph.microsoft.com"
            } else {
                bare
            };
            Some(known.to_owned())
        } else if is_arm(bare) || bare == format!("{origin}/arm") {
            Some("https://management.azure.com".to_owned())
        } else {
            None
        }
    }

    fn issue(
        &self,
        registration: &Registration,
        audience: &str,
        by_secret: bool,
    ) -> Result<Issued, Refusal> {
        let now = self.now();
        let (lifetime, generation) = {
            let state = self.state();
            (state.lifetime, state.generation)
        };
        let grant = token::Grant {
            audience,
            tenant: &self.tenant_id,
            app_id: &registration.app_id,
            app_name: &registration.name,
            service_principal: &registration.service_principal,
            roles: &registration.permissions,
            by_secret,
            lifetime,
            generation,
        };
        let (token, expires_on) = self
            .signer
            .issue(&grant, now)
            .map_err(|e| Refusal::malformed_assertion(&e.to_string()))?;
        Ok(Issued {
            token,
            expires_in: expires_on - now.unix_timestamp(),
            expires_on,
            not_before: now.unix_timestamp() - 300,
            client_id: registration.app_id.clone(),
        })
    }
}

fn is_graph(resource: &str) -> bool {
    resource == GRAPH_APP_ID
        || resource
            .strip_prefix("https://")
            .is_some_and(|host| GRAPH_HOSTS.contains(&host))
}

fn is_arm(resource: &str) -> bool {
    resource
        .strip_prefix("https://")
        .is_some_and(|host| ARM_HOSTS.contains(&host) || host == "management.core.windows.net")
}
