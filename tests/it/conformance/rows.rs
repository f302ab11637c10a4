//! The checklist: the tables of `docs/conformance.md` are what the tests are held to.

use std::collections::BTreeSet;
use std::path::Path;

const PAGE: &str = include_str!("../../../docs/conformance.md");

/// How many rows there are: none goes by mistake, together with its check.
const ROWS: usize = 270;

/// One row.
#[derive(Debug)]
pub struct Row {
    pub id: &'static str,
    /// What is required.
    pub required: &'static str,
    /// The tests that ask for it, as `module::function`.
    pub tests: Vec<&'static str>,
}

/// All rows.
pub fn rows() -> Vec<Row> {
    PAGE.lines().filter_map(row).collect()
}

/// A line of a table whose first cell is letters and digits, as `T07` or `DEL1`.
fn row(line: &'static str) -> Option<Row> {
    let line = line.strip_prefix("| ")?.strip_suffix(" |")?;
    let cells: Vec<&str> = line.split(" | ").collect();
    let id = *cells.first()?;
    let digits = id.trim_start_matches(|c: char| c.is_ascii_uppercase());
    let is_id =
        !digits.is_empty() && digits.len() < id.len() && digits.bytes().all(|b| b.is_ascii_digit());
    if !is_id {
        return None;
    }
    let [id, _source, required, request, expected, tests] = cells[..] else {
        panic!("{id} has {} cells, not six: {line}", cells.len())
    };
    for cell in [required, request, expected] {
        assert!(!cell.trim().is_empty(), "{id} has an empty cell");
    }
    Some(Row {
        id,
        required,
        tests: tests
            .split(", ")
            .map(|test| test.trim_matches('`'))
            .collect(),
    })
}

/// The names by which the tests of this folder take their rows.
fn sheets() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/conformance");
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let module = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let mut function = "";
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("async fn ") {
                function = rest.split('(').next().unwrap_or_default();
            }
            let Some((_, rest)) = line.split_once("Sheet::of(\"") else {
                continue;
            };
            let name = rest.split('"').next().unwrap_or_default();
            assert_eq!(
                name,
                format!("{module}::{function}"),
                "a sheet bears its test's name"
            );
            found.insert(name.to_owned());
        }
    }
    found
}

/// Each row names a test that there is, and each test is named; that a test looks at all its
/// rows, and at no others, it says itself when it runs.
#[test]
fn every_row_has_its_test_and_every_test_its_rows() {
    let rows = rows();
    let ids: BTreeSet<&str> = rows.iter().map(|row| row.id).collect();
    assert_eq!(ids.len(), rows.len(), "an id stands twice");
    assert_eq!(rows.len(), ROWS);
    let named: BTreeSet<String> = rows
        .iter()
        .flat_map(|row| row.tests.iter().map(|&test| test.to_owned()))
        .collect();
    assert_eq!(named, sheets());
}
