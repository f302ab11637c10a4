//! The replica's tables: objects, the values by which they are found, edges, tombstones, the change
//! feed, and where each reconciler stands. SQL only; what is stored is decided above.

mod edges;
mod feed;
mod id;
mod objects;
mod query;
mod state;

pub use edges::{EdgeRow, Near};
pub use feed::{Change, ChangeQuery, ChangeRow};
pub use id::{from_bytes, to_bytes};
pub use objects::{ObjectRow, Shown, Tombstone};
pub use query::{Order, Selection, relation_name};
pub use state::Mark;

/// Ids of one `IN (…)`.
const IDS: usize = 500;

/// Rows in parts of few sizes: a connection keeps the statements that it has prepared, each as big
/// as it has places for values, so that there must not be one for every number of rows.
fn parts<T>(rows: &[T]) -> impl Iterator<Item = &[T]> {
    let mut left = rows;
    std::iter::from_fn(move || {
        let size = [200, 50, 10, 1]
            .into_iter()
            .find(|size| *size <= left.len())?;
        let (part, rest) = left.split_at(size);
        left = rest;
        Some(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_of_few_sizes_and_lose_nothing() {
        for count in [0_usize, 1, 9, 10, 49, 261, 1000] {
            let rows: Vec<usize> = (0..count).collect();
            let all: Vec<usize> = parts(&rows).flatten().copied().collect();
            assert_eq!(all, rows);
            assert!(parts(&rows).all(|part| [1, 10, 50, 200].contains(&part.len())));
        }
    }
}
