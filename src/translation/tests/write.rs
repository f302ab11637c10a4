//! What is sent to Graph, and what is refused.

use serde_json::{Map, Value, json};

use super::{
    Mapping, mapping,
    read::{ENTERPRISE, ENTRA, adele},
    users,
};
use crate::{
    scim::{Document, attr::AttrPath, error::Error},
    translation::{WriteTarget, path::ScimPath},
};

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other}"),
    }
}

/// Canonical paths of what is cleared.
fn cleared(paths: &[&str]) -> Vec<AttrPath> {
    paths
        .iter()
        .map(|p| ScimPath::compile(p).unwrap().place().path())
        .collect()
}

fn create(mapping: &Mapping, after: Value) -> Result<Value, Error> {
    mapping
        .to_graph(None, &object(after), &[])
        .map(Value::Object)
}

#[test]
fn creates() {
    let standard = mapping("standard", "users");
    for (after, expected) in [
        (json!({}), json!({})),
        (
            json!({"userName": "a@b.c", "active": false, "name": {"givenName": "A"}, "externalId": "a"}),
            json!({"userPrincipalName": "a@b.c", "accountEnabled": false, "givenName": "A", "mailNickname": "a"}),
        ),
        (
            json!({"externalId": "a", ENTRA: {"mailNickname": "a"}}),
            json!({"mailNickname": "a"}),
        ),
        (
            json!({"password": "p", ENTRA: {"passwordForceChangeOnNextSignIn": false}}),
            json!({"passwordProfile": {"password": "p", "forceChangePasswordNextSignIn": false}}),
        ),
        (
            json!({"emails": [{"value": "w", "type": "Work"}, {"value": "o", "type": "other", "primary": true}]}),
            json!({"mail": "w", "otherMails": ["o"]}),
        ),
        // Without a type: the first row that is free, then the next.
        (
            json!({"emails": [{"value": "1"}, {"value": "2"}, {"value": "3"}]}),
            json!({"mail": "1", "otherMails": ["2", "3"]}),
        ),
        (
            json!({"emails": [{"value": "1"}, {"value": "2", "type": "work"}]}),
            json!({"mail": "2", "otherMails": ["1"]}),
        ),
        (
            json!({"phoneNumbers": [{"value": "1", "type": "work", "display": "x"}]}),
            json!({"businessPhones": ["1"]}),
        ),
        (
            json!({ENTERPRISE: {"division": "d"}}),
            json!({"employeeOrgData": {"division": "d", "costCenter": null}}),
        ),
        (
            json!({ENTRA: {"employeeHireDate": "2020-05-01T02:00:00+02:00"}}),
            json!({"employeeHireDate": "2020-05-01T00:00:00Z"}),
        ),
        // Read-only attributes are ignored.
        (
            json!({"id": "x", "meta": {"created": "y"}, ENTRA: {"creationType": "z"}, "ims": [{"value": "i", "type": "work"}]}),
            json!({}),
        ),
    ] {
        assert_eq!(create(&standard, after.clone()), Ok(expected), "{after}");
    }
    let roles = mapping("standard", "roles");
    assert_eq!(
        create(
            &roles,
            json!({"displayName": "R", "permissions": ["a", "b"]})
        ),
        Ok(
            json!({"displayName": "R", "rolePermissions": [{"allowedResourceActions": ["a", "b"]}]})
        )
    );
    let groups = mapping("standard", "groups");
    let ours = "urn:ietf:params:scim:schemas:extension:entra-scim:2.0:Group";
    assert_eq!(
        create(
            &groups,
            json!({"displayName": "G", ours: {"isAssignableToRole": true}})
        ),
        Ok(json!({"displayName": "G", "isAssignableToRole": true}))
    );
}

/// (edit of Adele's resource, explicitly cleared, body or part of the error)
#[test]
fn updates() {
    let standard = mapping("standard", "users");
    let before = standard.to_scim(&adele());
    type Edit = fn(&mut Value);
    let rows: &[(Edit, &[&str], Result<Value, &str>)] = &[
        (|_| {}, &[], Ok(json!({}))),
        (
            |d| d["title"] = json!("Boss"),
            &[],
            Ok(json!({"jobTitle": "Boss"})),
        ),
        (
            |d| {
                d["name"].as_object_mut().unwrap().remove("givenName");
            },
            &[],
            Ok(json!({"givenName": null})),
        ),
        // One part of employeeOrgData changes: both are sent.
        (
            |d| d[ENTERPRISE]["costCenter"] = json!("c"),
            &[],
            Ok(json!({"employeeOrgData": {"costCenter": "c", "division": "D"}})),
        ),
        (
            |d| {
                d[ENTERPRISE].as_object_mut().unwrap().remove("division");
            },
            &[],
            Ok(json!({"employeeOrgData": {"division": null, "costCenter": null}})),
        ),
        // Of the extension attributes, what changes.
        (
            |d| d[ENTRA]["onPremisesExtensionAttributes"]["extensionAttribute7"] = json!("e7"),
            &[],
            Ok(json!({"onPremisesExtensionAttributes": {"extensionAttribute7": "e7"}})),
        ),
        // A list is complete.
        (
            |d| {
                d["emails"]
                    .as_array_mut()
                    .unwrap()
                    .push(json!({"value": "c", "type": "other"}));
            },
            &[],
            Ok(json!({"otherMails": ["a@home.example", "b@home.example", "c"]})),
        ),
        (
            |d| d["phoneNumbers"] = json!([]),
            &[],
            Ok(json!({"businessPhones": [], "faxNumber": null})),
        ),
        // PUT without what Graph does not clear keeps it; clearing it explicitly is refused.
        (
            |d| *d = json!({"userName": "AdeleV@contoso.com"}),
            &[],
            Ok(json!({
                "givenName": null, "surname": null, "otherMails": [], "businessPhones": [],
                "faxNumber": null, "streetAddress": null, "city": null, "department": null,
                "employeeOrgData": {"division": null, "costCenter": null}, "employeeHireDate": null,
                "onPremisesExtensionAttributes": {"extensionAttribute1": null}
            })),
        ),
        (
            |d| {
                d.as_object_mut().unwrap().remove("displayName");
            },
            &["displayName"],
            Err("'displayName' cannot be cleared"),
        ),
        (
            |d| {
                d.as_object_mut().unwrap().remove("emails");
            },
            &["emails"],
            Err("cannot be cleared"),
        ),
        (
            |d| {
                d.as_object_mut().unwrap().remove("title");
            },
            &["title"],
            Ok(json!({})),
        ),
        // Two attributes of one property.
        (
            |d| d["externalId"] = json!("av"),
            &[],
            Ok(json!({"mailNickname": "av"})),
        ),
        (
            |d| {
                d["externalId"] = json!("av");
                d[ENTRA]["mailNickname"] = json!("av");
            },
            &[],
            Ok(json!({"mailNickname": "av"})),
        ),
        (
            |d| {
                d["externalId"] = json!("av");
                d[ENTRA]["mailNickname"] = json!("va");
            },
            &[],
            Err("must agree"),
        ),
        (
            |d| {
                d[ENTRA].as_object_mut().unwrap().remove("mailNickname");
            },
            &[],
            Ok(json!({})),
        ),
        (
            |d| {
                d["externalId"] = json!("av");
                d[ENTRA].as_object_mut().unwrap().remove("mailNickname");
            },
            &["['urn:ietf:params:scim:schemas:extension:Microsoft:Entra:2.0:User'].mailNickname"],
            Err("must agree"),
        ),
        // The flags go along with a password.
        (
            |d| d["password"] = json!("new"),
            &[],
            Ok(
                json!({"passwordProfile": {"password": "new", "forceChangePasswordNextSignIn": true}}),
            ),
        ),
        (
            |d| d[ENTRA]["passwordForceChangeOnNextSignIn"] = json!(false),
            &[],
            Ok(json!({"passwordProfile": {"forceChangePasswordNextSignIn": false}})),
        ),
        // The same instant is no change.
        (
            |d| d[ENTRA]["employeeHireDate"] = json!("2020-05-01T01:00:00.000+01:00"),
            &[],
            Ok(json!({})),
        ),
        (
            |d| d[ENTRA]["employeeHireDate"] = json!("soon"),
            &[],
            Err("dateTime"),
        ),
        // What no row holds.
        (
            |d| d["emails"] = json!([{"value": "h", "type": "home"}]),
            &[],
            Err("there are rows for type 'work', type 'other', type 'proxyAddress'"),
        ),
        (
            |d| {
                d["phoneNumbers"] =
                    json!([{"value": "1", "type": "work"}, {"value": "2", "type": "work"}]);
            },
            &[],
            Err("only one value with type 'work'"),
        ),
        // Read-only elements may be left out or kept, not added.
        (
            |d| {
                d["emails"]
                    .as_array_mut()
                    .unwrap()
                    .retain(|e| e["type"] != "proxyAddress");
            },
            &[],
            Ok(json!({})),
        ),
        (
            |d| {
                d["emails"]
                    .as_array_mut()
                    .unwrap()
                    .push(json!({"value": "p", "type": "proxyAddress"}));
            },
            &[],
            Err("read-only in Entra ID"),
        ),
        // A client that moves `primary` changes nothing: the mapping decides it.
        (
            |d| {
                d["emails"][0]["primary"] = json!(false);
                d["emails"][1]["primary"] = json!(true);
            },
            &[],
            Ok(json!({})),
        ),
    ];
    for (at, (edit, gone, expected)) in rows.iter().enumerate() {
        let mut after = Value::Object(before.clone());
        edit(&mut after);
        let found = standard
            .to_graph(Some(&before), &object(after), &cleared(gone))
            .map(Value::Object);
        match (&found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "row {at}"),
            (Err(error), Err(part)) => assert!(error.detail.contains(part), "row {at}: {error}"),
            _ => panic!("row {at}: {found:?}, not {expected:?}"),
        }
    }
}

/// In a PATCH what is gone was removed on purpose: what Graph cannot clear is refused.
#[test]
fn what_a_patch_removes_is_never_kept_in_silence() {
    let standard = mapping("standard", "users");
    let before = standard.to_scim(&adele());
    for (kind, expected) in [
        (
            "work",
            Err("'emails[?@.type=='work' && @.primary==true].value' cannot be cleared"),
        ),
        ("other", Ok(json!({"otherMails": []}))),
    ] {
        let mut after = Value::Object(before.clone());
        after["emails"]
            .as_array_mut()
            .unwrap()
            .retain(|e| e["type"] != kind);
        let after = object(after);
        let removed = standard.removed(&before, &after);
        assert_eq!(removed, [AttrPath::core("emails").with_sub("value")]);
        match (standard.to_graph(Some(&before), &after, &removed), expected) {
            (Ok(body), Ok(expected)) => assert_eq!(Value::Object(body), expected),
            (Err(error), Err(part)) => assert!(error.detail.contains(part), "{error}"),
            (found, _) => panic!("{kind}: {found:?}"),
        }
    }
    assert!(standard.removed(&before, &before).is_empty());
}

#[test]
fn immutable_values_are_set_once() {
    let groups = mapping("standard", "groups");
    let ours = "urn:ietf:params:scim:schemas:extension:entra-scim:2.0:Group";
    let before = object(json!({ours: {"isAssignableToRole": true}}));
    let update = |after: Value| groups.to_graph(Some(&before), &object(after), &[]);
    assert_eq!(
        update(json!({ours: {"isAssignableToRole": true}})),
        Ok(Map::new())
    );
    assert_eq!(update(json!({})), Ok(Map::new()));
    let error = update(json!({ours: {"isAssignableToRole": false}})).unwrap_err();
    assert_eq!(error.kind.scim_type(), Some("mutability"));
    let path = format!("['{ours}'].isAssignableToRole");
    let gone = cleared(&[&path]);
    let error = groups
        .to_graph(Some(&before), &Map::new(), &gone)
        .unwrap_err();
    assert_eq!(error.kind.scim_type(), Some("mutability"));
}

#[test]
fn attributes_without_a_property_are_refused_with_the_reason() {
    let flat = mapping("iga-flat", "users");
    for after in [
        json!({"name": {"middleName": "M"}}),
        json!({"name": {"honorificSuffix": "Jr"}}),
        json!({"phoneNumbers": [{"value": "1", "type": "home"}]}),
        json!({"phoneNumbers": [{"value": "1", "type": "other"}]}),
    ] {
        let error = create(&flat, after).unwrap_err();
        assert!(
            error.detail.contains("name a directory extension"),
            "{error}"
        );
        assert_eq!(error.kind.scim_type(), Some("invalidValue"));
    }
    // A sub-attribute that only another element has a row for.
    let error = create(
        &flat,
        json!({"addresses": [{"type": "work", "formatted": "x"}]}),
    )
    .unwrap_err();
    assert!(
        error
            .detail
            .contains("'addresses.formatted' has no mapping row"),
        "{error}"
    );
}

#[test]
fn parts_go_where_graph_takes_them() {
    let flat = mapping("iga-flat", "users");
    let body = flat
        .to_graph(
            None,
            &object(json!({"title": "t", "description": "me", "profileUrl": "http://x", "status": "disabled"})),
            &[],
        )
        .unwrap();
    let parts = flat.write_parts(body);
    let shown: Vec<(&str, Value)> = parts
        .iter()
        .map(|(target, part)| {
            let name = match target {
                WriteTarget::Object => "object",
                WriteTarget::Alone => "alone",
                WriteTarget::Side(side) => side.path.as_str(),
            };
            (name, Value::Object(part.clone()))
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("object", json!({"jobTitle": "t"})),
            ("alone", json!({"mySite": "http://x", "aboutMe": "me"})),
            (
                "mailboxSettings",
                json!({"automaticRepliesSetting": {"status": "disabled"}})
            ),
        ]
    );
    assert!(flat.write_parts(Map::new()).is_empty());
}

#[test]
fn rows_of_operators_are_written() {
    let mapping = users(
        r#"[[attribute]]
scim = "['urn:x:2.0:User'].tags"
graph = "onPremisesExtensionAttributes.extensionAttribute1"
transform = "csv"
[[attribute]]
scim = "['urn:x:2.0:User'].level"
graph = "customSecurityAttributes.Engineering.Level"
type = "integer"
[[attribute]]
scim = "['urn:x:2.0:User'].locked"
graph = "accountEnabled"
transform = "not"
"#,
    )
    .unwrap();
    let after = json!({"urn:x:2.0:User": {"tags": ["a", "b"], "level": 3, "locked": true}});
    assert_eq!(
        create(&mapping, after),
        Ok(json!({
            "onPremisesExtensionAttributes": {"extensionAttribute1": "a,b"},
            "customSecurityAttributes": {"Engineering": {
                "@odata.type": "#Microsoft.DirectoryServices.CustomSecurityAttributeValue",
                "Level@odata.type": "#Int32",
                "Level": 3
            }},
            "accountEnabled": false
        }))
    );
    let error = create(&mapping, json!({"urn:x:2.0:User": {"tags": ["a,b"]}})).unwrap_err();
    assert!(error.detail.contains("comma"), "{error}");
}

#[test]
fn relations_by_shape() {
    let (standard, flat) = (mapping("standard", "users"), mapping("iga-flat", "users"));
    let element = json!({"value": "m", "displayName": "Boss"});
    for (mapping, relation, shown) in [
        (
            &standard,
            "manager",
            json!({ENTERPRISE: {"manager": element}}),
        ),
        (&flat, "manager", json!({"manager": "m"})),
        (&standard, "groups", json!({"groups": [element]})),
    ] {
        let row = mapping
            .relations()
            .iter()
            .find(|r| r.relation == relation)
            .unwrap();
        let mut doc = Document::new();
        mapping.put_relation(&mut doc, row, vec![element.clone()]);
        assert_eq!(Value::Object(doc.clone()), shown);
        let back = mapping.take_relation(&mut doc, row).unwrap();
        assert_eq!(back[0]["value"], "m");
        assert!(doc.is_empty());
        assert_eq!(mapping.take_relation(&mut doc, row), None);
        mapping.put_relation(&mut doc, row, Vec::new());
        assert!(doc.is_empty());
    }
}
