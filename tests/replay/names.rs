//! What the recorded tenant called things, and what the simulated one does.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Whether a text is a GUID.
pub fn is_guid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

/// The GUIDs in a text, with their places.
pub fn guids(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at + 36 <= text.len() {
        match text.get(at..at + 36).filter(|t| is_guid(t)) {
            Some(guid) => {
                found.push((at, guid));
                at += 36;
            }
            None => at += 1,
        }
    }
    found
}

/// The mapping from recorded to simulated names.
#[derive(Default)]
pub struct Names {
    ids: BTreeMap<String, String>,
    /// Recorded addresses and domains, and what stands for them; the first that fits counts.
    texts: Vec<(String, String)>,
    /// Simulated ids of objects that stand in for objects of the recorded tenant.
    pub stand_ins: BTreeSet<String>,
    /// Recorded ids of objects that only the recorded tenant had.
    pub foreign: BTreeSet<String>,
}

impl Names {
    /// Learns what an id became.
    pub fn learn(&mut self, recorded: &str, simulated: &str) {
        self.ids
            .entry(recorded.to_ascii_lowercase())
            .or_insert_with(|| simulated.to_owned());
    }

    /// Learns what a text became.
    pub fn learn_text(&mut self, recorded: &str, simulated: &str) {
        let recorded = recorded.to_ascii_lowercase();
        if !self.texts.iter().any(|(known, _)| *known == recorded) {
            self.texts.push((recorded, simulated.to_owned()));
        }
    }

    /// What a recorded id became.
    pub fn id(&self, recorded: &str) -> Option<&str> {
        self.ids
            .get(&recorded.to_ascii_lowercase())
            .map(String::as_str)
    }

    /// A recorded text as the simulated tenant would have it.
    pub fn rewrite(&self, text: &str) -> String {
        let mut out = String::new();
        let mut last = 0;
        for (at, guid) in guids(text) {
            out.push_str(&text[last..at]);
            out.push_str(self.id(guid).unwrap_or(guid));
            last = at + guid.len();
        }
        out.push_str(&text[last..]);
        if let Some(id) = self.id(text) {
            return id.to_owned();
        }
        for (from, to) in &self.texts {
            while let Some(at) = out
                .to_ascii_lowercase()
                .find(from)
                .filter(|at| !out[*at..].starts_with(to.as_str()))
            {
                out.replace_range(at..at + from.len(), to);
            }
        }
        out
    }

    /// A recorded body as the simulated tenant would have it.
    pub fn rewrite_json(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.rewrite(text).into(),
            Value::Array(items) => items.iter().map(|v| self.rewrite_json(v)).collect(),
            Value::Object(map) => map
                .iter()
                .map(|(name, v)| (name.clone(), self.rewrite_json(v)))
                .collect(),
            other => other.clone(),
        }
    }
}

/// Walks every object of a body.
pub fn walk<'a>(value: &'a Value, see: &mut dyn FnMut(&'a serde_json::Map<String, Value>)) {
    match value {
        Value::Object(map) => {
            see(map);
            map.values().for_each(|v| walk(v, see));
        }
        Value::Array(items) => items.iter().for_each(|v| walk(v, see)),
        _ => {}
    }
}
