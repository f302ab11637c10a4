//! Applications and service principals: create, update, passwords.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use time::Duration;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use super::answers::{created, entity};
use super::complete::complete;
use super::keys;
use super::validate::{self, Limits};
use crate::simulator::directory::{Directory, Kind, Slot, guid, parse_time};
use crate::simulator::errors::SimError;
use crate::simulator::model::Ctx;
use crate::simulator::query::values;
use crate::simulator::request::SimResponse;

type Answer = Result<SimResponse, SimError>;

const APPLICATION: Limits = Limits {
    read_only: &[
        "id",
        "appId",
        "certification",
        "createdByAppId",
        "createdDateTime",
        "deletedDateTime",
        "disabledByMicrosoftStatus",
        "passwordCredentials",
        "publisherDomain",
    ],
    lengths: &[("displayName", 256), ("description", 1024)],
    required: &["displayName"],
};

const SERVICE_PRINCIPAL: Limits = Limits {
    read_only: &[
        "id",
        "appDescription",
        "appDisplayName",
        "appOwnerOrganizationId",
        "applicationTemplateId",
        "createdByAppId",
        "deletedDateTime",
        "disabledByMicrosoftStatus",
        "passwordCredentials",
        "signInAudience",
    ],
    lengths: &[("notes", 1024)],
    required: &[],
};

const AUDIENCES: [&str; 4] = [
    "AzureADMyOrg",
    "AzureADMultipleOrgs",
    "AzureADandPersonalMicrosoftAccount",
    "PersonalMicrosoftAccount",
];

/// Audiences that hold personal accounts.
const PERSONAL: [&str; 2] = [AUDIENCES[2], AUDIENCES[3]];

/// A moment with a fraction of a second, as answers to a POST show it: ticks of 100 ns.
fn precise(at: time::OffsetDateTime) -> String {
    let ticks = at.nanosecond() / 100 * 100;
    let at = at.replace_nanosecond(ticks).unwrap_or(at);
    at.format(&Rfc3339).unwrap_or_default()
}

/// `POST /applications`
pub fn create_application(ctx: &mut Ctx<'_>) -> Answer {
    let mut input = validate::body(ctx, Kind::Application, &APPLICATION)?;
    input.require(&["displayName"])?;
    check_application(ctx.dir, &input, None)?;
    keys::complete(ctx.dir, None, &mut input.properties)?;
    let slot = insert_application(ctx, &mut input.properties);
    let mut response = created(ctx, slot);
    if let crate::simulator::request::Body::Json(body) = &mut response.body {
        body["createdDateTime"] = precise(ctx.dir.now()).into();
    }
    Ok(response)
}

fn insert_application(ctx: &mut Ctx<'_>, properties: &mut Map<String, Value>) -> Slot {
    let domain = ctx
        .dir
        .tenant
        .domains
        .iter()
        .find(|d| d.is_initial)
        .map_or("", |d| &d.name);
    properties.insert("publisherDomain".to_owned(), domain.into());
    properties.insert("appId".to_owned(), Uuid::new_v4().to_string().into());
    properties.insert("createdDateTime".to_owned(), ctx.dir.now_text());
    let audience = properties
        .entry("signInAudience")
        .or_insert_with(|| json!(AUDIENCES[0]));
    if audience.as_str().is_some_and(|a| PERSONAL.contains(&a)) {
        // Personal accounts get tokens of version 2 only.
        let api = properties.entry("api").or_insert_with(|| json!({}));
        if api["requestedAccessTokenVersion"].is_null() {
            api["requestedAccessTokenVersion"] = json!(2);
        }
    }
    complete(ctx.dir, None, Kind::Application, properties);
    let pairs = properties
        .iter()
        .map(|(name, value)| (name.as_str(), value));
    ctx.dir.insert(Kind::Application, Uuid::new_v4(), pairs)
}

/// An application out of a template, with its service principal.
pub fn from_template(
    ctx: &mut Ctx<'_>,
    template: &str,
    name: Value,
) -> Result<(Slot, Slot), SimError> {
    let mut properties = Map::from_iter([
        ("displayName".to_owned(), name),
        ("applicationTemplateId".to_owned(), template.into()),
    ]);
    let app = insert_application(ctx, &mut properties);
    let mut properties = Map::from_iter([("applicationTemplateId".to_owned(), template.into())]);
    let app_id = ctx.dir.json(app, "appId");
    properties.insert(
        "tags".to_owned(),
        json!(["WindowsAzureActiveDirectoryIntegratedApp"]),
    );
    properties.insert("appId".to_owned(), app_id);
    let principal = insert_service_principal(ctx, app, &mut properties);
    Ok((app, principal))
}

/// `PATCH /applications/{id}`
pub fn update_application(ctx: &mut Ctx<'_>, slot: Slot) -> Answer {
    let mut input = validate::body(ctx, Kind::Application, &APPLICATION)?;
    check_application(ctx.dir, &input, Some(slot))?;
    keys::complete(ctx.dir, Some(slot), &mut input.properties)?;
    complete(
        ctx.dir,
        Some(slot),
        Kind::Application,
        &mut input.properties,
    );
    let pairs = input.pairs();
    ctx.dir.set(slot, pairs);
    Ok(SimResponse::no_content())
}

fn check_application(
    dir: &Directory,
    input: &validate::Input,
    slot: Option<Slot>,
) -> Result<(), SimError> {
    if input
        .text("signInAudience")
        .is_some_and(|a| !AUDIENCES.contains(&a))
    {
        return Err(SimError::invalid_value("signInAudience", Kind::Application));
    }
    let uris = input.get("identifierUris").and_then(Value::as_array);
    for uri in uris.into_iter().flatten().filter_map(Value::as_str) {
        let taken = dir.all(Kind::Application, None).any(|other| {
            Some(other) != slot && dir.is_live(other) && dir.lists(other, "identifierUris", uri)
        });
        if taken {
            return Err(SimError::conflict("identifierUris"));
        }
        let known = slot.is_some_and(|slot| dir.lists(slot, "identifierUris", uri));
        if !known && !is_own_uri(dir, slot, uri) {
            return Err(SimError::new(
                400,
                "HostNameNotOnVerifiedDomain",
                format!(
                    "Values of identifierUris property must use a verified domain of the organization or its subdomain: '{uri}'"
                ),
            )
            .detail("InvalidValue", "identifierUris"));
        }
    }
    if let Some(name) = input.text("uniqueName") {
        let same = |other: Slot| dir.text(other, "uniqueName") == Some(name);
        let mut others = dir
            .all(Kind::Application, None)
            .filter(|o| Some(*o) != slot);
        if others.any(|other| dir.is_live(other) && same(other)) {
            return Err(SimError::conflict("uniqueName"));
        }
    }
    let before = |name: &str| slot.map_or(Value::Null, |slot| dir.json(slot, name));
    check_disabled(&before("appRoles"), input.get("appRoles"))?;
    let scopes = "oauth2PermissionScopes";
    check_disabled(
        &before("api")[scopes],
        input.get("api").and_then(|api| api.get(scopes)),
    )
}

/// Whether an application may have an identifier: one without a host (`urn:…`), `api://…`, or one on
/// a verified domain; any at all once its service principal signs in by SAML.
fn is_own_uri(dir: &Directory, slot: Option<Slot>, uri: &str) -> bool {
    let Some((scheme, rest)) = uri.split_once("://") else {
        return true;
    };
    let host = rest.split(['/', ':', '?', '#']).next().unwrap_or_default();
    let on = |domain: &str| {
        host.len().checked_sub(domain.len()).is_some_and(|at| {
            host.get(at..)
                .is_some_and(|end| end.eq_ignore_ascii_case(domain))
                && (at == 0 || host.as_bytes()[at - 1] == b'.')
        })
    };
    let by_saml = || {
        slot.and_then(|slot| dir.text(slot, "appId"))
            .and_then(guid)
            .and_then(|id| dir.find_app(Kind::ServicePrincipal, id))
            .is_some_and(|sp| dir.text(sp, "preferredSingleSignOnMode") == Some("saml"))
    };
    scheme.eq_ignore_ascii_case("api")
        || dir.tenant.domains.iter().any(|domain| on(&domain.name))
        || by_saml()
}

/// An enabled role or scope must be disabled before it is taken away.
fn check_disabled(before: &Value, after: Option<&Value>) -> Result<(), SimError> {
    let Some(after) = after.and_then(Value::as_array) else {
        return Ok(());
    };
    for old in before.as_array().into_iter().flatten() {
        let kept = after.iter().any(|new| new["id"] == old["id"]);
        if !kept && old["isEnabled"] == true {
            return Err(SimError::new(
                400,
                "CannotDeleteOrUpdateEnabledEntitlement",
                "Permission (scope or role) cannot be deleted or updated unless disabled first.",
            ));
        }
    }
    Ok(())
}

/// `POST /servicePrincipals`: of an application of this tenant.
pub fn create_service_principal(ctx: &mut Ctx<'_>) -> Answer {
    let mut input = validate::body(ctx, Kind::ServicePrincipal, &SERVICE_PRINCIPAL)?;
    input.require(&["appId"])?;
    let text = input.text("appId").unwrap_or_default().to_owned();
    let app_id = guid(&text);
    if app_id.is_some_and(|id| ctx.dir.find_app(Kind::ServicePrincipal, id).is_some()) {
        return Err(SimError::new(
            409,
            "Request_MultipleObjectsWithSameKeyValue",
            format!(
                "The service principal cannot be created, updated, or restored because the service principal name {text} is already in use."
            ),
        )
        .detail("ObjectConflict", "servicePrincipalNames"));
    }
    let app = app_id.and_then(|id| ctx.dir.find_app(Kind::Application, id)).ok_or_else(|| {
        SimError::bad(format!(
            "The appId '{text}' of the service principal does not reference a valid application object."
        ))
        .detail("NoBackingApplicationObject", "appId")
    })?;
    keys::complete(ctx.dir, None, &mut input.properties)?;
    let slot = insert_service_principal(ctx, app, &mut input.properties);
    Ok(created(ctx, slot))
}

fn insert_service_principal(
    ctx: &mut Ctx<'_>,
    app: Slot,
    properties: &mut Map<String, Value>,
) -> Slot {
    let dir = &*ctx.dir;
    let mut names = vec![dir.json(app, "appId")];
    if let Value::Array(uris) = dir.json(app, "identifierUris") {
        names.extend(uris);
    }
    let web = values::value(dir.present(), app, "web");
    let addresses = [
        &web,
        &values::value(dir.present(), app, "spa"),
        &values::value(dir.present(), app, "publicClient"),
    ]
    .iter()
    .filter_map(|part| part["redirectUris"].as_array())
    .flatten()
    .cloned()
    .collect();
    let replies = Value::Array(addresses);
    for (name, value) in [
        ("displayName", dir.json(app, "displayName")),
        ("appDisplayName", dir.json(app, "displayName")),
        ("appDescription", dir.json(app, "description")),
        ("appRoles", dir.json(app, "appRoles")),
        ("signInAudience", dir.json(app, "signInAudience")),
        ("info", values::value(dir.present(), app, "info")),
        (
            "verifiedPublisher",
            values::value(dir.present(), app, "verifiedPublisher"),
        ),
        ("addIns", dir.json(app, "addIns")),
        (
            "oauth2PermissionScopes",
            dir.json(app, "api")["oauth2PermissionScopes"].take(),
        ),
        ("homepage", web["homePageUrl"].clone()),
        ("logoutUrl", web["logoutUrl"].clone()),
        ("replyUrls", replies),
        ("appOwnerOrganizationId", json!(dir.tenant.id.to_string())),
        ("accountEnabled", json!(true)),
        ("appRoleAssignmentRequired", json!(false)),
        ("servicePrincipalType", json!("Application")),
        ("servicePrincipalNames", Value::Array(names)),
        ("createdDateTime", dir.now_text()),
    ] {
        properties.entry(name).or_insert(value);
    }
    let pairs = properties
        .iter()
        .map(|(name, value)| (name.as_str(), value));
    ctx.dir
        .insert(Kind::ServicePrincipal, Uuid::new_v4(), pairs)
}

/// `PATCH /servicePrincipals/{id}`
pub fn update_service_principal(ctx: &mut Ctx<'_>, slot: Slot) -> Answer {
    let mut input = validate::body(ctx, Kind::ServicePrincipal, &SERVICE_PRINCIPAL)?;
    if input.properties.contains_key("appId") {
        return Err(SimError::read_only("appId"));
    }
    keys::complete(ctx.dir, Some(slot), &mut input.properties)?;
    complete(
        ctx.dir,
        Some(slot),
        Kind::ServicePrincipal,
        &mut input.properties,
    );
    let pairs = input.pairs();
    ctx.dir.set(slot, pairs);
    Ok(SimResponse::no_content())
}

/// `POST …/addPassword`: the secret is told once.
pub fn add_password(ctx: &mut Ctx<'_>, slot: Slot) -> Answer {
    let body = ctx.request.body_object()?;
    let given = match body.get("passwordCredential") {
        None | Some(Value::Null) => Value::Null,
        Some(Value::Object(given)) => Value::Object(given.clone()),
        Some(_) => return Err(SimError::invalid_property("passwordCredential")),
    };
    let now = ctx.dir.now();
    let moment = |name: &str, default: time::OffsetDateTime| match &given[name] {
        Value::Null => Ok(precise(default)),
        Value::String(text) if parse_time(text).is_some() => Ok(text.clone()),
        _ => Err(SimError::invalid_property(name)),
    };
    let start = moment("startDateTime", now)?;
    let end = moment("endDateTime", now + Duration::days(730))?;
    let bytes = [*Uuid::new_v4().as_bytes(), *Uuid::new_v4().as_bytes()].concat();
    let secret = URL_SAFE_NO_PAD.encode(bytes).replace('-', "~");
    let key_id = match given["keyId"].as_str() {
        None => Uuid::new_v4(),
        Some(text) => guid(text).ok_or_else(|| SimError::invalid_property("keyId"))?,
    };
    let mut credential = json!({
        "customKeyIdentifier": given["customKeyIdentifier"],
        "displayName": given["displayName"],
        "endDateTime": end,
        "hint": secret.get(..3),
        "keyId": key_id.to_string(),
        "secretText": null,
        "startDateTime": start,
    });
    let mut list = match ctx.dir.json(slot, "passwordCredentials") {
        Value::Array(list) => list,
        _ => Vec::new(),
    };
    list.push(credential.clone());
    ctx.dir.set_one(slot, "passwordCredentials", &list.into());
    let hash = Sha256::digest(secret.as_bytes()).into();
    ctx.dir.secrets.insert(key_id, hash);
    credential["secretText"] = secret.into();
    Ok(entity(
        &ctx.view(),
        "microsoft.graph.passwordCredential",
        credential,
    )
    .with_header("Location", ctx.request.origin.clone()))
}

/// `POST …/removePassword`
pub fn remove_password(ctx: &mut Ctx<'_>, slot: Slot) -> Answer {
    let body = ctx.request.body_object()?;
    let key = super::refs::body_id(&body, "keyId")?.to_string();
    let Value::Array(mut list) = ctx.dir.json(slot, "passwordCredentials") else {
        return Err(no_password(&key));
    };
    let before = list.len();
    list.retain(|c| {
        c["keyId"]
            .as_str()
            .is_none_or(|id| !id.eq_ignore_ascii_case(&key))
    });
    if list.len() == before {
        return Err(no_password(&key));
    }
    ctx.dir.set_one(slot, "passwordCredentials", &list.into());
    Ok(SimResponse::no_content())
}

fn no_password(key: &str) -> SimError {
    SimError::bad(format!("No password credential found with keyId '{key}'."))
}
