//! What `$filter`, `$orderby` and `$search` may say, by entity and property.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::super::expr::Op;

/// Under which query parameters something works. "Advanced" is the header
/// `ConsistencyLevel: eventual` together with `$count=true`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Support {
    /// Never.
    #[default]
    No,
    /// Only without the advanced parameters.
    DefaultOnly,
    /// Only with them.
    AdvancedOnly,
    /// With and without.
    Both,
}

impl Support {
    /// Whether it works in a query of that kind.
    pub fn allows(self, advanced: bool) -> bool {
        match self {
            Self::No => false,
            Self::DefaultOnly => !advanced,
            Self::AdvancedOnly => advanced,
            Self::Both => true,
        }
    }
}

/// The operators one path supports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FilterRule {
    /// `eq` with a value
    pub eq: Support,
    /// `ne`
    pub ne: Support,
    /// `in`
    pub in_: Support,
    /// `startsWith`
    pub starts_with: Support,
    /// `endsWith`
    pub ends_with: Support,
    /// `ge` and `le`
    pub ge_le: Support,
    /// `eq null`
    pub eq_null: Support,
    /// `not(…)`
    pub not: Support,
}

#[derive(Deserialize)]
struct Raw {
    entities: BTreeMap<String, BTreeMap<String, BTreeMap<String, Option<String>>>>,
    filter_on_count_of_collection: BTreeMap<String, BTreeMap<String, BTreeMap<String, String>>>,
    orderby: RawOrder,
    search: RawSearch,
}

#[derive(Deserialize)]
struct RawOrder {
    default: BTreeMap<String, Vec<String>>,
    advanced: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
struct RawSearch {
    entities: Vec<String>,
}

#[expect(
    clippy::expect_used,
    reason = "the table is compiled in; a test reads it whole"
)]
static RAW: LazyLock<Raw> = LazyLock::new(|| {
    serde_json::from_str(include_str!("filters.json")).expect("filters.json is well-formed")
});

static RULES: LazyLock<BTreeMap<&'static str, BTreeMap<String, FilterRule>>> =
    LazyLock::new(|| {
        RAW.entities
            .iter()
            .map(|(entity, paths)| {
                let mut rules = BTreeMap::new();
                for (path, cells) in paths {
                    let rule = rule(cells);
                    for path in spell_out(path) {
                        rules.insert(path, rule);
                    }
                }
                // The resource pages give `id` eq, in, ne, not; the table leaves it out.
                rules.entry("id".to_owned()).or_insert(ID);
                (entity.as_str(), rules)
            })
            .collect()
    });

const ID: FilterRule = FilterRule {
    eq: Support::Both,
    in_: Support::Both,
    ne: Support::AdvancedOnly,
    not: Support::AdvancedOnly,
    starts_with: Support::No,
    ends_with: Support::No,
    ge_le: Support::No,
    eq_null: Support::No,
};

fn rule(cells: &BTreeMap<String, Option<String>>) -> FilterRule {
    let cell = |name: &str| match cells.get(name).and_then(Option::as_deref) {
        Some("default_and_advanced") => Support::Both,
        Some("advanced") => Support::AdvancedOnly,
        Some("default") => Support::DefaultOnly,
        _ => Support::No,
    };
    FilterRule {
        eq: cell("eq"),
        ne: cell("ne"),
        in_: cell("in"),
        starts_with: cell("startsWith"),
        ends_with: cell("endsWith"),
        ge_le: cell("ge_le"),
        eq_null: cell("eq_null"),
        not: cell("not"),
    }
}

/// `…/extensionAttribute1-15` stands for fifteen; lambda variables are all spelled `p` here.
fn spell_out(path: &str) -> Vec<String> {
    if let Some(stem) = path.strip_suffix("1-15") {
        return (1..=15).map(|n| format!("{stem}{n}")).collect();
    }
    vec![canonical(path)]
}

/// Names a lambda's variable `p`, whatever it is called: `a/any(x:x/b)` is `a/any(p:p/b)`.
fn canonical(path: &str) -> String {
    let Some((head, lambda)) = path.split_once("/any(") else {
        return path.to_owned();
    };
    let body = lambda.trim_end_matches(')');
    let inner = body.split_once(':').map_or(body, |(_, inner)| inner);
    let sub = inner.find('/').map_or("", |slash| &inner[slash..]);
    format!("{head}/any(p:p{sub})")
}

/// The rule for a path of an entity: `displayName`, `otherMails/any(p:p)`,
/// `assignedLicenses/any(a:a/skuId)`, `employeeOrgData/division`. `None`: not filterable.
pub fn filter_rule(entity: &str, path: &str) -> Option<&'static FilterRule> {
    if let Some(rule) = RULES.get(entity)?.get(path) {
        return Some(rule);
    }
    RULES.get(entity)?.get(&canonical(path))
}

/// Every path of an entity that has a rule, in canonical spelling.
pub fn filter_paths(entity: &str) -> impl Iterator<Item = (&'static str, &'static FilterRule)> {
    RULES
        .get(entity)
        .into_iter()
        .flatten()
        .map(|(path, rule)| (path.as_str(), rule))
}

/// Support for `collection/$count op n`.
pub fn count_rule(entity: &str, collection: &str, op: Op, n: i64) -> Support {
    let cell = RAW
        .filter_on_count_of_collection
        .get(entity)
        .and_then(|rows| rows.get(collection))
        .and_then(|cells| cells.get(&format!("$count eq {n}|ne {n}")));
    match (op, cell.map(String::as_str)) {
        (Op::Eq | Op::Ne, Some("advanced")) => Support::AdvancedOnly,
        _ => Support::No,
    }
}

/// Support for `$orderby=property`.
pub fn orderby(entity: &str, property: &str) -> Support {
    let lists = |table: &BTreeMap<String, Vec<String>>| {
        table
            .get(entity)
            .is_some_and(|names| names.iter().any(|n| n == property))
    };
    if lists(&RAW.orderby.default) {
        Support::Both
    } else if lists(&RAW.orderby.advanced) {
        Support::AdvancedOnly
    } else {
        Support::No
    }
}

/// Whether `$search` works on a collection of that entity.
pub fn searchable(entity: &str) -> bool {
    RAW.search.entities.iter().any(|e| e == entity)
}

/// Properties that only a GET of the single object gives; `$select`ing them on the collection
/// fails.
pub fn per_object_only(entity: &str, property: &str) -> bool {
    match entity {
        "user" => matches!(
            property,
            "aboutMe"
                | "birthday"
                | "hireDate"
                | "interests"
                | "mailboxSettings"
                | "mySite"
                | "pastProjects"
                | "preferredName"
                | "responsibilities"
                | "schools"
                | "skills"
        ),
        "group" => matches!(
            property,
            "allowExternalSenders"
                | "autoSubscribeNewMembers"
                | "hideFromAddressLists"
                | "hideFromOutlookClients"
                | "isSubscribedByMail"
                | "unseenCount"
        ),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_table() {
        use Support::{AdvancedOnly, Both, DefaultOnly, No};
        for (entity, path, eq, starts_with, ge_le, eq_null, ends_with) in [
            ("user", "displayName", Both, Both, No, AdvancedOnly, No),
            ("user", "mail", Both, Both, No, AdvancedOnly, AdvancedOnly),
            ("user", "createdDateTime", No, No, Both, AdvancedOnly, No),
            (
                "user",
                "employeeOrgData/division",
                AdvancedOnly,
                AdvancedOnly,
                No,
                No,
                No,
            ),
            (
                "user",
                "onPremisesExtensionAttributes/extensionAttribute15",
                AdvancedOnly,
                AdvancedOnly,
                No,
                AdvancedOnly,
                No,
            ),
            (
                "user",
                "otherMails/any(x:x)",
                Both,
                Both,
                No,
                No,
                AdvancedOnly,
            ),
            (
                "user",
                "assignedLicenses/any(u:u/skuId)",
                Both,
                No,
                No,
                No,
                No,
            ),
            (
                "user",
                "isLicenseReconciliationNeeded",
                DefaultOnly,
                No,
                No,
                No,
                No,
            ),
            (
                "group",
                "createdDateTime",
                No,
                No,
                AdvancedOnly,
                AdvancedOnly,
                No,
            ),
            ("group", "id", Both, No, No, No, No),
        ] {
            let rule = filter_rule(entity, path).unwrap_or_else(|| panic!("{entity} {path}"));
            assert_eq!(
                (
                    rule.eq,
                    rule.starts_with,
                    rule.ge_le,
                    rule.eq_null,
                    rule.ends_with
                ),
                (eq, starts_with, ge_le, eq_null, ends_with),
                "{entity} {path}"
            );
        }
        for (entity, path) in [
            ("user", "aboutMe"),
            ("user", "onPremisesExtensionAttributes/extensionAttribute16"),
            ("group", "visibility"),
            ("subscribedSku", "skuId"),
        ] {
            assert_eq!(filter_rule(entity, path), None, "{entity} {path}");
        }
        assert!(filter_paths("user").count() > 70);
    }

    #[test]
    fn counts_order_and_search() {
        assert_eq!(
            count_rule("user", "assignedLicenses", Op::Eq, 0),
            Support::AdvancedOnly
        );
        assert_eq!(
            count_rule("user", "assignedLicenses", Op::Eq, 1),
            Support::No
        );
        assert_eq!(
            count_rule("user", "assignedLicenses", Op::Ge, 0),
            Support::No
        );
        assert_eq!(
            count_rule("user", "ownedObjects", Op::Ne, 1),
            Support::AdvancedOnly
        );
        assert_eq!(orderby("user", "displayName"), Support::Both);
        assert_eq!(orderby("user", "createdDateTime"), Support::AdvancedOnly);
        assert_eq!(orderby("group", "mail"), Support::No);
        assert!(searchable("user") && !searchable("directoryRole"));
        assert!(Support::DefaultOnly.allows(false) && !Support::DefaultOnly.allows(true));
    }
}
