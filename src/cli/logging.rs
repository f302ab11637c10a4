//! Logs: on standard error, as text or as one JSON object per line.

use std::fmt;

use anyhow::anyhow;
use serde_json::{Map, Value};
use time::format_description::well_known::Rfc3339;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    EnvFilter,
    fmt::{
        FmtContext, FormatEvent, FormatFields, FormattedFields,
        format::{JsonFields, Writer},
    },
    registry::{LookupSpan, Scope},
};

use crate::{
    base::clock::{Clock as _, SystemClock},
    config::{Log, LogFormat},
};

/// Starts logging for the whole process.
///
/// # Errors
/// When the level is not understood, or logging was started before.
pub(super) fn start(log: &Log) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&log.level)?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false);
    match log.format {
        LogFormat::Text => lines
            .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
            .try_init(),
        LogFormat::Json => lines
            .fmt_fields(JsonFields::new())
            .event_format(JsonLines)
            .try_init(),
    }
    .map_err(|error| anyhow!("logging cannot be started: {error}"))
}

/// One object per line: the fields of the event, and of the spans around it, each once; what is
/// said nearer to the event wins.
struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        cx: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = Map::new();
        let now = SystemClock.now().format(&Rfc3339);
        line.insert("timestamp".into(), now.unwrap_or_default().into());
        line.insert("level".into(), event.metadata().level().as_str().into());
        let mut said = Map::new();
        for span in cx.event_scope().into_iter().flat_map(Scope::from_root) {
            if let Some(fields) = span.extensions().get::<FormattedFields<N>>()
                && let Ok(fields) = serde_json::from_str::<Map<String, Value>>(&fields.fields)
            {
                said.extend(fields);
            }
        }
        event.record(&mut Fields(&mut said));
        if let Some(message) = said.remove("message") {
            line.insert("message".into(), message);
        }
        for (name, value) in said {
            line.entry(name).or_insert(value);
        }
        writeln!(writer, "{}", Value::Object(line))
    }
}

/// Fields of an event as JSON.
struct Fields<'a>(&'a mut Map<String, Value>);

impl Fields<'_> {
    fn put(&mut self, field: &Field, value: Value) {
        self.0.insert(field.name().to_owned(), value);
    }
}

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
}
