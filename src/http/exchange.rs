//! What a request carries: its tenant, its place, its body, its parameters and headers.

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{HeaderMap, Method, header, request::Parts},
};

use super::{Server, body::Held, forwarded::Peer, places::Place, route::Route};
use crate::{
    graph,
    scim::{
        error::{Error as ScimError, Kind},
        projection::Projection,
    },
    service::{
        Context, Error, MappedType, Tenant, access,
        tokens::{Access, Caller},
        write,
    },
};

/// A request that has found its tenant.
pub(super) struct Exchange<'a> {
    pub(super) server: &'a Server,
    pub(super) parts: &'a Parts,
    pub(super) route: &'a Route,
    pub(super) tenant: &'a Arc<Tenant>,
    pub(super) stats: &'a Arc<graph::CallStats>,
    pub(super) request_id: &'a Arc<str>,
}

impl Exchange<'_> {
    pub(super) fn base_url(&self) -> String {
        let settings = &self.server.settings;
        let public = if let Some(url) = &settings.public_url {
            url.trim_end_matches('/').to_owned()
        } else {
            let peer = self.parts.extensions.get::<Peer>();
            let peer = peer.map_or(Ipv4Addr::UNSPECIFIED.into(), |peer| peer.0);
            settings.proxies.origin(peer, &self.parts.headers)
        };
        format!("{public}{}", self.route.base)
    }

    pub(super) fn context(&self, mapped: &Arc<MappedType>, caller: &Arc<Caller>) -> Context {
        let app = &self.server.app;
        let dry_run = header_text(&self.parts.headers, "prefer").is_some_and(|p| {
            p.split([',', ';'])
                .any(|one| one.trim().eq_ignore_ascii_case("dry-run"))
        });
        Context {
            app: Arc::clone(app),
            request_id: Arc::clone(self.request_id),
            caller: Arc::clone(caller),
            tenant: Arc::clone(self.tenant),
            mapped: mapped.seen_by(&caller.grant),
            base_url: self.base_url().into(),
            call: graph::Call {
                deadline: tokio::time::Instant::now()
                    + app.settings.deadline.max(Duration::from_secs(1)),
                lane: graph::Lane::Interactive,
                stats: Arc::clone(self.stats),
            },
            dry_run,
            made: crate::service::replica::Made::default(),
            ignored: crate::service::Ignored::default(),
        }
    }

    /// The resource types that the caller may read.
    pub(super) fn readable(&self, caller: &Arc<Caller>) -> Result<Vec<Context>, Error> {
        let types = self.tenant.types.iter();
        let readable = types.filter(|t| caller.grant.allows(Access::Read, &t.kind.endpoint[1..]));
        let contexts: Vec<Context> = readable.map(|t| self.context(t, caller)).collect();
        if contexts.is_empty() {
            return Err(ScimError::forbidden("the token may read no resource type").into());
        }
        Ok(contexts)
    }

    pub(super) fn resource_type(&self, name: &str) -> Result<&Arc<MappedType>, Error> {
        self.tenant
            .resource_type(name)
            .ok_or_else(|| ScimError::not_found(format!("there is no endpoint '/{name}'")).into())
    }

    pub(super) fn methods(&self, allowed: &[Method]) -> Result<(), Error> {
        if allowed.contains(&self.parts.method) {
            return Ok(());
        }
        let list: Vec<&str> = allowed.iter().map(Method::as_str).collect();
        let mut error = Error::from(ScimError::new(
            Kind::MethodNotAllowed,
            format!(
                "{} is not possible here; possible: {}",
                self.parts.method,
                list.join(", ")
            ),
        ));
        error.allow = Some(list.join(", ").into());
        Err(error)
    }

    /// The body. No place is held meanwhile: how long it takes is the client's to say.
    pub(super) async fn body(&self, body: Body) -> Result<Held, Error> {
        let read = self.server.bodies.read(&self.parts.headers, body).await;
        read.map_err(|error| {
            let again = (error.kind == Kind::Unavailable).then_some(Duration::from_secs(1));
            Error {
                retry_after: again,
                ..Error::from(error)
            }
        })
    }

    /// The body of a write, which the token must allow before it is read.
    pub(super) async fn write_body(
        &self,
        cx: &Context,
        operation: &str,
        id: Option<&str>,
        body: Body,
    ) -> Result<Held, Error> {
        let read = match access::allow(&cx.caller, Access::Write, cx.kind().endpoint) {
            Ok(()) => self.body(body).await,
            Err(error) => Err(error.into()),
        };
        match read {
            Ok(held) => Ok(held),
            Err(error) => Err(write::refused(cx, operation, id, error).await),
        }
    }

    /// A place to work on the request.
    pub(super) fn place(&self, caller: &Caller) -> Result<Place, Error> {
        let places = &self.server.places;
        places.take(&self.tenant.name, Some(&caller.token_id))
    }

    /// The query parameters, decoded; `+` is a space.
    pub(super) fn pairs(&self) -> Vec<(String, String)> {
        let query = self.parts.uri.query().unwrap_or_default();
        url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect()
    }

    /// The projection, when the client names attributes.
    pub(super) fn projection(&self, mapped: &MappedType) -> Result<Option<Projection>, Error> {
        let pairs = self.pairs();
        let of = |name: &str| -> Vec<String> {
            let named = pairs
                .iter()
                .filter(|(key, _)| key.eq_ignore_ascii_case(name));
            let names = named.flat_map(|(_, value)| value.split(',').map(str::trim));
            names.filter(|n| !n.is_empty()).map(str::to_owned).collect()
        };
        let (attributes, excluded) = (of("attributes"), of("excludedAttributes"));
        if attributes.is_empty() && excluded.is_empty() {
            return Ok(None);
        }
        let projection = Projection::from_lists(&attributes, &excluded, mapped.schema())?;
        Ok(Some(projection))
    }
}

/// The `Idempotency-Key`: 1 to 255 visible characters.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, ScimError> {
    let Some(value) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    let key = value.to_str().ok().map(str::trim);
    match key.filter(|key| (1..=255).contains(&key.len())) {
        Some(key) => Ok(Some(key)),
        None => Err(ScimError::invalid_value(
            "the Idempotency-Key must have 1 to 255 visible characters",
        )),
    }
}

pub(super) fn header_text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|v| v.to_str().ok())
}

/// The client's own `x-request-id`, if it is one that a log can bear; else a new one.
pub(super) fn request_id(headers: &HeaderMap) -> String {
    let fits = |id: &&str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
        (8..=100).contains(&id.len()) && id.chars().all(plain)
    };
    let given = header_text(headers, "x-request-id").filter(fits);
    given.map_or_else(|| uuid::Uuid::new_v4().to_string(), str::to_owned)
}

/// Refuses what two servers on the way could read differently.
pub(super) fn single(headers: &HeaderMap) -> Result<(), ScimError> {
    for name in [header::AUTHORIZATION, header::HOST] {
        if headers.get_all(&name).iter().count() > 1 {
            let text = format!("there is more than one {name} header");
            return Err(ScimError::invalid_syntax(text));
        }
    }
    Ok(())
}
