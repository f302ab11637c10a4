//! What `check` says when there is no token: the cause, the remedy, Entra's code, within ten
//! seconds, and never a secret.

use std::{net::TcpListener, path::Path, time::Duration};

use entra_scim::simulator::{seed::DOMAIN, start::ReadyLine};
use serde_json::json;

use super::{KeyKind, Made};
use crate::support::{
    app::{App, Options},
    program::Program,
};

const TENANT_ID: &str = "ENTRA_SCIM__TENANTS__DEFAULT__TENANT_ID";
const AUTHORITY: &str = "ENTRA_SCIM__TENANTS__DEFAULT__AUTHORITY_URL";
const LIMIT: Duration = Duration::from_secs(10);

/// A credential that yields no token, what must be said about it, and what must not.
struct Case {
    name: &'static str,
    program: Program,
    says: Vec<&'static str>,
    hides: Vec<String>,
}

async fn app() -> App {
    App::with(Options {
        users: 30,
        groups: 3,
        ..Options::default()
    })
    .await
}

/// Runs `check` for each, a few at a time, and fails with all that is wrong.
fn judge(cases: &[Case]) {
    let wrong = std::sync::Mutex::new(Vec::new());
    for few in cases.chunks(3) {
        std::thread::scope(|scope| {
            for case in few {
                scope.spawn(|| wrong.lock().unwrap().extend(faults(case)));
            }
        });
    }
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

fn faults(case: &Case) -> Vec<String> {
    let ran = case.program.run(&["check"]);
    let mut wrong = Vec::new();
    if ran.code != Some(1) {
        wrong.push(format!("exit code {:?}", ran.code));
    }
    if ran.took >= LIMIT {
        wrong.push(format!("took {:?}", ran.took));
    }
    for words in &case.says {
        if !ran.text.contains(words) {
            wrong.push(format!("does not say {words:?}"));
        }
    }
    let remedies = ran
        .text
        .lines()
        .skip_while(|line| !line.starts_with("FAIL"));
    if !remedies.skip(1).any(|line| line.starts_with("      -> ")) {
        wrong.push("no remedy".to_owned());
    }
    // One failure: what cannot be known without a token is not guessed at.
    if ran.text.matches("FAIL").count() != 1 {
        wrong.push("not exactly one failure".to_owned());
    }
    for secret in &case.hides {
        if ran.text.contains(secret.as_str()) {
            wrong.push(format!("tells {secret:?}"));
        }
    }
    for fault in &mut wrong {
        *fault = format!("{}: {fault}\n{}", case.name, ran.text);
    }
    wrong
}

fn with_secret(ready: &ReadyLine, secret: &str) -> Program {
    Program::new(
        ready,
        &[
            ("KIND", "client-secret"),
            ("CLIENT_ID", &ready.client_id),
            ("SECRET", secret),
        ],
    )
}

fn with_certificate(ready: &ReadyLine, keys: &[(&str, &str)]) -> Program {
    let all = [
        &[("KIND", "certificate"), ("CLIENT_ID", &ready.client_id)],
        keys,
    ]
    .concat();
    Program::new(ready, &all)
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_and_applications() {
    let app = app().await;
    let ready = app.simulator();
    let right = ready.client_secret.as_str();
    let hides = |more: &[&str]| {
        let mut all = vec![right.to_owned(), "eyJ".to_owned()];
        all.extend(more.iter().map(|&s| s.to_owned()));
        all
    };
    let expired = json!({"secret": "was-right-once~", "expires_in": -60});
    app.control_post("/secrets", &expired).await;
    let stranger = "11111111-2222-4333-8444-555555555555";
    judge(&[
        Case {
            name: "wrong secret",
            program: with_secret(ready, "wr0ng~secret-value"),
            says: vec!["AADSTS7000215", "use the secret's value, not its id"],
            hides: hides(&["wr0ng~secret-value"]),
        },
        Case {
            name: "expired secret",
            program: with_secret(ready, "was-right-once~"),
            says: vec![
                "AADSTS7000222",
                "the client secret has expired: make a new one",
            ],
            hides: hides(&["was-right-once~"]),
        },
        Case {
            name: "unknown tenant",
            program: with_secret(ready, right).set(TENANT_ID, stranger),
            says: vec!["AADSTS90002", stranger, "check the tenant id and the cloud"],
            hides: hides(&[]),
        },
        Case {
            name: "unknown application",
            program: with_secret(ready, right).set(
                "ENTRA_SCIM__TENANTS__DEFAULT__CREDENTIAL__CLIENT_ID",
                stranger,
            ),
            says: vec!["AADSTS700016", stranger, "check client id and tenant id"],
            hides: hides(&[]),
        },
    ]);
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates() {
    let app = app().await;
    let ready = app.simulator();
    let folder = tempfile::tempdir().unwrap();
    let expired = Made::new(KeyKind::Rsa, -3);
    let stranger = Made::new(KeyKind::Elliptic, 90);
    let body = json!({ "pem": expired.public() });
    app.control_post("/certificates", &body).await;
    let pfx = folder.path().join("scim.pfx");
    std::fs::write(&pfx, stranger.pfx("geheim-1")).unwrap();
    let pfx = pfx.to_str().unwrap();
    let mixed = format!("{}{}", stranger.key.serialize_pem(), expired.public());
    let hides = || vec![expired.key_line(), stranger.key_line(), "eyJ".to_owned()];
    let before = app.counters().await["token_requests"].clone();
    judge(&[
        Case {
            name: "expired",
            program: with_certificate(ready, &[("CERTIFICATE", &expired.pem())]),
            says: vec![
                "certificate: CN=",
                " expired on 20",
                "make a new certificate",
            ],
            hides: hides(),
        },
        Case {
            name: "wrong password",
            program: with_certificate(
                ready,
                &[
                    ("CERTIFICATE_FILE", pfx),
                    ("CERTIFICATE_PASSWORD", "geheim-2"),
                ],
            ),
            says: vec![
                "scim.pfx",
                "the given password",
                "correct tenants.<name>.credential",
            ],
            hides: [hides(), vec!["geheim-1".into(), "geheim-2".into()]].concat(),
        },
        Case {
            name: "key of another certificate",
            program: with_certificate(ready, &[("CERTIFICATE", &mixed)]),
            says: vec!["the private key does not belong to any certificate"],
            hides: hides(),
        },
    ]);
    let after = app.counters().await["token_requests"].clone();
    assert_eq!(before, after, "all of that is found out without Entra");
    judge(&[Case {
        name: "not registered",
        program: with_certificate(ready, &[("CERTIFICATE", &stranger.pem())]),
        says: vec![
            "AADSTS700027",
            "the certificate is not registered with the application, or has expired: upload it",
        ],
        hides: hides(),
    }]);
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints() {
    let app = app().await;
    let ready = app.simulator();
    let right = ready.client_secret.as_str();
    // By its domain the tenant has a path of its own, which is where the faults are.
    let path = format!("/{DOMAIN}/**");
    let faults = [
        json!({"kind": "status", "status": 200, "body": {}}),
        json!({"kind": "empty"}),
        json!({"kind": "status", "status": 200, "body": {"access_token": "", "expires_in": 3599, "token_type": "Bearer"}}),
        json!({"kind": "status", "status": 503}),
        json!({"kind": "cut_before"}),
        json!({"kind": "cut_body"}),
    ];
    let network = "check the network, the proxy and authority_url";
    let hides = || vec![right.to_owned(), "eyJ".to_owned()];
    for (name, fault, says) in [
        ("200 {}", &faults[0], "answered without a token"),
        (
            "200 without a body",
            &faults[1],
            "the answer cannot be read",
        ),
        (
            "200 with an empty token",
            &faults[2],
            "answered without a token",
        ),
        ("503", &faults[3], "AADSTS90033"),
        ("cut before", &faults[4], "error sending request"),
        ("cut in the body", &faults[5], "error"),
    ] {
        app.set_faults(json!([{"on": "token", "path": path, "fault": fault}]))
            .await;
        judge(&[Case {
            name,
            program: with_secret(ready, right).set(TENANT_ID, DOMAIN),
            says: vec![says, network],
            hides: hides(),
        }]);
    }
    app.set_faults(json!([])).await;

    // The kernel takes the connection, and nobody ever answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = |listener: &TcpListener| format!("http://{}", listener.local_addr().unwrap());
    let (silent_url, closed_url) = (url(&silent), url(&closed));
    drop(closed);
    judge(&[
        Case {
            name: "closed port",
            program: with_secret(ready, right).set(AUTHORITY, &closed_url),
            says: vec!["Connection refused", network],
            hides: hides(),
        },
        Case {
            name: "silent",
            program: with_secret(ready, right).set(AUTHORITY, &silent_url),
            says: vec!["no token within", network],
            hides: hides(),
        },
    ]);
}

/// An `az` that fails with this text.
fn failing_az(folder: &Path, says: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let path = folder.join("az");
    std::fs::write(&path, format!("#!/bin/sh\necho \"{says}\" >&2\nexit 1\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn identities_of_the_host() {
    let app = app().await;
    let ready = app.simulator();
    let folder = tempfile::tempdir().unwrap();
    failing_az(
        folder.path(),
        "ERROR: Please run 'az login' to setup account.",
    );
    let token_file = folder.path().join("token");
    std::fs::write(&token_file, "no-json-web-token").unwrap();
    let endpoint = format!("{}/msi/token", ready.graph);
    let managed = |keys: &[(&str, &str)], header: &str| {
        let all = [&[("KIND", "managed-identity")], keys].concat();
        Program::new(ready, &all)
            .set("IDENTITY_ENDPOINT", &endpoint)
            .set("IDENTITY_HEADER", header)
    };
    let workload = |file: &str| {
        let keys = [
            ("KIND", "workload-identity"),
            ("CLIENT_ID", &ready.client_id),
            ("TOKEN_FILE", file),
        ];
        Program::new(ready, &keys)
    };
    let stranger = "11111111-2222-4333-8444-555555555555";
    let path = folder.path().display().to_string();
    judge(&[
        Case {
            name: "an identity that the host does not have",
            program: managed(&[("CLIENT_ID", stranger)], "simulated-identity-header"),
            says: vec![
                "has not been assigned to this resource",
                "assign the identity",
            ],
            hides: vec!["simulated-identity-header".into(), "eyJ".into()],
        },
        Case {
            name: "wrong identity header",
            program: managed(&[], "h3ader-of-yesterday"),
            says: vec!["Invalid X-IDENTITY-HEADER", "do not set them yourself"],
            hides: vec!["h3ader-of-yesterday".into(), "eyJ".into()],
        },
        Case {
            name: "no federated token",
            program: workload("/no/such/token"),
            says: vec!["/no/such/token", "correct tenants.<name>.credential"],
            hides: vec![],
        },
        Case {
            name: "a federated token that is none",
            program: workload(token_file.to_str().unwrap()),
            says: vec!["AADSTS50027", "federated identity credential"],
            hides: vec!["no-json-web-token".into()],
        },
        Case {
            name: "nobody signed in to the Azure CLI",
            program: Program::new(ready, &[("KIND", "azure-cli")]).set("PATH", &path),
            says: vec!["Please run 'az login'", "--tenant"],
            hides: vec![],
        },
        Case {
            name: "no Azure CLI",
            program: Program::new(ready, &[("KIND", "azure-cli")]).set("PATH", "/nowhere"),
            says: vec!["az not found on PATH", "az login"],
            hides: vec![],
        },
    ]);
}
