//! Rule file to mapping: every path parsed, every property looked up, every contradiction found
//! before the first request.

mod leaf;
mod pairs;

use std::ops::Range;

use toml::Spanned;

use leaf::{Leaf, kind_of, leaf};

use super::{
    Mapping, ReadStep,
    path::{GraphPath, PathStep, Place, ScimPath},
    qualified::Qualified,
    row::{ElementKind, RelationRow, Row},
    schema,
    spec::{AttributeSpec, Direction, RelationSpec, RuleError, RuleFile, Shape, Spec},
    transform::Transform,
};
use crate::{
    odata::facts::{self, EntityType, Kind},
    resources::ResourceType,
    scim::schema::{Returned, Type, Uniqueness},
};

struct Compiler<'a> {
    kind: Option<&'static ResourceType>,
    file: &'a RuleFile,
    spec: &'a Spec,
    entity: &'static EntityType,
    errors: Vec<RuleError>,
}

/// Compiles a rule file; see [`Mapping::compile`].
pub(super) fn compile(
    file: &RuleFile,
    declared: impl Fn(&str) -> Option<&'static ResourceType>,
) -> Result<Mapping, Vec<RuleError>> {
    let spec = file.parse().map_err(|error| vec![error])?;
    let Some(entity) = facts::entity(spec.entity.get_ref()) else {
        let message = format!("'{}' is not a Graph entity type", spec.entity.get_ref());
        return Err(vec![file.error(&spec.entity.span(), message)]);
    };
    let kind = declared(&spec.resource);
    let mut compiler = Compiler {
        file,
        kind,
        spec: &spec,
        entity,
        errors: Vec::new(),
    };
    let rows: Vec<Row> = spec
        .attribute
        .iter()
        .filter_map(|row| compiler.attribute(row))
        .collect();
    let relations: Vec<RelationRow> = spec
        .relation
        .iter()
        .filter_map(|row| compiler.relation(row))
        .collect();
    if compiler.errors.is_empty() {
        compiler.check_pairs(&rows, &relations);
    }
    let element_kinds = element_kinds(&rows);
    if compiler.errors.is_empty() {
        compiler.check_element_kinds(&rows, &element_kinds);
    }
    if !compiler.errors.is_empty() {
        return Err(compiler.errors);
    }
    let schema = schema::derive(&spec, &rows, &element_kinds, &relations).map_err(|errors| {
        errors
            .into_iter()
            .filter_map(|(index, message)| {
                let row = spec.attribute.get(index)?;
                Some(file.error(&row.scim.span(), message))
            })
            .collect::<Vec<_>>()
    })?;
    Ok(Mapping {
        kind,
        schema,
        entity: spec.entity.get_ref().clone(),
        steps: steps(&rows, &element_kinds),
        writers: writers(&rows),
        rows,
        element_kinds,
        relations,
    })
}

/// What reading does, in the order of the rows.
fn steps(rows: &[Row], element_kinds: &[ElementKind]) -> Vec<ReadStep> {
    let mut steps: Vec<ReadStep> = Vec::new();
    for (index, row) in rows.iter().enumerate().filter(|(_, row)| row.is_read()) {
        match row.place() {
            Place::Plain(_) => steps.push(ReadStep::Plain(index)),
            Place::Element { .. } => {
                let element_kind = element_kinds
                    .iter()
                    .position(|s| s.rows.first() == Some(&index));
                steps.extend(element_kind.map(ReadStep::ElementKind));
            }
            Place::Each { attr, .. } => {
                let same = steps.iter_mut().find_map(|step| match step {
                    ReadStep::Each(path, list) if path == attr => Some(list),
                    _ => None,
                });
                match same {
                    Some(list) => list.push(index),
                    None => steps.push(ReadStep::Each(attr.clone(), vec![index])),
                }
            }
        }
    }
    steps
}

/// The writable rows by Graph property: more than one where they must agree.
fn writers(rows: &[Row]) -> Vec<Vec<usize>> {
    let mut writers: Vec<(String, Vec<usize>)> = Vec::new();
    for (index, row) in rows.iter().enumerate().filter(|(_, row)| row.is_written()) {
        let Some(path) = row.graph.as_ref().map(ToString::to_string) else {
            continue;
        };
        match writers.iter_mut().find(|(known, _)| *known == path) {
            Some((_, list)) => list.push(index),
            None => writers.push((path, vec![index])),
        }
    }
    writers.into_iter().map(|(_, list)| list).collect()
}

/// the kinds of element, in the order of their first rows.
fn element_kinds(rows: &[Row]) -> Vec<ElementKind> {
    let mut element_kinds: Vec<ElementKind> = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let Place::Element {
            attr, equalities, ..
        } = row.place()
        else {
            continue;
        };
        let element_kind = element_kinds
            .iter_mut()
            .find(|s| s.attr == *attr && s.equalities == *equalities);
        if let Some(element_kind) = element_kind {
            element_kind.rows.push(index);
            element_kind.many |= row.multi;
        } else {
            element_kinds.push(ElementKind {
                attr: attr.clone(),
                equalities: equalities.clone(),
                rows: vec![index],
                many: row.multi,
                is_primary: false,
            });
        }
    }
    for at in 0..element_kinds.len() {
        if is_first_of_attribute(&element_kinds, at)
            && let Some(primary) = primary(rows, &element_kinds, at)
        {
            element_kinds[primary].is_primary = true;
        }
    }
    element_kinds
}

fn is_first_of_attribute(element_kinds: &[ElementKind], at: usize) -> bool {
    element_kinds
        .iter()
        .position(|element_kind| element_kind.attr == element_kinds[at].attr)
        == Some(at)
}

/// The kind of the primary element of an attribute, of which `first` is one kind: the one that a
/// rule marks, else that of type `work`, else the first; one that holds one value and can be
/// written.
fn primary(rows: &[Row], element_kinds: &[ElementKind], first: usize) -> Option<usize> {
    let rank = |element_kind: &ElementKind| {
        let says = |name: &str, value: &serde_json::Value| {
            let mut known = element_kind.equalities.iter();
            known.any(|(n, v)| n == name && v == value)
        };
        (
            !says("primary", &true.into()),
            !says("type", &"work".into()),
        )
    };
    let is_candidate = |element_kind: &ElementKind| {
        let mut own = element_kind.rows.iter().filter_map(|row| rows.get(*row));
        element_kind.attr == element_kinds[first].attr
            && !element_kind.many
            && own.any(Row::is_written)
    };
    let candidates = element_kinds
        .iter()
        .enumerate()
        .filter(|(_, s)| is_candidate(s));
    candidates
        .min_by_key(|(_, element_kind)| rank(element_kind))
        .map(|(at, _)| at)
}

impl Compiler<'_> {
    fn error(&mut self, span: &Range<usize>, message: impl Into<String>) {
        self.errors.push(self.file.error(span, message));
    }

    /// Notes the error, if it is one.
    fn or_note<T>(&mut self, span: &Range<usize>, result: Result<T, String>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(message) => {
                self.error(span, message);
                None
            }
        }
    }

    /// The SCIM side, with the URN in the spelling of its extension.
    fn scim(&mut self, written: &Spanned<String>) -> Option<ScimPath> {
        let mut path = self.or_note(&written.span(), ScimPath::compile(written.get_ref()))?;
        let attr = match path.place_mut() {
            Place::Plain(attr) | Place::Element { attr, .. } | Place::Each { attr, .. } => attr,
        };
        if let Some(urn) = attr.urn.clone() {
            let extension = self
                .spec
                .extension
                .iter()
                .find(|e| e.urn.get_ref().eq_ignore_ascii_case(&urn));
            match extension {
                Some(extension) => attr.urn = Some(extension.urn.get_ref().clone()),
                None if urn.eq_ignore_ascii_case(&self.spec.schema) => attr.urn = None,
                None => {
                    self.error(
                        &written.span(),
                        format!("'{urn}' is not declared: add an [[extension]] with this urn"),
                    );
                    return None;
                }
            }
        }
        Some(path)
    }

    fn transform(&mut self, row: &AttributeSpec) -> Option<Transform> {
        let named = row.transform.as_ref().map(Spanned::get_ref);
        if named.is_none_or(|named| named != "qualifiedName")
            && let Some(stray) = row.domain.as_ref().or(row.prefix.as_ref())
        {
            let text = "'domain' and 'prefix' belong to transform = \"qualifiedName\"";
            self.error(&stray.span(), text);
            return None;
        }
        let Some(named) = &row.transform else {
            if let Some(value) = &row.value {
                self.error(&value.span(), "'value' belongs to transform = \"constant\"");
                return None;
            }
            return Some(Transform::Identity);
        };
        let Some(transform) = Transform::named(named.get_ref()) else {
            let names: Vec<&str> = Transform::names().collect();
            self.error(
                &named.span(),
                format!(
                    "unknown transform '{}': {}",
                    named.get_ref(),
                    names.join(", ")
                ),
            );
            return None;
        };
        if let Transform::QualifiedName(_) = transform {
            return self.qualified(row, named);
        }
        match (&transform, &row.value) {
            (Transform::Constant(_), Some(value)) => match value.get_ref() {
                toml::Value::String(text) => Some(Transform::Constant(text.clone().into())),
                toml::Value::Boolean(truth) => Some(Transform::Constant((*truth).into())),
                toml::Value::Integer(number) => Some(Transform::Constant((*number).into())),
                _ => {
                    self.error(&value.span(), "a constant is a string, boolean or integer");
                    None
                }
            },
            (Transform::Constant(_), None) => {
                self.error(&named.span(), "the constant's 'value' is missing");
                None
            }
            (_, Some(value)) => {
                self.error(&value.span(), "'value' belongs to transform = \"constant\"");
                None
            }
            (_, None) => Some(transform),
        }
    }

    fn qualified(&mut self, row: &AttributeSpec, named: &Spanned<String>) -> Option<Transform> {
        let Some(domain) = &row.domain else {
            self.error(&named.span(), "its 'domain' is missing");
            return None;
        };
        let prefix = row.prefix.as_ref().map_or("", |prefix| prefix.get_ref());
        let names = Qualified::new(prefix, domain.get_ref());
        let names = self.or_note(&domain.span(), names)?;
        Some(Transform::QualifiedName(names))
    }

    fn attribute(&mut self, row: &AttributeSpec) -> Option<Row> {
        let scim = self.scim(&row.scim);
        let transform = self.transform(row);
        let graph = match &row.graph {
            Some(written) => {
                Some(self.or_note(&written.span(), GraphPath::compile(written.get_ref()))?)
            }
            None => None,
        };
        let (scim, mut transform) = (scim?, transform?);
        let schema = scim.place().attr().urn.unwrap_or(self.spec.schema.clone());
        self.or_note(
            &row.scim.span(),
            schema::check_defined(&schema, scim.place()),
        )?;
        let leaf = self.leaf(row, graph.as_ref())?;
        let mut graph = graph;
        if leaf.ends_in_collection
            && let Some(path) = &mut graph
        {
            path.push_each();
        }
        let graph_kind = match (&row.kind, leaf.declared) {
            (Some(kind), false) => kind_of((*kind.get_ref()).into()),
            _ => leaf.kind,
        };
        if row.transform.is_none() && graph_kind == Kind::DateTimeOffset {
            transform = Transform::DateTime;
        }
        let graph_span = row.graph.as_ref().map_or(row.scim.span(), Spanned::span);
        let kind = self.or_note(&graph_span, transform.scim_type(&graph_kind))?;
        let kind = self.settle_type(row, kind)?;
        let multi = graph.as_ref().is_some_and(GraphPath::is_each) || transform.makes_list();
        let row = self.finish(row, scim, graph, graph_kind, transform, kind, multi);
        Some(row)
    }

    fn leaf(&mut self, row: &AttributeSpec, graph: Option<&GraphPath>) -> Option<Leaf> {
        let (Some(path), Some(written)) = (graph, &row.graph) else {
            return Some(Leaf {
                kind: Kind::String,
                declared: false,
                ends_in_collection: false,
            });
        };
        if let Some(steps) = path.steps() {
            return self.or_note(&written.span(), leaf(self.entity, steps));
        }
        let root = [PathStep::Member(path.root().to_owned())];
        self.or_note(&written.span(), leaf(self.entity, &root))?;
        Some(Leaf {
            kind: Kind::String,
            declared: false,
            ends_in_collection: false,
        })
    }

    /// The row's own `type` may only say more than Graph's does.
    fn settle_type(&mut self, row: &AttributeSpec, kind: Type) -> Option<Type> {
        let Some(wanted) = &row.kind else {
            return Some(kind);
        };
        let wanted_type = Type::from(*wanted.get_ref());
        let fits = wanted_type == kind
            || (kind == Type::String && matches!(wanted_type, Type::Reference | Type::Binary))
            || (kind == Type::Integer && wanted_type == Type::Decimal)
            || (kind == Type::Reference && wanted_type == Type::String);
        if fits {
            return Some(wanted_type);
        }
        self.error(
            &wanted.span(),
            format!("type {wanted_type:?} does not fit: the value is of type {kind:?}"),
        );
        None
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one row")]
    fn finish(
        &mut self,
        row: &AttributeSpec,
        scim: ScimPath,
        graph: Option<GraphPath>,
        graph_kind: Kind,
        transform: Transform,
        kind: Type,
        multi: bool,
    ) -> Row {
        let returned = match row.direction {
            Direction::Write => Returned::Never,
            _ => row.returned.map_or(Returned::Default, Returned::from),
        };
        let permissions = &self.spec.permissions;
        let permission = row.permission.clone().unwrap_or_else(|| {
            if row.direction == Direction::Read || permissions.write.is_empty() {
                permissions.read.clone()
            } else {
                permissions.write.clone()
            }
        });
        let description = row.description.clone().unwrap_or_else(|| match &graph {
            Some(path) => format!("Graph property {path}."),
            None => "Not mapped to a Graph property.".to_owned(),
        });
        let (line, _) = self.file.position(row.scim.span().start);
        let made = Row {
            scim,
            written: row.scim.get_ref().clone(),
            graph,
            graph_kind,
            direction: row.direction,
            transform,
            kind,
            multi,
            required: row.required,
            case_exact: row.case_exact,
            returned,
            uniqueness: row.uniqueness.map_or(Uniqueness::None, Uniqueness::from),
            clearable: row.clearable,
            index: row.index,
            canonical: row.canonical.clone(),
            reference: row.reference.clone(),
            permission,
            description,
            source: row.source.clone(),
            line,
        };
        self.check_row(row, &made);
        made
    }

    /// What a row must be by itself.
    fn check_row(&mut self, spec: &AttributeSpec, row: &Row) {
        let span = spec.scim.span();
        match row.place() {
            Place::Each { .. } if !row.multi => {
                self.error(
                    &span,
                    "attr[*].sub needs a Graph collection, such as plans[*].name",
                );
            }
            Place::Each { .. } if row.direction != Direction::Read => {
                self.error(
                    &span,
                    "attr[*].sub can only be read: add direction = \"read\"",
                );
            }
            _ => {}
        }
        if row.direction == Direction::Read {
            return;
        }
        if row.transform != Transform::Identity && !row.transform.has_inverse() {
            let span = spec.transform.as_ref().map_or(span, Spanned::span);
            self.error(
                &span,
                format!(
                    "transform '{}' has no inverse: add direction = \"read\"",
                    row.transform.name()
                ),
            );
            return;
        }
        let (Some(path), Some(written)) = (&row.graph, &spec.graph) else {
            return;
        };
        let span = written.span();
        let Some(steps) = path.steps() else {
            self.error(
                &span,
                "this path can only be read: add direction = \"read\"",
            );
            return;
        };
        let index_at = steps.iter().position(|s| matches!(s, PathStep::Index(_)));
        if let Some(at) = index_at
            && (steps.get(at) != Some(&PathStep::Index(0)) || at + 1 != steps.len())
        {
            self.error(&span, "of an index only a final [0] can be written");
        }
        if path.root() == "id" {
            self.error(&span, "the id can only be read: add direction = \"read\"");
        }
    }

    fn relation(&mut self, row: &RelationSpec) -> Option<RelationRow> {
        let scim = self.scim(&row.scim)?;
        let name = row.relation.get_ref();
        let Some(declared) = self.kind.and_then(|kind| kind.relation(name)) else {
            self.error(
                &row.relation.span(),
                format!(
                    "resource type {} has no relation '{name}'",
                    self.spec.resource
                ),
            );
            return None;
        };
        let Place::Plain(path) = scim.place() else {
            self.error(
                &row.scim.span(),
                "a relation stands at an attribute: write its name",
            );
            return None;
        };
        if path.sub.is_some() {
            self.error(&row.scim.span(), "a relation cannot be a sub-attribute");
            return None;
        }
        if row.shape != Shape::Elements && !declared.is_single() {
            self.error(
                &row.relation.span(),
                format!("'{name}' holds many: only shape = \"elements\" can show them"),
            );
            return None;
        }
        let mut attribute = schema::relation(declared.attribute(), path, row.shape);
        if let Some(returned) = row.returned {
            attribute.returned = returned.into();
        }
        if let Some(description) = &row.description {
            attribute.description.clone_from(description);
        }
        let (line, _) = self.file.position(row.scim.span().start);
        Some(RelationRow {
            relation: name.clone(),
            path: path.clone(),
            shape: row.shape,
            attribute,
            permission: row.permission.clone().unwrap_or_default(),
            line,
        })
    }
}
