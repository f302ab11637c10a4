//! Which requests share batches. Pure.

use std::collections::HashMap;

use super::SIZE;
use crate::graph::{BatchItem, Error, operation};

/// Requests that share batches: at most twenty unrelated ones, or one chain of any length.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Group {
    /// Their indices, in order.
    pub(super) members: Vec<usize>,
    pub(super) chained: bool,
}

/// Sorts the items into groups.
pub(super) fn plan(items: &[BatchItem]) -> Result<Vec<Group>, Error> {
    // The first of the chain that each item belongs to.
    let mut heads: Vec<usize> = Vec::with_capacity(items.len());
    let mut chains: HashMap<usize, Vec<usize>> = HashMap::new();
    for (index, item) in items.iter().enumerate() {
        let head = match item.after {
            None => index,
            Some(before) if before < index => heads[before],
            Some(before) => {
                return Err(Error::Invalid {
                    operation: operation::of(&item.request),
                    what: format!("item {index} of a batch follows item {before}"),
                });
            }
        };
        heads.push(head);
        chains.entry(head).or_default().push(index);
    }
    let mut groups = Vec::new();
    let mut single = Vec::new();
    for (index, head) in heads.iter().enumerate() {
        if *head != index {
            continue;
        }
        match chains.remove(head) {
            Some(members) if members.len() > 1 => groups.push(Group {
                members,
                chained: true,
            }),
            _ => single.push(index),
        }
    }
    groups.extend(single.chunks(SIZE).map(|members| Group {
        members: members.to_vec(),
        chained: false,
    }));
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::odata::request::Request;

    fn item(after: Option<usize>) -> BatchItem {
        BatchItem {
            after,
            ..BatchItem::new(Request::get("/users/1"))
        }
    }

    #[test]
    fn groups_hold_twenty_or_one_chain() {
        for (count, sizes) in [
            (0, vec![]),
            (1, vec![1]),
            (20, vec![20]),
            (21, vec![20, 1]),
            (41, vec![20, 20, 1]),
        ] {
            let items: Vec<BatchItem> = (0..count).map(|_| item(None)).collect();
            let groups = plan(&items).unwrap();
            let found: Vec<usize> = groups.iter().map(|g| g.members.len()).collect();
            assert_eq!(found, sizes);
            assert!(groups.iter().all(|g| !g.chained));
        }
        let items = [
            item(None),
            item(None),
            item(Some(0)),
            item(Some(2)),
            item(Some(0)),
        ];
        let group = |members: &[usize], chained| Group {
            members: members.to_vec(),
            chained,
        };
        assert_eq!(
            plan(&items).unwrap(),
            [group(&[0, 2, 3, 4], true), group(&[1], false)]
        );
        assert!(plan(&[item(Some(0))]).is_err());
        assert!(plan(&[item(Some(1)), item(None)]).is_err());
    }
}
