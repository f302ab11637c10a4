//! `/ServiceProviderConfig`, `/Schemas`, `/ResourceTypes`: RFC 7643 §5-7, RFC 7644 §4.

use serde_json::{Value, json};

use super::Settings;
use crate::{
    scim::{
        error::Error,
        list,
        schema::{ResourceSchema, Schema},
        urn,
    },
    service::{App, Tenant, changes, events, read::cursor},
};

/// The `ServiceProviderConfig`: only what works.
pub fn service_provider_config(
    app: &App,
    tenant: &Tenant,
    settings: &Settings,
    base_url: &str,
) -> Value {
    let mut config = json!({
        "schemas": [urn::SERVICE_PROVIDER_CONFIG],
        "documentationUri": "https://www.rfc-editor.org/rfc/rfc7644",
        "patch": {"supported": true},
        "bulk": {
            "supported": true,
            "maxOperations": app.settings.bulk.operations,
            "maxPayloadSize": settings.limits.body,
        },
        "filter": {"supported": true, "maxResults": app.settings.max_page},
        "changePassword": {"supported": true},
        "sort": {"supported": true},
        "etag": {"supported": true},
        "pagination": {
            "cursor": true,
            "index": true,
            "defaultPaginationMethod": "index",
            "defaultPageSize": app.settings.default_page,
            "maxPageSize": app.settings.max_page,
            "cursorTimeout": cursor::TIMEOUT,
        },
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "OAuth Bearer Token",
            "description": "A bearer token made with `entra-scim token create`.",
            "specUri": "https://www.rfc-editor.org/rfc/rfc6750",
            "primary": true,
        }],
        "meta": {
            "resourceType": "ServiceProviderConfig",
            "location": format!("{base_url}/ServiceProviderConfig"),
        },
    });
    // RFC 9967 §4
    if settings.announce_events && tenant.replica.settings.on {
        config["securityEvents"] = json!({"asyncRequest": "none", "eventUris": events::EVENTS});
    }
    config
}

/// What is at the base: where to go on.
pub fn root(tenant: &Tenant, base_url: &str) -> Value {
    let types = tenant.types.iter().map(|mapped| mapped.schema());
    let endpoints: Vec<String> = types
        .map(|schema| format!("{base_url}{}", schema.endpoint))
        .collect();
    json!({
        "name": "entra-scim",
        "description": "A SCIM 2.0 server in front of Microsoft Entra ID. This is its base URL.",
        "version": env!("CARGO_PKG_VERSION"),
        "serviceProviderConfig": format!("{base_url}/ServiceProviderConfig"),
        "resourceTypes": format!("{base_url}/ResourceTypes"),
        "schemas": format!("{base_url}/Schemas"),
        "endpoints": endpoints,
    })
}

/// All schemas of the tenant, or the one with that URN.
///
/// # Errors
/// 404 for an unknown URN.
pub fn schemas(tenant: &Tenant, base_url: &str, urn: Option<&str>) -> Result<Value, Error> {
    let mut all: Vec<Value> = Vec::new();
    for mapped in &tenant.types {
        let schema = mapped.schema();
        for one in std::iter::once(&schema.core).chain(&schema.extensions) {
            if !all.iter().any(|known| known["id"] == one.id.as_str()) {
                all.push(schema_json(one, base_url));
            }
        }
    }
    if tenant.replica.settings.on {
        all.push(schema_json(&changes::schema().core, base_url));
    }
    select(all, urn, "id", "schema")
}

/// All resource types of the tenant, or the one of that name.
///
/// # Errors
/// 404 for an unknown name.
pub fn resource_types(tenant: &Tenant, base_url: &str, name: Option<&str>) -> Result<Value, Error> {
    let schemas = tenant.types.iter().map(|mapped| mapped.schema());
    let feed = tenant.replica.settings.on.then(changes::schema);
    let all = schemas
        .chain(feed)
        .map(|schema| resource_type_json(schema, base_url))
        .collect();
    select(all, name, "name", "resource type")
}

fn select(all: Vec<Value>, wanted: Option<&str>, key: &str, what: &str) -> Result<Value, Error> {
    let Some(wanted) = wanted else {
        let resources = all.into_iter().filter_map(|v| match v {
            Value::Object(map) => Some(map),
            _ => None,
        });
        let resources: Vec<_> = resources.collect();
        return Ok(list::response(resources.len(), 1, resources));
    };
    all.into_iter()
        .find(|v| {
            v[key]
                .as_str()
                .is_some_and(|k| k.eq_ignore_ascii_case(wanted))
        })
        .ok_or_else(|| Error::not_found(format!("there is no {what} '{wanted}'")))
}

fn schema_json(schema: &Schema, base_url: &str) -> Value {
    json!({
        "schemas": [urn::SCHEMA],
        "id": schema.id,
        "name": schema.name,
        "description": schema.description,
        "attributes": schema.attributes,
        "meta": {"resourceType": "Schema", "location": format!("{base_url}/Schemas/{}", schema.id)},
    })
}

fn resource_type_json(schema: &ResourceSchema, base_url: &str) -> Value {
    let extensions: Vec<Value> = schema
        .extensions
        .iter()
        .map(|s| json!({"schema": s.id, "required": false}))
        .collect();
    json!({
        "schemas": [urn::RESOURCE_TYPE],
        "id": schema.name,
        "name": schema.name,
        "endpoint": schema.endpoint,
        "description": schema.core.description,
        "schema": schema.core.id,
        "schemaExtensions": extensions,
        "meta": {
            "resourceType": "ResourceType",
            "location": format!("{base_url}/ResourceTypes/{}", schema.name),
        },
    })
}
