//! Conformance of the running server: one check per row of the checklist of RFC 7643, RFC 7644,
//! RFC 9865 and RFC 9967, and of what deployed clients send. The row's id is in each message.

mod auth_media;
mod create;
mod delete_versions;
mod discovery;
mod entra_client;
mod filters;
mod groups;
mod iga_clients;
mod iga_flat;
mod paging_sort;
mod patch;
mod put;
mod read;
mod search;
mod sheet;
mod waiting;
mod whole_lists;

use std::collections::BTreeMap;

/// The rows' ids: prefix and how many there are. (E13 is described nowhere.)
const CHECKLIST: &[(&str, u8)] = &[
    ("D", 19),
    ("A", 4),
    ("M", 8),
    ("C", 24),
    ("R", 12),
    ("Q", 38),
    ("P", 7),
    ("S", 4),
    ("X", 3),
    ("K", 6),
    ("U", 7),
    ("T", 34),
    ("G", 15),
    ("DEL", 3),
    ("V", 6),
    ("B", 9),
    ("N", 7),
    ("E", 23),
    ("O", 7),
    ("I", 5),
];

/// Every row is somewhere: checked, or told to wait.
#[test]
fn no_row_is_forgotten() {
    let checked = [
        discovery::ROWS,
        auth_media::ROWS,
        create::ROWS,
        read::ROWS,
        filters::ROWS,
        whole_lists::ROWS,
        paging_sort::ROWS,
        search::ROWS,
        put::ROWS,
        patch::ROWS,
        groups::ROWS,
        delete_versions::ROWS,
        entra_client::ROWS,
        iga_clients::ROWS,
    ];
    let mut found: BTreeMap<&str, usize> = BTreeMap::new();
    for id in checked.into_iter().flatten() {
        *found.entry(id).or_default() += 1;
    }
    for row in waiting::WAITING {
        *found.entry(row.id).or_default() += 1;
    }
    let mut missing = Vec::new();
    for (prefix, rows) in CHECKLIST {
        for row in 1..=*rows {
            let id = if *prefix == "DEL" {
                format!("DEL{row}")
            } else {
                format!("{prefix}{row:02}")
            };
            if found.remove(id.as_str()).is_none() && id != "E13" {
                missing.push(id);
            }
        }
    }
    assert!(missing.is_empty(), "rows without a check: {missing:?}");
    assert!(found.is_empty(), "checks without a row: {found:?}");
}
