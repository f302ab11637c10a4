//! What the replica holds of a resource type, worked out from its declaration and its rules.

use crate::{
    resources::{EdgeKind, Relation, ResourceType, Side},
    scim::projection::Projection,
    store::replica::relation_name,
    translation::{
        Mapping, RelationRow,
        index::{IndexPlan, RelationPlace},
    },
};

/// How a relation of a type is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// In the finished document: few edges, that start at the object.
    InDocument,
    /// Joined when the document is read.
    Joined,
}

/// How edges of a relation are held.
pub(crate) fn kept(relation: &dyn Relation) -> Kept {
    match relation.edge() {
        (EdgeKind::Member | EdgeKind::Unit, _) | (_, Side::To) => Kept::Joined,
        _ => Kept::InDocument,
    }
}

/// Whether the edges of a relation come with the entity itself.
pub(crate) fn comes_along(relation: &dyn Relation) -> bool {
    relation.expand().is_some() || !relation.own_properties().is_empty()
}

/// What the replica holds of a resource type.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    /// Graph properties to read, of lists.
    pub(crate) select: Vec<String>,
    /// What is indexed.
    pub(crate) index: IndexPlan,
    /// Its mapped relations, as filters name them.
    pub(crate) places: Vec<RelationPlace>,
    /// Relations, as the store names them, whose edges come with the entity.
    pub(crate) along: Vec<&'static str>,
    /// Relations, as the store names them, that are in the finished document.
    pub(crate) in_document: Vec<&'static str>,
    /// Tells one set of rules from another.
    pub(crate) fingerprint: i64,
}

/// A relation of the type with its row.
type Mapped<'a> = (&'a RelationRow, &'static dyn Relation);

impl Shape {
    /// The shape of a type.
    pub(crate) fn of<'a>(
        kind: &'static ResourceType,
        mapping: &Mapping,
        relations: impl Iterator<Item = Mapped<'a>> + Clone,
    ) -> Self {
        let mut select = mapping.every_property();
        let mut add = |name: &str| {
            if !select.iter().any(|known| known == name) {
                select.push(name.to_owned());
            }
        };
        add(kind.id_property);
        if mapping.entity() != "subscribedSku" {
            add("displayName");
        }
        for name in kind.special.guard_properties() {
            add(name);
        }
        let mut along = Vec::new();
        let mut in_document = Vec::new();
        // Edges are held whether the rules map them or not: others look at them from their end.
        for relation in kind.relations.iter().copied() {
            let name = relation_name(relation.edge().0);
            if relation.edge().1 == Side::From && comes_along(relation) {
                for property in relation.own_properties() {
                    add(property);
                }
                along.push(name);
            }
        }
        let places = relations.clone().map(|(row, relation)| RelationPlace {
            path: row.path.clone(),
            kind: relation.edge().0,
            side: relation.edge().1,
        });
        let places = places.collect();
        for (_, relation) in relations {
            if kept(relation) == Kept::InDocument {
                in_document.push(relation_name(relation.edge().0));
            }
        }
        let index = IndexPlan::of(mapping);
        let fingerprint = fingerprint(mapping, &select, &index);
        Self {
            select,
            index,
            places,
            along,
            in_document,
            fingerprint,
        }
    }
}

fn fingerprint(mapping: &Mapping, select: &[String], index: &IndexPlan) -> i64 {
    use sha2::{Digest as _, Sha256};
    let mut hasher = Sha256::new();
    hasher.update(env!("CARGO_PKG_VERSION"));
    hasher.update(format!("{:?}", Projection::all()));
    for row in mapping.rows() {
        hasher.update(format!(
            "{}|{:?}|{:?}|{:?}|{:?}|{}\n",
            row.written, row.graph, row.transform, row.returned, row.kind, row.case_exact
        ));
    }
    for row in mapping.relations() {
        hasher.update(format!("{}|{}|{:?}\n", row.relation, row.path, row.shape));
    }
    hasher.update(select.join(","));
    for leaf in index.leaves() {
        hasher.update(format!("{}|{:?}\n", leaf.attr, leaf.sort));
    }
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hasher.finalize()[..8]);
    i64::from_be_bytes(bytes)
}
