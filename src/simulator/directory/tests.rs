//! What eyes that are behind see is what was: random changes against a diary of the truth.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{Directory, Eyes, Kind, Lags, Reader, Relation, Slot, State};
use crate::base::clock::ManualClock;

const GROUPS: std::ops::Range<Slot> = 0..4;
const USERS: std::ops::Range<Slot> = 4..10;

/// A change, and how many seconds pass after it.
#[derive(Clone, Debug)]
enum Step {
    Join(Slot, Slot),
    Leave(Slot, Slot),
    Rename(Slot, u8),
    Delete(Slot),
    Restore(Slot),
    Purge(Slot),
}

fn step() -> impl Strategy<Value = (Step, i64)> {
    let change = prop_oneof![
        4 => (GROUPS, USERS).prop_map(|(group, user)| Step::Join(group, user)),
        4 => (GROUPS, USERS).prop_map(|(group, user)| Step::Leave(group, user)),
        2 => (USERS, 0..5_u8).prop_map(|(user, name)| Step::Rename(user, name)),
        2 => USERS.prop_map(Step::Delete),
        2 => USERS.prop_map(Step::Restore),
        1 => USERS.prop_map(Step::Purge),
    ];
    (change, 0..8_i64)
}

/// What there is to see of the directory, but for the moment of seeing.
#[derive(Clone, Debug, PartialEq)]
struct Page {
    members: Vec<BTreeSet<Slot>>,
    states: Vec<State>,
    names: Vec<Value>,
}

impl Page {
    fn of(dir: Reader<'_>) -> Self {
        Self {
            members: GROUPS
                .map(|group| dir.targets(Relation::Member, group, None).collect())
                .collect(),
            states: USERS.map(|user| dir.state(user)).collect(),
            names: USERS.map(|user| dir.json(user, "displayName")).collect(),
        }
    }
}

fn apply(dir: &mut Directory, step: Step) {
    let state = |dir: &Directory, user| dir.state(user);
    match step {
        Step::Join(group, user) if state(dir, user) != State::Purged => {
            dir.link(Relation::Member, group, user);
        }
        Step::Leave(group, user) => {
            dir.unlink(Relation::Member, group, user);
        }
        Step::Rename(user, name) if state(dir, user) != State::Purged => {
            dir.set_one(user, "displayName", &json!(name.to_string()));
        }
        Step::Delete(user) if state(dir, user) == State::Live => {
            dir.set_state(user, State::Deleted);
        }
        Step::Restore(user) if state(dir, user) == State::Deleted => {
            dir.set_state(user, State::Live);
        }
        Step::Purge(user) if state(dir, user) == State::Deleted => dir.purge(user),
        _ => {}
    }
}

/// Lists, counts and both ends of a link tell the same.
fn agrees_with_itself(dir: Reader<'_>) {
    for user in USERS {
        let groups: Vec<Slot> = dir.sources(Relation::Member, user, None).collect();
        let holders: Vec<Slot> = GROUPS
            .filter(|group| {
                dir.targets(Relation::Member, *group, None)
                    .any(|m| m == user)
            })
            .collect();
        assert_eq!(groups, holders);
        let id = dir.object(user).id;
        let there = dir.state(user) != State::Purged;
        assert_eq!(dir.find(id), there.then_some(user));
    }
    let all: Vec<Slot> = dir.all(Kind::User, None).collect();
    assert!(all.is_sorted());
    for state in [State::Live, State::Deleted] {
        let of_state = all.iter().filter(|slot| dir.state(**slot) == state).count();
        assert_eq!(dir.count_in(Kind::User, state), of_state);
    }
    let binned: Vec<Slot> = dir.binned(Kind::User, None).collect();
    let deleted = all.into_iter().filter(|s| dir.state(*s) == State::Deleted);
    assert_eq!(binned, deleted.collect::<Vec<_>>());
    for after in USERS {
        let rest = dir.all(Kind::User, Some(after)).all(|slot| slot > after);
        assert!(rest && dir.binned(Kind::User, Some(after)).all(|slot| slot > after));
    }
}

proptest! {
    #[test]
    fn what_is_seen_is_what_was(steps in prop::collection::vec(step(), 1..60), seed: u64) {
        let start = OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap();
        let clock = Arc::new(ManualClock::new(start));
        let mut dir = Directory::new(Uuid::nil(), "x.test", "X", clock.clone());
        for (slots, kind) in [(GROUPS, Kind::Group), (USERS, Kind::User)] {
            for slot in slots {
                let name = json!(format!("the {slot}th"));
                let id = Uuid::from_u128(u128::from(slot) + 1);
                prop_assert_eq!(dir.insert(kind, id, [("displayName", &name)]), slot);
            }
        }
        dir.start_journal();
        let lag = Duration::seconds(10);
        let lags = Lags::all(lag, seed);
        dir.set_lags(lags);
        let mut diary = vec![(0, Page::of(dir.present()))];
        let mut now = 0;
        for (step, pause) in steps {
            apply(&mut dir, step);
            diary.push((now, Page::of(dir.present())));
            clock.advance(Duration::seconds(pause));
            now += pause * 10_000_000;
            let was = |slot: Slot| {
                let until = now - lags.share(lag, slot);
                let page = diary.iter().rev().find(|(at, _)| *at <= until);
                &page.unwrap_or(&diary[0]).1
            };
            for eyes in [Eyes::Object, Eyes::Index] {
                let seen = Page::of(dir.seen_by(eyes));
                for (at, group) in GROUPS.enumerate() {
                    prop_assert_eq!(&seen.members[at], &was(group).members[at]);
                }
                for (at, user) in USERS.enumerate() {
                    prop_assert_eq!(seen.states[at], was(user).states[at]);
                    prop_assert_eq!(&seen.names[at], &was(user).names[at]);
                }
                agrees_with_itself(dir.seen_by(eyes));
            }
            agrees_with_itself(dir.present());
        }
    }
}
