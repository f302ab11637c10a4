//! A PostgreSQL server of our own: one per test binary, a database per test.

use std::{
    io::{BufRead, BufReader, Read},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::aloud;

/// Runs the server until standard input ends, which it does when the tests' process is gone,
/// however it went. `$1` is the folder of all its files, `$2` the folder of the programs.
const SCRIPT: &str = r#"
set -e
cd "$1"
"$2/initdb" -D data -U entra -A trust -E UTF8 --locale=C --no-sync >log 2>&1 || { cat log; exit 1; }
"$2/postgres" -D data -c listen_addresses= -c unix_socket_directories="$1" -c fsync=off \
    -c synchronous_commit=off -c full_page_writes=off -c max_connections=300 >>log 2>&1 &
server=$!
tries=0
until "$2/pg_isready" -q -h "$1"; do
    tries=$((tries + 1))
    if [ $tries -gt 300 ] || ! kill -0 $server 2>/dev/null; then cat log; exit 1; fi
    sleep 0.1
done
echo ready
cat >/dev/null
kill -INT $server
wait $server || true
rm -rf "$1"
"#;

struct Server {
    folder: PathBuf,
    /// Never waited for: its standard input closes with this process.
    _keeper: Child,
}

static SERVER: OnceLock<Option<Server>> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// The URL of a fresh, empty database; `None`, said loudly, where PostgreSQL is not installed.
/// With `CI=true` that is an error.
pub async fn database() -> Option<String> {
    let server = SERVER.get_or_init(start).as_ref()?;
    let name = format!("t{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    let url = |name: &str| {
        format!(
            "postgres://entra@localhost/{name}?host={}",
            server.folder.display()
        )
    };
    let mut connection = PgConnection::connect(&url("postgres")).await.unwrap();
    connection
        .execute(AssertSqlSafe(format!("CREATE DATABASE {name}")))
        .await
        .unwrap();
    connection.close().await.unwrap();
    Some(url(&name))
}

fn start() -> Option<Server> {
    let Some(programs) = programs() else {
        aloud::not_run(
            "the tests on PostgreSQL (SQLite is tested)",
            "initdb, postgres or pg_isready is not installed",
        );
        return None;
    };
    let folder = tempfile::Builder::new()
        .prefix("entra-scim-pg-")
        .tempdir()
        .unwrap()
        .keep();
    let mut command = if output("id", &["-u"]) == "0" {
        // PostgreSQL refuses to run as root.
        let user = if output("id", &["-u", "postgres"]).is_empty() {
            "nobody"
        } else {
            "postgres"
        };
        let owner = format!(
            "{}:{}",
            output("id", &["-u", user]),
            output("id", &["-g", user])
        );
        let path = folder.to_str().unwrap();
        assert!(
            Command::new("chown")
                .args([&owner, path])
                .status()
                .unwrap()
                .success()
        );
        let (uid, gid) = owner.split_once(':').unwrap();
        let mut command = Command::new("setpriv");
        command.args(["--reuid", uid, "--regid", gid, "--clear-groups", "sh"]);
        command
    } else {
        Command::new("sh")
    };
    let mut keeper = command
        .args(["-c", SCRIPT, "pg"])
        .arg(&folder)
        .arg(programs)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(keeper.stdout.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    if line != "ready\n" {
        said.read_to_string(&mut line).unwrap();
        panic!("PostgreSQL did not start: {line}");
    }
    Some(Server {
        folder,
        _keeper: keeper,
    })
}

/// The folder that holds `initdb`: on the path, or where Debian puts it.
fn programs() -> Option<PathBuf> {
    let mut folders: Vec<PathBuf> =
        std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect();
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        folders.extend(versions.flatten().map(|v| v.path().join("bin")));
    }
    // `initdb` may be a link into the folder that has the others.
    folders
        .iter()
        .filter_map(|folder| folder.join("initdb").canonicalize().ok())
        .filter_map(|initdb| initdb.parent().map(PathBuf::from))
        .find(|folder| {
            ["postgres", "pg_isready"]
                .iter()
                .all(|p| folder.join(p).exists())
        })
}

fn output(program: &str, args: &[&str]) -> String {
    let output = Command::new(program)
        .args(args)
        .stderr(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
