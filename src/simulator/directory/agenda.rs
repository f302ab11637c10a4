//! Roles in time, as data: who has or may take which role from when to when, and what is due next.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::object::{Kind, Slot};
use super::record::{ticks, time_text};

/// What is due when.
#[derive(Debug, Default)]
pub(super) struct Agenda(pub(super) BTreeSet<(i64, Slot)>);

/// Whether someone has a role, or may take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Having {
    /// Has it.
    Active,
    /// May take it.
    Eligible,
}

impl Having {
    /// The kind of its schedules.
    pub fn schedule(self) -> Kind {
        match self {
            Self::Active => Kind::AssignmentSchedule,
            Self::Eligible => Kind::EligibilitySchedule,
        }
    }

    /// The kind of its instances.
    pub fn instance(self) -> Kind {
        match self {
            Self::Active => Kind::AssignmentInstance,
            Self::Eligible => Kind::EligibilityInstance,
        }
    }

    /// The kind of its requests.
    pub fn request(self) -> Kind {
        match self {
            Self::Active => Kind::AssignmentRequest,
            Self::Eligible => Kind::EligibilityRequest,
        }
    }

    pub(super) fn schedule_id(self) -> &'static str {
        match self {
            Self::Active => "roleAssignmentScheduleId",
            Self::Eligible => "roleEligibilityScheduleId",
        }
    }
}

/// Who has which role where.
#[derive(Clone, Debug)]
pub struct Holder {
    /// The definition.
    pub role: Slot,
    /// The principal.
    pub principal: Slot,
    /// `/` is the whole tenant.
    pub scope: String,
}

impl Span {
    /// From one moment to another, or for good.
    pub fn of(start: OffsetDateTime, end: Option<OffsetDateTime>) -> Self {
        let text = |moment: OffsetDateTime| time_text(ticks(moment));
        let kind = if end.is_some() {
            "afterDateTime"
        } else {
            "noExpiration"
        };
        Self {
            start,
            end,
            info: json!({
                "startDateTime": text(start),
                "recurrence": null,
                "expiration": {"type": kind, "endDateTime": end.map(text), "duration": null},
            }),
        }
    }
}

/// From when to when.
#[derive(Clone, Debug)]
pub struct Span {
    /// The start.
    pub start: OffsetDateTime,
    /// The end, if there is one.
    pub end: Option<OffsetDateTime>,
    /// `scheduleInfo` as Graph shows it.
    pub info: Value,
}
