//! Who calls: the bearer token of the request.

use std::time::Duration;

use axum::http::{HeaderMap, header};

use crate::{
    base::chain::Chain,
    scim::error::{Error as ScimError, Kind},
    service::{
        App, Error,
        tokens::{self, Caller, Refusal},
    },
};

/// The caller of a request to `tenant`.
///
/// # Errors
/// 401 without a good token, 403 with one of another tenant, 503 when tokens cannot be looked up.
pub async fn caller(app: &App, headers: &HeaderMap, tenant: &str) -> Result<Caller, Error> {
    let presented = presented(headers)?;
    let authenticated = tokens::authenticate(&app.store, app.clock.as_ref(), presented).await;
    app.note_sign_in(tenant, &authenticated).await;
    match authenticated {
        Ok(caller) if caller.tenant == tenant => Ok(caller),
        Ok(_) => Err(ScimError::forbidden("the token belongs to another tenant").into()),
        Err(Refusal::Store(error)) => Err(Error {
            retry_after: Some(Duration::from_secs(5)),
            ..Error::from(error)
        }),
        Err(refusal) => {
            tracing::info!(reason = %Chain(&refusal), "a token was refused");
            Err(unauthorized("the bearer token is invalid, expired or revoked").into())
        }
    }
}

fn unauthorized(text: &str) -> ScimError {
    ScimError::new(Kind::Unauthorized, text)
}

/// The token in the Authorization header: `Bearer TOKEN` in any case, or, as Okta's header mode
/// sends it, the token alone.
fn presented(headers: &HeaderMap) -> Result<&str, ScimError> {
    let value = headers
        .get(header::AUTHORIZATION)
        .ok_or_else(|| unauthorized("a bearer token is required: Authorization: Bearer …"))?
        .to_str()
        .map_err(|_| unauthorized("the Authorization header cannot be read"))?
        .trim();
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        None if value.starts_with(tokens::PREFIX) => Ok(value),
        _ => Err(unauthorized(
            "only bearer tokens are accepted: Authorization: Bearer …",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorization_headers() {
        for (value, expected) in [
            ("Bearer abc", Some("abc")),
            ("bearer  abc ", Some("abc")),
            ("es_abc", Some("es_abc")),
            ("Basic abc", None),
            ("abc", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            assert_eq!(presented(&headers).ok(), expected, "{value}");
        }
        assert!(presented(&HeaderMap::new()).is_err());
    }
}
