//! One request from socket to answer: route, authenticate, call the use case, shape the answer.

use std::{net::Ipv4Addr, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, header, request::Parts},
    response::Response,
};
use futures_util::FutureExt as _;
use serde_json::{Value, json};
use tracing::Instrument;

use super::{
    Server, auth,
    body::Held,
    discovery,
    forwarded::Peer,
    places::Place,
    respond::{self, Answer},
    route::{self, Endpoint, Route},
};
use crate::{
    graph,
    scim::{
        bulk as scim_bulk,
        error::{Error as ScimError, Kind},
        etag,
        list::ListQuery,
        projection::Projection,
    },
    service::{
        Context, Error, MappedType, Tenant, access, bulk, changes, events, photo,
        read::{self, Resource},
        tokens::{Access, Caller},
        write::{self, Operation, Written},
    },
};

/// The tenant at the short base path.
const DEFAULT: &str = "default";

/// Answers one request and logs one line about it.
pub async fn handle(server: &Arc<Server>, request: Request) -> Response {
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let accept = header_text(request.headers(), header::ACCEPT.as_str()).map(str::to_owned);
    let request_id: Arc<str> = request_id(request.headers()).into();
    let stats = Arc::new(graph::CallStats::default());
    let started = tokio::time::Instant::now();
    let span = tracing::info_span!(
        "request",
        request_id = &*request_id,
        tenant = tracing::field::Empty,
        token.id = tracing::field::Empty,
    );
    let answering = answer(server, request, &stats, &request_id);
    let answer = AssertUnwindSafe(answering)
        .catch_unwind()
        .instrument(span.clone())
        .await
        .unwrap_or_else(|panic| Reply::Answer(span.in_scope(|| respond::internal(&*panic))));
    let (status, response) = match answer {
        Reply::Answer(answer) => {
            let answer = if method == Method::OPTIONS {
                answer.options()
            } else {
                answer
            };
            let status = answer.status;
            let answer = counted(answer, &stats, &request_id);
            (status, respond::finish(answer, accept.as_deref()))
        }
        Reply::Raw(mut response) => {
            if let Ok(id) = HeaderValue::from_str(&request_id) {
                response.headers_mut().insert("x-request-id", id);
            }
            (response.status().as_u16(), response)
        }
    };
    span.in_scope(|| {
        tracing::info!(
            http.method = %method,
            http.path = route::shown(&path),
            http.status = status,
            duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            graph.requests = stats.http_requests(),
            graph.resource_units = stats.resource_units(),
            "answered"
        );
    });
    response
}

/// Tells in headers what the answer cost.
fn counted(answer: Answer, stats: &graph::CallStats, request_id: &str) -> Answer {
    answer
        .with("x-request-id", request_id)
        .with("x-graph-requests", stats.http_requests().to_string())
        .with("x-graph-resource-units", stats.resource_units().to_string())
}

/// An answer of ours, or bytes that are not ours to shape.
enum Reply {
    Answer(Answer),
    Raw(Response),
}

async fn answer(
    server: &Server,
    request: Request,
    stats: &Arc<graph::CallStats>,
    request_id: &Arc<str>,
) -> Reply {
    routed(server, request, stats, request_id)
        .await
        .unwrap_or_else(|error| Reply::Answer(error.into()))
}

async fn routed(
    server: &Server,
    request: Request,
    stats: &Arc<graph::CallStats>,
    request_id: &Arc<str>,
) -> Result<Reply, Error> {
    let (parts, body) = request.into_parts();
    single(&parts.headers)?;
    let route = route::parse(parts.uri.path());
    let tenant_name = route.as_ref().map_or(DEFAULT, |r| r.tenant.as_str());
    // Which other tenants there are is nobody's business.
    let open = server.settings.open_discovery
        && tenant_name == DEFAULT
        && route
            .as_ref()
            .is_some_and(|route| is_discovery(&route.endpoint, &parts));
    // Who calls is settled before anything is said about what exists.
    let caller = if open {
        None
    } else {
        let caller = auth::caller(&server.app, &parts.headers, tenant_name).await?;
        let span = tracing::Span::current();
        span.record("tenant", caller.tenant.as_str());
        span.record("token.id", caller.token_id.as_str());
        server.rates.count(&caller.token_id)?;
        Some(caller)
    };
    let place_of = tenant_name.to_owned();
    let route = route.ok_or_else(|| ScimError::not_found("there is no such endpoint"))?;
    let tenant = server
        .app
        .tenant(&route.tenant)
        .ok_or_else(|| ScimError::not_found(format!("there is no tenant '{}'", route.tenant)))?;
    let call = Exchange {
        server,
        parts: &parts,
        route: &route,
        tenant,
        stats,
        request_id,
    };
    match (&route.endpoint, caller) {
        (endpoint, _) if is_discovery(endpoint, &parts) => {
            let _place = server.places.take(&place_of, None)?;
            call.discovery().await.map(Reply::Answer)
        }
        (_, None) => Err(ScimError::new(Kind::Unauthorized, "a bearer token is required").into()),
        (_, Some(caller)) => call.resources(body, &Arc::new(caller)).await,
    }
}

/// A request that has found its tenant.
struct Exchange<'a> {
    server: &'a Server,
    parts: &'a Parts,
    route: &'a Route,
    tenant: &'a Arc<Tenant>,
    stats: &'a Arc<graph::CallStats>,
    request_id: &'a Arc<str>,
}

impl Exchange<'_> {
    fn base_url(&self) -> String {
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

    async fn discovery(&self) -> Result<Answer, Error> {
        self.methods(&[Method::GET, Method::HEAD])?;
        let filtered = self
            .pairs()
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("filter"));
        if filtered {
            return Err(
                ScimError::forbidden("discovery endpoints take no filter (RFC 7644 §4)").into(),
            );
        }
        let base = self.base_url();
        let body = match &self.route.endpoint {
            Endpoint::Schemas(urn) => discovery::schemas(self.tenant, &base, urn.as_deref())?,
            Endpoint::ResourceTypes(name) => {
                discovery::resource_types(self.tenant, &base, name.as_deref())?
            }
            Endpoint::Root => discovery::root(self.tenant, &base),
            Endpoint::Keys => {
                let keys = events::Keys::published(&self.server.app, self.tenant);
                keys.await.map_err(events::fault)?
            }
            _ => {
                let server = self.server;
                discovery::service_provider_config(
                    &server.app,
                    self.tenant,
                    &server.settings,
                    &base,
                )
            }
        };
        Ok(Answer::json(200, body))
    }

    async fn resources(&self, body: Body, caller: &Arc<Caller>) -> Result<Reply, Error> {
        let answer = match &self.route.endpoint {
            Endpoint::NotOffered(what) => {
                let text = format!("/{what} is not offered by this server");
                return Err(ScimError::new(Kind::NotImplemented, text).into());
            }
            Endpoint::Bulk => {
                self.methods(&[Method::POST])?;
                self.bulk(body, caller).await?
            }
            Endpoint::RootSearch => {
                self.methods(&[Method::POST])?;
                let contexts = self.readable(caller)?;
                let body = self.body(body).await?;
                let _place = self.place(caller)?;
                let query = |schema: &_| ListQuery::from_search_request(&body.value, schema);
                page(read::search(contexts, query).await?)
            }
            Endpoint::Root => {
                self.methods(&[Method::GET, Method::HEAD])?;
                let contexts = self.readable(caller)?;
                let _place = self.place(caller)?;
                let pairs = self.pairs();
                let query = |schema: &_| ListQuery::from_pairs(&pairs, schema);
                page(read::search(contexts, query).await?)
            }
            Endpoint::Events => {
                self.methods(&[Method::POST])?;
                let contexts = self.readable(caller)?;
                let body = self.body(body).await?;
                let ask = events::Poll::parse(&body.value)?;
                let _place = self.place(caller)?;
                Answer::json(200, events::poll(&contexts, &ask).await?)
            }
            Endpoint::Changes => {
                self.methods(&[Method::GET, Method::HEAD])?;
                let types = self.tenant.types.iter();
                let readable = types.filter(|of| changes::may_read(caller, of.kind));
                let contexts: Vec<Context> = readable.map(|t| self.context(t, caller)).collect();
                let _place = self.place(caller)?;
                let query = changes::Query::from_pairs(&self.pairs())?;
                Answer::json(200, changes::changes(&contexts, &query).await?)
            }
            Endpoint::Search(kind) => {
                let mapped = self.resource_type(kind)?;
                self.methods(&[Method::POST])?;
                access::allow(caller, Access::Read, mapped.kind.endpoint)?;
                let body = self.body(body).await?;
                let _place = self.place(caller)?;
                let query = ListQuery::from_search_request(&body.value, mapped.schema())?;
                page(read::list(&self.context(mapped, caller), &query).await?)
            }
            Endpoint::Collection(kind) => {
                self.collection(self.resource_type(kind)?, body, caller)
                    .await?
            }
            Endpoint::Resource(kind, id) => {
                self.resource(self.resource_type(kind)?, id, body, caller)
                    .await?
            }
            Endpoint::Photo(kind, id) => {
                let mapped = self.resource_type(kind)?;
                if !mapped.kind.has_photo {
                    return Err(ScimError::not_found("there is no such endpoint").into());
                }
                self.methods(&[Method::GET, Method::HEAD])?;
                access::allow(caller, Access::Read, mapped.kind.endpoint)?;
                let _place = self.place(caller)?;
                let (media, bytes) = photo::photo(&self.context(mapped, caller), id).await?;
                let response = Response::builder()
                    .header(header::CONTENT_TYPE, media)
                    .body(Body::from(bytes))
                    .map_err(|_| {
                        ScimError::new(Kind::BadGateway, "Graph sent an unreadable photo")
                    })?;
                return Ok(Reply::Raw(response));
            }
            Endpoint::ServiceProviderConfig
            | Endpoint::Schemas(_)
            | Endpoint::ResourceTypes(_)
            | Endpoint::Keys => self.discovery().await?,
        };
        Ok(Reply::Answer(answer))
    }

    /// RFC 7644 §3.7
    async fn bulk(&self, body: Body, caller: &Arc<Caller>) -> Result<Answer, Error> {
        let types = self.tenant.types.iter();
        let mut contexts: Vec<Context> = types.map(|t| self.context(t, caller)).collect();
        let writable = |cx: &Context| access::allow(caller, Access::Write, cx.kind().endpoint);
        if !contexts.iter().any(|cx| writable(cx).is_ok()) {
            return Err(ScimError::forbidden("the token may write no resource type").into());
        }
        let ignored = crate::service::Ignored::default();
        for cx in &mut contexts {
            cx.ignored = ignored.clone();
            if cx.dry_run {
                let text =
                    "Prefer: dry-run is not for bulk requests: send the operations one by one";
                return Err(ScimError::invalid_value(text).into());
            }
        }
        let key = idempotency_key(&self.parts.headers)?;
        let held = self.body(body).await?;
        let _place = self.place(caller)?;
        let most = self.server.app.settings.bulk.operations;
        let request = scim_bulk::parse(&held.value, most)?;
        let outcomes = bulk::perform(&contexts, &request, key).await?;
        let answer = Answer::json(200, scim_bulk::response(&request, &outcomes));
        Ok(respond::telling(answer, &ignored.names()))
    }

    async fn collection(
        &self,
        mapped: &Arc<MappedType>,
        body: Body,
        caller: &Arc<Caller>,
    ) -> Result<Answer, Error> {
        let create = mapped.kind.operations.create;
        let allowed: &[Method] = if create {
            &[Method::GET, Method::HEAD, Method::POST]
        } else {
            &[Method::GET, Method::HEAD]
        };
        self.methods(allowed)?;
        let cx = self.context(mapped, caller);
        if self.parts.method != Method::POST {
            access::allow(caller, Access::Read, mapped.kind.endpoint)?;
            let _place = self.place(caller)?;
            let query = ListQuery::from_pairs(&self.pairs(), mapped.schema())?;
            return Ok(page(read::list(&cx, &query).await?));
        }
        let Held { value, share } = self.write_body(&cx, "create", None, body).await?;
        let _place = self.place(caller)?;
        let operation = Operation::Create {
            body: Arc::new(value),
            projection: self.projection(mapped)?.unwrap_or_else(Projection::all),
            once: None,
        };
        let answer = self.write(cx, operation, 201).await;
        drop(share);
        answer
    }

    async fn resource(
        &self,
        mapped: &Arc<MappedType>,
        id: &str,
        body: Body,
        caller: &Arc<Caller>,
    ) -> Result<Answer, Error> {
        let operations = mapped.kind.operations;
        let mut allowed = vec![Method::GET, Method::HEAD];
        for (has, method) in [
            (operations.replace, Method::PUT),
            (operations.patch, Method::PATCH),
            (operations.delete, Method::DELETE),
        ] {
            if has {
                allowed.push(method);
            }
        }
        self.methods(&allowed)?;
        let cx = self.context(mapped, caller);
        let projection = self.projection(mapped)?;
        if matches!(self.parts.method, Method::GET | Method::HEAD) {
            access::allow(caller, Access::Read, mapped.kind.endpoint)?;
            let _place = self.place(caller)?;
            let no_cache = header_text(&self.parts.headers, "cache-control")
                .is_some_and(|value| value.to_ascii_lowercase().contains("no-cache"));
            let projection = projection.unwrap_or_else(Projection::all);
            let resource = read::get(&cx, id, &projection, no_cache).await?;
            return Ok(self.fresh(resource, &cx, id));
        }
        let if_match = header_text(&self.parts.headers, "if-match").map(str::to_owned);
        let id = id.to_owned();
        let name = match self.parts.method {
            Method::PUT => "replace",
            Method::PATCH => "patch",
            _ => "delete",
        };
        let (value, share) = if self.parts.method == Method::DELETE {
            (Value::Null, None)
        } else {
            let body = self.write_body(&cx, name, Some(&id), body).await?;
            (body.value, body.share)
        };
        let _place = self.place(caller)?;
        let operation = match self.parts.method {
            Method::PUT => Operation::Replace {
                id,
                body: Arc::new(value),
                if_match,
                projection: projection.unwrap_or_else(Projection::all),
            },
            Method::PATCH => Operation::Patch {
                id,
                body: Arc::new(value),
                if_match,
                projection,
            },
            _ => Operation::Delete { id, if_match },
        };
        let answer = self.write(cx, operation, 200).await;
        drop(share);
        answer
    }

    /// 200 with the resource, or 304 when the client has this version.
    fn fresh(&self, resource: Resource, cx: &Context, id: &str) -> Answer {
        let answer = match resource {
            Resource::Document(doc, version) => {
                Answer::resource(200, doc, version, cx.location(id))
            }
            Resource::Text(text, version) => Answer::text(text, version, cx.location(id)),
        };
        let version = answer
            .headers
            .iter()
            .find(|(name, _)| *name == "etag")
            .map(|(_, v)| v.clone());
        let known = header_text(&self.parts.headers, "if-none-match");
        match (version, known) {
            (Some(version), Some(known)) if etag::if_none_match(known, &version) => {
                Answer::empty(304).with("etag", version)
            }
            _ => answer,
        }
    }

    /// The answer to a write.
    async fn write(&self, cx: Context, operation: Operation, status: u16) -> Result<Answer, Error> {
        let written = write::perform(cx.clone(), operation).await?;
        let answer = match written {
            Written::Resource(doc, version) => {
                let id = doc.get("id").and_then(Value::as_str).unwrap_or_default();
                let location = cx.location(id);
                Answer::resource(status, doc, version, location)
            }
            Written::Done => Answer::empty(204),
            Written::Plan(calls) => {
                let calls: Vec<Value> = calls
                    .iter()
                    .map(crate::resources::GraphCall::printable)
                    .collect();
                Answer::json(200, json!({ "dryRun": true, "graphCalls": calls }))
                    .with("preference-applied", "dry-run")
            }
        };
        Ok(respond::telling(answer, &cx.ignored.names()))
    }

    fn context(&self, mapped: &Arc<MappedType>, caller: &Arc<Caller>) -> Context {
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
    fn readable(&self, caller: &Arc<Caller>) -> Result<Vec<Context>, Error> {
        let types = self.tenant.types.iter();
        let readable = types.filter(|t| caller.grant.allows(Access::Read, &t.kind.endpoint[1..]));
        let contexts: Vec<Context> = readable.map(|t| self.context(t, caller)).collect();
        if contexts.is_empty() {
            return Err(ScimError::forbidden("the token may read no resource type").into());
        }
        Ok(contexts)
    }

    fn resource_type(&self, name: &str) -> Result<&Arc<MappedType>, Error> {
        self.tenant
            .resource_type(name)
            .ok_or_else(|| ScimError::not_found(format!("there is no endpoint '/{name}'")).into())
    }

    fn methods(&self, allowed: &[Method]) -> Result<(), Error> {
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
    async fn body(&self, body: Body) -> Result<Held, Error> {
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
    async fn write_body(
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
    fn place(&self, caller: &Caller) -> Result<Place, Error> {
        let places = &self.server.places;
        places.take(&self.tenant.name, Some(&caller.token_id))
    }

    /// The query parameters, decoded; `+` is a space.
    fn pairs(&self) -> Vec<(String, String)> {
        let query = self.parts.uri.query().unwrap_or_default();
        url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect()
    }

    /// The projection, when the client names attributes.
    fn projection(&self, mapped: &MappedType) -> Result<Option<Projection>, Error> {
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
fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, ScimError> {
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

/// Whether it is asked what this server is, and not what it holds: without a query, the base is.
fn is_discovery(endpoint: &Endpoint, parts: &Parts) -> bool {
    match endpoint {
        Endpoint::ServiceProviderConfig
        | Endpoint::Schemas(_)
        | Endpoint::ResourceTypes(_)
        | Endpoint::Keys => true,
        Endpoint::Root => parts.uri.query().is_none_or(str::is_empty),
        _ => false,
    }
}

fn page(page: read::ListPage) -> Answer {
    Answer::list(page)
}

fn header_text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|v| v.to_str().ok())
}

/// The client's own `x-request-id`, if it is one that a log can bear; else a new one.
fn request_id(headers: &HeaderMap) -> String {
    let fits = |id: &&str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
        (8..=100).contains(&id.len()) && id.chars().all(plain)
    };
    let given = header_text(headers, "x-request-id").filter(fits);
    given.map_or_else(|| uuid::Uuid::new_v4().to_string(), str::to_owned)
}

/// Refuses what two servers on the way could read differently.
fn single(headers: &HeaderMap) -> Result<(), ScimError> {
    for name in [header::AUTHORIZATION, header::HOST] {
        if headers.get_all(&name).iter().count() > 1 {
            let text = format!("there is more than one {name} header");
            return Err(ScimError::invalid_syntax(text));
        }
    }
    Ok(())
}
