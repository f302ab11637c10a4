use std::collections::BTreeSet;

use super::*;
use crate::base::clock::ManualClock;

const START: OffsetDateTime = time::macros::datetime!(2030-01-01 00:00 UTC);

#[test]
fn minted_tokens_are_long_distinct_and_recognisable() {
    let minted: BTreeSet<String> = (0..100)
        .map(|_| mint().expose_secret().to_owned())
        .collect();
    assert_eq!(minted.len(), 100);
    assert!(minted.iter().all(|t| t.starts_with("es_") && t.len() == 46));
}

#[test]
fn scopes_print_as_they_are_read() {
    for (text, printed) in [
        ("read", Ok("read:*")),
        ("write:*", Ok("write:*")),
        ("read:*, write:Groups", Ok("read:* write:Groups")),
        ("read:Users  read:Roles", Ok("read:Users read:Roles")),
        ("", Err("at least one scope")),
        (" , ", Err("at least one scope")),
        ("admin", Err("\"admin\" is not a scope")),
        ("read:", Err("\"read:\" is not a scope")),
        ("read:Users/1", Err("\"read:Users/1\" is not a scope")),
        ("Write:Users", Err("\"Write:Users\" is not a scope")),
    ] {
        match (text.parse::<Grant>(), printed) {
            (Ok(grant), Ok(printed)) => assert_eq!(grant.to_string(), printed),
            (Err(error), Err(start)) => assert!(error.starts_with(start), "{error}"),
            (got, expected) => panic!("{text:?}: {got:?}, expected {expected:?}"),
        }
    }
}

#[test]
fn a_grant_allows_what_its_scopes_say() {
    use Access::{Read, Write};
    for (grant, access, resource, allowed) in [
        ("write:*", Write, "Users", true),
        ("write:*", Read, "Roles", true),
        ("read:*", Write, "Users", false),
        ("read:Users", Read, "users", true),
        ("read:Users", Read, "Groups", false),
        ("read:* write:Groups", Write, "Groups", true),
        ("read:* write:Groups", Write, "Users", false),
    ] {
        let parsed: Grant = grant.parse().unwrap();
        assert_eq!(
            parsed.allows(access, resource),
            allowed,
            "{grant} {resource}"
        );
    }
}

fn order(grant: &Grant) -> Order<'_> {
    Order {
        tenant: "default",
        name: "iga",
        grant,
        expires: None,
        by: "test",
    }
}

#[test]
fn names() {
    let long = "x".repeat(101);
    for (text, expected) in [
        ("iga", Some("iga")),
        ("  Contoso IGA ", Some("Contoso IGA")),
        ("", None),
        ("   ", None),
        ("a\nb", None),
        ("a\u{1b}[31mb", None),
        (&long, None),
        (&long[1..], Some(&long[1..])),
    ] {
        assert_eq!(name(text).ok(), expected, "{text:?}");
    }
}

async fn store() -> Store {
    let store = Store::connect("sqlite::memory:").await.unwrap();
    store.migrate().await.unwrap();
    store
}

#[tokio::test]
async fn tokens_live_until_they_expire_or_are_revoked() {
    let store = store().await;
    let clock = ManualClock::new(START);
    let grant: Grant = "read:Users".parse().unwrap();
    let expires = Some(START + Duration::HOUR);
    let order = Order {
        expires,
        ..order(&grant)
    };
    let issued = issue(&store, &clock, mint(), &order).await.unwrap();
    let token = issued.token.expose_secret();

    let caller = authenticate(&store, &clock, token).await.unwrap();
    assert_eq!(caller.tenant, "default");
    assert_eq!(caller.name, "iga");
    assert_eq!(caller.token_id, issued.row.id);
    assert_eq!(caller.grant, grant);

    clock.advance(Duration::HOUR - Duration::MICROSECOND);
    assert!(authenticate(&store, &clock, token).await.is_ok());
    clock.advance(Duration::MICROSECOND);
    let refused = authenticate(&store, &clock, token).await.unwrap_err();
    assert!(matches!(refused, Refusal::Expired { .. }), "{refused}");

    store
        .revoke_token("default", &issued.row.id, START)
        .await
        .unwrap();
    let refused = authenticate(&store, &clock, token).await.unwrap_err();
    assert!(matches!(refused, Refusal::Revoked { .. }), "{refused}");
}

#[tokio::test]
async fn what_is_not_a_token_is_unknown() {
    let store = store().await;
    let clock = ManualClock::new(START);
    let long = "x".repeat(MAX_LENGTH + 1);
    for presented in ["", "es_", "es_unknown", "' OR 1=1 --", &long] {
        let refused = authenticate(&store, &clock, presented).await.unwrap_err();
        assert!(
            matches!(refused, Refusal::Unknown),
            "{presented}: {refused}"
        );
    }
    store.close().await;
    let refused = authenticate(&store, &clock, "es_x").await.unwrap_err();
    assert!(matches!(refused, Refusal::Store(_)), "{refused}");
}

#[test]
fn a_row_with_another_hash_is_not_accepted() {
    let row = TokenRow {
        tenant: "default".to_owned(),
        id: "1".to_owned(),
        name: "x".to_owned(),
        hash: hash("right"),
        scopes: "read:*".to_owned(),
        created: START,
        expires: None,
        revoked: None,
        last_used: None,
    };
    assert!(accept(&row, &hash("right"), START).is_ok());
    let refused = accept(&row, &hash("wrong"), START).unwrap_err();
    assert!(matches!(refused, Refusal::Unknown));
}

#[tokio::test]
async fn use_is_noted_once_a_minute() {
    let store = store().await;
    let clock = ManualClock::new(START);
    let grant = Grant::full();
    let issued = issue(&store, &clock, mint(), &order(&grant)).await.unwrap();
    let token = issued.token.expose_secret();
    for (advance, expected) in [
        (Duration::ZERO, START),
        (Duration::seconds(59), START),
        (Duration::seconds(1), START + Duration::MINUTE),
    ] {
        clock.advance(advance);
        authenticate(&store, &clock, token).await.unwrap();
        let row = store.list_tokens("default").await.unwrap().remove(0);
        assert_eq!(row.last_used, Some(expected));
    }
}
