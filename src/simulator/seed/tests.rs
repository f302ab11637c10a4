use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;
use time::macros::datetime;

use super::*;
use crate::base::clock::ManualClock;
use crate::odata::facts;
use crate::simulator::directory::{Kind, Relation};

fn property<'a>(list: &'a [(&'static str, Value)], name: &str) -> &'a Value {
    list.iter()
        .find(|(n, _)| *n == name)
        .map_or(&Value::Null, |(_, v)| v)
}

#[test]
fn same_seed_same_tenant() {
    let text = |seed| format!("{:?}", Plan::new(300, 60, seed).tenant());
    assert_eq!(text(1), text(1));
    assert_ne!(text(1), text(2));
    let plan = Plan::new(300, 60, 1);
    assert_eq!(plan.client_secret(), Plan::new(300, 60, 1).client_secret());
    assert_ne!(plan.tenant_id(), Plan::new(300, 60, 2).tenant_id());
    // The number of others does not change a person.
    let (few, many) = (Plan::new(50, 5, 1).user(33), Plan::new(5000, 5, 1).user(33));
    assert_eq!(few.id, many.id);
    assert_eq!(few.properties, many.properties);
}

#[test]
fn unique_and_well_formed() {
    let plan = Plan::new(3000, 200, 7);
    let entity = facts::entity("user").unwrap();
    let group_entity = facts::entity("group").unwrap();
    let (mut ids, mut upns, mut addresses) = (HashSet::new(), HashSet::new(), HashSet::new());
    let mut names = HashSet::new();
    let mut kinds: HashMap<&str, usize> = HashMap::new();
    for number in 0..3000 {
        let user = plan.user(number);
        assert!(ids.insert(user.id));
        let upn = property(&user.properties, "userPrincipalName")
            .as_str()
            .unwrap()
            .to_lowercase();
        assert!(upns.insert(upn.clone()), "{upn}");
        assert!(upn.is_ascii(), "{upn}");
        let mut seen = HashSet::new();
        for (name, value) in &user.properties {
            assert!(
                entity.property(name).is_some(),
                "{name} is no property of user"
            );
            assert!(seen.insert(*name), "{name} twice on user {number}");
            assert!(!value.is_null(), "{name}");
        }
        for address in property(&user.properties, "proxyAddresses")
            .as_array()
            .into_iter()
            .flatten()
        {
            assert!(
                addresses.insert(address.as_str().unwrap().to_lowercase()),
                "{address}"
            );
        }
        let guest = property(&user.properties, "userType") == "Guest";
        assert_eq!(guest, upn.contains("#ext#"));
        assert!(!guest || user.licenses.is_empty());
        assert!(
            user.licenses.is_empty() || property(&user.properties, "usageLocation").is_string()
        );
        assert_eq!(
            user.manager.is_none(),
            guest || number == 0 || number == 10,
            "{number}"
        );
        names.insert(
            property(&user.properties, "displayName")
                .as_str()
                .unwrap()
                .to_owned(),
        );
        for (label, is) in [
            ("guest", guest),
            (
                "disabled",
                property(&user.properties, "accountEnabled") == false,
            ),
            (
                "synced",
                property(&user.properties, "onPremisesSyncEnabled") == true,
            ),
            ("licensed", !user.licenses.is_empty()),
        ] {
            *kinds.entry(label).or_default() += usize::from(is);
        }
    }
    for (label, count) in kinds {
        assert!((100..2900).contains(&count), "{label}: {count}");
    }
    for wanted in [
        "Conan O'Brien",
        "Žofie Nováková",
        "日本 太郎",
        "Sofía García 🚀",
    ] {
        assert!(names.contains(wanted), "{wanted}");
    }
    for number in 0..200 {
        let group = plan.group(number);
        assert!(ids.insert(group.id));
        let distinct: HashSet<_> = group.members.iter().collect();
        assert_eq!(distinct.len(), group.members.len());
        for (name, _) in &group.properties {
            assert!(
                group_entity.property(name).is_some(),
                "{name} is no property of group"
            );
        }
    }
}

#[test]
fn a_filled_directory_is_what_was_planned() {
    let plan = Plan::new(1200, 200, 3);
    let clock = Arc::new(ManualClock::new(datetime!(2026-03-01 10:00 UTC)));
    let mut directory = Directory::new(plan.tenant_id(), DOMAIN, "Contoso", clock);
    plan.fill(&mut directory);
    assert_eq!(directory.count(Kind::User), 1200);
    assert_eq!(directory.count(Kind::Group), 200);
    assert_eq!(directory.count(Kind::RoleAssignment), 8);
    assert_eq!(directory.count(Kind::EligibilitySchedule), 2);
    assert_eq!(directory.tenant.domains.len(), 3);
    assert!(directory.photos.len() > 20);

    let mut sizes = HashMap::new();
    for number in 0..200 {
        let group = plan.group(number);
        let slot = directory.find(group.id).unwrap();
        let name = property(&group.properties, "displayName")
            .as_str()
            .unwrap()
            .to_owned();
        sizes.insert(name, directory.edges(Relation::Member).target_count(slot));
    }
    for size in SIZES {
        assert_eq!(sizes[&format!("Members {size}")], size);
    }
    let collector = directory.find(plan.user(COLLECTOR).id).unwrap();
    let groups = directory
        .edges(Relation::Member)
        .sources(collector, None)
        .filter(|slot| directory.object(*slot).kind == Kind::Group)
        .count();
    assert!(groups > 101, "{groups}");
    let level1 = directory.find(plan.group(3).id).unwrap();
    assert!(directory.closure(level1, true).len() >= 6, "three levels");

    // Licences: one subscription is full, one suspended, one user holds one both ways.
    let skus = &directory.licences.skus;
    let by_name = |name: &str| skus.iter().find(|sku| sku.part_number == name).unwrap();
    assert_eq!(by_name("VISIOCLIENT").consumed, 5);
    assert_eq!(by_name("VISIOCLIENT").enabled, 5);
    assert_eq!((by_name("EMS").enabled, by_name("EMS").suspended), (0, 25));
    let both = (0..1200).any(|number| {
        let slot = directory.find(plan.user(number).id).unwrap();
        let grants = directory.licences.grants(slot);
        let direct = grants
            .iter()
            .filter(|g| g.group.is_none() && g.sku == 1)
            .count();
        let inherited = grants
            .iter()
            .filter(|g| g.group.is_some() && g.sku == 1)
            .count();
        direct == 1 && inherited == 1
    });
    assert!(both, "a user with a licence both direct and inherited");
    for number in 0..1200 {
        let slot = directory.find(plan.user(number).id).unwrap();
        assert_eq!(directory.licences.conflicts(slot), [], "user {number}");
        let errors = directory.licences.grants(slot).iter().map(|g| g.error);
        assert!(errors.clone().all(|e| e.is_none()), "user {number}");
    }
}

#[test]
fn tiny_tenants_work() {
    for (users, groups) in [(0, 0), (1, 1), (0, 30), (5, 12), (12, 3)] {
        let plan = Plan::new(users, groups, 1);
        let clock = Arc::new(ManualClock::new(datetime!(2026-03-01 10:00 UTC)));
        let mut directory = Directory::new(plan.tenant_id(), DOMAIN, "Contoso", clock);
        plan.fill(&mut directory);
        assert_eq!(directory.count(Kind::User), users);
        assert_eq!(directory.count(Kind::Group), groups);
    }
}
