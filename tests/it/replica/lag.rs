//! Graph is behind, and clients write through two instances: no read shows a state older than the
//! client's own last write, and when all is quiet the replica is what Graph is.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use rand::{Rng as _, SeedableRng as _, seq::IteratorRandom as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::equal::{differences, expect_equal};
use crate::support::{
    app::{App, Options, patch_op},
    databases::Database,
};

/// What a client knows that it wrote.
#[derive(Default)]
struct Model {
    /// Users with their titles.
    users: BTreeMap<String, Option<String>>,
    /// Groups with their members.
    groups: BTreeMap<String, BTreeSet<String>>,
    gone: Vec<String>,
}

struct Client {
    number: usize,
    instances: [App; 2],
    rng: ChaCha8Rng,
    model: Model,
    made: usize,
    log: Vec<String>,
}

impl Client {
    fn app(&mut self) -> App {
        self.instances[self.rng.random_range(0..2)].clone()
    }

    fn user(&mut self) -> Option<String> {
        self.model.users.keys().choose(&mut self.rng).cloned()
    }

    fn group(&mut self) -> Option<String> {
        self.model.groups.keys().choose(&mut self.rng).cloned()
    }

    async fn step(&mut self) {
        let app = self.app();
        match self.rng.random_range(0..12) {
            0 | 1 => self.create_user(&app).await,
            2 => self.create_group(&app).await,
            3 | 4 => self.patch(&app).await,
            5 | 6 => self.add(&app).await,
            7 => self.remove(&app).await,
            8 if self.model.users.len() > 4 => self.delete(&app).await,
            9 => self.search(&app).await,
            _ => self.read(&app).await,
        }
    }

    async fn create_user(&mut self, app: &App) {
        self.made += 1;
        let name = format!("u{}x{}", self.number, self.made);
        let body =
            json!({"userName": format!("{name}@contoso.onmicrosoft.com"), "displayName": name});
        let answer = app.post("/Users", &body).await.expect_status(201);
        let id = answer.body["id"].as_str().unwrap().to_owned();
        self.log.push(format!("made user {id}"));
        self.model.users.insert(id, None);
    }

    async fn create_group(&mut self, app: &App) {
        self.made += 1;
        let members: BTreeSet<String> = self.user().into_iter().collect();
        let elements: Vec<Value> = members.iter().map(|id| json!({"value": id})).collect();
        let body =
            json!({"displayName": format!("g{}x{}", self.number, self.made), "members": elements});
        let answer = app.post("/Groups", &body).await;
        if answer.status == 503 {
            // What was made moments ago cannot be referred to yet.
            return;
        }
        let answer = answer.expect_status(201);
        let id = answer.body["id"].as_str().unwrap().to_owned();
        self.log.push(format!("made group {id} with {members:?}"));
        self.model.groups.insert(id, members);
    }

    async fn patch(&mut self, app: &App) {
        let Some(id) = self.user() else { return };
        let title = ["Chief", "Clerk", "Cook", "Coach"][self.rng.random_range(0..4)];
        let remove = self.rng.random_range(0..5) == 0;
        let operation = if remove {
            json!({"op": "remove", "path": "title"})
        } else {
            json!({"op": "replace", "path": "title", "value": title})
        };
        let answer = app
            .patch(&format!("/Users/{id}"), &patch_op(json!([operation])))
            .await;
        if answer.status == 503 {
            self.log.push(format!("503 at title of {id}"));
            return;
        }
        let answer = answer.expect_status(200);
        let title = (!remove).then(|| title.to_owned());
        self.log.push(format!("title of {id} is {title:?}"));
        assert_eq!(
            answer.body["title"].as_str(),
            title.as_deref(),
            "{:#?}",
            self.log
        );
        self.model.users.insert(id, title);
    }

    async fn change(&mut self, app: &App, group: String, user: String, there: bool) {
        let operation = if there {
            json!({"op": "add", "path": "members", "value": [{"value": user}]})
        } else {
            json!({"op": "remove", "path": format!("members[value eq \"{user}\"]")})
        };
        let answer = app
            .patch(&format!("/Groups/{group}"), &patch_op(json!([operation])))
            .await;
        if answer.status == 503 {
            self.log.push(format!("503 at {user} in {group}"));
            return;
        }
        answer.expect_status(204);
        self.log.push(format!("{user} in {group}: {there}"));
        let members = self.model.groups.get_mut(&group).unwrap();
        if there {
            members.insert(user);
        } else {
            members.remove(&user);
        }
    }

    async fn add(&mut self, app: &App) {
        if let (Some(group), Some(user)) = (self.group(), self.user()) {
            self.change(app, group, user, true).await;
        }
    }

    async fn remove(&mut self, app: &App) {
        let Some(group) = self.group() else { return };
        let members = &self.model.groups[&group];
        if let Some(user) = members.iter().choose(&mut self.rng).cloned() {
            self.change(app, group, user, false).await;
        }
    }

    async fn delete(&mut self, app: &App) {
        let Some(id) = self.user() else { return };
        let answer = app.delete(&format!("/Users/{id}")).await;
        if answer.status == 503 {
            return;
        }
        answer.expect_status(204);
        self.log.push(format!("deleted {id}"));
        self.model.users.remove(&id);
        for members in self.model.groups.values_mut() {
            members.remove(&id);
        }
        self.model.gone.push(id);
    }

    async fn read(&mut self, app: &App) {
        if let Some(id) = self.user() {
            let answer = app.get(&format!("/Users/{id}")).await.expect_status(200);
            let title = self.model.users[&id].as_deref();
            assert_eq!(answer.body["title"].as_str(), title, "{id} {:#?}", self.log);
            let groups: BTreeSet<&str> = answer.body["groups"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|group| group["value"].as_str())
                .collect();
            for (group, members) in &self.model.groups {
                let there = members.contains(&id);
                assert_eq!(
                    groups.contains(group.as_str()),
                    there,
                    "{id} in {group} {:#?}",
                    self.log
                );
            }
        }
        if let Some(id) = self.group() {
            let answer = app.get(&format!("/Groups/{id}")).await.expect_status(200);
            let members: BTreeSet<String> = answer.member_ids().into_iter().collect();
            assert_eq!(members, self.model.groups[&id], "{id} {:#?}", self.log);
        }
        if let Some(id) = self.model.gone.last() {
            app.get(&format!("/Users/{id}")).await.expect_status(404);
        }
    }

    async fn search(&mut self, app: &App) {
        let Some(id) = self.user() else { return };
        let filter = format!("members.value eq \"{id}\"");
        let answer = app
            .list("/Groups", &[("filter", filter.as_str())])
            .await
            .expect_status(200);
        let found: BTreeSet<String> = answer.ids().into_iter().collect();
        for (group, members) in &self.model.groups {
            assert_eq!(
                found.contains(group),
                members.contains(&id),
                "{id} {:#?}",
                self.log
            );
        }
        let title = self.model.users[&id].clone();
        if let Some(title) = title {
            let filter = format!("title eq \"{title}\" and id eq \"{id}\"");
            let answer = app
                .list("/Users", &[("filter", filter.as_str())])
                .await
                .expect_status(200);
            assert_eq!(answer.ids(), [id], "{:#?}", self.log);
        }
    }
}

async fn story(database: Database, lag: u32, clients: usize, steps: usize) {
    let name = database.name;
    let app = App::with(Options {
        replica: true,
        database: Some(database),
        users: 60,
        groups: 8,
        deadline_secs: 55,
        ..Options::default()
    })
    .await;
    app.caught_up().await;
    let second = app.second_instance().await;
    if lag > 0 {
        app.control_post("/lag", &json!({ "all": lag })).await;
    }
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..clients {
        let mut client = Client {
            number,
            instances: [app.clone(), second.clone()],
            rng: ChaCha8Rng::seed_from_u64(u64::try_from(number).unwrap()),
            model: Model::default(),
            made: 0,
            log: Vec::new(),
        };
        tasks.spawn(async move {
            for _ in 0..steps {
                client.step().await;
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    // Quiet: Graph shows everything, and the keeper has seen it.
    app.control_post("/lag", &json!({ "all": 0 })).await;
    let live = app.live_twin().await;
    for _ in 0..40 {
        app.caught_up().await;
        if differences(&app, &live).await.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let found = differences(&app, &live).await;
    assert!(
        found.is_empty(),
        "{name}, lag {lag}: {:#?}",
        &found[..found.len().min(5)]
    );
    expect_equal(&second, &live).await;
}

/// Steps of each client; `REPLICA_STEPS` says otherwise.
fn steps() -> usize {
    let wanted = std::env::var("REPLICA_STEPS").ok();
    wanted.and_then(|text| text.parse().ok()).unwrap_or(60)
}

#[tokio::test(flavor = "multi_thread")]
async fn own_writes_through_two_instances_are_never_undone() {
    let mut tasks = tokio::task::JoinSet::new();
    for lag in [0, 4] {
        for database in Database::lasting().await {
            tasks.spawn(story(database, lag, 3, steps()));
        }
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}
