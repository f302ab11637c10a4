//! Headers that mean two things, and what only a trusted proxy may say.

use serde_json::json;
use std::time::Duration;

use super::raw::{sent, until_closed};
use crate::support::app::{App, Options};

const SOON: Duration = Duration::from_secs(5);

async fn asked(app: &App, lines: &[&str]) -> String {
    let text = format!("{}\r\nConnection: close\r\n\r\n", lines.join("\r\n"));
    let mut socket = sent(app.address(), &text).await;
    until_closed(&mut socket, SOON).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn doubled_headers() {
    let app = App::start().await;
    let token = format!("Authorization: Bearer {}", app.token());
    let get = "GET /scim/v2/Users?count=1 HTTP/1.1";
    for (lines, status) in [
        (vec![get, "Host: x", &token], "200"),
        (vec![get, "Host: x", &token, &token], "400"),
        (
            vec![get, "Host: x", "Authorization: Bearer es_x", &token],
            "400",
        ),
        (vec![get, "Host: x", "Host: y", &token], "400"),
        (vec![get, "Host: x", "Host: x", &token], "400"),
    ] {
        let answer = asked(&app, &lines).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{lines:?}: {answer}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forwarded_headers() {
    let key = "ENTRA_SCIM__SERVER__TRUSTED_PROXIES".to_owned();
    let trusting = Options {
        environment: vec![(key, "127.0.0.0/8".to_owned())],
        ..Options::default()
    };
    let on_app_service = Options {
        environment: vec![("WEBSITE_SITE_NAME".to_owned(), "scim".to_owned())],
        ..Options::default()
    };
    for (options, location) in [
        // A peer on this machine is believed when it says that TLS ended with it.
        (Options::default(), "https://127.0.0.1"),
        (trusting, "https://scim.example.com/scim/v2/Users/"),
        (on_app_service, "https://scim.example.com/scim/v2/Users/"),
    ] {
        let app = App::with(options).await;
        let user = app.any_user().await;
        let headers = [
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "scim.example.com"),
        ];
        let answer = app
            .request("GET", &format!("/Users/{user}"), None, &headers)
            .await
            .expect_status(200);
        let given = answer.body["meta"]["location"].as_str().unwrap();
        assert!(given.starts_with(location), "{given}");
        assert_eq!(
            given.contains("example.com"),
            location.contains("example.com")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn coded_bodies() {
    let app = App::start().await;
    for (coding, status) in [("gzip", 415), ("br", 415), ("identity", 400)] {
        let headers = [("content-encoding", coding)];
        app.request("POST", "/Users", Some(&json!({})), &headers)
            .await
            .expect_status(status);
    }
}

/// HEAD is GET without the body, everywhere.
#[tokio::test(flavor = "multi_thread")]
async fn head_wherever_get() {
    let app = App::start().await;
    let user = app.any_user().await;
    app.graph_put_photo(&user, vec![0xff, 0xd8, 0xff, 0xe0, 1, 2, 3])
        .await;
    for path in [
        "/ServiceProviderConfig".to_owned(),
        "/Schemas".to_owned(),
        "/ResourceTypes".to_owned(),
        "/Users?count=2".to_owned(),
        format!("/Users/{user}"),
        format!("/Users/{user}/photo"),
        "/Roles".to_owned(),
        "/Nothing".to_owned(),
    ] {
        let get = app.get(&path).await;
        let head = app.request("HEAD", &path, None, &[]).await;
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(head.text, "", "{path}");
        for name in ["content-type", "content-length", "etag"] {
            assert_eq!(head.header(name), get.header(name), "{path} {name}");
        }
    }
    for path in ["healthz", "readyz"] {
        let url = format!("{}/{path}", app.gateway_url());
        let head = app.client.head(url).send().await.unwrap();
        assert_eq!(head.status(), 200, "{path}");
    }
}

/// Without a token, nobody learns which tenants there are.
#[tokio::test(flavor = "multi_thread")]
async fn tenants_are_nobodys_business() {
    let second = |key: &str, value: &str| {
        (
            format!("ENTRA_SCIM__TENANTS__ACME__{key}"),
            value.to_owned(),
        )
    };
    let app = App::with(Options {
        environment: vec![
            second("TENANT_ID", "11111111-1111-1111-1111-111111111111"),
            second("CREDENTIAL__KIND", "managed-identity"),
        ],
        ..Options::default()
    })
    .await;
    let mut answers = Vec::new();
    for tenant in ["acme", "nobody"] {
        for path in [
            "Users",
            "Schemas",
            "ServiceProviderConfig",
            "Nothing",
            ".search",
        ] {
            let url = format!("{}/tenants/{tenant}/scim/v2/{path}", app.gateway_url());
            let bare = app.client.get(&url).send().await.unwrap();
            let foreign = app
                .client
                .get(&url)
                .bearer_auth(app.token())
                .send()
                .await
                .unwrap();
            let statuses = (bare.status().as_u16(), foreign.status().as_u16());
            answers.push((
                path,
                statuses,
                bare.text().await.unwrap(),
                foreign.text().await.unwrap(),
            ));
        }
    }
    let (known, unknown) = answers.split_at(5);
    assert_eq!(known, unknown);
    assert!(
        known
            .iter()
            .all(|(_, statuses, ..)| *statuses == (401, 403)),
        "{known:?}"
    );
}

/// HTTP/2 without TLS is spoken where it is asked for, and not otherwise.
#[tokio::test(flavor = "multi_thread")]
async fn http2_without_tls() {
    for (setting, spoken) in [("false", false), ("true", true)] {
        let key = "ENTRA_SCIM__SERVER__HTTP2_CLEARTEXT".to_owned();
        let app = App::with(Options {
            environment: vec![(key, setting.to_owned())],
            ..Options::default()
        })
        .await;
        let client = reqwest::Client::builder()
            .http2_prior_knowledge()
            .timeout(SOON)
            .build()
            .unwrap();
        let url = format!(
            "{}/ServiceProviderConfig",
            app.gateway_url().to_owned() + "/scim/v2"
        );
        let answer = client.get(&url).send().await;
        assert_eq!(answer.is_ok_and(|a| a.status() == 200), spoken, "{setting}");
        app.get("/Users?count=1").await.expect_status(200);
    }
}
