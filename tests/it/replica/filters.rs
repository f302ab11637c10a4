//! Random queries: what each database finds is what the evaluator finds over the same documents.

use entra_scim::{
    scim::{
        Document,
        attr::AttrPath,
        filter::{Matcher, check, parse},
        schema::{Attribute, ResourceSchema, Returned, Type},
        sort::{SortOrder, Sorter},
    },
    service::MappedType,
};
use rand::{Rng as _, SeedableRng as _, seq::IndexedRandom as _};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use super::equal::{PATHS, expect_equal};
use crate::support::{
    app::{App, Options},
    databases::Database,
};

/// A place that filters can name, with the values that documents have there.
struct Field {
    path: String,
    definition: Attribute,
    values: Vec<Value>,
}

struct Kind {
    path: &'static str,
    fields: Vec<Field>,
    /// Multi-valued complex attributes with their sub-attributes.
    lists: Vec<(String, Vec<Field>)>,
    docs: Vec<Document>,
    schema: ResourceSchema,
}

fn shown(attribute: &Attribute) -> bool {
    matches!(attribute.returned, Returned::Default | Returned::Always)
}

fn values_at(docs: &[Document], path: &AttrPath) -> Vec<Value> {
    fn add(value: &Value, sub: Option<&str>, into: &mut Vec<Value>) {
        match (value, sub) {
            (Value::Array(items), sub) => items.iter().for_each(|item| add(item, sub, into)),
            (Value::Object(object), Some(sub)) => {
                if let Some(value) = object.get(sub) {
                    add(value, None, into);
                }
            }
            (Value::Object(_), None) | (Value::Null, _) => {}
            (value, _) => into.push(value.clone()),
        }
    }
    let mut values = Vec::new();
    for doc in docs {
        let holder = match &path.urn {
            None => doc.get(&path.attr),
            Some(urn) => doc.get(urn).and_then(|container| container.get(&path.attr)),
        };
        if let Some(value) = holder {
            add(value, path.sub.as_deref(), &mut values);
        }
    }
    values
}

fn kind(path: &'static str, of: &MappedType, docs: Vec<Document>) -> Kind {
    let schema = of.schema().clone();
    let (mut fields, mut lists) = (Vec::new(), Vec::new());
    let core = schema.common.iter().chain(&schema.core.attributes);
    let all = core.map(|attribute| (None, attribute)).chain(
        schema
            .extensions
            .iter()
            .flat_map(|e| e.attributes.iter().map(move |a| (Some(e.id.clone()), a))),
    );
    for (urn, attribute) in all.filter(|(_, attribute)| shown(attribute)) {
        let whole = AttrPath {
            urn,
            attr: attribute.name.clone(),
            sub: None,
        };
        if of.mapping.looks_beyond(&whole) && whole.attr != "schemas" {
            continue;
        }
        let field = |path: AttrPath, definition: &Attribute| Field {
            values: values_at(&docs, &path),
            path: path.to_string(),
            definition: definition.clone(),
        };
        if attribute.kind != Type::Complex {
            fields.push(field(whole, attribute));
            continue;
        }
        let subs = attribute.sub_attributes.iter().filter(|sub| shown(sub));
        for sub in subs.clone() {
            fields.push(field(whole.with_sub(&sub.name), sub));
        }
        if attribute.multi_valued {
            let inner = subs.map(|sub| Field {
                path: sub.name.clone(),
                ..field(whole.with_sub(&sub.name), sub)
            });
            lists.push((whole.to_string(), inner.collect()));
        }
    }
    Kind {
        path,
        fields,
        lists,
        docs,
        schema,
    }
}

fn literal(rng: &mut ChaCha8Rng, field: &Field, whole: bool) -> String {
    let value = field.values.choose(rng).cloned();
    let Some(value) = value.filter(|_| rng.random_range(0..12) > 0) else {
        return match field.definition.kind {
            Type::Boolean => "true".to_owned(),
            Type::Integer | Type::Decimal => "7".to_owned(),
            Type::DateTime => "\"2020-06-01T00:00:00+02:00\"".to_owned(),
            _ => "\"Ab\"".to_owned(),
        };
    };
    let Value::String(mut text) = value else {
        return value.to_string();
    };
    if whole || field.definition.kind == Type::DateTime {
        if rng.random_range(0..3) == 0 && !field.definition.case_exact {
            text = text.to_uppercase();
        }
        if field.definition.kind == Type::DateTime {
            text = text.to_uppercase();
        }
        return Value::from(text).to_string();
    }
    let chars: Vec<char> = text.chars().collect();
    let length = rng.random_range(1..=chars.len().clamp(1, 4));
    let start = rng.random_range(0..=chars.len().saturating_sub(length));
    let part: String = match rng.random_range(0..3) {
        0 => chars.iter().take(length).collect(),
        1 => chars
            .iter()
            .skip(chars.len().saturating_sub(length))
            .collect(),
        _ => chars.iter().skip(start).take(length).collect(),
    };
    let part = if rng.random() {
        part.to_uppercase()
    } else {
        part
    };
    Value::from(part).to_string()
}

fn term(rng: &mut ChaCha8Rng, field: &Field) -> String {
    let ordered = ["eq", "ne", "gt", "ge", "lt", "le"];
    let op = match field.definition.kind {
        Type::Boolean => *["eq", "ne", "pr"].choose(rng).unwrap(),
        Type::Integer | Type::Decimal | Type::DateTime => {
            *["eq", "ne", "gt", "ge", "lt", "le", "pr"]
                .choose(rng)
                .unwrap()
        }
        _ => *[
            "eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "pr", "eq",
        ]
        .choose(rng)
        .unwrap(),
    };
    if op == "pr" {
        return format!("{} pr", field.path);
    }
    if rng.random_range(0..25) == 0 {
        let op = ["eq", "ne"].choose(rng).unwrap();
        return format!("{} {op} null", field.path);
    }
    let literal = literal(rng, field, ordered.contains(&op));
    format!("{} {op} {literal}", field.path)
}

fn filter(rng: &mut ChaCha8Rng, kind: &Kind, depth: usize) -> String {
    match rng.random_range(0..10) {
        0 | 1 if depth > 0 => format!(
            "({}) and ({})",
            filter(rng, kind, depth - 1),
            filter(rng, kind, depth - 1)
        ),
        2 | 3 if depth > 0 => format!(
            "({}) or ({})",
            filter(rng, kind, depth - 1),
            filter(rng, kind, depth - 1)
        ),
        4 if depth > 0 => format!("not ({})", filter(rng, kind, depth - 1)),
        5 if !kind.lists.is_empty() => {
            let (path, subs) = kind.lists.choose(rng).unwrap();
            let (first, second) = (subs.choose(rng).unwrap(), subs.choose(rng).unwrap());
            let (first, second) = (term(rng, first), term(rng, second));
            match rng.random_range(0..4) {
                0 => format!("{path}[{first}]"),
                1 => format!("{path}[not ({first})]"),
                2 => format!("{path}[{first} or {second}]"),
                _ => format!("{path}[{first} and {second}]"),
            }
        }
        _ => {
            let field = kind.fields.choose(rng).unwrap();
            term(rng, field)
        }
    }
}

/// What the evaluator finds: all ids in their order; `None` when the filter is refused.
fn expected(kind: &Kind, text: &str, sort: Option<(&str, SortOrder)>) -> Option<Vec<String>> {
    let tree = check(&parse(text).ok()?, &kind.schema).ok()?;
    let matcher = Matcher::new(&tree, &kind.schema);
    let mut found: Vec<&Document> = kind
        .docs
        .iter()
        .filter(|doc| matcher.matches(doc))
        .collect();
    if let Some((by, order)) = sort {
        let path = kind
            .schema
            .resolve(&AttrPath::parse(by).unwrap())
            .unwrap()
            .path;
        let sorter = Sorter::new(&path, order, &kind.schema);
        found.sort_by(|a, b| sorter.compare(&sorter.key(a), &sorter.key(b)));
    }
    let id = |doc: &&Document| doc["id"].as_str().unwrap().to_owned();
    Some(found.iter().map(id).collect())
}

async fn documents(app: &App, path: &str) -> Vec<Document> {
    let mut docs: Vec<Document> = Vec::new();
    loop {
        let start = (docs.len() + 1).to_string();
        let page = app
            .list(path, &[("startIndex", start.as_str()), ("count", "500")])
            .await;
        let page = page.expect_status(200);
        let more: Vec<Document> = serde_json::from_value(page.body["Resources"].clone()).unwrap();
        if more.is_empty() {
            return docs;
        }
        docs.extend(more);
    }
}

async fn compare(app: &App, database: &str, kinds: &[Kind], seed: u64, count: usize) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut found, mut refused) = (0, 0);
    for i in 0..count {
        let kind = kinds.choose(&mut rng).unwrap();
        let text = filter(&mut rng, kind, 3);
        let by = kind.fields.choose(&mut rng).unwrap().path.clone();
        let order = if rng.random() {
            SortOrder::Ascending
        } else {
            SortOrder::Descending
        };
        let sort = (rng.random_range(0..3) == 0).then_some((by.as_str(), order));
        let expected = expected(kind, &text, sort);
        let start = rng.random_range(1..40_usize);
        let size = rng.random_range(0..60_usize);
        let (start_text, size_text) = (start.to_string(), size.to_string());
        let mut query = vec![
            ("filter", text.as_str()),
            ("startIndex", start_text.as_str()),
            ("count", size_text.as_str()),
            ("attributes", "id"),
        ];
        if let Some((by, order)) = sort {
            query.push(("sortBy", by));
            let down = order == SortOrder::Descending;
            query.push(("sortOrder", if down { "descending" } else { "ascending" }));
        }
        let answer = app.list(kind.path, &query).await;
        let case = format!(
            "{database}, seed {seed}, query {i}: {} {query:?}",
            kind.path
        );
        let Some(expected) = expected else {
            refused += 1;
            assert_eq!(answer.status, 400, "{case}: {}", answer.shown());
            continue;
        };
        assert_eq!(answer.status, 200, "{case}: {}", answer.shown());
        assert_eq!(answer.graph_requests(), 0, "{case}");
        assert_eq!(answer.body["totalResults"], expected.len(), "{case}");
        let page: Vec<&String> = expected.iter().skip(start - 1).take(size).collect();
        let ids = answer.ids();
        assert_eq!(ids.iter().collect::<Vec<_>>(), page, "{case}");
        found += usize::from(!expected.is_empty());
    }
    assert!(found * 3 > count, "{found} of {count} find anything");
    assert!(refused * 4 < count, "{refused} of {count} are refused");
}

/// How many queries on each database; `REPLICA_FILTERS` says otherwise.
fn queries() -> usize {
    let wanted = std::env::var("REPLICA_FILTERS").ok();
    wanted.and_then(|text| text.parse().ok()).unwrap_or(300)
}

#[tokio::test(flavor = "multi_thread")]
async fn random_queries_find_what_the_evaluator_finds() {
    for database in Database::all().await {
        random_queries("standard", database).await;
    }
    random_queries("iga-flat", Database::memory()).await;
}

async fn random_queries(mapping: &'static str, database: Database) {
    let name = database.name;
    let app = App::with(Options {
        replica: true,
        mapping,
        database: Some(database),
        users: 120,
        groups: 15,
        ..Options::default()
    })
    .await;
    app.caught_up().await;
    let live = app.live_twin().await;
    expect_equal(&app, &live).await;
    let tenant = app.tenant();
    let mut kinds = Vec::new();
    for path in PATHS {
        let of = tenant.resource_type(&path[1..]).unwrap();
        kinds.push(kind(path, of, documents(&app, path).await));
    }
    let seed = 9;
    compare(&app, name, &kinds, seed, queries()).await;
}
