//! Clients that nobody here wrote, unmodified, over TLS: they keep Microsoft's addresses, and have the
//! simulator as their proxy.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use entra_scim::simulator::settings::Settings;

use crate::sim::Sim;

/// A place in the repository.
fn place(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Runs a client's script, and counts the steps that it says went well.
async fn run(client: &str, steps: usize) {
    let bin = place(&format!("target/clients/{client}/bin"));
    if !bin.join("python").exists() {
        crate::aloud::not_run(
            &format!("{client} against the simulator"),
            "it is not installed: tests/clients/install.sh",
        );
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let sim = Sim::start(Settings {
        tls_authority: Some(directory.path().join("ca.pem")),
        ..Settings::default()
    })
    .await;
    let ready = serde_json::to_string(&sim.running.ready).unwrap();
    let script = place(&format!("tests/clients/{client}.py"));
    // The simulator answers on this thread meanwhile.
    let run = move || -> std::io::Result<Output> {
        Command::new(bin.join("python"))
            .arg(script)
            .env("SIM_READY", ready)
            .env("AZ", bin.join("az"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .output()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{errors}");
    // A script that stops halfway says nothing wrong.
    assert_eq!(said.matches("ok    ").count(), steps, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_azure_cli_works_unmodified() {
    run("azure_cli", 8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_graph_sdk_for_python_works_unmodified() {
    run("msgraph_sdk", 8).await;
}

#[tokio::test]
async fn one_port_speaks_tls_and_plain_http_and_is_a_proxy() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("ca.pem");
    let sim = Sim::start_with(
        Settings {
            tls_authority: Some(file.clone()),
            ..Settings::default()
        },
        |client| {
            let pem = std::fs::read(&file).unwrap();
            client.add_root_certificate(reqwest::Certificate::from_pem(&pem).unwrap())
        },
    )
    .await;
    let ready = &sim.running.ready;
    assert!(ready.graph.starts_with("https://"), "{}", ready.graph);
    let page = sim.get("/users?$top=1&$select=id").await;
    assert_eq!(page.status, 200, "{}", page.body);
    let next = page.text("/@odata.nextLink");
    assert!(
        next.starts_with(&format!("{}/v1.0/users?", ready.graph)),
        "{next}"
    );
    assert_eq!(sim.get(&next).await.status, 200);
    // Control stays plain; so does Graph for whoever asks that way.
    sim.tell("/clock/advance", &serde_json::json!({"seconds": 1}))
        .await;
    let proxied = reqwest::Client::builder()
        .add_root_certificate(
            reqwest::Certificate::from_pem(&std::fs::read(&file).unwrap()).unwrap(),
        )
        .proxy(reqwest::Proxy::https(ready.proxy.as_deref().unwrap()).unwrap())
        .timeout(std::time::Duration::from_secs(10))
        .build()
        .unwrap();
    let url = "https://graph.microsoft.com/v1.0/users?$top=1&$select=id";
    let answer = proxied
        .get(url)
        .bearer_auth(sim.bearer().trim_start_matches("Bearer "));
    let body: serde_json::Value = answer.send().await.unwrap().json().await.unwrap();
    let next = body["@odata.nextLink"].as_str().unwrap();
    assert!(
        next.starts_with("https://graph.microsoft.com/v1.0/users?"),
        "{next}"
    );
    // It stands for Microsoft's hosts, and for no others.
    assert!(proxied.get("https://example.com/").send().await.is_err());
}
