//! One request from socket to answer: route, authenticate, call the use case, shape the answer.

use std::{panic::AssertUnwindSafe, sync::Arc};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, Method, header, request::Parts},
    response::Response,
};
use futures_util::FutureExt as _;
use serde_json::{Value, json};
use tracing::Instrument;

use super::{
    Server, auth,
    body::Held,
    discovery,
    exchange::{Exchange, header_text, idempotency_key, request_id, single},
    respond::{self, Answer},
    route::{self, Endpoint},
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
        Context, Error, MappedType, access, bulk, changes, events, photo,
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

impl Exchange<'_> {
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
