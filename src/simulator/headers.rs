//! The headers that every answer of Graph carries.

use super::request::{Body, SimRequest, SimResponse};
use crate::odata::facts;

/// Content type of a JSON answer.
pub const JSON: &str = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8";

/// Adds what is common: ids, diagnostics, resource units, content type.
pub fn finish(request: &SimRequest, response: &mut SimResponse) {
    let cost = facts::cost(request.method, &request.path, &request.query);
    let mut add = |name: &str, value: String| {
        if response.header(name).is_none() {
            response.headers.push((name.to_owned(), value));
        }
    };
    add("Cache-Control", "no-cache".to_owned());
    add("Strict-Transport-Security", "max-age=31536000".to_owned());
    add("request-id", request.request_id.to_string());
    if let Some(id) = request.header("client-request-id") {
        add("client-request-id", id.to_owned());
    }
    add(
        "x-ms-ags-diagnostic",
        r#"{"ServerInfo":{"DataCenter":"West Europe","Slice":"E","Ring":"5","ScaleUnit":"001","RoleInstance":"SIM0PEPF00000001"}}"#.to_owned(),
    );
    add("x-ms-resource-unit", cost.resource_units.to_string());
    let success = response.status < 400;
    let content_type = match &response.body {
        Body::Empty => None,
        Body::Json(_) if success => Some(JSON.to_owned()),
        Body::Json(_) => Some("application/json".to_owned()),
        Body::Text(_) => Some("text/plain".to_owned()),
        Body::Bytes(content_type, _) => Some(content_type.clone()),
    };
    let versioned = success && matches!(response.body, Body::Json(_) | Body::Text(_));
    if versioned && response.header("OData-Version").is_none() {
        response
            .headers
            .push(("OData-Version".to_owned(), "4.0".to_owned()));
    }
    if let Some(content_type) = content_type
        && response.header("Content-Type").is_none()
    {
        response
            .headers
            .push(("Content-Type".to_owned(), content_type));
    }
}
