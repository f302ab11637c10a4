//! What a read has to bring, worked out from the mapping and the projection.

use std::sync::{Arc, OnceLock};

use super::super::MappedType;
use crate::{
    resources::Relation,
    scim::{attr::AttrPath, filter::Filter, projection::Projection},
    translation::{RelationRow, SideResource},
};

/// A relation with the row that maps it.
#[derive(Clone, Copy)]
pub(crate) struct Related<'a> {
    pub(crate) row: &'a RelationRow,
    pub(crate) relation: &'static dyn Relation,
}

/// What a read has to bring.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// Graph properties of the entity.
    pub(crate) select: Vec<String>,
    /// Relations to read: places in [`MappedType::related`].
    pub(crate) relations: Vec<usize>,
    /// Properties that only a read of one object gives.
    pub(crate) per_object: Vec<String>,
    /// What lives beside the object.
    pub(crate) sides: Vec<SideResource>,
    /// Whether the document holds all that a default answer holds: only then has it a version.
    pub(crate) complete: bool,
}

/// The wants of answers without a projection: of one object, and of a list.
#[derive(Debug, Default)]
pub(crate) struct Defaults {
    one: OnceLock<Arc<Wanted>>,
    list: OnceLock<Arc<Wanted>>,
}

impl Wanted {
    /// What an answer with this projection needs. That of the default projection is worked out
    /// once.
    pub(crate) fn answer(of: &MappedType, projection: &Projection, list: bool) -> Arc<Self> {
        let make = || Arc::new(Self::of_answer(of, projection, list));
        if !projection.is_default() {
            return make();
        }
        let slot = if list {
            &of.defaults.list
        } else {
            &of.defaults.one
        };
        Arc::clone(slot.get_or_init(make))
    }

    fn of_answer(of: &MappedType, projection: &Projection, list: bool) -> Self {
        let relations = of
            .related()
            .enumerate()
            .filter(|(_, r)| projection.wants(&r.row.path, r.row.attribute.returned))
            .map(|(i, _)| i)
            .collect();
        let wanted = Self::with_relations(of, projection, relations, list);
        if projection.is_default() || !projection.only_excludes() {
            return wanted;
        }
        // Where leaving out saves no request, all is read, so that the answer has its version.
        let whole = Self::answer(of, &Projection::all(), list);
        let as_dear = wanted.relations == whole.relations
            && wanted.per_object == whole.per_object
            && wanted.sides == whole.sides;
        if as_dear { (*whole).clone() } else { wanted }
    }

    /// The attributes of the projection, with the relations chosen by the caller.
    pub(crate) fn with_relations(
        of: &MappedType,
        projection: &Projection,
        relations: Vec<usize>,
        list: bool,
    ) -> Self {
        let mut wanted = Self {
            select: of.mapping.select(projection, None, None, list),
            relations: Vec::new(),
            per_object: of.mapping.per_object_select(projection),
            sides: of.mapping.side_resources(projection),
            complete: projection.is_default(),
        };
        wanted.add_property(of.kind.id_property);
        for i in relations {
            wanted.add_relation(of, i);
        }
        wanted
    }

    /// What a filter and a sort look at: nothing for the answer, and all of it if they look at the
    /// version, which is a digest of all.
    pub(crate) fn looked_at(
        of: &MappedType,
        filter: Option<&Filter>,
        sort: Option<&AttrPath>,
    ) -> Self {
        let mut paths = Vec::new();
        if let Some(filter) = filter {
            filter.paths(&mut paths);
        }
        paths.extend(sort);
        let version = |p: &&AttrPath| {
            p.urn.is_none()
                && p.attr == "meta"
                && p.sub.as_deref().is_none_or(|sub| sub == "version")
        };
        if paths.iter().any(version) {
            return (*Self::answer(of, &Projection::all(), true)).clone();
        }
        let mut wanted = Self {
            select: of.mapping.select(&of.only_id, filter, sort, true),
            ..Self::default()
        };
        wanted.add_property(of.kind.id_property);
        for (i, related) in of.related().enumerate() {
            let path = &related.row.path;
            let named = |p: &&AttrPath| {
                p.urn == path.urn && (p.attr == path.attr || p.attr.is_empty())
                    || p.urn.is_none() && p.attr == "schemas" && path.urn.is_some()
            };
            if paths.iter().any(named) {
                wanted.add_relation(of, i);
            }
        }
        wanted
    }

    /// Both: the entity of one read serves to look at and to answer.
    pub(crate) fn and(&self, of: &MappedType, other: &Self) -> Self {
        let mut both = self.clone();
        for property in &other.select {
            both.add_property(property);
        }
        for &i in &other.relations {
            both.add_relation(of, i);
        }
        both
    }

    /// The same without what must be read beside the entity.
    pub(crate) fn only_entity(mut self, of: &MappedType) -> Self {
        self.relations.retain(|&i| {
            of.relation(i)
                .is_some_and(|r| r.relation.expand().is_some())
        });
        self
    }

    /// Adds properties that a guard looks at.
    pub(crate) fn also(mut self, properties: &[&str]) -> Self {
        for property in properties {
            self.add_property(property);
        }
        self
    }

    fn add_property(&mut self, property: &str) {
        if !self.select.iter().any(|s| s == property) {
            self.select.push(property.to_owned());
        }
    }

    fn add_relation(&mut self, of: &MappedType, i: usize) {
        if let Some(related) = of.relation(i)
            && !self.relations.contains(&i)
        {
            self.relations.push(i);
            for property in related.relation.own_properties() {
                self.add_property(property);
            }
        }
    }
}
