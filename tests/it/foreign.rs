//! SCIM clients and suites that nobody here wrote, against the gateway.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};

use crate::support::app::{App, Options};

fn place(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The folder with their programs, where they are installed.
fn programs() -> Option<PathBuf> {
    let bin = place("target/clients/scim2/bin");
    if bin.join("python").exists() {
        return Some(bin);
    }
    let why = "they are not installed: tests/clients/install.sh";
    crate::aloud::not_run("scim2-tester and scim2-cli against the gateway", why);
    None
}

/// A gateway whose user names have no domain, as these clients make them.
async fn started() -> App {
    let probe = App::with(Options {
        users: 5,
        groups: 2,
        ..Options::default()
    })
    .await;
    let key = "ENTRA_SCIM__TENANTS__DEFAULT__USER_NAME_DOMAIN".to_owned();
    let app = App::with(Options {
        users: 30,
        groups: 5,
        replica: true,
        environment: vec![(key, probe.domain().await)],
        ..Options::default()
    })
    .await;
    app.caught_up().await;
    app
}

/// Runs a program to its end, while the gateway answers on other threads.
async fn run(mut command: Command, input: String) -> Output {
    let run = move || -> std::io::Result<Output> {
        let mut child = command
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes())?;
        }
        child.wait_with_output()
    };
    tokio::task::spawn_blocking(run).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn scim2_tester_finds_no_fault() {
    let Some(bin) = programs() else { return };
    let app = started().await;
    let mut command = Command::new(bin.join("python"));
    command
        .arg(place("tests/clients/scim2.py"))
        .env("SCIM_URL", &app.scim)
        .env("SCIM_TOKEN", app.token());
    let output = run(command, String::new()).await;
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{errors}");
    let checks = said
        .split_whitespace()
        .nth(1)
        .and_then(|n| n.parse::<u32>().ok());
    assert!(checks.is_some_and(|checks| checks >= 170), "{said}");
}

/// It makes its models of `/Schemas`, and checks each answer against them.
#[tokio::test(flavor = "multi_thread")]
async fn scim2_cli_works() {
    let Some(bin) = programs() else { return };
    let app = started().await;
    let scim2 = |args: &[&str], input: Value| {
        let mut command = Command::new(bin.join("scim2"));
        command.args(["--url", &app.scim]).args(args).env(
            "SCIM_CLI_HEADERS",
            format!("Authorization: Bearer {}", app.token()),
        );
        let input = if input.is_null() {
            String::new()
        } else {
            input.to_string()
        };
        async move {
            let output = run(command, input).await;
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{said}\n{errors}");
            serde_json::from_str::<Value>(&said).unwrap_or(Value::Null)
        }
    };
    let made = scim2(
        &[
            "create",
            "user",
            "--user-name",
            "cli",
            "--display-name",
            "Cli",
        ],
        Value::Null,
    )
    .await;
    let id = made["id"]
        .as_str()
        .unwrap_or_else(|| panic!("{made}"))
        .to_owned();
    assert_eq!(made["userName"], "cli");
    let read = scim2(&["query", "user", &id], Value::Null).await;
    assert_eq!(read, made);
    let found = scim2(
        &["query", "user", "--filter", "userName eq \"cli\""],
        Value::Null,
    )
    .await;
    assert_eq!(found["totalResults"], 1, "{found}");
    let replaced = scim2(
        &[
            "replace",
            "user",
            "--id",
            &id,
            "--user-name",
            "cli",
            "--display-name",
            "Cli 2",
        ],
        Value::Null,
    )
    .await;
    assert_eq!(replaced["displayName"], "Cli 2", "{replaced}");
    let bulk = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [
        {"method": "POST", "path": "/Groups", "bulkId": "g", "data": {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "cli",
            "members": [{"value": id}]}},
    ]});
    let answer = scim2(&["bulk"], bulk).await;
    assert_eq!(answer["Operations"][0]["status"], "201", "{answer}");
    scim2(&["delete", "user", &id], Value::Null).await;
    app.get(&format!("/Users/{id}")).await.expect_status(404);
}
