//! PATCH messages to canonical operations.

use serde_json::Value;

use super::{Message, Op, Operation, Options, Target};
use crate::scim::{
    Document,
    attr::AttrPath,
    error::{Error, Kind},
    filter::{self, CompareOp, Filter, Literal},
    is_message, member,
    resource::{
        Ignored, Rules, Unknown, coerce, filled, is_blank, is_not_given, is_reference,
        is_value_object, nameless, plain_role, walk,
    },
    schema::{Attribute, Mutability, ResourceSchema, Type},
    urn,
};

/// Most operations in one message. Clients that send one operation per member (authentik) split
/// at what the server publishes; a thousand is above what any is known to send.
pub const MAX_OPERATIONS: usize = 1000;

/// Reads a PATCH message into one operation per attribute: paths in the schema's spelling,
/// values of the attributes' types.
///
/// Beyond the RFC it takes what clients send: names and operators in any case; paths (dotted, by
/// URN, with value filters) as the names of a path-less value; `id`, `schemas` and `meta` in
/// such a value (ignored); everything that [`crate::scim::resource::normalize`] takes in values;
/// `remove` with the elements to take out in `value`; `""` for a reference to be cleared; app
/// roles as JSON text.
///
/// # Errors
/// `invalidSyntax` for what is no PATCH message; `invalidPath` for a path that does not parse or
/// names no attribute; `invalidFilter`; `noTarget` for a removal without path; `mutability` for
/// readOnly attributes and for required ones that would be unassigned; `invalidValue`; 413 past
/// [`MAX_OPERATIONS`].
pub fn parse(body: &Value, schema: &ResourceSchema, options: &Options) -> Result<Message, Error> {
    let message = body
        .as_object()
        .ok_or_else(|| Error::invalid_syntax("a PATCH body must be a JSON object"))?;
    if !is_message(message, urn::PATCH_OP) {
        return Err(Error::invalid_syntax(format!(
            "the schemas of a PATCH body must hold {}",
            urn::PATCH_OP
        )));
    }
    let operations = member(message, "Operations")
        .and_then(Value::as_array)
        .filter(|operations| !operations.is_empty())
        .ok_or_else(|| Error::invalid_syntax("Operations must be an array of one or more"))?;
    if operations.len() > MAX_OPERATIONS {
        return Err(Error::new(
            Kind::TooLarge,
            format!("a PATCH holds at most {MAX_OPERATIONS} operations"),
        ));
    }
    let mut reader = Reader {
        schema,
        options,
        ignored: Ignored::default(),
        parsed: Vec::with_capacity(operations.len()),
    };
    for (index, operation) in operations.iter().enumerate() {
        reader.operation(operation).map_err(|error| {
            Error::new(
                error.kind,
                format!("operation {}: {}", index + 1, error.detail),
            )
        })?;
    }
    Ok(Message {
        operations: reader.parsed,
        ignored: reader.ignored.into_names(),
    })
}

struct Reader<'a> {
    schema: &'a ResourceSchema,
    options: &'a Options,
    ignored: Ignored,
    parsed: Vec<Operation>,
}

impl<'a> Reader<'a> {
    fn operation(&mut self, operation: &Value) -> Result<(), Error> {
        let operation = operation
            .as_object()
            .ok_or_else(|| Error::invalid_syntax("it must be a JSON object"))?;
        let op = match member(operation, "op").and_then(Value::as_str) {
            Some(op) if op.eq_ignore_ascii_case("add") => Op::Add,
            Some(op) if op.eq_ignore_ascii_case("remove") => Op::Remove,
            Some(op) if op.eq_ignore_ascii_case("replace") => Op::Replace,
            _ => {
                return Err(Error::invalid_syntax("'op' must be add, remove or replace"));
            }
        };
        let value = member(operation, "value");
        let path = match member(operation, "path") {
            None | Some(Value::Null) => "",
            Some(Value::String(path)) => path.trim(),
            Some(_) => return Err(Error::invalid_path("'path' must be a string")),
        };
        if op != Op::Remove && value.is_none() {
            return Err(Error::invalid_value("it has no 'value'"));
        }
        if path.is_empty() {
            return match (op, value) {
                (Op::Remove, _) => Err(Error::no_target("a removal needs a 'path'")),
                (_, Some(Value::Object(members))) => self.members(op, members),
                _ => Err(Error::invalid_value(
                    "without a 'path' the 'value' must be an object of attributes",
                )),
            };
        }
        if let Some(container) = self.container(path) {
            return self.whole_schema(op, container, value);
        }
        self.on_path(op, path, value)
    }

    /// The schema whose bare URN a path is.
    fn container(&self, path: &str) -> Option<&'a str> {
        if path.eq_ignore_ascii_case(&self.schema.core.id) {
            return Some(&self.schema.core.id);
        }
        self.schema.extension(path).map(|schema| schema.id.as_str())
    }

    /// An operation on a schema as a whole is one on each of its attributes.
    fn whole_schema(&mut self, op: Op, urn: &str, value: Option<&Value>) -> Result<(), Error> {
        match value {
            Some(members @ Value::Object(_)) if op != Op::Remove => {
                let mut wrapped = Document::new();
                wrapped.insert(urn.to_owned(), members.clone());
                self.members(op, &wrapped)
            }
            _ if op == Op::Remove || (op == Op::Replace && value.is_some_and(is_blank)) => {
                let Some(extension) = self.schema.extension(urn) else {
                    return Err(Error::mutability("the core schema cannot be removed"));
                };
                // What nobody may change stays.
                for attribute in &extension.attributes {
                    let fixed = [Mutability::ReadOnly, Mutability::Immutable];
                    if !fixed.contains(&attribute.mutability) {
                        let path = AttrPath {
                            urn: Some(extension.id.clone()),
                            ..AttrPath::core(&attribute.name)
                        };
                        self.push(Op::Remove, path, None, None);
                    }
                }
                Ok(())
            }
            Some(blank) if is_blank(blank) => Ok(()),
            _ => Err(Error::invalid_value(format!(
                "'{urn}' takes an object of attributes"
            ))),
        }
    }

    /// A path-less value: each name is an attribute, a path, or a schema's URN.
    fn members(&mut self, op: Op, members: &Document) -> Result<(), Error> {
        let schema = self.schema;
        walk(members, schema, &mut |name, value| {
            let base = name.split(['.', '[']).next().unwrap_or(name);
            let common = ["id", "schemas", "meta"];
            // Some say `schemas` in the value of an extension as well.
            let last = name.rsplit(':').next().unwrap_or(name);
            if common.iter().any(|own| base.eq_ignore_ascii_case(own))
                || last.eq_ignore_ascii_case("schemas")
            {
                return Ok(());
            }
            let blank_refusals = [Kind::InvalidPath, Kind::Mutability];
            match self.on_path(op, name, Some(value)) {
                // Unassigning what is not there, or is not the client's, changes nothing.
                Err(error) if is_blank(value) && blank_refusals.contains(&error.kind) => {
                    if self.is_required(name) {
                        Err(error)
                    } else {
                        Ok(())
                    }
                }
                other => other,
            }
        })
    }

    fn is_required(&self, name: &str) -> bool {
        AttrPath::parse(name)
            .ok()
            .and_then(|path| self.schema.resolve(&path).ok())
            .and_then(|found| found.leaf())
            .is_some_and(|leaf| leaf.required && leaf.mutability != Mutability::ReadOnly)
    }

    fn on_path(&mut self, op: Op, text: &str, value: Option<&Value>) -> Result<(), Error> {
        let path = filter::parse_path(text)?;
        let (found, attribute) = match self.schema.resolve(&path.attr) {
            Ok(found) => match found.attribute {
                Some(attribute) => (found, attribute),
                None => return Err(Error::invalid_path(format!("'{text}' names no attribute"))),
            },
            Err(error) => {
                let mut whole = path.attr.clone();
                if path.filter.is_some() {
                    whole.sub.clone_from(&path.sub);
                }
                if self.options.unknown == Unknown::Ignore || self.schema.is_defined(&whole) {
                    self.ignored.note(whole);
                    return Ok(());
                }
                return Err(error);
            }
        };
        let mut leaf = found.sub.unwrap_or(attribute);
        let mut sub = None;
        if let Some(name) = &path.sub {
            let whole = found.path.with_sub(name);
            let unheld = element_sub(attribute, name).is_none() && self.schema.is_defined(&whole);
            if unheld {
                self.ignored.note(whole);
                return Ok(());
            }
            leaf = element_sub(attribute, name).ok_or_else(|| {
                Error::invalid_path(format!("'{text}': there is no sub-attribute '{name}'"))
            })?;
            sub = Some(if attribute.kind == Type::Complex {
                leaf.name.clone()
            } else {
                "value".to_owned()
            });
        }
        if leaf.unkept {
            let whole = match &path.sub {
                Some(_) => found.path.with_sub(&leaf.name),
                None => found.path,
            };
            self.ignored.note(whole);
            return Ok(());
        }
        if [attribute, leaf]
            .iter()
            .any(|a| a.mutability == Mutability::ReadOnly)
        {
            return Err(Error::mutability(format!("'{text}' is readOnly")));
        }
        if op != Op::Remove && value.is_some_and(|value| is_not_given(leaf, value)) {
            return Ok(());
        }
        let by_link = is_reference(attribute) && leaf.name == "$ref" && path.filter.is_none();
        if by_link && !attribute.multi_valued && op != Op::Remove {
            // `manager.$ref` names the manager by where it is.
            let mut link = Document::new();
            link.insert("$ref".to_owned(), value.cloned().unwrap_or_default());
            let whole = found.path.without_sub().to_string();
            return self.on_path(op, &whole, Some(&Value::Object(link)));
        }
        let value_filter = match &path.filter {
            None => None,
            Some(_) if found.sub.is_some() => {
                return Err(Error::invalid_path(format!(
                    "'{text}': a filter cannot follow a sub-attribute"
                )));
            }
            Some(filter) => {
                let checked = filter::check_within(filter, attribute)?;
                Some(match &attribute.primary_type {
                    None => checked,
                    Some(kind) => by_type(&checked, kind),
                })
            }
        };
        let mut path_found = found.path;
        let mut value_filter = value_filter;
        // `emails.value` of a list: to give all of them one value is nobody's wish, so the primary
        // one is meant.
        if attribute.multi_valued
            && op != Op::Remove
            && let Some(kind) = &attribute.primary_type
            && let Some(of) = path_found.sub.take()
        {
            value_filter = Some(Filter::Compare(
                AttrPath::core("type"),
                CompareOp::Eq,
                Literal::String(kind.clone()),
            ));
            sub = Some(of);
        }
        let op = if value_filter.is_some() && path.filter.is_none() {
            Op::Add // makes it where there is none yet
        } else {
            op
        };
        let place = Place {
            attribute,
            leaf,
            path: path_found,
            filter: value_filter,
            sub,
        };
        if op == Op::Remove {
            self.removal(place, value)
        } else {
            self.assignment(op, place, value.unwrap_or(&Value::Null))
        }
    }

    fn removal(&mut self, place: Place<'_>, value: Option<&Value>) -> Result<(), Error> {
        let Place {
            attribute, leaf, ..
        } = place;
        let elements = attribute.multi_valued || is_value_object(attribute);
        let whole = place.filter.is_none() && place.path.sub.is_none();
        let is_sub = !std::ptr::eq(leaf, attribute);
        let takes_value = (elements && whole) || (is_sub && leaf.multi_valued);
        let given = value.filter(|value| takes_value && !value.is_null());
        let wanted = match given {
            None => None,
            Some(given) => {
                let rules = Rules {
                    schema: self.schema,
                    ignored: &Ignored::default(),
                    unknown: Unknown::Ignore,
                    wrap: true,
                    removal: true,
                    partial: false,
                };
                let mut coerced = coerce(leaf, &place.path, given, rules)?;
                if let Some(Value::Array(elements)) = &mut coerced
                    && is_reference(leaf)
                {
                    // To take what names nobody for a description of many would empty a group.
                    elements.retain(|element| element.get("value").is_some_and(filled));
                }
                match coerced {
                    // "" for a reference, as the SCIM Validator sends it, is the reference.
                    None | Some(Value::Null) if !leaf.multi_valued => None,
                    // What names no element removes none: to take it for "all of them" would
                    // empty a group.
                    None | Some(Value::Null) => Some(Value::Array(Vec::new())),
                    named => named,
                }
            }
        };
        if wanted.is_none() {
            place.refuse_required()?;
        }
        let path = place.whole_reference();
        self.push(
            Op::Remove,
            path,
            place.filter.map(|f| (f, place.sub)),
            wanted,
        );
        Ok(())
    }

    fn assignment(&mut self, op: Op, place: Place<'_>, value: &Value) -> Result<(), Error> {
        let Place {
            attribute, leaf, ..
        } = place;
        let filtered = place.filter.is_some();
        // Behind a filter stands one element, not the list.
        let is_element = leaf.multi_valued && filtered && std::ptr::eq(leaf, attribute);
        let rules = Rules {
            schema: self.schema,
            ignored: &self.ignored,
            unknown: self.options.unknown,
            wrap: true,
            removal: false,
            partial: is_element,
        };
        let unpacked = plain_role(attribute, &leaf.name, value);
        let value = unpacked.as_ref().unwrap_or(value);
        let single;
        let definition = if is_element {
            single = Attribute {
                multi_valued: false,
                ..leaf.clone()
            };
            &single
        } else {
            leaf
        };
        let Some(mut coerced) = coerce(definition, &place.path, value, rules)? else {
            return Ok(());
        };
        let names = is_reference(attribute) && !std::ptr::eq(leaf, attribute);
        if names && leaf.name == "value" && !filled(&coerced) {
            if attribute.multi_valued {
                return Err(nameless(attribute, &place.path.without_sub()));
            }
            // As for the reference itself: "" clears it.
            coerced = Value::Null;
        }
        if coerced.is_null() {
            if op == Op::Add && is_blank(value) {
                return Ok(());
            }
            place.refuse_required()?;
        }
        // `manager.value` of a single-valued reference is the reference.
        let path = place.whole_reference();
        let coerced = if path == place.path || coerced.is_null() {
            coerced
        } else {
            let mut object = Document::new();
            object.insert("value".to_owned(), coerced);
            Value::Object(object)
        };
        let op = if coerced.is_null() { Op::Replace } else { op };
        self.push(
            op,
            path,
            place.filter.map(|f| (f, place.sub)),
            Some(coerced),
        );
        Ok(())
    }

    fn push(
        &mut self,
        op: Op,
        path: AttrPath,
        filter: Option<(Filter, Option<String>)>,
        value: Option<Value>,
    ) {
        let (filter, sub) = match filter {
            Some((filter, sub)) => (Some(filter), sub),
            None => (None, None),
        };
        self.parsed.push(Operation {
            op,
            target: Target { path, filter, sub },
            value,
        });
    }
}

/// The filter with `primary eq true` told by the type of the element that is the primary one.
/// Beside another type it says nothing: which one is primary is not the client's to choose.
fn by_type(filter: &Filter, kind: &str) -> Filter {
    if let Filter::Or(a, b) = filter {
        return Filter::Or(Box::new(by_type(a, kind)), Box::new(by_type(b, kind)));
    }
    let is = |name: &str, filter: &Filter| matches!(filter, Filter::Compare(path, CompareOp::Eq, _) if path.attr == name);
    let is_primary = |filter: &Filter| {
        is("primary", filter) && matches!(filter, Filter::Compare(_, _, Literal::Bool(true)))
    };
    let parts = filter.conjuncts();
    let of_type = Filter::Compare(
        AttrPath::core("type"),
        CompareOp::Eq,
        Literal::String(kind.to_owned()),
    );
    let typed = parts.iter().any(|part| is("type", part));
    let told = parts
        .into_iter()
        .filter(|part| !(typed && is_primary(part)))
        .map(|part| if is_primary(part) { &of_type } else { part });
    Filter::all_of(told).unwrap_or_else(|| filter.clone())
}

/// A path found in the schema.
struct Place<'a> {
    attribute: &'a Attribute,
    leaf: &'a Attribute,
    path: AttrPath,
    filter: Option<Filter>,
    sub: Option<String>,
}

impl Place<'_> {
    /// The path, or for `x.value` of a single-valued reference the path of `x`.
    fn whole_reference(&self) -> AttrPath {
        let reference = is_value_object(self.attribute) && !self.attribute.multi_valued;
        if reference && self.path.sub.as_deref() == Some("value") {
            self.path.without_sub()
        } else {
            self.path.clone()
        }
    }

    fn refuse_required(&self) -> Result<(), Error> {
        let single = !self.attribute.multi_valued || self.path.sub.is_none();
        if self.leaf.required && self.filter.is_none() && single {
            return Err(Error::mutability(format!(
                "'{}' is required and cannot be unassigned",
                self.path
            )));
        }
        Ok(())
    }
}

/// The sub-attribute of an element; plain elements have the one name `value`.
fn element_sub<'a>(attribute: &'a Attribute, name: &str) -> Option<&'a Attribute> {
    if attribute.kind == Type::Complex {
        attribute.sub(name)
    } else {
        (attribute.multi_valued && name.eq_ignore_ascii_case("value")).then_some(attribute)
    }
}
