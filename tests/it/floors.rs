//! The architecture as a test: who may use whom, and which crate stays on which floor.

mod scanner;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use scanner::Uses;

/// Each module with the modules that it may use. Below its own floor, or beside it where a reason
/// is given.
const FLOORS: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("odata", &["base"]),
    ("scim", &["base"]),
    // resources and translation are one floor: rules name relations, friendly SKU names are facts
    // of a resource type.
    ("resources", &["base", "scim", "odata"]),
    ("translation", &["base", "scim", "odata", "resources"]),
    ("credential", &["base"]),
    // events on their way to receivers
    ("delivery", &["base"]),
    // the Graph client asks the credential for its token
    // long pure work: threads, no I/O
    ("heavy", &[]),
    ("graph", &["base", "odata", "credential", "heavy"]),
    // conditions on keys are made by the rules, and asked of the tables
    ("store", &["base", "scim", "resources", "translation"]),
    // a double that shared the client's types would share its misunderstandings
    ("simulator", &["base", "odata"]),
    (
        "service",
        &[
            "base",
            "scim",
            "odata",
            "resources",
            "translation",
            "graph",
            "store",
            "credential",
            "delivery",
            "heavy",
        ],
    ),
    // the keepers of the replicas: use cases beside those of clients
    (
        "sync",
        &[
            "base",
            "odata",
            "resources",
            "translation",
            "graph",
            "store",
            "service",
            "delivery",
        ],
    ),
    (
        "http",
        &[
            "base",
            "scim",
            "odata",
            "resources",
            "translation",
            "graph",
            "store",
            "service",
            "heavy",
        ],
    ),
    // settings are read into the types of those who use them
    ("config", &["store", "credential", "http", "service"]),
    (
        "cli",
        &[
            "base",
            "scim",
            "odata",
            "resources",
            "translation",
            "graph",
            "store",
            "credential",
            "delivery",
            "service",
            "sync",
            "http",
            "simulator",
            "config",
        ],
    ),
];

/// A crate, and the modules that alone may use it.
const BANS: &[(&str, &[&str])] = &[
    ("sqlx", &["store"]),
    // the simulator delivers change notifications to webhooks on this machine
    (
        "reqwest",
        &["graph", "credential", "delivery", "cli", "simulator"],
    ),
    ("axum", &["http", "simulator"]),
    ("azure_identity", &["credential"]),
    ("azure_core", &["credential"]),
    (
        "tokio",
        &[
            "heavy",
            "graph",
            "store",
            "credential",
            "simulator",
            "service",
            "sync",
            "http",
            "cli",
            "config",
        ],
    ),
    ("figment", &["config"]),
    ("clap", &["cli"]),
    ("anyhow", &["cli", "config"]),
];

/// A room: its name, its modules, and the rooms that it may use.
type Room = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

/// The rooms of the simulator. A room uses itself as well.
const ROOMS: &[Room] = &[
    ("tenant", &["directory", "seed_types"], &[]),
    // Requests, answers, errors and switches as values; what the table of entity sets is made of.
    (
        "vocabulary",
        &[
            "errors",
            "headers",
            "model",
            "options",
            "permissions",
            "request",
            "route",
        ],
        &["tenant"],
    ),
    // How Graph behaves over a tenant.
    (
        "manners",
        &[
            "batch",
            "core",
            "delta",
            "dispatch",
            "metadata",
            "notifications",
            "operations",
            "parts",
            "query",
            "server",
            "sets",
        ],
        &["tenant", "vocabulary"],
    ),
    // Sign-in, and Azure Resource Manager.
    (
        "neighbours",
        &["arm", "identity"],
        &["tenant", "vocabulary", "manners"],
    ),
    // What makes a tenant, stands around it, spoils it, watches it.
    (
        "laboratory",
        &[
            "applications",
            "control",
            "front",
            "layers",
            "seed",
            "settings",
            "start",
        ],
        &["tenant", "vocabulary", "manners", "neighbours"],
    ),
];

/// So many files may import each other in a circle.
const CIRCLE: usize = 3;

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn files(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

/// `http/mod.rs` is the module `http`, `http/route.rs` is `http::route`.
fn module(relative: &str) -> scanner::Path {
    let mut path: scanner::Path = relative
        .trim_end_matches(".rs")
        .split('/')
        .map(str::to_owned)
        .collect();
    if path.last().is_some_and(|last| last == "mod") {
        path.pop();
    }
    path
}

/// The modules of the crate with what each uses; without those that are compiled for tests alone.
struct Crate {
    modules: BTreeSet<scanner::Path>,
    uses: BTreeMap<scanner::Path, Uses>,
}

impl Crate {
    fn read() -> Self {
        let mut paths = Vec::new();
        files(&source(), &mut paths);
        assert!(paths.len() > 20, "the sources were not found");
        let sources: BTreeMap<scanner::Path, String> = paths
            .iter()
            .map(|path| {
                let relative = path.strip_prefix(source()).unwrap().to_string_lossy();
                (module(&relative), fs::read_to_string(path).unwrap())
            })
            .filter(|(module, _)| *module != ["lib"] && *module != ["main"])
            .collect();
        Self::of(&sources)
    }

    fn of(sources: &BTreeMap<scanner::Path, String>) -> Self {
        let modules: BTreeSet<scanner::Path> = sources.keys().cloned().collect();
        let mut uses: BTreeMap<scanner::Path, Uses> = sources
            .iter()
            .map(|(module, source)| (module.clone(), scanner::read(source, module, &modules)))
            .collect();
        let tests: Vec<scanner::Path> = uses
            .values()
            .flat_map(|uses| uses.test_modules.iter().cloned())
            .collect();
        uses.retain(|module, _| !tests.iter().any(|test| module.starts_with(test)));
        Self { modules, uses }
    }

    /// The modules below `top` with the modules that each imports; what a module holds is no
    /// import of it.
    fn imports(&self, top: &str) -> BTreeMap<&[String], BTreeSet<&[String]>> {
        let inside = |module: &[String]| module.first().is_some_and(|first| first == top);
        self.uses
            .iter()
            .filter(|(module, _)| inside(module))
            .map(|(module, uses)| {
                let imported = uses
                    .paths
                    .iter()
                    .map(|path| scanner::module_of(path, &self.modules))
                    .filter(|other| *other != module.as_slice() && inside(other))
                    .collect();
                (module.as_slice(), imported)
            })
            .collect()
    }
}

/// The circles of an import graph: modules that reach each other.
fn circles<'a>(
    imports: &BTreeMap<&'a [String], BTreeSet<&'a [String]>>,
) -> BTreeSet<BTreeSet<&'a [String]>> {
    let reached: BTreeMap<&[String], BTreeSet<&[String]>> = imports
        .keys()
        .map(|from| {
            let mut seen = BTreeSet::new();
            let mut open = vec![*from];
            while let Some(at) = open.pop() {
                for next in imports.get(at).into_iter().flatten() {
                    if seen.insert(*next) {
                        open.push(next);
                    }
                }
            }
            (*from, seen)
        })
        .collect();
    let back = |from: &[String], to: &[String]| reached.get(to).is_some_and(|r| r.contains(from));
    reached
        .iter()
        .map(|(from, to)| to.iter().copied().filter(|to| back(from, to)).collect())
        .filter(|circle: &BTreeSet<&[String]>| !circle.is_empty())
        .collect()
}

fn names(modules: &BTreeSet<&[String]>) -> String {
    let names: Vec<String> = modules.iter().map(|module| module.join("::")).collect();
    names.join(", ")
}

#[test]
fn dependencies_point_down() {
    let mut wrong = Vec::new();
    for (module, uses) in Crate::read().uses {
        let Some((_, allowed)) = FLOORS.iter().find(|(name, _)| *name == module[0]) else {
            wrong.push(format!("{}: stands on no floor", module.join("::")));
            continue;
        };
        for other in uses.paths.iter().filter_map(|path| path.first()) {
            if *other != module[0] && !allowed.contains(&other.as_str()) {
                wrong.push(format!("{}: uses {other}", module.join("::")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn crates_stay_on_their_floor() {
    let mut wrong = Vec::new();
    for (module, uses) in Crate::read().uses {
        for (krate, allowed) in BANS {
            if uses.outside.contains(*krate) && !allowed.contains(&module[0].as_str()) {
                wrong.push(format!("{}: uses {krate}", module.join("::")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_simulators_rooms_use_those_below() {
    let all = Crate::read();
    let room = |module: &[String]| {
        let name = module.get(1)?;
        ROOMS
            .iter()
            .find(|(_, modules, _)| modules.contains(&name.as_str()))
    };
    let mut wrong = Vec::new();
    for (module, imported) in all.imports("simulator") {
        if module.len() < 2 {
            continue;
        }
        let Some((name, _, allowed)) = room(module) else {
            wrong.push(format!("{}: stands in no room", module.join("::")));
            continue;
        };
        for other in imported {
            let used = room(other).map(|(name, ..)| *name);
            if used.is_none_or(|used| used != *name && !allowed.contains(&used)) {
                let (module, other) = (module.join("::"), other.join("::"));
                wrong.push(format!("{module} ({name}): uses {other} ({used:?})"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_simulators_files_form_no_circle() {
    let all = Crate::read();
    let imports = all.imports("simulator");
    assert!(imports.len() > 100, "the simulator's files were not found");
    let wrong: Vec<String> = circles(&imports)
        .iter()
        .filter(|circle| circle.len() > CIRCLE)
        .map(names)
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A crate of a few files, by path and source.
fn sample(files: &[(&str, &str)]) -> Crate {
    let sources = files
        .iter()
        .map(|(path, source)| (module(path), (*source).to_owned()))
        .collect();
    Crate::of(&sources)
}

#[test]
fn circles_are_found() {
    let all = sample(&[
        ("s/mod.rs", "pub mod a; mod b; mod c; mod d; mod e;"),
        (
            "s/a.rs",
            "#[cfg(test)] mod tests;\nuse super::b::{self, X};",
        ),
        ("s/a/tests.rs", "use crate::s::e;"),
        ("s/b.rs", "fn x() { super::super::s::c::y(); }"),
        ("s/c.rs", "use super::{d::{e as f, Y}};"),
        (
            "s/d.rs",
            "#[cfg(test)] use super::e::X; fn x() { crate::s::a::z(); }",
        ),
        ("s/e.rs", "use super::a;"),
    ]);
    assert!(!all.uses.contains_key(&module("s/a/tests.rs")));
    let imports = all.imports("s");
    let found: Vec<String> = circles(&imports).iter().map(names).collect();
    assert_eq!(found, ["s::a, s::b, s::c, s::d"]);
}
