//! Steady changes behind the gateway's back.

use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;
use serde_json::{Value, json};

use super::held::{Control, Refused};
use crate::simulator::core::Graph;
use crate::simulator::directory::{Directory, Kind, Relation, Slot};

const MAX_RATE: u32 = 1_000;
const MAX_SECONDS: u32 = 3_600;
/// The shortest pause between two bursts.
const PAUSE: Duration = Duration::from_millis(10);

/// Body of `POST /_sim/churn`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Churn {
    changes_per_second: u32,
    seconds: u32,
}

/// `POST /_sim/churn`: users' titles and groups' members change for a while; a churn that goes on
/// is replaced. It ends by itself.
pub async fn start(
    State(control): State<Control>,
    Json(body): Json<Churn>,
) -> Result<Json<Value>, Refused> {
    if !(1..=MAX_RATE).contains(&body.changes_per_second) || body.seconds > MAX_SECONDS {
        return Err(Refused::bad(format!(
            "a churn makes 1 to {MAX_RATE} changes a second for {MAX_SECONDS} seconds at the most"
        )));
    }
    let total = body.changes_per_second * body.seconds;
    let graph = Arc::downgrade(&control.graph);
    let task = tokio::spawn(run(
        graph,
        body.changes_per_second,
        total,
        control.lags.seed,
    ));
    let mut going = control.churn.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(old) = going.replace(task.abort_handle()) {
        old.abort();
    }
    Ok(Json(json!({"changes": total})))
}

/// `DELETE /_sim/churn`: ends it now.
pub async fn stop(State(control): State<Control>) -> StatusCode {
    let mut going = control.churn.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(old) = going.take() {
        old.abort();
    }
    StatusCode::NO_CONTENT
}

async fn run(graph: Weak<Graph>, rate: u32, total: u32, seed: u64) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let period = Duration::from_secs(1) / rate;
    let (period, burst) = if period < PAUSE {
        (PAUSE, rate.div_ceil(100))
    } else {
        (period, 1)
    };
    let mut tick = tokio::time::interval(period);
    let mut made = 0;
    while made < total {
        tick.tick().await;
        let Some(graph) = graph.upgrade() else { return };
        let mut directory = graph.write();
        for _ in 0..burst.min(total - made) {
            change(&mut directory, &mut random, made);
            made += 1;
        }
    }
}

/// One change: two of three are titles of users, the rest members of groups.
fn change(dir: &mut Directory, random: &mut ChaCha8Rng, number: u32) {
    let Some(user) = pick(dir, random, Kind::User) else {
        return;
    };
    let group = if number % 3 == 2 {
        pick(dir, random, Kind::Group)
    } else {
        None
    };
    match group {
        Some(group) if !dir.lists(group, "groupTypes", "DynamicMembership") => {
            if !dir.link(Relation::Member, group, user) {
                dir.unlink(Relation::Member, group, user);
            }
        }
        _ => dir.set_one(user, "jobTitle", &json!(format!("Title {number}"))),
    }
}

/// Some live object of a kind.
fn pick(dir: &Directory, random: &mut ChaCha8Rng, kind: Kind) -> Option<Slot> {
    let start = random.random_range(0..dir.end().max(1));
    let found = |slot: &Slot| dir.is_live(*slot);
    let after = dir.all(kind, Some(start)).find(found);
    after.or_else(|| dir.all(kind, None).find(found))
}
