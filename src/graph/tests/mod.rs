//! Tests of the client against a scripted Graph.

mod batch;
mod fuzz;
mod odd;
mod paging;
mod refusal;
mod sending;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{Budget, Call, Client, Lane, Settings};
use crate::{
    base::{
        backoff::Backoff,
        clock::{Clock as _, SystemClock},
    },
    credential::{
        self, Bearer, TokenSource,
        tests::script::{Answer, Server},
    },
};

/// Hands out `token-1`, and the next number after each accepted rejection.
#[derive(Default)]
struct Tokens {
    rejected: AtomicU32,
    failure: Option<credential::Kind>,
    asked: AtomicU32,
}

#[async_trait]
impl TokenSource for Tokens {
    async fn bearer(&self) -> Result<Bearer, credential::Error> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if let Some(kind) = self.failure {
            return Err(credential::Error::new(kind, "scripted", "no token"));
        }
        let n = self.rejected.load(Ordering::SeqCst) + 1;
        Ok(Bearer {
            token: SecretString::from(format!("token-{n}")),
            expires_on: SystemClock.now() + time::Duration::hours(1),
        })
    }

    async fn invalidate(&self, _: &Bearer) {
        self.rejected.fetch_add(1, Ordering::SeqCst);
    }
}

fn settings(server: &Server) -> Settings {
    Settings {
        request_timeout: Duration::from_millis(150),
        deadline: Duration::from_secs(5),
        max_attempts: 4,
        backoff: Backoff {
            floor: Duration::from_millis(2),
            ceiling: Duration::from_millis(20),
        },
        budget: Budget::UNLIMITED,
        ..Settings::new(server.url())
    }
}

fn client_with(settings: Settings, tokens: Arc<Tokens>) -> Client {
    let http = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    Client::new(settings, tokens, http, Arc::new(SystemClock)).unwrap()
}

fn client(server: &Server) -> Client {
    client_with(settings(server), Arc::default())
}

fn call() -> Call {
    Call::new(Lane::Interactive, Duration::from_secs(5))
}

fn refuse(status: u16, code: &str) -> Answer {
    Answer::json(
        status,
        json!({"error":{"code":code,"message":"scripted","innerError":{"request-id":"in-body"}}}),
    )
}

fn ok(body: Value) -> Answer {
    Answer::json(200, body)
        .header("request-id", "r-ok")
        .header("x-ms-resource-unit", 2)
}
