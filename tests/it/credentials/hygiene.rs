//! No secret in the log, not even at level trace with every crate talking.

use entra_scim::simulator::start::ReadyLine;
use serde_json::{Value, json};

use super::{KeyKind, Made};
use crate::support::{
    app::{App, Options},
    program::Program,
};

const PASSWORDS: [&str; 3] = [
    "xWwvJ]6NMw+bWH-d",
    "An0ther-Passw0rd!",
    "Th1rd~of*them(all)",
];

/// Which credential signs in, and what of it must not be told.
struct Case {
    name: &'static str,
    program: Program,
    hides: Vec<String>,
}

fn cases(ready: &ReadyLine, made: &Made, folder: &std::path::Path) -> Vec<Case> {
    let pfx = folder.join("scim.pfx");
    std::fs::write(&pfx, made.pfx("geheim-im-pfx")).unwrap();
    let client_id = ("CLIENT_ID", ready.client_id.as_str());
    let secret = ready.client_secret.as_str();
    let encoded = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    vec![
        Case {
            name: "client secret",
            program: Program::new(
                ready,
                &[("KIND", "client-secret"), client_id, ("SECRET", secret)],
            ),
            hides: vec![secret.to_owned(), encoded],
        },
        Case {
            name: "PFX",
            program: Program::new(
                ready,
                &[
                    ("KIND", "certificate"),
                    client_id,
                    ("CERTIFICATE_FILE", pfx.to_str().unwrap()),
                    ("CERTIFICATE_PASSWORD", "geheim-im-pfx"),
                ],
            ),
            hides: vec!["geheim-im-pfx".to_owned(), made.key_line()],
        },
        Case {
            name: "managed identity",
            program: Program::new(ready, &[("KIND", "managed-identity")])
                .set("IDENTITY_ENDPOINT", &format!("{}/msi/token", ready.graph))
                .set("IDENTITY_HEADER", "simulated-identity-header"),
            hides: vec!["simulated-identity-header".to_owned()],
        },
    ]
}

/// Sends a request as JSON; gives status and body.
async fn ask(method: &str, url: &str, token: &str, body: Option<&Value>) -> (u16, Value) {
    let client = reqwest::Client::builder().build().unwrap();
    let mut request = client
        .request(method.parse().unwrap(), url)
        .bearer_auth(token);
    if let Some(body) = body {
        request = request
            .header("content-type", "application/scim+json")
            .body(body.to_string());
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_secret_is_logged_at_trace() {
    let made = Made::new(KeyKind::Rsa, 90);
    let app = App::with(Options {
        users: 30,
        groups: 3,
        certificates: vec![made.public()],
        ..Options::default()
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let domain = app.domain().await;
    for (n, case) in cases(app.simulator(), &made, folder.path())
        .into_iter()
        .enumerate()
    {
        let program = case.program.set("ENTRA_SCIM__LOG__LEVEL", "trace");
        let token = program.token();
        let serving = program.serve();
        let users = format!("{}/Users", serving.scim);
        let upn = format!("hygiene{n}@{domain}");

        let user = |password: &str| json!({"userName": upn, "password": password});
        let (status, created) = ask("POST", &users, &token, Some(&user(PASSWORDS[0]))).await;
        assert_eq!(status, 201, "{created}");
        let one = format!("{users}/{}", created["id"].as_str().unwrap());
        let patch = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "replace", "path": "password", "value": PASSWORDS[1]}],
        });
        // Refused: a name that is taken, a value that is no boolean, a stranger's token.
        let wrong = json!({"userName": upn, "active": "perhaps", "password": PASSWORDS[2]});
        let stranger = "es_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";
        for (method, url, token, body, expected) in [
            ("PATCH", &one, &*token, Some(&patch), 200),
            ("POST", &users, &*token, Some(&user(PASSWORDS[2])), 409),
            ("PUT", &one, &*token, Some(&wrong), 400),
            ("GET", &users, &*token, None, 200),
            ("GET", &users, stranger, None, 401),
        ] {
            let (status, body) = ask(method, url, token, body).await;
            assert_eq!(status, expected, "{method} {url}: {body}");
        }
        // A token that Graph refuses, and a sign-in service that is down.
        app.control_post("/tokens/revoke", &json!({})).await;
        let (status, body) = ask("GET", &one, &token, None).await;
        assert_eq!(status, 200, "{body}");
        let down = json!({"on": "token", "fault": {"kind": "cut_before"}, "count": 2});
        app.set_faults(json!([down])).await;
        app.control_post("/tokens/revoke", &json!({})).await;
        let (status, body) = ask("DELETE", &one, &token, None).await;
        assert!(matches!(status, 204 | 503), "{body}");
        app.set_faults(json!([])).await;

        let log = serving.stop();
        for proof in [
            r#""level":"TRACE""#,
            "token refreshed",
            "token refresh failed",
            "a token was refused",
        ] {
            assert!(
                log.contains(proof),
                "{}: no {proof:?} in the log",
                case.name
            );
        }
        // Every JSON web token, ours or Entra's, begins like this.
        let mut hides = vec!["eyJ", &token, stranger];
        hides.extend(PASSWORDS);
        hides.extend(case.hides.iter().map(String::as_str));
        for secret in hides {
            let told = log.lines().find(|line| line.contains(secret));
            assert_eq!(told, None, "{}: {secret} is logged", case.name);
        }
    }
}
