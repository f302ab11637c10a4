//! What answers take, and that it comes back.

use std::time::Duration;

use futures_util::{StreamExt as _, future::join_all};
use serde_json::json;

use crate::support::{
    app::{App, Options},
    program::{Program, Serving},
};

async fn serving(tenant: &App, keys: &[(&'static str, &'static str)]) -> (Serving, String) {
    let ready = tenant.simulator().clone();
    let keys = keys.to_vec();
    tokio::task::spawn_blocking(move || {
        let mut program = Program::with_secret(&ready);
        for (key, value) in keys {
            program = program.set(&format!("ENTRA_SCIM__SERVER__{key}"), value);
        }
        let token = program.token();
        (program.serve(), token)
    })
    .await
    .unwrap()
}

/// Sorting many objects keeps what is shown of them, not all that was looked at; large lists side
/// by side wait for room, and what they took is given back.
#[tokio::test(flavor = "multi_thread")]
async fn large_lists_side_by_side() {
    let tenant = App::with(Options {
        users: 2_500,
        ..Options::default()
    })
    .await;
    let (serving, token) = serving(&tenant, &[("MAX_ANSWER_MEMORY_MB", "64")]).await;
    let client = tenant.client.clone();
    let ask = async |query: &str| {
        let url = format!("{}/Users?{query}", serving.scim);
        let answer = client.get(url).bearer_auth(&token).send().await.unwrap();
        let status = answer.status().as_u16();
        let mut length = 0;
        let mut body = answer.bytes_stream();
        while let Some(piece) = body.next().await {
            length += piece.unwrap().len();
        }
        (status, length)
    };
    ask("count=1").await;
    let before = serving.megabytes();
    let mut most = before;
    for query in [
        "count=50&sortBy=title&startIndex=2200",
        "count=400&excludedAttributes=groups,roles,entitlements",
    ] {
        let (answers, peak) = {
            let asked = join_all((0..12).map(|_| ask(query)));
            tokio::pin!(asked);
            let mut peak = 0;
            loop {
                tokio::select! {
                    answers = &mut asked => break (answers, peak),
                    () = tokio::time::sleep(Duration::from_millis(20)) => {
                        peak = peak.max(serving.megabytes());
                    }
                }
            }
        };
        let good = answers.iter().filter(|(status, _)| *status == 200).count();
        println!(
            "{query}: {good} of 12, {peak} MB at most, {} bytes each",
            answers[0].1
        );
        assert!(good >= 1, "{answers:?}");
        assert!(
            answers
                .iter()
                .all(|(status, _)| [200, 503].contains(status)),
            "{answers:?}"
        );
        most = most.max(peak);
    }
    let mut after = serving.megabytes();
    for _ in 0..300 {
        if after < before + 50 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        after = serving.megabytes();
    }
    println!("{before} MB before, {most} MB at most, {after} MB after");
    assert!(most < before + 200, "{before} MB before, {most} MB at most");
    assert!(after < before + 50, "{before} MB before, {after} MB after");
}

/// A page far into a sorted list is the same as the walk to it, and no object is read twice for a
/// page at the front.
#[tokio::test(flavor = "multi_thread")]
async fn far_pages_are_the_same_list() {
    let app = App::with(Options {
        users: 2_300,
        groups: 4,
        ..Options::default()
    })
    .await;
    let page = async |start: usize, count: usize| {
        let answer = app
            .list(
                "/Users",
                &[
                    ("sortBy", "title"),
                    ("startIndex", &start.to_string()),
                    ("count", &count.to_string()),
                    ("attributes", "id,title"),
                ],
            )
            .await
            .expect_status(200);
        (
            answer.ids(),
            answer.body["totalResults"].clone(),
            answer.graph_requests(),
        )
    };
    let (front, total, requests) = page(1, 999).await;
    assert_eq!(requests, 3, "the pages of the walk, and nothing else");
    let (middle, ..) = page(1_000, 999).await;
    let (far, far_total, _) = page(1_990, 40).await;
    assert_eq!(total, far_total);
    assert_eq!(far[..9], middle[990..999]);
    let mut all: Vec<String> = [front, middle, page(1_999, 999).await.0].concat();
    let total = usize::try_from(total.as_u64().unwrap()).unwrap();
    assert_eq!(all.len(), total);
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), total, "each once");
}

/// What can never have enough room is told so; nobody waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn more_than_there_is() {
    let key = "ENTRA_SCIM__SERVER__MAX_ANSWER_MEMORY_MB".to_owned();
    let app = App::with(Options {
        environment: vec![(key, "16".to_owned())],
        ..Options::default()
    })
    .await;
    let answer = app
        .list("/Users", &[("count", "999")])
        .await
        .expect_status(413);
    assert!(answer.detail().contains("fewer"), "{}", answer.detail());
    assert_eq!(
        answer.body["schemas"],
        json!(["urn:ietf:params:scim:api:messages:2.0:Error"])
    );
    app.list("/Users", &[("count", "100")])
        .await
        .expect_status(200);
}
