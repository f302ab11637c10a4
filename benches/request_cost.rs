//! How the CPU time of a request grows with its size, for the shapes that a client can send:
//! `cargo bench --bench request_cost`. Pure work on one thread, in time of that thread; an exponent
//! near 1 is linear growth, near 2 quadratic.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program that prints"
)]

use entra_scim::{
    resources::{self, change},
    scim::{
        Document,
        error::Kind,
        filter, list,
        patch::{self, RelationDelta},
        projection::Projection,
        resource::{self, InputRules, Unknown},
        schema::ResourceSchema,
        sort::{self, SortOrder},
    },
    translation::{Mapping, presets},
};
use serde_json::{Value, json};

/// CPU time of this thread, in seconds.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    stat.split_whitespace()
        .next()
        .unwrap()
        .parse::<f64>()
        .unwrap()
        / 1e9
}

fn mapping(stem: &str) -> Mapping {
    let kind = resources::ALL
        .iter()
        .find(|k| k.rules.stem == stem)
        .unwrap();
    Mapping::compile_for(kind, &presets::of(&kind.rules, "standard").unwrap()).unwrap()
}

const OPTIONS: patch::Options = patch::Options {
    create_on_no_match: patch::CreateOnNoMatch::Always,
    unknown: Unknown::Ignore,
};

/// Refused (413) counts too: it ends as soon as too much has been looked at.
fn patched(body: &Value, schema: &ResourceSchema) -> Option<Document> {
    let operations = patch::parse(body, schema, &OPTIONS).unwrap().operations;
    let applied = patch::apply(&Document::new(), &operations, schema, &OPTIONS);
    applied
        .inspect_err(|e| assert_eq!(e.kind, Kind::TooLarge))
        .ok()
}

fn patch_op(operations: Vec<Value>) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations})
}

fn id(i: usize) -> String {
    format!("00000000-0000-0000-0000-{i:012x}")
}

fn members(n: usize) -> Value {
    (0..n).map(|i| json!({"value": id(i)})).collect()
}

/// A shape: its name, the smallest n, and the request of n parts, ready to be worked on.
type Shape = (&'static str, usize, Box<dyn Fn(usize) -> Box<dyn Fn()>>);

fn shapes() -> Vec<Shape> {
    let users = std::rc::Rc::new(mapping("users"));
    let groups = std::rc::Rc::new(mapping("groups"));
    let rules = InputRules {
        unknown: Unknown::Ignore,
    };
    let normalized = |mapping: &std::rc::Rc<Mapping>, make: fn(usize) -> Value| {
        let mapping = std::rc::Rc::clone(mapping);
        move |n: usize| -> Box<dyn Fn()> {
            let (mapping, body) = (std::rc::Rc::clone(&mapping), make(n));
            Box::new(move || {
                let read = resource::normalize(&body, mapping.schema(), &rules);
                std::hint::black_box(read.unwrap());
            })
        }
    };
    let patches = |mapping: &std::rc::Rc<Mapping>, make: fn(usize) -> Value| {
        let mapping = std::rc::Rc::clone(mapping);
        move |n: usize| -> Box<dyn Fn()> {
            let (mapping, body) = (std::rc::Rc::clone(&mapping), make(n));
            Box::new(move || {
                std::hint::black_box(patched(&body, mapping.schema()));
            })
        }
    };
    let members_of = std::rc::Rc::clone(&groups);
    let names_of = std::rc::Rc::clone(&users);
    let filters_of = std::rc::Rc::clone(&users);
    let sorted_of = std::rc::Rc::clone(&users);
    vec![
        (
            "members in one PATCH, planned",
            4_000,
            Box::new(move |n| {
                let body = patch_op(vec![
                    json!({"op": "add", "path": "members", "value": members(n)}),
                ]);
                let mapping = std::rc::Rc::clone(&members_of);
                Box::new(move || {
                    let operations = patch::parse(&body, mapping.schema(), &OPTIONS)
                        .unwrap()
                        .operations;
                    let row = mapping.relations().iter().find(|r| r.relation == "members");
                    let row = row.unwrap();
                    let kind = resources::ALL.iter().find(|k| k.name == "Group").unwrap();
                    let relation = kind.relation("members").unwrap();
                    let steps = patch::relation_delta(&operations, &row.path)
                        .map(RelationDelta::into_steps)
                        .unwrap();
                    let net = change::net(relation, &id(0), &steps, None).unwrap();
                    let subject = resources::relation::Subject {
                        now: time::OffsetDateTime::UNIX_EPOCH,
                        id: &id(0),
                        entity: None,
                        graph_url: "https://graph.microsoft.com/v1.0",
                    };
                    std::hint::black_box(relation.plan(&subject, &net).unwrap());
                })
            }),
        ),
        (
            "members of a new group",
            4_000,
            Box::new(normalized(
                &groups,
                |n| json!({"displayName": "x", "members": members(n)}),
            )),
        ),
        (
            "addresses without value, PATCH",
            2_000,
            Box::new(patches(&users, |n| {
                let all: Value = (0..n)
                    .map(|i| json!({"streetAddress": format!("{i}")}))
                    .collect();
                patch_op(vec![
                    json!({"op": "add", "path": "addresses", "value": all}),
                ])
            })),
        ),
        (
            "addresses without value, POST",
            2_000,
            Box::new(normalized(&users, |n| {
                let all: Value = (0..n)
                    .map(|i| json!({"streetAddress": format!("{i}")}))
                    .collect();
                json!({"userName": "x", "addresses": all})
            })),
        ),
        (
            "addresses that say different names, POST",
            2_000,
            Box::new(normalized(&users, |n| {
                let names = [
                    "streetAddress",
                    "locality",
                    "region",
                    "postalCode",
                    "country",
                    "formatted",
                    "type",
                ];
                let all: Value = (0..n)
                    .map(|i| {
                        let some = names
                            .iter()
                            .enumerate()
                            .filter(|(bit, _)| i >> bit & 1 == 1);
                        some.map(|(_, name)| ((*name).to_owned(), json!(format!("{i}"))))
                            .collect::<Value>()
                    })
                    .collect();
                json!({"userName": "x", "addresses": all})
            })),
        ),
        (
            "operations of 40 e-mails each",
            60,
            Box::new(patches(&users, |n| {
                let one = |i: usize| {
                    let mails: Value = (0..40)
                        .map(|j| json!({"type": "other", "value": format!("{i}.{j}@example.com")}))
                        .collect();
                    json!({"op": "add", "path": "emails", "value": mails})
                };
                patch_op((0..n).map(one).collect())
            })),
        ),
        (
            "operations that make one of many primary",
            60,
            Box::new(patches(&users, |n| {
                let one = |i: usize| {
                    let mails: Value = (0..40)
                        .map(|j| json!({"type": "other", "value": format!("{i}.{j}@example.com"), "primary": j == 0}))
                        .collect();
                    json!({"op": "add", "path": "emails", "value": mails})
                };
                patch_op((0..n).map(one).collect())
            })),
        ),
        (
            "operations through a filter, on as many elements",
            60,
            Box::new(patches(&users, |n| {
                let mails: Value = (0..n * 4)
                    .map(|j| json!({"type": "other", "value": format!("{j}@example.com")}))
                    .collect();
                let mut all = vec![json!({"op": "add", "path": "emails", "value": mails})];
                all.extend((1..n).map(|i| {
                    let path = format!("emails[type eq \"other\" and value sw \"{i}@\"].type");
                    json!({"op": "add", "path": path, "value": "other"})
                }));
                patch_op(all)
            })),
        ),
        (
            "members removed by as many operations",
            60,
            Box::new(patches(&groups, |n| {
                let mut all =
                    vec![json!({"op": "add", "path": "members", "value": members(n * 4)})];
                all.extend((1..n).map(
                    |i| json!({"op": "remove", "path": format!("members[value eq \"{}\"]", id(i))}),
                ));
                patch_op(all)
            })),
        ),
        (
            "names in a projection",
            60,
            Box::new(move |n| {
                let names: Vec<String> = (0..n).map(|i| format!("emails.x{i}")).collect();
                let mapping = std::rc::Rc::clone(&names_of);
                let doc: Document = json!({"emails": [{"value": "x"}], "title": "x"})
                    .as_object()
                    .unwrap()
                    .clone();
                Box::new(move || {
                    let names = names.join(",");
                    let excluded = Projection::parse(None, Some(&names), mapping.schema());
                    std::hint::black_box(excluded.unwrap().apply(doc.clone(), mapping.schema()));
                })
            }),
        ),
        (
            "terms of a filter, read and checked",
            12,
            Box::new(move |n| {
                let text: Vec<String> = (0..n).map(|i| format!("userName eq \"{i}\"")).collect();
                let text = text.join(" or ");
                let mapping = std::rc::Rc::clone(&filters_of);
                Box::new(move || {
                    let parsed = filter::parse(&text).unwrap();
                    let checked = filter::check(&parsed, mapping.schema()).unwrap();
                    std::hint::black_box(mapping.push_down(&checked).unwrap());
                })
            }),
        ),
        (
            "resources sorted",
            1_000,
            Box::new(move |n| {
                let docs: Vec<Document> = (0..n)
                    .map(|i| {
                        json!({"title": format!("{}", i * 7919 % n)})
                            .as_object()
                            .unwrap()
                            .clone()
                    })
                    .collect();
                let mapping = std::rc::Rc::clone(&sorted_of);
                let by = entra_scim::scim::attr::AttrPath::parse("title").unwrap();
                Box::new(move || {
                    let mut docs = docs.clone();
                    sort::sort(&mut docs, &by, SortOrder::Ascending, mapping.schema());
                    std::hint::black_box(list::response(n, 1, docs));
                })
            }),
        ),
    ]
}

/// Seconds for one run: as many as it takes for the clock to tell.
fn seconds(run: &dyn Fn()) -> f64 {
    run();
    let start = cpu();
    let mut runs = 0;
    while cpu() - start < 0.2 {
        run();
        runs += 1;
    }
    (cpu() - start) / f64::from(runs)
}

fn main() {
    println!("| shape | n | ms at n | at 4n | at 16n | exponent |");
    println!("|---|---|---|---|---|---|");
    for (name, n, make) in shapes() {
        let times: Vec<f64> = [n, 4 * n, 16 * n].map(|n| seconds(&*make(n))).to_vec();
        let exponent = (times[2] / times[0]).ln() / 16_f64.ln();
        println!(
            "| {name} | {n} | {:.2} | {:.2} | {:.2} | {exponent:.2} |",
            times[0] * 1e3,
            times[1] * 1e3,
            times[2] * 1e3
        );
    }
}
