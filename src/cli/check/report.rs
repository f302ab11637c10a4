//! What `check` found, line by line.

use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// As it must be.
    Ok,
    /// Something will not work, or not for ever.
    Warn,
    /// The gateway cannot do its work.
    Fail,
}

/// One finding.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Line {
    pub(super) level: Level,
    /// What was looked at.
    pub(super) check: &'static str,
    /// Of which tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tenant: Option<String>,
    /// What was found.
    pub(super) found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remedy: Option<String>,
}

impl Line {
    pub(super) fn new(level: Level, check: &'static str, found: impl Into<String>) -> Self {
        Self {
            level,
            check,
            tenant: None,
            found: found.into(),
            remedy: None,
        }
    }

    pub(super) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    pub(super) fn of(mut self, tenant: &str) -> Self {
        self.tenant = Some(tenant.to_owned());
        self
    }

    /// For people: one line, and the remedy below it.
    pub(super) fn text(&self) -> String {
        let level = match self.level {
            Level::Ok => "ok  ",
            Level::Warn => "warn",
            Level::Fail => "FAIL",
        };
        let tenant = match &self.tenant {
            Some(tenant) => format!("[{tenant}] "),
            None => String::new(),
        };
        let mut text = format!("{level}  {tenant}{}: {}", self.check, self.found);
        if let Some(remedy) = &self.remedy {
            text.push_str("\n      -> ");
            text.push_str(remedy);
        }
        text
    }
}
