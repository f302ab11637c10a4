//! `$select`: just the Graph properties that an answer needs.

use super::{Mapping, row::Row, to_graph::SideResource};
use crate::{
    odata::facts,
    scim::{attr::AttrPath, filter::Filter, projection::Projection, schema::Returned},
};

impl Mapping {
    /// The Graph properties that it takes to answer with `projection`, and to evaluate `filter`
    /// and sort by `sort` on the result. `list` leaves out those that a collection cannot give
    /// ([`Self::per_object_select`]); side resources are never among them. The id always is.
    pub fn select(
        &self,
        projection: &Projection,
        filter: Option<&Filter>,
        sort: Option<&AttrPath>,
        list: bool,
    ) -> Vec<String> {
        let mut named = Vec::new();
        if let Some(filter) = filter {
            paths(filter, &mut named);
        }
        named.extend(sort);
        let wanted = |row: &Row| {
            let path = row.place().attr();
            projection.wants(&path, row.returned) || named.iter().any(|n| needs(n, row, &path))
        };
        self.properties(wanted, |property| {
            self.side_resource(property).is_none()
                && !(list && facts::per_object_only(&self.entity, property))
        })
    }

    /// The properties that only a GET of the single object gives, as far as `projection` wants
    /// them.
    pub fn per_object_select(&self, projection: &Projection) -> Vec<String> {
        let wanted = |row: &Row| projection.wants(&row.place().attr(), row.returned);
        self.properties(wanted, |property| {
            self.side_resource(property).is_none() && facts::per_object_only(&self.entity, property)
        })
    }

    /// The side resources that `projection` wants.
    pub fn side_resources(&self, projection: &Projection) -> Vec<SideResource> {
        let wanted = |row: &Row| projection.wants(&row.place().attr(), row.returned);
        self.properties(wanted, |property| self.side_resource(property).is_some())
            .iter()
            .filter_map(|property| self.side_resource(property))
            .collect()
    }

    /// All properties that the rules read and that a list gives: what a copy of the object holds.
    pub fn every_property(&self) -> Vec<String> {
        self.properties(
            |row| row.returned != Returned::Never,
            |property| {
                self.side_resource(property).is_none()
                    && !facts::per_object_only(&self.entity, property)
            },
        )
    }

    /// Whether all that evaluating a path takes is in a default answer.
    pub fn is_in_default_answer(&self, path: &AttrPath) -> bool {
        self.rows
            .iter()
            .filter(|row| row.is_read() && needs(path, row, &row.place().attr()))
            .all(|row| matches!(row.returned, Returned::Default | Returned::Always))
    }

    /// Whether an answer, a filter or a sort looks at what no list gives.
    pub fn looks_beyond(&self, path: &AttrPath) -> bool {
        self.rows.iter().filter(|row| row.is_read()).any(|row| {
            needs(path, row, &row.place().attr())
                && row.properties().any(|property| {
                    self.side_resource(property).is_some()
                        || facts::per_object_only(&self.entity, property)
                })
        })
    }

    fn properties(
        &self,
        wanted: impl Fn(&Row) -> bool,
        fits: impl Fn(&str) -> bool,
    ) -> Vec<String> {
        let mut properties: Vec<String> = Vec::new();
        let is_id = |row: &Row| row.place().path() == AttrPath::core("id");
        for row in self.rows.iter().filter(|row| row.is_read()) {
            if !is_id(row) && !wanted(row) {
                continue;
            }
            for property in row.properties() {
                if fits(property) && !properties.iter().any(|known| known == property) {
                    properties.push(property.to_owned());
                }
            }
        }
        properties
    }
}

/// Whether evaluating a path of a filter takes the row.
fn needs(named: &AttrPath, row: &Row, path: &AttrPath) -> bool {
    if row.returned == Returned::Never {
        return false;
    }
    // `schemas` lists the extensions that have a value, and a bare URN asks for any.
    let is_schemas = named.urn.is_none() && named.attr == "schemas";
    if is_schemas {
        return path.urn.is_some() && row.returned != Returned::Request;
    }
    named.urn == path.urn && (named.attr.is_empty() || named.attr == path.attr)
}

/// The attributes that a filter names.
pub(super) fn paths<'a>(filter: &'a Filter, found: &mut Vec<&'a AttrPath>) {
    match filter {
        Filter::Compare(path, ..) | Filter::Present(path) | Filter::ValuePath(path, _) => {
            found.push(path);
        }
        Filter::And(a, b) | Filter::Or(a, b) => {
            paths(a, found);
            paths(b, found);
        }
        Filter::Not(a) => paths(a, found),
    }
}
