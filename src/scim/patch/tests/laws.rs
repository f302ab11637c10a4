use proptest::prelude::*;

use super::*;

fn email() -> impl Strategy<Value = Value> {
    let kind = proptest::option::of(proptest::sample::select(vec!["work", "home", "other"]));
    ("[a-d]{1,2}", kind, any::<bool>()).prop_map(|(value, kind, display)| {
        let mut email = json!({"value": value});
        if let Some(kind) = kind {
            email["type"] = kind.into();
        }
        if display {
            email["display"] = "d".into();
        }
        email
    })
}

fn emails() -> impl Strategy<Value = Vec<Value>> {
    proptest::collection::vec((email(), proptest::bool::weighted(0.2)), 0..6).prop_map(|list| {
        let primary = list.iter().position(|(_, primary)| *primary);
        let elements = list.into_iter().enumerate().map(|(at, (mut email, _))| {
            if Some(at) == primary {
                email["primary"] = true.into();
            }
            email
        });
        elements.collect()
    })
}

/// A document as the server stores one.
fn stored(emails: &[Value]) -> Document {
    let body = json!({"userName": "u", "emails": emails});
    let rules = crate::scim::resource::InputRules::default();
    crate::scim::resource::normalize(&body, &user(), &rules)
        .unwrap()
        .document
}

fn run(before: &Document, operations: Value) -> Document {
    let operations = parse(&message(&operations), &user(), &LENIENT)
        .unwrap()
        .operations;
    apply(before, &operations, &user(), &LENIENT).unwrap()
}

fn primaries(doc: &Document) -> usize {
    let emails = doc.get("emails").and_then(Value::as_array);
    emails.map_or(0, |list| {
        list.iter().filter(|e| e["primary"] == true).count()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn adding_twice_is_adding_once(have in emails(), more in emails()) {
        let before = stored(&have);
        let add = json!([{"op": "add", "path": "emails", "value": more}]);
        let once = run(&before, add.clone());
        prop_assert_eq!(&run(&once, add), &once);
        prop_assert!(primaries(&once) <= 1);
    }

    #[test]
    fn adding_what_is_there_changes_nothing(have in emails()) {
        let before = stored(&have);
        let again = before.get("emails").cloned().unwrap_or_default();
        prop_assert_eq!(run(&before, json!([{"op": "add", "path": "emails", "value": again}])), before);
    }

    #[test]
    fn what_is_replaced_is_read_back(have in emails(), new in emails()) {
        let after = run(&stored(&have), json!([{"op": "replace", "path": "emails", "value": new}]));
        let expected = stored(&new);
        prop_assert_eq!(after.get("emails"), expected.get("emails"));
    }

    #[test]
    fn what_is_replaced_by_filter_is_read_back(have in emails(), value in "[x-z]{1,3}") {
        let path = "emails[type eq \"work\"].value";
        let after = run(&stored(&have), json!([{"op": "replace", "path": path, "value": value}]));
        let emails = get(&after, &AttrPath::core("emails")).unwrap().as_array().unwrap();
        let work: Vec<_> = emails.iter().filter(|e| e["type"] == "work").collect();
        prop_assert!(!work.is_empty());
        prop_assert!(work.iter().all(|e| e["value"] == value.as_str()));
    }

    #[test]
    fn what_is_removed_is_gone(have in emails(), gone in emails()) {
        let before = stored(&have);
        let values: Vec<Value> = gone.iter().map(|e| json!({"value": e["value"]})).collect();
        let after = run(&before, json!([{"op": "remove", "path": "emails", "value": values}]));
        let left = |doc: &Document| doc.get("emails").and_then(Value::as_array).cloned().unwrap_or_default();
        let expected: Vec<Value> = left(&before)
            .into_iter()
            .filter(|e| !gone.iter().any(|g| g["value"] == e["value"]))
            .collect();
        prop_assert_eq!(left(&after), expected);
    }
}
