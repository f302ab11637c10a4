//! Security event tokens: polled, signed, given again until they are acknowledged.

use std::{collections::BTreeMap, time::Duration};

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use serde_json::{Value, json};

use crate::support::{
    app::{Answer, App, Options, patch_op},
    databases::Database,
};

const EVENT: &str = "urn:ietf:params:scim:event:prov:";

async fn started(database: Option<Database>) -> App {
    let app = App::with(Options {
        users: 20,
        groups: 3,
        replica: true,
        database,
        environment: vec![(
            "ENTRA_SCIM__SERVER__ANNOUNCE_SECURITY_EVENTS".to_owned(),
            "true".to_owned(),
        )],
        ..Options::default()
    })
    .await;
    app.caught_up().await;
    app
}

async fn poll(app: &App, body: Value) -> Answer {
    app.post("/Events", &body).await
}

/// What the tokens say, by their number, each checked as a receiver would.
async fn events(app: &App, answer: &Answer) -> BTreeMap<String, Value> {
    assert_eq!(answer.status, 200, "{}", answer.shown());
    let published = app.get("/.well-known/jwks.json").await.expect_status(200);
    let keys: JwkSet = serde_json::from_value(published.body).unwrap();
    let sets = answer.body["sets"].as_object().unwrap();
    let mut told = BTreeMap::new();
    for (jti, token) in sets {
        let token = token.as_str().unwrap();
        let header = decode_header(token).unwrap();
        assert_eq!(header.typ.as_deref(), Some("secevent+jwt"));
        assert_eq!(header.alg, Algorithm::ES256);
        let key = keys.find(header.kid.as_deref().unwrap()).unwrap();
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_required_spec_claims(&["iss", "aud"]);
        validation.validate_exp = false;
        validation.set_issuer(&[&app.scim]);
        validation.set_audience(&["test"]);
        let claims: Value = decode(token, &DecodingKey::from_jwk(key).unwrap(), &validation)
            .unwrap_or_else(|error| panic!("{error}: {token}"))
            .claims;
        assert_eq!(claims["jti"], jti.as_str());
        assert!(
            claims.get("exp").is_none() && claims.get("sub").is_none(),
            "{claims}"
        );
        assert!(
            claims["txn"].is_string() && claims["iat"].is_number(),
            "{claims}"
        );
        told.insert(jti.clone(), claims);
    }
    told
}

fn of<'a>(told: &'a BTreeMap<String, Value>, id: &str) -> Vec<&'a Value> {
    let uri = format!("/Users/{id}");
    let of = told
        .values()
        .filter(|claims| claims["sub_id"]["uri"] == *uri);
    of.map(|claims| &claims["events"]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_change_is_told_until_it_is_acknowledged() {
    for database in Database::all().await {
        let app = started(Some(database)).await;
        let other = app.second_instance().await;
        let now = json!({"returnImmediately": true});
        let config = app.get("/ServiceProviderConfig").await;
        let events_offered = &config.body["securityEvents"];
        assert_eq!(events_offered["asyncRequest"], "none");
        // The stream begins with the first poll.
        let answer = poll(&app, now.clone()).await.expect_status(200);
        assert_eq!(answer.body, json!({"sets": {}, "moreAvailable": false}));
        let domain = app.domain().await;
        let body = json!({"userName": format!("told@{domain}"), "displayName": "Told"});
        let made = app.post("/Users", &body).await.expect_status(201);
        let id = made.body["id"].as_str().unwrap().to_owned();
        let path = format!("/Users/{id}");
        for change in [
            json!({"op": "replace", "path": "title", "value": "T"}),
            json!({"op": "replace", "path": "active", "value": false}),
        ] {
            app.patch(&path, &patch_op(json!([change])))
                .await
                .expect_status(200);
        }
        let first = poll(&other, now.clone()).await;
        let told = events(&other, &first).await;
        let own = of(&told, &id);
        assert_eq!(own.len(), 3, "{told:?}");
        assert!(own[0][format!("{EVENT}create:notice")]["attributes"].is_array());
        assert_eq!(
            own[1][format!("{EVENT}patch:notice")],
            json!({"attributes": ["title"]})
        );
        assert_eq!(own[2][format!("{EVENT}deactivate")], json!({}));
        let offered = events_offered["eventUris"].as_array().unwrap();
        for claims in told.values() {
            for name in claims["events"].as_object().unwrap().keys() {
                assert!(offered.contains(&json!(name)), "{name}");
            }
        }
        // Given again, but for what is acknowledged: here the second one, by any instance.
        let all: Vec<String> = told.keys().cloned().collect();
        let ack = json!({"returnImmediately": true, "ack": [all[1]], "maxEvents": 1});
        let answer = poll(&app, ack).await;
        assert_eq!(answer.body["moreAvailable"], true);
        let sets = answer.body["sets"].as_object().unwrap();
        assert_eq!(sets.keys().collect::<Vec<_>>(), [&all[0]]);
        let answer = poll(&other, now.clone()).await;
        let left: Vec<String> = events(&other, &answer).await.into_keys().collect();
        assert_eq!(left, [&[all[0].clone()], &all[2..]].concat());
        app.delete(&path).await.expect_status(204);
        // Refused is taken too; without room nothing comes.
        let errors = json!({all[0].clone(): {"err": "invalid_key", "description": "no"}});
        let ask = json!({"maxEvents": 0, "setErrs": errors, "ack": &all[2..]});
        let answer = poll(&app, ask).await.expect_status(200);
        assert_eq!(answer.body["sets"], json!({}));
        assert_eq!(answer.body["moreAvailable"], true);
        let answer = poll(&app, now.clone()).await;
        let told = events(&app, &answer).await;
        assert_eq!(
            of(&told, &id),
            [&json!({format!("{EVENT}delete"): {}})],
            "{told:?}"
        );
        let all: Vec<&String> = told.keys().collect();
        let answer = poll(&app, json!({"returnImmediately": true, "ack": all})).await;
        assert_eq!(answer.body, json!({"sets": {}, "moreAvailable": false}));
    }
}

/// A poll waits for the next change, whoever makes it.
#[tokio::test(flavor = "multi_thread")]
async fn a_poll_waits() {
    let app = started(None).await;
    poll(&app, json!({"returnImmediately": true}))
        .await
        .expect_status(200);
    let waiting = {
        let app = app.clone();
        tokio::spawn(async move { poll(&app, json!({})).await })
    };
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert!(!waiting.is_finished());
    let user = app.any_user().await;
    app.sim_patch(&user, &json!({"jobTitle": "Elsewhere"}))
        .await;
    let answer = waiting.await.unwrap();
    let told = events(&app, &answer).await;
    let own = of(&told, &user);
    assert_eq!(
        own,
        [&json!({format!("{EVENT}patch:notice"): {"attributes": ["title"]}})]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_sees_what_its_token_may_read() {
    let app = started(None).await;
    let groups = app.issue_token("read:Groups", None).await;
    let groups = app.with_token(Some(&groups));
    let now = json!({"returnImmediately": true});
    poll(&groups, now.clone()).await.expect_status(200);
    let path = format!("/Users/{}", app.any_user().await);
    let title = patch_op(json!([{"op": "replace", "path": "title", "value": "T"}]));
    app.patch(&path, &title).await.expect_status(200);
    let answer = poll(&groups, now.clone()).await.expect_status(200);
    assert_eq!(answer.body["sets"], json!({}));
    for (body, status) in [
        (json!({"maxEvents": -1}), 400),
        (json!({"ack": "x"}), 400),
        (json!({"setErrs": []}), 400),
    ] {
        let answer = poll(&app, body).await.expect_status(status);
        assert_eq!(answer.body["scimType"], "invalidValue");
    }
    app.get("/Events").await.expect_status(405);
    poll(&app.with_token(None), now.clone())
        .await
        .expect_status(401);
    // Where there is no replica, nothing is offered.
    let live = app.live_twin().await;
    poll(&live, now).await.expect_status(404);
    let config = live.get("/ServiceProviderConfig").await;
    assert!(config.body.get("securityEvents").is_none());
}
