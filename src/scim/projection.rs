//! Which attributes an answer carries: `attributes` and `excludedAttributes`, RFC 7644 §3.9.

use serde_json::Value;

use super::{
    Document,
    attr::AttrPath,
    error::Error,
    schema::{Attribute, ResourceSchema, Returned},
};

/// A choice of attributes.
///
/// `attributes` names what is returned beside what is `always` returned, `excludedAttributes`
/// what is not; given both, the first chooses and the second takes away (the RFC leaves it open).
/// Names of no attribute choose nothing. A bare schema URN stands for the `default` attributes of
/// that schema.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Projection {
    /// `None`: the default set.
    attributes: Option<Vec<AttrPath>>,
    excluded: Vec<AttrPath>,
}

impl Projection {
    /// The default set: what is returned `always` or by `default`.
    pub fn all() -> Self {
        Self::default()
    }

    /// From the query parameters, comma-separated. An empty parameter is as good as none.
    ///
    /// # Errors
    /// `invalidValue` for what is not the notation of an attribute.
    pub fn parse(
        attributes: Option<&str>,
        excluded: Option<&str>,
        schema: &ResourceSchema,
    ) -> Result<Self, Error> {
        let split = |text: Option<&str>| -> Vec<String> {
            let names = text.unwrap_or_default().split(',').map(str::trim);
            names.filter(|n| !n.is_empty()).map(str::to_owned).collect()
        };
        Self::from_lists(&split(attributes), &split(excluded), schema)
    }

    /// From the lists of a search request. An empty list is as good as none.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn from_lists(
        attributes: &[String],
        excluded: &[String],
        schema: &ResourceSchema,
    ) -> Result<Self, Error> {
        let resolve = |names: &[String]| -> Result<Vec<AttrPath>, Error> {
            let mut paths = Vec::with_capacity(names.len());
            for name in names {
                let path = AttrPath::parse(name.trim())
                    .map_err(|error| Error::invalid_value(error.detail))?;
                if let Ok(found) = schema.resolve(&path) {
                    let mut path = found.path;
                    // Core paths carry no URN, so the core schema as a whole has none either.
                    if path.attr.is_empty() && path.urn.as_ref() == Some(&schema.core.id) {
                        path.urn = None;
                    }
                    paths.push(path);
                }
            }
            Ok(paths)
        };
        Ok(Self {
            attributes: if attributes.is_empty() {
                None
            } else {
                Some(resolve(attributes)?)
            },
            excluded: resolve(excluded)?,
        })
    }

    /// Whether this is the default set, so that a finished document can be sent as it is.
    pub fn is_default(&self) -> bool {
        self.attributes.is_none() && self.excluded.is_empty()
    }

    /// Whether any part of the attribute at `path` (canonical, no sub-attribute), which is
    /// `returned` so, is in the answer.
    pub fn wants(&self, path: &AttrPath, returned: Returned) -> bool {
        match returned {
            Returned::Always => true,
            Returned::Never => false,
            Returned::Request => self.names(path) && !self.excludes(path),
            Returned::Default => {
                let chosen = match &self.attributes {
                    None => true,
                    Some(_) => self.names(path) || self.names_schema(path),
                };
                chosen && !self.excludes(path)
            }
        }
    }

    /// Whether `attributes` names it or a sub-attribute of it.
    fn names(&self, path: &AttrPath) -> bool {
        self.attributes
            .iter()
            .flatten()
            .any(|named| named.attr == path.attr && named.urn == path.urn)
    }

    /// Whether `attributes` names the schema it is of.
    fn names_schema(&self, path: &AttrPath) -> bool {
        self.attributes
            .iter()
            .flatten()
            .any(|named| named.attr.is_empty() && named.urn == path.urn)
    }

    fn excludes(&self, path: &AttrPath) -> bool {
        self.excluded.iter().any(|excluded| {
            excluded.sub.is_none()
                && excluded.urn == path.urn
                && (excluded.attr == path.attr || excluded.attr.is_empty())
        })
    }

    /// The document without what is not wanted. Members that the schema does not have go too.
    pub fn apply(&self, doc: &Document, schema: &ResourceSchema) -> Document {
        let mut kept = Document::new();
        for (name, value) in doc {
            if let Some(extension) = schema.extensions.iter().find(|s| s.id == *name) {
                let Some(members) = value.as_object() else {
                    continue;
                };
                let inner = self.container(members, Some(name), &|name| extension.attribute(name));
                if !inner.is_empty() {
                    kept.insert(name.clone(), Value::Object(inner));
                }
            }
        }
        let mut core = self.container(doc, None, &|name| {
            let common = || schema.common.iter().find(|a| a.name == name);
            schema.core.attribute(name).or_else(common)
        });
        // In the document's order.
        let mut ordered = Document::new();
        for name in doc.keys() {
            if let Some(value) = core.get_mut(name).or_else(|| kept.get_mut(name)) {
                ordered.insert(name.clone(), value.take());
            }
        }
        ordered
    }

    fn container<'s>(
        &self,
        members: &Document,
        urn: Option<&String>,
        find: &dyn Fn(&str) -> Option<&'s Attribute>,
    ) -> Document {
        let mut kept = Document::new();
        for (name, value) in members {
            let Some(attribute) = find(name) else {
                continue;
            };
            let path = AttrPath {
                urn: urn.cloned(),
                ..AttrPath::core(&attribute.name)
            };
            if !self.wants(&path, attribute.returned) {
                continue;
            }
            if attribute.sub_attributes.is_empty() {
                kept.insert(name.clone(), value.clone());
            } else if let Some(value) = self.subs(&path, attribute, value) {
                kept.insert(name.clone(), value);
            }
        }
        kept
    }

    /// The value with the wanted sub-attributes; `None` when none is left.
    fn subs(&self, path: &AttrPath, attribute: &Attribute, value: &Value) -> Option<Value> {
        match value {
            Value::Array(elements) => {
                let kept: Vec<Value> = elements
                    .iter()
                    .filter_map(|element| self.subs(path, attribute, element))
                    .collect();
                (!kept.is_empty() || elements.is_empty()).then_some(Value::Array(kept))
            }
            Value::Object(object) => {
                let kept: Document = object
                    .iter()
                    .filter(|(name, _)| {
                        attribute
                            .sub(name)
                            .is_some_and(|sub| self.wants_sub(path, attribute, sub))
                    })
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .collect();
                (!kept.is_empty()).then_some(Value::Object(kept))
            }
            other => Some(other.clone()),
        }
    }

    fn wants_sub(&self, path: &AttrPath, attribute: &Attribute, sub: &Attribute) -> bool {
        let of_attribute = |named: &&AttrPath| named.attr == path.attr && named.urn == path.urn;
        let excluded = self
            .excluded
            .iter()
            .filter(of_attribute)
            .any(|named| named.sub.as_ref() == Some(&sub.name));
        let mut named = self
            .attributes
            .iter()
            .flatten()
            .filter(of_attribute)
            .peekable();
        // Not named at all: chosen by default, as part of its schema, or always returned.
        let unnamed = named.peek().is_none();
        let (mut whole, mut precisely) = (unnamed, false);
        for named in named {
            match &named.sub {
                None => whole = true,
                Some(name) => precisely |= *name == sub.name,
            }
        }
        match sub.returned {
            Returned::Always => true,
            Returned::Never => false,
            Returned::Request => precisely && !excluded,
            Returned::Default => {
                // Of an attribute that is only here because it always is, all is kept.
                (whole || precisely || attribute.returned == Returned::Always) && !excluded
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scim::{
        error::Kind,
        fixture::{doc, user},
        urn::{ENTERPRISE_USER, USER},
    };

    /// (id, attributes, excludedAttributes, names of what is left)
    #[test]
    fn projects() {
        let document = doc(json!({
            "schemas": [USER, ENTERPRISE_USER],
            "id": "1",
            "userName": "u",
            "name": {"givenName": "g", "familyName": "f"},
            "password": "never",
            "emails": [{"value": "x", "type": "work"}, {"type": "home"}],
            "groups": [{"value": "g1", "display": "G"}],
            ENTERPRISE_USER: {"department": "d", "manager": {"value": "m"}},
            "meta": {"resourceType": "User", "version": "W/\"1\""},
            "notInTheSchema": 1,
        }));
        let without = |names: &[&str]| {
            let mut left = document.clone();
            for name in ["password", "notInTheSchema"].iter().chain(names) {
                left.shift_remove(*name);
            }
            Value::Object(left)
        };
        let minimal = |more: Value| {
            let mut kept = json!({"schemas": [USER, ENTERPRISE_USER], "id": "1"});
            kept.as_object_mut().unwrap().extend(doc(more));
            kept
        };
        let urn = |rest: &str| format!("{ENTERPRISE_USER}{rest}");
        let department = json!({ENTERPRISE_USER: {"department": "d"}});
        let rows: Vec<(&str, &str, &str, Value)> = vec![
            ("default", "", "", without(&["groups"])),
            ("R04", "userName", "", minimal(json!({"userName": "u"}))),
            (
                "R05",
                "name.givenName",
                "",
                minimal(json!({"name": {"givenName": "g"}})),
            ),
            (
                "fault 18",
                "name",
                "",
                minimal(json!({"name": {"givenName": "g", "familyName": "f"}})),
            ),
            ("R07", "USERNAME", "", minimal(json!({"userName": "u"}))),
            (
                "trap 8",
                " userName , name.familyName ,",
                "",
                minimal(json!({"userName": "u", "name": {"familyName": "f"}})),
            ),
            (
                "R08",
                "",
                "emails,id,userName",
                without(&["groups", "emails", "userName"]),
            ),
            ("R11", " ", " ", without(&["groups"])),
            ("R12", "noSuchAttribute", "", minimal(json!({}))),
            ("R12", "", "noSuchAttribute", without(&["groups"])),
            ("C11", "password", "", minimal(json!({}))),
            (
                "G08",
                "groups",
                "",
                minimal(json!({"groups": [{"value": "g1", "display": "G"}]})),
            ),
            (
                "sub of a list",
                "emails.value",
                "",
                minimal(json!({"emails": [{"value": "x"}]})),
            ),
            (
                "part of meta",
                "meta.version",
                "",
                minimal(json!({"meta": {"version": "W/\"1\""}})),
            ),
            (
                "trap 8, both",
                "userName,name",
                "name.familyName",
                minimal(json!({"userName": "u", "name": {"givenName": "g"}})),
            ),
            ("G09", "", "groups", without(&["groups"])),
        ];
        for (id, attributes, excluded, expected) in rows {
            let projection = Projection::parse(Some(attributes), Some(excluded), &user()).unwrap();
            assert_eq!(
                Value::Object(projection.apply(&document, &user())),
                expected,
                "{id}"
            );
        }
        let rows: Vec<(&str, String, String, Value)> = vec![
            (
                "R06",
                format!("{USER}:userName"),
                String::new(),
                minimal(json!({"userName": "u"})),
            ),
            (
                "R06",
                urn(":department"),
                String::new(),
                minimal(department.clone()),
            ),
            (
                "bare name of an extension's",
                "department".into(),
                String::new(),
                minimal(department),
            ),
            (
                "trap 8",
                urn(""),
                String::new(),
                minimal(json!({ENTERPRISE_USER: {"department": "d", "manager": {"value": "m"}}})),
            ),
            (
                "bare core",
                USER.into(),
                "meta".into(),
                without(&["groups", "meta", ENTERPRISE_USER]),
            ),
            (
                "excluded schema",
                String::new(),
                urn(""),
                without(&["groups", ENTERPRISE_USER]),
            ),
            (
                "excluded in a schema",
                String::new(),
                format!("{},{}", urn(":department"), urn(":manager")),
                without(&["groups", ENTERPRISE_USER]),
            ),
        ];
        for (id, attributes, excluded, expected) in rows {
            let projection =
                Projection::parse(Some(&attributes), Some(&excluded), &user()).unwrap();
            assert_eq!(
                Value::Object(projection.apply(&document, &user())),
                expected,
                "{id}"
            );
        }
    }

    #[test]
    fn wants_before_there_is_a_document() {
        let groups = AttrPath::core("groups");
        let rows = [
            ("", "", Returned::Default, true),
            ("", "", Returned::Request, false),
            ("", "", Returned::Never, false),
            ("groups", "", Returned::Request, true),
            ("GROUPS.value", "", Returned::Request, true),
            ("userName", "", Returned::Default, false),
            ("userName", "", Returned::Always, true),
            ("groups", "", Returned::Never, false),
            ("", "groups", Returned::Default, false),
            ("", "groups", Returned::Always, true),
            ("", "groups.display", Returned::Default, true),
            ("groups", "groups", Returned::Request, false),
        ];
        for (attributes, excluded, returned, expected) in rows {
            let projection = Projection::parse(Some(attributes), Some(excluded), &user()).unwrap();
            assert_eq!(
                projection.wants(&groups, returned),
                expected,
                "{attributes} {excluded} {returned:?}"
            );
        }
        assert!(Projection::all().is_default());
        assert!(
            Projection::parse(Some(","), None, &user())
                .unwrap()
                .is_default()
        );
        assert!(
            !Projection::parse(Some("x"), None, &user())
                .unwrap()
                .is_default()
        );
        let error = Projection::parse(Some("a[b"), None, &user()).unwrap_err();
        assert_eq!(error.kind, Kind::InvalidValue);
    }
}
