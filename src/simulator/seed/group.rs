//! Groups: one of each kind first, then groups of telling sizes, then everyday ones.

use std::collections::BTreeSet;

use rand::Rng as _;
use serde_json::{Value, json};
use time::Duration;

use super::names::{DEPARTMENTS, PURPOSES, TOPICS};
use super::plan::{LATEST, MAIL_DOMAIN, Plan, Stream, moment, pick, uuid};
use super::{sku, user};
use crate::simulator::directory::{ticks, time_text};
use crate::simulator::seed_types::{SeedGroup, SeedLicense};

/// Numbers of members at which page and batch borders show. A group `Members {n}` has exactly
/// that many, when the tenant has so many users and groups.
pub const SIZES: [usize; 10] = [0, 1, 20, 21, 99, 100, 101, 999, 1000, 1001];
/// Number of the role-assignable group.
pub(super) const ROLE_ASSIGNABLE: usize = 6;
/// One of each kind comes before the groups of telling sizes.
const KINDS: usize = 11;
/// From so many groups on, memberships follow the number of users.
const LARGE: usize = 1000;
/// Memberships in everyday groups per user of a large tenant.
const MEMBERSHIPS: usize = 5;
/// The collector joins so many everyday groups at most.
const COLLECTED: usize = 130;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Security,
    Microsoft365 { team: bool },
    MailSecurity,
    Distribution,
    Synced,
    Dynamic,
    RoleAssignable,
}

pub(super) fn make(plan: &Plan, number: usize) -> SeedGroup {
    let mut random = plan.random(Stream::Group, number);
    let id = uuid(&mut random);
    let sizes: Vec<usize> = SIZES.into_iter().filter(|n| *n <= plan.users).collect();
    let (shape, name, description) = identity(number, &sizes, &mut random);
    let mut group = SeedGroup {
        id,
        properties: properties(shape, number, &name, &description, &mut random),
        ..SeedGroup::default()
    };
    if number < KINDS {
        kind_members(plan, number, &mut group);
    } else if let Some(size) = sizes.get(number - KINDS) {
        let start = random.random_range(0..plan.users.max(1));
        group.members = (0..*size).map(|i| (start + i) % plan.users).collect();
    } else {
        everyday_members(plan, number - KINDS - sizes.len(), &mut group, &mut random);
    }
    // Dynamic and on-premises groups have no owners in the cloud.
    if !matches!(shape, Shape::Dynamic | Shape::Synced) && plan.users > 0 {
        let mut owners: BTreeSet<usize> = BTreeSet::new();
        for _ in 0..=(number % 3) {
            let owner = random.random_range(0..plan.users);
            if !user::is_guest(plan, owner) {
                owners.insert(owner);
            }
        }
        group.owners = owners.into_iter().collect();
    }
    group
}

fn identity(
    number: usize,
    sizes: &[usize],
    random: &mut rand_chacha::ChaCha8Rng,
) -> (Shape, String, String) {
    let fixed =
        |shape, name: &str, description: &str| (shape, name.to_owned(), description.to_owned());
    match number {
        0 => fixed(
            Shape::Dynamic,
            "All Engineering",
            "Everyone whose department is Engineering",
        ),
        1 => fixed(
            Shape::Microsoft365 { team: true },
            "Leadership",
            "Leadership team",
        ),
        2 => fixed(
            Shape::Microsoft365 { team: false },
            "Marketing Announcements",
            "News for everybody",
        ),
        3 => fixed(Shape::Security, "Nested level 1", "Holds level 2"),
        4 => fixed(Shape::Security, "Nested level 2", "Holds level 3"),
        5 => fixed(Shape::Security, "Nested level 3", "Holds people"),
        ROLE_ASSIGNABLE => fixed(
            Shape::RoleAssignable,
            "Role: Helpdesk",
            "Members are helpdesk administrators",
        ),
        7 => fixed(
            Shape::MailSecurity,
            "Finance Approvals",
            "Mail-enabled security group, managed in Exchange",
        ),
        8 => fixed(
            Shape::Synced,
            "CORP File Share Readers",
            "Mastered on-premises",
        ),
        9 => fixed(
            Shape::Security,
            "Licensed: Microsoft 365 E3",
            "Membership gives a licence",
        ),
        10 => fixed(
            Shape::Distribution,
            "Newsletter",
            "Distribution list, managed in Exchange",
        ),
        _ => {
            if let Some(size) = sizes.get(number - KINDS) {
                return (
                    Shape::Security,
                    format!("Members {size}"),
                    format!("Exactly {size} members"),
                );
            }
            let shape = match number % 8 {
                0 => Shape::Microsoft365 { team: true },
                1 | 2 => Shape::Microsoft365 { team: false },
                3 => Shape::Synced,
                _ => Shape::Security,
            };
            let (topic, purpose) = (pick(random, TOPICS), pick(random, PURPOSES));
            (
                shape,
                format!("{topic} {purpose} {number}"),
                format!("{purpose} of {topic}"),
            )
        }
    }
}

fn properties(
    shape: Shape,
    number: usize,
    name: &str,
    description: &str,
    random: &mut rand_chacha::ChaCha8Rng,
) -> Vec<(&'static str, Value)> {
    let created = json!(time_text(ticks(moment(random))));
    let nickname: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_lowercase();
    let nickname = format!("{nickname}-{number}");
    let mail = format!("{nickname}@{MAIL_DOMAIN}");
    let mail_enabled = matches!(
        shape,
        Shape::Microsoft365 { .. } | Shape::MailSecurity | Shape::Distribution
    );
    let mut list = vec![
        ("displayName", json!(name)),
        ("description", json!(description)),
        ("mailNickname", json!(nickname)),
        ("mailEnabled", json!(mail_enabled)),
        (
            "securityEnabled",
            json!(!matches!(
                shape,
                Shape::Microsoft365 { .. } | Shape::Distribution
            )),
        ),
        ("createdDateTime", created.clone()),
        ("renewedDateTime", created),
    ];
    if mail_enabled {
        list.push(("proxyAddresses", json!([format!("SMTP:{mail}")])));
        list.push(("mail", json!(mail)));
    }
    match shape {
        Shape::Microsoft365 { team } => {
            list.push(("groupTypes", json!(["Unified"])));
            list.push((
                "visibility",
                json!(if number.is_multiple_of(2) {
                    "Public"
                } else {
                    "Private"
                }),
            ));
            if team {
                list.push(("resourceProvisioningOptions", json!(["Team"])));
            }
        }
        Shape::Dynamic => {
            list.push(("groupTypes", json!(["DynamicMembership"])));
            list.push((
                "membershipRule",
                json!(format!("(user.department -eq \"{}\")", DEPARTMENTS[0].0)),
            ));
            list.push(("membershipRuleProcessingState", json!("On")));
        }
        Shape::RoleAssignable => {
            list.push(("isAssignableToRole", json!(true)));
            list.push(("visibility", json!("Private")));
        }
        Shape::Synced => {
            let synced = LATEST - Duration::minutes(30);
            list.extend([
                ("onPremisesSyncEnabled", json!(true)),
                ("onPremisesSamAccountName", json!(nickname)),
                ("onPremisesDomainName", json!("corp.contoso.com")),
                ("onPremisesNetBiosName", json!("CORP")),
                (
                    "onPremisesSecurityIdentifier",
                    json!(format!(
                        "S-1-5-21-1718927463-2089741234-839522115-{}",
                        2_100_000 + number
                    )),
                ),
                (
                    "onPremisesLastSyncDateTime",
                    json!(time_text(ticks(synced))),
                ),
            ]);
        }
        Shape::Security | Shape::MailSecurity | Shape::Distribution => {}
    }
    list
}

fn kind_members(plan: &Plan, number: usize, group: &mut SeedGroup) {
    let range = |from: usize, to: usize| (from..to.min(plan.users)).collect::<Vec<usize>>();
    match number {
        0 => group.members = user::in_department(plan, 0).collect(),
        1 => group.members = range(0, 9),
        2 => group.members = range(0, 40),
        3 => group.member_groups = vec![4],
        4 => {
            group.member_groups = vec![5];
            group.members = range(12, 13);
        }
        5 => group.members = range(13, 16),
        ROLE_ASSIGNABLE => group.members = range(11, 13),
        7 => group.members = range(20, 24),
        8 => group.members = range(24, 36),
        9 => {
            group.members = (0..plan.users)
                .filter(|n| sku::by_group(plan, *n))
                .collect();
            group.licenses = vec![SeedLicense {
                sku: sku::SPE_E3,
                disabled_plans: Vec::new(),
            }];
        }
        _ => group.members = range(0, 15),
    }
    group.member_groups.retain(|group| *group < plan.groups);
}

/// What an everyday group may have of members; its mean is a quarter of that.
///
/// Small tenants keep their groups small, so that a story about one of them can be walked by
/// hand. In large ones a user is in five groups on average, as in real tenants: half of these
/// memberships are in the one group of 64 that is large, half are in all others.
fn most_members(plan: &Plan, place: usize) -> usize {
    if plan.groups < LARGE {
        return 60;
    }
    let mean = MEMBERSHIPS * plan.users / plan.groups;
    let most = if place % 64 == 63 {
        4 * 32 * mean
    } else {
        2 * mean
    };
    most.max(60)
}

fn everyday_members(
    plan: &Plan,
    place: usize,
    group: &mut SeedGroup,
    random: &mut rand_chacha::ChaCha8Rng,
) {
    if plan.users == 0 {
        return;
    }
    // Most groups are small, a few are not: the product of two throws leans to the left.
    let most = plan.users.min(most_members(plan, place));
    let size = 1 + random.random_range(0..most) * random.random_range(0..most) / most;
    let mut members: BTreeSet<usize> = (0..size)
        .map(|_| random.random_range(0..plan.users))
        .collect();
    if place < COLLECTED && user::COLLECTOR < plan.users {
        members.insert(user::COLLECTOR);
    }
    group.members = members.into_iter().collect();
}
