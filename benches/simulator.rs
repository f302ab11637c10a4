//! What a simulated tenant costs: seeding, memory, and the CPU time of its answers.
//!
//! `cargo bench --bench simulator -- --users 1000000 --groups 50000` measures a large tenant; the
//! default is a small one. `--profile bench-fast` spares the link-time optimisation.

#![expect(
    clippy::print_stdout,
    clippy::panic,
    clippy::expect_used,
    clippy::cast_precision_loss,
    reason = "a benchmark prints rounded figures, and ends at the first thing that is wrong"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use entra_scim::base::clock::SystemClock;
use entra_scim::odata::request::Method;
use entra_scim::simulator::core::{Graph, Open, Options};
use entra_scim::simulator::directory::{Directory, Kind, Relation};
use entra_scim::simulator::request::SimRequest;
use entra_scim::simulator::seed::{DOMAIN, Plan};
use serde_json::Value;

/// How long one measurement may take.
const BUDGET: Duration = Duration::from_secs(5);
/// How often one is repeated at most.
const ROUNDS: u32 = 200;

const SELECT: &str = "id,displayName,userPrincipalName,givenName,surname,mail,jobTitle,department,\
    employeeId,accountEnabled,officeLocation,mobilePhone,businessPhones,usageLocation";

struct Size {
    users: usize,
    groups: usize,
    seed: u64,
}

/// `--users n --groups n --seed n`, or the environment's `SIM_USERS` and `SIM_GROUPS`.
fn size() -> Size {
    let from_env = |name: &str| std::env::var(name).ok().map(|text| number(name, &text));
    let mut size = Size {
        users: from_env("SIM_USERS").unwrap_or(20_000),
        groups: from_env("SIM_GROUPS").unwrap_or(1_000),
        seed: 1,
    };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || number(&arg, &args.next().unwrap_or_default());
        match arg.as_str() {
            "--users" => size.users = value(),
            "--groups" => size.groups = value(),
            "--seed" => size.seed = value() as u64,
            // `cargo bench` adds this one.
            "--bench" => {}
            other => panic!("`{other}` is not --users, --groups or --seed"),
        }
    }
    size
}

fn number(name: &str, text: &str) -> usize {
    text.replace('_', "")
        .parse()
        .unwrap_or_else(|_| panic!("{name}: `{text}` is no number"))
}

/// CPU time of this thread: others may keep the machine busy.
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")
        .expect("Linux tells the CPU time of a thread");
    let ns = text.split_whitespace().next().and_then(|n| n.parse().ok());
    Duration::from_nanos(ns.expect("schedstat begins with nanoseconds"))
}

/// Resident memory in MiB.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("Linux tells the memory");
    let pages: Option<u64> = text.split_whitespace().nth(1).and_then(|n| n.parse().ok());
    pages.expect("statm's second number is the resident pages") * 4096 / 1024 / 1024
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn request(url: &str, eventual: bool) -> SimRequest {
    let request = SimRequest::new(Method::Get, url, "http://sim.test");
    if eventual {
        request.header_set("ConsistencyLevel", "eventual")
    } else {
        request
    }
}

/// Answers a request, down to the bytes.
fn answer(graph: &Graph, request: &SimRequest) -> Value {
    let response = graph.handle(request);
    assert!(response.status == 200, "{response:?}");
    response.body_json().clone()
}

/// The mean CPU time of one request, down to the bytes of the answer.
fn measure(graph: &Graph, name: &str, url: &str, eventual: bool) {
    let request = request(url, eventual);
    let items = answer(graph, &request)["value"]
        .as_array()
        .map_or(0, Vec::len);
    let (started, before, mut rounds) = (Instant::now(), cpu(), 0);
    while rounds < ROUNDS && started.elapsed() < BUDGET {
        let response = graph.handle(black_box(&request));
        black_box(response.body_json().to_string());
        rounds += 1;
    }
    let each = ms(cpu().saturating_sub(before)) / f64::from(rounds);
    println!("{name:<46} {each:>9.3} ms CPU  ({items} items, {rounds} rounds)");
}

/// Follows `@odata.nextLink`: mean CPU time of a page, and of the last quarter of the pages.
fn walk(graph: &Graph, name: &str, url: &str, eventual: bool, most: usize) {
    let (mut url, mut items) = (url.to_owned(), 0);
    let mut times = vec![cpu()];
    loop {
        let response = graph.handle(&request(&url, eventual));
        black_box(response.body_json().to_string());
        let body = response.body_json();
        items += body["value"].as_array().map_or(0, Vec::len);
        let next = body["@odata.nextLink"].as_str().filter(|_| items < most);
        let next = next.map(|link| link.replace("http://sim.test/v1.0", ""));
        drop(response);
        times.push(cpu());
        match next {
            Some(next) => url = next,
            None => break,
        }
    }
    let pages = times.len() - 1;
    let mean = |from: usize| ms(times[pages].saturating_sub(times[from])) / (pages - from) as f64;
    println!(
        "{name:<46} {:>9.3} ms CPU  each of {pages} pages, {:.3} ms the last quarter ({items} items)",
        mean(0),
        mean(pages * 3 / 4)
    );
}

fn main() {
    let size = size();
    let (started, before) = (Instant::now(), cpu());
    let plan = Plan::new(size.users, size.groups, size.seed);
    let clock = Arc::new(SystemClock);
    let mut directory = Directory::new(plan.tenant_id(), DOMAIN, "Contoso", clock);
    plan.fill(&mut directory);
    let (wall, cpu) = (started.elapsed(), cpu().saturating_sub(before));
    let members = directory.edges(Relation::Member);
    let memberships: usize = directory
        .all(Kind::Group, None)
        .map(|group| members.target_count(group))
        .sum();
    let largest = directory
        .all(Kind::Group, None)
        .max_by_key(|group| members.target_count(*group));
    println!(
        "{} users, {} groups, {memberships} memberships",
        directory.count(Kind::User),
        directory.count(Kind::Group)
    );
    println!(
        "seeded in {:.1} s ({:.1} s CPU), {} MiB resident",
        wall.as_secs_f64(),
        cpu.as_secs_f64(),
        resident()
    );
    let largest = largest.map(|slot| (directory.id_text(slot), members.target_count(slot)));
    let someone = directory
        .all(Kind::User, None)
        .nth(size.users / 2)
        .and_then(|slot| Some(directory.text(slot, "userPrincipalName")?.to_owned()))
        .unwrap_or_default()
        .replace('\'', "''");
    let graph = Graph::new(directory, Arc::new(Open), Options::default());

    let users = format!("/users?$top=999&$select={SELECT}");
    measure(&graph, "page of 999 users, 14 properties", &users, false);
    measure(
        &graph,
        "page of 999 users, default properties",
        "/users?$top=999",
        false,
    );
    let licences =
        "/users?$top=999&$select=id,assignedLicenses,assignedPlans,licenseAssignmentStates";
    measure(&graph, "page of 999 users, licences", licences, false);
    measure(&graph, "page of 999 groups", "/groups?$top=999", false);
    if let Some((id, count)) = &largest {
        let members = format!("/groups/{id}/members?$top=999&$select=id");
        measure(
            &graph,
            &format!("page of 999 members of {count}, id"),
            &members,
            false,
        );
        walk(&graph, "members, page by page", &members, false, 100_000);
        let transitive = format!("/groups/{id}/transitiveMembers?$top=999&$select=id");
        measure(&graph, "page of 999 transitive members", &transitive, false);
    }
    measure(&graph, "users/$count", "/users/$count", true);
    measure(
        &graph,
        "page with $count=true",
        "/users?$count=true&$top=1&$select=id",
        true,
    );
    let by_name = format!("/users?$filter=userPrincipalName eq '{someone}'");
    measure(
        &graph,
        "filter eq, indexed (userPrincipalName)",
        &by_name,
        false,
    );
    let by_employee = format!(
        "/users?$filter=employeeId eq '{:06}'",
        100_000 + size.users / 2
    );
    measure(
        &graph,
        "filter eq, index made at the first question (employeeId)",
        &by_employee,
        false,
    );
    let sorted = "/users?$orderby=displayName&$top=999&$select=id,displayName";
    measure(&graph, "first page sorted by displayName", sorted, false);
    walk(&graph, "all users, page by page", &users, false, usize::MAX);
    walk(&graph, "sorted users, page by page", sorted, false, 20_000);
    println!("{} MiB resident at the end", resident());
}
