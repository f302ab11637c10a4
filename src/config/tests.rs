use std::time::Duration;

use secrecy::ExposeSecret;

use super::*;
use crate::{
    credential::{self, CertificateSource},
    store::Journal,
};

const GUID: &str = "11111111-2222-3333-4444-555555555555";

fn environment(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn load_with(file: &str, pairs: &[(&str, &str)]) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my.toml");
    std::fs::write(&path, file).unwrap();
    load(&Sources {
        file: Some(path),
        environment: environment(pairs),
    })
    .map_err(|e| {
        e.to_string()
            .replace(&format!("{}/", folder.path().display()), "")
    })
}

/// A tenant that is complete, for tests of everything else.
const SIMPLE: &str = "[tenants.default]\ncredential.kind = 'managed-identity'\n";

#[test]
fn without_anything_the_defaults_hold_and_there_is_no_tenant() {
    let config = load(&Sources::default()).unwrap();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.server.request_deadline, Duration::from_secs(55));
    assert_eq!(config.server.base_url, None);
    assert!(config.server.refuse_unknown_attributes);
    assert!(config.server.discovery_without_token);
    assert_eq!(config.server.patch_create_on_no_match, NoMatch::KnownTypes);
    assert_eq!(config.store.url.expose_secret(), "sqlite://entra-scim.db");
    assert_eq!(config.store.journal, Journal::Wal);
    assert_eq!(config.log.format, LogFormat::Text);
    assert!(config.tenants.is_empty());
}

#[test]
fn later_layers_go_before_earlier_ones() {
    let file = "server.listen = '127.0.0.1:1'";
    let explicit = ("ENTRA_SCIM__SERVER__LISTEN", "127.0.0.1:4");
    for (file, variables, expected) in [
        ("", &[][..], "127.0.0.1:8080"),
        (file, &[], "127.0.0.1:1"),
        (file, &[("WEBSITES_PORT", "2")], "0.0.0.0:2"),
        (file, &[("WEBSITES_PORT", "2"), ("PORT", "3")], "0.0.0.0:3"),
        (file, &[("PORT", "3"), explicit], "127.0.0.1:4"),
        (file, &[("PORT", "")], "127.0.0.1:1"),
    ] {
        let config = load_with(file, variables).unwrap();
        assert_eq!(config.server.listen.to_string(), expected);
    }
}

#[test]
fn a_tenant_can_come_from_the_environment_alone() {
    let config = load(&Sources {
        file: None,
        environment: environment(&[
            ("ENTRA_SCIM__TENANTS__DEFAULT__TENANT_ID", GUID),
            ("ENTRA_SCIM__TENANTS__DEFAULT__CLOUD", "usgov"),
            (
                "ENTRA_SCIM__TENANTS__DEFAULT__CREDENTIAL__KIND",
                "client-secret",
            ),
            ("ENTRA_SCIM__TENANTS__DEFAULT__CREDENTIAL__CLIENT_ID", GUID),
            // A secret that looks like a number stays what it is.
            ("ENTRA_SCIM__TENANTS__DEFAULT__CREDENTIAL__SECRET", "007e3"),
            ("ENTRA_SCIM__SERVER__DISCOVERY_WITHOUT_TOKEN", "False"),
            ("ENTRA_SCIM__SERVER__MAX_PAGE_SIZE", "500"),
            ("UNRELATED", "x"),
        ]),
    })
    .unwrap();
    assert!(!config.server.discovery_without_token);
    assert_eq!(config.server.max_page_size, 500);
    let tenant = &config.tenants["default"];
    assert_eq!(tenant.entra.graph.as_str(), "https://graph.microsoft.us/");
    assert_eq!(
        tenant.entra.authority.as_str(),
        "https://login.microsoftonline.us/"
    );
    assert_eq!(tenant.mapping, MappingSource::Preset("standard"));
    match &tenant.credential {
        credential::Settings::ClientSecret { secret, .. } => {
            assert_eq!(secret.expose_secret(), "007e3");
        }
        other => panic!("{other:?}"),
    }
    assert!(!format!("{config:?}").contains("007e3"));
}

#[test]
fn every_tenant_has_the_defaults_and_not_the_default_tenants_values() {
    let config = load_with(
        "[tenants.default]\ncloud = 'china'\npermissions = 'read-only'\n\
         credential.kind = 'azure-cli'\n\
         [tenants.acme]\ncredential.kind = 'managed-identity'\n",
        &[],
    )
    .unwrap();
    let names: Vec<&str> = config.tenants.keys().map(String::as_str).collect();
    assert_eq!(names, ["acme", "default"]);
    assert_eq!(config.tenants["default"].permissions, Preset::ReadOnly);
    assert_eq!(config.tenants["acme"].permissions, Preset::Full);
    assert_eq!(
        config.tenants["acme"].entra.graph.as_str(),
        "https://graph.microsoft.com/"
    );
}

#[test]
fn secrets_are_read_from_files() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "s3cret\r\n").unwrap();
    let pem = folder.path().join("app.pem");
    std::fs::write(&pem, "pem").unwrap();
    let config = load_with(
        &format!(
            "store.url_file = {secret:?}\n\
             [tenants.a]\ntenant_id = '{GUID}'\n[tenants.a.credential]\n\
             kind = 'certificate'\nclient_id = '{GUID}'\n\
             certificate_file = {pem:?}\ncertificate_password_file = {secret:?}\n"
        ),
        &[],
    )
    .unwrap();
    assert_eq!(config.store.url.expose_secret(), "s3cret");
    match &config.tenants["a"].credential {
        credential::Settings::Certificate {
            certificate: CertificateSource::Path(path),
            password: Some(password),
            ..
        } => {
            assert_eq!(path, &pem);
            assert_eq!(password.expose_secret(), "s3cret");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_wrong_is_named_with_its_origin() {
    let tenant = |lines: &str| format!("[tenants.default]\n{lines}\n");
    let app = |lines: &str| {
        tenant(&format!(
            "tenant_id = '{GUID}'\ncredential.client_id = '{GUID}'\n{lines}"
        ))
    };
    for (file, variables, expected) in [
        (
            "server.listn = 1".to_owned(),
            &[][..],
            "my.toml: server.listn: there is no such key; there are: announce_security_events, base_url, body_timeout_secs,",
        ),
        (
            "sever.listen = 'x'".to_owned(),
            &[],
            "my.toml: sever.listen: there is no such section",
        ),
        (
            "listen = 'x'".to_owned(),
            &[],
            "my.toml: listen: there is no such key; there are: log, server, store",
        ),
        (
            String::new(),
            &[("ENTRA_SCIM__SERVER__LISTN", "1")],
            "ENTRA_SCIM__SERVER__LISTN: server.listn: there is no such key",
        ),
        (
            String::new(),
            &[("ENTRA_SCIM__SERVER__MAX_PAGE_SIZE", "many")],
            "ENTRA_SCIM__SERVER__MAX_PAGE_SIZE: server.max_page_size: expected a whole number from 1 to",
        ),
        (
            String::new(),
            &[("PORT", "http")],
            "PORT: expected a port number",
        ),
        (
            "server.listen = 8080".to_owned(),
            &[],
            "my.toml: server.listen: expected text, in quotes",
        ),
        (
            "server.listen = 'localhost'".to_owned(),
            &[],
            "my.toml: server.listen: expected address:port",
        ),
        (
            "server.base_url = 'https://x/?a=b'".to_owned(),
            &[],
            "my.toml: server.base_url: expected https://host",
        ),
        (
            "server.max_page_size = 50".to_owned(),
            &[],
            "server.default_page_size: contradicts server.max_page_size",
        ),
        (
            "server.max_body_bytes = -1".to_owned(),
            &[],
            "my.toml: server.max_body_bytes: expected a whole number",
        ),
        (
            "log.level = 'loud=yes'".to_owned(),
            &[],
            "my.toml: log.level: expected a level",
        ),
        (
            "log.format = 'xml'".to_owned(),
            &[],
            "my.toml: log.format: expected \"text\" or \"json\"",
        ),
        (
            "store.url = 'a'\nstore.url_file = 'b'".to_owned(),
            &[],
            "my.toml: store.url_file: contradicts store.url",
        ),
        (
            "store.url_file = '/nowhere/x'".to_owned(),
            &[],
            "my.toml: store.url_file: cannot read /nowhere/x",
        ),
        ("[server\n".to_owned(), &[], "my.toml: "),
        (
            tenant(""),
            &[("ENTRA_SCIM__TENANTS__DEFAULT__CLOUD", "public")],
            "tenants.default.credential.kind: is needed: \"managed-identity\" or",
        ),
        (
            app("credential.kind = 'password'"),
            &[],
            "my.toml: tenants.default.credential.kind: expected \"managed-identity\" or",
        ),
        (
            app("credential.kind = 'certificate'"),
            &[],
            "tenants.default.credential.certificate_file: is needed with kind = \"certificate\"",
        ),
        (
            app("credential.kind = 'certificate'\ncredential.certificate_file = '/nowhere/x'"),
            &[],
            "my.toml: tenants.default.credential.certificate_file: cannot read /nowhere/x",
        ),
        (
            app("credential.kind = 'client-secret'"),
            &[],
            "tenants.default.credential.secret: is needed with kind = \"client-secret\"",
        ),
        (
            tenant("credential.kind = 'client-secret'\ncredential.secret = 'x'"),
            &[],
            "tenants.default.tenant_id: is needed with kind = \"client-secret\"",
        ),
        (
            tenant("credential.kind = 'managed-identity'\ncredential.secret = 'x'"),
            &[],
            "my.toml: tenants.default.credential.secret: contradicts kind = \"managed-identity\"",
        ),
        (
            format!("{SIMPLE}replica = 'maybe'"),
            &[],
            "my.toml: tenants.default.replica: expected \"on\" or \"off\"",
        ),
        (
            format!("{SIMPLE}mapping = 'nope'"),
            &[],
            "my.toml: tenants.default.mapping: expected \"standard\", \"iga-flat\" or a folder",
        ),
        (
            format!("{SIMPLE}tenant_id = 'common'"),
            &[],
            "my.toml: tenants.default.tenant_id: an application signs in to one tenant",
        ),
        (
            format!("{SIMPLE}tenant_id = 'contoso'"),
            &[],
            "my.toml: tenants.default.tenant_id: expected the tenant's id",
        ),
        (
            format!("{SIMPLE}graph_url = 'http://127.0.0.1:1'"),
            &[],
            "my.toml: tenants.default.graph_url: needs authority_url beside it",
        ),
        (
            format!("{SIMPLE}graph_url = 'http://graph.example'\nauthority_url = 'https://a'"),
            &[],
            "my.toml: tenants.default.graph_url: must be https",
        ),
        (
            format!("{SIMPLE}graph_url = 'https://g/v1.0'\nauthority_url = 'https://a'"),
            &[],
            "my.toml: tenants.default.graph_url: expected https://host, without path",
        ),
        (
            format!(
                "{SIMPLE}cloud = 'china'\ngraph_url = 'https://g'\nauthority_url = 'https://a'"
            ),
            &[],
            "my.toml: tenants.default.cloud: contradicts graph_url",
        ),
        (
            "[tenants.Acme]\ncredential.kind = 'azure-cli'".to_owned(),
            &[],
            "my.toml: tenants.Acme: a tenant's name is 1 to 63 lower-case letters",
        ),
    ] {
        let error = load_with(&file, variables).unwrap_err();
        assert!(
            error
                .lines()
                .any(|line| line.trim_start().starts_with(expected)),
            "{file}\n{variables:?}\nexpected: {expected}\n{error}"
        );
    }
}

#[test]
fn everything_wrong_is_reported_together() {
    let error = load_with(
        "server.max_page_size = 0\nserver.colour = 'red'\n[tenants.a]\ncloud = 'moon'\n",
        &[("ENTRA_SCIM__LOG__FORMAT", "xml")],
    )
    .unwrap_err();
    for part in [
        "max_page_size",
        "colour",
        "tenants.a.cloud",
        "credential.kind",
        "log.format",
    ] {
        assert!(error.contains(part), "{part} is missing in {error}");
    }
}

#[test]
fn a_missing_file_is_an_error() {
    let error = load(&Sources {
        file: Some("/nowhere/my.toml".into()),
        environment: Vec::new(),
    })
    .unwrap_err();
    assert!(error.to_string().contains("/nowhere/my.toml: cannot read"));
}

#[test]
fn loopback_simulators_are_reached_by_http() {
    let config = load_with(
        &format!(
            "{SIMPLE}graph_url = 'http://127.0.0.1:9400'\nauthority_url = 'http://localhost:9400/'"
        ),
        &[],
    )
    .unwrap();
    let entra = &config.tenants["default"].entra;
    assert_eq!(entra.graph.as_str(), "http://127.0.0.1:9400/");
}

#[test]
fn the_compiled_in_file_documents_every_key_and_nothing_else() {
    // With every commented key put in, only the alternatives contradict: no key is unknown.
    let mut text = String::new();
    let mut documented = std::collections::BTreeSet::new();
    let mut section = String::new();
    for line in DEFAULT_TOML.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']').to_owned();
        }
        let uncommented = line.strip_prefix("# ").unwrap_or(line);
        let key = uncommented.split(" = ").next().unwrap_or_default();
        if uncommented.contains(" = ") && !key.contains(' ') {
            documented.insert(format!("{section}.{key}"));
            text.push_str(uncommented.split(" (or").next().unwrap());
            text.push('\n');
        } else if !line.starts_with('#') {
            text.push_str(line);
            text.push('\n');
        }
    }
    let error = load_with(&text, &[]).unwrap_err();
    assert!(!error.contains("no such"), "{error}");

    let figment = defaults(&Figment::from(Toml::string(&text))).unwrap();
    let mut reader = Reader::new(figment).unwrap();
    server::server(&mut reader, false);
    server::store(&mut reader);
    server::log(&mut reader);
    tenant::tenants(&mut reader);
    let asked: std::collections::BTreeSet<String> = reader.asked().cloned().collect();
    assert_eq!(asked, documented);
}
