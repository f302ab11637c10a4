//! Which properties of an object an answer shows: defaults, `$select`, `$expand`.

use serde_json::{Map, Value};

use super::columns::Columns;
use super::filter::{MIXED, property_of};
use super::options::{Expand, Query};
use super::sight::Sight;
use super::values;
use crate::odata::facts;
use crate::simulator::directory::{Kind, Reader, Relation, Slot};
use crate::simulator::errors::SimError;
use crate::simulator::model::{EntitySet, Links, Sets, View, What};

/// The most objects inside an expansion.
const MAX_EXPANDED: usize = 20;

/// How objects are shown.
#[derive(Clone, Debug)]
pub struct Projection {
    select: Option<Vec<String>>,
    /// What is expanded.
    expand: Vec<Expand>,
    sight: Sight,
    /// `@odata.type` and `id` first, as in lists of mixed kinds.
    pub typed: bool,
    /// Objects at the other end of a relation: of those that the caller may not read only the id
    /// is shown.
    pub related: bool,
    /// `id` first, as in the answer to a POST.
    pub id_first: bool,
}

impl Projection {
    /// Checks `$select` and `$expand` against a type.
    pub fn new(view: &View<'_>, query: &Query, entity: &str, list: bool) -> Result<Self, SimError> {
        if let Some(names) = &query.select {
            check_select(view.dir, names, entity, list)?;
        }
        if query.expand.len() > 1 && !entity.starts_with("unifiedRole") {
            // Graph's directory expands one relation per request.
            return Err(SimError::unsupported());
        }
        for expand in &query.expand {
            check_expand(view, expand, query, entity, list)?;
        }
        Ok(Self {
            select: query
                .select
                .clone()
                .filter(|names| !names.iter().any(|n| n == "*")),
            expand: query.expand.clone(),
            sight: Sight::of(view),
            typed: false,
            related: false,
            id_first: false,
        })
    }

    /// The default set.
    pub fn default(sets: Sets) -> Self {
        Self {
            select: None,
            expand: Vec::new(),
            sight: Sight::whole(sets),
            typed: false,
            related: false,
            id_first: false,
        }
    }

    /// The default set of the answer to a POST.
    pub fn created(sets: Sets) -> Self {
        Self {
            id_first: true,
            ..Self::default(sets)
        }
    }

    /// The default set behind `@odata.type`, as items of mixed lists have it.
    pub fn of_mixed(sets: Sets) -> Self {
        Self {
            typed: true,
            ..Self::default(sets)
        }
    }

    /// What follows the set's name in `@odata.context`: `(id,displayName)`.
    pub fn context(&self) -> String {
        let mut parts: Vec<String> = self.select.clone().unwrap_or_default();
        // What is selected and expanded is named once.
        parts.retain(|name| !self.expand.iter().any(|expand| expand.name == *name));
        parts.extend(self.expand.iter().map(|e| format!("{}()", e.name)));
        if parts.is_empty() {
            String::new()
        } else {
            format!("({})", parts.join(","))
        }
    }

    /// One object.
    pub fn show(&self, dir: Reader<'_>, slot: Slot) -> Map<String, Value> {
        Table::new(self, dir).row(slot)
    }

    /// The names of what an object of a kind shows, in order.
    fn names(&self, kind: Kind) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        if let Some(select) = &self.select {
            names.extend(select.iter().map(String::as_str));
            names.retain(|name| shows(kind, name));
        } else {
            let defaults = facts::default_properties(kind.entity());
            if self.typed || self.id_first || defaults.is_empty() {
                names.push("id");
            }
            names.extend(defaults);
            if defaults.is_empty()
                && let Some(entity) = facts::entity(kind.entity())
            {
                names.extend(entity.properties().map(|p| p.name.as_str()));
            }
        }
        let mut seen = std::collections::HashSet::new();
        names.retain(|name| seen.insert(*name));
        names
    }
}

/// Objects shown one after another: what a kind shows is looked up once.
pub struct Table<'a> {
    projection: &'a Projection,
    dir: Reader<'a>,
    kinds: Vec<(Kind, Columns<'a>, bool)>,
}

impl<'a> Table<'a> {
    /// Nothing shown yet.
    pub fn new(projection: &'a Projection, dir: Reader<'a>) -> Self {
        Self {
            projection,
            dir,
            kinds: Vec::new(),
        }
    }

    /// One object.
    pub fn row(&mut self, slot: Slot) -> Map<String, Value> {
        let (dir, projection) = (self.dir, self.projection);
        let kind = dir.object(slot).kind;
        let known = self.kinds.iter().position(|(known, ..)| *known == kind);
        let at = known.unwrap_or(self.kinds.len());
        if known.is_none() {
            let columns = Columns::new(dir, kind, &projection.names(kind));
            let seen = !projection.related || projection.sight.reads(kind);
            self.kinds.push((kind, columns, seen));
        }
        let (_, columns, seen) = &mut self.kinds[at];
        let mut shown = Map::with_capacity(columns.len() + 2);
        if projection.typed {
            shown.insert(
                "@odata.type".to_owned(),
                format!("#microsoft.graph.{}", kind.entity()).into(),
            );
        }
        if !*seen {
            columns.fill_blank(dir, slot, &mut shown);
            return shown;
        }
        columns.fill(dir, slot, &mut shown);
        let named = |name: &str| projection.select.iter().flatten().any(|n| n == name);
        if shown.contains_key("keyCredentials") && named("keyCredentials") {
            let keys = values::selected(dir, slot, "keyCredentials");
            shown.insert("keyCredentials".to_owned(), keys);
        }
        for expand in &projection.expand {
            let levels = expand.levels.unwrap_or(1);
            expand_into(dir, &projection.sight, slot, expand, levels, &mut shown);
        }
        shown
    }
}

fn shows(kind: Kind, name: &str) -> bool {
    // Filter only: the service never returns it.
    name != "hasMembersWithLicenseErrors"
        && (property_of(kind.entity(), name).is_some()
            || facts::default_properties(kind.entity()).contains(&name)
            || name.starts_with("extension_"))
}

fn check_select(
    dir: Reader<'_>,
    names: &[String],
    entity: &str,
    list: bool,
) -> Result<(), SimError> {
    for name in names.iter().filter(|n| *n != "*") {
        if property_of(entity, name).is_none() {
            // Undeclared, yet on the wire.
            let wire = MIXED.iter().chain([&entity]).any(|kind| {
                (*kind == entity || entity == "directoryObject")
                    && facts::default_properties(kind).contains(&name.as_str())
            });
            // A relation may be named; it shows when it is expanded too.
            let relation = facts::entity(entity).is_some_and(|e| e.navigation(name).is_some());
            if !wire && !relation && dir.extension(entity, name).is_none() {
                return Err(unknown(name, entity));
            }
        }
        if list && facts::per_object_only(entity, name) {
            return Err(SimError::not_implemented());
        }
    }
    Ok(())
}

fn unknown(name: &str, entity: &str) -> SimError {
    SimError::gateway(format!(
        "Parsing OData Select and Expand failed: Could not find a property named '{name}' on type 'microsoft.graph.{entity}'."
    ))
}

fn check_expand(
    view: &View<'_>,
    expand: &Expand,
    query: &Query,
    entity: &str,
    list: bool,
) -> Result<(), SimError> {
    let Some(navigation) = facts::entity(entity).and_then(|e| e.navigation(&expand.name)) else {
        return Err(unknown(&expand.name, entity));
    };
    let links = set_by_entity(view.sets, entity).and_then(|set| links_of(set, &expand.name));
    if links.is_none_or(|links| links.transitive) {
        let mut name = expand.name.clone();
        name[..1].make_ascii_uppercase();
        return Err(SimError::new(
            400,
            "ExpandNotSupported",
            format!("Expand is not allowed for property '{name}' according to the entity schema."),
        ));
    }
    if let Some(names) = &expand.select {
        let target = navigation.target.as_str();
        check_select(
            view.dir,
            names,
            if target == "directoryObject" {
                "directoryObject"
            } else {
                target
            },
            true,
        )?;
    }
    let levels = expand.levels.is_some();
    if levels && (expand.name != "manager" || entity != "user") {
        return Err(SimError::unsupported());
    }
    // Only the chain of managers goes with the advanced parameters, and it needs them; of one user
    // the header is enough.
    if levels && !list && query.eventual {
        return Ok(());
    }
    if levels != query.advanced() {
        return Err(SimError::unsupported());
    }
    Ok(())
}

fn set_by_entity(sets: Sets, entity: &str) -> Option<&'static EntitySet> {
    Kind::ALL
        .into_iter()
        .find(|kind| kind.entity() == entity)
        .and_then(|kind| sets.of(kind))
}

fn links_of(set: &'static EntitySet, name: &str) -> Option<&'static Links> {
    match &set.part(name)?.what {
        What::Links(links) => Some(links),
        _ => None,
    }
}

fn expand_into(
    dir: Reader<'_>,
    sight: &Sight,
    slot: Slot,
    expand: &Expand,
    levels: usize,
    shown: &mut Map<String, Value>,
) {
    let kind = dir.object(slot).kind;
    let Some(links) = sight
        .sets
        .of(kind)
        .and_then(|set| links_of(set, &expand.name))
    else {
        return;
    };
    let declared = facts::entity(kind.entity()).and_then(|e| e.navigation(&expand.name));
    let target = declared.map_or("directoryObject", |navigation| navigation.target.as_str());
    let inner = Projection {
        select: expand.select.clone(),
        typed: target == "directoryObject",
        related: true,
        sight: sight.clone(),
        ..Projection::default(sight.sets)
    };
    let mut items = (links.items)(dir, slot, None).filter(|item| dir.is_live(*item));
    if !links.single {
        let list: Vec<Value> = items
            .take(MAX_EXPANDED)
            .map(|item| inner.show(dir, item).into())
            .collect();
        shown.insert(expand.name.clone(), list.into());
        return;
    }
    let Some(item) = items.next() else { return };
    let mut object = inner.show(dir, item);
    // A chain of managers may run in a circle; the number of levels ends it.
    let mut above = dir.targets(Relation::Manager, item, None);
    if expand.levels.is_some() && levels > 1 && !above.any(|manager| manager == slot) {
        expand_into(dir, sight, item, expand, levels - 1, &mut object);
    }
    shown.insert(expand.name.clone(), object.into());
}
