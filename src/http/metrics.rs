//! `GET /metrics`, in the text format of Prometheus: of the tenant of the token that asks, or of all
//! where no token is asked for.

use std::{
    fmt::Write as _,
    sync::{Arc, atomic::Ordering},
};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};

use super::{Server, auth, respond};
use crate::service::{Tenant, replica::TypeProgress};

/// Answers with the metrics.
pub async fn metrics(server: Arc<Server>, request: Request) -> Response {
    let tenants: Vec<Arc<Tenant>> = if server.settings.open_metrics {
        server.app.tenants.clone()
    } else {
        let (parts, _) = request.into_parts();
        let mut of_token = Vec::new();
        for tenant in &server.app.tenants {
            if auth::caller(&server.app, &parts.headers, &tenant.name)
                .await
                .is_ok()
            {
                of_token.push(Arc::clone(tenant));
            }
        }
        of_token
    };
    if tenants.is_empty() {
        let mut response = respond::plain(401, "a bearer token is required\n");
        let value = HeaderValue::from_static("Bearer realm=\"metrics\"");
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, value);
        return response;
    }
    let now =
        i64::try_from(server.app.clock.now().unix_timestamp_nanos() / 1000).unwrap_or_default();
    let mut text = String::new();
    for tenant in &tenants {
        if of_tenant(tenant, now, &mut text).is_err() {
            return respond::plain(500, "internal error\n");
        }
    }
    let mut response = Body::from(text).into_response();
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

fn of_tenant(tenant: &Tenant, now: i64, text: &mut String) -> std::fmt::Result {
    let name = tenant.name.replace(['\\', '"', '\n'], "_");
    let replica = &tenant.replica;
    let counters = &replica.counters;
    let on = u8::from(replica.settings.on);
    writeln!(text, "entra_scim_replica_on{{tenant=\"{name}\"}} {on}")?;
    let ready = u8::from(replica.is_ready());
    writeln!(
        text,
        "entra_scim_replica_ready{{tenant=\"{name}\"}} {ready}"
    )?;
    if let Some(age) = replica.age(now) {
        #[expect(clippy::cast_precision_loss, reason = "seconds for a graph")]
        let seconds = age as f64 / 1e6;
        writeln!(
            text,
            "entra_scim_replica_lag_seconds{{tenant=\"{name}\"}} {seconds:.3}"
        )?;
    }
    for (counter, value) in [
        ("rounds", &counters.rounds),
        ("round_failures", &counters.failures),
        ("changes", &counters.changes),
        ("resyncs", &counters.resyncs),
        ("stale_pages", &counters.stale),
        ("rechecks", &counters.rechecks),
        ("drift", &counters.drift),
        ("notifications", &counters.notifications),
        ("unrecorded_writes", &counters.unrecorded),
    ] {
        let value = value.load(Ordering::Relaxed);
        writeln!(
            text,
            "entra_scim_replica_{counter}_total{{tenant=\"{name}\"}} {value}"
        )?;
    }
    let progress = replica.progress(|progress| progress.clone());
    for (kind, of) in &progress.types {
        let TypeProgress { done, total, .. } = of;
        writeln!(
            text,
            "entra_scim_replica_synchronised{{tenant=\"{name}\",type=\"{kind}\"}} {done}"
        )?;
        if let Some(total) = total {
            writeln!(
                text,
                "entra_scim_replica_expected{{tenant=\"{name}\",type=\"{kind}\"}} {total}"
            )?;
        }
    }
    writeln!(
        text,
        "entra_scim_replica_graph_requests_total{{tenant=\"{name}\"}} {}",
        progress.requests
    )?;
    writeln!(
        text,
        "entra_scim_replica_resource_units_total{{tenant=\"{name}\"}} {}",
        progress.units
    )
}
