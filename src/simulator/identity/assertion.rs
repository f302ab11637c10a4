//! Client assertions: JWTs signed with a registered certificate, or issued by a trusted workload.
//!
//! Source: [certificate credentials](https://learn.microsoft.com/entra/identity-platform/certificate-credentials),
//! [workload identity federation](https://learn.microsoft.com/entra/workload-id/workload-identity-federation).

use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::keys::{Certificate, VerifyingKey, hex};
use super::refusal::Refusal;

/// The audience that federated assertions carry.
pub const FEDERATED_AUDIENCE: &str = "api://AzureADTokenExchange";

/// A federated identity credential: which foreign tokens stand for the application.
#[derive(Clone, Debug)]
pub struct FederatedKey {
    /// `iss` of the foreign token.
    pub issuer: String,
    /// `sub` of the foreign token.
    pub subject: String,
    /// `aud` of the foreign token, usually [`FEDERATED_AUDIENCE`].
    pub audience: String,
    /// The foreign issuer's key. Entra fetches it from the issuer; here it is registered.
    pub key: VerifyingKey,
}

/// What an assertion is judged by.
pub(super) struct Context<'a> {
    pub client_id: &'a str,
    pub certificates: &'a [Certificate],
    pub federated: &'a [FederatedKey],
    /// Every accepted spelling of the token endpoint.
    pub audiences: &'a [String],
    pub now: OffsetDateTime,
}

/// Judges a `client_assertion`.
pub(super) fn verify(assertion: &str, context: &Context<'_>) -> Result<(), Refusal> {
    let header = jsonwebtoken::decode_header(assertion)
        .map_err(|e| Refusal::malformed_assertion(&e.to_string()))?;
    let claims: Map<String, Value> = jsonwebtoken::dangerous::insecure_decode_claims(assertion)
        .map_err(|e| Refusal::malformed_assertion(&e.to_string()))?;
    if !matches!(
        header.alg,
        Algorithm::RS256 | Algorithm::PS256 | Algorithm::ES256
    ) {
        return Err(Refusal::malformed_assertion(
            "The signature algorithm is not supported.",
        ));
    }
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    if text("iss") == context.client_id {
        by_certificate(assertion, &header, &claims, context)
    } else if audiences_of(&claims).any(|a| context.audiences.iter().any(|own| own == a)) {
        // Meant as a certificate assertion: addressed to this endpoint, but not by this client.
        Err(Refusal::assertion_subject())
    } else {
        by_federation(assertion, header.alg, &claims, context)
    }
}

fn by_certificate(
    assertion: &str,
    header: &jsonwebtoken::Header,
    claims: &Map<String, Value>,
    context: &Context<'_>,
) -> Result<(), Refusal> {
    if claims.get("sub").and_then(Value::as_str) != Some(context.client_id) {
        return Err(Refusal::assertion_subject());
    }
    let refuse = |reason: &str| {
        let thumbprint = header
            .x5t
            .as_deref()
            .or(header.x5t_s256.as_deref())
            .map_or_else(String::new, thumbprint_hex);
        Err(Refusal::assertion_signature(
            reason,
            &thumbprint,
            context.client_id,
        ))
    };
    let Some(certificate) = context
        .certificates
        .iter()
        .find(|certificate| certificate.is_named_by(header))
    else {
        return refuse("The key was not found.");
    };
    if context.now > certificate.not_after || context.now < certificate.not_before {
        return refuse("The key used is expired.");
    }
    if !certificate.key.verifies(assertion, header.alg) {
        return refuse("The provided signature value did not match the expected signature value.");
    }
    if !audiences_of(claims).any(|a| context.audiences.iter().any(|own| own == a)) {
        return Err(Refusal::assertion_audience());
    }
    in_time(claims, context.now)
}

fn by_federation(
    assertion: &str,
    algorithm: Algorithm,
    claims: &Map<String, Value>,
    context: &Context<'_>,
) -> Result<(), Refusal> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    let Some(trusted) = context.federated.iter().find(|trusted| {
        trusted.issuer == text("iss")
            && trusted.subject == text("sub")
            && audiences_of(claims).any(|a| a == trusted.audience)
    }) else {
        return Err(Refusal::no_federated_match(
            text("iss"),
            text("sub"),
            audiences_of(claims).next().unwrap_or_default(),
        ));
    };
    if !trusted.key.verifies(assertion, algorithm) {
        return Err(Refusal::federated_signature());
    }
    in_time(claims, context.now)
}

/// `exp` is required; `nbf` is honoured when there. Five minutes of skew, as Entra allows.
fn in_time(claims: &Map<String, Value>, now: OffsetDateTime) -> Result<(), Refusal> {
    const SKEW: i64 = 300;
    let seconds = |name: &str| {
        claims.get(name).and_then(|value| {
            value.as_i64().or_else(|| {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "NumericDate may carry a fraction; whole seconds are judged"
                )]
                value.as_f64().map(|seconds| seconds as i64)
            })
        })
    };
    let at = now.unix_timestamp();
    let Some(exp) = seconds("exp") else {
        return Err(Refusal::malformed_assertion("The claim 'exp' is missing."));
    };
    if at >= exp.saturating_add(SKEW)
        || seconds("nbf").is_some_and(|nbf| at.saturating_add(SKEW) < nbf)
    {
        return Err(Refusal::assertion_time(now));
    }
    Ok(())
}

/// `aud` is a string or a list of strings (RFC 7519 section 4.1.3).
fn audiences_of(claims: &Map<String, Value>) -> impl Iterator<Item = &str> {
    let (one, many) = match claims.get("aud") {
        Some(Value::String(text)) => (Some(text.as_str()), None),
        Some(Value::Array(list)) => (None, Some(list.iter().filter_map(Value::as_str))),
        _ => (None, None),
    };
    one.into_iter().chain(many.into_iter().flatten())
}

/// Entra reports the thumbprint in hex, whatever the header's base64 was.
fn thumbprint_hex(print: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(print.trim_end_matches('='))
        .map_or_else(|_| print.to_owned(), |bytes| hex(&bytes))
}
