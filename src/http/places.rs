//! Places for requests that are worked on: so many in all, fewer for one tenant, fewer still for
//! one token, so that no client takes them all. A request takes its place when it has arrived
//! whole, and keeps it until its answer is made.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::limits::Limits;
use crate::{
    scim::error::{Error as ScimError, Kind},
    service::Error,
};

/// When a refused client may come again.
const AGAIN: Duration = Duration::from_secs(1);

/// The places.
#[derive(Debug)]
pub struct Places {
    most: usize,
    most_of_tenant: usize,
    most_of_token: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    tenants: HashMap<String, usize>,
    tokens: HashMap<String, usize>,
}

/// A place; dropping it gives it back.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    tenant: String,
    token: Option<String>,
}

impl Places {
    /// All are free.
    pub fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            most: limits.requests,
            most_of_tenant: limits.requests_per_tenant,
            most_of_token: limits.requests_per_token,
            taken: Mutex::default(),
        })
    }

    /// A place for a request of the token; without one for discovery, which asks for none.
    ///
    /// # Errors
    /// 429 when the token has all of its places, 503 when the tenant or everybody has.
    pub fn take(self: &Arc<Self>, tenant: &str, token: Option<&str>) -> Result<Place, Error> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(token) = token
            && taken.tokens.get(token).copied().unwrap_or(0) >= self.most_of_token
        {
            return Err(refused(
                Kind::TooManyRequests,
                "too many requests of this token at once",
            ));
        }
        let of_tenant = taken.tenants.get(tenant).copied().unwrap_or(0);
        if taken.all >= self.most || of_tenant >= self.most_of_tenant {
            return Err(refused(Kind::Unavailable, "too many requests at once"));
        }
        taken.all += 1;
        *taken.tenants.entry(tenant.to_owned()).or_default() += 1;
        if let Some(token) = token {
            *taken.tokens.entry(token.to_owned()).or_default() += 1;
        }
        Ok(Place {
            places: Arc::clone(self),
            tenant: tenant.to_owned(),
            token: token.map(str::to_owned),
        })
    }
}

fn refused(kind: Kind, text: &str) -> Error {
    Error {
        retry_after: Some(AGAIN),
        ..Error::from(ScimError::new(kind, text))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self
            .places
            .taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        taken.all = taken.all.saturating_sub(1);
        give_back(&mut taken.tenants, &self.tenant);
        if let Some(token) = &self.token {
            give_back(&mut taken.tokens, token);
        }
    }
}

fn give_back(counts: &mut HashMap<String, usize>, name: &str) {
    if let Some(count) = counts.get_mut(name) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_share() {
        let places = Places::new(&Limits {
            requests: 5,
            requests_per_tenant: 4,
            requests_per_token: 2,
            ..Limits::default()
        });
        let mut held = Vec::new();
        for (tenant, token, expected) in [
            ("a", Some("1"), None),
            ("a", Some("1"), None),
            ("a", Some("1"), Some(Kind::TooManyRequests)),
            ("a", Some("2"), None),
            ("a", None, None),
            ("a", Some("3"), Some(Kind::Unavailable)),
            ("b", Some("4"), None),
            ("c", Some("5"), Some(Kind::Unavailable)),
        ] {
            let taken = places.take(tenant, token);
            let got = taken.as_ref().err().map(|e| e.scim.kind);
            assert_eq!(got, expected, "{tenant} {token:?}");
            held.extend(taken);
        }
        held.clear();
        let taken = places.taken.lock().unwrap();
        assert_eq!(
            (taken.all, taken.tenants.len(), taken.tokens.len()),
            (0, 0, 0)
        );
    }
}
