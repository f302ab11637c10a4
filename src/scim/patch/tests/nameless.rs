//! Elements of references that lead to nobody.

use super::*;

/// What is refused, whatever the operation: to drop such an element in silence would report
/// success for nothing, and to drop the only one of a replacement would empty a group.
#[test]
fn an_element_that_names_nobody_is_refused() {
    let before = json!({"displayName": "g", "members": [{"value": "a", "type": "User"}]});
    let nobody = [
        json!([{"value": null}]),
        json!([{"value": ""}]),
        json!([{"value": " "}]),
        json!([{}]),
        json!([null]),
        json!({}),
        json!([{"display": "x"}]),
        json!([{"type": "User"}]),
        json!({"value": null}),
        json!([{"value": "b"}, {"value": null}]),
        json!([{"$ref": "https://h/scim/v2/Roles/r"}]),
        json!([{"$ref": null}]),
    ];
    for op in ["add", "replace"] {
        for value in &nobody {
            for operation in [
                json!({"op": op, "path": "members", "value": value}),
                json!({"op": op, "value": {"members": value}}),
            ] {
                let error = patch(&before, &json!([operation]), &group(), LENIENT)
                    .expect_err(&operation.to_string());
                assert_eq!(error.kind, Kind::InvalidValue, "{operation}: {error}");
                assert!(error.detail.contains("members"), "{error}");
            }
        }
    }
    for (op, path, value) in [
        ("replace", "members.value", json!(null)),
        ("replace", "members.value", json!("")),
        ("add", "members[value eq \"a\"].value", json!(null)),
        ("replace", "members[value eq \"a\"]", json!({})),
        ("replace", "members[value eq \"a\"]", json!({"value": ""})),
        ("add", "members[type eq \"Group\"].type", json!("Group")),
        ("add", "owners.type", json!("User")),
    ] {
        let operation = json!([{"op": op, "path": path, "value": value}]);
        let error = patch(&before, &operation, &group(), LENIENT).expect_err(path);
        assert_eq!(error.kind, Kind::InvalidValue, "{operation}: {error}");
    }
}

/// (operation, members afterwards)
#[test]
fn what_says_nobody_on_purpose_does_what_it_says() {
    let before = json!({"displayName": "g", "members": [{"value": "a"}, {"value": "b"}]});
    let rows = [
        (
            json!({"op": "replace", "path": "members", "value": []}),
            json!(null),
        ),
        (
            json!({"op": "replace", "path": "members", "value": null}),
            json!(null),
        ),
        (json!({"op": "remove", "path": "members"}), json!(null)),
        (
            json!({"op": "add", "path": "members", "value": null}),
            json!([{"value": "a"}, {"value": "b"}]),
        ),
        (
            json!({"op": "remove", "path": "members", "value": [{"value": null}]}),
            json!([{"value": "a"}, {"value": "b"}]),
        ),
        (
            json!({"op": "remove", "path": "members", "value": [{"$ref": null, "value": "a"}]}),
            json!([{"value": "b"}]),
        ),
        (
            json!({"op": "replace", "path": "members[value eq \"a\"]", "value": null}),
            json!([{"value": "b"}]),
        ),
        (
            json!({"op": "replace", "path": "members[value eq \"a\"]", "value": {"type": "User"}}),
            json!([{"value": "a", "type": "User"}, {"value": "b"}]),
        ),
        // By reference, as SCIM has it.
        (
            json!({"op": "add", "path": "members", "value": [{"$ref": "https://h/scim/v2/Users/c"}]}),
            json!([{"value": "a"}, {"value": "b"}, {"value": "c"}]),
        ),
        (
            json!({"op": "add", "value": {"members": {"$ref": "/groups/c", "value": null}}}),
            json!([{"value": "a"}, {"value": "b"}, {"value": "c"}]),
        ),
        (
            json!({"op": "remove", "path": "members", "value": [{"$ref": "https://h/scim/v2/Users/a"}]}),
            json!([{"value": "b"}]),
        ),
        // A `$ref` that leads elsewhere does not outweigh the value.
        (
            json!({"op": "replace", "path": "members", "value": [{"value": "a", "$ref": "http://x/Users/b"}]}),
            json!([{"value": "a"}]),
        ),
    ];
    for (operation, members) in rows {
        let after = patch(&before, &json!([operation]), &group(), STRICT)
            .unwrap_or_else(|e| panic!("{operation}: {e}"));
        assert_eq!(
            after.get("members").unwrap_or(&Value::Null),
            &members,
            "{operation}"
        );
    }
}

#[test]
fn a_manager_who_is_nobody() {
    let before = json!({"userName": "u", ENTERPRISE_USER: {"manager": {"value": "m"}}});
    let values = [
        json!({}),
        json!([{}]),
        json!([null]),
        json!([{"value": null}]),
        json!({"displayName": "x"}),
        json!({"$ref": "https://h/scim/v2/Groups/g"}),
    ];
    for op in ["add", "replace"] {
        for value in &values {
            for operation in [
                json!({"op": op, "path": "manager", "value": value}),
                json!({"op": op, "value": {ENTERPRISE_USER: {"manager": value}}}),
            ] {
                let error = patch(&before, &json!([operation]), &user(), STRICT)
                    .expect_err(&operation.to_string());
                assert_eq!(error.kind, Kind::InvalidValue, "{operation}: {error}");
            }
        }
    }
    let by_reference =
        json!([{"op": "add", "path": "manager", "value": {"$ref": "https://h/scim/v2/Users/n"}}]);
    let after = patch(&before, &by_reference, &user(), STRICT).unwrap();
    assert_eq!(after[ENTERPRISE_USER]["manager"]["value"], "n");
    let emptied = json!([{"op": "replace", "path": "manager.value", "value": ""}]);
    let after = patch(&before, &emptied, &user(), STRICT).unwrap();
    assert_eq!(after.get(ENTERPRISE_USER), None);
}
