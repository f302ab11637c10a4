use super::*;

/// (id, operations, members afterwards, steps)
#[test]
fn patches_members() {
    let before = json!({"displayName": "g", "members": [{"value": "a", "type": "User", "display": "A"}, {"value": "b"}]});
    let a = json!({"value": "a", "type": "User", "display": "A"});
    let remove = |values: &[&str]| Step::Remove(values.iter().map(|v| (*v).to_owned()).collect());
    let add = |values: &[&str]| Step::Add(values.iter().map(|v| json!({"value": v})).collect());
    let rows: Vec<(&str, Value, Value, Option<Vec<Step>>)> = vec![
        (
            "G03",
            json!([{"op": "Add", "path": "members", "value": [{"$ref": null, "value": "c"}]}]),
            json!([a, {"value": "b"}, {"value": "c"}]),
            Some(vec![add(&["c"])]),
        ),
        (
            "G03, again",
            json!([{"op": "add", "path": "members", "value": [{"value": "a"}]}]),
            json!([a, {"value": "b"}]),
            Some(vec![add(&["a"])]),
        ),
        (
            "O05",
            json!([{"op": "remove", "path": "members[value eq \"b\"]"}, {"op": "add", "path": "members", "value": [{"value": "c", "display": "C"}]}]),
            json!([a, {"value": "c"}]),
            Some(vec![remove(&["b"]), add(&["c"])]),
        ),
        (
            "G04",
            json!([{"op": "remove", "path": "members[value eq \"a\"]"}]),
            json!([{"value": "b"}]),
            Some(vec![remove(&["a"])]),
        ),
        (
            "G04, no member",
            json!([{"op": "remove", "path": "members[value eq \"x\"]"}]),
            json!([a, {"value": "b"}]),
            Some(vec![remove(&["x"])]),
        ),
        (
            "two by or",
            json!([{"op": "remove", "path": "members[value eq \"a\" or value eq \"b\"]"}]),
            Value::Null,
            Some(vec![remove(&["a", "b"])]),
        ),
        (
            "its value",
            json!([{"op": "remove", "path": "members[value eq \"a\"].value"}]),
            json!([{"value": "b"}]),
            Some(vec![remove(&["a"])]),
        ),
        (
            "G05",
            json!([{"op": "remove", "path": "members"}]),
            Value::Null,
            Some(vec![Step::RemoveAll]),
        ),
        (
            "G05, null",
            json!([{"op": "remove", "path": "members", "value": null}]),
            Value::Null,
            Some(vec![Step::RemoveAll]),
        ),
        (
            "E14",
            json!([{"op": "Remove", "path": "members", "value": [{"$ref": null, "value": "a"}]}]),
            json!([{"value": "b"}]),
            Some(vec![remove(&["a"])]),
        ),
        (
            "E14, object",
            json!([{"op": "remove", "path": "members", "value": {"value": "a", "type": "User"}}]),
            json!([{"value": "b"}]),
            Some(vec![remove(&["a"])]),
        ),
        (
            "E14, bare ids",
            json!([{"op": "remove", "path": "members", "value": ["a", "x"]}]),
            json!([{"value": "b"}]),
            Some(vec![remove(&["a", "x"])]),
        ),
        (
            "E14, empty list",
            json!([{"op": "remove", "path": "members", "value": []}]),
            json!([a, {"value": "b"}]),
            Some(vec![]),
        ),
        (
            "E14, nothing said",
            json!([{"op": "remove", "path": "members", "value": [{"$ref": "x"}]}]),
            json!([a, {"value": "b"}]),
            Some(vec![]),
        ),
        (
            "E14, empty text",
            json!([{"op": "remove", "path": "members", "value": ""}]),
            json!([a, {"value": "b"}]),
            Some(vec![]),
        ),
        (
            "G06",
            json!([{"op": "replace", "path": "members", "value": [{"value": "c"}]}]),
            json!([{"value": "c"}]),
            Some(vec![Step::Replace(vec![json!({"value": "c"})])]),
        ),
        (
            "G06, empty",
            json!([{"op": "replace", "path": "members", "value": []}]),
            Value::Null,
            Some(vec![Step::RemoveAll]),
        ),
        (
            "without path",
            json!([{"op": "add", "value": {"members": [{"value": "c"}]}}]),
            json!([a, {"value": "b"}, {"value": "c"}]),
            Some(vec![add(&["c"])]),
        ),
        (
            "add of nothing",
            json!([{"op": "add", "path": "members", "value": []}]),
            json!([a, {"value": "b"}]),
            Some(vec![]),
        ),
        (
            "needs the list: type",
            json!([{"op": "remove", "path": "members[type eq \"User\"]"}]),
            json!([{"value": "b"}]),
            None,
        ),
        (
            "needs the list: and",
            json!([{"op": "remove", "path": "members[value eq \"a\" and type eq \"User\"]"}]),
            json!([{"value": "b"}]),
            None,
        ),
        (
            "needs the list: not",
            json!([{"op": "remove", "path": "members[not (value eq \"a\")]"}]),
            json!([a]),
            None,
        ),
        (
            "needs the list: sub",
            json!([{"op": "remove", "path": "members[value eq \"a\"].type"}]),
            json!([{"value": "a", "display": "A"}, {"value": "b"}]),
            None,
        ),
        (
            "nobody is named: nobody is removed",
            json!([{"op": "remove", "path": "members", "value": [{"type": "User"}]}]),
            json!([a, {"value": "b"}]),
            Some(vec![]),
        ),
        (
            "needs the list: add by filter",
            json!([{"op": "add", "path": "members[value eq \"c\"].type", "value": "User"}]),
            json!([a, {"value": "b"}, {"value": "c", "type": "User"}]),
            None,
        ),
    ];
    let members = AttrPath::core("members");
    for (id, operations, after, steps) in rows {
        let schema = group();
        let operations = parse(&message(&operations), &schema, &STRICT)
            .unwrap_or_else(|e| panic!("{id}: {e}"))
            .operations;
        let got = apply(&doc(before.clone()), &operations, &schema, &STRICT).unwrap();
        assert_eq!(got.get("members").unwrap_or(&Value::Null), &after, "{id}");
        let delta = relation_delta(&operations, &members);
        assert_eq!(delta, steps.map(RelationDelta::Steps), "{id}");
        assert_eq!(
            touches(&operations, &members),
            !operations.is_empty(),
            "{id}"
        );
        assert!(!touches(&operations, &AttrPath::core("owners")), "{id}");
    }
    // members.value is immutable within an element.
    let operation =
        json!([{"op": "replace", "path": "members[value eq \"a\"].value", "value": "c"}]);
    let error = patch(&before, &operation, &group(), STRICT).unwrap_err();
    assert_eq!(error.kind, Kind::Mutability);
}

#[test]
fn a_single_relation_in_steps() {
    let manager = AttrPath {
        urn: Some(ENTERPRISE_USER.into()),
        ..AttrPath::core("manager")
    };
    let m = || vec![json!({"value": "m"})];
    let rows = [
        (
            json!({"op": "Add", "path": "manager", "value": "m"}),
            Step::Add(m()),
        ),
        (
            json!({"op": "Replace", "path": "manager.value", "value": "m"}),
            Step::Replace(m()),
        ),
        (
            json!({"op": "Replace", "path": "manager", "value": ""}),
            Step::RemoveAll,
        ),
        (json!({"op": "Remove", "path": "manager"}), Step::RemoveAll),
        (
            json!({"op": "Remove", "path": "manager.value"}),
            Step::RemoveAll,
        ),
        (
            json!({"op": "Remove", "path": "manager", "value": [{"value": "m"}]}),
            Step::Remove(vec!["m".into()]),
        ),
    ];
    for (operation, step) in rows {
        let operations = parse(&message(&json!([operation])), &user(), &STRICT)
            .unwrap()
            .operations;
        let delta = relation_delta(&operations, &manager);
        assert_eq!(delta, Some(RelationDelta::Steps(vec![step])), "{operation}");
    }
}

/// As many members as a tenant's largest group has: what is done to one of them does not look at
/// the others, or this would take minutes.
#[test]
fn many_members() {
    const MANY: usize = 55_000;
    let id = |n: usize| format!("{n:08x}-0000-4000-8000-000000000000");
    let list = |ids: std::ops::Range<usize>| -> Vec<Value> {
        ids.map(|n| json!({"value": id(n), "type": "User"}))
            .collect()
    };
    let schema = group();
    let send = |before: &Value, operations: &Value| {
        let operations = parse(&message(operations), &schema, &STRICT)
            .unwrap()
            .operations;
        let after = apply(&doc(before.clone()), &operations, &schema, &STRICT).unwrap();
        let count = after
            .get("members")
            .and_then(Value::as_array)
            .map_or(0, Vec::len);
        (Value::Object(after), count)
    };
    let empty = json!({"displayName": "g"});
    let add = json!([{"op": "add", "path": "members", "value": list(0..MANY)}]);
    let (full, count) = send(&empty, &add);
    assert_eq!(count, MANY);
    // All of them are there already.
    let again: Vec<Value> = (0..MANY).map(|n| json!({"value": id(n)})).collect();
    let (same, count) = send(
        &full,
        &json!([{"op": "add", "path": "members", "value": again}]),
    );
    assert_eq!(count, MANY);
    assert_eq!(same, full);
    let replaced = json!([{"op": "replace", "path": "members", "value": list(1000..MANY)}]);
    assert_eq!(send(&full, &replaced).1, MANY - 1000);
    let removed = json!([{"op": "remove", "path": "members", "value": list(0..MANY - 7)}]);
    assert_eq!(send(&full, &removed).1, 7);
    // One operation for each, as authentik and Entra send them.
    let each: Vec<Value> = (0..MAX_OPERATIONS)
        .map(|n| match n % 3 {
            0 => json!({"op": "remove", "path": format!("members[value eq \"{}\"]", id(n))}),
            1 => json!({"op": "remove", "path": "members", "value": [{"value": id(n)}]}),
            _ => json!({"op": "add", "path": "members", "value": [{"value": id(MANY + n)}]}),
        })
        .collect();
    let gone = each.iter().filter(|o| o["op"] == "remove").count();
    let (_, count) = send(&full, &json!(each));
    assert_eq!(count, MANY - gone + (MAX_OPERATIONS - gone));
}

/// One role at as many scopes: told apart by what they say beside their common value.
#[test]
fn many_elements_of_one_value() {
    const MANY: usize = 20_000;
    let at = |ids: std::ops::Range<usize>| -> Vec<Value> {
        ids.map(|n| json!({"value": "r", "scope": format!("/units/{n}")}))
            .collect()
    };
    let schema = user();
    let send = |before: &Value, operation: Value| {
        let operations = parse(&message(&json!([operation])), &schema, &STRICT)
            .unwrap()
            .operations;
        let after = apply(&doc(before.clone()), &operations, &schema, &STRICT).unwrap();
        Value::Object(after)
    };
    let roles = |user: &Value| user["roles"].as_array().map_or(0, Vec::len);
    let add = |elements: Vec<Value>| json!({"op": "add", "path": "roles", "value": elements});
    let full = send(&json!({"userName": "u"}), add(at(0..MANY)));
    assert_eq!(roles(&full), MANY);
    assert_eq!(send(&full, add(at(0..MANY))), full);
    let remove = json!({"op": "remove", "path": "roles", "value": at(5..MANY)});
    assert_eq!(roles(&send(&full, remove)), 5);
    let all = json!({"op": "remove", "path": "roles", "value": [{"value": "R"}]});
    assert_eq!(roles(&send(&full, all)), 0);
    // Agreeing on what both say: laid over the first that says no type yet.
    let typed =
        |n: usize, kind: &str| json!({"value": "r", "scope": format!("/UNITS/{n}"), "type": kind});
    let after = send(
        &full,
        add(vec![typed(7, "a"), typed(7, "b"), typed(7, "A")]),
    );
    assert_eq!(roles(&after), MANY + 1);
    assert_eq!(after["roles"][7]["type"], "a");
    assert_eq!(after["roles"][MANY]["type"], "b");
    let after = send(&full, add(vec![json!({"value": "r", "type": "a"})]));
    assert_eq!(after["roles"][0]["type"], "a");
    assert_eq!(roles(&after), MANY);
}
