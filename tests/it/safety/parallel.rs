//! Many writers on few objects: the end is what was acknowledged.

use std::collections::HashSet;

use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};

use super::{FLOW_FREE, group, user};
use crate::support::app::{App, Options, patch_op};

#[tokio::test(flavor = "multi_thread")]
async fn exactly_one_of_many_with_one_version_wins() {
    const WRITERS: usize = 8;
    let app = App::start().await;
    let domain = app.domain().await;
    for round in 0..20 {
        let path = format!("/Users/{}", user(&app, &domain).await);
        let read = app.get(&path).await.expect_status(200);
        let tag = read.header("etag").unwrap().to_owned();
        let mut tasks = tokio::task::JoinSet::new();
        for writer in 0..WRITERS {
            let (app, path, tag) = (app.clone(), path.clone(), tag.clone());
            tasks.spawn(async move {
                let title = format!("T{writer}");
                let body = patch_op(json!([{"op": "replace", "path": "title", "value": title}]));
                let answer = app
                    .request("PATCH", &path, Some(&body), &[("if-match", &tag)])
                    .await;
                (title, answer.status)
            });
        }
        let mut winners = Vec::new();
        while let Some(done) = tasks.join_next().await {
            let (title, status) = done.unwrap();
            match status {
                200 => winners.push(title),
                status => assert_eq!(status, 412, "round {round}"),
            }
        }
        assert_eq!(winners.len(), 1, "round {round}");
        let read = app.get(&path).await.expect_status(200);
        assert_eq!(read.body["title"], winners[0].as_str());
    }
}

/// What one acknowledged write said.
#[derive(Debug)]
enum Said {
    Email(usize, String),
    Title(usize, String),
    Member(usize, String, bool),
    Licence(usize, bool),
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_state_is_what_was_acknowledged() {
    const CLIENTS: u64 = 50;
    const WRITES: usize = 40;
    let app = App::with(Options {
        deadline_secs: 60,
        ..Options::default()
    })
    .await;
    let domain = app.domain().await;
    let people = app.sim_user_ids().await;
    let mut users = Vec::new();
    for _ in 0..3 {
        users.push(user(&app, &domain).await);
    }
    let groups = [group(&app, &[], &[]).await, group(&app, &[], &[]).await];
    let mut tasks = tokio::task::JoinSet::new();
    for client in 0..CLIENTS {
        let (app, users, groups, people) =
            (app.clone(), users.clone(), groups.clone(), people.clone());
        tasks.spawn(async move {
            let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(client);
            let mut said = Vec::new();
            // Each client has people of its own, so that what is left of them is certain.
            let own = usize::try_from(client).unwrap() * 3;
            for write in 0..WRITES {
                let u = rng.random_range(0..users.len());
                let g = rng.random_range(0..groups.len());
                let who = people[own + rng.random_range(0..3)].clone();
                let (path, operation, claim) = match rng.random_range(0..5) {
                    0 if write < 8 => {
                        let mail = format!("c{client}w{write}@parallel.example");
                        let value = json!([{"type": "other", "value": mail}]);
                        (format!("/Users/{}", users[u]),
                            json!({"op": "add", "path": "emails", "value": value}), Said::Email(u, mail))
                    }
                    0 | 1 => {
                        let title = format!("c{client} w{write}");
                        (format!("/Users/{}", users[u]),
                            json!({"op": "replace", "path": "title", "value": title}), Said::Title(u, title))
                    }
                    2 => (format!("/Groups/{}", groups[g]),
                        json!({"op": "remove", "path": format!("members[value eq \"{who}\"]")}),
                        Said::Member(g, who, false)),
                    3 => (format!("/Groups/{}", groups[g]),
                        json!({"op": "add", "path": "members", "value": [{"value": who}]}),
                        Said::Member(g, who, true)),
                    _ => {
                        let add = rng.random_bool(0.7);
                        let operation = if add {
                            json!({"op": "add", "path": "entitlements", "value": [{"value": FLOW_FREE}]})
                        } else {
                            json!({"op": "remove", "path": format!("entitlements[value eq \"{FLOW_FREE}\"]")})
                        };
                        (format!("/Users/{}", users[u]), operation, Said::Licence(u, add))
                    }
                };
                let answer = app.patch(&path, &patch_op(json!([operation]))).await;
                match answer.status {
                    200 | 204 => said.push(claim),
                    status => assert_eq!(status, 503, "{}", answer.shown()),
                }
            }
            said
        });
    }
    let mut all: Vec<Vec<Said>> = Vec::new();
    while let Some(done) = tasks.join_next().await {
        all.push(done.unwrap());
    }
    let count: usize = all.iter().map(Vec::len).sum();
    assert!(count > 1_000, "only {count} writes were acknowledged");
    for (u, id) in users.iter().enumerate() {
        let read = app.get(&format!("/Users/{id}")).await.expect_status(200);
        let truth = app.sim_object(id).await;
        let mails: HashSet<&str> = read.body["emails"]
            .as_array()
            .map(|list| list.iter().filter_map(|e| e["value"].as_str()).collect())
            .unwrap_or_default();
        let mut titles = HashSet::new();
        let mut licences = HashSet::new();
        for claim in all.iter().flatten() {
            match claim {
                Said::Email(at, mail) if *at == u => {
                    assert!(mails.contains(mail.as_str()), "{mail} is lost");
                    assert!(truth.to_string().contains(mail), "{mail} is not in Graph");
                }
                Said::Title(at, title) if *at == u => {
                    titles.insert(title.as_str());
                }
                Said::Licence(at, held) if *at == u => {
                    licences.insert(*held);
                }
                _ => {}
            }
        }
        assert!(
            titles.contains(read.body["title"].as_str().unwrap()),
            "{}",
            read.body["title"]
        );
        let held = app.sim_licences(id).await.contains(&FLOW_FREE.to_owned());
        let shown = read.body["entitlements"].to_string().contains(FLOW_FREE);
        assert_eq!(held, shown, "the answer and Graph differ");
        assert!(licences.contains(&held));
    }
    for (g, id) in groups.iter().enumerate() {
        let members: HashSet<String> = app.sim_members(id).await.into_iter().collect();
        for said in &all {
            let mut last = std::collections::HashMap::new();
            for claim in said {
                if let Said::Member(at, who, there) = claim
                    && *at == g
                {
                    last.insert(who, *there);
                }
            }
            for (who, there) in last {
                assert_eq!(members.contains(who), there, "{who}");
            }
        }
        let read = app.get(&format!("/Groups/{id}")).await.expect_status(200);
        let shown: HashSet<String> = read.member_ids().into_iter().collect();
        assert_eq!(shown, members);
        let _: &Value = &read.body;
    }
}
