//! One tenant: credential, token, Graph, permissions.

use std::sync::Arc;

use secrecy::ExposeSecret;
use serde_json::Value;
use time::{Duration, OffsetDateTime, macros::format_description};
use tokio::time::timeout;
use uuid::Uuid;

use super::{
    PATIENCE,
    claims::Claims,
    permissions,
    report::{Level, Line},
};
use crate::{
    base::{chain::Chain, clock::SharedClock},
    cli::wiring,
    config::Tenant,
    credential::{self, Kind, TokenSource},
    graph::{self, Call, Lane},
    odata::{expr::Expr, request::Request},
};

/// A certificate that ends sooner than this is worth a warning.
const RENEW_BEFORE: Duration = Duration::days(30);

pub(super) async fn check(
    tenant: &Tenant,
    http: &reqwest::Client,
    clock: &SharedClock,
) -> anyhow::Result<Vec<Line>> {
    let mut lines = Vec::new();
    if let Some(line) = certificate(tenant, clock) {
        let usable = line.level != Level::Fail;
        lines.push(line);
        if !usable {
            return Ok(lines);
        }
    }
    let tokens = match wiring::tokens(tenant, http, clock) {
        Ok(tokens) => tokens,
        Err(error) => {
            lines.push(no_token(&error));
            return Ok(lines);
        }
    };
    let (claims, line) = sign_in(tenant, tokens.as_ref()).await;
    lines.push(line);
    let Some(claims) = claims else {
        return Ok(lines);
    };
    lines.extend(right_tenant(tenant, &claims));
    let client = wiring::graph_client(tenant, PATIENCE, Arc::clone(&tokens), http, clock)?;
    let (reached, line) = reach(&client).await;
    lines.push(line);
    lines.extend(granted(tenant, &claims)?);
    if reached && let Some(oid) = &claims.oid {
        lines.extend(roles_in_time(&client, oid).await);
    }
    if reached
        && tenant.permissions == crate::config::Preset::Full
        && let Some(oid) = &claims.oid
    {
        lines.push(directory_roles(&client, oid).await);
    }
    Ok(lines)
}

/// What the certificate itself says, before Entra is asked.
fn certificate(tenant: &Tenant, clock: &SharedClock) -> Option<Line> {
    let certificate = match credential::describe(&tenant.credential) {
        Ok(description) => description.certificate?,
        // Building the credential fails for the same reason, and says so.
        Err(_) => return None,
    };
    let now = clock.now();
    let until = certificate.not_after;
    let remedy = "make a new certificate, upload it to the application, and replace the file";
    let subject = &certificate.subject;
    let date = date(until);
    Some(if until <= now {
        Line::new(
            Level::Fail,
            "certificate",
            format!("{subject} expired on {date}"),
        )
        .remedy(remedy)
    } else if until - now < RENEW_BEFORE {
        Line::new(
            Level::Warn,
            "certificate",
            format!("{subject} expires on {date}"),
        )
        .remedy(remedy)
    } else {
        Line::new(
            Level::Ok,
            "certificate",
            format!("{} valid until {date}", certificate.thumbprint),
        )
    })
}

fn date(at: OffsetDateTime) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
    at.format(&format).unwrap_or_else(|_| at.to_string())
}

/// Obtains a token and reads what it grants.
async fn sign_in(tenant: &Tenant, tokens: &dyn TokenSource) -> (Option<Claims>, Line) {
    let kind = tenant.credential.kind();
    let bearer = match timeout(PATIENCE, tokens.bearer()).await {
        Ok(Ok(bearer)) => bearer,
        Ok(Err(error)) => return (None, no_token(&error)),
        Err(_) => {
            let line = Line::new(
                Level::Fail,
                "credential",
                format!("{kind}: no token within {} s", PATIENCE.as_secs()),
            )
            .remedy(remedy(Kind::Unavailable, kind));
            return (None, line);
        }
    };
    let token = bearer.token.expose_secret();
    if token.is_empty() {
        let line = Line::new(
            Level::Fail,
            "credential",
            format!("{kind}: the token is empty"),
        )
        .remedy("the sign-in host does not behave like Entra: check authority_url and proxies");
        return (None, line);
    }
    match Claims::read(token) {
        Some(claims) => {
            let line = Line::new(
                Level::Ok,
                "credential",
                format!("{kind}: a token was issued"),
            );
            (Some(claims), line)
        }
        None => (
            None,
            Line::new(
                Level::Fail,
                "credential",
                format!("{kind}: the token is not a JSON web token, so not one for Graph"),
            )
            .remedy("check authority_url, graph_url and the cloud"),
        ),
    }
}

fn no_token(error: &credential::Error) -> Line {
    Line::new(Level::Fail, "credential", error.summary()).remedy(
        error
            .remedy()
            .unwrap_or_else(|| remedy(error.kind, error.credential)),
    )
}

/// What to do where Entra gave no code that says it.
fn remedy(kind: Kind, credential: &str) -> &'static str {
    match (credential, kind) {
        ("managed identity", Kind::Unavailable) => {
            "is this an Azure host, and is its managed identity switched on?"
        }
        ("managed identity", Kind::Misconfigured) => {
            "assign the identity of credential.client_id to this host; without client_id the \
             system-assigned one is used, which must be switched on"
        }
        ("managed identity", Kind::Denied) => {
            "App Service sets IDENTITY_ENDPOINT and IDENTITY_HEADER: do not set them yourself"
        }
        ("Azure CLI", _) => {
            "does `az account get-access-token` work here? az login signs in, with --tenant"
        }
        ("workload identity", Kind::Denied) => {
            "check client id, tenant id and the application's federated identity credential"
        }
        (_, Kind::Denied) => "check tenant id, client id and secret or certificate",
        (_, Kind::Unavailable) => "check the network, the proxy and authority_url",
        (_, Kind::Misconfigured) => "correct tenants.<name>.credential",
    }
}

fn right_tenant(tenant: &Tenant, claims: &Claims) -> Option<Line> {
    // A domain name cannot be compared to an id.
    let expected = Uuid::try_parse(tenant.entra.tenant_id.as_deref()?).ok()?;
    let actual = claims.tid.as_deref()?;
    (Uuid::try_parse(actual).ok() != Some(expected)).then(|| {
        Line::new(
            Level::Fail,
            "credential",
            format!("the token is of tenant {actual}, configured is {expected}"),
        )
        .remedy("correct tenant_id, or use a credential of that tenant")
    })
}

async fn reach(client: &graph::Client) -> (bool, Line) {
    let call = Call::new(Lane::Interactive, PATIENCE);
    let request = Request::get("/organization").select(["id", "displayName"]);
    match client.send(&call, &request).await {
        Ok(reply) => {
            let name = reply
                .body
                .pointer("/value/0/displayName")
                .and_then(Value::as_str)
                .unwrap_or("(without a name)");
            (
                true,
                Line::new(Level::Ok, "Graph", format!("answers: {name}")),
            )
        }
        // Graph knows us and says no: it is reached, and the permissions are told below.
        Err(error) if error.status() == Some(403) => (
            true,
            Line::new(
                Level::Warn,
                "Graph",
                "answers, but does not show the organisation",
            )
            .remedy(
                "grant Organization.Read.All if you want to see it here; nothing else needs it",
            ),
        ),
        Err(error) => {
            let remedy = match error.status() {
                Some(401) => "the token is not accepted: check graph_url and the cloud",
                _ => "check the network, the proxy and graph_url",
            };
            (
                false,
                Line::new(Level::Fail, "Graph", Chain(&error).to_string()).remedy(remedy),
            )
        }
    }
}

fn granted(tenant: &Tenant, claims: &Claims) -> anyhow::Result<Vec<Line>> {
    if claims.roles.is_empty()
        && let Some(scopes) = &claims.scp
    {
        return Ok(vec![
            Line::new(
                Level::Warn,
                "permission",
                format!(
                    "a person is signed in, with {scopes}: application permissions are unknown"
                ),
            )
            .remedy("for anything but development, use a credential of an application"),
        ]);
    }
    Ok(permissions::compare(&claims.roles, tenant.permissions)?)
}

/// Whether the tenant has eligible and time-bound roles at all; what may not be read is told with the
/// permissions.
async fn roles_in_time(client: &graph::Client, oid: &str) -> Option<Line> {
    let call = Call::new(Lane::Interactive, PATIENCE);
    let request = Request::get("/roleManagement/directory/roleEligibilitySchedules")
        .filter(&Expr::eq("principalId", oid));
    let what = "roles in time";
    match client.send(&call, &request).await {
        Ok(_) => Some(Line::new(
            Level::Ok,
            what,
            "Privileged Identity Management answers",
        )),
        Err(error) if error.refusal() == Some(graph::Refusal::PremiumRequired) => Some(
            Line::new(
                Level::Warn,
                what,
                "the tenant has no licence of Privileged Identity Management: roles are held for good only",
            )
            .remedy("nothing, if you do not assign roles for a time; else Entra ID P2 or Governance"),
        ),
        Err(_) => None,
    }
}

/// The directory roles of the application's own service principal.
async fn directory_roles(client: &graph::Client, oid: &str) -> Line {
    let call = Call::new(Lane::Interactive, PATIENCE);
    let request = Request::get("/roleManagement/directory/roleAssignments")
        .option(
            "$filter",
            format!("principalId eq '{}'", oid.replace('\'', "''")),
        )
        .select(["id", "roleDefinitionId"]);
    match client.collect(&call, &request, 1_000).await {
        Ok(assignments) => {
            let held: Vec<String> = assignments
                .iter()
                .filter_map(|assignment| assignment["roleDefinitionId"].as_str())
                .map(str::to_owned)
                .collect();
            permissions::password_reset(&held)
        }
        Err(error) => Line::new(
            Level::Warn,
            "directory role",
            format!("cannot be read: {}", Chain(&error)),
        )
        .remedy("grant RoleManagement.Read.Directory, or look at the application's roles in Entra"),
    }
}
