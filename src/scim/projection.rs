//! Which attributes an answer carries: `attributes` and `excludedAttributes`, RFC 7644 §3.9.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::{
    Document,
    attr::AttrPath,
    error::Error,
    schema::{Attribute, ResourceSchema, Returned},
};

/// The most names in each of `attributes` and `excludedAttributes`: more than all schemas have.
pub const MAX_NAMES: usize = 1000;

/// A choice of attributes.
///
/// `attributes` names what is returned beside what is `always` returned, `excludedAttributes`
/// what is not; given both, the first chooses and the second takes away (the RFC leaves it open).
/// Names of no attribute choose nothing. A bare schema URN stands for the `default` attributes of
/// that schema.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Projection {
    /// `None`: the default set.
    attributes: Option<Names>,
    excluded: Names,
    /// What is returned on request and was written by the request that is answered. RFC 7643 §7
    also: Names,
}

/// Names by schema (`""`: the core one) and attribute, so that many of them are looked up as
/// quickly as few.
#[derive(Clone, Debug, Default, PartialEq)]
struct Names(HashMap<String, OfSchema>);

#[derive(Clone, Debug, Default, PartialEq)]
struct OfSchema {
    /// The schema itself is named.
    whole: bool,
    attributes: HashMap<String, Named>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Named {
    /// The attribute itself is named.
    whole: bool,
    subs: HashSet<String>,
}

impl Names {
    fn insert(&mut self, path: AttrPath) {
        let of_schema = self.0.entry(path.urn.unwrap_or_default()).or_default();
        if path.attr.is_empty() {
            of_schema.whole = true;
            return;
        }
        let named = of_schema.attributes.entry(path.attr).or_default();
        match path.sub {
            None => named.whole = true,
            Some(sub) => {
                named.subs.insert(sub);
            }
        }
    }

    fn has_schema(&self, urn: Option<&str>) -> bool {
        self.0
            .get(urn.unwrap_or_default())
            .is_some_and(|of_schema| of_schema.whole)
    }

    /// What is named of an attribute: itself or parts of it.
    fn of(&self, urn: Option<&str>, attr: &str) -> Option<&Named> {
        self.0.get(urn.unwrap_or_default())?.attributes.get(attr)
    }
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
    /// As [`Self::parse`]; `invalidValue` past [`MAX_NAMES`].
    pub fn from_lists(
        attributes: &[String],
        excluded: &[String],
        schema: &ResourceSchema,
    ) -> Result<Self, Error> {
        let resolve = |names: &[String]| -> Result<Names, Error> {
            if names.len() > MAX_NAMES {
                return Err(Error::invalid_value(format!(
                    "more than {MAX_NAMES} attributes are named"
                )));
            }
            let mut known = Names::default();
            for name in names {
                // Microsoft's test collection asks for `emails[type eq "work"]`: which elements are
                // returned is not the parameter's to say, so the attribute is meant.
                let name = match name.split_once('[') {
                    Some((attribute, rest)) if rest.contains(']') => attribute,
                    _ => name.as_str(),
                };
                let path = AttrPath::parse(name.trim())
                    .map_err(|error| Error::invalid_value(error.detail))?;
                if let Ok(found) = schema.resolve(&path) {
                    let mut path = found.path;
                    // Core paths carry no URN, so the core schema as a whole has none either.
                    if path.attr.is_empty() && path.urn.as_ref() == Some(&schema.core.id) {
                        path.urn = None;
                    }
                    known.insert(path);
                }
            }
            Ok(known)
        };
        Ok(Self {
            attributes: if attributes.is_empty() {
                None
            } else {
                Some(resolve(attributes)?)
            },
            excluded: resolve(excluded)?,
            also: Names::default(),
        })
    }

    /// This one for the answer to a write of the attributes at `written` (canonical): where the
    /// client names none, those of them that are returned on request are in the answer.
    pub fn after_writing(&self, written: &[AttrPath], schema: &ResourceSchema) -> Self {
        let mut answer = self.clone();
        if self.attributes.is_some() {
            return answer;
        }
        for path in written {
            let Ok(found) = schema.resolve(path) else {
                continue;
            };
            let named = [found.attribute, found.sub].into_iter().flatten();
            if named.clone().any(|a| a.returned == Returned::Request) {
                answer.also.insert(found.path);
            }
        }
        answer
    }

    /// Whether it holds more than the client would get without having written.
    pub fn tells_more(&self) -> bool {
        !self.also.0.is_empty()
    }

    /// This one without what it tells beyond that.
    pub fn without_more(&self) -> Self {
        Self {
            also: Names::default(),
            ..self.clone()
        }
    }

    /// Whether this is the default set, so that a finished document can be sent as it is.
    pub fn is_default(&self) -> bool {
        self.attributes.is_none() && self.excluded.0.is_empty() && self.also.0.is_empty()
    }

    /// Whether it takes away from the default set and does nothing else.
    pub fn only_excludes(&self) -> bool {
        self.attributes.is_none() && self.also.0.is_empty()
    }

    /// Whether the attribute at `path` (canonical, no sub-attribute), or a part of it, is asked for
    /// by its name.
    pub fn names(&self, path: &AttrPath) -> bool {
        let named = self.attributes.as_ref();
        named.is_some_and(|names| names.of(path.urn.as_deref(), &path.attr).is_some())
    }

    /// Whether any part of the attribute at `path` (canonical, no sub-attribute), which is
    /// `returned` so, is in the answer.
    pub fn wants(&self, path: &AttrPath, returned: Returned) -> bool {
        self.wants_attribute(path.urn.as_deref(), &path.attr, returned)
    }

    fn wants_attribute(&self, urn: Option<&str>, attr: &str, returned: Returned) -> bool {
        let excludes = || {
            let named = self.excluded.of(urn, attr);
            self.excluded.has_schema(urn) || named.is_some_and(|named| named.whole)
        };
        match (returned, &self.attributes) {
            (Returned::Always, _) => true,
            (Returned::Never, _) => false,
            (Returned::Request, None) => self.also.of(urn, attr).is_some() && !excludes(),
            (Returned::Request, Some(names)) => names.of(urn, attr).is_some() && !excludes(),
            (Returned::Default, None) => !excludes(),
            (Returned::Default, Some(names)) => {
                (names.of(urn, attr).is_some() || names.has_schema(urn)) && !excludes()
            }
        }
    }

    /// The document without what is not wanted. Members that the schema does not have go too.
    pub fn apply(&self, mut doc: Document, schema: &ResourceSchema) -> Document {
        doc.retain(|name, value| {
            if let Some(extension) = schema.extensions.iter().find(|s| s.id == *name) {
                let Some(members) = value.as_object_mut() else {
                    return false;
                };
                members.retain(|name, value| {
                    let attribute = extension.attribute(name);
                    attribute.is_some_and(|a| self.cut(Some(&extension.id), a, value))
                });
                return !members.is_empty();
            }
            let common = || schema.common.iter().find(|a| a.name == *name);
            let attribute = schema.core.attribute(name).or_else(common);
            attribute.is_some_and(|attribute| self.cut(None, attribute, value))
        });
        doc
    }

    /// Takes out of an attribute's value what is not wanted; whether anything is left to show.
    fn cut(&self, urn: Option<&str>, attribute: &Attribute, value: &mut Value) -> bool {
        if !self.wants_attribute(urn, &attribute.name, attribute.returned) {
            return false;
        }
        if attribute.sub_attributes.is_empty() {
            return true;
        }
        // Once for all elements.
        let wanted: Vec<&str> = attribute
            .sub_attributes
            .iter()
            .filter(|sub| self.wants_sub(urn, attribute, sub))
            .map(|sub| sub.name.as_str())
            .collect();
        cut_subs(&wanted, value)
    }

    fn wants_sub(&self, urn: Option<&str>, attribute: &Attribute, sub: &Attribute) -> bool {
        let names_sub = |named: &Named| named.subs.contains(&sub.name);
        let excluded = || {
            let named = self.excluded.of(urn, &attribute.name);
            named.is_some_and(names_sub)
        };
        let named = self.attributes.as_ref().unwrap_or(&self.also);
        let named = named.of(urn, &attribute.name);
        // Not named at all: chosen by default, as part of its schema, or always returned.
        let whole = self.attributes.is_none() || named.is_none_or(|named| named.whole);
        let precisely = named.is_some_and(names_sub);
        match sub.returned {
            Returned::Always => true,
            Returned::Never => false,
            Returned::Request => precisely && !excluded(),
            Returned::Default => {
                // Of an attribute that is only here because it always is, all is kept.
                (whole || precisely || attribute.returned == Returned::Always) && !excluded()
            }
        }
    }
}

/// Leaves the wanted sub-attributes of each element; whether anything is left.
fn cut_subs(wanted: &[&str], value: &mut Value) -> bool {
    match value {
        Value::Array(elements) => {
            let was_empty = elements.is_empty();
            elements.retain_mut(|element| cut_subs(wanted, element));
            was_empty || !elements.is_empty()
        }
        Value::Object(object) => {
            object.retain(|name, _| wanted.iter().any(|known| known.eq_ignore_ascii_case(name)));
            !object.is_empty()
        }
        _ => true,
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
                Value::Object(projection.apply(document.clone(), &user())),
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
                Value::Object(projection.apply(document.clone(), &user())),
                expected,
                "{id}"
            );
        }
    }

    /// However many names there are, each element is looked at once.
    #[test]
    fn many_names_of_many_elements() {
        let emails: Vec<Value> = (0..20_000)
            .map(|n| json!({"value": format!("{n}@x.y"), "type": "work"}))
            .collect();
        let document = doc(json!({"id": "1", "emails": emails}));
        let names = vec!["emails.value"; MAX_NAMES].join(",");
        let projection = Projection::parse(Some(&names), Some(&names[..12]), &user()).unwrap();
        let left = projection.apply(document.clone(), &user());
        assert_eq!(Value::Object(left), json!({"id": "1"}));
        let projection = Projection::parse(Some(&names), None, &user()).unwrap();
        let left = projection.apply(document, &user());
        let emails = left["emails"].as_array().unwrap();
        assert_eq!(emails.len(), 20_000);
        assert_eq!(emails[0], json!({"value": "0@x.y"}));
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
