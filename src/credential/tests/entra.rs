//! The library against a scripted Entra: requests, errors, traps.

use std::{ffi::OsStr, io, os::unix::process::ExitStatusExt as _, process::Output};
use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use azure_identity::Executor;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use time::OffsetDateTime;
use url::Url;

use super::{
    super::{
        CertificateSource, Endpoints, Error, Kind, Settings, TokenSource as _,
        azure::AzureMint,
        build,
        cache::{Cached, Mint as _},
    },
    certificate::make,
    script::{Answer, Server},
};
use crate::base::clock::{Clock as _, SystemClock};

fn endpoints(authority: &Url) -> Endpoints {
    Endpoints {
        authority: authority.clone(),
        scope: "https://graph.microsoft.com/.default".into(),
    }
}

fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

fn secret() -> Settings {
    Settings::ClientSecret {
        tenant_id: "contoso.com".into(),
        client_id: "client".into(),
        secret: SecretString::from("top-secret"),
    }
}

fn mint(settings: &Settings, authority: &Url) -> Result<AzureMint, Error> {
    AzureMint::new(
        settings,
        &endpoints(authority),
        http(),
        Arc::new(SystemClock),
    )
}

fn token() -> Answer {
    Answer::json(
        200,
        json!({"token_type":"Bearer","expires_in":3599,"ext_expires_in":3599,"access_token":"good"}),
    )
}

#[tokio::test]
async fn a_secret_is_exchanged_on_loopback_http() {
    let server = Server::sequence(vec![token()]).await;
    let source = build(
        &secret(),
        &endpoints(&server.url()),
        http(),
        Arc::new(SystemClock),
    )
    .unwrap();
    let bearer = source.bearer().await.unwrap();
    assert_eq!(bearer.token.expose_secret(), "good");
    let life = bearer.expires_on - SystemClock.now();
    assert!((3500..3600).contains(&life.whole_seconds()));
    source.bearer().await.unwrap();
    assert_eq!(server.count(), 1);
    let seen = &server.seen()[0];
    assert_eq!(seen.target, "/contoso.com/oauth2/v2.0/token");
    let form = seen.form();
    assert_eq!(form["client_secret"], "top-secret");
    assert_eq!(form["grant_type"], "client_credentials");
    assert_eq!(form["scope"], "https://graph.microsoft.com/.default");
}

#[tokio::test]
async fn entras_errors_become_clear() {
    let entra = |status: u16, code: u32, text: &str| {
        Answer::json(
            status,
            json!({"error":"invalid_client","error_codes":[code],
                "error_description": format!("AADSTS{code}: {text} Trace ID: 1 Correlation ID: 2")}),
        )
    };
    for (answer, kind, status, code) in [
        (
            entra(401, 7_000_215, "Invalid client secret provided."),
            Kind::Denied,
            Some(401),
            Some("AADSTS7000215"),
        ),
        (
            entra(400, 700_016, "Application not found."),
            Kind::Misconfigured,
            Some(400),
            Some("AADSTS700016"),
        ),
        (
            entra(400, 90002, "Tenant not found."),
            Kind::Misconfigured,
            Some(400),
            Some("AADSTS90002"),
        ),
        (
            entra(503, 90033, "A transient error."),
            Kind::Unavailable,
            Some(503),
            Some("AADSTS90033"),
        ),
        (Answer::new(502, "<html>"), Kind::Unavailable, None, None),
        (Answer::cut(), Kind::Unavailable, None, None),
    ] {
        let server = Server::sequence(vec![answer]).await;
        let error = mint(&secret(), &server.url())
            .unwrap()
            .mint()
            .await
            .unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert_eq!((error.status, error.code.as_deref()), (status, code));
        assert_eq!(server.count(), 1, "no retries of the library's own");
        let all = format!("{error} {error:?}");
        assert!(
            !all.contains("top-secret") && !all.contains("Trace ID"),
            "{all}"
        );
    }
}

#[tokio::test]
async fn an_unreachable_endpoint_fails_fast() {
    // Bound and dropped: nobody listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let start = std::time::Instant::now();
    let authority = format!("http://{port}").parse().unwrap();
    let error = mint(&secret(), &authority)
        .unwrap()
        .mint()
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Unavailable, "{error}");
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_silent_endpoint_is_given_up() {
    let server = Server::sequence(vec![token().after(Duration::from_secs(5))]).await;
    let mint = mint(&secret(), &server.url())
        .unwrap()
        .with_limit(Duration::from_millis(100));
    let error = mint.mint().await.unwrap_err();
    assert_eq!(error.kind, Kind::Unavailable);
    assert!(error.message.contains("no token within 0.1 seconds"));
}

#[tokio::test]
async fn an_empty_answer_is_no_token() {
    let server = Server::start(|_, _| Answer::json(200, json!({}))).await;
    let cache = Cached::new(
        Arc::new(mint(&secret(), &server.url()).unwrap()),
        Arc::new(SystemClock),
    );
    let error = cache.bearer().await.unwrap_err();
    assert!(error.message.contains("without a token"), "{error}");
}

#[tokio::test]
async fn a_certificate_is_read_again_at_each_refresh() {
    let server = Server::start(|_, _| token()).await;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("scim.pem");
    let later = SystemClock.now() + time::Duration::days(300);
    let (first, second) = (make(false, later), make(true, later));
    std::fs::write(&path, first.pem()).unwrap();
    let settings = Settings::Certificate {
        tenant_id: "contoso.com".into(),
        client_id: "client".into(),
        certificate: CertificateSource::Path(path.clone()),
        password: None,
    };
    let mint = mint(&settings, &server.url()).unwrap();
    mint.mint().await.unwrap();
    std::fs::write(&path, second.pem()).unwrap();
    mint.mint().await.unwrap();
    let algorithms: Vec<String> = server
        .seen()
        .iter()
        .map(|seen| {
            let form = seen.form();
            assert_eq!(
                form["client_assertion_type"],
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
            );
            let header = jsonwebtoken::decode_header(&form["client_assertion"]).unwrap();
            format!("{:?}", header.alg)
        })
        .collect();
    assert_eq!(algorithms, ["ES256", "PS256"]);
    std::fs::write(&path, "gone").unwrap();
    assert_eq!(mint.mint().await.unwrap_err().kind, Kind::Misconfigured);
}

#[test]
fn broken_settings_show_at_start() {
    let https: Url = "https://login.microsoftonline.com".parse().unwrap();
    let plain: Url = "http://login.microsoftonline.com".parse().unwrap();
    let expired = make(
        false,
        OffsetDateTime::UNIX_EPOCH + time::Duration::days(20_500),
    );
    for (settings, authority, expected) in [
        (secret(), &plain, "must use https"),
        (
            Settings::ClientSecret {
                tenant_id: "con toso/".into(),
                client_id: "client".into(),
                secret: SecretString::from("top-secret"),
            },
            &https,
            "invalid tenant ID",
        ),
        (
            Settings::ClientSecret {
                tenant_id: "contoso.com".into(),
                client_id: "client".into(),
                secret: SecretString::from(""),
            },
            &https,
            "no secret",
        ),
        (
            Settings::Certificate {
                tenant_id: "contoso.com".into(),
                client_id: "client".into(),
                certificate: CertificateSource::Inline(SecretString::from(expired.pem())),
                password: None,
            },
            &https,
            "certificate expired on 2026-02-16",
        ),
        (
            Settings::WorkloadIdentity {
                tenant_id: Some("contoso.com".into()),
                client_id: Some("client".into()),
                token_file: Some("/no/such/token".into()),
            },
            &https,
            "/no/such/token",
        ),
    ] {
        let Err(error) = mint(&settings, authority) else {
            panic!("{expected} expected");
        };
        assert_eq!(error.kind, Kind::Misconfigured);
        assert!(error.message.contains(expected), "{error}");
        assert!(!format!("{error:?}").contains("top-secret"));
    }
}

#[tokio::test]
async fn a_federated_token_is_the_assertion() {
    let server = Server::sequence(vec![token()]).await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    std::fs::write(&file, "projected").unwrap();
    let settings = Settings::WorkloadIdentity {
        tenant_id: Some("contoso.com".into()),
        client_id: Some("client".into()),
        token_file: Some(file),
    };
    mint(&settings, &server.url())
        .unwrap()
        .mint()
        .await
        .unwrap();
    assert_eq!(server.seen()[0].form()["client_assertion"], "projected");
}

#[derive(Debug)]
struct FakeCli(i32, &'static str);

#[async_trait]
impl Executor for FakeCli {
    async fn run(&self, _: &OsStr, args: &[&OsStr]) -> io::Result<Output> {
        let line = args[1].to_string_lossy();
        assert!(line.contains("az account get-access-token"), "{line}");
        assert!(line.contains("--tenant contoso.com"), "{line}");
        Ok(Output {
            status: std::process::ExitStatus::from_raw(self.0 << 8),
            stdout: self.1.into(),
            stderr: self.1.into(),
        })
    }
}

#[tokio::test]
async fn the_azure_cli_is_asked() {
    let settings = Settings::AzureCli {
        tenant_id: Some("contoso.com".into()),
    };
    let url: Url = "https://login.microsoftonline.com".parse().unwrap();
    let ok = r#"{"accessToken":"cli","expires_on":4102444800,"tokenType":"Bearer"}"#;
    let with = |cli| mint(&settings, &url).unwrap().with_executor(Arc::new(cli));
    let bearer = with(FakeCli(0, ok)).mint().await.unwrap();
    assert_eq!(bearer.token.expose_secret(), "cli");
    let error = with(FakeCli(1, "Please run 'az login' to setup account."))
        .mint()
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Denied);
    assert!(error.message.contains("az login"), "{error}");
}

/// Set in the child process of the test below.
const CHILD: &str = "ENTRA_SCIM_TEST_MANAGED_IDENTITY";

#[tokio::test]
async fn managed_identity_child() {
    let Ok(expected) = std::env::var(CHILD) else {
        return;
    };
    let settings = Settings::ManagedIdentity {
        client_id: Some("user-assigned".into()),
    };
    let unused: Url = "https://login.microsoftonline.com".parse().unwrap();
    let found = match mint(&settings, &unused).unwrap().mint().await {
        Ok(bearer) => bearer.token.expose_secret().to_owned(),
        Err(error) => format!("{:?}", error.kind),
    };
    assert_eq!(found, expected);
}

/// The environment is the whole process's, so the credential runs in a process of its own.
#[tokio::test]
async fn managed_identity_reads_the_app_service_environment() {
    let good = json!({"access_token":"msi","expires_on":"4102444800","token_type":"Bearer",
        "resource":"https://graph.microsoft.com"});
    for (answer, expected) in [
        (Answer::json(200, good), "msi"),
        (Answer::json(400, json!({"message":"no"})), "Misconfigured"),
        (Answer::new(500, "later"), "Unavailable"),
    ] {
        let server = Server::sequence(vec![answer]).await;
        let status = tokio::task::spawn_blocking({
            let url = server.url().join("/msi/token").unwrap();
            move || {
                std::process::Command::new(std::env::current_exe().unwrap())
                    .args([
                        "--exact",
                        "credential::tests::entra::managed_identity_child",
                        "--nocapture",
                    ])
                    .env(CHILD, expected)
                    .env("IDENTITY_ENDPOINT", url.as_str())
                    .env("IDENTITY_HEADER", "header-secret")
                    .env("HTTP_PROXY", "http://127.0.0.1:1")
                    .output()
                    .unwrap()
            }
        })
        .await
        .unwrap();
        assert!(
            status.status.success(),
            "{}",
            String::from_utf8_lossy(&status.stdout)
        );
        assert_eq!(server.count(), 1);
        let seen = &server.seen()[0];
        assert_eq!(seen.headers["x-identity-header"], "header-secret");
        assert!(
            seen.target
                .contains("resource=https%3A%2F%2Fgraph.microsoft.com&")
        );
        assert!(seen.target.contains("client_id=user-assigned"));
    }
}
