use super::*;

/// (id, operations, what differs afterwards)
#[test]
fn patches_a_user() {
    let e = |attr: &str| format!("{ENTERPRISE_USER}:{attr}");
    let work = json!({"value": "bj@work.com", "type": "work", "primary": true});
    let home = json!({"value": "bj@home.org", "type": "home", "display": "Home"});
    let both = json!([USER, ENTERPRISE_USER]);
    let managed =
        |value: &str| json!({"schemas": both, ENTERPRISE_USER: {"manager": {"value": value}}});
    let rows: Vec<(&str, Value, Value)> = vec![
        (
            "T01",
            json!([{"op": "replace", "path": "displayName", "value": "x"}]),
            json!({"displayName": "x"}),
        ),
        (
            "E04",
            json!([{"op": "Add", "path": "nickName", "value": "Babs"}]),
            json!({"nickName": "Babs"}),
        ),
        (
            "E05",
            json!([{"op": "Replace", "path": "active", "value": "False"}]),
            json!({"active": false}),
        ),
        (
            "E06",
            json!([{"op": "Replace", "path": "active", "value": false}]),
            json!({"active": false}),
        ),
        (
            "O03",
            json!([{"op": "replace", "value": {"active": false}}]),
            json!({"active": false}),
        ),
        (
            "Keycloak",
            json!([{"op": "replace", "value": {"active": "false"}}]),
            json!({"active": false}),
        ),
        (
            "T07",
            json!([{"op": "add", "path": "phoneNumbers", "value": [{"value": "2"}]}]),
            json!({"phoneNumbers": [{"value": "1", "type": "work"}, {"value": "2"}]}),
        ),
        (
            "T07, one object",
            json!([{"op": "add", "path": "phoneNumbers", "value": {"value": "2"}}]),
            json!({"phoneNumbers": [{"value": "1", "type": "work"}, {"value": "2"}]}),
        ),
        (
            "T08",
            json!([{"op": "add", "value": {"title": "x", "name": {"middleName": "y"}}}]),
            json!({"title": "x", "name": {"givenName": "Barbara", "familyName": "Jensen", "middleName": "y"}}),
        ),
        (
            "T09",
            json!([{"op": "add", "path": "emails", "value": [{"value": "BJ@work.com", "type": "WORK"}]}, {"op": "add", "path": "title", "value": "Tour Guide"}]),
            json!({}),
        ),
        (
            "T10",
            json!([{"op": "remove", "path": "title"}]),
            json!({"title": null}),
        ),
        (
            "T10, absent",
            json!([{"op": "remove", "path": "nickName"}]),
            json!({}),
        ),
        (
            "T12",
            json!([{"op": "remove", "path": "emails[type eq \"home\"]"}]),
            json!({"emails": [work]}),
        ),
        (
            "T14",
            json!([{"op": "replace", "path": "emails[type eq \"work\"].value", "value": "n"}]),
            json!({"emails": [{"value": "n", "type": "work", "primary": true}, home]}),
        ),
        (
            "T14, other case",
            json!([{"op": "replace", "path": "EMAILS[TYPE EQ \"WORK\"].VALUE", "value": "n"}]),
            json!({"emails": [{"value": "n", "type": "work", "primary": true}, home]}),
        ),
        (
            "T16",
            json!([{"op": "replace", "path": "nickName", "value": "x"}]),
            json!({"nickName": "x"}),
        ),
        (
            "T17",
            json!([{"op": "replace", "path": "name", "value": {"givenName": "x"}}]),
            json!({"name": {"givenName": "x", "familyName": "Jensen", "middleName": "J"}}),
        ),
        (
            "T17, null within",
            json!([{"op": "replace", "path": "name", "value": {"middleName": null}}]),
            json!({"name": {"givenName": "Barbara", "familyName": "Jensen"}}),
        ),
        (
            "T18",
            json!([{"op": "replace", "path": "emails", "value": [{"value": "n"}]}]),
            json!({"emails": [{"value": "n"}]}),
        ),
        (
            "T19",
            json!([{"op": "add", "path": "emails", "value": [{"value": "n", "primary": true}]}]),
            json!({"emails": [{"value": "bj@work.com", "type": "work", "primary": false}, home, {"value": "n", "primary": true}]}),
        ),
        (
            "T19, an element that is there",
            json!([{"op": "add", "path": "emails", "value": [{"value": "bj@home.org", "primary": "True"}]}]),
            json!({"emails": [{"value": "bj@work.com", "type": "work", "primary": false}, {"value": "bj@home.org", "type": "home", "display": "Home", "primary": true}]}),
        ),
        (
            "T19, by filter",
            json!([{"op": "replace", "path": "emails[type eq \"home\"].primary", "value": true}]),
            json!({"emails": [{"value": "bj@work.com", "type": "work", "primary": false}, {"value": "bj@home.org", "type": "home", "display": "Home", "primary": true}]}),
        ),
        (
            "T19, whole element",
            json!([{"op": "add", "path": "emails[type eq \"home\"]", "value": {"primary": true}}]),
            json!({"emails": [{"value": "bj@work.com", "type": "work", "primary": false}, {"value": "bj@home.org", "type": "home", "display": "Home", "primary": true}]}),
        ),
        (
            "T21",
            json!([{"op": "add", "path": "title", "value": "A"}, {"op": "replace", "path": "title", "value": "B"}, {"op": "remove", "path": "nickName"}]),
            json!({"title": "B"}),
        ),
        (
            "T25",
            json!([{"op": "add", "path": e("employeeNumber"), "value": "7"}]),
            json!({"schemas": both, ENTERPRISE_USER: {"employeeNumber": "7"}}),
        ),
        (
            "E20",
            json!([{"op": "add", "path": format!("{ENTERPRISE_USER}.department"), "value": "d"}]),
            json!({"schemas": both, ENTERPRISE_USER: {"department": "d"}}),
        ),
        (
            "T26",
            json!([{"op": "add", "value": {ENTERPRISE_USER: {"department": "x"}}}]),
            json!({"schemas": both, ENTERPRISE_USER: {"department": "x"}}),
        ),
        (
            "T26, as path",
            json!([{"op": "add", "path": ENTERPRISE_USER, "value": {"department": "x"}}]),
            json!({"schemas": both, ENTERPRISE_USER: {"department": "x"}}),
        ),
        (
            "T26, taken out again",
            json!([{"op": "add", "path": e("department"), "value": "x"}, {"op": "remove", "path": ENTERPRISE_USER}]),
            json!({}),
        ),
        (
            "T27",
            json!([{"op": "replace", "path": "title", "value": null}, {"op": "replace", "path": "phoneNumbers", "value": []}]),
            json!({"title": null, "phoneNumbers": null}),
        ),
        (
            "T27, without path",
            json!([{"op": "replace", "value": {"title": null, "noSuch": null, "groups": []}}]),
            json!({"title": null}),
        ),
        (
            "add of nothing",
            json!([{"op": "add", "path": "title", "value": null}, {"op": "add", "path": "emails", "value": []}]),
            json!({}),
        ),
        (
            "T31",
            json!([{"op": "replace", "path": "DISPLAYNAME", "value": "x"}, {"op": "replace", "path": "urn:ietf:params:scim:schemas:core:2.0:User:name.givenName", "value": "y"}]),
            json!({"displayName": "x", "name": {"givenName": "y", "familyName": "Jensen", "middleName": "J"}}),
        ),
        (
            "T33",
            json!([{"op": "remove", "path": "name.middleName"}]),
            json!({"name": {"givenName": "Barbara", "familyName": "Jensen"}}),
        ),
        (
            "T34",
            json!([{"op": "remove", "path": "emails[type eq \"none\"]"}]),
            json!({}),
        ),
        (
            "T34, sub",
            json!([{"op": "remove", "path": "emails[type eq \"none\"].value"}]),
            json!({}),
        ),
        (
            "E07",
            json!([{"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "n"}, {"op": "Replace", "path": "name.familyName", "value": "F"}]),
            json!({"emails": [{"value": "n", "type": "work", "primary": true}, home], "name": {"givenName": "Barbara", "familyName": "F", "middleName": "J"}}),
        ),
        (
            "E08",
            json!([{"op": "replace", "value": {"displayName": "Bjfe", "name.givenName": "Kkom", "name.familyName": "Unua", e("employeeNumber"): "Aklq"}}]),
            json!({"displayName": "Bjfe", "name": {"givenName": "Kkom", "familyName": "Unua", "middleName": "J"}, "schemas": both, ENTERPRISE_USER: {"employeeNumber": "Aklq"}}),
        ),
        (
            "E08, with a filter",
            json!([{"op": "replace", "value": {"emails[type eq \"work\"].value": "n"}}]),
            json!({"emails": [{"value": "n", "type": "work", "primary": true}, home]}),
        ),
        (
            "E09",
            json!([{"op": "Add", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "9"}]),
            json!({"phoneNumbers": [{"value": "1", "type": "work"}, {"type": "mobile", "value": "9"}]}),
        ),
        (
            "E09, whole element",
            json!([{"op": "Add", "path": "addresses[type eq \"home\"]", "value": {"locality": "Rome"}}]),
            json!({"addresses": [{"type": "work", "locality": "Oslo", "country": "NO"}, {"type": "home", "locality": "Rome"}]}),
        ),
        (
            "E09, two terms",
            json!([{"op": "Add", "path": "roles[type eq \"x\" and primary eq \"True\"].value", "value": "r"}]),
            json!({"roles": [{"type": "x", "primary": true, "value": "r"}]}),
        ),
        (
            "E19",
            json!([{"op": "add", "path": "emails[primary eq true].value", "value": "n"}]),
            json!({"emails": [{"value": "n", "type": "work", "primary": true}, home]}),
        ),
        (
            "trap 4",
            json!([{"op": "add", "path": "emails[type eq \"home\"].display", "value": "H"}]),
            json!({"emails": [work, {"value": "bj@home.org", "type": "home", "display": "H"}]}),
        ),
        (
            "E11",
            json!([{"op": "Add", "path": "manager", "value": [{"$ref": "http://x/m", "value": "m"}]}]),
            json!({"schemas": both, ENTERPRISE_USER: {"manager": {"value": "m"}}}),
        ),
        (
            "E11, bare",
            json!([{"op": "Add", "path": e("manager"), "value": "m"}]),
            managed("m"),
        ),
        (
            "E11, object",
            json!([{"op": "Replace", "path": e("manager"), "value": {"value": "m"}}]),
            managed("m"),
        ),
        (
            "E11, value",
            json!([{"op": "Replace", "path": e("manager.value"), "value": "m"}]),
            managed("m"),
        ),
        (
            "E20, manager",
            json!([{"op": "Replace", "path": format!("{ENTERPRISE_USER}.manager"), "value": "m"}]),
            managed("m"),
        ),
        (
            "E11, twice",
            json!([{"op": "Add", "path": "manager", "value": "m"}, {"op": "Add", "path": "manager", "value": "n"}]),
            managed("n"),
        ),
        (
            "top level",
            json!([{"op": "replace", "value": {"department": "d", "manager": {"value": "m"}}}]),
            json!({"schemas": both, ENTERPRISE_USER: {"department": "d", "manager": {"value": "m"}}}),
        ),
        (
            "E18",
            json!([{"op": "Add", "path": "roles", "value": [{"value": "{\"id\":\"06b0\",\"value\":\"25\",\"displayName\":\"Role1234\"}"}]}]),
            json!({"roles": [{"value": "25", "display": "Role1234"}]}),
        ),
        (
            "E18, with the flag",
            json!([{"op": "add", "path": "roles[primary eq \"True\"].value", "value": "{\"id\":\"06b0\",\"value\":\"25\"}"}]),
            json!({"roles": [{"primary": true, "value": "25"}]}),
        ),
        (
            "I04",
            json!([{"op": "replace", "value": {"schemas": [USER], "id": "1", "meta": {"x": 1}, "displayName": "x"}}]),
            json!({"displayName": "x"}),
        ),
        (
            "O04, another id",
            json!([{"op": "replace", "value": {"ID": "2", "displayName": "x"}}]),
            json!({"displayName": "x"}),
        ),
        (
            "remove with value",
            json!([{"op": "remove", "path": "emails", "value": [{"value": "BJ@HOME.org"}]}]),
            json!({"emails": [work]}),
        ),
        (
            "remove with value, by label",
            json!([{"op": "remove", "path": "emails", "value": [{"type": "home"}]}]),
            json!({"emails": [work]}),
        ),
        (
            "remove with value, contradicted",
            json!([{"op": "remove", "path": "emails", "value": [{"value": "bj@home.org", "type": "work"}]}]),
            json!({}),
        ),
        (
            "remove with value, addresses",
            json!([{"op": "remove", "path": "addresses", "value": {"type": "work"}}]),
            json!({"addresses": null}),
        ),
        (
            "remove with value, plain",
            json!([{"op": "remove", "path": "tags", "value": "red"}]),
            json!({"tags": ["green"]}),
        ),
        (
            "remove with value, a single one",
            json!([{"op": "remove", "path": "title", "value": "other"}]),
            json!({"title": null}),
        ),
        (
            "remove the value",
            json!([{"op": "remove", "path": "phoneNumbers[type eq \"work\"].value"}]),
            json!({"phoneNumbers": null}),
        ),
        (
            "remove the value, null",
            json!([{"op": "replace", "path": "phoneNumbers[type eq \"work\"].value", "value": null}]),
            json!({"phoneNumbers": null}),
        ),
        (
            "remove a label",
            json!([{"op": "remove", "path": "emails[type eq \"home\"].display"}]),
            json!({"emails": [work, {"value": "bj@home.org", "type": "home"}]}),
        ),
        (
            "remove from an address",
            json!([{"op": "remove", "path": "addresses[type eq \"work\"].locality"}]),
            json!({"addresses": [{"type": "work", "country": "NO"}]}),
        ),
        (
            "remove the last of an address",
            json!([{"op": "remove", "path": "addresses[type eq \"work\"].locality"}, {"op": "remove", "path": "addresses[type eq \"work\"].country"}]),
            json!({"addresses": null}),
        ),
        (
            "remove a sub of all",
            json!([{"op": "remove", "path": "emails.type"}]),
            json!({"emails": [{"value": "bj@work.com", "primary": true}, {"value": "bj@home.org", "display": "Home"}]}),
        ),
        (
            "set a sub of all",
            json!([{"op": "replace", "path": "emails.type", "value": "x"}]),
            json!({"emails": [{"value": "bj@work.com", "type": "x", "primary": true}, {"value": "bj@home.org", "type": "x", "display": "Home"}]}),
        ),
        (
            "set a sub of none",
            json!([{"op": "add", "path": "photos.value", "value": "http://x"}]),
            json!({"photos": [{"value": "http://x"}]}),
        ),
        (
            "replace an element",
            json!([{"op": "replace", "path": "emails[type eq \"home\"]", "value": {"value": "n"}}]),
            json!({"emails": [work, {"type": "home", "value": "n"}]}),
        ),
        (
            "replace an element, array",
            json!([{"op": "replace", "path": "emails[type eq \"home\"]", "value": [{"value": "n", "type": "other"}]}]),
            json!({"emails": [work, {"type": "other", "value": "n"}]}),
        ),
        (
            "replace an element with nothing",
            json!([{"op": "replace", "path": "emails[type eq \"home\"]", "value": null}]),
            json!({"emails": [work]}),
        ),
        (
            "plain list",
            json!([{"op": "add", "path": "tags", "value": "blue"}, {"op": "replace", "path": "tags[value eq \"RED\"]", "value": "pink"}]),
            json!({"tags": ["pink", "green", "blue"]}),
        ),
        (
            "plain list, filter",
            json!([{"op": "remove", "path": "tags[value sw \"r\"]"}]),
            json!({"tags": ["green"]}),
        ),
        (
            "plain list, create",
            json!([{"op": "add", "path": "tags[value eq \"x\"].value", "value": "y"}]),
            json!({"tags": ["red", "green", "y"]}),
        ),
        (
            "a filter on a single one",
            json!([{"op": "replace", "path": "name[familyName eq \"jensen\"].givenName", "value": "x"}]),
            json!({"name": {"givenName": "x", "familyName": "Jensen", "middleName": "J"}}),
        ),
        (
            "quote in a filter",
            json!([{"op": "remove", "path": "emails[value eq \"]\\\"[\"]"}]),
            json!({}),
        ),
        (
            "path with spaces",
            json!([{"op": "replace", "path": "  title ", "value": "x"}]),
            json!({"title": "x"}),
        ),
        (
            "C11",
            json!([{"op": "replace", "path": "password", "value": "s"}]),
            json!({"password": "s"}),
        ),
        (
            "immutable, set",
            json!([{"op": "add", "path": "hireDate", "value": "2026-01-01T00:00:00Z"}, {"op": "replace", "path": "hireDate", "value": "2026-01-01T00:00:00Z"}]),
            json!({"hireDate": "2026-01-01T00:00:00Z"}),
        ),
    ];
    for (id, operations, changes) in rows {
        let after =
            patch(&barbara(), &operations, &user(), STRICT).unwrap_or_else(|e| panic!("{id}: {e}"));
        assert_eq!(after, barbara_with(changes), "{id}");
    }
}

/// What is there of a manager when it is replaced, cleared or removed.
#[test]
fn patches_a_manager() {
    let before = json!({"userName": "b", ENTERPRISE_USER: {
        "department": "d",
        "manager": {"value": "m", "displayName": "Boss", "$ref": "http://x/m"},
    }});
    let path = format!("{ENTERPRISE_USER}:manager");
    let path = path.as_str();
    let same = json!({"value": "m", "displayName": "Boss", "$ref": "http://x/m"});
    let rows = [
        (
            "the same",
            json!({"op": "replace", "path": path, "value": "m"}),
            same.clone(),
        ),
        (
            "another",
            json!({"op": "replace", "path": path, "value": "n"}),
            json!({"value": "n"}),
        ),
        (
            "another",
            json!({"op": "add", "path": path, "value": [{"value": "n"}]}),
            json!({"value": "n"}),
        ),
        (
            "E23",
            json!({"op": "replace", "path": path, "value": ""}),
            Value::Null,
        ),
        (
            "E23",
            json!({"op": "Add", "path": path, "value": {"value": ""}}),
            Value::Null,
        ),
        (
            "E23",
            json!({"op": "remove", "path": path, "value": ""}),
            Value::Null,
        ),
        (
            "E23",
            json!({"op": "remove", "path": path, "value": {"value": ""}}),
            Value::Null,
        ),
        (
            "null",
            json!({"op": "replace", "path": path, "value": null}),
            Value::Null,
        ),
        (
            "empty array",
            json!({"op": "replace", "path": path, "value": []}),
            Value::Null,
        ),
        ("remove", json!({"op": "remove", "path": path}), Value::Null),
        (
            "remove its value",
            json!({"op": "remove", "path": "manager.value"}),
            Value::Null,
        ),
        (
            "remove this one",
            json!({"op": "remove", "path": path, "value": [{"value": "m"}]}),
            Value::Null,
        ),
        (
            "remove another",
            json!({"op": "remove", "path": path, "value": [{"value": "n"}]}),
            same.clone(),
        ),
        (
            "by filter",
            json!({"op": "remove", "path": "manager[value eq \"m\"]"}),
            Value::Null,
        ),
        (
            "by filter, another",
            json!({"op": "remove", "path": "manager[value eq \"n\"]"}),
            same,
        ),
    ];
    for (id, operation, manager) in rows {
        let after = patch(&before, &json!([operation]), &user(), STRICT)
            .unwrap_or_else(|e| panic!("{id}: {e}"));
        let container = &after[ENTERPRISE_USER];
        assert_eq!(container["department"], "d", "{id}");
        assert_eq!(
            container.get("manager").unwrap_or(&Value::Null),
            &manager,
            "{id}"
        );
    }
}

/// E10: the switch for what Entra expects where the RFC says noTarget.
#[test]
fn replace_may_create() {
    let rows = [
        (
            "E10",
            json!({"op": "Replace", "path": "phoneNumbers[type eq \"fax\"].value", "value": "9"}),
            Some(
                json!({"phoneNumbers": [{"value": "1", "type": "work"}, {"type": "fax", "value": "9"}]}),
            ),
        ),
        (
            "E10, whole",
            json!({"op": "Replace", "path": "phoneNumbers[type eq \"fax\"]", "value": {"value": "9"}}),
            Some(
                json!({"phoneNumbers": [{"value": "1", "type": "work"}, {"type": "fax", "value": "9"}]}),
            ),
        ),
        (
            "E10, primary",
            json!({"op": "Replace", "path": "emails[type eq \"new\" and primary eq true].value", "value": "9"}),
            Some(json!({"emails": [
            {"value": "bj@work.com", "type": "work", "primary": false}, {"value": "bj@home.org", "type": "home", "display": "Home"},
            {"type": "new", "primary": true, "value": "9"}]})),
        ),
        (
            "nothing to clear",
            json!({"op": "Replace", "path": "phoneNumbers[type eq \"fax\"].value", "value": null}),
            Some(json!({})),
        ),
        (
            "two at once",
            json!({"op": "Replace", "path": "phoneNumbers[type eq \"a\" or type eq \"b\"].value", "value": "9"}),
            None,
        ),
        (
            "no eq",
            json!({"op": "Replace", "path": "phoneNumbers[type ne \"work\"].value", "value": "9"}),
            None,
        ),
        (
            "contradiction",
            json!({"op": "Replace", "path": "phoneNumbers[type eq \"a\" and type eq \"b\"].value", "value": "9"}),
            None,
        ),
    ];
    for (id, operation, expected) in rows {
        let got = patch(&barbara(), &json!([operation]), &user(), LENIENT);
        match expected {
            Some(changes) => assert_eq!(got.unwrap(), barbara_with(changes), "{id}"),
            None => assert_eq!(got.unwrap_err().kind, Kind::NoTarget, "{id}"),
        }
    }
}

/// One element's many values of one sub-attribute.
#[test]
fn values_of_a_sub_attribute() {
    let before = json!({"userName": "b", "roles": [
        {"value": "r", "plans": ["a", "b"]},
        {"value": "s"},
    ]});
    let path = "roles[value eq \"r\"].plans";
    let rows = [
        (
            json!({"op": "add", "path": path, "value": ["b", "c"]}),
            json!(["a", "b", "c"]),
        ),
        (
            json!({"op": "add", "path": path, "value": "c"}),
            json!(["a", "b", "c"]),
        ),
        (
            json!({"op": "replace", "path": path, "value": ["c"]}),
            json!(["c"]),
        ),
        (
            json!({"op": "remove", "path": path, "value": ["a"]}),
            json!(["b"]),
        ),
        (
            json!({"op": "remove", "path": path, "value": "x"}),
            json!(["a", "b"]),
        ),
        (
            json!({"op": "remove", "path": path, "value": []}),
            json!(["a", "b"]),
        ),
        (
            json!({"op": "remove", "path": path, "value": ["a", "b"]}),
            json!(null),
        ),
        (json!({"op": "remove", "path": path}), json!(null)),
        (
            json!({"op": "remove", "path": "roles[plans eq \"b\"].plans", "value": ["b"]}),
            json!(["a"]),
        ),
    ];
    for (operation, plans) in rows {
        let after = patch(&before, &json!([operation]), &user(), STRICT).unwrap();
        let roles = after["roles"].as_array().unwrap();
        assert_eq!(roles.len(), 2, "{operation}");
        assert_eq!(roles[0]["value"], "r", "{operation}");
        assert_eq!(
            roles[0].get("plans").unwrap_or(&Value::Null),
            &plans,
            "{operation}"
        );
        assert_eq!(roles[1], json!({"value": "s"}), "{operation}");
    }
    let created = json!([{"op": "add", "path": "roles[plans eq \"z\"].value", "value": "t"}]);
    let after = patch(&before, &created, &user(), STRICT).unwrap();
    assert_eq!(after["roles"][2], json!({"plans": ["z"], "value": "t"}));
}

/// An immutable moment may be told again with another offset.
#[test]
fn one_moment_in_two_spellings() {
    let before = json!({"userName": "b", "hireDate": "2025-12-31T22:00:00Z"});
    let spelled = |value: &str| json!([{"op": "replace", "path": "hireDate", "value": value}]);
    assert!(
        patch(
            &before,
            &spelled("2026-01-01T00:00:00.000+02:00"),
            &user(),
            STRICT
        )
        .is_ok()
    );
    let error = patch(&before, &spelled("2026-01-01T00:00:00Z"), &user(), STRICT).unwrap_err();
    assert_eq!(error.kind, Kind::Mutability);
}
