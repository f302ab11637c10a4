use super::*;

/// (id, operations, kind, what the text names)
#[test]
fn patch_refuses() {
    use Kind::{InvalidFilter, InvalidPath, InvalidSyntax, InvalidValue, Mutability, NoTarget};
    let rows: Vec<(&str, Value, Kind, &str)> = vec![
        ("T04", json!([]), InvalidSyntax, "Operations"),
        (
            "T05",
            json!([{"op": "upsert", "path": "title", "value": "x"}]),
            InvalidSyntax,
            "op",
        ),
        (
            "T05",
            json!([{"path": "title", "value": "x"}]),
            InvalidSyntax,
            "op",
        ),
        ("T05", json!(["x"]), InvalidSyntax, "object"),
        (
            "T06",
            json!([{"op": "add", "path": "title"}]),
            InvalidValue,
            "value",
        ),
        (
            "replace without value",
            json!([{"op": "replace", "path": "title"}]),
            InvalidValue,
            "value",
        ),
        (
            "no path, no object",
            json!([{"op": "add", "value": "x"}]),
            InvalidValue,
            "path",
        ),
        ("T11", json!([{"op": "remove"}]), NoTarget, "path"),
        (
            "T11",
            json!([{"op": "remove", "path": "", "value": {"title": "x"}}]),
            NoTarget,
            "path",
        ),
        (
            "T13",
            json!([{"op": "remove", "path": "userName"}]),
            Mutability,
            "userName",
        ),
        (
            "T13, null",
            json!([{"op": "replace", "path": "userName", "value": null}]),
            Mutability,
            "userName",
        ),
        (
            "T13, without path",
            json!([{"op": "replace", "value": {"userName": null}}]),
            Mutability,
            "userName",
        ),
        (
            "T15",
            json!([{"op": "replace", "path": "emails[type eq \"none\"].value", "value": "x"}]),
            NoTarget,
            "emails",
        ),
        (
            "T15, whole",
            json!([{"op": "replace", "path": "emails[type eq \"none\"]", "value": {"value": "x"}}]),
            NoTarget,
            "emails",
        ),
        (
            "add, nothing to create",
            json!([{"op": "add", "path": "emails[type sw \"n\"].value", "value": "x"}]),
            NoTarget,
            "emails",
        ),
        (
            "add, a single one that differs",
            json!([{"op": "add", "path": "name[familyName eq \"x\"].givenName", "value": "x"}]),
            NoTarget,
            "name",
        ),
        (
            "trap 14",
            json!([{"op": "add", "path": "emails", "value": [{"value": "a", "primary": true}, {"value": "b", "primary": true}]}]),
            InvalidValue,
            "primary",
        ),
        (
            "trap 14",
            json!([{"op": "replace", "path": "emails.primary", "value": true}]),
            InvalidValue,
            "primary",
        ),
        (
            "T20",
            json!([{"op": "replace", "path": "displayName", "value": "x"}, {"op": "replace", "path": "emails[type eq \"none\"].value", "value": "x"}]),
            NoTarget,
            "emails",
        ),
        (
            "T22",
            json!([{"op": "replace", "path": "meta.created", "value": "x"}]),
            Mutability,
            "meta.created",
        ),
        (
            "T22",
            json!([{"op": "replace", "path": "id", "value": "1"}]),
            Mutability,
            "id",
        ),
        (
            "T22",
            json!([{"op": "add", "path": "groups", "value": [{"value": "g"}]}]),
            Mutability,
            "groups",
        ),
        (
            "T22",
            json!([{"op": "remove", "path": "groups[value eq \"g\"]"}]),
            Mutability,
            "groups",
        ),
        (
            "T22, sub",
            json!([{"op": "replace", "path": "manager.displayName", "value": "x"}]),
            Mutability,
            "displayName",
        ),
        (
            "T22, without path",
            json!([{"op": "replace", "value": {"groups": [{"value": "g"}]}}]),
            Mutability,
            "groups",
        ),
        (
            "immutable",
            json!([{"op": "add", "path": "hireDate", "value": "2026-01-01T00:00:00Z"}, {"op": "replace", "path": "hireDate", "value": "2027-01-01T00:00:00Z"}]),
            Mutability,
            "hireDate",
        ),
        (
            "immutable, removed",
            json!([{"op": "add", "path": "hireDate", "value": "2026-01-01T00:00:00Z"}, {"op": "remove", "path": "hireDate"}]),
            Mutability,
            "hireDate",
        ),
        (
            "T23",
            json!([{"op": "replace", "path": "emails[", "value": "x"}]),
            InvalidPath,
            "emails[",
        ),
        (
            "T23",
            json!([{"op": "replace", "path": "emails[type eq]", "value": "x"}]),
            InvalidFilter,
            "",
        ),
        (
            "T23",
            json!([{"op": "replace", "path": "emails[type eq \"x\"]value", "value": "x"}]),
            InvalidPath,
            "",
        ),
        (
            "T23",
            json!([{"op": "replace", "path": "emails[type eq \"x\"].a.b", "value": "x"}]),
            InvalidPath,
            "",
        ),
        (
            "T23",
            json!([{"op": "replace", "path": "emails.value[type eq \"x\"]", "value": "x"}]),
            InvalidPath,
            "filter",
        ),
        (
            "T23",
            json!([{"op": "replace", "path": "a b", "value": "x"}]),
            InvalidPath,
            "a b",
        ),
        (
            "T23",
            json!([{"op": "replace", "path": "name.givenName.x", "value": "x"}]),
            InvalidPath,
            "name.givenName.x",
        ),
        (
            "T23",
            json!([{"op": "replace", "path": 5, "value": "x"}]),
            InvalidPath,
            "path",
        ),
        (
            "T24",
            json!([{"op": "replace", "path": "noSuchAttribute", "value": "x"}]),
            InvalidPath,
            "noSuchAttribute",
        ),
        (
            "T24",
            json!([{"op": "replace", "path": "emails[type eq \"work\"].noSuch", "value": "x"}]),
            InvalidPath,
            "noSuch",
        ),
        (
            "T24",
            json!([{"op": "replace", "path": "emails[noSuch eq \"work\"].value", "value": "x"}]),
            InvalidFilter,
            "noSuch",
        ),
        (
            "T24",
            json!([{"op": "remove", "path": "urn:no:such:1.0:X"}]),
            InvalidPath,
            "urn:no:such",
        ),
        (
            "T24, without path",
            json!([{"op": "replace", "value": {"noSuchAttribute": 1}}]),
            InvalidPath,
            "noSuchAttribute",
        ),
        (
            "T29",
            json!([{"op": "replace", "path": "active", "value": {"a": 1}}]),
            InvalidValue,
            "active",
        ),
        (
            "T29",
            json!([{"op": "replace", "path": "active", "value": "maybe"}]),
            InvalidValue,
            "active",
        ),
        (
            "T29",
            json!([{"op": "replace", "path": "emails", "value": "x"}]),
            InvalidValue,
            "emails",
        ),
        (
            "T29",
            json!([{"op": "replace", "path": "name", "value": "x"}]),
            InvalidValue,
            "name",
        ),
        (
            "T29",
            json!([{"op": "replace", "path": "emails[type eq \"work\"].value", "value": 5}]),
            InvalidValue,
            "emails",
        ),
        (
            "T29",
            json!([{"op": "replace", "path": "manager", "value": [{"value": "a"}, {"value": "b"}]}]),
            InvalidValue,
            "manager",
        ),
        (
            "T29",
            json!([{"op": "add", "path": ENTERPRISE_USER, "value": "x"}]),
            InvalidValue,
            "enterprise",
        ),
        (
            "core schema",
            json!([{"op": "remove", "path": USER}]),
            Mutability,
            "core",
        ),
        (
            "which operation",
            json!([{"op": "remove", "path": "title"}, {"op": "remove"}]),
            NoTarget,
            "operation 2",
        ),
    ];
    for (id, operations, kind, named) in rows {
        let error = patch(&barbara(), &operations, &user(), STRICT)
            .expect_err(&format!("{id} {operations}"));
        assert_eq!(error.kind, kind, "{id} {operations}: {error}");
        assert!(error.detail.contains(named), "{id} {operations}: {error}");
    }
}

#[test]
fn messages() {
    let replace = json!({"op": "replace", "path": "title", "value": "x"});
    let rows = [
        (
            "scimgateway leaves schemas out",
            json!({"Operations": [replace]}),
            Ok(1),
        ),
        (
            "T03",
            json!({"schemas": [USER], "Operations": [replace]}),
            Err(Kind::InvalidSyntax),
        ),
        ("T03", json!([]), Err(Kind::InvalidSyntax)),
        (
            "T04",
            json!({"schemas": [PATCH_OP]}),
            Err(Kind::InvalidSyntax),
        ),
        (
            "T04",
            json!({"schemas": [PATCH_OP], "Operations": {}}),
            Err(Kind::InvalidSyntax),
        ),
        (
            "T32",
            json!({"SCHEMAS": [PATCH_OP.to_uppercase()], "operations": [{"OP": "Replace", "Path": "title", "VALUE": "x"}]}),
            Ok(1),
        ),
        (
            "null path",
            json!({"schemas": [PATCH_OP], "Operations": [{"op": "replace", "path": null, "value": {"title": "x", "nickName": "y"}}]}),
            Ok(2),
        ),
        (
            "many",
            json!({"schemas": [PATCH_OP], "Operations": vec![replace.clone(); MAX_OPERATIONS]}),
            Ok(MAX_OPERATIONS),
        ),
        (
            "too many",
            json!({"schemas": [PATCH_OP], "Operations": vec![replace.clone(); MAX_OPERATIONS + 1]}),
            Err(Kind::TooLarge),
        ),
    ];
    for (id, body, expected) in rows {
        let got = parse(&body, &user(), &STRICT);
        assert_eq!(
            got.map(|o| o.operations.len()).map_err(|e| e.kind),
            expected,
            "{id}"
        );
    }
    let ignore = Options {
        unknown: Unknown::Ignore,
        ..STRICT
    };
    let unknown = json!([{"op": "replace", "path": "noSuch", "value": 1}, {"op": "replace", "value": {"noSuch": 1, "title": "x"}}]);
    assert_eq!(
        parse(&message(&unknown), &user(), &ignore)
            .unwrap()
            .operations
            .len(),
        1
    );
}
