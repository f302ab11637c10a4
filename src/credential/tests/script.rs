//! An HTTP/1.1 server on loopback that answers by script, and can fail in ways that a web
//! framework does not offer: cut the connection, stop in mid-body, say nothing.

use std::{
    collections::HashMap,
    fmt::Write as _,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use url::Url;

/// A request that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// Path and query as sent.
    pub(crate) target: String,
    /// Names in lower case.
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn form(&self) -> HashMap<String, String> {
        url::form_urlencoded::parse(self.body.as_bytes())
            .into_owned()
            .collect()
    }
}

#[derive(Clone, Debug)]
enum Fault {
    None,
    Cut,
    Truncate,
    Silence(Duration),
}

/// What the script says.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    fault: Fault,
}

impl Answer {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
            fault: Fault::None,
        }
    }

    pub(crate) fn json(status: u16, body: Value) -> Self {
        Self::new(status, body.to_string()).header("Content-Type", "application/json")
    }

    pub(crate) fn header(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    /// Reads the request and closes the connection.
    pub(crate) fn cut() -> Self {
        Self {
            fault: Fault::Cut,
            ..Self::new(200, "")
        }
    }

    /// Promises the whole body, sends half.
    pub(crate) fn truncated(self) -> Self {
        Self {
            fault: Fault::Truncate,
            ..self
        }
    }

    /// Says nothing for a while first.
    pub(crate) fn after(self, silence: Duration) -> Self {
        Self {
            fault: Fault::Silence(silence),
            ..self
        }
    }
}

type Script = dyn FnMut(usize, &Seen) -> Answer + Send;

/// The running server; stops with the test's runtime.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// Starts a server; `script` gets the number of the request, from 0, and the request.
    pub(crate) async fn start(script: impl FnMut(usize, &Seen) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let script: Arc<Mutex<Box<Script>>> = Arc::new(Mutex::new(Box::new(script)));
        let log = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&log), Arc::clone(&script)));
            }
        });
        Self { address, seen }
    }

    /// Answers in the given order; what comes after gets 599.
    pub(crate) async fn sequence(answers: Vec<Answer>) -> Self {
        Self::start(move |n, _| {
            answers
                .get(n)
                .cloned()
                .unwrap_or_else(|| Answer::new(599, "the script has ended"))
        })
        .await
    }

    pub(crate) fn url(&self) -> Url {
        format!("http://{}", self.address).parse().unwrap()
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

async fn read(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break end + 4;
        }
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(n) => bytes.extend_from_slice(&chunk[..n]),
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).ok()?;
    let mut lines = text.lines();
    let mut first = lines.next()?.split(' ');
    let headers: HashMap<String, String> = lines
        .filter_map(|l| l.split_once(':'))
        .map(|(n, v)| (n.to_ascii_lowercase(), v.trim().to_owned()))
        .collect();
    let length: usize = headers
        .get("content-length")
        .map_or(0, |v| v.parse().unwrap());
    while bytes.len() < head + length {
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(n) => bytes.extend_from_slice(&chunk[..n]),
        }
    }
    Some(Seen {
        method: first.next()?.to_owned(),
        target: first.next()?.to_owned(),
        headers,
        body: String::from_utf8(bytes[head..].to_vec()).ok()?,
    })
}

async fn serve(mut stream: TcpStream, log: Arc<Mutex<Vec<Seen>>>, script: Arc<Mutex<Box<Script>>>) {
    let Some(seen) = read(&mut stream).await else {
        return;
    };
    let answer = {
        let mut log = log.lock().unwrap();
        let n = log.len();
        log.push(seen.clone());
        drop(log);
        (script.lock().unwrap())(n, &seen)
    };
    let mut body = answer.body.as_slice();
    let length = body.len();
    match answer.fault {
        Fault::None => {}
        Fault::Cut => return,
        Fault::Truncate => body = &body[..length / 2],
        Fault::Silence(time) => tokio::time::sleep(time).await,
    }
    let mut head = format!(
        "HTTP/1.1 {} Scripted\r\nConnection: close\r\n",
        answer.status
    );
    for (name, value) in &answer.headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    if answer.status != 204 {
        write!(head, "Content-Length: {length}\r\n").unwrap();
    }
    head.push_str("\r\n");
    // The client may have gone: that is what some tests are about.
    if stream.write_all(head.as_bytes()).await.is_ok() {
        stream.write_all(body).await.ok();
    }
}
