//! What is fed: each parser that meets outside input, and what must hold of its result.

use entra_scim::{
    base::backoff,
    odata,
    resources::ResourceType,
    scim::{
        Document, bulk, datetime, etag,
        filter::{self, Matcher},
        list::ListQuery,
        patch,
        resource::{self, InputRules, Unknown},
    },
    service::tokens::{self, Grant},
    translation::{Mapping, Qualified, RuleFile, document::Known, presets},
};
use serde_json::{Value, json};
use std::sync::LazyLock;

/// A target: its name, seeds, words; it tells whether the input was taken.
pub struct Target {
    pub name: &'static str,
    pub corpus: &'static [&'static str],
    pub words: &'static [&'static str],
    pub run: fn(&str) -> bool,
}

fn kind(name: &str) -> &'static ResourceType {
    entra_scim::resources::by_name(name).unwrap()
}

fn mapping(name: &str) -> Mapping {
    let kind = kind(name);
    Mapping::compile_for(kind, &presets::of(&kind.rules, "standard").unwrap()).unwrap()
}

static USERS: LazyLock<Mapping> = LazyLock::new(|| mapping("User"));
static GROUPS: LazyLock<Mapping> = LazyLock::new(|| mapping("Group"));

const RULES: InputRules = InputRules {
    unknown: Unknown::Ignore,
};
const OPTIONS: patch::Options = patch::Options {
    create_on_no_match: patch::CreateOnNoMatch::Always,
    unknown: Unknown::Ignore,
};

fn sample() -> Document {
    let doc = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "1",
        "userName": "a@b.c", "name": {"givenName": "A", "familyName": "B"}, "active": true,
        "emails": [{"value": "a@b.c", "type": "work", "primary": true}, {"value": "d@e.f", "type": "other"}],
        "addresses": [{"type": "work", "locality": "X"}], "roles": [{"value": "r"}],
    });
    doc.as_object().cloned().unwrap()
}

fn filters(text: &str) -> bool {
    let Ok(parsed) = filter::parse(text) else {
        return false;
    };
    let printed = parsed.to_string();
    assert_eq!(
        filter::parse(&printed).as_ref(),
        Ok(&parsed),
        "{text} -> {printed}"
    );
    if let Ok(checked) = filter::check(&parsed, USERS.schema()) {
        Matcher::new(&checked, USERS.schema()).matches(&sample());
        if let Ok(pushed) = USERS.push_down(&checked)
            && let Some(expr) = pushed.expr
        {
            let sent = expr.to_string();
            assert!(odata::parse::filter(&sent).is_ok(), "{text} -> {sent}");
        }
    }
    true
}

fn paths(text: &str) -> bool {
    filter::parse_path(text).is_ok()
}

fn patches(text: &str) -> bool {
    let Ok(body) = serde_json::from_str::<Value>(text) else {
        return false;
    };
    let mut taken = false;
    for mapping in [&*USERS, &*GROUPS] {
        let Ok(message) = patch::parse(&body, mapping.schema(), &OPTIONS) else {
            continue;
        };
        let operations = message.operations;
        taken = true;
        for row in mapping.relations() {
            let delta = patch::relation_delta(&operations, &row.path);
            delta.map(patch::RelationDelta::into_steps);
        }
        let doc = sample();
        if let Ok(after) = patch::apply(&doc, &operations, mapping.schema(), &OPTIONS) {
            let removed = mapping.removed(&doc, &after);
            let sent = mapping.to_graph(Some(&doc), &after, &removed);
            assert!(sent.map_or(0, |sent| sent.len()) < 1_000);
        }
    }
    taken
}

fn bodies(text: &str) -> bool {
    let Ok(body) = serde_json::from_str::<Value>(text) else {
        return false;
    };
    let mut taken = false;
    for mapping in [&*USERS, &*GROUPS] {
        let Ok(input) = resource::normalize(&body, mapping.schema(), &RULES) else {
            continue;
        };
        taken = true;
        let again = Value::Object(input.document.clone());
        let again = resource::normalize(&again, mapping.schema(), &RULES).unwrap();
        assert_eq!(again.document, input.document, "normal forms stay: {text}");
        drop(mapping.to_graph(None, &input.document, &input.cleared));
    }
    taken
}

fn queries(text: &str) -> bool {
    let pairs: Vec<(String, String)> = text
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let mut taken = false;
    if let Ok(query) = ListQuery::from_pairs(&pairs, USERS.schema()) {
        assert!(query.start_index >= 1);
        query.projection.apply(sample(), USERS.schema());
        taken = true;
    }
    if let Ok(body) = serde_json::from_str::<Value>(text) {
        taken |= ListQuery::from_search_request(&body, USERS.schema()).is_ok();
    }
    taken
}

fn headers(text: &str) -> bool {
    etag::if_match(text, "W/\"x\"");
    etag::if_none_match(text, "W/\"x\"");
    let moment = datetime::instant(text);
    let wait = backoff::retry_after(text, 1_700_000_000);
    let name = tokens::name(text);
    if let Ok(name) = name {
        assert_eq!(tokens::name(name), Ok(name));
    }
    match text.parse::<Grant>() {
        Ok(grant) => {
            assert_eq!(grant.to_string().parse(), Ok(grant));
            true
        }
        Err(_) => moment.is_some() || wait.is_some(),
    }
}

/// Graph's objects, whatever they hold, make documents, and these go back.
fn entities(text: &str) -> bool {
    let Ok(entity) = serde_json::from_str::<Value>(text) else {
        return false;
    };
    for (mapping, kind) in [(&*USERS, kind("User")), (&*GROUPS, kind("Group"))] {
        let mut edges = Vec::new();
        for relation in kind.relations {
            let lists = vec![vec![entity.clone()]; relation.lists("1").len()];
            edges.push((
                relation.name(),
                relation.edge().1,
                relation.edges("1", &entity, &lists),
            ));
        }
        let known: Vec<Known<'_>> = mapping
            .relations()
            .iter()
            .filter_map(|row| {
                let (_, side, edges) = edges.iter().find(|(name, ..)| *name == row.relation)?;
                Some(Known {
                    row,
                    side: *side,
                    edges,
                })
            })
            .collect();
        let doc = mapping.document(kind, &entity, &known, true);
        assert!(doc["meta"]["version"].is_string());
        let size = serde_json::to_string(&doc).unwrap().len();
        assert!(
            size < 100 * text.len() + 10_000,
            "{size} bytes of {}",
            text.len()
        );
    }
    entity.is_object()
}

/// A bulk request: each operation once, and behind what it waits for; what is left out of one that is
/// made within a circle is what is added later.
fn bulks(text: &str) -> bool {
    let Ok(body) = serde_json::from_str::<Value>(text) else {
        return false;
    };
    let Ok(request) = bulk::parse(&body, 100) else {
        return false;
    };
    let order = bulk::order(&request.entries);
    let good = request.entries.iter().filter(|e| e.operation.is_ok());
    let whole = |node: &&bulk::Node| matches!(node.phase, bulk::Phase::Main(_));
    assert_eq!(order.nodes.iter().filter(whole).count(), good.count());
    for (at, node) in order.nodes.iter().enumerate() {
        assert!(node.after.iter().all(|&before| before < at), "{text}");
        assert!(node.deletes <= order.deletes.len());
        let operation = request.entries[node.entry].operation.as_ref().unwrap();
        let (bulk::Phase::Main(of) | bulk::Phase::Links(of)) = &node.phase;
        let rest = bulk::references(&bulk::without(&operation.data, of));
        let later = bulk::references(&bulk::deferred(&operation.data, of));
        assert!(rest.is_disjoint(of), "{text}");
        assert!(of.iter().all(|id| later.contains(id)), "{text}");
        let resolved = bulk::resolve(&operation.data, &|_| Ok("id".to_owned())).unwrap();
        assert!(bulk::references(&resolved).is_empty(), "{text}");
    }
    let outcomes = vec![Some(bulk::Outcome::default()); request.entries.len()];
    let answers = bulk::response(&request, &outcomes);
    assert_eq!(
        answers["Operations"].as_array().map(Vec::len),
        Some(request.entries.len())
    );
    true
}

/// Rule files: what compiles makes a schema that its own documents pass.
fn rules(text: &str) -> bool {
    let file = RuleFile {
        name: "fuzz".to_owned(),
        text: text.to_owned(),
    };
    let Ok(mapping) = Mapping::compile_for(kind("User"), &file) else {
        return false;
    };
    let entity = json!({"id": "1", "userPrincipalName": "a@b.c", "accountEnabled": true,
        "displayName": "A", "otherMails": ["x@y.z"], "businessPhones": []});
    let doc = mapping.to_scim(&entity);
    for row in mapping.rows() {
        mapping.schema().resolve(&row.place().path()).unwrap();
    }
    drop(mapping.to_graph(None, &doc, &[]));
    true
}

/// Names without a domain go there and back.
fn names(text: &str) -> bool {
    let (prefix, rest) = text.split_once('|').unwrap_or(("", text));
    let Ok(names) = Qualified::new(prefix, "contoso.com") else {
        return false;
    };
    let held = names.write(rest);
    let shown = names.read(&held).to_owned();
    assert_eq!(
        names.write(&shown).to_lowercase(),
        held.to_lowercase(),
        "{text}"
    );
    true
}

fn odata_filters(text: &str) -> bool {
    let Ok(parsed) = odata::parse::filter(text) else {
        return false;
    };
    let printed = parsed.to_string();
    assert_eq!(
        odata::parse::filter(&printed).ok(),
        Some(parsed),
        "{text} -> {printed}"
    );
    true
}

const JSON: &[&str] = &[
    "{}",
    "[]",
    "null",
    "true",
    "\"\"",
    "1e400",
    "-0",
    "\\u0000",
    "{\"value\":",
    "\"primary\":true",
    "\"type\":\"work\"",
    "emails",
    "members",
    "manager",
    "roles",
    "schemas",
    "Operations",
    "\"op\":",
    "\"path\":",
    "\"remove\"",
    "\"replace\"",
    "\"add\"",
    "emails[type eq \\\"work\\\"].value",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
    "userName",
    "\"active\":\"False\"",
];

pub const TARGETS: &[Target] = &[
    Target {
        name: "filter",
        corpus: &[
            "userName eq \"a\"",
            "emails[type eq \"work\" and value co \"@x\"]",
            "not (active eq true)",
            "meta.lastModified gt \"2020-01-01T00:00:00Z\" or title pr",
            "name.familyName sw \"O'B\"",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq \"é\"",
        ],
        words: &[
            " and ",
            " or ",
            "not (",
            ")",
            " eq ",
            " ne ",
            " pr",
            "[",
            "]",
            "\"",
            "null",
            "-1.5e3",
            ".",
            ":",
            "\\u00e9",
            "roles.value",
        ],
        run: filters,
    },
    Target {
        name: "path",
        corpus: &[
            "name.givenName",
            "emails[type eq \"work\"].value",
            "urn:a:b:2.0:User:x.y",
            "members[value eq \"1\"]",
        ],
        words: &["[", "]", ".", ":", " eq ", "\"", "urn:"],
        run: paths,
    },
    Target {
        name: "patch",
        corpus: &[
            r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"Add","path":"emails[type eq \"work\"].value","value":"x"}]}"#,
            r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","value":{"name.givenName":"x","active":"False","emails":[{"value":"a"}]}}]}"#,
            r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"remove","path":"members","value":[{"value":"1"}]},{"op":"add","path":"members","value":[{"$ref":"Users/2"}]}]}"#,
        ],
        words: JSON,
        run: patches,
    },
    Target {
        name: "body",
        corpus: &[
            r#"{"userName":"a","name":{"givenName":"x"},"emails":[{"value":"a","primary":true}],"manager":{"value":"1"},"roles":[{"value":"r"}]}"#,
            r#"{"displayName":"g","members":[{"value":"1","type":"User"}],"urn:ietf:params:scim:schemas:extension:entra-scim:2.0:Group":{"owners":[{"value":"1"}]}}"#,
        ],
        words: JSON,
        run: bodies,
    },
    Target {
        name: "bulk",
        corpus: &[
            r#"{"failOnErrors":1,"Operations":[{"method":"POST","path":"/Groups","bulkId":"a","data":{"members":[{"value":"bulkId:b"}]}},{"method":"POST","path":"/Groups","bulkId":"b","data":{"members":[{"value":"bulkId:a"}]}}]}"#,
            r#"{"Operations":[{"method":"PATCH","path":"/Groups/bulkId:a","data":{"Operations":[{"op":"remove","path":"members[value eq \"bulkId:a\"]"}]}},{"method":"DELETE","path":"/Users/1"},{"method":"POST","path":"/Users","bulkId":"a","data":{"urn:x:y":{"manager":"bulkId:a"}}}]}"#,
        ],
        words: &[
            "bulkId:a",
            "bulkId:b",
            "bulkId:",
            "\"bulkId\":\"a\"",
            "\"method\":\"POST\"",
            "\"method\":\"DELETE\"",
            "\"path\":\"/Users\"",
            "/bulkId:a",
            "\"data\":{}",
            "{}",
            "[]",
            "/",
        ],
        run: bulks,
    },
    Target {
        name: "rules",
        corpus: &[
            "resource = \"User\"\nendpoint = \"/Users\"\nschema = \"urn:ietf:params:scim:schemas:core:2.0:User\"\ndescription = \"d\"\nentity = \"user\"\n[permissions]\nread = \"a\"\nwrite = \"b\"\n[[attribute]]\nscim = \"id\"\ngraph = \"id\"\ndirection = \"read\"\n[[attribute]]\nscim = \"userName\"\ngraph = \"userPrincipalName\"\nrequired = true\ntransform = \"qualifiedName\"\ndomain = \"b.c\"\n",
        ],
        words: &[
            "[[attribute]]\n",
            "scim = \"emails[?@.type=='work'].value\"\n",
            "graph = \"otherMails\"\n",
            "graph = \"accountEnabled\"\n",
            "transform = \"not\"\n",
            "transform = \"csv\"\n",
            "direction = \"read\"\n",
            "index = true\n",
            "[*]",
            "prefix = \"x\"\n",
        ],
        run: rules,
    },
    Target {
        name: "names",
        corpus: &["msp-|alex", "|msp-alex@contoso.com", "x|x@contoso.com"],
        words: &["@contoso.com", "@", "|", "msp-", "É"],
        run: names,
    },
    Target {
        name: "query",
        corpus: &[
            "filter=userName eq \"a\"&startIndex=1&count=10&sortBy=name.familyName&sortOrder=descending",
            "attributes=userName,emails.value&excludedAttributes=groups",
            r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"attributes":["a"],"count":1}"#,
        ],
        words: &[
            "&",
            "=",
            ",",
            "-1",
            "99999999999999999999",
            "cursor=",
            "sortBy=",
            "attributes=",
            "filter=",
        ],
        run: queries,
    },
    Target {
        name: "header",
        corpus: &[
            "read:* write:Groups",
            "W/\"a\", \"b\"",
            "2020-01-01T00:00:00.123456789+14:00",
            "Wed, 21 Oct 2015 07:28:00 GMT",
            "2.128",
        ],
        words: &[
            "read",
            "write",
            ":",
            "*",
            ",",
            "W/",
            "\"",
            "T",
            "Z",
            "+",
            "-",
            "1e308",
            "9999999999",
        ],
        run: headers,
    },
    Target {
        name: "entity",
        corpus: &[
            r##"{"id":"1","@odata.type":"#microsoft.graph.user","userPrincipalName":"a@b.c","proxyAddresses":["SMTP:a@b.c"],"businessPhones":["1"],"assignedLicenses":[{"skuId":"s","disabledPlans":["p"]}],"licenseAssignmentStates":[{"skuId":"s","assignedByGroup":null,"state":"Active"}],"manager":{"id":"2"},"createdDateTime":"2020-01-01T00:00:00Z"}"##,
            r#"{"id":"1","displayName":"g","groupTypes":["Unified"],"mailEnabled":true,"roleDefinitionId":"r","principalId":"1","directoryScopeId":"/"}"#,
        ],
        words: &[
            "null",
            "[]",
            "{}",
            "1",
            "\"\"",
            "\"id\":",
            "true",
            "\"skuId\":",
            "\"@odata.type\":",
            "\"displayName\":",
        ],
        run: entities,
    },
    Target {
        name: "odata",
        corpus: &[
            "startswith(displayName,'a') and accountEnabled eq true",
            "assignedLicenses/any(x:x/skuId eq 00000000-0000-0000-0000-000000000000)",
            "not(mail eq null) or id in ('a','b')",
        ],
        words: &[
            "(",
            ")",
            "'",
            "''",
            " and ",
            " or ",
            " eq ",
            " in ",
            "/any(x:",
            "null",
            "true",
            "2020-01-01T00:00:00Z",
        ],
        run: odata_filters,
    },
];
