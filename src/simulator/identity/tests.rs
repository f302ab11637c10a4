use std::sync::Arc;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::{
    CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, PublicKeyData as _,
};
use serde_json::{Value, json};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::managed::ManagedRequest;
use super::*;
use crate::base::clock::ManualClock;

const NOW: OffsetDateTime = datetime!(2026-03-01 10:00 UTC);
const TENANT: &str = "11111111-2222-3333-4444-555555555555";
const CLIENT: &str = "aaaaaaaa-0000-0000-0000-000000000001";
const ORIGIN: &str = "http://127.0.0.1:9400";
const SCOPE: &str = "https://graph.microsoft.com/.default";

struct Signer {
    pem: String,
    key: EncodingKey,
    public_pem: String,
    algorithms: Vec<Algorithm>,
}

fn signer(rsa: bool, not_after: OffsetDateTime) -> Signer {
    let pair = KeyPair::generate_for(if rsa {
        &PKCS_RSA_SHA256
    } else {
        &PKCS_ECDSA_P256_SHA256
    })
    .unwrap();
    let mut params = CertificateParams::new(vec!["gateway".to_owned()]).unwrap();
    params.not_before = NOW - Duration::days(10);
    params.not_after = not_after;
    let certificate = params.self_signed(&pair).unwrap();
    let private = pair.serialize_pem();
    Signer {
        pem: certificate.pem(),
        public_pem: pem_of("PUBLIC KEY", &pair.subject_public_key_info()),
        key: if rsa {
            EncodingKey::from_rsa_pem(private.as_bytes()).unwrap()
        } else {
            EncodingKey::from_ec_pem(private.as_bytes()).unwrap()
        },
        algorithms: if rsa {
            vec![Algorithm::RS256, Algorithm::PS256]
        } else {
            vec![Algorithm::ES256]
        },
    }
}

fn pem_of(label: &str, der: &[u8]) -> String {
    use base64::Engine as _;
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        base64::engine::general_purpose::STANDARD.encode(der)
    )
}

fn service() -> (Identity, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(NOW));
    let identity = Identity::new(
        TENANT,
        "contoso.onmicrosoft.com",
        Duration::seconds(3599),
        clock.clone(),
    );
    identity.register(Registration {
        app_id: CLIENT.to_owned(),
        name: "gateway".to_owned(),
        service_principal: "bbbbbbbb-0000-0000-0000-000000000002".to_owned(),
        permissions: vec!["User.Read.All".to_owned()],
        secrets: vec![
            Secret::new("good", None),
            Secret::new("old", Some(NOW - Duration::DAY)),
        ],
        managed: true,
        ..Registration::default()
    });
    (identity, clock)
}

fn form(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect()
}

#[test]
fn secrets_and_parameters() {
    let (identity, _) = service();
    let base = [
        ("grant_type", "client_credentials"),
        ("client_id", CLIENT),
        ("client_secret", "good"),
        ("scope", SCOPE),
    ];
    let with = |name: &str, value: &str| {
        let mut fields = form(&base);
        for field in &mut fields {
            if field.0 == name {
                value.clone_into(&mut field.1);
            }
        }
        fields
    };
    let table = vec![
        (TENANT, with("client_secret", "bad"), 401, 7_000_215),
        (TENANT, with("client_secret", "old"), 401, 7_000_222),
        (TENANT, with("client_secret", ""), 401, 7_000_216),
        (TENANT, with("client_id", "other"), 400, 700_016),
        (TENANT, with("client_id", ""), 400, 900_144),
        (TENANT, with("grant_type", "password"), 400, 70_003),
        (TENANT, with("grant_type", ""), 400, 900_144),
        (TENANT, with("scope", ""), 400, 900_144),
        (TENANT, with("scope", "a/.default b/.default"), 400, 70_011),
        (
            TENANT,
            with("scope", "https://graph.microsoft.com/User.Read"),
            400,
            1_002_012,
        ),
        (
            TENANT,
            with("scope", "https://example.com/.default"),
            400,
            500_011,
        ),
        ("fabrikam.onmicrosoft.com", form(&base), 400, 90_002),
    ];
    for (tenant, fields, status, code) in table {
        let refusal = identity.token(tenant, ORIGIN, &fields).unwrap_err();
        assert_eq!((refusal.status, refusal.code), (status, code), "{fields:?}");
    }
    for tenant in [TENANT, "Contoso.onmicrosoft.com"] {
        for scope in [
            SCOPE,
            "https://graph.microsoft.us/.default",
            "http://127.0.0.1:9400/.default",
            "00000003-0000-0000-c000-000000000000/.default",
        ] {
            let issued = identity
                .token(tenant, ORIGIN, &with("scope", scope))
                .unwrap();
            let caller = identity
                .authenticate(Some(&format!("Bearer {}", issued.token)))
                .unwrap();
            assert_eq!(caller.roles, ["User.Read.All"]);
            assert_eq!(issued.expires_in, 3599);
        }
    }
    identity.change(CLIENT, |app| app.disabled = true);
    let refusal = identity.token(TENANT, ORIGIN, &form(&base)).unwrap_err();
    assert_eq!(refusal.code, 7_000_112);
}

#[test]
fn tokens_at_graph() {
    let (identity, clock) = service();
    let ask = |scope: &str| {
        let fields = form(&[
            ("grant_type", "client_credentials"),
            ("client_id", CLIENT),
            ("client_secret", "good"),
            ("scope", scope),
        ]);
        format!(
            "bearer {}",
            identity.token(TENANT, ORIGIN, &fields).unwrap().token
        )
    };
    let good = ask(SCOPE);
    assert_eq!(identity.authenticate(None), Err(TokenFault::Empty));
    assert_eq!(
        identity.authenticate(Some("Bearer ")),
        Err(TokenFault::Empty)
    );
    assert_eq!(
        identity.authenticate(Some("Basic abc")),
        Err(TokenFault::Empty)
    );
    assert_eq!(
        identity.authenticate(Some("Bearer abc")),
        Err(TokenFault::Malformed)
    );
    let (stranger, _) = service();
    assert_eq!(
        stranger.authenticate(Some(&good)),
        Err(TokenFault::Malformed)
    );
    let arm = ask("https://management.azure.com/.default");
    assert_eq!(identity.authenticate(Some(&arm)), Err(TokenFault::Audience));
    assert!(identity.authenticate(Some(&good)).is_ok());
    clock.advance(Duration::seconds(3599));
    assert_eq!(identity.authenticate(Some(&good)), Err(TokenFault::Expired));
    clock.advance(Duration::seconds(-3599 - 301));
    assert_eq!(identity.authenticate(Some(&good)), Err(TokenFault::NotYet));
    clock.advance(Duration::seconds(301));
    identity.revoke_all();
    assert_eq!(identity.authenticate(Some(&good)), Err(TokenFault::Revoked));
    assert!(identity.authenticate(Some(&ask(SCOPE))).is_ok());
}

fn claims(change: impl FnOnce(&mut Value)) -> Value {
    let mut claims = json!({
        "aud": format!("https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token"),
        "iss": CLIENT, "sub": CLIENT, "jti": "1",
        "nbf": NOW.unix_timestamp(), "exp": NOW.unix_timestamp() + 600,
    });
    change(&mut claims);
    claims
}

fn assert_with(identity: &Identity, assertion: &str) -> Result<Issued, Refusal> {
    let fields = form(&[
        ("grant_type", "client_credentials"),
        ("client_id", CLIENT),
        ("client_assertion_type", JWT_BEARER),
        ("client_assertion", assertion),
        ("scope", SCOPE),
    ]);
    identity.token(TENANT, ORIGIN, &fields)
}

#[test]
fn certificate_assertions() {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

    for rsa in [true, false] {
        let (identity, _) = service();
        let good = signer(rsa, NOW + Duration::DAY);
        let expired = signer(rsa, NOW - Duration::HOUR);
        let unknown = signer(rsa, NOW + Duration::DAY);
        let register = |signer: &Signer| {
            let certificate = Certificate::from_pem(&signer.pem).unwrap();
            identity.change(CLIENT, |app| app.certificates.push(certificate));
        };
        register(&good);
        register(&expired);
        let named = |signer: &Signer, algorithm: Algorithm, how: &str| {
            let certificate = Certificate::from_pem(&signer.pem).unwrap();
            let mut header = Header::new(algorithm);
            match how {
                "x5t" => header.x5t = Some(URL_SAFE_NO_PAD.encode(&certificate.sha1)),
                "x5t#S256" => header.x5t_s256 = Some(URL_SAFE_NO_PAD.encode(&certificate.sha256)),
                "x5c" => {
                    let der: String = signer
                        .pem
                        .lines()
                        .filter(|line| !line.starts_with('-'))
                        .collect();
                    assert!(STANDARD.decode(&der).is_ok());
                    header.x5c = Some(vec![der]);
                }
                _ => {}
            }
            header
        };
        for algorithm in good.algorithms.clone() {
            for how in ["x5t", "x5t#S256", "x5c"] {
                let header = named(&good, algorithm, how);
                let jwt = jsonwebtoken::encode(&header, &claims(|_| {}), &good.key).unwrap();
                let issued = assert_with(&identity, &jwt).unwrap();
                assert_eq!(issued.client_id, CLIENT, "{algorithm:?} {how}");
            }
            let refused = |header: &Header, body: Value, key: &EncodingKey| {
                let jwt = jsonwebtoken::encode(header, &body, key).unwrap();
                assert_with(&identity, &jwt).unwrap_err()
            };
            let header = named(&good, algorithm, "x5t#S256");
            let refusal = refused(&named(&good, algorithm, ""), claims(|_| {}), &good.key);
            assert!(refusal.message.contains("The key was not found"));
            let refusal = refused(
                &named(&unknown, algorithm, "x5t"),
                claims(|_| {}),
                &unknown.key,
            );
            assert_eq!(refusal.code, 700_027);
            assert!(refusal.message.contains("The key was not found"));
            let refusal = refused(&header, claims(|_| {}), &unknown.key);
            assert_eq!(refusal.code, 700_027);
            assert!(
                refusal
                    .message
                    .contains("did not match the expected signature")
            );
            let refusal = refused(
                &named(&expired, algorithm, "x5t"),
                claims(|_| {}),
                &expired.key,
            );
            assert_eq!(refusal.code, 700_027);
            assert!(refusal.message.contains("The key used is expired"));
            let table: Vec<(Value, u32)> = vec![
                (claims(|c| c["sub"] = json!("other")), 700_021),
                (claims(|c| c["iss"] = json!("other")), 700_021),
                (claims(|c| c["aud"] = json!("https://example.com")), 700_023),
                (
                    claims(|c| c["exp"] = json!(NOW.unix_timestamp() - 301)),
                    700_024,
                ),
                (
                    claims(|c| c["nbf"] = json!(NOW.unix_timestamp() + 301)),
                    700_024,
                ),
                (claims(|c| c["exp"] = Value::Null), 50_027),
            ];
            for (body, code) in table {
                assert_eq!(
                    refused(&header, body.clone(), &good.key).code,
                    code,
                    "{body}"
                );
            }
            let own = claims(|c| c["aud"] = json!(format!("{ORIGIN}/{TENANT}/oauth2/v2.0/token")));
            let jwt = jsonwebtoken::encode(&header, &own, &good.key).unwrap();
            assert!(assert_with(&identity, &jwt).is_ok());
        }
    }
    let (identity, _) = service();
    assert_eq!(assert_with(&identity, "nonsense").unwrap_err().code, 50_027);
    let hmac = jsonwebtoken::encode(
        &Header::new(Algorithm::HS256),
        &claims(|_| {}),
        &EncodingKey::from_secret(b"x"),
    )
    .unwrap();
    assert_eq!(assert_with(&identity, &hmac).unwrap_err().code, 50_027);
}

#[test]
fn federated_assertions() {
    let (identity, _) = service();
    let issuer = signer(true, NOW + Duration::DAY);
    let stranger = signer(true, NOW + Duration::DAY);
    identity.change(CLIENT, |app| {
        app.federated.push(FederatedKey {
            issuer: "https://oidc.example.com/".to_owned(),
            subject: "system:serviceaccount:default:gateway".to_owned(),
            audience: FEDERATED_AUDIENCE.to_owned(),
            key: VerifyingKey::from_pem(&issuer.public_pem).unwrap(),
        });
    });
    let foreign = |change: &dyn Fn(&mut Value)| {
        let mut body = json!({
            "iss": "https://oidc.example.com/", "sub": "system:serviceaccount:default:gateway",
            "aud": [FEDERATED_AUDIENCE], "exp": NOW.unix_timestamp() + 600,
        });
        change(&mut body);
        body
    };
    let header = Header::new(Algorithm::RS256);
    let sign = |body: &Value, key: &EncodingKey| jsonwebtoken::encode(&header, body, key).unwrap();
    assert!(assert_with(&identity, &sign(&foreign(&|_| {}), &issuer.key)).is_ok());
    let table: Vec<(Value, &EncodingKey, u32)> = vec![
        (foreign(&|_| {}), &stranger.key, 5_002_730),
        (foreign(&|c| c["sub"] = json!("other")), &issuer.key, 70_021),
        (
            foreign(&|c| c["iss"] = json!("https://other/")),
            &issuer.key,
            70_021,
        ),
        (foreign(&|c| c["aud"] = json!("other")), &issuer.key, 70_021),
        (foreign(&|c| c["exp"] = json!(1)), &issuer.key, 700_024),
    ];
    for (body, key, code) in table {
        let refusal = assert_with(&identity, &sign(&body, key)).unwrap_err();
        assert_eq!(refusal.code, code, "{body}");
    }
}

#[test]
fn managed_identities() {
    let (identity, _) = service();
    let request = ManagedRequest {
        api_version: Some("2019-08-01"),
        resource: Some("https://graph.microsoft.com"),
        ..ManagedRequest::default()
    };
    let ok = identity
        .app_service(&request, Some("header"), "header", ORIGIN)
        .unwrap();
    assert_eq!(ok["expires_on"], (NOW.unix_timestamp() + 3599).to_string());
    assert_eq!(ok["token_type"], "Bearer");
    assert_eq!(ok["resource"], "https://graph.microsoft.com");
    let bearer = format!("Bearer {}", ok["access_token"].as_str().unwrap());
    assert!(identity.authenticate(Some(&bearer)).is_ok());

    let app = |request: ManagedRequest<'_>, header: Option<&str>| {
        identity
            .app_service(&request, header, "header", ORIGIN)
            .unwrap_err()
            .status
    };
    assert_eq!(app(request.clone(), None), 401);
    assert_eq!(app(request.clone(), Some("other")), 401);
    let other = ManagedRequest {
        client_id: Some("x"),
        ..request.clone()
    };
    assert_eq!(app(other.clone(), Some("header")), 400);
    let old = ManagedRequest {
        api_version: Some("2017-09-01"),
        ..request.clone()
    };
    assert_eq!(app(old, Some("header")), 400);

    assert!(identity.imds(&request, Some("true"), ORIGIN).is_ok());
    let by_id = ManagedRequest {
        client_id: Some(CLIENT),
        ..request.clone()
    };
    assert_eq!(
        identity.imds(&by_id, Some("true"), ORIGIN).unwrap()["expires_in"],
        "3599"
    );
    let imds = |request: ManagedRequest<'_>, metadata: Option<&str>| {
        let refusal = identity.imds(&request, metadata, ORIGIN).unwrap_err();
        assert_eq!(refusal.status, 400);
        refusal.body["error_description"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        imds(request.clone(), None),
        "Required metadata header not specified"
    );
    assert_eq!(imds(other, Some("true")), "Identity not found");
    let bare = ManagedRequest {
        resource: None,
        ..request
    };
    assert!(imds(bare, Some("true")).contains("resource"));
}
