use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;

fn post(id: &str, data: Value) -> Value {
    json!({"method": "POST", "path": "/Groups", "bulkId": id, "data": data})
}

fn request(operations: Value) -> Result<Request, Error> {
    parse(
        &json!({"schemas": [urn::BULK_REQUEST], "Operations": operations}),
        10,
    )
}

#[test]
fn what_is_no_bulk_request_is_refused() {
    for (body, kind) in [
        (json!([]), Kind::InvalidSyntax),
        (json!({}), Kind::InvalidSyntax),
        (json!({"Operations": []}), Kind::InvalidSyntax),
        (json!({"Operations": {}}), Kind::InvalidSyntax),
        (
            json!({"schemas": [urn::PATCH_OP], "Operations": [1]}),
            Kind::InvalidSyntax,
        ),
        (
            json!({"failOnErrors": 0, "Operations": [1]}),
            Kind::InvalidValue,
        ),
        (
            json!({"failOnErrors": "x", "Operations": [1]}),
            Kind::InvalidValue,
        ),
        (json!({"Operations": vec![1; 11]}), Kind::TooManyOperations),
        (
            json!({"Operations": [post("a", json!({})), post("a", json!({}))]}),
            Kind::InvalidValue,
        ),
    ] {
        assert_eq!(parse(&body, 10).unwrap_err().kind, kind, "{body}");
    }
    let lenient =
        json!({"FAILONERRORS": "2", "operations": [{"METHOD": "delete", "Path": "/users/x"}]});
    let read = parse(&lenient, 10).unwrap();
    assert_eq!(read.fail_on_errors, Some(2));
    assert!(read.entries[0].operation.is_ok());
}

#[test]
fn an_operation_that_makes_no_sense_is_an_error_of_its_own() {
    for (operation, kind) in [
        (json!(1), Kind::InvalidSyntax),
        (
            json!({"method": "GET", "path": "/Users/x"}),
            Kind::InvalidSyntax,
        ),
        (
            json!({"method": "POST", "bulkId": "a", "data": {}}),
            Kind::InvalidSyntax,
        ),
        (
            json!({"method": "POST", "path": "/Users", "data": {}}),
            Kind::InvalidSyntax,
        ),
        (
            json!({"method": "POST", "path": "/Users/x", "bulkId": "a", "data": {}}),
            Kind::InvalidPath,
        ),
        (
            json!({"method": "PUT", "path": "/Users", "data": {}}),
            Kind::InvalidPath,
        ),
        (
            json!({"method": "PUT", "path": "/Users/x/y", "data": {}}),
            Kind::InvalidPath,
        ),
        (
            json!({"method": "PUT", "path": "/Users/x"}),
            Kind::InvalidSyntax,
        ),
        (
            json!({"method": "PUT", "path": "/Users/x", "data": []}),
            Kind::InvalidSyntax,
        ),
        (json!({"method": "DELETE", "path": "/"}), Kind::InvalidPath),
    ] {
        let read = request(json!([operation])).unwrap();
        let error = read.entries[0].operation.as_ref().unwrap_err();
        assert_eq!(error.kind, kind, "{operation}");
    }
}

#[test]
fn paths() {
    for (path, endpoint, subject) in [
        ("/Users/x", "Users", Subject::Id("x".into())),
        ("Users/x?attributes=id", "Users", Subject::Id("x".into())),
        ("/scim/v2/Users/x", "Users", Subject::Id("x".into())),
        (
            "https://h/tenants/t/scim/v2/Users/x/",
            "Users",
            Subject::Id("x".into()),
        ),
        ("/Groups/bulkId:q", "Groups", Subject::Made("q".into())),
        ("/Groups/a%2Fb", "Groups", Subject::Id("a/b".into())),
    ] {
        assert_eq!(target(path), Some((endpoint.into(), subject)), "{path}");
    }
}

#[test]
fn references_everywhere() {
    let data = json!({
        "displayName": "not bulkId:x",
        "members": [{"value": "bulkId:a", "$ref": "../Users/bulkId:b"}],
        "Operations": [{"path": "members[value eq \"bulkId:c\"].display", "value": "bulkId:d e"}],
    });
    let found: Vec<String> = references(&data).into_iter().collect();
    assert_eq!(found, ["a", "b", "c", "d e"]);
    let resolved = resolve(&data, &|id| Ok(format!("<{id}>"))).unwrap();
    assert_eq!(
        resolved,
        json!({
            "displayName": "not bulkId:x",
            "members": [{"value": "<a>", "$ref": "../Users/<b>"}],
            "Operations": [{"path": "members[value eq \"<c>\"].display", "value": "<d e>"}],
        })
    );
    let refuse = |id: &str| Err(Error::invalid_value(id));
    assert_eq!(
        resolve(&data, &refuse).unwrap_err().kind,
        Kind::InvalidValue
    );
}

#[test]
fn what_is_left_out_is_added_later() {
    let urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let of = BTreeSet::from(["a".to_owned()]);
    let data = json!({
        "displayName": "x", "members": [{"value": "bulkId:a"}, {"value": "bulkId:b"}],
        urn: {"department": "d", "manager": {"value": "bulkId:a"}},
    });
    assert_eq!(
        without(&data, &of),
        json!({"displayName": "x", "members": [{"value": "bulkId:b"}], urn: {"department": "d"}})
    );
    let manager = format!("{urn}:manager");
    assert_eq!(
        deferred(&data, &of),
        json!({"Operations": [
            {"op": "add", "path": "members", "value": [{"value": "bulkId:a"}]},
            {"op": "add", "path": manager, "value": {"value": "bulkId:a"}},
        ]})
    );
}

/// (operations, the order in which they come: entry, whether links, which entries it waits for)
#[test]
fn orders() {
    let member = |id: &str| json!({"members": [{"value": format!("bulkId:{id}")}]});
    let patch = |path: &str| json!({"method": "PATCH", "path": path, "data": {}});
    let delete = |path: &str| json!({"method": "DELETE", "path": path});
    type Expected<'a> = &'a [(usize, bool, &'a [usize], usize)];
    let rows: [(&str, Value, Expected); 7] = [
        (
            "forward",
            json!([post("g", member("u")), post("u", json!({}))]),
            &[(1, false, &[], 0), (0, false, &[0], 0)],
        ),
        (
            "circle",
            json!([post("a", member("b")), post("b", member("a"))]),
            &[
                (0, false, &[], 0),
                (1, false, &[], 0),
                (0, true, &[0, 1], 0),
                (1, true, &[0, 1], 0),
            ],
        ),
        (
            "itself",
            json!([post("a", member("a"))]),
            &[(0, false, &[], 0), (0, true, &[0], 0)],
        ),
        (
            "one resource",
            json!([patch("/Users/x"), patch("/users/X"), patch("/Users/y")]),
            &[(0, false, &[], 0), (1, false, &[0], 0), (2, false, &[], 0)],
        ),
        (
            "made and changed",
            json!([
                patch("/Groups/bulkId:g"),
                delete("/Groups/bulkId:g"),
                post("g", json!({}))
            ]),
            &[
                (2, false, &[], 1),
                (0, false, &[0], 0),
                (1, false, &[0, 1], 0),
            ],
        ),
        (
            "a name that is freed",
            json!([delete("/Users/x"), post("u", json!({}))]),
            &[(0, false, &[], 0), (1, false, &[], 1)],
        ),
        (
            "a reference to nothing waits for nothing",
            json!([post("g", member("nowhere"))]),
            &[(0, false, &[], 0)],
        ),
    ];
    for (what, operations, expected) in rows {
        let found = order(&request(operations).unwrap().entries);
        let found: Vec<_> = found
            .nodes
            .iter()
            .map(|node| {
                let links = matches!(node.phase, Phase::Links(_));
                let list = |set: &BTreeSet<usize>| set.iter().copied().collect::<Vec<_>>();
                (node.entry, links, list(&node.after), node.deletes)
            })
            .collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(entry, links, after, deletes)| (*entry, *links, after.to_vec(), *deletes))
            .collect();
        assert_eq!(found, expected, "{what}");
    }
}
