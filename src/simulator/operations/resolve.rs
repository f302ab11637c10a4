//! Keys to objects.

use crate::simulator::directory::{Kind, Reader, Slot, State, guid};
use crate::simulator::errors::SimError;
use crate::simulator::model::{EntitySet, Holds};

/// The object that a key names in a set.
pub fn resolve(dir: Reader<'_>, set: &EntitySet, key: &str) -> Result<Slot, SimError> {
    let missing = || SimError::not_found(key);
    if let Some((name, value)) = key.split_once('=')
        && let Some(name) = set.keys.iter().find(|k| k.eq_ignore_ascii_case(name))
    {
        return by_alternate_key(dir, set, name, value);
    }
    match set.holds {
        Holds::One(kind) if kind.has_text_id() => dir.find_text(kind, key).ok_or_else(missing),
        Holds::One(Kind::User) => {
            let slot = match guid(key) {
                Some(id) => dir.live(id),
                None => dir.find_upn(key),
            };
            slot.filter(|s| dir.object(*s).kind == Kind::User)
                .ok_or_else(missing)
        }
        Holds::One(kind) => {
            let id = guid(key).ok_or_else(|| SimError::identifier(key))?;
            dir.live(id)
                .filter(|s| dir.object(*s).kind == kind)
                .ok_or_else(missing)
        }
        Holds::Any => {
            let id = guid(key).ok_or_else(|| SimError::identifier(key))?;
            let state = if set.is_recycle_bin() {
                State::Deleted
            } else {
                State::Live
            };
            dir.find(id)
                .filter(|s| dir.state(*s) == state && dir.object(*s).kind.is_directory_object())
                .ok_or_else(missing)
        }
        Holds::Documents(_) | Holds::Nothing => Err(missing()),
    }
}

fn by_alternate_key(
    dir: Reader<'_>,
    set: &EntitySet,
    name: &str,
    value: &str,
) -> Result<Slot, SimError> {
    let Holds::One(kind) = set.holds else {
        return Err(SimError::not_found(value));
    };
    let found = match name {
        "appId" => guid(value).and_then(|id| dir.find_app(kind, id)),
        _ => dir.all(kind, None).find(|s| {
            dir.is_live(*s)
                && dir
                    .text(*s, name)
                    .is_some_and(|v| v.eq_ignore_ascii_case(value))
        }),
    };
    found.ok_or_else(|| SimError::not_found(value))
}
