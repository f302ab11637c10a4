//! JSONPath (RFC 9535) as rule files write it: parsed by jsonpath-rust once, at start.
//!
//! The leading `$` may be left out, and the dot-bracket form `.['x']`, which IGA platforms write
//! and RFC 9535 does not have, is accepted. Member chains, `[0]` and `[*]` are compiled to direct
//! steps, because every attribute of every object passes through them; a Graph path with more
//! (filters, slices, descendants) is run by jsonpath-rust and can only be read.

use std::fmt;

use jsonpath_rust::{
    parser::{
        model::{
            Comparable, Comparison, Filter, FilterAtom, JpQuery, Literal, Segment, Selector,
            SingularQuery, SingularQuerySegment,
        },
        parse_json_path,
    },
    query::js_path_process,
};
use serde_json::Value;

use crate::scim::attr::AttrPath;

/// Brings a path as written into the form of RFC 9535: `$` in front, no dot before a bracket.
pub fn normalise(text: &str) -> String {
    let text = text.trim();
    let mut out = String::with_capacity(text.len() + 2);
    if !text.starts_with('$') {
        out.push('$');
        if !text.starts_with('[') && !text.starts_with('.') {
            out.push('.');
        }
    }
    let mut quote = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match quote {
            Some(_) if c == '\\' => {
                out.push(c);
                out.extend(chars.next());
                continue;
            }
            Some(q) if c == q => quote = None,
            None if c == '\'' || c == '"' => quote = Some(c),
            None if c == '.' && chars.peek() == Some(&'[') => continue,
            _ => {}
        }
        out.push(c);
    }
    out
}

/// Parses a path as written.
///
/// # Errors
/// What the parser says is wrong.
pub fn parse(text: &str) -> Result<JpQuery, String> {
    parse_json_path(&normalise(text)).map_err(|error| {
        let text_of = error.to_string();
        format!("'{text}' is not a JSONPath (RFC 9535): {}", text_of.trim())
    })
}

/// One direct step of a Graph path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathStep {
    /// `.name`
    Member(String),
    /// `[0]`
    Index(usize),
    /// `[*]`
    Each,
}

/// A path into a Graph entity.
#[derive(Clone, Debug)]
pub struct GraphPath {
    text: String,
    root: String,
    access: Access,
}

#[derive(Clone, Debug)]
enum Access {
    Direct(Vec<PathStep>),
    Query(Box<JpQuery>),
}

impl fmt::Display for GraphPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl GraphPath {
    /// Compiles a path as written.
    ///
    /// # Errors
    /// Not a JSONPath, or one that does not start at a property.
    pub fn compile(text: &str) -> Result<Self, String> {
        let query = parse(text)?;
        let Some(Segment::Selector(Selector::Name(root))) = query.segments.first() else {
            return Err(format!("'{text}' does not start with a Graph property"));
        };
        let root = root.clone();
        let steps: Option<Vec<PathStep>> = query
            .segments
            .iter()
            .map(|segment| match segment {
                Segment::Selector(Selector::Name(name)) => Some(PathStep::Member(name.clone())),
                Segment::Selector(Selector::Index(at)) => {
                    usize::try_from(*at).ok().map(PathStep::Index)
                }
                Segment::Selector(Selector::Wildcard) => Some(PathStep::Each),
                _ => None,
            })
            .collect();
        let shown = normalise(text);
        Ok(Self {
            text: shown
                .strip_prefix("$.")
                .unwrap_or(shown.strip_prefix('$').unwrap_or(&shown))
                .to_owned(),
            root,
            access: steps.map_or_else(|| Access::Query(Box::new(query)), Access::Direct),
        })
    }

    /// Appends `[*]`: the path names a collection, and its items are meant.
    pub(super) fn push_each(&mut self) {
        if let Access::Direct(steps) = &mut self.access {
            steps.push(PathStep::Each);
            self.text.push_str("[*]");
        }
    }

    /// The property of the entity that it starts at: what `$select` names.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// The steps, unless it takes jsonpath-rust to follow the path.
    pub fn steps(&self) -> Option<&[PathStep]> {
        match &self.access {
            Access::Direct(steps) => Some(steps),
            Access::Query(_) => None,
        }
    }

    /// Whether it gives any number of values.
    pub fn is_each(&self) -> bool {
        match &self.access {
            Access::Direct(steps) => steps.contains(&PathStep::Each),
            Access::Query(_) => true,
        }
    }

    /// Calls `found` with every value that is there and not null.
    pub fn visit<'a>(&self, entity: &'a Value, found: &mut dyn FnMut(&'a Value)) {
        match &self.access {
            Access::Direct(steps) => walk(entity, steps, found),
            // An evaluation error means that the query does not fit this value: nothing is there.
            Access::Query(query) => {
                for hit in js_path_process(query, entity).unwrap_or_default() {
                    if !hit.val.is_null() {
                        found(hit.val);
                    }
                }
            }
        }
    }

    /// The list that the first `[*]` goes through and the steps below its items.
    pub(super) fn items<'a>(&self, entity: &'a Value) -> Option<(&'a [Value], &[PathStep])> {
        let steps = self.steps()?;
        let at = steps.iter().position(|s| *s == PathStep::Each)?;
        let mut list = None;
        walk(entity, steps.get(..at)?, &mut |value| {
            list = value.as_array();
        });
        Some((list?, steps.get(at + 1..)?))
    }

    /// The one value, for a path that is not [`Self::is_each`].
    pub fn first<'a>(&self, entity: &'a Value) -> Option<&'a Value> {
        let mut first = None;
        self.visit(entity, &mut |value| {
            first.get_or_insert(value);
        });
        first
    }

    /// `a/b` for a chain of members; `a/any` paths for the rest are built by their user.
    pub fn members(&self) -> Option<Vec<&str>> {
        self.steps()?
            .iter()
            .map(|step| match step {
                PathStep::Member(name) => Some(name.as_str()),
                _ => None,
            })
            .collect()
    }
}

pub(super) fn walk<'a>(value: &'a Value, steps: &[PathStep], found: &mut dyn FnMut(&'a Value)) {
    let Some((step, rest)) = steps.split_first() else {
        if !value.is_null() {
            found(value);
        }
        return;
    };
    match step {
        PathStep::Member(name) => {
            if let Some(next) = value.get(name) {
                walk(next, rest, found);
            }
        }
        PathStep::Index(at) => {
            if let Some(next) = value.get(at) {
                walk(next, rest, found);
            }
        }
        PathStep::Each => {
            for next in value.as_array().into_iter().flatten() {
                walk(next, rest, found);
            }
        }
    }
}

/// Where a row's value stands in a SCIM resource.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// `attr` or `attr.sub`, core or in an extension container.
    Plain(AttrPath),
    /// `attr[?@.type=='work'].value`: the sub-attribute of the element with these values.
    Element {
        /// The multi-valued attribute, without sub-attribute.
        attr: AttrPath,
        /// What the filter demands; writing creates the element with these values.
        equalities: Vec<(String, Value)>,
        /// The sub-attribute that holds the value.
        sub: String,
    },
    /// `attr[*].sub`: the sub-attribute of each element, side by side with the Graph list.
    Each {
        /// The multi-valued attribute, without sub-attribute.
        attr: AttrPath,
        /// The sub-attribute that holds the value.
        sub: String,
    },
}

impl Place {
    /// The attribute, without sub-attribute.
    pub fn attr(&self) -> AttrPath {
        match self {
            Self::Plain(path) => path.without_sub(),
            Self::Element { attr, .. } | Self::Each { attr, .. } => attr.clone(),
        }
    }

    /// The attribute path with its sub-attribute, as a filter names it.
    pub fn path(&self) -> AttrPath {
        match self {
            Self::Plain(path) => path.clone(),
            Self::Element { attr, sub, .. } | Self::Each { attr, sub } => attr.with_sub(sub),
        }
    }

    /// The sub-attribute.
    pub fn sub(&self) -> Option<&str> {
        match self {
            Self::Plain(path) => path.sub.as_deref(),
            Self::Element { sub, .. } | Self::Each { sub, .. } => Some(sub),
        }
    }
}

/// A path into a SCIM resource: the parsed JSONPath and the place it stands for.
#[derive(Clone, Debug)]
pub struct ScimPath {
    query: JpQuery,
    place: Place,
}

impl ScimPath {
    /// Compiles a path as written. A first member that starts with `urn:` names a schema.
    ///
    /// # Errors
    /// Not a JSONPath, or none that a SCIM attribute can have.
    pub fn compile(text: &str) -> Result<Self, String> {
        let query = parse(text)?;
        let place = place_of(&query).ok_or_else(|| {
            format!(
                "'{text}' is not a SCIM attribute: write attr, attr.sub, attr[*].sub or \
                 attr[?@.type=='x'].sub (equalities joined by &&), each also below ['urn:…']"
            )
        })?;
        Ok(Self { query, place })
    }

    /// The place it stands for.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The place, for the schema to settle.
    pub(super) fn place_mut(&mut self) -> &mut Place {
        &mut self.place
    }

    /// The values in a resource, by jsonpath-rust.
    pub fn query<'a>(&self, resource: &'a Value) -> Vec<&'a Value> {
        js_path_process(&self.query, resource)
            .unwrap_or_default()
            .into_iter()
            .map(|hit| hit.val)
            .collect()
    }
}

fn place_of(query: &JpQuery) -> Option<Place> {
    let selectors: Vec<&Selector> = query
        .segments
        .iter()
        .map(|segment| match segment {
            Segment::Selector(selector) => Some(selector),
            _ => None,
        })
        .collect::<Option<_>>()?;
    let (urn, rest) = match selectors.split_first() {
        Some((Selector::Name(name), rest))
            if name
                .get(..4)
                .is_some_and(|p| p.eq_ignore_ascii_case("urn:")) =>
        {
            (Some(name.clone()), rest)
        }
        _ => (None, &selectors[..]),
    };
    let path = |attr: &str, sub: Option<&str>| {
        let good = |name: &str| AttrPath::parse(name).is_ok_and(|p| p.attr == name);
        (good(attr) && sub.is_none_or(good)).then(|| AttrPath {
            urn: urn.clone(),
            attr: attr.to_owned(),
            sub: sub.map(str::to_owned),
        })
    };
    match rest {
        [Selector::Name(attr)] => path(attr, None).map(Place::Plain),
        [Selector::Name(attr), Selector::Name(sub)] => path(attr, Some(sub)).map(Place::Plain),
        [
            Selector::Name(attr),
            Selector::Filter(filter),
            Selector::Name(sub),
        ] => {
            path(attr, Some(sub))?;
            let mut equalities = Vec::new();
            equalities_of(filter, &mut equalities)?;
            Some(Place::Element {
                attr: path(attr, None)?,
                equalities,
                sub: sub.clone(),
            })
        }
        [
            Selector::Name(attr),
            Selector::Wildcard,
            Selector::Name(sub),
        ] => {
            path(attr, Some(sub))?;
            Some(Place::Each {
                attr: path(attr, None)?,
                sub: sub.clone(),
            })
        }
        _ => None,
    }
}

fn equalities_of(filter: &Filter, out: &mut Vec<(String, Value)>) -> Option<()> {
    match filter {
        Filter::And(parts) => parts.iter().try_for_each(|part| equalities_of(part, out)),
        Filter::Or(parts) => match parts.as_slice() {
            [one] => equalities_of(one, out),
            _ => None,
        },
        Filter::Atom(FilterAtom::Filter { expr, not: false }) => equalities_of(expr, out),
        Filter::Atom(FilterAtom::Comparison(comparison)) => {
            let Comparison::Eq(left, right) = comparison.as_ref() else {
                return None;
            };
            let ((Comparable::SingularQuery(query), Comparable::Literal(literal))
            | (Comparable::Literal(literal), Comparable::SingularQuery(query))) = (left, right)
            else {
                return None;
            };
            let SingularQuery::Current(segments) = query else {
                return None;
            };
            let [SingularQuerySegment::Name(name)] = segments.as_slice() else {
                return None;
            };
            let value = match literal {
                Literal::String(text) => Value::String(text.clone()),
                Literal::Bool(truth) => Value::Bool(*truth),
                Literal::Int(number) => Value::from(*number),
                Literal::Float(_) | Literal::Null => return None,
            };
            out.push((name.clone(), value));
            Some(())
        }
        Filter::Atom(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn normalises_what_iga_platforms_write() {
        for (written, expected) in [
            ("userName", "$.userName"),
            ("$.userName", "$.userName"),
            (
                "['urn:a:2.0:User'].['department']",
                "$['urn:a:2.0:User']['department']",
            ),
            ("$.['a'].b", "$['a'].b"),
            ("['a.[b'].c", "$['a.[b'].c"),
            (
                "emails[?@.type=='.['].value",
                "$.emails[?@.type=='.['].value",
            ),
            (r"['it\'s.[']", r"$['it\'s.[']"),
        ] {
            assert_eq!(normalise(written), expected, "{written}");
        }
    }

    #[test]
    fn places_of_scim_paths() {
        let plain = |urn: Option<&str>, attr: &str, sub: Option<&str>| {
            Some(Place::Plain(AttrPath {
                urn: urn.map(str::to_owned),
                attr: attr.into(),
                sub: sub.map(str::to_owned),
            }))
        };
        let element = |attr: &str, equalities: &[(&str, Value)], sub: &str| {
            Some(Place::Element {
                attr: AttrPath::core(attr),
                equalities: equalities
                    .iter()
                    .map(|(n, v)| ((*n).to_owned(), v.clone()))
                    .collect(),
                sub: sub.into(),
            })
        };
        for (written, expected) in [
            ("userName", plain(None, "userName", None)),
            ("name.givenName", plain(None, "name", Some("givenName"))),
            (
                "['urn:x:2.0:User'].manager",
                plain(Some("urn:x:2.0:User"), "manager", None),
            ),
            (
                "['urn:x:2.0:User'].['a'].['b']",
                plain(Some("urn:x:2.0:User"), "a", Some("b")),
            ),
            (
                "emails[?@.type=='work'].value",
                element("emails", &[("type", json!("work"))], "value"),
            ),
            (
                "emails[?(@.type=='work' && @.primary==true)].value",
                element(
                    "emails",
                    &[("type", json!("work")), ("primary", json!(true))],
                    "value",
                ),
            ),
            (
                "plans[*].name",
                Some(Place::Each {
                    attr: AttrPath::core("plans"),
                    sub: "name".into(),
                }),
            ),
            ("emails[?@.type!='work'].value", None),
            ("emails[?@.type=='a' || @.type=='b'].value", None),
            ("emails[0].value", None),
            ("$..value", None),
            ("a.b.c", None),
            ("['urn:x:2.0:User']", None),
            ("['a b']", None),
        ] {
            let found = ScimPath::compile(written).ok().map(|p| p.place().clone());
            assert_eq!(found, expected, "{written}");
        }
        assert!(
            ScimPath::compile("emails[")
                .unwrap_err()
                .contains("RFC 9535")
        );
    }

    #[test]
    fn follows_graph_paths() {
        let entity = json!({
            "a": "x", "b": {"c": 1, "n": null}, "l": ["p", "q"], "o": [{"s": ["1", "2"]}, {"s": ["3"]}],
            "k": [{"t": "u", "v": 7}, {"t": "w", "v": 8}]
        });
        for (written, direct, expected) in [
            ("a", true, vec![json!("x")]),
            ("b.c", true, vec![json!(1)]),
            ("b.n", true, vec![]),
            ("nope.c", true, vec![]),
            ("l[0]", true, vec![json!("p")]),
            ("l[2]", true, vec![]),
            ("l[*]", true, vec![json!("p"), json!("q")]),
            ("o[*].s[*]", true, vec![json!("1"), json!("2"), json!("3")]),
            ("k[?@.t=='w'].v", false, vec![json!(8)]),
            ("l[-1]", false, vec![json!("q")]),
        ] {
            let path = GraphPath::compile(written).unwrap();
            let mut found = Vec::new();
            path.visit(&entity, &mut |v| found.push(v.clone()));
            assert_eq!(found, expected, "{written}");
            assert_eq!(path.steps().is_some(), direct, "{written}");
        }
        assert!(GraphPath::compile("[0]").is_err());
        assert!(GraphPath::compile("$..a").is_err());
    }
}
