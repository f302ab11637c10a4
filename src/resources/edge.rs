//! An edge: one element of a relation, such as a member, a licence or a role assignment.

use serde_json::{Map, Value};

/// One element of a relation, seen from the resource that has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Edge {
    /// `value`: the id at the other end.
    pub value: String,
    /// `display`: its name.
    pub display: Option<String>,
    /// `type`: `User`, `Group`, `direct`, …
    pub kind: Option<String>,
    /// The endpoint that `$ref` points to, when the other end is served here: `/Users`.
    pub endpoint: Option<&'static str>,
    /// What only this relation has: scope, assignment id, disabled plans.
    pub extra: Map<String, Value>,
}

impl Edge {
    /// The SCIM element, `$ref` below `base_url`.
    pub fn element(&self, base_url: &str) -> Value {
        let mut element = Map::new();
        element.insert("value".into(), self.value.clone().into());
        if let Some(endpoint) = self.endpoint {
            element.insert(
                "$ref".into(),
                format!("{base_url}{endpoint}/{}", self.value).into(),
            );
        }
        if let Some(display) = &self.display {
            element.insert("display".into(), display.clone().into());
        }
        if let Some(kind) = &self.kind {
            element.insert("type".into(), kind.clone().into());
        }
        element.extend(self.extra.clone());
        Value::Object(element)
    }

    /// An edge to a directory object that Graph listed: type and endpoint by `@odata.type`.
    pub fn from_directory_object(item: &Value) -> Option<Self> {
        let odata_type = item
            .get("@odata.type")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let (kind, endpoint) = match odata_type {
            "#microsoft.graph.user" => ("User", Some("/Users")),
            "#microsoft.graph.group" => ("Group", Some("/Groups")),
            "#microsoft.graph.servicePrincipal" => ("ServicePrincipal", None),
            "#microsoft.graph.device" => ("Device", None),
            "#microsoft.graph.orgContact" => ("Contact", None),
            _ => ("Object", None),
        };
        Some(Self {
            value: item.get("id")?.as_str()?.to_owned(),
            display: text(item, "displayName"),
            kind: Some(kind.to_owned()),
            endpoint,
            extra: Map::new(),
        })
    }
}

/// The string property `name` of `item`, when it has one.
pub fn text(item: &Value, name: &str) -> Option<String> {
    item.get(name).and_then(Value::as_str).map(str::to_owned)
}
