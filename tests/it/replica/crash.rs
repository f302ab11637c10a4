//! The program is killed at any moment: each start goes on from where it was, no write that was
//! answered is lost, and in the end the replica is what Graph is.

use std::time::Duration;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::equal::differences;
use crate::support::{
    app::{App, Options, patch_op},
    databases::Database,
    program::{Program, Serving},
};

/// How often it is killed on each database; `REPLICA_KILLS` says otherwise.
fn kills() -> usize {
    let wanted = std::env::var("REPLICA_KILLS").ok();
    wanted.and_then(|text| text.parse().ok()).unwrap_or(8)
}

fn program(app: &App, database: &Database) -> Program {
    Program::with_secret(app.simulator())
        .set("ENTRA_SCIM__TENANTS__DEFAULT__REPLICA", "on")
        .set("ENTRA_SCIM__TENANTS__DEFAULT__REPLICA_INTERVAL_SECS", "1")
        .set("ENTRA_SCIM__STORE__URL", &database.url)
}

/// What was written and answered.
#[derive(Default)]
struct Answered {
    made: Vec<(String, String)>,
    titles: Vec<(String, String)>,
}

/// Writes until the program is gone.
async fn write(app: App, seed: u64) -> Answered {
    let mut answered = Answered::default();
    for i in 0.. {
        let name = format!("crash{seed}x{i}");
        let body =
            json!({"userName": format!("{name}@contoso.onmicrosoft.com"), "displayName": name});
        let Some(made) = app.try_send("POST", "/Users", &body).await else {
            break;
        };
        if made.0 != 201 {
            continue;
        }
        let id = made.1["id"].as_str().unwrap().to_owned();
        answered.made.push((id.clone(), name.clone()));
        let patch = patch_op(json!([{"op": "replace", "path": "title", "value": name}]));
        match app.try_send("PATCH", &format!("/Users/{id}"), &patch).await {
            Some((200, _)) => answered.titles.push((id, name)),
            Some(_) => {}
            None => break,
        }
    }
    answered
}

/// Serves with the program until `moment`, while a client writes; then kills it.
async fn life(program: &Program, token: &str, app: &App, moment: Duration, seed: u64) -> Answered {
    let mut serving = served(program).await;
    let client = app.at(&serving.scim).with_token(Some(token));
    let writing = tokio::spawn(write(client, seed));
    tokio::time::sleep(moment).await;
    serving.kill();
    drop(serving);
    writing.await.unwrap()
}

async fn served(program: &Program) -> Serving {
    let program = program.clone();
    tokio::task::spawn_blocking(move || program.serve())
        .await
        .unwrap()
}

async fn story(database: Database) {
    let name = database.name;
    // Only its simulator and the gateway that asks Graph are used.
    let app = App::with(Options {
        users: 1500,
        groups: 120,
        deadline_secs: 55,
        ..Options::default()
    })
    .await;
    let program = program(&app, &database);
    let token = {
        let program = program.clone();
        tokio::task::spawn_blocking(move || program.token())
            .await
            .unwrap()
    };
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let mut all = Answered::default();
    for i in 0..kills() {
        // At first in the middle of the first synchronisation.
        let longest = if i < kills() / 2 { 900 } else { 2500 };
        let moment = Duration::from_millis(rng.random_range(30..longest));
        let seed = u64::try_from(i).unwrap();
        let answered = life(&program, &token, &app, moment, seed).await;
        all.made.extend(answered.made);
        all.titles.extend(answered.titles);
    }
    let serving = served(&program).await;
    let ours = app.at(&serving.scim).with_token(Some(&token));
    let live = app.clone();
    let patience = tokio::time::Instant::now() + Duration::from_mins(1);
    loop {
        let ready = ours
            .list("/Users", &[("count", "0"), ("sortBy", "title")])
            .await
            .status
            == 200;
        if ready && differences(&ours, &live).await.is_empty() {
            break;
        }
        if tokio::time::Instant::now() > patience {
            let found = differences(&ours, &live).await;
            panic!(
                "{name}: {:#?} {}",
                &found[..found.len().min(5)],
                serving.log()
            );
        }
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
    assert!(all.made.len() > 5, "{name}: only {} writes", all.made.len());
    for (id, user) in &all.made {
        let read = ours.get(&format!("/Users/{id}")).await.expect_status(200);
        assert_eq!(read.body["displayName"], user.as_str(), "{name}");
    }
    for (id, title) in &all.titles {
        let read = ours.get(&format!("/Users/{id}")).await.expect_status(200);
        assert_eq!(read.body["title"], Value::from(title.as_str()), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_it_goes_on_from_there() {
    for database in Database::lasting().await {
        story(database).await;
    }
}
