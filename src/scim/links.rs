//! Links from one resource to another. Documents hold them relative to the SCIM base (`/Users/1`),
//! so that one document, and one version of it, serves every name that the server is reached by;
//! an answer completes them with the base of its request.

use serde_json::Value;

use super::{
    Document,
    schema::{Attribute, Mutability, ResourceSchema, Type},
};

/// Puts `base` (without a slash at the end) before every relative link: `meta.location`, each
/// `$ref`, and the attributes of type reference that the server makes. Those are the readOnly
/// ones, and where an attribute is made by the server and by clients (photos), what lies below
/// the resource itself.
///
/// Any other `/path` is a client's and none of ours. What is complete stays, so that completing
/// twice is completing once.
pub fn absolute(doc: &mut Document, base: &str, schema: &ResourceSchema) {
    let id = doc.get("id").and_then(Value::as_str);
    let own = id.map(|id| format!("{}/{id}/", schema.endpoint));
    let site = Site {
        base,
        own: own.as_deref(),
    };
    for attribute in schema.common.iter().chain(&schema.core.attributes) {
        site.complete_attribute(doc, attribute);
    }
    for extension in &schema.extensions {
        if let Some(Value::Object(container)) = doc.get_mut(&extension.id) {
            for attribute in &extension.attributes {
                site.complete_attribute(container, attribute);
            }
        }
    }
}

/// Where the links of one resource lead.
struct Site<'a> {
    base: &'a str,
    /// The path that everything below the resource begins with.
    own: Option<&'a str>,
}

impl Site<'_> {
    fn complete_attribute(&self, container: &mut Document, attribute: &Attribute) {
        let is_link = |attribute: &Attribute| attribute.kind == Type::Reference;
        let is_plain = is_link(attribute);
        if !is_plain && !attribute.sub_attributes.iter().any(is_link) {
            return;
        }
        let Some(value) = container.get_mut(&attribute.name) else {
            return;
        };
        if is_plain {
            each(value, &mut |value| self.complete(value, attribute));
            return;
        }
        for sub in attribute.sub_attributes.iter().filter(|sub| is_link(sub)) {
            each(value, &mut |element| {
                if let Some(value) = element.get_mut(&sub.name) {
                    self.complete(value, sub);
                }
            });
        }
    }

    fn complete(&self, value: &mut Value, definition: &Attribute) {
        let Value::String(link) = value else {
            return;
        };
        // `//host/path` names a host of its own.
        if !link.starts_with('/') || link.starts_with("//") {
            return;
        }
        let ours = definition.name == "$ref"
            || definition.mutability == Mutability::ReadOnly
            || self.own.is_some_and(|own| link.starts_with(own));
        if ours {
            link.insert_str(0, self.base);
        }
    }
}

/// Each element of a list, or the single value.
fn each(value: &mut Value, visit: &mut dyn FnMut(&mut Value)) {
    match value {
        Value::Array(elements) => elements.iter_mut().for_each(visit),
        single => visit(single),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scim::{
        etag,
        fixture::{doc, user},
        urn::{ENTERPRISE_USER, USER},
    };

    #[test]
    fn links_of_the_server_are_completed_and_no_others() {
        let schema = user();
        let relative = doc(json!({
            "schemas": [USER],
            "id": "1",
            "title": "/not/a/link",
            "profileUrl": "/the/user's/own",
            "photos": [{"value": "/Users/1/photo", "type": "work"},
                {"value": "https://cdn.example/1"}, {"value": "/static/1.png"}],
            "groups": [{"value": "g", "$ref": "/Groups/g", "display": "/g"}, {"value": "h"}],
            "emails": [{"value": "/x"}],
            ENTERPRISE_USER: {"manager": {"value": "m", "$ref": "/Users/m"}, "department": "/d"},
            "meta": {"location": "/Users/1", "resourceType": "User"},
        }));
        let mut complete = relative.clone();
        absolute(&mut complete, "https://a.example/scim/v2", &schema);
        let expected = json!({
            "schemas": [USER],
            "id": "1",
            "title": "/not/a/link",
            "profileUrl": "/the/user's/own",
            "photos": [{"value": "https://a.example/scim/v2/Users/1/photo", "type": "work"},
                {"value": "https://cdn.example/1"}, {"value": "/static/1.png"}],
            "groups": [{"value": "g", "$ref": "https://a.example/scim/v2/Groups/g", "display": "/g"},
                {"value": "h"}],
            "emails": [{"value": "/x"}],
            ENTERPRISE_USER: {
                "manager": {"value": "m", "$ref": "https://a.example/scim/v2/Users/m"},
                "department": "/d"
            },
            "meta": {"location": "https://a.example/scim/v2/Users/1", "resourceType": "User"},
        });
        assert_eq!(Value::Object(complete.clone()), expected);
        let mut twice = complete.clone();
        absolute(&mut twice, "https://b.example", &schema);
        assert_eq!(twice, complete);
        assert_ne!(etag::of(&relative), etag::of(&complete));
    }

    #[test]
    fn a_link_with_a_host_of_its_own_is_complete() {
        let mut document = doc(json!({"meta": {"location": "//other.example/Users/1"}}));
        absolute(&mut document, "https://a.example", &user());
        assert_eq!(document["meta"]["location"], "//other.example/Users/1");
    }
}
