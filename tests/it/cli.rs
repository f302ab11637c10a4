//! The program itself, run as its users run it.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;

/// The program with a clean environment.
fn program(args: &[&str], variables: &[(&str, &str)], folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_entra-scim"));
    command
        .args(args)
        .env_clear()
        .current_dir(folder)
        .envs(variables.iter().copied());
    command
}

fn run(args: &[&str], variables: &[(&str, &str)], folder: &Path) -> Output {
    program(args, variables, folder).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// A program that runs until it is dropped.
struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Service {
    /// Starts it and waits for its first line.
    fn start(args: &[&str], folder: &Path) -> (Self, String) {
        let mut command = program(args, &[], folder);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        (Self(child), line)
    }

    fn json(args: &[&str], folder: &Path) -> (Self, Value) {
        let (service, line) = Self::start(args, folder);
        (service, serde_json::from_str(&line).unwrap())
    }
}

/// The variables of a gateway in front of a simulator.
fn gateway(simulator: &Value) -> Vec<(&'static str, String)> {
    let text = |key: &str| simulator[key].as_str().unwrap().to_owned();
    vec![
        ("ENTRA_SCIM__TENANTS__DEFAULT__TENANT_ID", text("tenant_id")),
        ("ENTRA_SCIM__TENANTS__DEFAULT__GRAPH_URL", text("graph")),
        ("ENTRA_SCIM__TENANTS__DEFAULT__AUTHORITY_URL", text("graph")),
        (
            "ENTRA_SCIM__TENANTS__DEFAULT__CREDENTIAL__KIND",
            "client-secret".to_owned(),
        ),
        (
            "ENTRA_SCIM__TENANTS__DEFAULT__CREDENTIAL__CLIENT_ID",
            text("client_id"),
        ),
        (
            "ENTRA_SCIM__TENANTS__DEFAULT__CREDENTIAL__SECRET",
            text("client_secret"),
        ),
    ]
}

fn borrowed<'a>(variables: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    variables
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect()
}

#[test]
fn demo_prints_one_line_of_json_and_its_token_works() {
    let folder = tempfile::tempdir().unwrap();
    for mapping in ["standard", "iga-flat"] {
        let args = [
            "demo",
            "--json",
            "--listen",
            "127.0.0.1:0",
            "--mapping",
            mapping,
        ];
        let (_demo, ready) = Service::json(&args, folder.path());
        let url = format!("{}/Users?count=2", ready["scim"].as_str().unwrap());
        let bearer = format!("Authorization: Bearer {}", ready["token"].as_str().unwrap());
        let answer = Command::new("curl")
            .args(["-s", "-H", &bearer, &url])
            .output()
            .unwrap();
        let answer: Value = serde_json::from_slice(&answer.stdout).unwrap();
        assert_eq!(answer["Resources"].as_array().unwrap().len(), 2, "{answer}");
        assert!(ready["simulator"]["client_secret"].is_string());
    }
}

#[test]
fn every_line_that_demo_prints_works_as_printed() {
    let folder = tempfile::tempdir().unwrap();
    for mapping in ["standard", "iga-flat"] {
        let mut command = program(
            &["demo", "--listen", "127.0.0.1:0", "--mapping", mapping],
            &[],
            folder.path(),
        );
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let _demo = Service(child);
        let mut lines = 0;
        for line in out.lines() {
            let line = line.unwrap();
            if line.starts_with("Ctrl-C") {
                break;
            }
            if let Some(rest) = line.strip_prefix("curl ") {
                let script = format!("curl -w '\\n%{{http_code}}' {rest}");
                let output = Command::new("sh").args(["-c", &script]).output().unwrap();
                let answer = text(&output.stdout);
                let status = answer.lines().last().unwrap_or_default();
                assert!(status.starts_with('2'), "{mapping}: {line}\n{answer}");
                assert!(!answer.contains("\"totalResults\":0"), "{line}\n{answer}");
                lines += 1;
            }
        }
        assert!(lines >= 10, "{lines}");
    }
}

#[test]
fn check_tells_good_from_bad_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let (_simulator, ready) =
        Service::json(&["simulate", "--listen", "127.0.0.1:0"], folder.path());
    let good = gateway(&ready);
    let changed = |key: &str, value: &str| {
        let mut variables = good.clone();
        for (name, old) in &mut variables {
            if name.ends_with(key) {
                value.clone_into(old);
            }
        }
        variables
    };
    for (variables, fails) in [
        (good.clone(), None),
        (
            changed("SECRET", "wrong"),
            Some("the client secret is wrong"),
        ),
        (
            changed("AUTHORITY_URL", "http://127.0.0.1:1"),
            Some("check the network"),
        ),
        (
            changed("GRAPH_URL", "http://127.0.0.1:1"),
            Some("check the cloud"),
        ),
        (
            changed("CLIENT_ID", "11111111-2222-3333-4444-555555555555"),
            Some("application"),
        ),
        (
            changed("KIND", "nonsense"),
            Some("expected \"managed-identity\""),
        ),
    ] {
        let output = run(&["check", "--json"], &borrowed(&variables), folder.path());
        let report: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"));
        let checks = report["checks"].as_array().unwrap();
        let failed: Vec<&Value> = checks
            .iter()
            .filter(|line| line["level"] == "fail")
            .collect();
        match fails {
            None => {
                assert_eq!(output.status.code(), Some(0), "{report:#}");
                assert_eq!(report["ok"], true);
                let graph = checks.iter().find(|line| line["check"] == "Graph").unwrap();
                assert_eq!(graph["level"], "ok", "{graph}");
            }
            Some(says) => {
                assert_eq!(output.status.code(), Some(1), "{report:#}");
                assert!(
                    failed
                        .iter()
                        .any(|line| line.to_string().contains(says.split('"').next().unwrap())),
                    "{says}: {failed:?}"
                );
            }
        }
    }
}

#[test]
fn tokens_are_made_listed_and_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let tenant = [(
        "ENTRA_SCIM__TENANTS__DEFAULT__CREDENTIAL__KIND",
        "azure-cli",
    )];
    let token = |args: &[&str]| {
        let args: Vec<&str> = ["token"].iter().chain(args).copied().collect();
        let output = run(&args, &tenant, folder.path());
        (
            output.status.code(),
            text(&output.stdout).to_owned(),
            text(&output.stderr).to_owned(),
        )
    };
    let (code, made, said) = token(&[
        "create",
        "--name",
        "my iga",
        "--scope",
        "read:*,write:Groups",
    ]);
    assert_eq!(code, Some(0), "{said}");
    let made = made.trim();
    assert!(made.starts_with("es_") && made.len() == 46, "{made}");
    assert!(!said.contains(made));

    let (_, listed, _) = token(&["list", "--json"]);
    let row: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(row["name"], "my iga");
    assert_eq!(row["scopes"], "read:* write:Groups");
    assert_eq!(row["state"], "active");
    assert!(!listed.contains(made));

    let (code, ..) = token(&["revoke", row["id"].as_str().unwrap()]);
    assert_eq!(code, Some(0));
    assert!(token(&["list"]).1.contains("revoked"));

    for (args, says) in [
        (&["revoke", "nothing"][..], "no such row"),
        (
            &["create", "--name", "x", "--tenant", "other"],
            "no tenant named \"other\"",
        ),
        (
            &["create", "--name", "x", "--scope", "read:Planets"],
            "no resource type Planets",
        ),
        (
            &["create", "--name", "x", "--scope", "admin"],
            "is not a scope",
        ),
        (
            &["create", "--name", "x", "--expires", "2001-01-01"],
            "has passed",
        ),
    ] {
        let (code, out, said) = token(args);
        assert_ne!(code, Some(0), "{args:?}");
        assert!(said.contains(says), "{args:?}: {said}");
        assert_eq!(out, "");
    }
}

#[test]
fn a_wrong_configuration_ends_with_two() {
    let folder = tempfile::tempdir().unwrap();
    for (args, variables, code, says) in [
        (
            &["serve"][..],
            &[("ENTRA_SCIM__SERVER__LISTN", "x")][..],
            2,
            "server.listn: there is no such key",
        ),
        (&["serve"], &[], 1, "no tenant is configured"),
        (
            &["serve", "--config", "/nowhere"],
            &[],
            2,
            "/nowhere: cannot read",
        ),
        (&["frobnicate"], &[], 2, "unrecognized subcommand"),
        (
            &["migrate"],
            &[("ENTRA_SCIM__STORE__URL", "mysql://u:hunter2@h/d")],
            1,
            "must begin with sqlite",
        ),
    ] {
        let output = run(args, variables, folder.path());
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(says), "{args:?}: {said}");
        assert!(!said.contains("hunter2"));
    }
}

#[test]
fn migrate_and_mapping() {
    let folder = tempfile::tempdir().unwrap();
    for expected in ["brought up to date", "is up to date"] {
        let output = run(&["migrate"], &[], folder.path());
        assert!(text(&output.stdout).contains(expected), "{output:?}");
    }
    let output = run(&["mapping", "check", "iga-flat"], &[], folder.path());
    assert!(output.status.success());
    let output = run(
        &["mapping", "show", "standard", "--type", "users", "--json"],
        &[],
        folder.path(),
    );
    let rows: Vec<Value> = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(
        rows.iter()
            .any(|row| row["attribute"] == "userName" && row["graph"] == "userPrincipalName")
    );

    let entity = folder.path().join("entity.json");
    std::fs::write(
        &entity,
        r#"{"id": "1", "userPrincipalName": "a@b.c", "accountEnabled": true}"#,
    )
    .unwrap();
    let preview = |file: &Path| -> Value {
        let args = [
            "mapping",
            "preview",
            "--json",
            "--file",
            file.to_str().unwrap(),
        ];
        let output = run(&args, &[], folder.path());
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"))
    };
    let shown = preview(&entity);
    assert_eq!(
        (&shown["scim"]["userName"], &shown["scim"]["active"]),
        (&"a@b.c".into(), &true.into())
    );
    let resource = folder.path().join("resource.json");
    std::fs::write(
        &resource,
        r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": "a@b.c", "displayName": "A", "active": "False"}"#,
    )
    .unwrap();
    let shown = preview(&resource);
    assert_eq!(
        (
            &shown["graph"]["userPrincipalName"],
            &shown["graph"]["accountEnabled"],
            &shown["back"]["active"]
        ),
        (&"a@b.c".into(), &false.into(), &false.into())
    );

    // Faults, lints and coverage: told in text and in JSON.
    let rules = folder.path().join("rules");
    std::fs::create_dir(&rules).unwrap();
    std::fs::write(rules.join("groups.toml"), "nonsense = 1").unwrap();
    let rules = rules.to_str().unwrap();
    let output = run(&["mapping", "check", rules], &[], folder.path());
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(text(&output.stdout).contains("error: "), "{output:?}");
    let output = run(&["mapping", "check", rules, "--json"], &[], folder.path());
    let files: Vec<Value> = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let bad: Vec<&Value> = files.iter().filter(|f| f["ok"] == false).collect();
    assert_eq!((files.len(), bad.len()), (5, 1), "{files:?}");

    let output = run(&["mapping", "check", "/nowhere"], &[], folder.path());
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[test]
fn serve_is_ready_answers_and_stops_cleanly() {
    let folder = tempfile::tempdir().unwrap();
    let (_simulator, ready) =
        Service::json(&["simulate", "--listen", "127.0.0.1:0"], folder.path());
    let port = free_port().to_string();
    let mut variables = gateway(&ready);
    variables.push(("PORT", port.clone()));
    variables.push(("ENTRA_SCIM__LOG__FORMAT", "json".to_owned()));
    let variables = borrowed(&variables);
    let unwell = run(&["healthcheck"], &variables, folder.path());
    assert_eq!(unwell.status.code(), Some(1), "{unwell:?}");

    let mut command = program(&["serve"], &variables, folder.path());
    let mut serve = Service(command.stderr(Stdio::piped()).spawn().unwrap());
    let mut log = BufReader::new(serve.0.stderr.take().unwrap());
    let mut line = String::new();
    log.read_line(&mut line).unwrap();
    let first: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
    assert_eq!(first["message"], "ready");
    assert_eq!(first["listen"], format!("0.0.0.0:{port}"));

    assert!(
        run(&["healthcheck"], &variables, folder.path())
            .status
            .success()
    );
    let args = ["token", "create", "--name", "x", "--json"];
    let made = run(&args, &variables, folder.path());
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    let bearer = format!("Authorization: Bearer {}", made["token"].as_str().unwrap());
    let url = format!("http://127.0.0.1:{port}/scim/v2/Users?count=1");
    let status = |header: &str| {
        let args = [
            "-s",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            "-H",
            header,
            &url,
        ];
        let output = Command::new("curl").args(args).output().unwrap();
        text(&output.stdout).to_owned()
    };
    assert_eq!(status(&bearer), "200");
    assert_eq!(status("Authorization: Bearer es_wrong"), "401");
    let revoked = run(
        &["token", "revoke", made["id"].as_str().unwrap()],
        &variables,
        folder.path(),
    );
    assert!(revoked.status.success());
    assert_eq!(status(&bearer), "401");

    let terminated = Command::new("kill").arg(serve.0.id().to_string()).status();
    assert!(terminated.unwrap().success());
    assert_eq!(serve.0.wait().unwrap().code(), Some(0));
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut log, &mut rest).unwrap();
    assert!(rest.contains("\"stopped\""), "{rest}");
    assert!(!rest.contains(made["token"].as_str().unwrap()), "{rest}");
}

#[test]
fn a_demo_with_a_folder_keeps_its_token() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let args = [
        "demo",
        "--json",
        "--listen",
        "127.0.0.1:0",
        "--token",
        "mine",
        "--data-dir",
    ];
    let args: Vec<&str> = args.into_iter().chain([data.to_str().unwrap()]).collect();
    for _ in 0..2 {
        let (_demo, ready) = Service::json(&args, folder.path());
        assert_eq!(ready["token"], "mine");
    }
    assert!(data.join("store.db").exists());
}

#[test]
fn check_says_which_permissions_are_missing() {
    let folder = tempfile::tempdir().unwrap();
    let (_simulator, ready) =
        Service::json(&["simulate", "--listen", "127.0.0.1:0"], folder.path());
    let url = format!("{}/permissions", ready["control"].as_str().unwrap());
    let body = r#"{"permissions": ["User.Read.All", "GroupMember.Read.All"]}"#;
    let args = [
        "-sf",
        "-H",
        "content-type: application/json",
        "-d",
        body,
        &url,
    ];
    assert!(Command::new("curl").args(args).status().unwrap().success());
    for (preset, code, says) in [
        ("read-only", 0, "cannot read licences"),
        ("full", 1, "cannot create, change and delete users"),
    ] {
        let mut variables = gateway(&ready);
        variables.push((
            "ENTRA_SCIM__TENANTS__DEFAULT__PERMISSIONS",
            preset.to_owned(),
        ));
        let output = run(&["check"], &borrowed(&variables), folder.path());
        let said = text(&output.stdout);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(says), "{said}");
        assert!(said.contains("grant the application permission "), "{said}");
    }
}
