//! What changed since the last round, for the types that have a change query.

use std::sync::Arc;

use serde_json::Value;

use super::{keeper::Keeper, lease::Lease, links};
use crate::{
    graph::NextLink,
    odata::request::Request,
    resources::{EdgeKind, Listing, Side},
    service::{
        MappedType,
        replica::{
            Fault,
            apply::{Apply, DIRECTORY},
            count,
        },
    },
    store::replica::Mark,
};

/// Relations that a change query tells of.
const FOLLOWED: [(EdgeKind, &str); 2] =
    [(EdgeKind::Member, "members"), (EdgeKind::Owner, "owners")];

/// Whether the type has a change query.
pub(super) fn has_one(of: &MappedType) -> bool {
    of.kind.listing == Listing::Paged
}

/// The name of the mark with the link of the next round.
pub(super) fn link_name(of: &MappedType) -> String {
    format!("link:{}", of.kind.name)
}

/// What a change query follows: the properties that are held, and the relations.
fn followed(of: &MappedType) -> Vec<String> {
    let mut names = of.shape.select.clone();
    for relation in of.kind.relations {
        let (kind, side) = relation.edge();
        let links = FOLLOWED.iter().any(|(followed, _)| *followed == kind);
        if side == Side::From && (relation.expand().is_some() || links) {
            names.push(relation.name().to_owned());
        }
    }
    names
}

/// A link from which what changes from now on is told.
pub(super) async fn latest(keeper: &Keeper, of: &MappedType) -> Result<String, Fault> {
    let request = Request::get(format!("{}/delta", of.kind.collection))
        .option("$deltatoken", "latest")
        .select(followed(of));
    let page = keeper.tenant.graph.page(&keeper.call(), &request).await?;
    match page.delta {
        Some(link) => Ok(link.as_str().to_owned()),
        None => Err(Fault::Refused(format!(
            "Graph gave no link to follow the changes of {}",
            of.kind.collection
        ))),
    }
}

/// Follows the changes of a type to their end.
///
/// `generation`: of the snapshot that it completes, or 0.
pub(super) async fn run(
    keeper: &Keeper,
    lease: &Lease,
    of: &Arc<MappedType>,
    generation: i64,
) -> Result<(), Fault> {
    let name = link_name(of);
    let Some(mark) = keeper.mark(&name).await? else {
        return Err(Fault::Refused(format!(
            "there is no link of {}",
            of.kind.name
        )));
    };
    let mut link = NextLink::from_stored(mark.value);
    loop {
        let graph = &keeper.tenant.graph;
        let page = graph.next_page(&keeper.call(), &link, false).await?;
        let next = page.next.as_ref().or(page.delta.as_ref());
        let Some(next) = next.cloned() else {
            return Err(Fault::Refused("a change query without an end".to_owned()));
        };
        let is_last = page.next.is_none();
        let quiet = next.as_str() == link.as_str() && page.items.is_empty();
        if !quiet {
            let mark = (name.as_str(), next.as_str());
            take_over(keeper, lease, of, page.items, mark, generation).await?;
        }
        link = next;
        if is_last {
            return Ok(());
        }
    }
}

/// One page, with the link that comes after it, in one transaction.
async fn take_over(
    keeper: &Keeper,
    lease: &Lease,
    of: &Arc<MappedType>,
    items: Vec<Value>,
    (name, next): (&str, &str),
    generation: i64,
) -> Result<(), Fault> {
    let followed: Vec<_> = FOLLOWED
        .iter()
        .filter(|(kind, _)| {
            let mut relations = of.kind.relations.iter();
            relations.any(|relation| relation.edge() == (*kind, Side::From))
        })
        .map(|(kind, relation)| (*kind, links::told(&items, relation)))
        .collect();
    let foreign = followed.iter().flat_map(|(_, told)| links::ends(told));
    links::name_foreign(keeper, lease, foreign).await?;
    let (there, gone) = Keeper::apart(items);
    let first = keeper.is_first().await?;
    let mut tx = lease.begin().await?;
    let replica = &keeper.tenant.replica;
    let times = replica.times(keeper.app.clock.as_ref(), generation);
    let mut apply = Apply::new(&mut tx, &keeper.tenant, times, DIRECTORY);
    apply.quiet = first;
    apply.remove(of.kind.name, &gone, false).await?;
    apply.entities(of, there).await?;
    for (kind, told) in followed {
        links::apply(&mut apply, kind, told).await?;
    }
    count(&replica.counters.stale, apply.stale);
    let changed = apply.finish().await?;
    count(
        &replica.counters.changes,
        u64::try_from(changed).unwrap_or_default(),
    );
    let mark = Mark {
        value: next.to_owned(),
        number: 0,
        at: times.now,
    };
    tx.set_mark(&keeper.tenant.name, name, &mark).await?;
    tx.commit().await?;
    Ok(())
}
