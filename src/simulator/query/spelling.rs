//! Names as the type spells them: Graph reads property names of query options in any case and
//! answers with its own spelling (`$select=Id` shows `id`).

use super::filter::MIXED;
use super::options::{Expand, Query};
use super::search::Search;
use crate::odata::expr::Expr;
use crate::odata::facts::{self, EntityType, Kind, Property};

impl Query {
    /// Gives every name of the query the spelling of an entity type; unknown names stay.
    pub(super) fn spell(&mut self, entity: &str) {
        for name in self.select.iter_mut().flatten() {
            *name = property(entity, name);
        }
        for order in &mut self.order {
            order.property = property(entity, &order.property);
        }
        if let Some(filter) = &mut self.filter {
            spell_filter(entity, filter);
        }
        if let Some(search) = &mut self.search {
            spell_search(entity, search);
        }
        for expand in &mut self.expand {
            spell_expand(entity, expand);
        }
    }
}

fn spell_expand(entity: &str, expand: &mut Expand) {
    expand.name = property(entity, &expand.name);
    let target = facts::entity(entity).and_then(|e| e.navigation(&expand.name));
    if let Some(navigation) = target {
        for name in expand.select.iter_mut().flatten() {
            *name = property(&navigation.target, name);
        }
    }
}

fn spell_search(entity: &str, search: &mut Search) {
    match search {
        Search::Term(name, _) => *name = property(entity, name),
        Search::And(a, b) | Search::Or(a, b) => {
            spell_search(entity, a);
            spell_search(entity, b);
        }
    }
}

fn spell_filter(entity: &str, expr: &mut Expr) {
    match expr {
        Expr::And(a, b) | Expr::Or(a, b) => {
            spell_filter(entity, a);
            spell_filter(entity, b);
        }
        Expr::Not(inner) => spell_filter(entity, inner),
        Expr::Compare(path, ..)
        | Expr::Call(_, path, _)
        | Expr::In(path, _)
        | Expr::Count(path, ..) => *path = property(entity, path),
        Expr::Any(path, variable, inner) | Expr::All(path, variable, inner) => {
            *path = property(entity, path);
            let item = declared(entity, path).and_then(|property| match &property.kind {
                Kind::Complex(name) => Some(name.as_str()),
                _ => None,
            });
            spell_item(item, variable, inner);
        }
    }
}

/// Inside a lambda: what follows the variable is spelt as the items' type spells it.
fn spell_item(item: Option<&str>, variable: &str, expr: &mut Expr) {
    match expr {
        Expr::And(a, b) | Expr::Or(a, b) => {
            spell_item(item, variable, a);
            spell_item(item, variable, b);
        }
        Expr::Not(inner) => spell_item(item, variable, inner),
        Expr::Compare(path, ..) | Expr::Call(_, path, _) | Expr::In(path, _) => {
            let rest = path
                .split_once('/')
                .filter(|(head, _)| head.eq_ignore_ascii_case(variable));
            if let (Some((_, rest)), Some(item)) = (rest, item) {
                *path = format!("{variable}/{}", inside(item, rest));
            } else if path.eq_ignore_ascii_case(variable) {
                variable.clone_into(path);
            }
        }
        _ => {}
    }
}

/// A path as an entity type spells it.
pub fn property(entity: &str, path: &str) -> String {
    let (name, rest) = match path.split_once('/') {
        Some((name, rest)) => (name, Some(rest)),
        None => (path, None),
    };
    let spelt = spelling(entity, name).unwrap_or(name);
    let Some(rest) = rest else {
        return spelt.to_owned();
    };
    match declared(entity, spelt).map(|property| &property.kind) {
        Some(Kind::Complex(structure)) => format!("{spelt}/{}", inside(structure, rest)),
        _ => format!("{spelt}/{rest}"),
    }
}

fn inside(structure: &str, path: &str) -> String {
    let (name, rest) = match path.split_once('/') {
        Some((name, rest)) => (name, Some(rest)),
        None => (path, None),
    };
    let found = facts::complex(structure)
        .and_then(|complex| complex.properties().find(|p| same(&p.name, name)));
    match (found, rest) {
        (None, _) => path.to_owned(),
        (Some(property), None) => property.name.clone(),
        (Some(property), Some(rest)) => match &property.kind {
            Kind::Complex(structure) => format!("{}/{}", property.name, inside(structure, rest)),
            _ => format!("{}/{rest}", property.name),
        },
    }
}

fn declared(entity: &str, path: &str) -> Option<&'static Property> {
    super::filter::property_of(entity, path.split('/').next()?)
}

/// A first segment: of a property, a relation, or a name that only the query rules have.
fn spelling(entity: &str, name: &str) -> Option<&'static str> {
    let mixed = MIXED
        .iter()
        .copied()
        .filter(|_| entity == "directoryObject");
    let kinds: Vec<&str> = std::iter::once(entity).chain(mixed).collect();
    let all = || {
        kinds.iter().flat_map(|kind| {
            let entity = facts::entity(kind);
            let properties = entity.into_iter().flat_map(EntityType::properties);
            let navigations = entity.into_iter().flat_map(EntityType::navigations);
            properties
                .map(|p| p.name.as_str())
                .chain(navigations.map(|n| n.name.as_str()))
                .chain(facts::default_properties(kind).iter().copied())
                .chain(facts::filter_paths(kind).filter_map(|(path, _)| path.split('/').next()))
        })
    };
    all()
        .find(|known| *known == name)
        .or_else(|| all().find(|known| same(known, name)))
}

fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::odata::parse;

    #[test]
    fn names_get_the_spelling_of_the_type() {
        for (entity, given, spelt) in [
            ("application", "Id", "id"),
            (
                "user",
                "OnPremisesExtensionAttributes",
                "onPremisesExtensionAttributes",
            ),
            (
                "user",
                "ONPREMISESEXTENSIONATTRIBUTES/EXTENSIONATTRIBUTE1",
                "onPremisesExtensionAttributes/extensionAttribute1",
            ),
            ("user", "Manager", "manager"),
            ("user", "nope", "nope"),
            ("directoryObject", "USERPRINCIPALNAME", "userPrincipalName"),
            ("group", "*", "*"),
        ] {
            assert_eq!(property(entity, given), spelt);
        }
    }

    #[test]
    fn filters_too() {
        for (given, spelt) in [
            ("DISPLAYNAME eq 'Id'", "displayName eq 'Id'"),
            (
                "AssignedLicenses/any(X:x/SKUID eq 6fd2c87f-b296-42f0-b197-1e91e994b900)",
                "assignedLicenses/any(X:X/skuId eq 6fd2c87f-b296-42f0-b197-1e91e994b900)",
            ),
            (
                "not(startsWith(Mail,'A')) or OtherMails/any(m:m eq 'x')",
                "not(startsWith(mail,'A')) or otherMails/any(m:m eq 'x')",
            ),
        ] {
            let mut expr = parse::filter(given).unwrap();
            spell_filter("user", &mut expr);
            assert_eq!(expr.to_string(), spelt);
        }
    }
}
