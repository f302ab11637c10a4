//! Property: what Graph is asked selects everything that the SCIM filter selects, and just that
//! when it is said to be exact. Also: every operator that is advertised for a row is answered.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::mapping;
use crate::{
    odata::expr::{Expr, Function, Literal as Odata, Op},
    scim::{
        attr::AttrPath,
        filter::{self, CompareOp, Filter, Literal},
        schema::Type,
    },
    translation::{Place, push_down::operators},
};

/// The value at `path` of an entity; inside a lambda the path is `p` or `p/sub`.
fn find<'a>(entity: &'a Value, path: &str) -> &'a Value {
    if path == "p" {
        return entity;
    }
    path.split('/').fold(entity, |at, name| &at[name])
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_lowercase)
}

fn literal(value: &Odata) -> String {
    match value {
        Odata::String(text) | Odata::Bare(text) => text.to_lowercase(),
        other => other.to_string(),
    }
}

/// OData with null: a comparison with null is false but for `ne`; a function of null is null,
/// and so is its negation (`None`), which selects nothing.
fn eval(expr: &Expr, entity: &Value) -> Option<bool> {
    Some(match expr {
        Expr::And(a, b) => match (eval(a, entity), eval(b, entity)) {
            (Some(a), Some(b)) => a && b,
            (Some(false), _) | (_, Some(false)) => false,
            _ => return None,
        },
        Expr::Or(a, b) => match (eval(a, entity), eval(b, entity)) {
            (Some(a), Some(b)) => a || b,
            (Some(true), _) | (_, Some(true)) => true,
            _ => return None,
        },
        Expr::Not(a) => !eval(a, entity)?,
        Expr::Compare(path, op, Odata::Null) => {
            find(entity, path).is_null() == matches!(op, Op::Eq)
        }
        Expr::Compare(path, op, value) => {
            let found = find(entity, path);
            if found.is_null() {
                return Some(*op == Op::Ne);
            }
            let (found, value) = (text(found), literal(value));
            match op {
                Op::Eq => found == value,
                Op::Ne => found != value,
                Op::Ge => found >= value,
                Op::Le => found <= value,
                Op::Gt | Op::Lt => panic!("Graph has no gt and lt"),
            }
        }
        Expr::In(path, values) => {
            let found = find(entity, path);
            !found.is_null() && values.iter().any(|v| literal(v) == text(found))
        }
        Expr::Call(function, path, wanted) => {
            let found = find(entity, path);
            if found.is_null() {
                return None;
            }
            let (found, wanted) = (text(found), wanted.to_lowercase());
            match function {
                Function::StartsWith => found.starts_with(&wanted),
                Function::EndsWith => found.ends_with(&wanted),
                Function::Contains => panic!("Graph has no contains"),
            }
        }
        Expr::Any(path, _, inner) => find(entity, path)
            .as_array()
            .is_some_and(|items| items.iter().any(|item| eval(inner, item) == Some(true))),
        Expr::Count(path, op, 0) => {
            let empty = find(entity, path).as_array().is_none_or(Vec::is_empty);
            empty == (*op == Op::Eq)
        }
        other => panic!("{other}"),
    })
}

fn word() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "A", "ab", "b", "Bc", "ca"]).prop_map(str::to_owned)
}

fn maybe() -> impl Strategy<Value = Value> {
    prop_oneof![1 => Just(Value::Null), 2 => word().prop_map(Value::from)]
}

fn date() -> impl Strategy<Value = String> {
    (1..5_u32).prop_map(|day| format!("2026-01-0{day}T00:00:00Z"))
}

prop_compose! {
    fn entity()(
        title in maybe(), nick in maybe(), mail in maybe(), given in maybe(), surname in maybe(),
        city in maybe(), country in maybe(), division in maybe(), mobile in maybe(),
        phones in prop::collection::vec(word(), 0..2),
        other in prop::collection::vec(word(), 0..3),
        proxies in prop::collection::vec((any::<bool>(), word()), 0..3),
        enabled in any::<bool>(), synced in prop::option::of(any::<bool>()), created in date(),
    ) -> Value {
        let proxies: Vec<String> = proxies
            .into_iter()
            .map(|(smtp, w)| format!("{}:{w}", if smtp { "smtp" } else { "sip" }))
            .collect();
        json!({
            "id": "i", "userPrincipalName": "u", "jobTitle": title, "mailNickname": nick,
            "mail": mail, "givenName": given, "surname": surname, "city": city,
            "country": country, "employeeOrgData": {"division": division}, "otherMails": other,
            "proxyAddresses": proxies, "accountEnabled": enabled, "businessPhones": phones,
            "onPremisesSyncEnabled": synced, "createdDateTime": created, "mobilePhone": mobile,
        })
    }
}

fn leaf() -> impl Strategy<Value = String> {
    const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    const ENTRA: &str = "urn:ietf:params:scim:schemas:extension:Microsoft:Entra:2.0:User";
    let texts = prop::sample::select(vec![
        "title".to_owned(),
        "externalId".to_owned(),
        "name.givenName".to_owned(),
        "emails.value".to_owned(),
        "emails".to_owned(),
        "addresses.locality".to_owned(),
        "phoneNumbers.value".to_owned(),
        format!("{ENTERPRISE}:division"),
        format!("{ENTRA}:proxyAddresses"),
    ]);
    let ops = prop::sample::select(vec!["eq", "ne", "sw", "ew", "co"]);
    let inner = prop::sample::select(vec![
        "type eq \"work\"",
        "type ne \"work\"",
        "type eq \"other\"",
        "type eq \"proxyAddress\"",
        "type eq \"none\"",
        "primary eq true",
        "not (primary eq true)",
        "value pr",
        "value eq \"a\"",
        "value sw \"B\"",
        "value ew \"a\"",
        "not (value eq \"a\")",
        "value ne \"a\"",
    ]);
    let joined = prop::sample::select(vec!["and", "or"]);
    prop_oneof![
        4 => (texts.clone(), ops, word()).prop_map(|(a, op, w)| format!("{a} {op} \"{w}\"")),
        1 => texts.prop_map(|a| format!("{a} pr")),
        1 => Just("name pr".to_owned()),
        1 => Just("title eq null".to_owned()),
        1 => any::<bool>().prop_map(|b| format!("active eq {b}")),
        1 => any::<bool>().prop_map(|b| format!("{ENTRA}:onPremisesSyncEnabled ne {b}")),
        1 => (prop::sample::select(vec!["eq", "gt", "ge", "lt", "le"]), date())
            .prop_map(|(op, d)| format!("meta.created {op} \"{d}\"")),
        3 => (inner.clone(), joined, inner)
            .prop_map(|(a, j, b)| format!("emails[{a} {j} {b}]")),
        1 => (word(), word()).prop_map(|(a, b)| {
            format!("addresses[type eq \"work\" and locality eq \"{a}\" and not (country eq \"{b}\")]")
        }),
    ]
}

fn any_filter() -> impl Strategy<Value = String> {
    leaf().prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} and {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} or {b})")),
            inner.prop_map(|a| format!("not ({a})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn graph_is_asked_for_no_less(text in any_filter(), entities in prop::collection::vec(entity(), 4)) {
        thread_local! {
            static MAPPING: crate::translation::Mapping = mapping("standard", "users");
        }
        MAPPING.with(|mapping| {
            let schema = mapping.schema();
            let filter = filter::check(&filter::parse(&text).unwrap(), schema).unwrap();
            let Ok(down) = mapping.push_down(&filter) else { return Ok(()) };
            for entity in &entities {
                let doc = mapping.to_scim(entity);
                let wanted = filter::matches(&filter, &doc, schema);
                let given = !down.nothing
                    && down.expr.as_ref().is_none_or(|e| eval(e, entity) == Some(true));
                let shown = down.expr.as_ref().map(ToString::to_string);
                prop_assert!(given || !wanted, "{text}\n{shown:?}\n{entity}");
                prop_assert!(!down.exact || given == wanted, "said to be exact: {text}\n{shown:?}\n{entity}");
                let left = down.rest.as_ref().is_none_or(|rest| filter::matches(rest, &doc, schema));
                let rest = down.rest.as_ref().map(ToString::to_string);
                prop_assert_eq!(given && left, wanted, "left: {:?} of {}\n{:?}\n{}", rest, text, shown, entity);
                prop_assert_eq!(down.exact, rest.is_none(), "{}", text);
            }
            Ok(())
        })?;
    }
}

#[test]
fn what_is_advertised_is_answered() {
    let mut asked = 0;
    for (preset, stem) in [
        ("standard", "users"),
        ("standard", "groups"),
        ("iga-flat", "users"),
    ] {
        let mapping = mapping(preset, stem);
        for row in mapping.rows().iter().filter(|r| r.is_read()) {
            let (Some(target), Place::Plain(path)) = (mapping.target(row), row.place()) else {
                continue;
            };
            if *path == AttrPath::core("id") {
                continue;
            }
            let value = match row.kind {
                Type::Boolean => Literal::Bool(true),
                Type::DateTime => Literal::String("2026-01-01T00:00:00Z".into()),
                _ => Literal::String("x".into()),
            };
            for names in operators(row, &target, |_| true) {
                for name in names.split(", ") {
                    let op = match name {
                        "eq" => CompareOp::Eq,
                        "ne" => CompareOp::Ne,
                        "sw" => CompareOp::Sw,
                        "ew" => CompareOp::Ew,
                        "gt" => CompareOp::Gt,
                        "ge" => CompareOp::Ge,
                        "lt" => CompareOp::Lt,
                        "le" => CompareOp::Le,
                        _ => {
                            let found = mapping.push_down(&Filter::Present(path.clone()));
                            assert!(found.is_ok() || target.is_list, "{path} pr: {found:?}");
                            continue;
                        }
                    };
                    let filter = Filter::Compare(path.clone(), op, value.clone());
                    let found = mapping.push_down(&filter);
                    assert!(found.is_ok(), "{preset} {path} {name}: {found:?}");
                    asked += 1;
                }
            }
        }
    }
    assert!(asked > 150, "{asked}");
}
