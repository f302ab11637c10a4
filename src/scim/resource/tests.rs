use serde_json::json;

use super::*;
use crate::scim::{
    error::Kind,
    fixture::{doc, group, user},
    urn::{ENTERPRISE_USER, USER},
};

const REFUSE: InputRules = InputRules {
    unknown: Unknown::Refuse,
};

fn paths(cleared: &[AttrPath]) -> Vec<String> {
    cleared.iter().map(ToString::to_string).collect()
}

/// (id, body, document, cleared)
#[test]
fn normalizes() {
    let department = format!("{ENTERPRISE_USER}:department");
    let manager = format!("{ENTERPRISE_USER}:manager");
    let manager = manager.as_str();
    let rows: Vec<(&str, Value, Value, Vec<&str>)> = vec![
        (
            "E02",
            json!({
                "schemas": [USER, ENTERPRISE_USER],
                "externalId": "0a21", "userName": "u", "active": true,
                "emails": [{"primary": true, "type": "work", "value": "u@x"}],
                "meta": {"resourceType": "User"},
                "name": {"formatted": "g f", "familyName": "f", "givenName": "g"},
                "roles": []
            }),
            json!({
                "externalId": "0a21", "userName": "u", "active": true,
                "emails": [{"primary": true, "type": "work", "value": "u@x"}],
                "name": {"formatted": "g f", "familyName": "f", "givenName": "g"},
            }),
            vec!["roles"],
        ),
        (
            "E22",
            json!({
                "schemas": [USER, "urn:ietf:params:scim:schemas:extension:enterprise:2.0User"],
                "userName": "j", "addresses": null, "department": null, "manager": null,
            }),
            json!({"userName": "j"}),
            vec!["addresses", department.as_str(), manager],
        ),
        (
            "E12",
            json!({"schemas": [USER, "http://schemas.microsoft.com/2006/11/X"], "userName": "u"}),
            json!({"userName": "u"}),
            vec![],
        ),
        (
            "C13",
            json!({"USERNAME": "u"}),
            json!({"userName": "u"}),
            vec![],
        ),
        (
            "C13, within",
            json!({"Name": {"GIVENNAME": "g"}, "emails": [{"VALUE": "x", "Primary": "True"}]}),
            json!({"name": {"givenName": "g"}, "emails": [{"value": "x", "primary": true}]}),
            vec![],
        ),
        (
            "C06",
            json!({"id": "x", "meta": {"created": 1}, "groups": [{"value": "g"}], "userName": "u"}),
            json!({"userName": "u"}),
            vec![],
        ),
        (
            "O02",
            json!({"groups": [], "userName": "u"}),
            json!({"userName": "u"}),
            vec![],
        ),
        (
            "C12, U05",
            json!({"title": null, "phoneNumbers": [], "name": {}}),
            json!({}),
            vec!["title", "phoneNumbers", "name"],
        ),
        (
            "null within",
            json!({"name": {"givenName": "g", "middleName": null}}),
            json!({"name": {"givenName": "g"}}),
            vec!["name.middleName"],
        ),
        (
            "null elements",
            json!({"emails": [null, {"value": "x", "display": null}, {}]}),
            json!({"emails": [{"value": "x"}]}),
            vec![],
        ),
        (
            "C14",
            json!({ENTERPRISE_USER: {"DEPARTMENT": "d"}}),
            json!({ENTERPRISE_USER: {"department": "d"}}),
            vec![],
        ),
        (
            "C14, other case",
            json!({ENTERPRISE_USER.to_uppercase(): {"department": "d"}}),
            json!({ENTERPRISE_USER: {"department": "d"}}),
            vec![],
        ),
        (
            "core under its URN",
            json!({USER: {"title": "t"}}),
            json!({"title": "t"}),
            vec![],
        ),
        (
            "URN:attribute as a name",
            json!({department.as_str(): "d"}),
            json!({ENTERPRISE_USER: {"department": "d"}}),
            vec![],
        ),
        (
            "at the top level",
            json!({"department": "d", "manager": {"Value": "m"}}),
            json!({ENTERPRISE_USER: {"department": "d", "manager": {"value": "m"}}}),
            vec![],
        ),
        (
            "a null beside the value",
            json!({ENTERPRISE_USER: {"manager": {"value": "m"}}, "manager": null}),
            json!({ENTERPRISE_USER: {"manager": {"value": "m"}}}),
            vec![],
        ),
        (
            "a container that is null",
            json!({ENTERPRISE_USER: null}),
            json!({}),
            vec![
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber",
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:costCenter",
                department.as_str(),
                manager,
            ],
        ),
        (
            "trap 13",
            json!({"active": "False"}),
            json!({"active": false}),
            vec![],
        ),
        (
            "trap 15",
            json!({"manager": "m"}),
            json!({ENTERPRISE_USER: {"manager": {"value": "m"}}}),
            vec![],
        ),
        (
            "trap 15",
            json!({"manager": [{"$ref": "http://x/m", "value": "m"}]}),
            json!({ENTERPRISE_USER: {"manager": {"value": "m"}}}),
            vec![],
        ),
        ("trap 15", json!({"manager": ""}), json!({}), vec![manager]),
        (
            "trap 15",
            json!({"manager": {"value": ""}}),
            json!({}),
            vec![manager],
        ),
        (
            "trap 15",
            json!({"manager": {"value": null}}),
            json!({}),
            vec![manager],
        ),
        ("trap 15", json!({"manager": []}), json!({}), vec![manager]),
        (
            "one object for a list",
            json!({"emails": {"value": "x"}}),
            json!({"emails": [{"value": "x"}]}),
            vec![],
        ),
        (
            "Z23",
            json!({"emails": [{"value": "X@y", "type": "work"}, {"value": "x@Y", "type": "WORK", "primary": true}]}),
            json!({"emails": [{"value": "X@y", "type": "work", "primary": true}]}),
            vec![],
        ),
        (
            "Z23, two types",
            json!({"emails": [{"value": "x", "type": "work"}, {"value": "x", "type": "home"}]}),
            json!({"emails": [{"value": "x", "type": "work"}, {"value": "x", "type": "home"}]}),
            vec![],
        ),
        (
            "one role at two scopes",
            json!({"roles": [{"value": "r", "scope": "/"}, {"value": "r", "scope": "/a"}, {"value": "r"}]}),
            json!({"roles": [{"value": "r", "scope": "/"}, {"value": "r", "scope": "/a"}]}),
            vec![],
        ),
        (
            "plain list",
            json!({"tags": ["a", "b", "a"]}),
            json!({"tags": ["a", "b"]}),
            vec![],
        ),
        (
            "E18",
            json!({"roles": [{"value": "{\"id\":\"06b0\",\"value\":\"25\",\"displayName\":\"Role1234\"}"}]}),
            json!({"roles": [{"value": "25", "display": "Role1234"}]}),
            vec![],
        ),
        (
            "E18, no value",
            json!({"roles": [{"value": "{\"id\":\"06b0\",\"value\":null}"}]}),
            json!({"roles": [{"value": "06b0"}]}),
            vec![],
        ),
        (
            "JSON text elsewhere",
            json!({"title": "{\"value\":\"1\"}"}),
            json!({"title": "{\"value\":\"1\"}"}),
            vec![],
        ),
        (
            "empty URI",
            json!({"profileUrl": ""}),
            json!({}),
            vec!["profileUrl"],
        ),
        (
            "empty text is a value",
            json!({"title": ""}),
            json!({"title": ""}),
            vec![],
        ),
        (
            "dotted name",
            json!({"name.givenName": "g"}),
            json!({"name": {"givenName": "g"}}),
            vec![],
        ),
        (
            "I02",
            json!({"userName": "u"}),
            json!({"userName": "u"}),
            vec![],
        ),
        (
            "unknown but null",
            json!({"noSuch": null, "urn:no:such:1.0:X": {}}),
            json!({}),
            vec![],
        ),
        (
            "$ref where the schema has none",
            json!({"emails": [{"value": "x", "$ref": "y"}]}),
            json!({"emails": [{"value": "x"}]}),
            vec![],
        ),
        (
            "M05",
            json!({"displayName": "Žofie 日本 😀", "externalId": "AbC"}),
            json!({"displayName": "Žofie 日本 😀", "externalId": "AbC"}),
            vec![],
        ),
        (
            "Z22",
            json!({"logins": 3, "score": 1.0, "hireDate": "2026-01-01T00:00:00Z",
                   "x509Certificates": [{"value": "AAEC"}, {"value": "_-8"}]}),
            json!({"logins": 3, "score": 1.0, "hireDate": "2026-01-01T00:00:00Z",
                   "x509Certificates": [{"value": "AAEC"}, {"value": "_-8"}]}),
            vec![],
        ),
        (
            "C11",
            json!({"password": "s3cret"}),
            json!({"password": "s3cret"}),
            vec![],
        ),
    ];
    for (id, body, expected, cleared) in rows {
        let input = normalize(&body, &user(), &REFUSE).unwrap_or_else(|e| panic!("{id}: {e}"));
        assert_eq!(Value::Object(input.document), expected, "{id}");
        assert_eq!(paths(&input.cleared), cleared, "{id}");
    }
}

/// (id, body, kind, what the text names)
#[test]
fn normalize_refuses() {
    use Kind::{InvalidSyntax, InvalidValue};
    let rows = [
        ("C17", json!({"active": "maybe"}), InvalidValue, "active"),
        ("C17", json!({"emails": "x"}), InvalidValue, "emails"),
        ("C17", json!({"emails": ["x"]}), InvalidValue, "emails"),
        ("C17", json!({"emails": [["x"]]}), InvalidValue, "emails"),
        ("C17", json!({"userName": 5}), InvalidValue, "userName"),
        (
            "C17",
            json!({"userName": {"a": 1}}),
            InvalidValue,
            "userName",
        ),
        ("C17", json!({"userName": ["a"]}), InvalidValue, "userName"),
        ("C17", json!({"name": "x"}), InvalidValue, "name"),
        ("C17", json!({"tags": "x"}), InvalidValue, "tags"),
        ("C17", json!({"tags": {"a": 1}}), InvalidValue, "tags"),
        ("C17", json!({"tags": [{"a": 1}]}), InvalidValue, "tags"),
        (
            "C17",
            json!({"name": {"givenName": [1]}}),
            InvalidValue,
            "name.givenName",
        ),
        (
            "trap 15",
            json!({"manager": [{"value": "a"}, {"value": "b"}]}),
            InvalidValue,
            "manager",
        ),
        ("trap 15", json!({"manager": 5}), InvalidValue, "manager"),
        ("Z22", json!({"logins": 1.0}), InvalidValue, "logins"),
        ("Z22", json!({"logins": "1"}), InvalidValue, "logins"),
        ("Z22", json!({"score": "x"}), InvalidValue, "score"),
        (
            "Z22",
            json!({"hireDate": "2026-01-01"}),
            InvalidValue,
            "hireDate",
        ),
        (
            "Z22",
            json!({"x509Certificates": [{"value": "?"}]}),
            InvalidValue,
            "x509Certificates.value",
        ),
        (
            "C16",
            json!({"emails": [{"value": "a", "primary": true}, {"value": "b", "primary": "true"}]}),
            InvalidValue,
            "primary",
        ),
        (
            "C22",
            json!({"noSuchAttribute": 1}),
            InvalidSyntax,
            "noSuchAttribute",
        ),
        (
            "C22",
            json!({"emails": [{"noSuch": 1}]}),
            InvalidSyntax,
            "noSuch",
        ),
        (
            "C22",
            json!({"urn:no:such:1.0:X": {"a": 1}}),
            InvalidSyntax,
            "urn:no:such",
        ),
        (
            "C22",
            json!({ENTERPRISE_USER: {"noSuch": 1}}),
            InvalidSyntax,
            "noSuch",
        ),
        (
            "twice",
            json!({"userName": "a", "USERNAME": "b"}),
            InvalidSyntax,
            "userName",
        ),
        (
            "container",
            json!({ENTERPRISE_USER: "x"}),
            InvalidSyntax,
            "enterprise",
        ),
        ("schemas", json!({"schemas": "x"}), InvalidSyntax, "schemas"),
        ("schemas", json!({"schemas": [1]}), InvalidSyntax, "schemas"),
        ("M06", json!([]), InvalidSyntax, "object"),
        ("M06", json!("x"), InvalidSyntax, "object"),
    ];
    for (id, body, kind, named) in rows {
        let error = normalize(&body, &user(), &REFUSE).expect_err(&format!("{id} {body}"));
        assert_eq!(error.kind, kind, "{id} {body}: {error}");
        assert!(error.detail.contains(named), "{id} {body}: {error}");
    }
    let ignore = InputRules {
        unknown: Unknown::Ignore,
    };
    let body = json!({"noSuch": 1, "emails": [{"value": "x", "noSuch": 1}]});
    let input = normalize(&body, &user(), &ignore).unwrap();
    assert_eq!(
        Value::Object(input.document),
        json!({"emails": [{"value": "x"}]})
    );
}

/// A message must not repeat what may be a secret.
#[test]
fn messages_do_not_quote_values() {
    let error = normalize(&json!({"active": "s3cret"}), &user(), &REFUSE).unwrap_err();
    assert!(!error.detail.contains("s3cret"), "{error}");
}

/// G14, G15
#[test]
fn members_are_stored_once() {
    let body = json!({"displayName": "g", "members": [
        {"value": "u1", "$ref": null}, {"value": "u2"}, {"value": "u1", "type": "User"},
        {"value": "g1", "type": "Group"}, {"value": "U1", "display": "ignored"},
    ]});
    let input = normalize(&body, &group(), &REFUSE).unwrap();
    assert_eq!(
        input.document["members"],
        json!([
            {"value": "u1", "type": "User"}, {"value": "u2"},
            {"value": "g1", "type": "Group"}, {"value": "U1"},
        ])
    );
}

/// Many elements take no more than linear time: this would be minutes if each were compared
/// with each.
#[test]
fn a_long_list_is_read_at_once() {
    let members: Vec<Value> = (0..100_000)
        .map(|n| json!({"value": n.to_string()}))
        .collect();
    let body = json!({"displayName": "g", "members": members});
    let input = normalize(&body, &group(), &REFUSE).unwrap();
    assert_eq!(input.document["members"].as_array().unwrap().len(), 100_000);
}

#[test]
fn requires() {
    let rows = [
        ("C09", user(), json!({}), Some("userName")),
        (
            "C09, empty",
            user(),
            json!({"userName": ""}),
            Some("userName"),
        ),
        ("C09", user(), json!({"userName": "u"}), None),
        ("C24", group(), json!({}), Some("displayName")),
        ("G01", group(), json!({"displayName": "g"}), None),
    ];
    for (id, schema, body, missing) in rows {
        let result = require(&doc(body), &schema);
        match missing {
            None => assert_eq!(result, Ok(()), "{id}"),
            Some(name) => {
                let error = result.expect_err(id);
                assert_eq!(error.kind, Kind::InvalidValue, "{id}");
                assert!(error.detail.contains(name), "{id}: {error}");
            }
        }
    }
    // Z13 and sub-attributes: only where there is something.
    let mut schema = user();
    schema.extensions[0].attributes[0].required = true;
    schema.core.attributes[2].sub_attributes[1].required = true;
    let rows = [
        (json!({"userName": "u"}), None),
        (
            json!({"userName": "u", ENTERPRISE_USER: {"department": "d"}}),
            Some("employeeNumber"),
        ),
        (
            json!({"userName": "u", "name": {"givenName": "g"}}),
            Some("name.familyName"),
        ),
        (json!({"userName": "u", "name": {"familyName": "f"}}), None),
    ];
    for (body, missing) in rows {
        let error = require(&doc(body.clone()), &schema).err().map(|e| e.detail);
        assert_eq!(error.is_some(), missing.is_some(), "{body}");
        assert!(
            error.unwrap_or_default().contains(missing.unwrap_or("")),
            "{body}"
        );
    }
}

/// Z12
#[test]
fn immutable_attributes_are_kept() {
    let before = doc(json!({"hireDate": "2026-01-01T00:00:00Z"}));
    let rows = [
        (
            &before,
            json!({}),
            Some(json!({"hireDate": "2026-01-01T00:00:00Z"})),
        ),
        (
            &before,
            json!({"hireDate": "2026-01-01T00:00:00Z"}),
            Some(json!({"hireDate": "2026-01-01T00:00:00Z"})),
        ),
        (&before, json!({"hireDate": "2027-01-01T00:00:00Z"}), None),
        (
            &Document::new(),
            json!({"hireDate": "2027-01-01T00:00:00Z"}),
            Some(json!({"hireDate": "2027-01-01T00:00:00Z"})),
        ),
    ];
    for (before, after, expected) in rows {
        let mut after = doc(after);
        let result = keep_immutable(before, &mut after, &user());
        match expected {
            Some(expected) => {
                assert_eq!(result, Ok(()));
                assert_eq!(Value::Object(after), expected);
            }
            None => assert_eq!(result.unwrap_err().kind, Kind::Mutability),
        }
    }
}

#[test]
fn paths_read_and_write() {
    let path = |text: &str| {
        user()
            .resolve(&AttrPath::parse(text).unwrap())
            .unwrap()
            .path
    };
    let mut document = Document::new();
    for (text, value) in [
        ("userName", json!("u")),
        ("name.givenName", json!("g")),
        ("manager.value", json!("m")),
        ("department", json!("d")),
    ] {
        set(&mut document, &path(text), value.clone());
        assert_eq!(get(&document, &path(text)), Some(&value), "{text}");
    }
    set_schemas(&mut document, &user());
    assert_eq!(
        serde_json::to_string(&document).unwrap(),
        format!(
            r#"{{"schemas":["{USER}","{ENTERPRISE_USER}"],"userName":"u","name":{{"givenName":"g"}},"{ENTERPRISE_USER}":{{"manager":{{"value":"m"}},"department":"d"}}}}"#
        )
    );
    let whole = path(ENTERPRISE_USER);
    assert_eq!(get(&document, &whole).unwrap()["department"], "d");
    // Containers go when they become empty.
    assert_eq!(
        remove(&mut document, &path("name.givenName")),
        Some(json!("g"))
    );
    assert_eq!(remove(&mut document, &path("name.givenName")), None);
    assert!(!document.contains_key("name"));
    remove(&mut document, &path("manager.value"));
    assert!(document.contains_key(ENTERPRISE_USER));
    remove(&mut document, &path("department"));
    assert!(!document.contains_key(ENTERPRISE_USER));
    set_schemas(&mut document, &user());
    assert_eq!(document["schemas"], json!([USER]));
    // What stands in the way of a container gives way.
    set(&mut document, &path("name"), json!("x"));
    assert_eq!(get(&document, &path("name.givenName")), None);
    set(&mut document, &path("name.givenName"), json!("g"));
    assert_eq!(document["name"], json!({"givenName": "g"}));
}

/// A mapping may have `manager` as a plain id: what clients send for the RFC's is still read.
#[test]
fn a_plain_manager_takes_every_form() {
    let mut schema = user();
    schema.extensions.clear();
    let plain = Attribute::new("manager", Type::String, "");
    schema.core.attributes.push(plain);
    let m = || Some(json!("m"));
    let rows = [
        (json!("m"), m()),
        (json!({"Value": "m", "$ref": "x"}), m()),
        (json!([{"value": "m"}]), m()),
        (json!(["m"]), m()),
        (json!(""), None),
        (json!({"value": ""}), None),
        (json!([]), None),
        (json!(null), None),
    ];
    for (sent, expected) in rows {
        let input = normalize(&json!({"manager": sent}), &schema, &REFUSE).unwrap();
        assert_eq!(input.document.get("manager"), expected.as_ref(), "{sent}");
        assert_eq!(input.cleared.is_empty(), expected.is_some(), "{sent}");
    }
    for sent in [json!(5), json!({"id": "m"}), json!(["m", "n"])] {
        let error = normalize(&json!({"manager": sent}), &schema, &REFUSE).unwrap_err();
        assert_eq!(error.kind, Kind::InvalidValue, "{sent}");
    }
}

/// In a body as in a PATCH: an element leads to somebody, by its value or by its reference.
#[test]
fn references_lead_to_somebody() {
    let rows = [
        (json!({"members": [{"value": null}]}), None),
        (json!({"members": [{"value": ""}]}), None),
        (json!({"members": [{}]}), None),
        (json!({"members": [null]}), None),
        (json!({"members": {}}), None),
        (json!({"members": [{"value": "a"}, {"display": "x"}]}), None),
        (
            json!({"members": [{"$ref": "https://h/scim/v2/Roles/a"}]}),
            None,
        ),
        (json!({"members": null}), Some(Value::Null)),
        (json!({"members": []}), Some(Value::Null)),
        (
            json!({"members": [{"$ref": "https://h/scim/v2/users/a"}, {"$REF": "../Groups/b", "value": null}]}),
            Some(json!([{"value": "a"}, {"value": "b"}])),
        ),
        (
            json!({"members": [{"value": "a", "$ref": "https://h/scim/v2/Users/b"}]}),
            Some(json!([{"value": "a"}])),
        ),
    ];
    for (body, expected) in rows {
        let got = normalize(&body, &group(), &REFUSE);
        match expected {
            None => assert_eq!(got.unwrap_err().kind, Kind::InvalidValue, "{body}"),
            Some(expected) => {
                let members = got.unwrap().document.shift_remove("members");
                assert_eq!(members.unwrap_or_default(), expected, "{body}");
            }
        }
    }
    for manager in [
        json!({}),
        json!([{}]),
        json!([null]),
        json!([{"value": null}]),
        json!({"displayName": "Boss"}),
        json!({"$ref": "https://h/scim/v2/Groups/g"}),
    ] {
        let error = normalize(&json!({"manager": manager}), &user(), &REFUSE).unwrap_err();
        assert_eq!(error.kind, Kind::InvalidValue, "{manager}");
    }
    let by_reference = json!({"manager": {"$ref": "https://h/scim/v2/Users/m"}});
    let input = normalize(&by_reference, &user(), &REFUSE).unwrap();
    assert_eq!(input.document[ENTERPRISE_USER]["manager"]["value"], "m");
}
