//! Floor 3: events on their way to a receiver, one at a time: security event tokens pushed by RFC 8935,
//! or webhooks that are signed as the Standard Webhooks specification says.
//!
//! Source: <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use url::Url;

use crate::base::{backoff, chain::Chain};

/// How long a receiver may take for its answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// No more of an answer is read.
const LONGEST: usize = 4_096;

/// How events are told.
#[derive(Debug)]
pub enum How {
    /// A security event token, with this bearer token.
    Push(Option<SecretString>),
    /// JSON, signed with this key.
    Webhook(Box<hmac::Key>),
}

/// One that is told of changes.
#[derive(Debug)]
pub struct Receiver {
    http: reqwest::Client,
    url: Url,
    how: How,
    /// Whom tokens are for.
    pub audience: String,
    /// Who says so: the public base URL.
    pub issuer: String,
}

/// One event.
#[derive(Clone, Debug)]
pub struct Event {
    /// The same over all tries.
    pub id: String,
    /// Seconds since 1970, of this try.
    pub at: i64,
    /// A token, or JSON.
    pub body: String,
}

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The receiver has it.
    Taken,
    /// The receiver will never take it.
    Refused(String),
    /// The receiver wants no more.
    Gone,
    /// To be tried again, after a while that the receiver may have named.
    Later(Option<Duration>, String),
}

/// Why a receiver cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A webhook's secret is none.
    #[error("the secret of a webhook is whsec_ and the base64 of 24 to 64 bytes")]
    Secret,
    /// The HTTP client could not be made.
    #[error("the client for the receiver of events cannot be made")]
    Client(#[source] reqwest::Error),
}

/// The key of a webhook's secret.
///
/// # Errors
/// [`Error::Secret`].
pub fn webhook_key(secret: &SecretString) -> Result<Box<hmac::Key>, Error> {
    let text = secret.expose_secret().trim();
    let coded = text.strip_prefix("whsec_").ok_or(Error::Secret)?;
    let bytes = STANDARD.decode(coded).map_err(|_| Error::Secret)?;
    if !(24..=64).contains(&bytes.len()) {
        return Err(Error::Secret);
    }
    Ok(Box::new(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
}

impl Receiver {
    /// At `url`, which is the operator's to choose. Redirects are not followed.
    ///
    /// # Errors
    /// [`Error::Client`].
    pub fn new(url: Url, how: How, audience: String, issuer: String) -> Result<Self, Error> {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(10))
            .timeout(PATIENCE)
            .user_agent(concat!("entra-scim/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Error::Client(error.without_url()))?;
        Ok(Self {
            http,
            url,
            how,
            audience,
            issuer,
        })
    }

    /// Whether it takes security event tokens.
    pub fn takes_tokens(&self) -> bool {
        matches!(self.how, How::Push(_))
    }

    /// Tries once.
    pub async fn tell(&self, event: &Event) -> Verdict {
        let mut request = self.http.post(self.url.clone());
        match &self.how {
            How::Push(token) => {
                request = request
                    .header("content-type", "application/secevent+jwt")
                    .header("accept", "application/json");
                if let Some(token) = token {
                    request = request.bearer_auth(token.expose_secret());
                }
            }
            How::Webhook(key) => {
                request = request
                    .header("content-type", "application/json")
                    .header("webhook-id", &event.id)
                    .header("webhook-timestamp", event.at)
                    .header("webhook-signature", signature(key, event));
            }
        }
        let answer = match request.body(event.body.clone()).send().await {
            Ok(answer) => answer,
            Err(error) => return Verdict::Later(None, Chain(&error.without_url()).to_string()),
        };
        let status = answer.status().as_u16();
        let wait = answer
            .headers()
            .get("retry-after")
            .and_then(|v| v.to_str().ok());
        let wait = wait.and_then(|text| backoff::retry_after(text, event.at));
        let said = beginning(answer).await;
        self.verdict(status, wait, &said)
    }

    /// Pure: what an answer means.
    fn verdict(&self, status: u16, wait: Option<Duration>, said: &[u8]) -> Verdict {
        let later = || Verdict::Later(wait, format!("the receiver answered {status}"));
        match (status, &self.how) {
            (200..=299, _) => Verdict::Taken,
            (410, How::Webhook(_)) => Verdict::Gone,
            (400, How::Push(_)) => {
                let said: Value = serde_json::from_slice(said).unwrap_or_default();
                let text = |name: &str| said.get(name).and_then(Value::as_str).unwrap_or_default();
                // The others are about keys and rights, which somebody can mend.
                if text("err") == "invalid_request" {
                    Verdict::Refused(text("description").to_owned())
                } else {
                    Verdict::Later(wait, format!("400 {}", text("err")))
                }
            }
            _ => later(),
        }
    }
}

fn signature(key: &hmac::Key, event: &Event) -> String {
    let signed = format!("{}.{}.{}", event.id, event.at, event.body);
    let tag = hmac::sign(key, signed.as_bytes());
    format!("v1,{}", STANDARD.encode(tag.as_ref()))
}

/// The beginning of an answer; nothing when it does not come.
async fn beginning(mut answer: reqwest::Response) -> Vec<u8> {
    let mut said = Vec::new();
    while said.len() < LONGEST
        && let Ok(Some(chunk)) = answer.chunk().await
    {
        said.extend_from_slice(&chunk);
    }
    said.truncate(LONGEST);
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receiver(how: How) -> Receiver {
        let url = Url::parse("http://127.0.0.1:9/").unwrap();
        Receiver::new(url, how, String::new(), String::new()).unwrap()
    }

    fn key() -> Box<hmac::Key> {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        webhook_key(&SecretString::from(secret)).unwrap()
    }

    /// The example of the specification's reference libraries.
    #[test]
    fn signatures() {
        let event = Event {
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek".to_owned(),
            at: 1_614_265_330,
            body: r#"{"test": 2432232314}"#.to_owned(),
        };
        assert_eq!(
            signature(&key(), &event),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
        for wrong in [
            "",
            "whsec_",
            "whsec_AAAA",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_?",
        ] {
            assert!(webhook_key(&SecretString::from(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn verdicts() {
        let (push, hook) = (receiver(How::Push(None)), receiver(How::Webhook(key())));
        let request = br#"{"err":"invalid_request","description":"d"}"#.as_slice();
        let rights = br#"{"err":"access_denied"}"#.as_slice();
        for (of, status, said, expected) in [
            (&push, 202, &b""[..], "Taken"),
            (&push, 400, request, "Refused"),
            (&push, 400, rights, "Later"),
            (&push, 400, b"?", "Later"),
            (&push, 410, b"", "Later"),
            (&push, 302, b"", "Later"),
            (&hook, 204, b"", "Taken"),
            (&hook, 400, request, "Later"),
            (&hook, 410, b"", "Gone"),
            (&hook, 503, b"", "Later"),
        ] {
            let verdict = format!("{:?}", of.verdict(status, None, said));
            assert!(
                verdict.starts_with(expected),
                "{status} {said:?}: {verdict}"
            );
        }
    }
}
