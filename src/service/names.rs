//! Names of what is listed by its id alone, remembered for a while: role definitions are few and
//! seldom renamed, and asking Graph for them again with every user costs as much as the user.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::Value;
use time::{Duration, OffsetDateTime};

use crate::{
    odata::request::Request,
    resources::{Edge, Side},
};

/// How long a list of names is believed.
const LIFETIME: Duration = Duration::minutes(10);

struct List {
    names: HashMap<String, String>,
    read: OffsetDateTime,
}

/// The remembered names of one tenant, by the list that they come from.
#[derive(Default)]
pub struct Names {
    lists: Mutex<HashMap<String, Arc<List>>>,
}

impl Names {
    fn list(&self, request: &Request) -> Option<Arc<List>> {
        let lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        lists.get(&request.url()).cloned()
    }

    /// Whether the list has to be read (again).
    pub fn is_due(&self, request: &Request, now: OffsetDateTime) -> bool {
        self.list(request)
            .is_none_or(|list| now - list.read >= LIFETIME)
    }

    /// Remembers a list of objects with `id` and `displayName`.
    pub fn remember(&self, request: &Request, items: &[Value], now: OffsetDateTime) {
        let text = |item: &Value, name: &str| item.get(name)?.as_str().map(str::to_owned);
        let names = items
            .iter()
            .filter_map(|item| {
                Some((
                    text(item, "id")?.to_ascii_lowercase(),
                    text(item, "displayName")?,
                ))
            })
            .collect();
        let list = Arc::new(List { names, read: now });
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        lists.insert(request.url(), list);
    }

    /// Forgets all lists of objects of `collection`: one of them was made, renamed or deleted.
    pub fn forget(&self, collection: &str) {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        lists.retain(|url, _| url.split('?').next() != Some(collection));
    }

    /// Gives the far ends of edges their names.
    pub fn fill(&self, request: &Request, side: Side, edges: &mut [Edge]) {
        let Some(list) = self.list(request) else {
            return;
        };
        for edge in edges {
            let far = match side {
                Side::From => &mut edge.to,
                Side::To => &mut edge.from,
            };
            if far.display.is_none() {
                far.display = list.names.get(&far.id.to_ascii_lowercase()).cloned();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resources::{EdgeKind, edge::End};

    #[test]
    fn names_are_remembered_for_a_while_and_forgotten_on_request() {
        let names = Names::default();
        let request = Request::get("/roleManagement/directory/roleDefinitions").select(["id"]);
        let start = OffsetDateTime::UNIX_EPOCH;
        assert!(names.is_due(&request, start));
        names.remember(
            &request,
            &[json!({"id": "R1", "displayName": "Reader"})],
            start,
        );
        assert!(!names.is_due(&request, start + Duration::minutes(9)));
        assert!(names.is_due(&request, start + LIFETIME));
        let mut edges = vec![Edge::seen(EdgeKind::Role, Side::From, "u", End::of("r1"))];
        names.fill(&request, Side::From, &mut edges);
        assert_eq!(edges[0].to.display.as_deref(), Some("Reader"));
        names.forget("/roleManagement/directory/roleDefinitions");
        assert!(names.is_due(&request, start));
    }
}
