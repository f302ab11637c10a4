//! What objects of one kind show, looked up once for all of them: a page of a large tenant costs
//! one walk over the record of each object on it.

use serde_json::{Map, Value};

use super::values;
use crate::simulator::directory::{Key, Kind, Reader, Slot, Stored};

/// Properties of objects of one kind, in order.
pub struct Columns<'a> {
    list: Vec<Column<'a>>,
    /// The column of each property number, of those that any object has.
    by_key: Vec<Option<u16>>,
    /// The object's stored values, by column; kept to spare an allocation per object.
    found: Vec<Option<Stored<'a>>>,
}

struct Column<'a> {
    name: &'a str,
    from: From,
    /// Shown when there is no value.
    empty: Value,
}

enum From {
    Stored,
    Computed,
}

impl<'a> Columns<'a> {
    /// The columns of a kind.
    pub fn new(dir: Reader<'_>, kind: Kind, names: &[&'a str]) -> Self {
        let mut by_key = Vec::new();
        let list: Vec<Column<'a>> = names
            .iter()
            .map(|name| Column {
                name,
                from: if matches!(*name, "id" | "keyCredentials") || values::is_computed(kind, name)
                {
                    From::Computed
                } else {
                    From::Stored
                },
                empty: values::empty(kind, name),
            })
            .collect();
        for (at, column) in (0_u16..).zip(&list) {
            if let (From::Stored, Some(key)) = (&column.from, dir.key(column.name)) {
                let key = usize::from(key);
                if by_key.len() <= key {
                    by_key.resize(key + 1, None);
                }
                by_key[key] = Some(at);
            }
        }
        Self {
            found: vec![None; list.len()],
            list,
            by_key,
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    fn at(&self, key: Key) -> Option<usize> {
        self.by_key
            .get(usize::from(key))
            .copied()
            .flatten()
            .map(usize::from)
    }

    /// Adds an object's id to `shown`, and everything else as if it held nothing.
    pub fn fill_blank(&self, dir: Reader<'a>, slot: Slot, shown: &mut Map<String, Value>) {
        for column in &self.list {
            let value = match column.name {
                "id" => dir.id_text(slot).into(),
                _ => column.empty.clone(),
            };
            shown.insert(column.name.to_owned(), value);
        }
    }

    /// Adds an object's values to `shown`.
    pub fn fill(&mut self, dir: Reader<'a>, slot: Slot, shown: &mut Map<String, Value>) {
        self.found.fill(None);
        for entry in dir.entries(slot) {
            if let Some(at) = self.at(entry.key()) {
                self.found[at] = entry.value();
            }
        }
        for (column, found) in self.list.iter().zip(&self.found) {
            let value = match column.from {
                From::Computed => values::value(dir, slot, column.name),
                From::Stored => found.map_or_else(|| column.empty.clone(), Stored::to_json),
            };
            shown.insert(column.name.to_owned(), value);
        }
    }
}
