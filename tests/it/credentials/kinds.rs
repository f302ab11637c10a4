//! Every kind of credential obtains a token, and a list works with it.

use std::{os::unix::fs::PermissionsExt as _, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use entra_scim::{
    base::clock::{Clock as _, SystemClock},
    simulator::start::ReadyLine,
};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use serde_json::{Value, json};

use super::{KeyKind, Made};
use crate::support::{
    app::{App, Options},
    program::Program,
};

/// A small tenant with this credential.
async fn app(credential: Vec<(&'static str, String)>, certificates: Vec<String>) -> App {
    App::with(Options {
        users: 30,
        groups: 3,
        credential,
        certificates,
        ..Options::default()
    })
    .await
}

async fn lists(app: &App, case: &str) {
    let answer = app.get("/Users?count=3&attributes=userName").await;
    assert_eq!(answer.status, 200, "{case}: {}", answer.text);
    assert_eq!(answer.ids().len(), 3, "{case}");
    let tokens = &app.counters().await["token_requests"];
    assert_eq!(tokens, 1, "{case}: one token for all calls");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_secret_inline_and_in_a_file() {
    let first = app(Vec::new(), Vec::new()).await;
    lists(&first, "inline").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    // As an editor or a Kubernetes secret leaves it. The tenant's seed sets the secret.
    std::fs::write(&file, format!("{}\n", first.simulator().client_secret)).unwrap();
    let file = file.to_str().unwrap().to_owned();
    let credential = vec![("KIND", "client-secret".into()), ("SECRET_FILE", file)];
    lists(&app(credential, Vec::new()).await, "file").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_of_every_key_and_container() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    for kind in [KeyKind::Rsa, KeyKind::Elliptic] {
        let made = Made::new(kind, 90);
        let password = || ("CERTIFICATE_PASSWORD", "geheim".to_owned());
        for (case, keys) in [
            (
                "PEM file",
                vec![("CERTIFICATE_FILE", write("scim.pem", made.pem().as_bytes()))],
            ),
            ("PEM inline", vec![("CERTIFICATE", made.pem())]),
            (
                "PFX file with password",
                vec![
                    ("CERTIFICATE_FILE", write("scim.pfx", &made.pfx("geheim"))),
                    password(),
                ],
            ),
            (
                "PFX file without password",
                vec![("CERTIFICATE_FILE", write("open.pfx", &made.pfx("")))],
            ),
            (
                "PFX inline",
                vec![
                    ("CERTIFICATE", STANDARD.encode(made.pfx("geheim"))),
                    password(),
                ],
            ),
        ] {
            let credential = [vec![("KIND", "certificate".to_owned())], keys].concat();
            let app = app(credential, vec![made.public()]).await;
            lists(&app, &format!("{kind:?} {case}")).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_registered_while_the_server_runs() {
    let made = Made::new(KeyKind::Elliptic, 90);
    let credential = vec![("KIND", "certificate".into()), ("CERTIFICATE", made.pem())];
    let app = app(credential, Vec::new()).await;
    let body = json!({ "pem": made.public() });
    app.control_post("/certificates", &body).await;
    lists(&app, "registered late").await;
}

/// A Kubernetes service account's token, and the issuer's key.
fn projected_token() -> (String, KeyPair) {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let now = SystemClock.now().unix_timestamp();
    let claims = json!({
        "iss": "https://oidc.example.com/cluster", "sub": "system:serviceaccount:iga:scim",
        "aud": ["api://AzureADTokenExchange"], "iat": now, "nbf": now, "exp": now + 3600,
    });
    let signer = EncodingKey::from_ec_pem(key.serialize_pem().as_bytes()).unwrap();
    let token = jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, &signer).unwrap();
    (token, key)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workload_identity() {
    let (token, key) = projected_token();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("azure-identity-token");
    std::fs::write(&file, token).unwrap();
    let file = file.to_str().unwrap().to_owned();
    let credential = vec![
        ("KIND", "workload-identity".to_owned()),
        ("TOKEN_FILE", file.clone()),
    ];
    let app = app(credential, Vec::new()).await;
    let trust = json!({
        "issuer": "https://oidc.example.com/cluster",
        "subject": "system:serviceaccount:iga:scim",
        "pem": key.public_key_pem(),
    });
    app.control_post("/federated", &trust).await;
    lists(&app, "workload identity").await;

    // As the webhook of Azure Kubernetes Service sets it up: nothing but its three variables.
    let ready = app.simulator();
    let program = Program::new(ready, &[("KIND", "workload-identity")])
        .set("AZURE_TENANT_ID", &ready.tenant_id)
        .set("AZURE_CLIENT_ID", &ready.client_id)
        .set("AZURE_FEDERATED_TOKEN_FILE", &file);
    works(&program, "variables").await;
}

/// `check` finds everything in place, and `serve` serves a list.
async fn works(program: &Program, case: &str) {
    let token = program.token();
    let checked = program.run(&["check"]);
    assert_eq!(checked.code, Some(0), "{case}: {}", checked.text);
    let serving = program.serve();
    let client = reqwest::Client::builder().build().unwrap();
    let url = format!("{}/Users?count=2", serving.scim);
    let answer = client.get(url).bearer_auth(token).send().await.unwrap();
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    assert_eq!(status, 200, "{case}: {body} {}", serving.log());
    assert_eq!(body["Resources"].as_array().map(Vec::len), Some(2));
}

// `IDENTITY_ENDPOINT` is a variable of the whole process, so the credential runs in one of its own.
#[tokio::test(flavor = "multi_thread")]
async fn the_managed_identity_of_an_app_service() {
    let app = app(Vec::new(), Vec::new()).await;
    let ready = app.simulator();
    let client_id = ready.client_id.as_str();
    for (case, credential) in [
        ("system-assigned", vec![("KIND", "managed-identity")]),
        (
            "user-assigned",
            vec![("KIND", "managed-identity"), ("CLIENT_ID", client_id)],
        ),
    ] {
        let endpoint = format!("{}/msi/token", ready.graph);
        let program = Program::new(ready, &credential)
            .set("IDENTITY_ENDPOINT", &endpoint)
            .set("IDENTITY_HEADER", "simulated-identity-header");
        works(&program, case).await;
    }
}

// The instance metadata service lives at 169.254.169.254 and nowhere else: no test can have the
// gateway reach the simulator's. So this shows only that what it gives out is good for Graph; how
// the library asks is the library's.
#[tokio::test(flavor = "multi_thread")]
async fn the_metadata_service_gives_out_good_tokens() {
    let app = app(Vec::new(), Vec::new()).await;
    let client = reqwest::Client::builder().build().unwrap();
    let url = format!(
        "{}/metadata/identity/oauth2/token?api-version=2018-02-01&resource={}",
        app.simulator().graph,
        "https://graph.microsoft.com"
    );
    let request = client.get(&url).header("Metadata", "true");
    let body: Value = request.send().await.unwrap().json().await.unwrap();
    // Source: the library reads a string here.
    assert!(body["expires_on"].is_string(), "{body}");
    let users = client
        .get(format!("{}/users?$top=1", app.graph_url()))
        .bearer_auth(body["access_token"].as_str().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(users.status(), 200);
    let refused = client.get(&url).send().await.unwrap();
    assert_eq!(refused.status(), 400, "without the header Metadata");
}

/// Writes an `az` that says what Azure CLI 2.54 and later say.
fn azure_cli(folder: &Path, ready: &ReadyLine, token: &str) {
    let expires_on = SystemClock.now().unix_timestamp() + 3599;
    let answer = json!({
        "accessToken": token, "expiresOn": "2040-01-01 00:00:00.000000",
        "expires_on": expires_on, "subscription": "6e0e3c1f-5ac2-4c5c-8d3b-2f1b1a9f3b52",
        "tenant": ready.tenant_id, "tokenType": "Bearer",
    });
    let asked = format!(
        "account get-access-token -o json --scope {}/.default --tenant {}",
        ready.graph, ready.tenant_id
    );
    let script = format!(
        "#!/bin/sh\n[ \"$*\" = '{asked}' ] || {{ echo \"ERROR: asked for $*\" >&2; exit 2; }}\n\
         echo '{answer}'\n"
    );
    let path = folder.join("az");
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_azure_cli() {
    let app = app(Vec::new(), Vec::new()).await;
    let ready = app.simulator();
    let folder = tempfile::tempdir().unwrap();
    azure_cli(folder.path(), ready, app.graph_token().await);
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    let program = Program::new(ready, &[("KIND", "azure-cli")]).set("PATH", &path);
    works(&program, "Azure CLI").await;
}
