//! What was written here and Graph may not show yet. A page that shows a value which an own write
//! took the place of is older than the write and does not win; any other value was written by
//! somebody else since, and stands. A value is guarded until Graph has been seen to agree, and a
//! while longer, because its replicas differ; or until its time is over.

use serde_json::{Map, Value, json};

/// How long it is guarded after Graph has been seen to agree.
pub(crate) const AGREED: i64 = 30 * 1_000_000;
/// How many superseded values of one property are known.
const SUPERSEDED: usize = 32;

/// The guards of one object's properties: JSON of
/// `{property: {"new": …, "old": […], "at": µs, "agreed": µs}}`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Guard(Map<String, Value>);

impl Guard {
    /// The stored form.
    pub(crate) fn parse(text: Option<&str>) -> Self {
        let parsed = text.and_then(|text| serde_json::from_str(text).ok());
        Self(parsed.unwrap_or_default())
    }

    /// For storing; `None` when nothing is guarded.
    pub(crate) fn text(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| Value::Object(self.0.clone()).to_string())
    }

    /// Notes an own write of a property.
    pub(crate) fn write(&mut self, name: &str, old: &Value, new: &Value, now: i64) {
        let mut superseded: Vec<Value> = match self.0.get(name) {
            Some(known) => {
                let mut superseded = known["old"].as_array().cloned().unwrap_or_default();
                superseded.push(known["new"].clone());
                superseded
            }
            None => Vec::new(),
        };
        superseded.push(old.clone());
        superseded.retain(|value| value != new);
        superseded.dedup();
        if superseded.len() > SUPERSEDED {
            superseded.drain(..superseded.len() - SUPERSEDED);
        }
        let entry = json!({"new": new, "old": superseded, "at": now});
        self.0.insert(name.to_owned(), entry);
    }

    /// Lays guarded values over what Graph shows; lets go of what needs no guard any more, and of
    /// what is older than `longest`. Whether Graph showed something old.
    pub(crate) fn lay_over(
        &mut self,
        entity: &mut Map<String, Value>,
        now: i64,
        longest: i64,
    ) -> bool {
        let mut stale = false;
        self.0.retain(|name, known| {
            let at = known["at"].as_i64().unwrap_or_default();
            if now - at >= longest {
                return false;
            }
            let shown = entity.get(name).cloned().unwrap_or_default();
            if shown == known["new"] {
                let agreed = known["agreed"].as_i64().unwrap_or(now);
                known["agreed"] = agreed.into();
                return now - agreed < AGREED;
            }
            let old = known["old"]
                .as_array()
                .is_some_and(|old| old.contains(&shown));
            if old {
                stale = true;
                let new = known["new"].clone();
                if new.is_null() {
                    entity.shift_remove(name);
                } else {
                    entity.insert(name.clone(), new);
                }
            }
            old
        });
        stale
    }

    /// For each guarded property: what is true, and what it took the place of.
    pub(crate) fn known(&self) -> impl Iterator<Item = (&String, &Value, &[Value])> {
        self.0.iter().map(|(name, known)| {
            let old = known["old"].as_array().map_or(&[][..], Vec::as_slice);
            (name, &known["new"], old)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;
    const LONGEST: i64 = 1200 * SECOND;

    fn shown(guard: &mut Guard, value: Value, now: i64) -> Value {
        let mut entity = Map::new();
        if !value.is_null() {
            entity.insert("title".to_owned(), value);
        }
        guard.lay_over(&mut entity, now, LONGEST);
        entity.get("title").cloned().unwrap_or_default()
    }

    #[test]
    fn an_older_value_does_not_win() {
        let mut guard = Guard::default();
        guard.write("title", &json!("a"), &json!("b"), 0);
        guard.write("title", &json!("b"), &json!("c"), SECOND);
        let rows = [
            (json!("a"), json!("c")),
            (json!("b"), json!("c")),
            (json!("c"), json!("c")),
        ];
        for (graph, expected) in rows {
            assert_eq!(shown(&mut guard, graph, 2 * SECOND), expected);
        }
        assert_eq!(
            shown(&mut guard, json!("a"), 20 * SECOND),
            json!("c"),
            "it agreed, and lags"
        );
        assert_eq!(
            shown(&mut guard, json!("other"), 21 * SECOND),
            json!("other")
        );
        assert_eq!(guard.text(), None, "somebody else's value ends it");
    }

    #[test]
    fn a_guard_lapses() {
        let mut guard = Guard::default();
        guard.write("title", &json!("a"), &Value::Null, 0);
        assert_eq!(shown(&mut guard, json!("a"), SECOND), Value::Null);
        assert_eq!(shown(&mut guard, Value::Null, 2 * SECOND), Value::Null);
        assert_eq!(
            shown(&mut guard, json!("a"), 2 * SECOND + AGREED - 1),
            Value::Null
        );
        assert_eq!(
            shown(&mut guard, Value::Null, 2 * SECOND + AGREED),
            Value::Null
        );
        assert_eq!(guard.text(), None, "agreed long ago");
        guard.write("title", &json!("a"), &json!("b"), 0);
        assert_eq!(shown(&mut guard, json!("a"), LONGEST), json!("a"));
    }
}
