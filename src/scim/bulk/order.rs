//! Which operation waits for which.
//!
//! An operation waits for what makes the resources that it names, and for the earlier ones on the
//! same resource. Resources that are made and refer to each other in a circle are made without
//! those references, which are added when all are there. A POST also waits for the DELETEs before
//! it, because a name may be free only then; that is given up where nothing else could go on.

use std::collections::{BTreeMap, BTreeSet};

use super::{Entry, Method, Operation, Subject, references};

/// What is done of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// All of it; of a creation within a circle all but the references to these.
    Main(BTreeSet<String>),
    /// The references that were left out.
    Links(BTreeSet<String>),
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The place of the operation.
    pub entry: usize,
    /// What of it.
    pub phase: Phase,
    /// The nodes that must have ended.
    pub after: BTreeSet<usize>,
    /// So many of [`Order::deletes`] had better have ended.
    pub deletes: usize,
}

/// What there is to do, each after what it waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// In an order that heeds [`Node::after`], and the client's order where that is free.
    pub nodes: Vec<Node>,
    /// The nodes that delete, in the client's order.
    pub deletes: Vec<usize>,
}

/// Orders the operations that make sense.
pub fn order(entries: &[Entry]) -> Order {
    let good: Vec<(usize, &Operation)> = entries
        .iter()
        .enumerate()
        .filter_map(|(i, entry)| Some((i, entry.operation.as_ref().ok()?)))
        .collect();
    let makers: BTreeMap<&str, usize> = good
        .iter()
        .filter(|(_, operation)| operation.method == Method::Post)
        .filter_map(|&(i, _)| Some((entries[i].bulk_id.as_deref()?, i)))
        .collect();
    let named: BTreeMap<usize, BTreeSet<String>> = good
        .iter()
        .map(|&(i, operation)| {
            let mut named = references(&operation.data);
            if let Subject::Made(id) = &operation.subject {
                named.insert(id.clone());
            }
            named.retain(|id| makers.contains_key(id.as_str()));
            (i, named)
        })
        .collect();
    let circles = circles(&makers, &named);
    let mut nodes: Vec<Node> = Vec::new();
    let mut links: BTreeMap<usize, usize> = BTreeMap::new();
    let mains: BTreeMap<usize, usize> =
        good.iter().enumerate().map(|(n, &(i, _))| (i, n)).collect();
    for &(i, operation) in &good {
        let left_out = match operation.method {
            Method::Post => circles.get(&i).cloned().unwrap_or_default(),
            _ => BTreeSet::new(),
        };
        let needed = named[&i].difference(&left_out);
        nodes.push(Node {
            entry: i,
            after: needed.map(|id| mains[&makers[id.as_str()]]).collect(),
            phase: Phase::Main(left_out),
            deletes: 0,
        });
    }
    for (n, &(i, _)) in good.iter().enumerate() {
        let Phase::Main(left_out) = &nodes[n].phase else {
            continue;
        };
        if left_out.is_empty() {
            continue;
        }
        let mut after: BTreeSet<usize> = left_out
            .iter()
            .map(|id| mains[&makers[id.as_str()]])
            .collect();
        after.insert(n);
        links.insert(i, nodes.len());
        nodes.push(Node {
            entry: i,
            phase: Phase::Links(left_out.clone()),
            after,
            deletes: 0,
        });
    }
    let deletes = one_after_the_other(&good, &makers, &links, &mut nodes);
    let rank = ranks(&nodes);
    let mut sorted: Vec<(usize, Node)> = rank.iter().copied().zip(nodes).collect();
    sorted.sort_unstable_by_key(|(rank, _)| *rank);
    let moved = |node: Node| Node {
        after: node.after.iter().map(|&n| rank[n]).collect(),
        ..node
    };
    Order {
        nodes: sorted.into_iter().map(|(_, node)| moved(node)).collect(),
        deletes: deletes.into_iter().map(|n| rank[n]).collect(),
    }
}

/// Those on one resource come in the client's order. Gives the deletions.
fn one_after_the_other(
    good: &[(usize, &Operation)],
    makers: &BTreeMap<&str, usize>,
    links: &BTreeMap<usize, usize>,
    nodes: &mut [Node],
) -> Vec<usize> {
    let mut last: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut deletes = Vec::new();
    for (n, (_, operation)) in good.iter().enumerate() {
        let key = match &operation.subject {
            Subject::New => {
                nodes[n].deletes = deletes.len();
                continue;
            }
            Subject::Id(id) => id.to_ascii_lowercase(),
            Subject::Made(id) => {
                // What belongs to the making comes first.
                if let Some(links) = makers.get(id.as_str()).and_then(|maker| links.get(maker)) {
                    nodes[n].after.insert(*links);
                }
                format!("{}{id}", super::reference::PREFIX)
            }
        };
        let key = (operation.endpoint.to_ascii_lowercase(), key);
        if let Some(before) = last.insert(key, n) {
            nodes[n].after.insert(before);
        }
        if operation.method == Method::Delete {
            deletes.push(n);
        }
    }
    deletes
}

/// For each creation within a circle, the `bulkId`s of its circle that it names.
fn circles(
    makers: &BTreeMap<&str, usize>,
    named: &BTreeMap<usize, BTreeSet<String>>,
) -> BTreeMap<usize, BTreeSet<String>> {
    let mut graph = petgraph::graph::DiGraph::<usize, ()>::new();
    let places: BTreeMap<usize, _> = makers.values().map(|&i| (i, graph.add_node(i))).collect();
    for (&i, &from) in &places {
        for id in &named[&i] {
            graph.add_edge(from, places[&makers[id.as_str()]], ());
        }
    }
    let mut found = BTreeMap::new();
    for circle in petgraph::algo::kosaraju_scc(&graph) {
        let members: BTreeSet<usize> = circle.into_iter().map(|place| graph[place]).collect();
        for &i in &members {
            let inside = named[&i].iter().filter(|id| {
                let maker = makers[id.as_str()];
                members.contains(&maker) && (members.len() > 1 || maker == i)
            });
            let inside: BTreeSet<String> = inside.cloned().collect();
            if !inside.is_empty() {
                found.insert(i, inside);
            }
        }
    }
    found
}

/// The place of each node, so that it stands behind those it waits for.
fn ranks(nodes: &[Node]) -> Vec<usize> {
    let mut waits: Vec<usize> = nodes.iter().map(|node| node.after.len()).collect();
    let mut followers: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    for (n, node) in nodes.iter().enumerate() {
        for &before in &node.after {
            followers[before].push(n);
        }
    }
    let mut ready: BTreeSet<(usize, usize)> = (0..nodes.len())
        .filter(|&n| waits[n] == 0)
        .map(|n| (nodes[n].entry, n))
        .collect();
    let mut rank = vec![0; nodes.len()];
    let mut next = 0;
    while let Some((_, n)) = ready.pop_first() {
        rank[n] = next;
        next += 1;
        for &follower in &followers[n] {
            waits[follower] -= 1;
            if waits[follower] == 0 {
                ready.insert((nodes[follower].entry, follower));
            }
        }
    }
    rank
}
