//! What the replica costs and how fast it is: `cargo bench --bench replica --profile bench-fast --
//! --users 100000 --groups 10000`. Real processes: the simulated tenant, with its latency and the
//! limits of a large tenant; `entra-scim sync`, whose memory is looked at while it runs; a plain
//! sequential walk of the change queries beside it; then `entra-scim serve`, against a bare server
//! that returns the same bytes.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::panic,
    reason = "a program that prints"
)]

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

/// What is asked for on the command line.
struct Wanted {
    users: usize,
    groups: usize,
    latency: u32,
    requests: usize,
    walk: bool,
    store: Option<String>,
}

fn wanted() -> Wanted {
    let mut wanted = Wanted {
        users: 2_000,
        groups: 200,
        latency: 50,
        requests: 500,
        walk: true,
        store: None,
    };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut number = || args.next().and_then(|text| text.parse().ok()).unwrap();
        match arg.as_str() {
            "--users" => wanted.users = number(),
            "--groups" => wanted.groups = number(),
            "--latency-ms" => wanted.latency = u32::try_from(number()).unwrap(),
            "--requests" => wanted.requests = number(),
            "--no-walk" => wanted.walk = false,
            "--store" => wanted.store = args.next(),
            // `cargo bench` adds this one.
            "--bench" => {}
            other => panic!("unknown argument {other}"),
        }
    }
    wanted
}

/// A process that ends with its owner.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // Nothing to a process that has ended.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_entra-scim"))
}

/// Memory of a process in MB: now, and at the most.
fn memory(process: u32) -> (f64, f64) {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let of = |name: &str| {
        status
            .lines()
            .find_map(|line| {
                line.strip_prefix(name)?
                    .split_whitespace()
                    .next()?
                    .parse::<f64>()
                    .ok()
            })
            .unwrap_or_default()
            / 1024.0
    };
    (of("VmRSS:"), of("VmHWM:"))
}

fn simulate(wanted: &Wanted) -> (Process, Value) {
    let mut child = program()
        .args(["simulate", "--listen", "127.0.0.1:0", "--throttle", "large"])
        .args(["--users", &wanted.users.to_string()])
        .args(["--groups", &wanted.groups.to_string()])
        .args(["--latency-ms", &wanted.latency.to_string()])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut line).unwrap();
    (Process(child), serde_json::from_str(&line).unwrap())
}

fn gateway(ready: &Value, store: &str) -> Command {
    let text = |name: &str| ready[name].as_str().unwrap().to_owned();
    let origin = url::Url::parse(&text("graph"))
        .unwrap()
        .origin()
        .ascii_serialization();
    let mut command = program();
    let tenant = "ENTRA_SCIM__TENANTS__DEFAULT__";
    for (name, value) in [
        ("TENANT_ID", text("tenant_id")),
        ("GRAPH_URL", origin.clone()),
        ("AUTHORITY_URL", origin),
        ("CREDENTIAL__KIND", "client-secret".to_owned()),
        ("CREDENTIAL__CLIENT_ID", text("client_id")),
        ("CREDENTIAL__SECRET", text("client_secret")),
    ] {
        command.env(format!("{tenant}{name}"), value);
    }
    command
        .env("ENTRA_SCIM__STORE__URL", store)
        .env("ENTRA_SCIM__SERVER__LISTEN", "127.0.0.1:0")
        .env("ENTRA_SCIM__SERVER__REQUESTS_PER_SEC_PER_TOKEN", "100000")
        .env("ENTRA_SCIM__LOG__FORMAT", "json");
    command
}

/// The first synchronisation: what it says, and the most memory that it took.
fn sync(ready: &Value, store: &str) -> (Value, f64) {
    let mut child = gateway(ready, store)
        .arg("sync")
        .env("ENTRA_SCIM__LOG__LEVEL", "warn")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut most: f64 = 0.0;
    loop {
        most = most.max(memory(child.id()).1);
        if child.try_wait().unwrap().is_some() {
            break;
        }
        #[expect(clippy::disallowed_methods, reason = "a process is waited for")]
        std::thread::sleep(Duration::from_millis(50));
    }
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    (serde_json::from_str(&line).unwrap_or_default(), most)
}

async fn counters(ready: &Value, reset: bool) -> Value {
    let client = reqwest::Client::builder().build().unwrap();
    let control = ready["control"].as_str().unwrap();
    if reset {
        client
            .post(format!("{control}/counters/reset"))
            .send()
            .await
            .unwrap();
    }
    client
        .get(format!("{control}/counters"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap()
}

/// The plain way: the change queries of users and groups, one page after the other.
async fn walk(ready: &Value) -> (Duration, usize) {
    let client = reqwest::Client::builder().build().unwrap();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", ready["client_id"].as_str().unwrap()),
        ("client_secret", ready["client_secret"].as_str().unwrap()),
        ("scope", "https://graph.microsoft.com/.default"),
    ];
    let token = ready["token_endpoint"].as_str().unwrap();
    let token: Value = client
        .post(token)
        .form(&form)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let token = token["access_token"].as_str().unwrap().to_owned();
    let graph = ready["graph"].as_str().unwrap();
    let start = Instant::now();
    let mut pages = 0;
    for first in [
        "users/delta?$select=displayName,userPrincipalName,manager",
        "groups/delta",
    ] {
        let mut url = format!("{}/v1.0/{first}", graph.trim_end_matches("/v1.0"));
        loop {
            let answer = client.get(&url).bearer_auth(&token).send().await.unwrap();
            if answer.status() == 429 {
                tokio::time::sleep(Duration::from_secs(1)).await;
                continue;
            }
            let page: Value = answer.json().await.unwrap();
            pages += 1;
            match page["@odata.nextLink"].as_str() {
                Some(next) => next.clone_into(&mut url),
                None => break,
            }
        }
    }
    (start.elapsed(), pages)
}

fn token(ready: &Value, store: &str) -> String {
    let args = [
        "token", "create", "--name", "bench", "--scope", "write:*", "--json",
    ];
    let made = gateway(ready, store).args(args).output().unwrap();
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    made["token"].as_str().unwrap().to_owned()
}

fn serve(ready: &Value, store: &str) -> (Process, String) {
    let mut child = gateway(ready, store)
        .arg("serve")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let (sender, address) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            let event: Value = serde_json::from_str(&line).unwrap_or_default();
            if event["message"] == "ready" {
                let listen = event["listen"].as_str().unwrap_or_default().to_owned();
                drop(sender.send(listen));
            }
        }
    });
    let address = address.recv_timeout(Duration::from_mins(1)).unwrap();
    (Process(child), format!("http://{address}"))
}

/// A server that returns these bytes, whatever it is asked.
async fn bare(bytes: Vec<u8>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let bytes = bytes::Bytes::from(bytes);
    let answer = move || {
        let bytes = bytes.clone();
        async move { ([("content-type", "application/scim+json")], bytes) }
    };
    let router = axum::Router::new().fallback(answer);
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

/// The median and the 99th percentile of so many requests, one after the other, in microseconds.
async fn times(client: &reqwest::Client, urls: &[String], token: &str, count: usize) -> (f64, f64) {
    let mut times = Vec::with_capacity(count);
    for i in 0..count {
        let url = &urls[i % urls.len()];
        let start = Instant::now();
        let answer = client.get(url).bearer_auth(token).send().await.unwrap();
        assert!(answer.status().is_success(), "{url}: {}", answer.status());
        answer.bytes().await.unwrap();
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    times.sort_by(f64::total_cmp);
    (times[count / 2], times[count * 99 / 100])
}

async fn read(base: &str, token: &str, wanted: &Wanted) {
    let client = reqwest::Client::builder().build().unwrap();
    let scim = format!("{base}/scim/v2");
    let get = async |url: &str| -> Value {
        let answer = client.get(url).bearer_auth(token).send().await.unwrap();
        answer.json().await.unwrap()
    };
    let some = get(&format!("{scim}/Users?count=200&attributes=userName")).await;
    let users = some["Resources"].as_array().unwrap();
    let ids: Vec<&str> = users
        .iter()
        .map(|user| user["id"].as_str().unwrap())
        .collect();
    let names: Vec<&str> = users
        .iter()
        .filter_map(|user| user["userName"].as_str())
        .collect();
    let deep = some["totalResults"].as_u64().unwrap() / 2;
    let escaped =
        |text: &str| -> String { url::form_urlencoded::byte_serialize(text.as_bytes()).collect() };
    let filter = |text: String| format!("{scim}/Users?filter={}", escaped(&text));
    let cases: Vec<(&str, Vec<String>, usize)> = vec![
        (
            "GET by id",
            ids.iter().map(|id| format!("{scim}/Users/{id}")).collect(),
            wanted.requests,
        ),
        (
            "userName eq",
            names
                .iter()
                .map(|name| filter(format!("userName eq \"{name}\"")))
                .collect(),
            wanted.requests,
        ),
        (
            "page of 100",
            vec![format!("{scim}/Users?count=100")],
            wanted.requests / 5,
        ),
        (
            "page of 100, in the middle",
            vec![format!("{scim}/Users?count=100&startIndex={deep}")],
            wanted.requests / 5,
        ),
        (
            "sorted page of 100",
            vec![format!("{scim}/Users?count=100&sortBy=name.familyName")],
            wanted.requests / 10,
        ),
        (
            "displayName sw, count 10",
            vec![filter("displayName sw \"ma\"".to_owned()) + "&count=10"],
            wanted.requests / 10,
        ),
        (
            "displayName co, count 10",
            vec![filter("displayName co \"ari\"".to_owned()) + "&count=10"],
            (wanted.requests / 50).max(1),
        ),
        (
            "meta.lastModified gt",
            vec![filter(
                "meta.lastModified gt \"2040-01-01T00:00:00Z\"".to_owned(),
            )],
            wanted.requests / 5,
        ),
        (
            "no index: title co, count 10",
            vec![filter("title co \"analyst\"".to_owned()) + "&count=10"],
            1,
        ),
    ];
    println!("\n| read | median | p99 | bare server | ratio |\n|---|---|---|---|---|");
    for (name, urls, count) in cases {
        let answer = client
            .get(&urls[0])
            .bearer_auth(token)
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success(), "{name}: {}", answer.status());
        let bytes = answer.bytes().await.unwrap();
        let same = bare(bytes.to_vec()).await;
        let (ours, late) = times(&client, &urls, token, count).await;
        let (theirs, _) = times(&client, &[same], token, count.max(50)).await;
        println!(
            "| {name} | {ours:.0} µs | {late:.0} µs | {theirs:.0} µs | {:.2} |",
            theirs / ours
        );
    }
}

#[tokio::main]
async fn main() {
    let wanted = wanted();
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/store.db", folder.path().display());
    let store = wanted.store.clone().unwrap_or(url);
    let (_simulator, ready) = simulate(&wanted);
    counters(&ready, true).await;
    let (told, most) = sync(&ready, &store);
    let spent = counters(&ready, false).await;
    println!("first synchronisation: {told}");
    println!("by the simulator's counters: {spent}");
    println!("memory at the most: {most:.0} MB");
    if wanted.walk {
        let (time, pages) = walk(&ready).await;
        let ours = told["seconds"].as_f64().unwrap_or(f64::NAN);
        println!(
            "plain sequential walk of the change queries: {:.1} s, {pages} pages; ours {ours:.1} s, ratio {:.2}",
            time.as_secs_f64(),
            ours / time.as_secs_f64()
        );
    }
    counters(&ready, true).await;
    let round = sync(&ready, &store);
    println!("an idle round: {}", round.0);
    println!(
        "by the simulator's counters: {}",
        counters(&ready, false).await
    );
    let token = token(&ready, &store);
    let (serving, base) = serve(&ready, &store);
    read(&base, &token, &wanted).await;
    let (now, most) = memory(serving.0.id());
    println!("\nmemory in steady state: {now:.0} MB, at the most {most:.0} MB");
}
