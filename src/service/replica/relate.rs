//! What a change of objects and edges means for others: their moments, their documents, their texts.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{
    super::Tenant,
    Fault,
    apply::{Apply, EPOCHS},
    compute,
    rows::{KINDS, kind_of},
};
use crate::{
    resources::{EdgeKind, Side},
    store::replica::{EdgeRow, Near, relation_name},
};

impl Apply<'_> {
    /// Texts that were made with names and nesting of such objects are no longer good.
    pub(super) async fn turn(&mut self, kind: &str) -> Result<(), Fault> {
        let name = if kind == "Group" {
            EPOCHS[0]
        } else {
            EPOCHS[1]
        };
        self.tx
            .add_to_mark(&self.tenant.name, name, 1, self.times.now)
            .await?;
        Ok(())
    }

    /// Documents that show the names of those objects are made anew.
    pub(super) async fn renamed(&mut self, kind: &str, ids: &[String]) -> Result<(), Fault> {
        if ids.is_empty() {
            return Ok(());
        }
        self.turn(kind).await?;
        let relations: &[&str] = match kind {
            "User" => &["manager", "owner"],
            "Role" => &["role"],
            _ => &["owner"],
        };
        let tenant = self.tenant.name.as_str();
        let rows = self.tx.all_edges(tenant, relations, Near::To, ids).await?;
        let mut by_kind: BTreeMap<String, HashSet<String>> = BTreeMap::new();
        for row in rows.into_iter().filter(|row| !row.removed) {
            by_kind.entry(row.from_kind).or_default().insert(row.from);
        }
        for (kind, ids) in by_kind {
            let ids: Vec<String> = ids.into_iter().collect();
            self.rebuild(&kind, &ids).await?;
        }
        Ok(())
    }

    /// Makes the documents of those objects anew out of what is stored.
    pub(crate) async fn rebuild(&mut self, kind: &str, ids: &[String]) -> Result<(), Fault> {
        let Some(of) = self.tenant.types.iter().find(|of| of.kind.name == kind) else {
            return Ok(());
        };
        let tenant = self.tenant.name.as_str();
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        for ids in ids.chunks(500) {
            let known = self.tx.objects(tenant, kind, ids).await?;
            let edges = self
                .tx
                .all_edges(tenant, &of.shape.in_document, Near::From, ids)
                .await?;
            let mut by_id: HashMap<String, Vec<EdgeRow>> = HashMap::new();
            for row in edges {
                by_id.entry(row.from.clone()).or_default().push(row);
            }
            let mut rows = Vec::new();
            for mut row in known {
                let mut edges = by_id.remove(&row.id).unwrap_or_default();
                edges.sort_by(|a, b| {
                    (&a.relation, &a.to, &a.part).cmp(&(&b.relation, &b.to, &b.part))
                });
                let entity = compute::parse(&row);
                let attributes = super::body::attributes(&of.mapping, &entity);
                let body = compute::finished(of, attributes, &edges);
                if body.text == row.body && body.links == row.links {
                    continue;
                }
                let parse = |text: &str| serde_json::from_str(text).unwrap_or_default();
                let names = super::body::differences(&parse(&row.body), &parse(&body.text));
                self.tell(kind, &row.id, "updated", names);
                row.body = body.text;
                row.links = body.links;
                row.created = body.created;
                row.modified = self.times.now.max(row.modified + 1);
                rows.push(row);
            }
            self.tx.put_objects(tenant, kind, &rows).await?;
        }
        Ok(())
    }

    /// Notes that the ends of edges have changed, and tells of it.
    pub(super) async fn touch(&mut self, edges: &[EdgeRow], sides: &[Side]) -> Result<(), Fault> {
        if self.quiet {
            return Ok(());
        }
        let mut by_kind: BTreeMap<&str, BTreeMap<&str, Vec<String>>> = BTreeMap::new();
        for row in edges {
            let Some(edge) = kind_of(row) else { continue };
            for side in sides {
                let (kind, id) = match side {
                    Side::From => (row.from_kind.as_str(), row.from.as_str()),
                    Side::To => (row.to_kind.as_str(), row.to.as_str()),
                };
                if let Some(name) = attribute_of(self.tenant, kind, edge, *side) {
                    let names = by_kind.entry(kind).or_default().entry(id).or_default();
                    if !names.contains(&name) {
                        names.push(name);
                    }
                }
            }
        }
        for (kind, ids) in by_kind {
            let all: Vec<String> = ids.keys().map(|id| (*id).to_owned()).collect();
            self.tx
                .touch_objects(&self.tenant.name, kind, &all, self.times.now)
                .await?;
            for (id, names) in ids {
                self.tell(kind, id, "updated", names);
            }
        }
        Ok(())
    }

    /// Puts edges in and takes edges out, as settled: their ends are touched, and documents that
    /// hold them are made anew.
    pub(crate) async fn edges(
        &mut self,
        put: Vec<EdgeRow>,
        removed: Vec<EdgeRow>,
    ) -> Result<(), Fault> {
        if put.is_empty() && removed.is_empty() {
            return Ok(());
        }
        let tenant = self.tenant.name.as_str();
        self.tx.put_edges(tenant, &put).await?;
        self.tx.remove_edges(tenant, &removed).await?;
        let all: Vec<EdgeRow> = put.into_iter().chain(removed).collect();
        if all
            .iter()
            .any(|row| row.relation == "member" && row.to_kind == "Group")
        {
            self.turn("Group").await?;
        }
        self.touch(&all, &[Side::From, Side::To]).await?;
        let mut holders: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for row in &all {
            if !is_joined(row) {
                holders
                    .entry(row.from_kind.clone())
                    .or_default()
                    .push(row.from.clone());
            }
        }
        for (kind, ids) in holders {
            self.rebuild(&kind, &ids).await?;
        }
        Ok(())
    }

    /// Takes objects out. Whoever was related to them has changed.
    pub(crate) async fn remove(
        &mut self,
        kind: &str,
        ids: &[String],
        own: bool,
    ) -> Result<(), Fault> {
        let tenant = self.tenant.name.as_str();
        let there = self.tx.object_names(tenant, kind, ids).await?;
        let mut ids: Vec<String> = ids.iter().map(|id| id.to_ascii_lowercase()).collect();
        if !own {
            // What was not there is not news, but its own tombstone stays.
            ids.retain(|id| there.iter().any(|(known, _)| known == id));
        }
        if ids.is_empty() {
            return Ok(());
        }
        let relations = KINDS.map(relation_name);
        let from = self
            .tx
            .all_edges(tenant, &relations, Near::From, &ids)
            .await?;
        let to = self
            .tx
            .all_edges(tenant, &relations, Near::To, &ids)
            .await?;
        self.tx
            .remove_objects(tenant, kind, &ids, self.times.now, own)
            .await?;
        self.turn(kind).await?;
        let gone: Vec<String> = there.iter().map(|(id, _)| id.clone()).collect();
        self.count(kind, &gone, -1).await?;
        for (id, _) in &there {
            self.tell(kind, id, "deleted", Vec::new());
        }
        let live = |rows: Vec<EdgeRow>| -> Vec<EdgeRow> {
            rows.into_iter().filter(|row| !row.removed).collect()
        };
        let (from, to) = (live(from), live(to));
        self.touch(&from, &[Side::To]).await?;
        self.touch(&to, &[Side::From]).await?;
        let mut holders: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for row in to {
            if !is_joined(&row) {
                holders.entry(row.from_kind).or_default().push(row.from);
            }
        }
        for (kind, ids) in holders {
            self.rebuild(&kind, &ids).await?;
        }
        Ok(())
    }
}

/// Whether no document holds the edge: there may be many of its kind.
fn is_joined(row: &EdgeRow) -> bool {
    [EdgeKind::Member, EdgeKind::Unit]
        .iter()
        .any(|kind| row.relation == relation_name(*kind))
}

/// The attribute in which an object of type `kind` shows such edges, if any does.
fn attribute_of(tenant: &Tenant, kind: &str, edge: EdgeKind, side: Side) -> Option<String> {
    let of = tenant.types.iter().find(|of| of.kind.name == kind)?;
    let place = of.shape.places.iter();
    let mut places = place.filter(|place| place.kind == edge && place.side == side);
    places.next().map(|place| place.path.to_string())
}
