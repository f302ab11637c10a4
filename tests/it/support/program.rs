//! The program itself in a process of its own, configured by nothing but its environment.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use entra_scim::simulator::start::ReadyLine;
use serde_json::Value;
use tempfile::TempDir;

/// The program before a simulator, with a folder of its own for its store.
#[derive(Clone)]
pub struct Program {
    folder: Arc<TempDir>,
    environment: Vec<(String, String)>,
    /// The most files it may have open.
    descriptors: Option<u32>,
}

/// A run that has ended.
pub struct Ran {
    pub code: Option<i32>,
    /// Standard output, then standard error.
    pub text: String,
    pub took: Duration,
}

/// `serve`, until it is dropped.
pub struct Serving {
    /// The store stays as long as it is served.
    _folder: Arc<TempDir>,
    child: Child,
    /// The SCIM base.
    pub scim: String,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Program {
    /// In front of the simulator, with these keys below `tenants.default.credential`.
    pub fn new(simulator: &ReadyLine, credential: &[(&str, &str)]) -> Self {
        let tenant = "ENTRA_SCIM__TENANTS__DEFAULT__";
        let mut program = Self {
            folder: Arc::new(tempfile::tempdir().unwrap()),
            environment: Vec::new(),
            descriptors: None,
        }
        .set(&format!("{tenant}REPLICA"), "off")
        .set(&format!("{tenant}TENANT_ID"), &simulator.tenant_id)
        .set(&format!("{tenant}GRAPH_URL"), &simulator.graph)
        .set(&format!("{tenant}AUTHORITY_URL"), &simulator.graph)
        .set("ENTRA_SCIM__SERVER__LISTEN", "127.0.0.1:0")
        .set("ENTRA_SCIM__LOG__FORMAT", "json");
        for (key, value) in credential {
            program = program.set(&format!("{tenant}CREDENTIAL__{key}"), value);
        }
        program
    }

    /// In front of the simulator, signing in with its client secret.
    pub fn with_secret(simulator: &ReadyLine) -> Self {
        let credential = [
            ("KIND", "client-secret"),
            ("CLIENT_ID", &*simulator.client_id),
            ("SECRET", &*simulator.client_secret),
        ];
        Self::new(simulator, &credential)
    }

    /// Sets a variable, in place of an earlier one of the name.
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With room for so many open files.
    pub fn with_descriptors(mut self, most: u32) -> Self {
        self.descriptors = Some(most);
        self
    }

    fn command(&self, args: &[&str]) -> Command {
        let program = env!("CARGO_BIN_EXE_entra-scim");
        let mut command = match self.descriptors {
            None => Command::new(program),
            Some(most) => {
                let mut shell = Command::new("/bin/sh");
                let script = format!("ulimit -n {most} && exec {program} \"$@\"");
                shell.args(["-c", &script, "sh"]);
                shell
            }
        };
        command
            .args(args)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs it to its end.
    pub fn run(&self, args: &[&str]) -> Ran {
        let start = Instant::now();
        let output = self.command(args).output().unwrap();
        Ran {
            code: output.status.code(),
            text: String::from_utf8([output.stdout, output.stderr].concat()).unwrap(),
            took: start.elapsed(),
        }
    }

    /// A client's token that may do anything.
    pub fn token(&self) -> String {
        self.token_for("write:*")
    }

    /// A client's token with these scopes.
    pub fn token_for(&self, scopes: &str) -> String {
        let ran = self.run(&[
            "token", "create", "--name", "test", "--scope", scopes, "--json",
        ]);
        let made: Value =
            serde_json::from_str(&ran.text).unwrap_or_else(|_| panic!("{}", ran.text));
        made["token"].as_str().unwrap().to_owned()
    }

    /// Starts the gateway and waits until it is ready.
    pub fn serve(&self) -> Serving {
        let mut child = self
            .command(&["serve"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let log = Arc::new(Mutex::new(String::new()));
        let (sender, ready) = mpsc::channel();
        let written = Arc::clone(&log);
        let reader = std::thread::spawn(move || {
            let mut sender = Some(sender);
            for line in lines.map_while(Result::ok) {
                if line.contains(r#""message":"ready""#)
                    && let Some(sender) = sender.take()
                {
                    let event: Value = serde_json::from_str(&line).unwrap();
                    let address = event["listen"].as_str().unwrap().to_owned();
                    sender.send(address).unwrap();
                }
                let mut log = written.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        let mut serving = Serving {
            _folder: Arc::clone(&self.folder),
            child,
            scim: String::new(),
            log,
            reader: Some(reader),
        };
        let Ok(address) = ready.recv_timeout(Duration::from_secs(30)) else {
            panic!("not ready: {}", serving.log());
        };
        serving.scim = format!("http://{address}/scim/v2");
        serving
    }
}

impl Serving {
    /// Kills it: it has no time for anything.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// What it has written so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Its address.
    pub fn address(&self) -> std::net::SocketAddr {
        let origin = self.scim.trim_start_matches("http://");
        origin.trim_end_matches("/scim/v2").parse().unwrap()
    }

    /// The memory that it has from the system, in MB.
    pub fn megabytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|l| l.starts_with("VmRSS")).unwrap();
        let kilobytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kilobytes / 1024
    }

    /// Asks it to stop, and waits until it has; how long that took.
    pub fn terminate(&mut self) -> Duration {
        let start = Instant::now();
        let asked = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        assert!(asked.unwrap().success());
        self.child.wait().unwrap();
        start.elapsed()
    }

    /// Ends it; all that it has ever written.
    pub fn stop(mut self) -> String {
        self.end();
        self.reader.take().unwrap().join().unwrap();
        self.log()
    }

    fn end(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // Both do nothing to a process that has ended.
        self.end();
    }
}
