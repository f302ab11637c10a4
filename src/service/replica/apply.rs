//! Puts what pages show, and what was written here, into the replica: objects with their edges,
//! documents and keys, and a change of the feed for each. All within one transaction, which the
//! caller ends.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use serde_json::Value;
use tokio::time::Instant;

use super::{
    super::{MappedType, Tenant},
    Fault,
    compute::{self, Names, Outcome, Ready, Times, Work, compute},
};
use crate::{
    heavy,
    resources::{EdgeKind, Side},
    store::{
        Tx,
        replica::{Change, EdgeRow, Near, ObjectRow, relation_name, to_bytes},
    },
    translation::index::UNKEYED,
};

/// With more objects, working them out leaves the async workers.
const MANY: usize = 16;

/// Behind a type's name: what leads to the object is to be read again as well.
pub(crate) const WITH_LINKS: &str = "+";

/// Who is the cause of changes.
pub(crate) const DIRECTORY: &str = "directory";

/// The marks that count how often names and nesting of groups, and names of others, have changed.
pub(crate) const EPOCHS: [&str; 2] = ["epoch:Group", "epoch:User"];

/// The mark that counts the objects of a type whose ids begin with that byte.
pub(crate) fn rank_name(kind: &str, first: u8) -> String {
    format!("rank:{kind}:{first:02x}")
}

/// One transaction's worth of changes.
pub(crate) struct Apply<'a> {
    pub(crate) tx: &'a mut Tx,
    pub(crate) tenant: &'a Tenant,
    pub(crate) times: Times,
    /// A caller, or [`DIRECTORY`].
    pub(crate) cause: &'a str,
    /// First inventory: nothing of it is news.
    pub(crate) quiet: bool,
    /// The rules are new: keys are put in also where nothing changed.
    pub(crate) rekey: bool,
    /// How often something older than an own write was shown.
    pub(crate) stale: u64,
    changes: BTreeMap<(String, String), Told>,
}

struct Told {
    change: &'static str,
    attributes: Vec<String>,
}

impl<'a> Apply<'a> {
    /// Begins.
    pub(crate) fn new(tx: &'a mut Tx, tenant: &'a Tenant, times: Times, cause: &'a str) -> Self {
        Self {
            tx,
            tenant,
            times,
            cause,
            quiet: false,
            rekey: false,
            stale: 0,
            changes: BTreeMap::new(),
        }
    }

    /// Ends: adds what changed to the feed; how many objects that were.
    pub(crate) async fn finish(self) -> Result<usize, Fault> {
        if self.quiet {
            return Ok(self.changes.len());
        }
        let changes: Vec<Change> = self
            .changes
            .into_iter()
            .map(|((kind, id), told)| Change {
                kind,
                id,
                change: told.change,
                attributes: told.attributes,
                cause: self.cause.to_owned(),
            })
            .collect();
        self.tx
            .add_changes(&self.tenant.name, self.times.now, &changes)
            .await?;
        Ok(changes.len())
    }

    pub(super) fn tell(
        &mut self,
        kind: &str,
        id: &str,
        change: &'static str,
        attributes: Vec<String>,
    ) {
        let served = self.tenant.types.iter().any(|of| of.kind.name == kind);
        if self.quiet || !served {
            return;
        }
        let told = self
            .changes
            .entry((kind.to_owned(), id.to_owned()))
            .or_insert(Told {
                change,
                attributes: Vec::new(),
            });
        match (told.change, change) {
            ("created", "updated") => {}
            (_, change) => told.change = change,
        }
        for name in attributes {
            if !told.attributes.contains(&name) {
                told.attributes.push(name);
            }
        }
    }

    /// Objects as Graph shows them.
    pub(crate) async fn entities(
        &mut self,
        of: &Arc<MappedType>,
        entities: Vec<Value>,
    ) -> Result<(), Fault> {
        let id_property = of.kind.id_property;
        let mut shown: HashMap<String, Value> = HashMap::with_capacity(entities.len());
        for entity in entities {
            if let Some(id) = entity.get(id_property).and_then(Value::as_str) {
                // Of an object that comes twice, the last state counts; its links may have come
                // with either.
                let id = id.to_ascii_lowercase();
                let entity = match shown.remove(&id) {
                    Some(earlier) => with_links_of(earlier, entity),
                    None => entity,
                };
                shown.insert(id, entity);
            }
        }
        let mut ids: Vec<String> = shown.keys().cloned().collect();
        ids.sort_unstable();
        self.bury_or_raise(of, &mut ids, &mut shown).await?;
        let tenant = self.tenant.name.as_str();
        let known = self.tx.objects(tenant, of.kind.name, &ids).await?;
        let mut known: HashMap<String, ObjectRow> =
            known.into_iter().map(|row| (row.id.clone(), row)).collect();
        let mut edges = self.edges_of(of, &ids, known.is_empty()).await?;
        let mut works = Vec::with_capacity(ids.len());
        for id in ids {
            let Some(entity) = shown.remove(&id) else {
                continue;
            };
            let edges = edges.remove(&id).unwrap_or_default();
            works.push(Work {
                entity: compute::canonical(of, entity, &edges),
                known: known.remove(&id),
                edges,
                id,
            });
        }
        self.leave_out_dead(&mut works).await?;
        let names = self.names_for(&works).await?;
        let ready = work_out(of, works, names, self.times).await?;
        self.store(of, ready).await
    }

    /// Leaves out what was deleted here moments ago and is still shown; what was deleted and is
    /// there again is no longer dead.
    async fn bury_or_raise(
        &mut self,
        of: &MappedType,
        ids: &mut Vec<String>,
        shown: &mut HashMap<String, Value>,
    ) -> Result<(), Fault> {
        let tenant = self.tenant.name.as_str();
        let kind = of.kind.name;
        let tombstones = self.tx.tombstones(tenant, kind, ids).await?;
        let mut raised = Vec::new();
        for tombstone in tombstones {
            let age = self.times.now - tombstone.at;
            if tombstone.own && age < self.times.longest {
                self.stale += 1;
                shown.remove(&tombstone.id);
                let due = self.times.now + super::guard::AGREED;
                let again = [tombstone.id.clone()];
                self.tx.recheck(tenant, kind, &again, due).await?;
                ids.retain(|id| *id != tombstone.id);
            } else {
                raised.push(tombstone.id);
            }
        }
        self.tx.forget_tombstones(tenant, kind, &raised).await?;
        // What led to them before they went leads to them again, and no change query says so.
        let again = format!("{kind}{WITH_LINKS}");
        self.tx
            .recheck(tenant, &again, &raised, self.times.now)
            .await?;
        Ok(())
    }

    async fn edges_of(
        &mut self,
        of: &MappedType,
        ids: &[String],
        all_new: bool,
    ) -> Result<HashMap<String, Vec<EdgeRow>>, Fault> {
        let mut relations = of.shape.along.clone();
        relations.extend(
            of.shape
                .in_document
                .iter()
                .filter(|name| !of.shape.along.contains(name)),
        );
        let mut edges: HashMap<String, Vec<EdgeRow>> = HashMap::new();
        if all_new && self.quiet && !relations.contains(&"role") {
            return Ok(edges);
        }
        let tenant = self.tenant.name.as_str();
        let rows = self
            .tx
            .all_edges(tenant, &relations, Near::From, ids)
            .await?;
        for row in rows {
            edges.entry(row.from.clone()).or_default().push(row);
        }
        Ok(edges)
    }

    /// A page may name a manager that the replica saw deleted since; when he comes back, his reports
    /// are read again.
    async fn leave_out_dead(&mut self, works: &mut [Work]) -> Result<(), Fault> {
        let manager = |work: &Work| {
            let id = work.entity.get("manager")?.get("id")?.as_str()?;
            Some(id.to_ascii_lowercase())
        };
        let ids: Vec<String> = works.iter().filter_map(manager).collect();
        let graves = self.tx.tombstones(&self.tenant.name, "User", &ids).await?;
        for work in works {
            if manager(work).is_some_and(|id| graves.iter().any(|grave| grave.id == id)) {
                work.entity.shift_remove("manager");
            }
        }
        Ok(())
    }

    /// The names of the far ends of edges that come along: managers.
    async fn names_for(&mut self, works: &[Work]) -> Result<Names, Fault> {
        let mut ids: Vec<String> = works
            .iter()
            .filter_map(|work| work.entity.get("manager")?.get("id")?.as_str())
            .map(str::to_ascii_lowercase)
            .collect();
        ids.sort_unstable();
        ids.dedup();
        let found = self
            .tx
            .object_names(&self.tenant.name, "User", &ids)
            .await?;
        let mut names: Names = found
            .into_iter()
            .filter_map(|(id, name)| Some((id, name?)))
            .collect();
        for work in works {
            if ids.binary_search(&work.id).is_ok()
                && let Some(name) = work.entity.get("displayName").and_then(Value::as_str)
            {
                names.insert(work.id.clone(), name.to_owned());
            }
        }
        Ok(names)
    }

    async fn store(&mut self, of: &Arc<MappedType>, ready: Vec<Ready>) -> Result<(), Fault> {
        let tenant = self.tenant.name.as_str();
        let kind = of.kind.name;
        let (mut rows, mut old, mut values) = (Vec::new(), Vec::new(), Vec::new());
        let (mut same, mut renamed) = (Vec::new(), Vec::new());
        let (mut put, mut removed) = (Vec::new(), Vec::new());
        let mut created = Vec::new();
        for one in ready {
            self.stale += u64::from(one.stale);
            let id = one.row.id.clone();
            if one.renamed && (one.outcome != Outcome::Created || !self.quiet) {
                renamed.push(id.clone());
            }
            put.extend(one.put_edges);
            removed.extend(one.remove_edges);
            if one.outcome == Outcome::Same && !self.rekey {
                if self.times.generation > 0 {
                    same.push(id);
                }
                continue;
            }
            if one.outcome != Outcome::Created {
                old.push(id.clone());
            }
            values.push((id.clone(), one.entries));
            match one.outcome {
                Outcome::Created => {
                    created.push(id.clone());
                    self.tell(kind, &id, "created", Vec::new());
                }
                Outcome::Updated(names) => self.tell(kind, &id, "updated", names),
                Outcome::Inner | Outcome::Same => {}
            }
            rows.push(one.row);
        }
        self.tx.put_objects(tenant, kind, &rows).await?;
        self.tx.put_values(tenant, kind, &old, &values).await?;
        let unkeyed = values
            .iter()
            .any(|(_, entries)| entries.iter().any(|entry| entry.attr == UNKEYED));
        if unkeyed {
            let name = format!("unkeyed:{kind}");
            self.tx
                .add_to_mark(tenant, &name, 1, self.times.now)
                .await?;
        }
        self.tx
            .seen_objects(tenant, kind, &same, self.times.generation)
            .await?;
        self.count(kind, &created, 1).await?;
        self.tx.put_edges(tenant, &put).await?;
        self.tx.remove_edges(tenant, &removed).await?;
        let replaced: HashSet<(&str, &str)> = put
            .iter()
            .map(|row| (row.relation.as_str(), row.from.as_str()))
            .collect();
        let ended: Vec<EdgeRow> = removed
            .iter()
            .filter(|row| row.relation == relation_name(EdgeKind::Manager))
            .filter(|row| !replaced.contains(&(row.relation.as_str(), row.from.as_str())))
            .cloned()
            .collect();
        self.doubt(&ended).await?;
        // The objects themselves are told of above; their far ends are not.
        let far: Vec<EdgeRow> = put.into_iter().chain(removed).collect();
        self.touch(&far, &[Side::To]).await?;
        self.renamed(kind, &renamed).await
    }

    /// Links that Graph no longer shows, though nobody told that they were cut: their far end may
    /// have been in the recycle bin while they were read, and out of it before the change query was
    /// asked, which then tells of nothing. Its links are looked at again.
    pub(crate) async fn doubt(&mut self, gone: &[EdgeRow]) -> Result<(), Fault> {
        for kind in ["User", "Group"] {
            let far = gone
                .iter()
                .filter(|row| !row.removed && row.to_kind == kind);
            let mut ids: Vec<String> = far.map(|row| row.to.clone()).collect();
            ids.sort_unstable();
            ids.dedup();
            let again = format!("{kind}{WITH_LINKS}");
            self.tx
                .recheck(&self.tenant.name, &again, &ids, self.times.now)
                .await?;
        }
        Ok(())
    }

    /// Keeps the number of objects of a type: `by` for each of those that came or went, in all and
    /// by the first byte of their ids.
    pub(super) async fn count(&mut self, kind: &str, ids: &[String], by: i64) -> Result<(), Fault> {
        if ids.is_empty() {
            return Ok(());
        }
        let mut marks: BTreeMap<String, i64> = BTreeMap::new();
        for id in ids {
            *marks.entry(format!("count:{kind}")).or_default() += by;
            let first = to_bytes(id).first().copied().unwrap_or_default();
            *marks.entry(rank_name(kind, first)).or_default() += by;
        }
        let marks: Vec<(String, i64)> = marks.into_iter().collect();
        self.tx
            .add_to_marks(&self.tenant.name, &marks, self.times.now)
            .await?;
        Ok(())
    }
}

async fn work_out(
    of: &Arc<MappedType>,
    works: Vec<Work>,
    names: Names,
    times: Times,
) -> Result<Vec<Ready>, Fault> {
    let of = Arc::clone(of);
    let much = works.len() > MANY;
    let all = move || {
        works
            .into_iter()
            .map(|work| compute(&of, work, &names, times))
            .collect::<Vec<Ready>>()
    };
    // Nobody waits for it but the synchronisation.
    let patience = Instant::now() + Duration::from_hours(1);
    Ok(heavy::run(much, patience, all).await?)
}

/// The later of two states of an object, with what the earlier one alone tells of its links.
fn with_links_of(earlier: Value, mut later: Value) -> Value {
    if let (Value::Object(earlier), Some(later)) = (earlier, later.as_object_mut()) {
        for (name, links) in earlier {
            if name.ends_with("@delta") {
                later.entry(name).or_insert(links);
            }
        }
    }
    later
}
