//! Delivery: a task that follows the journal, sends, and sends again.

use std::collections::{HashMap, VecDeque};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Weak};
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::{JoinHandle, JoinSet};
use url::{Host, Url};
use uuid::Uuid;

use super::desk::Desk;
use super::notice::{Item, expiry, lifecycle, notify};
use crate::simulator::core::{Graph, Wire};
use crate::simulator::directory::{Kind, ticks};

/// How often the journal is looked at.
const TICK: Duration = Duration::from_millis(50);
/// How long an endpoint may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many notifications wait at the most.
const MAX_QUEUE: usize = 10_000;
/// How many requests are under way at the most.
const MAX_FLIGHT: usize = 8;
/// How many notifications one request carries.
const MAX_TOGETHER: usize = 20;
/// How many changes are looked at in one go.
const MAX_CHANGES: u64 = 5_000;
/// The first wait before another attempt, in ticks; it doubles.
const FIRST_WAIT: i64 = 10 * SECOND;
/// How long attempts go on, in ticks.
const GIVE_UP: i64 = 4 * 3600 * SECOND;
/// How long before its end a subscription is to be authorised again, in ticks.
const LEAD: i64 = 15 * 60 * SECOND;
const SECOND: i64 = 10_000_000;

struct Handshake {
    url: String,
    reply: SyncSender<bool>,
}

struct Line(Sender<Handshake>);

impl Wire for Line {
    fn validates(&self, url: &str) -> bool {
        let (reply, answer) = sync_channel(1);
        let handshake = Handshake {
            url: url.to_owned(),
            reply,
        };
        self.0.try_send(handshake).is_ok()
            && answer
                .recv_timeout(PATIENCE + Duration::from_secs(1))
                .unwrap_or(false)
    }
}

/// Starts delivery for a tenant; it ends with the tenant, or when the handle is aborted.
///
/// # Errors
/// When no HTTP client can be made.
pub fn start(graph: &Arc<Graph>, desk: Arc<Desk>) -> Result<JoinHandle<()>, reqwest::Error> {
    let http = reqwest::Client::builder()
        .timeout(PATIENCE)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        // Only this machine is called, where certificates are made by hand.
        .tls_danger_accept_invalid_certs(true)
        .build()?;
    let (line, calls) = channel(16);
    graph.attach_wire(Arc::new(Line(line)));
    let worker = Worker {
        graph: Arc::downgrade(graph),
        desk,
        http,
        cursor: None,
        warned: HashMap::new(),
        queue: VecDeque::new(),
        flight: JoinSet::new(),
    };
    Ok(tokio::spawn(worker.run(calls)))
}

struct Waiting {
    item: Item,
    /// Not before, in ticks.
    due: i64,
    /// The first attempt.
    since: Option<i64>,
    wait: i64,
}

struct Worker {
    graph: Weak<Graph>,
    desk: Arc<Desk>,
    http: reqwest::Client,
    /// The loading of the tenant, and the last change that was looked at.
    cursor: Option<(i64, u64)>,
    /// Subscriptions that were told of their end, by that end.
    warned: HashMap<Uuid, i64>,
    queue: VecDeque<Waiting>,
    flight: JoinSet<Result<usize, Vec<Waiting>>>,
}

impl Worker {
    async fn run(mut self, mut calls: Receiver<Handshake>) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                call = calls.recv() => match call {
                    Some(call) => {
                        let http = self.http.clone();
                        tokio::spawn(async move {
                            let fine = shake(&http, &call.url).await;
                            // Who asked may have lost patience.
                            let _ = call.reply.try_send(fine);
                        });
                    }
                    None => return,
                },
                Some(done) = self.flight.join_next(), if !self.flight.is_empty() => self.landed(done),
                _ = tick.tick() => {
                    let Some(graph) = self.graph.upgrade() else { return };
                    self.step(&graph);
                }
            }
        }
    }

    fn step(&mut self, graph: &Graph) {
        graph.settle();
        let (delay, extra) = {
            let mut orders = self.desk.open();
            (orders.delay, std::mem::take(&mut orders.extra))
        };
        let mut items = extra;
        let now = {
            let dir = graph.read();
            let journal = dir.journal();
            let generation = journal.generation();
            let since = match self.cursor {
                Some((g, since)) if g == generation && since <= journal.last() => since,
                Some(_) => {
                    self.queue.clear();
                    journal.last()
                }
                None => journal.last(),
            };
            let visible = journal.visible(dir.now(), delay);
            let upto = visible.min(since + MAX_CHANGES).max(since);
            items.extend(notify(&dir, journal.between(since, upto), since + 1));
            self.cursor = Some((generation, upto));
            let now = ticks(dir.now());
            for slot in dir.all(Kind::Subscription, None) {
                let Some(until) = expiry(&dir, slot).filter(|u| *u > now && *u - LEAD <= now)
                else {
                    continue;
                };
                if self.warned.insert(dir.object(slot).id, until) != Some(until) {
                    items.extend(lifecycle(&dir, slot, "reauthorizationRequired"));
                }
            }
            self.warned.retain(|_, until| *until > now);
            now
        };
        self.enqueue(items, now);
        self.send(now);
        self.desk.open().counts.queued = self.queue.len() as u64;
    }

    fn enqueue(&mut self, items: Vec<Item>, now: i64) {
        let mut orders = self.desk.open();
        for item in items {
            if orders.drop > 0 {
                orders.drop -= 1;
                orders.counts.dropped += 1;
                continue;
            }
            let mut copies = 1;
            if orders.duplicate > 0 {
                orders.duplicate -= 1;
                orders.counts.duplicated += 1;
                copies = 2;
            }
            for _ in 0..copies {
                if self.queue.len() >= MAX_QUEUE {
                    orders.counts.dropped += 1;
                    continue;
                }
                self.queue.push_back(Waiting {
                    item: item.clone(),
                    due: now,
                    since: None,
                    wait: FIRST_WAIT,
                });
            }
        }
    }

    /// Sends what is due, those for one address together.
    fn send(&mut self, now: i64) {
        while self.flight.len() < MAX_FLIGHT {
            let Some(first) = self.queue.iter().position(|w| w.due <= now) else {
                return;
            };
            let url = self.queue[first].item.url.clone();
            let (mut together, mut rest) = (Vec::new(), VecDeque::new());
            for mut waiting in self.queue.drain(..) {
                let fits =
                    waiting.due <= now && waiting.item.url == url && together.len() < MAX_TOGETHER;
                if fits {
                    waiting.since.get_or_insert(now);
                    waiting.due = now;
                    together.push(waiting);
                } else {
                    rest.push_back(waiting);
                }
            }
            self.queue = rest;
            let http = self.http.clone();
            self.flight.spawn(async move {
                let payloads: Vec<Value> =
                    together.iter().map(|w| w.item.payload.clone()).collect();
                if post(&http, &url, payloads).await {
                    Ok(together.len())
                } else {
                    Err(together)
                }
            });
        }
    }

    fn landed(&mut self, done: Result<Result<usize, Vec<Waiting>>, tokio::task::JoinError>) {
        let mut orders = self.desk.open();
        match done {
            Ok(Ok(count)) => orders.counts.delivered += count as u64,
            Ok(Err(failed)) => {
                for mut waiting in failed {
                    waiting.due += waiting.wait;
                    waiting.wait = waiting.wait.saturating_mul(2);
                    let since = waiting.since.unwrap_or(waiting.due);
                    if waiting.due - since > GIVE_UP || self.queue.len() >= MAX_QUEUE {
                        orders.counts.dropped += 1;
                    } else {
                        orders.counts.retried += 1;
                        self.queue.push_back(waiting);
                    }
                }
            }
            Err(error) => tracing::error!(%error, "a delivery failed inside"),
        }
    }
}

/// `POST {url}?validationToken=…`: the answer is the token, as plain text.
async fn shake(http: &reqwest::Client, url: &str) -> bool {
    let Some(mut url) = local(url) else {
        return false;
    };
    let token = format!(
        "Validation: Testing client application reachability {}",
        Uuid::new_v4()
    );
    let encoded = utf8_percent_encode(&token, NON_ALPHANUMERIC);
    let query = match url.query() {
        Some(query) => format!("{query}&validationToken={encoded}"),
        None => format!("validationToken={encoded}"),
    };
    url.set_query(Some(&query));
    let request = http
        .post(url)
        .header("Content-Type", "text/plain; charset=utf-8");
    let Ok(response) = request.send().await else {
        return false;
    };
    let plain = response
        .headers()
        .get("content-type")
        .and_then(|v| v.to_str().ok())
        .is_some_and(|v| v.trim().to_ascii_lowercase().starts_with("text/plain"));
    plain && response.status() == 200 && response.text().await.is_ok_and(|text| text == token)
}

async fn post(http: &reqwest::Client, url: &str, payloads: Vec<Value>) -> bool {
    let Some(url) = local(url) else {
        return false;
    };
    let sent = http.post(url).json(&json!({"value": payloads})).send();
    sent.await
        .is_ok_and(|response| response.status().is_success())
}

/// An address that the simulator may call: on this machine, nowhere else.
fn local(url: &str) -> Option<Url> {
    let url = Url::parse(url).ok()?;
    let here = match url.host()? {
        Host::Domain(name) => name.eq_ignore_ascii_case("localhost"),
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
    };
    (here && matches!(url.scheme(), "http" | "https")).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (url, fits) in [
            ("http://127.0.0.1:9/x", true),
            ("https://localhost/x?a=b", true),
            ("http://[::1]:80/", true),
            ("http://example.com/", false),
            ("http://127.0.0.1.example.com/", false),
            ("http://localhost@example.com/", false),
            ("http://10.0.0.1/", false),
            ("ftp://localhost/", false),
            ("nonsense", false),
        ] {
            assert_eq!(local(url).is_some(), fits, "{url}");
        }
    }
}
