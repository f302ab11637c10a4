//! Clients' bearer tokens: how they are made, what they allow, how they are checked.
//!
//! A token is 256 random bits, shown once. The store keeps its SHA-256 only: the token cannot
//! be guessed, so a slow password hash would protect nothing more.
//!
//! Source: [RFC 6750](https://www.rfc-editor.org/rfc/rfc6750).

use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::Rng;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::audit;
use crate::{
    base::{chain::Chain, clock::Clock},
    store::{self, NewToken, Store, TokenHash, TokenRow},
};

/// What every minted token begins with, so that scanners for leaked secrets can know it.
pub const PREFIX: &str = "es_";
/// No token is longer; what is presented beyond it is refused unread.
const MAX_LENGTH: usize = 1024;
/// `last_used` is written at most this often per token.
const TOUCH_EVERY: Duration = Duration::MINUTE;

/// Reading, or reading and changing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// GET and searches.
    Read,
    /// Everything; includes [`Access::Read`].
    Write,
}

/// One access to one resource type or all: `read:*`, `write:Groups`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// How far.
    pub access: Access,
    /// The resource type's endpoint without slash (`Users`); `None` is every type.
    pub resource: Option<String>,
}

/// What a token allows: the sum of its scopes. Never empty.
///
/// ```
/// use entra_scim::service::tokens::{Access, Grant};
/// let grant: Grant = "read:*, write:Groups".parse().unwrap();
/// assert!(grant.allows(Access::Read, "Users"));
/// assert!(!grant.allows(Access::Write, "Users"));
/// assert!(grant.allows(Access::Write, "groups"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant(Vec<Scope>);

/// Who calls: an authenticated token.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The tenant the token belongs to.
    pub tenant: String,
    /// The token's id.
    pub token_id: String,
    /// The token's name.
    pub name: String,
    /// What it allows.
    pub grant: Grant,
}

/// Why a presented token was not accepted. A client is told no more than "invalid".
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No such token.
    #[error("no such token")]
    Unknown,
    /// It was revoked.
    #[error("token {id} was revoked")]
    Revoked {
        /// Its id.
        id: String,
    },
    /// Its time is over.
    #[error("token {id} has expired")]
    Expired {
        /// Its id.
        id: String,
    },
    /// It could not be looked up: nothing is known about the token.
    #[error("tokens cannot be looked up")]
    Store(#[source] store::Error),
    /// The stored row cannot be understood.
    #[error("token {id} has unreadable scopes: {reason}")]
    Scopes {
        /// Its id.
        id: String,
        /// What is wrong.
        reason: String,
    },
}

impl Refusal {
    /// The id of the token, where there is one.
    pub fn token(&self) -> Option<&str> {
        match self {
            Self::Revoked { id } | Self::Expired { id } | Self::Scopes { id, .. } => Some(id),
            Self::Unknown | Self::Store(_) => None,
        }
    }
}

/// A token that was just made.
#[derive(Debug)]
pub struct Issued {
    /// The token itself: shown once, stored nowhere.
    pub token: SecretString,
    /// The row stored for it.
    pub row: NewToken,
}

/// Makes a token: `es_` and 43 characters that carry 256 random bits.
pub fn mint() -> SecretString {
    let mut bytes = [0_u8; 32];
    rand::rng().fill(&mut bytes);
    SecretString::from(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// What is stored of a token.
pub fn hash(token: &str) -> TokenHash {
    Sha256::digest(token.as_bytes()).into()
}

/// What a token is to be.
#[derive(Clone, Debug)]
pub struct Order<'a> {
    /// The tenant.
    pub tenant: &'a str,
    /// What people call it.
    pub name: &'a str,
    /// What it allows.
    pub grant: &'a Grant,
    /// From when on it is refused.
    pub expires: Option<OffsetDateTime>,
    /// Who makes it, for the audit row.
    pub by: &'a str,
}

/// Stores `token` (see [`mint`]), with the audit row of it.
///
/// # Errors
/// [`store::Error::Conflict`] when this very token is stored already.
pub async fn issue(
    store: &Store,
    clock: &dyn Clock,
    token: SecretString,
    order: &Order<'_>,
) -> Result<Issued, store::Error> {
    let row = NewToken {
        tenant: order.tenant.to_owned(),
        id: Uuid::new_v4().to_string(),
        name: order.name.to_owned(),
        hash: hash(token.expose_secret()),
        scopes: order.grant.to_string(),
        created: clock.now(),
        expires: order.expires,
    };
    let scopes = format!("{}: {}", row.name, row.scopes);
    let trace = audit::of_token(
        &row.tenant,
        row.created,
        order.by,
        "create",
        &row.id,
        Some(scopes),
    );
    let mut tx = store.begin().await?;
    tx.create_token(&row).await?;
    tx.record_audit(&trace).await?;
    tx.commit().await?;
    Ok(Issued { token, row })
}

/// Refuses a token from now on, with the audit row of it.
///
/// # Errors
/// [`store::Error::Gone`] when the tenant has no such token.
pub async fn revoke(
    store: &Store,
    clock: &dyn Clock,
    tenant: &str,
    id: &str,
    by: &str,
) -> Result<(), store::Error> {
    let now = clock.now();
    let trace = audit::of_token(tenant, now, by, "revoke", id, None);
    store.revoke_token_with(tenant, id, now, Some(&trace)).await
}

/// The longest name of a token, in characters.
const MAX_NAME: usize = 100;

/// A token's name without white space around it.
///
/// # Errors
/// What is wrong with it: it stands in logs, lists and audit rows.
pub fn name(text: &str) -> Result<&str, String> {
    let name = text.trim();
    if name.is_empty() || name.chars().count() > MAX_NAME {
        return Err(format!("a token's name has 1 to {MAX_NAME} characters"));
    }
    if name.chars().any(char::is_control) {
        return Err("a token's name has no control characters".to_owned());
    }
    Ok(name)
}

/// Finds out whose token was presented.
///
/// # Errors
/// [`Refusal::Store`] when that could not be found out; all else means "not accepted".
pub async fn authenticate(
    store: &Store,
    clock: &dyn Clock,
    presented: &str,
) -> Result<Caller, Refusal> {
    if presented.is_empty() || presented.len() > MAX_LENGTH {
        return Err(Refusal::Unknown);
    }
    let hash = hash(presented);
    let row = store
        .token(&hash)
        .await
        .map_err(Refusal::Store)?
        .ok_or(Refusal::Unknown)?;
    let now = clock.now();
    let caller = accept(&row, &hash, now)?;
    let stale = row
        .last_used
        .is_none_or(|last_used| now - last_used >= TOUCH_EVERY);
    if stale && let Err(error) = store.touch_token(&row.tenant, &row.id, now).await {
        // The token is good; that its use was not noted must not stop the client.
        tracing::warn!(
            token.id = %row.id,
            error = %Chain(&error),
            "the use of a token could not be noted"
        );
    }
    Ok(caller)
}

/// The pure part of [`authenticate`].
fn accept(row: &TokenRow, presented: &TokenHash, now: OffsetDateTime) -> Result<Caller, Refusal> {
    let id = || row.id.clone();
    if !bool::from(row.hash.ct_eq(presented)) {
        return Err(Refusal::Unknown);
    }
    if row.revoked.is_some() {
        return Err(Refusal::Revoked { id: id() });
    }
    if row.expires.is_some_and(|expires| expires <= now) {
        return Err(Refusal::Expired { id: id() });
    }
    Ok(Caller {
        tenant: row.tenant.clone(),
        token_id: id(),
        name: row.name.clone(),
        grant: row
            .scopes
            .parse()
            .map_err(|reason| Refusal::Scopes { id: id(), reason })?,
    })
}

impl Grant {
    /// Reading and changing everything.
    pub fn full() -> Self {
        Self(vec![Scope {
            access: Access::Write,
            resource: None,
        }])
    }

    /// The scopes.
    pub fn scopes(&self) -> &[Scope] {
        &self.0
    }

    /// Whether it covers `access` to the resource type with endpoint `resource` (`Users`).
    pub fn allows(&self, access: Access, resource: &str) -> bool {
        self.0.iter().any(|scope| {
            scope.access >= access
                && scope
                    .resource
                    .as_deref()
                    .is_none_or(|name| name.eq_ignore_ascii_case(resource))
        })
    }
}

impl FromStr for Grant {
    type Err = String;

    /// Reads scopes separated by commas or spaces. `read` alone means `read:*`.
    fn from_str(text: &str) -> Result<Self, String> {
        let scopes: Vec<Scope> = text
            .split([',', ' '])
            .filter(|part| !part.is_empty())
            .map(str::parse)
            .collect::<Result<_, String>>()?;
        if scopes.is_empty() {
            return Err("at least one scope is needed, such as read:*".to_owned());
        }
        Ok(Self(scopes))
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (access, resource) = text.split_once(':').unwrap_or((text, "*"));
        let access = match access {
            "read" => Access::Read,
            "write" => Access::Write,
            _ => {
                return Err(format!(
                    "{text:?} is not a scope: expected read or write, then : and a resource type or *"
                ));
            }
        };
        let resource = match resource {
            "*" => None,
            name if !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphabetic()) => {
                Some(name.to_owned())
            }
            _ => {
                return Err(format!(
                    "{text:?} is not a scope: a resource type is written as in the URL (Users), or * for all"
                ));
            }
        };
        Ok(Self { access, resource })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let access = match self.access {
            Access::Read => "read",
            Access::Write => "write",
        };
        write!(f, "{access}:{}", self.resource.as_deref().unwrap_or("*"))
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, scope) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            write!(f, "{scope}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
