//! Many elements with one `value`: one role at thousands of scopes.

use std::collections::HashMap;

use serde_json::Value;

use super::elements::{is_identity, key_of, same};
use crate::scim::schema::Attribute;

/// Finds the same element among those that have one `value` without looking at each.
///
/// Two such elements are the same when they agree on what both say. So elements are grouped by
/// the names that they say, and each group is looked up by the names that it shares with the
/// element in question. There are few groups, because there are few sub-attributes.
///
/// What has changed since it was put in stays under its old keys as well: every candidate is
/// compared.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    groups: Vec<Group>,
}

/// Places by key.
type Places = HashMap<String, Vec<usize>>;

/// The elements that say the same names.
#[derive(Debug)]
struct Group {
    names: Vec<String>,
    places: Vec<usize>,
    /// Places by what they say of some of the names.
    by: Vec<(Vec<String>, Places)>,
}

impl Crowd {
    pub(super) fn insert(&mut self, attribute: &Attribute, element: &Value, at: usize) {
        let names = identities(attribute, element);
        let known = self.groups.iter().position(|group| group.names == names);
        let known = known.unwrap_or_else(|| {
            self.groups.push(Group {
                names,
                places: Vec::new(),
                by: Vec::new(),
            });
            self.groups.len() - 1
        });
        let group = &mut self.groups[known];
        group.places.push(at);
        for (names, places) in &mut group.by {
            if let Some(key) = said(attribute, names, element) {
                places.entry(key).or_default().push(at);
            }
        }
    }

    /// The places of the elements that are the same as `element`, in order.
    pub(super) fn find(
        &mut self,
        attribute: &Attribute,
        items: &[Option<Value>],
        element: &Value,
    ) -> Vec<usize> {
        let item = |at: usize| items.get(at).and_then(Option::as_ref);
        let names = identities(attribute, element);
        let mut found = Vec::new();
        for group in &mut self.groups {
            let shared: Vec<String> = names
                .iter()
                .filter(|name| group.names.contains(name))
                .cloned()
                .collect();
            let Some(key) = said(attribute, &shared, element) else {
                continue;
            };
            let places = group.by_names(shared, |names, at| said(attribute, names, item(at)?));
            let candidates = places.get(&key).into_iter().flatten().copied();
            found.extend(
                candidates
                    .filter(|at| item(*at).is_some_and(|item| same(attribute, item, element))),
            );
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

impl Group {
    /// Its places by what they say of `names`.
    fn by_names(
        &mut self,
        names: Vec<String>,
        key: impl Fn(&[String], usize) -> Option<String>,
    ) -> &Places {
        let known = self.by.iter().position(|(known, _)| *known == names);
        let at = known.unwrap_or_else(|| {
            let mut places = Places::new();
            for &at in &self.places {
                if let Some(key) = key(&names, at) {
                    places.entry(key).or_default().push(at);
                }
            }
            self.by.push((names, places));
            self.by.len() - 1
        });
        &self.by[at].1
    }
}

/// The names by which an element says what it is, beside its `value`; sorted.
fn identities(attribute: &Attribute, element: &Value) -> Vec<String> {
    let names = element.as_object().into_iter().flat_map(|o| o.keys());
    let mut names: Vec<String> = names
        .filter(|name| *name != "value" && is_identity(attribute, name))
        .cloned()
        .collect();
    names.sort_unstable();
    names
}

fn said(attribute: &Attribute, names: &[String], element: &Value) -> Option<String> {
    key_of(attribute, names, element.as_object()?)
}
