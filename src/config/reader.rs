//! Takes typed values out of layered configuration and collects everything that is wrong.

use std::{
    collections::BTreeSet,
    fmt::{self, Display},
    path::PathBuf,
    str::FromStr,
};

use figment::{
    Figment, Metadata, Profile, Provider,
    value::{Dict, Map, Num, Tag, Value},
};
use secrecy::SecretString;

/// One thing that is wrong with the configuration. Never holds a value: it could be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file or the environment variable, when one is to blame.
    pub origin: Option<String>,
    /// The key, dotted.
    pub key: String,
    /// What is wrong, and what is expected.
    pub message: String,
}

impl Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(origin) = &self.origin {
            write!(f, "{origin}: ")?;
        }
        write!(f, "{}: {}", self.key, self.message)
    }
}

/// A layer of configuration with a name.
pub(super) struct Layer {
    metadata: Metadata,
    values: Dict,
}

impl Layer {
    pub(super) fn new(metadata: Metadata, values: Dict) -> Self {
        Self { metadata, values }
    }

    /// The variables that begin with `prefix`, as text: what a number is, the key decides.
    pub(super) fn environment(prefix: &'static str, variables: &[(String, String)]) -> Self {
        let mut values = Dict::new();
        for (name, value) in variables {
            let Some(path) = name.strip_prefix(prefix) else {
                continue;
            };
            let path = path.to_lowercase();
            let keys: Vec<&str> = path.split("__").collect();
            insert(&mut values, &keys, value);
        }
        let metadata = Metadata::named(ENVIRONMENT).interpolater(move |_, keys| {
            let keys: Vec<String> = keys.iter().map(|k| k.to_uppercase()).collect();
            format!("{prefix}{}", keys.join("__"))
        });
        Self { metadata, values }
    }
}

const ENVIRONMENT: &str = "the environment";

fn insert(into: &mut Dict, keys: &[&str], value: &str) {
    match keys {
        [] => {}
        [last] => {
            into.insert((*last).to_owned(), Value::from(value));
        }
        [first, rest @ ..] => {
            let inner = into
                .entry((*first).to_owned())
                .or_insert_with(|| Value::from(Dict::new()));
            if let Value::Dict(_, inner) = inner {
                insert(inner, rest, value);
            } else {
                // A variable names a key that another takes for a section: keep the deeper one,
                // whose unknown name will be reported.
                let mut deeper = Dict::new();
                insert(&mut deeper, rest, value);
                *inner = Value::from(deeper);
            }
        }
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        self.metadata.clone()
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}

/// Reads keys one by one; what was never asked for is unknown.
pub(super) struct Reader {
    figment: Figment,
    values: Value,
    asked: BTreeSet<String>,
    problems: Vec<Problem>,
}

impl Reader {
    pub(super) fn new(figment: Figment) -> Result<Self, Box<figment::Error>> {
        let values: Dict = figment.extract().map_err(Box::new)?;
        Ok(Self {
            // `extract` forgets where values come from, `find_value` does not.
            values: Value::from(
                values
                    .keys()
                    .filter_map(|key| Some((key.clone(), figment.find_value(key).ok()?)))
                    .collect::<Dict>(),
            ),
            figment,
            asked: BTreeSet::new(),
            problems: Vec::new(),
        })
    }

    /// The names below a section.
    pub(super) fn names(&self, section: &str) -> Vec<String> {
        match self.values.find_ref(section) {
            Some(Value::Dict(_, names)) => names.keys().cloned().collect(),
            _ => Vec::new(),
        }
    }

    /// Reports that `key` is wrong.
    pub(super) fn wrong(&mut self, key: &str, message: impl Into<String>) {
        self.problems.push(Problem {
            origin: self.origin(key),
            key: key.to_owned(),
            message: message.into(),
        });
    }

    /// Whether `key` has a value, from whatever layer; empty text is none.
    pub(super) fn has(&self, key: &str) -> bool {
        match self.values.find_ref(key) {
            Some(Value::String(_, text)) => !text.is_empty(),
            value => value.is_some(),
        }
    }

    /// Whether nothing was reported about `key` yet.
    pub(super) fn blame_once(&self, key: &str) -> bool {
        self.problems.iter().all(|problem| problem.key != key)
    }

    fn value(&mut self, key: &str) -> Option<Value> {
        self.asked.insert(key.to_owned());
        self.values.find_ref(key).cloned()
    }

    /// Text; empty text counts as not given, so that a variable can be emptied.
    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        match self.value(key)? {
            Value::String(_, text) if text.is_empty() => None,
            Value::String(_, text) => Some(text),
            _ => {
                self.wrong(key, "expected text, in quotes");
                None
            }
        }
    }

    /// Text in a form of its own. `None` when it is not given or wrong; the latter is reported.
    pub(super) fn parsed<T: FromStr<Err: Display>>(&mut self, key: &str) -> Option<T> {
        match self.text(key)?.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.wrong(key, format!("{error}"));
                None
            }
        }
    }

    /// A whole number within `range`; every such key has a default, so that one given wrongly
    /// is reported and the lowest value stands in.
    pub(super) fn number(&mut self, key: &str, range: std::ops::RangeInclusive<u32>) -> u32 {
        let number = match self.value(key) {
            Some(Value::Num(_, number)) => whole(number),
            Some(Value::String(_, text)) => text.trim().parse().ok(),
            _ => None,
        };
        match number {
            Some(number) if range.contains(&number) => number,
            _ => {
                self.wrong(
                    key,
                    format!(
                        "expected a whole number from {} to {}",
                        range.start(),
                        range.end()
                    ),
                );
                *range.start()
            }
        }
    }

    /// `true` or `false`; anything else is reported and `false` stands in.
    pub(super) fn flag(&mut self, key: &str) -> bool {
        match self.value(key) {
            Some(Value::Bool(_, flag)) => flag,
            Some(Value::String(_, text)) if text.eq_ignore_ascii_case("true") => true,
            Some(Value::String(_, text)) if text.eq_ignore_ascii_case("false") => false,
            _ => {
                self.wrong(key, "expected true or false");
                false
            }
        }
    }

    /// A secret: at `key`, or in the file named at `key` + `_file`. The last one given wins over
    /// a default, two that were both given contradict each other.
    pub(super) fn secret(&mut self, key: &str) -> Option<SecretString> {
        let file_key = format!("{key}_file");
        let direct = self.text(key);
        let file = self.text(&file_key);
        match (direct, file) {
            (Some(_), Some(_)) if !self.is_default(key) => {
                self.wrong(&file_key, format!("contradicts {key}: give one of them"));
                None
            }
            (_, Some(path)) => match std::fs::read_to_string(&path) {
                Ok(text) if text.trim().is_empty() => {
                    self.wrong(&file_key, format!("{path} is empty"));
                    None
                }
                Ok(text) => Some(SecretString::from(text.trim_end_matches(['\r', '\n']))),
                Err(error) => {
                    self.wrong(&file_key, format!("cannot read {path}: {error}"));
                    None
                }
            },
            (Some(text), None) => Some(SecretString::from(text)),
            (None, None) => None,
        }
    }

    /// The path of a file that must be there.
    pub(super) fn file(&mut self, key: &str) -> Option<PathBuf> {
        let path = PathBuf::from(self.text(key)?);
        match std::fs::File::open(&path) {
            Ok(_) => Some(path),
            Err(error) => {
                self.wrong(key, format!("cannot read {}: {error}", path.display()));
                None
            }
        }
    }

    /// Every key that was asked for, there or not.
    #[cfg(test)]
    pub(super) fn asked(&self) -> impl Iterator<Item = &String> {
        self.asked.iter()
    }

    /// Whether the value at `key` is the compiled-in one.
    pub(super) fn is_default(&self, key: &str) -> bool {
        self.metadata(key)
            .is_none_or(|metadata| metadata.name == super::DEFAULTS)
    }

    fn metadata(&self, key: &str) -> Option<&Metadata> {
        let mut tag = Tag::Default;
        // A key that is missing is blamed on nobody.
        if let Some(value) = self.values.find_ref(key) {
            tag = value.tag();
        }
        self.figment.get_metadata(tag)
    }

    fn origin(&self, key: &str) -> Option<String> {
        let metadata = self.metadata(key)?;
        if metadata.name == super::DEFAULTS {
            return None;
        }
        if let Some(path) = metadata
            .source
            .as_ref()
            .and_then(|source| source.file_path())
        {
            return Some(path.display().to_string());
        }
        if metadata.name == ENVIRONMENT {
            let keys: Vec<&str> = key.split('.').collect();
            return Some(metadata.interpolate(&Profile::Default, &keys));
        }
        Some(metadata.name.to_string())
    }

    /// All problems, unknown keys among them, now that every key there is has been asked for.
    pub(super) fn finish(mut self) -> Vec<Problem> {
        let mut leaves = Vec::new();
        collect_leaves(&self.values, "", &mut leaves);
        for leaf in leaves {
            if !self.asked.contains(&leaf) {
                let section = leaf.rsplit_once('.').map_or("", |(section, _)| section);
                let known: Vec<&str> = self
                    .asked
                    .iter()
                    .filter_map(|key| match section {
                        "" => key.split('.').next(),
                        _ => key
                            .strip_prefix(section)?
                            .strip_prefix('.')?
                            .split('.')
                            .next(),
                    })
                    .collect::<BTreeSet<_>>()
                    .into_iter()
                    .collect();
                let message = if known.is_empty() {
                    "there is no such section".to_owned()
                } else {
                    format!("there is no such key; there are: {}", known.join(", "))
                };
                self.wrong(&leaf, message);
            }
        }
        self.problems
    }
}

fn whole(number: Num) -> Option<u32> {
    match (number.to_u128(), number.to_i128()) {
        (Some(number), _) => u32::try_from(number).ok(),
        (_, Some(number)) => u32::try_from(number).ok(),
        _ => None,
    }
}

fn collect_leaves(value: &Value, path: &str, leaves: &mut Vec<String>) {
    match value {
        Value::Dict(_, dict) if !dict.is_empty() => {
            for (key, value) in dict {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                collect_leaves(value, &path, leaves);
            }
        }
        // A section left empty says nothing.
        Value::Dict(..) => {}
        _ => leaves.push(path.to_owned()),
    }
}
