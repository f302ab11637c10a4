//! Role assignments and eligibilities in time: schedules, and the instances that come and go with
//! the clock (Privileged Identity Management).

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::agenda::{Having, Holder, Span};
use super::object::{Kind, Slot, State};
use super::record::{parse_time, ticks, time_text};
use super::store::Directory;

/// How long a request can be read.
const REQUEST_LIFE: Duration = Duration::days(45);

fn text(moment: OffsetDateTime) -> Value {
    Value::String(time_text(ticks(moment)))
}

impl Directory {
    /// The schedule of a role's holder, whether it has begun or not.
    pub fn find_schedule(&self, having: Having, holder: &Holder) -> Option<Slot> {
        let (role, principal) = (
            self.id_text(holder.role),
            self.object(holder.principal).id.to_string(),
        );
        self.all(having.schedule(), None).find(|slot| {
            self.text(*slot, "roleDefinitionId") == Some(&role)
                && self.text(*slot, "principalId") == Some(&principal)
                && self.text(*slot, "directoryScopeId") == Some(&holder.scope)
        })
    }

    /// Adds a schedule, which begins at once if its time has come.
    pub fn add_schedule(&mut self, having: Having, id: &str, holder: &Holder, span: &Span) -> Slot {
        let values = [
            ("id", json!(id)),
            ("createdUsing", json!(id)),
            (
                "principalId",
                json!(self.object(holder.principal).id.to_string()),
            ),
            (
                "roleDefinitionId",
                json!(self.object(holder.role).id.to_string()),
            ),
            ("directoryScopeId", json!(holder.scope)),
            ("createdDateTime", self.now_text()),
            ("status", json!("Provisioned")),
            ("memberType", json!("Direct")),
            ("scheduleInfo", span.info.clone()),
        ];
        let kind = having.schedule();
        let slot = self.insert(
            kind,
            Uuid::new_v4(),
            values.iter().map(|(name, value)| (*name, value)),
        );
        if having == Having::Active {
            self.set_one(slot, "assignmentType", &json!("Assigned"));
        }
        self.plan_schedule(slot, span);
        slot
    }

    /// The schedule that a running activation uses: the eligibility of the same holder.
    pub fn activated_using(&self, schedule: Slot) -> Option<Slot> {
        if self.text(schedule, "assignmentType") != Some("Activated") {
            return None;
        }
        self.find_schedule(Having::Eligible, &self.holder_of(schedule)?)
    }

    /// Makes active what somebody is eligible for; gives the id of the schedule, or `None` when
    /// there is no eligibility that has begun, or one is active already.
    pub fn activate_eligibility(&mut self, holder: &Holder, length: Duration) -> Option<String> {
        let eligible = self.find_schedule(Having::Eligible, holder)?;
        self.instance_of(eligible)?;
        if self.find_schedule(Having::Active, holder).is_some() {
            return None;
        }
        let start = self.now();
        let span = Span::of(start, Some(start + length));
        let id = Uuid::new_v4().to_string();
        let schedule = self.add_schedule(Having::Active, &id, holder, &span);
        let activated = json!("Activated");
        self.set_one(schedule, "assignmentType", &activated);
        if let Some((_, instance)) = self.instance_of(schedule) {
            self.set_one(instance, "assignmentType", &activated);
        }
        Some(id)
    }

    /// Gives a schedule another time.
    pub fn move_schedule(&mut self, schedule: Slot, span: &Span) {
        let modified = self.now_text();
        self.set(
            schedule,
            [
                ("scheduleInfo", &span.info),
                ("modifiedDateTime", &modified),
            ],
        );
        if let Some((_, instance)) = self.instance_of(schedule) {
            let (start, end) = (text(span.start), span.end.map_or(Value::Null, text));
            self.set(instance, [("startDateTime", &start), ("endDateTime", &end)]);
        }
        self.plan_schedule(schedule, span);
    }

    fn plan_schedule(&mut self, schedule: Slot, span: &Span) {
        self.agenda.0.retain(|(_, slot)| *slot != schedule);
        self.agenda.0.insert((ticks(span.start), schedule));
        if let Some(end) = span.end {
            self.agenda.0.insert((ticks(end), schedule));
        }
        self.settle_schedules(self.now());
    }

    /// Lets a request go when its time has come.
    pub fn plan_request(&mut self, request: Slot) {
        let due = ticks(self.now() + REQUEST_LIFE);
        self.agenda.0.insert((due, request));
    }

    /// Lets an object go at a moment, in ticks, and at no other.
    pub fn plan_end(&mut self, slot: Slot, at: i64) {
        self.agenda.0.retain(|(_, other)| *other != slot);
        self.agenda.0.insert((at, slot));
    }

    fn having_of(&self, schedule: Slot) -> Option<Having> {
        let kind = self.object(schedule).kind;
        [Having::Active, Having::Eligible]
            .into_iter()
            .find(|having| having.schedule() == kind)
    }

    /// A schedule's instance, if it has begun.
    pub fn instance_of(&self, schedule: Slot) -> Option<(Having, Slot)> {
        let having = self.having_of(schedule)?;
        let id = self.text(schedule, "id")?;
        let found = self
            .all(having.instance(), None)
            .find(|slot| self.text(*slot, having.schedule_id()) == Some(id))?;
        Some((having, found))
    }

    /// Whose schedule it is; `None` when the principal or role is gone.
    pub fn holder_of(&self, schedule: Slot) -> Option<Holder> {
        let find = |name: &str| self.find(Uuid::parse_str(self.text(schedule, name)?).ok()?);
        Some(Holder {
            role: find("roleDefinitionId")?,
            principal: find("principalId")?,
            scope: self.text(schedule, "directoryScopeId")?.to_owned(),
        })
    }

    /// Ends a schedule with all that follows from it.
    pub fn end_schedule(&mut self, schedule: Slot) {
        self.agenda.0.retain(|(_, slot)| *slot != schedule);
        let instance = self.instance_of(schedule);
        if let Some((having, instance)) = instance {
            let assignment = (having == Having::Active)
                .then(|| {
                    self.text(instance, "roleAssignmentOriginId")
                        .map(str::to_owned)
                })
                .flatten()
                .and_then(|id| self.find_text(Kind::RoleAssignment, &id));
            self.purge(instance);
            if let Some(assignment) = assignment {
                self.revoke_role(assignment);
            }
        }
        self.purge(schedule);
    }

    /// The schedule behind an assignment.
    pub(super) fn schedule_behind(&self, assignment: Slot) -> Option<Slot> {
        let id = self.id_text(assignment);
        let instance = self
            .all(Kind::AssignmentInstance, None)
            .find(|slot| self.text(*slot, "roleAssignmentOriginId") == Some(&id))?;
        let schedule = self.text(instance, "roleAssignmentScheduleId")?;
        self.find_text(Kind::AssignmentSchedule, schedule)
    }

    fn begin(&mut self, having: Having, schedule: Slot) {
        let Some(holder) = self.holder_of(schedule) else {
            return;
        };
        let id = self.json(schedule, "id");
        let info = self.json(schedule, "scheduleInfo");
        let mut values = vec![
            (having.schedule_id(), id.clone()),
            ("principalId", self.json(schedule, "principalId")),
            ("roleDefinitionId", self.json(schedule, "roleDefinitionId")),
            ("directoryScopeId", json!(holder.scope)),
            ("memberType", json!("Direct")),
            ("startDateTime", info["startDateTime"].clone()),
            ("endDateTime", info["expiration"]["endDateTime"].clone()),
        ];
        if having == Having::Active {
            let role = (holder.role, holder.principal, holder.scope.as_str());
            let assignment = match self.find_assignment(role.0, role.1, role.2) {
                Some(there) => there,
                None => self.grant_role(role.0, role.1, role.2),
            };
            let assignment = json!(self.id_text(assignment));
            values.push(("id", assignment.clone()));
            values.push(("roleAssignmentOriginId", assignment));
            values.push(("assignmentType", json!("Assigned")));
        } else {
            values.push(("id", json!(Uuid::new_v4().to_string())));
        }
        self.insert(
            having.instance(),
            Uuid::new_v4(),
            values.iter().map(|(name, value)| (*name, value)),
        );
        // The request that waited for this day.
        let request = id
            .as_str()
            .and_then(|id| self.find_text(having.request(), id))
            .filter(|request| self.text(*request, "status") == Some("Granted"));
        if let Some(request) = request {
            self.set_one(request, "status", &json!("Provisioned"));
        }
    }

    /// Whether a schedule or request is due.
    pub(super) fn schedules_due(&self, now: OffsetDateTime) -> bool {
        self.agenda
            .0
            .first()
            .is_some_and(|(due, _)| *due <= ticks(now))
    }

    /// Begins and ends what is due.
    pub(super) fn settle_schedules(&mut self, now: OffsetDateTime) {
        let now = ticks(now);
        while let Some((due, slot)) = self
            .agenda
            .0
            .first()
            .copied()
            .filter(|(due, _)| *due <= now)
        {
            self.agenda.0.remove(&(due, slot));
            if self.object(slot).state == State::Purged {
                continue;
            }
            let Some(having) = self.having_of(slot) else {
                self.purge(slot);
                continue;
            };
            let info = self.json(slot, "scheduleInfo");
            let end = info["expiration"]["endDateTime"]
                .as_str()
                .and_then(parse_time);
            if end.is_some_and(|end| end <= now) {
                self.end_schedule(slot);
            } else if self.instance_of(slot).is_none() {
                self.begin(having, slot);
            }
        }
    }

    /// Takes away the eligibilities of a principal or role, and the assignments yet to come.
    pub(super) fn end_schedules_of(&mut self, slot: Slot) {
        let id = self.object(slot).id.to_string();
        let ended: Vec<Slot> = [Having::Active, Having::Eligible]
            .into_iter()
            .flat_map(|having| self.all(having.schedule(), None))
            .filter(|schedule| {
                ["principalId", "roleDefinitionId"]
                    .iter()
                    .any(|name| self.text(*schedule, name) == Some(&id))
            })
            .collect();
        for schedule in ended {
            self.end_schedule(schedule);
        }
    }
}
