//! Conformance of the running server: one check at least for each row of the checklist in
//! `docs/conformance.md`.

mod auth_media;
mod bulk;
mod create;
mod cursors;
mod delete_versions;
mod discovery;
mod entra_client;
mod filters;
mod groups;
mod iga_clients;
mod iga_flat;
mod no_place;
mod paging_sort;
mod patch;
mod put;
mod read;
mod rest;
mod rows;
mod search;
mod sheet;
mod waiting;
mod whole_lists;
