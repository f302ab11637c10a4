use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::scim::{
    Document,
    attr::AttrPath,
    error::Kind,
    fixture::{doc, group, user},
    schema::ResourceSchema,
    urn::ENTERPRISE_USER,
};

fn checked(text: &str, schema: &ResourceSchema) -> Result<Filter, crate::scim::error::Error> {
    check(&parse(text)?, schema)
}

/// (as sent, as printed)
#[test]
fn parses_and_prints() {
    let rows = [
        (r#"userName eq "a""#, r#"userName eq "a""#),
        (r#"USERNAME EQ "a""#, r#"USERNAME eq "a""#),
        ("title pr", "title pr"),
        ("  title   PR  ", "title pr"),
        ("active eq true", "active eq true"),
        ("active eq TRUE", "active eq true"),
        ("title eq null", "title eq null"),
        ("logins ge -3", "logins ge -3"),
        ("score lt 1.5e3", "score lt 1500.0"),
        // Q13: and binds tighter
        ("a pr or b pr and c pr", "a pr or b pr and c pr"),
        ("(a pr or b pr) and c pr", "(a pr or b pr) and c pr"),
        ("a pr and (b pr and c pr)", "a pr and (b pr and c pr)"),
        ("((a pr))", "a pr"),
        ("a pr And b pr OR c pr", "a pr and b pr or c pr"),
        // Q15, Q16
        ("not (title pr)", "not (title pr)"),
        ("not(title pr)", "not (title pr)"),
        ("NOT(not(title pr))", "not (not (title pr))"),
        ("not (a pr) and b pr", "not (a pr) and b pr"),
        ("not (a pr or b pr)", "not (a pr or b pr)"),
        // Q20, Q21
        (
            r#"emails[type eq "work" and value co "@home"]"#,
            r#"emails[type eq "work" and value co "@home"]"#,
        ),
        (
            r#"emails[not (type eq "x")]"#,
            r#"emails[not (type eq "x")]"#,
        ),
        // E03: Entra's form
        (
            r#"emails[type eq "work"].value eq "u@x""#,
            r#"emails[type eq "work" and value eq "u@x"]"#,
        ),
        (
            r#"emails[type eq "a" or type eq "b"].value pr"#,
            r#"emails[(type eq "a" or type eq "b") and value pr]"#,
        ),
        // Q22, Q23
        (
            r#"urn:ietf:params:scim:schemas:core:2.0:User:name.givenName eq "x""#,
            r#"urn:ietf:params:scim:schemas:core:2.0:User:name.givenName eq "x""#,
        ),
        // Q30
        (
            r#"displayName eq "a\"b\\c\u00e9\n""#,
            r#"displayName eq "a\"b\\cé\n""#,
        ),
        (r#"a eq "(x] and not""#, r#"a eq "(x] and not""#),
        (r#"a eq "日本😀""#, r#"a eq "日本😀""#),
        ("$ref pr", "$ref pr"),
    ];
    for (text, printed) in rows {
        let tree = parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(tree.to_string(), printed, "{text}");
        assert_eq!(parse(printed).unwrap(), tree, "{text}");
    }
}

#[test]
fn precedence_is_in_the_tree() {
    let present = |name: &str| Box::new(Filter::Present(AttrPath::core(name)));
    assert_eq!(
        parse("a pr or b pr and c pr").unwrap(),
        Filter::Or(
            present("a"),
            Box::new(Filter::And(present("b"), present("c")))
        )
    );
}

#[test]
fn refuses_what_is_no_filter() {
    let rows = [
        ("Q33", "userName eq"),
        ("Q33", ""),
        ("Q33", "   "),
        ("Q33", "userName"),
        ("Q33", "eq \"a\""),
        ("Q33", "userName eq \"a\" and"),
        ("Q33", "userName eq \"a\" or or title pr"),
        ("Q33", "userName eq \"a\" title pr"),
        ("Q33", "(userName eq \"a\""),
        ("Q33", "userName eq \"a\")"),
        ("Q33", "userName eq \"a"),
        ("Q33", "userName eq \"a\\\""),
        ("Q33", "userName eq \"a\\x\""),
        ("Q33", "userName eq 'a'"),
        ("Q33", "userName pr \"a\""),
        ("Q33", "not title pr"),
        ("Q33", "a.b.c pr"),
        ("Q33", "a..b pr"),
        ("Q33", "ü pr"),
        ("Q33", "x:y pr"),
        ("Q33", "emails[type eq \"work\""),
        ("Q33", "emails[] pr"),
        ("Q33", "emails]"),
        ("Q33", "emails[type eq \"work\"].value"),
        ("Q33", "logins eq 1x"),
        ("Q33", "logins eq 01"),
        ("Q33", "logins eq 1e999"),
        ("Q33", "logins eq -"),
        ("Q34", "userName regex \"a\""),
        ("Q37", "userName eq x"),
        ("Z09", "emails[a[b eq 1]]"),
        ("Z09", "emails[x.y eq \"a\"]"),
    ];
    for (id, text) in rows {
        let error = parse(text).expect_err(text);
        assert_eq!(error.kind, Kind::InvalidFilter, "{id} {text}: {error}");
    }
}

/// N05, trap 28: neither depth nor length nor the number of terms can hurt.
#[test]
fn limits() {
    let nested = |depth: usize| format!("{}a pr{}", "(".repeat(depth), ")".repeat(depth));
    let terms = |n: usize| vec!["a pr"; n].join(" or ");
    let nots = |n: usize| format!("{}a pr{}", "not(".repeat(n), ")".repeat(n));
    let rows = [
        ("depth, at the limit", nested(MAX_DEPTH), true),
        ("depth, past it", nested(MAX_DEPTH + 1), false),
        ("not, at the limit", nots(MAX_DEPTH), true),
        ("not, past it", nots(MAX_DEPTH + 1), false),
        ("N05", "(".repeat(10_000), false),
        (
            "N05, short of the length limit",
            "(".repeat(MAX_LENGTH),
            false,
        ),
        ("N05 brackets", "a[".repeat(4_000), false),
        ("terms, at the limit", terms(MAX_TERMS), true),
        ("terms, past it", terms(MAX_TERMS + 1), false),
        (
            "length",
            format!("a eq \"{}\"", "x".repeat(MAX_LENGTH - 7)),
            true,
        ),
        (
            "length, past it",
            format!("a eq \"{}\"", "x".repeat(MAX_LENGTH)),
            false,
        ),
    ];
    for (what, text, fine) in rows {
        match parse(&text) {
            Ok(_) => assert!(fine, "{what}"),
            Err(error) => {
                assert!(!fine, "{what}: {error}");
                assert_eq!(error.kind, Kind::InvalidFilter, "{what}");
            }
        }
    }
}

/// (as sent, canonical)
#[test]
fn checks_to_the_schemas_spelling() {
    let rows = [
        ("Q05", r#"USERNAME EQ "a""#, r#"userName eq "a""#),
        (
            "Q17",
            r#"NAME.GIVENNAME eq "x""#,
            r#"name.givenName eq "x""#,
        ),
        ("Q18", r#"EMAILS.Value eq "x""#, r#"emails.value eq "x""#),
        ("Q19", r#"emails co "home""#, r#"emails.value co "home""#),
        ("Q19", "emails pr", "emails pr"),
        (
            "Q22",
            r#"urn:ietf:params:scim:schemas:core:2.0:User:userName eq "x""#,
            r#"userName eq "x""#,
        ),
        (
            "Q22",
            r#"URN:IETF:PARAMS:SCIM:SCHEMAS:CORE:2.0:USER:userName eq "x""#,
            r#"userName eq "x""#,
        ),
        (
            "Q23",
            r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:DEPARTMENT eq "x""#,
            r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "x""#,
        ),
        (
            "E20",
            r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.manager.value eq "x""#,
            r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value eq "x""#,
        ),
        (
            "E16",
            r#"id eq "a" and manager eq "b""#,
            r#"id eq "a" and urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value eq "b""#,
        ),
        ("Q24", "active eq true", "active eq true"),
        ("T13", r#"active eq "True""#, "active eq true"),
        (
            "T13",
            r#"roles[PRIMARY eq "True"].VALUE eq "x""#,
            r#"roles[primary eq true and value eq "x"]"#,
        ),
        ("Q25", r#"schemas eq "urn:x""#, r#"schemas eq "urn:x""#),
        (
            "Q32",
            r#"META.lastmodified ge "0001-01-03T00:00:00.0000000Z""#,
            r#"meta.lastModified ge "0001-01-03T00:00:00.0000000Z""#,
        ),
        ("Q29", "name eq null", ""),
        ("Q29", "title eq null", "title eq null"),
        (
            "extension",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:user pr",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User pr",
        ),
        (
            "plain list",
            r#"tags[value eq "x"]"#,
            r#"tags[value eq "x"]"#,
        ),
        ("number in quotes", r#"logins gt "3""#, "logins gt 3"),
        (
            "date text",
            r#"meta.created sw "2026-01""#,
            r#"meta.created sw "2026-01""#,
        ),
    ];
    for (id, text, canonical) in rows {
        match checked(text, &user()) {
            Ok(filter) => assert_eq!(filter.to_string(), canonical, "{id}"),
            Err(error) => assert!(canonical.is_empty(), "{id} {text}: {error}"),
        }
    }
}

#[test]
fn check_refuses_what_the_schema_has_not() {
    let rows = [
        ("Q35", "active gt true"),
        ("Q35", "active co \"t\""),
        ("Q35", "x509Certificates.value gt \"AA==\""),
        ("Q36", "noSuchAttribute eq \"x\""),
        ("Q36", "name.noSuch eq \"x\""),
        ("Q36", "emails[noSuch eq \"x\"]"),
        ("Q36", "urn:no:such:User:title eq \"x\""),
        ("Q36", "emails.type.x eq \"x\""),
        ("type", "active eq \"maybe\""),
        ("type", "userName eq 5"),
        ("type", "userName eq true"),
        ("type", "logins eq \"x\""),
        ("type", "logins co 3"),
        ("type", "meta.created gt \"yesterday\""),
        ("type", "meta.created gt \"2026-01-01\""),
        ("null has no order", "title gt null"),
        ("null has no text", "title co null"),
        ("complex", "name eq \"x\""),
        ("complex", "addresses co \"x\""),
        ("C11", "password eq \"x\""),
        ("C11", "password pr"),
        (
            "bare schema",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User eq \"x\"",
        ),
        ("value path on a sub", "emails.value[type eq \"x\"]"),
        ("value path on plain", "title[value eq \"x\"]"),
        ("plain list", "tags[type eq \"x\"]"),
    ];
    for (id, text) in rows {
        let error = checked(text, &user()).expect_err(text);
        assert_eq!(error.kind, Kind::InvalidFilter, "{id} {text}: {error}");
    }
}

fn barbara() -> Document {
    doc(json!({
        "schemas": [crate::scim::urn::USER, ENTERPRISE_USER],
        "id": "Ab1",
        "externalId": "AbC",
        "userName": "barbara@Example.com",
        "name": {"givenName": "Barbara", "familyName": "Jensen"},
        "displayName": "a\"b\\cé",
        "nickName": "",
        "active": true,
        "logins": 7,
        "score": 1.5,
        "tags": ["red", "Green"],
        "emails": [
            {"type": "work", "value": "bj@work.com", "primary": true},
            {"type": "home", "value": "bj@home.org"},
        ],
        "addresses": [{"type": "work", "country": "IN"}],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
            "department": "Žofín",
            "manager": {"value": "M1"},
        },
        "meta": {
            "resourceType": "User",
            "created": "2026-01-01T00:00:00Z",
            "lastModified": "2026-01-01T00:00:00.5Z",
        },
    }))
}

#[test]
fn matches_documents() {
    let enterprise = ENTERPRISE_USER;
    let department = format!(r#"{enterprise}:department eq "žOFÍN""#);
    let schemas = format!(r#"schemas eq "{enterprise}""#);
    let container = format!("{enterprise} pr");
    let rows = [
        ("Q03", r#"userName eq "barbara@Example.com""#, true),
        ("Q04", r#"userName eq "BARBARA@example.COM""#, true),
        ("Q03", r#"userName eq "barbara""#, false),
        ("Q06", r#"userName ne "x""#, true),
        ("Q06", r#"userName ne "BARBARA@example.com""#, false),
        ("Q06, absent", r#"title ne "x""#, true),
        ("Q06, several values", r#"emails.type ne "work""#, true),
        ("Q07", r#"name.familyName co "ENS""#, true),
        ("Q07", r#"name.familyName co "dam""#, false),
        ("Q08", r#"userName sw "BAR""#, true),
        ("Q08", r#"userName sw "ar""#, false),
        ("Q09", r#"userName ew "example.com""#, true),
        ("Q09", r#"userName ew "example""#, false),
        ("Q10", "userName pr", true),
        ("Q10", "title pr", false),
        ("Q10, empty text", "nickName pr", false),
        ("Q10", "name pr", true),
        ("Q10", "emails pr", true),
        ("Q10", "emails.display pr", false),
        ("Q11", r#"userName gt "b""#, true),
        ("Q11", r#"userName gt "BARBARB""#, false),
        ("Q12", r#"userName ge "barbara@example.com""#, true),
        ("Q12", r#"userName lt "C""#, true),
        ("Q12", r#"userName le "a""#, false),
        ("Q12, absent", r#"title lt "z""#, false),
        ("Q13", "userName pr or title pr and active eq false", true),
        (
            "Q14",
            "(userName pr or title pr) and active eq false",
            false,
        ),
        ("Q15", "not (title pr)", true),
        ("Q16", "not(title pr)", true),
        ("Q15", "not (userName pr)", false),
        ("Q17", r#"name.givenName eq "barbara""#, true),
        ("Q18", r#"emails.value eq "BJ@home.org""#, true),
        ("Q18", r#"emails.value eq "x""#, false),
        ("Q19", r#"emails co "home""#, true),
        ("Q19", r#"tags eq "green""#, true),
        (
            "Q20",
            r#"emails[type eq "work" and value co "@work"]"#,
            true,
        ),
        (
            "Q20",
            r#"emails[type eq "work" and value co "@home"]"#,
            false,
        ),
        ("Q20, not within", r#"emails[not (type eq "work")]"#, true),
        ("Q21", r#"emails[type eq "other"]"#, false),
        (
            "Q21, or",
            r#"emails[type eq "other" or primary eq true]"#,
            true,
        ),
        ("absent in an element", "emails[primary ne true]", true),
        ("absent in an element", "emails[primary eq null]", true),
        (
            "E03",
            r#"emails[type eq "work"].value eq "bj@work.com""#,
            true,
        ),
        (
            "E03",
            r#"emails[type eq "work"].value eq "bj@home.org""#,
            false,
        ),
        (
            "E19",
            r#"emails[primary eq "true"].value eq "bj@work.com""#,
            true,
        ),
        (
            "Q22",
            "urn:ietf:params:scim:schemas:core:2.0:User:active eq true",
            true,
        ),
        ("Q23", department.as_str(), true),
        ("extension", container.as_str(), true),
        ("Q24", "active eq true", true),
        ("Q24", "active eq false", false),
        ("Q24", "active ne false", true),
        ("Q25", schemas.as_str(), true),
        ("Q25", r#"schemas eq "urn:x""#, false),
        ("Q26", r#"externalId eq "AbC""#, true),
        ("Q27", r#"externalId eq "abc""#, false),
        ("Q27, substring", r#"externalId sw "ab""#, false),
        ("Q28", r#"userName sw "b" and userName ew "m""#, true),
        ("Q29", "title eq null", true),
        ("Q29", "userName eq null", false),
        ("Q29", "title ne null", false),
        ("Q29", "emails eq null", false),
        ("Q30", r#"displayName eq "a\"b\\c\u00e9""#, true),
        ("Q31", r#"id eq "Ab1""#, true),
        ("Q31", r#"id eq "ab1""#, false),
        (
            "Q32",
            r#"meta.lastModified gt "2026-01-01T05:00:00.0000000+05:00""#,
            true,
        ),
        (
            "Q32",
            r#"meta.lastModified gt "2026-01-01T05:00:00.6000000+05:00""#,
            false,
        ),
        (
            "Q32",
            r#"meta.lastModified eq "2026-01-01T01:00:00.5000000+01:00""#,
            true,
        ),
        (
            "I01",
            r#"meta.lastModified ge "0001-01-03T00:00:00.0000000Z""#,
            true,
        ),
        (
            "E20",
            r#"active eq true and (meta.lastModified ge "0001-01-03T00:00:00.0000000Z" and meta.lastModified le "2026-01-01T00:00:01Z")"#,
            true,
        ),
        ("date text", r#"meta.created sw "2026-01""#, true),
        ("E16", r#"id eq "Ab1" and manager eq "M1""#, true),
        ("E16", r#"manager eq "m1" and id eq "Ab1""#, false),
        ("I05", r#"addresses.country eq "IN""#, true),
        ("numbers", "logins gt 6", true),
        ("numbers", "logins le 6.5", false),
        ("numbers", "score eq 1.50", true),
        ("plain list", r#"tags[value sw "gr"]"#, true),
    ];
    let barbara = barbara();
    let schema = user();
    for (id, text, expected) in rows {
        let filter = checked(text, &schema).unwrap_or_else(|e| panic!("{id} {text}: {e}"));
        assert_eq!(matches(&filter, &barbara, &schema), expected, "{id} {text}");
    }
}

/// E15, G10
#[test]
fn matches_members() {
    let schema = group();
    let doc = doc(json!({"id": "g", "members": [{"value": "u1"}, {"value": "u2"}]}));
    let rows = [
        (r#"id eq "g" and members eq "u2""#, true),
        (r#"members eq "u3""#, false),
        (r#"members.value eq "u1""#, true),
        (r#"members[value eq "u1"]"#, true),
        (r#"members[value eq "U1"]"#, false),
    ];
    for (text, expected) in rows {
        let filter = checked(text, &schema).unwrap();
        assert_eq!(matches(&filter, &doc, &schema), expected, "{text}");
    }
}

fn name() -> impl Strategy<Value = String> {
    "[a-zA-Z$][a-zA-Z0-9_$-]{0,6}".prop_filter("operators are words too", |name| {
        !["not", "and", "or"]
            .iter()
            .any(|word| name.eq_ignore_ascii_case(word))
    })
}

fn path() -> impl Strategy<Value = AttrPath> {
    let urn = proptest::option::of("urn:[a-z]{1,5}:[0-9]\\.[0-9]:[A-Z][a-z]{0,4}");
    (urn, name(), proptest::option::of(name())).prop_map(|(urn, attr, sub)| AttrPath {
        urn,
        attr,
        sub,
    })
}

fn literal() -> impl Strategy<Value = Literal> {
    prop_oneof![
        Just(Literal::Null),
        any::<bool>().prop_map(Literal::Bool),
        any::<i64>().prop_map(|n| Literal::Number(n.into())),
        (-1e15..1e15f64).prop_map(|n| Literal::Number(serde_json::Number::from_f64(n).unwrap())),
        any::<String>().prop_map(Literal::String),
    ]
}

fn tree(path: impl Strategy<Value = AttrPath> + Clone + 'static) -> BoxedStrategy<Filter> {
    let op = proptest::sample::select(vec![
        CompareOp::Eq,
        CompareOp::Ne,
        CompareOp::Co,
        CompareOp::Sw,
        CompareOp::Ew,
        CompareOp::Gt,
        CompareOp::Ge,
        CompareOp::Lt,
        CompareOp::Le,
    ]);
    let leaf = prop_oneof![
        (path.clone(), op, literal()).prop_map(|(p, o, l)| Filter::Compare(p, o, l)),
        path.prop_map(Filter::Present),
    ];
    leaf.prop_recursive(5, 24, 2, |inner| {
        let pair = (inner.clone(), inner.clone());
        prop_oneof![
            pair.clone()
                .prop_map(|(a, b)| Filter::And(a.into(), b.into())),
            pair.prop_map(|(a, b)| Filter::Or(a.into(), b.into())),
            inner.prop_map(|a| Filter::Not(a.into())),
        ]
    })
    .boxed()
}

fn filter() -> impl Strategy<Value = Filter> {
    let within = tree(name().prop_map(AttrPath::core).boxed());
    let value_path = (path(), within)
        .prop_map(|(p, f)| Filter::ValuePath(p, f.into()))
        .boxed();
    let plain = tree(path().boxed());
    prop_oneof![
        plain.clone(),
        value_path.clone(),
        (plain, value_path).prop_map(|(a, b)| Filter::And(a.into(), b.into())),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn printing_and_parsing_are_inverse(tree in filter()) {
        let text = tree.to_string();
        prop_assume!(text.len() <= MAX_LENGTH);
        prop_assert_eq!(parse(&text).unwrap(), tree, "{}", text);
    }

    #[test]
    fn no_text_panics(text in ".{0,60}", pieces in proptest::collection::vec(
        proptest::sample::select(vec!["(", ")", "[", "]", "not", "and", "eq", "pr", "a", ".b", "\"x\"", "\"", "1"]), 0..20)) {
        let _ = parse(&text);
        let _ = parse(&pieces.join(" "));
        let _ = parse_path(&pieces.concat());
    }
}

#[test]
fn what_a_filter_looks_at() {
    let manager = format!("{ENTERPRISE_USER}:manager.value");
    let rows = [
        (
            r#"id eq "1" and not (meta.version eq "v")"#,
            "meta.version",
            true,
        ),
        ("meta pr", "meta.version", true),
        (r#"meta.version eq "v""#, "meta", true),
        (
            r#"meta.created gt "2026-01-01T00:00:00Z""#,
            "meta.version",
            false,
        ),
        (
            r#"title eq "a" or emails[type eq "work"]"#,
            "emails.type",
            true,
        ),
        (
            r#"title eq "a" or emails[type eq "work"]"#,
            "userName",
            false,
        ),
        (&format!("{ENTERPRISE_USER} pr"), &manager, true),
        (r#"manager eq "m""#, &manager, true),
        (r#"title eq "a""#, &manager, false),
    ];
    for (text, path, expected) in rows {
        let filter = check(&parse(text).unwrap(), &user()).unwrap();
        let path = user()
            .resolve(&AttrPath::parse(path).unwrap())
            .unwrap()
            .path;
        assert_eq!(filter.looks_at(&path), expected, "{text} {path}");
    }
}

/// Many values of one sub-attribute: any of them counts, as of the attribute itself.
#[test]
fn sub_attributes_with_many_values() {
    let document = doc(json!({"roles": [
        {"value": "r1", "plans": ["alpha", "BETA"]},
        {"value": "r2", "plans": []},
        {"value": "r3"},
    ]}));
    let rows = [
        (r#"roles.plans eq "beta""#, true),
        (r#"roles.plans sw "al""#, true),
        (r#"not (roles.plans sw "al")"#, false),
        (r#"roles.plans co "amm""#, false),
        (r#"not (roles.plans co "amm")"#, true),
        (r#"roles.plans ne "alpha""#, true),
        ("roles.plans pr", true),
        ("roles.plans eq null", false),
        (r#"roles[value eq "r1" and plans eq "beta"]"#, true),
        (r#"roles[value eq "r2" and plans eq "beta"]"#, false),
        (r#"roles[value eq "r2" and plans pr]"#, false),
        (r#"roles[value eq "r3" and not (plans pr)]"#, true),
    ];
    for (text, expected) in rows {
        let filter = checked(text, &user()).unwrap();
        assert_eq!(matches(&filter, &document, &user()), expected, "{text}");
    }
}
