//! Roles in time: what Privileged Identity Management keeps as schedules, and the requests that
//! change them ([overview](https://learn.microsoft.com/graph/api/resources/privilegedidentitymanagementv3-overview)).

use std::collections::HashMap;

use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    edge::{Asked, Edge, Held, text},
    plan::{GraphCall, Inverse, Purpose, Tolerates, Verb},
};
use crate::{
    odata::request::Request,
    scim::{datetime, error::Error},
};

const ROOT: &str = "/roleManagement/directory/";
/// What says why when the client does not: the default policy of a role demands it.
const JUSTIFICATION: &str = "Assigned through SCIM";

/// Whether a request is about schedules, for which a tenant needs a licence.
pub(super) fn is_scheduled(request: &Request) -> bool {
    let set = request.path.strip_prefix(ROOT).unwrap_or_default();
    set.starts_with("roleAssignmentSchedule") || set.starts_with("roleEligibilitySchedule")
}

/// The list of active assignments, those that begin later among them.
pub(super) fn active() -> Request {
    Request::get(format!("{ROOT}roleAssignmentSchedules"))
}

/// The list of eligibilities.
pub(super) fn eligible() -> Request {
    Request::get(format!("{ROOT}roleEligibilitySchedules"))
}

/// The schedules of one list, by whom, what and where.
pub(super) struct Schedules<'a>(HashMap<(String, String, String), &'a Value>);

impl<'a> Schedules<'a> {
    /// Those of `list` that are held directly: what comes through a group or from above is a
    /// shadow.
    pub(super) fn of(list: impl Iterator<Item = &'a Value>) -> Self {
        let direct = |schedule: &&Value| {
            let kind = schedule.get("memberType").and_then(Value::as_str);
            kind.is_none_or(|kind| kind.eq_ignore_ascii_case("Direct"))
        };
        let mut all: HashMap<_, &Value> = HashMap::new();
        for schedule in list.filter(direct) {
            let Some(key) = key(schedule) else { continue };
            // One that was given outweighs one that was activated.
            let old = all.get(&key).copied();
            if old.is_none_or(is_activated) {
                all.insert(key, schedule);
            }
        }
        Self(all)
    }

    /// The schedule of the same holder, role and scope; taken out.
    pub(super) fn take(&mut self, assignment: &Value) -> Option<&'a Value> {
        self.0.remove(&key(assignment)?)
    }

    /// The schedule of the same holder, role and scope.
    pub(super) fn get(&self, assignment: &Value) -> Option<&'a Value> {
        self.0.get(&key(assignment)?).copied()
    }

    /// Those that are left, in the order of their ids.
    pub(super) fn left(self) -> Vec<&'a Value> {
        let mut left: Vec<&Value> = self.0.into_values().collect();
        left.sort_unstable_by_key(|schedule| text(schedule, "id"));
        left
    }
}

fn key(item: &Value) -> Option<(String, String, String)> {
    let part = |name: &str| text(item, name).map(|text| text.to_ascii_lowercase());
    Some((
        part("principalId")?,
        part("roleDefinitionId")?,
        scope(item).to_ascii_lowercase(),
    ))
}

/// Where an assignment or schedule holds.
pub(super) fn scope(item: &Value) -> String {
    text(item, "directoryScopeId")
        .or_else(|| text(item, "appScopeId"))
        .unwrap_or_else(|| "/".into())
}

fn is_activated(schedule: &Value) -> bool {
    text(schedule, "assignmentType").is_some_and(|kind| kind.eq_ignore_ascii_case("Activated"))
}

/// Lays the times of a schedule into an edge that is there.
pub(super) fn timed(edge: Edge, schedule: &Value, eligible: Option<&Value>) -> Edge {
    let info = &schedule["scheduleInfo"];
    let end = text(&info["expiration"], "endDateTime");
    let activated = is_activated(schedule);
    if end.is_none() && !activated {
        return edge;
    }
    Edge {
        held: Held::Active,
        start: text(info, "startDateTime"),
        end,
        id: text(schedule, "id"),
        activated_from: activated
            .then(|| {
                text(&schedule["activatedUsing"], "id")
                    .or_else(|| eligible.and_then(|eligible| text(eligible, "id")))
            })
            .flatten(),
        ..edge
    }
}

/// The edge of a schedule on its own: an eligibility, or what begins later.
pub(super) fn scheduled(edge: Edge, schedule: &Value, held: Held) -> Edge {
    let info = &schedule["scheduleInfo"];
    Edge {
        held,
        scope: Some(scope(schedule)),
        start: text(info, "startDateTime"),
        end: text(&info["expiration"], "endDateTime"),
        id: text(schedule, "id"),
        ..edge
    }
}

/// How an element of a client says that a role is to be held.
///
/// # Errors
/// `invalidValue` for a time that cannot be, and for one that does not go with the way.
pub(super) fn said(edge: Edge, element: &Value, relation: &str) -> Result<Edge, Error> {
    let given = |name: &str| text(element, name).filter(|text| !text.is_empty());
    let how = given("assignment").map(|how| how.to_ascii_lowercase());
    let (start, end) = (given("start"), given("end"));
    let wrong = |why: String| Err(Error::invalid_value(format!("'{relation}': {why}")));
    let held = match (how.as_deref(), &end) {
        (Some("eligible"), _) => Held::Eligible,
        (Some("permanent"), Some(_)) => {
            return wrong("a permanent assignment has no 'end'".into());
        }
        (Some("active"), None) => {
            return wrong(
                "an active assignment needs an 'end'; without one it is permanent".into(),
            );
        }
        (Some("active") | None, Some(_)) => Held::Active,
        (Some("permanent") | None, None) => Held::Permanent,
        (Some(other), _) => {
            let text = format!("'{other}' is no assignment: permanent, active, eligible");
            return wrong(text);
        }
    };
    let moment = |text: &Option<String>| text.as_deref().and_then(datetime::instant);
    if let (Some(from), Some(to)) = (moment(&start), moment(&end))
        && to <= from
    {
        return wrong("the 'end' is not after the 'start'".into());
    }
    Ok(Edge {
        asked: Some(Asked {
            says_how: how.is_some() || end.is_some() || start.is_some(),
            justification: given("justification"),
            ticket: given("ticket"),
        }),
        held,
        start,
        end,
        ..edge
    })
}

/// Refuses an end that has passed.
///
/// # Errors
/// `invalidValue`
pub(super) fn check_end(edge: &Edge, now: OffsetDateTime, relation: &str) -> Result<(), Error> {
    let end = edge.end.as_deref().and_then(datetime::instant);
    if end.is_some_and(|end| end.nanoseconds() <= now.unix_timestamp_nanos()) {
        let text = format!("'{relation}': the 'end' is in the past; a removal ends it at once");
        return Err(Error::invalid_value(text));
    }
    Ok(())
}

/// Whether what a client says of an edge that is there changes nothing. One who names only the
/// role, or its holder, says nothing about the time: nobody is to get a role for good by being
/// listed.
pub(super) fn is_unchanged(edge: &Edge, named: &Edge) -> bool {
    let asked = named.asked.as_ref();
    if !asked.is_some_and(|asked| asked.says_how) {
        return true;
    }
    let moment = |text: &Option<String>| text.as_deref().and_then(datetime::instant);
    let same_start = named.start.is_none() || moment(&named.start) == moment(&edge.start);
    // Graph's fractions of a second are nobody's wish.
    let seconds = |text: &Option<String>| moment(text).map(datetime::Instant::whole_seconds);
    same_start && edge.held == named.held && seconds(&named.end) == seconds(&edge.end)
}

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Assign,
    Update,
    Remove,
}

impl Action {
    const fn name(self) -> &'static str {
        match self {
            Self::Assign => "adminAssign",
            Self::Update => "adminUpdate",
            Self::Remove => "adminRemove",
        }
    }
}

/// The request that makes, changes or ends a schedule. `far` is told to people.
pub(super) fn request(
    edge: &Edge,
    action: Action,
    now: OffsetDateTime,
    relation: &'static str,
    far: &str,
) -> GraphCall {
    let set = if edge.held == Held::Eligible {
        "roleEligibilityScheduleRequests"
    } else {
        "roleAssignmentScheduleRequests"
    };
    let asked = edge.asked.clone().unwrap_or_default();
    let mut body = json!({
        "action": action.name(),
        "principalId": edge.from.id,
        "roleDefinitionId": edge.to.id,
        "directoryScopeId": edge.scope.as_deref().unwrap_or("/"),
        "justification": asked.justification.as_deref().unwrap_or(JUSTIFICATION),
    });
    if action != Action::Remove {
        let now = now.format(&Rfc3339).unwrap_or_default();
        let start = edge.start.as_deref().unwrap_or(&now);
        let expiration = match &edge.end {
            Some(end) => json!({"type": "afterDateTime", "endDateTime": end}),
            None => json!({"type": "noExpiration"}),
        };
        body["scheduleInfo"] = json!({"startDateTime": start, "expiration": expiration});
    }
    if let Some(ticket) = &asked.ticket {
        body["ticketInfo"] = json!({"ticketNumber": ticket, "ticketSystem": ""});
    }
    let (verb, tolerates) = match action {
        Action::Assign => (Verb::Add, Tolerates::AlreadyThere),
        Action::Update => (Verb::Add, Tolerates::Nothing),
        Action::Remove => (Verb::Remove, Tolerates::NotThere),
    };
    let purpose = Purpose::edge(relation, verb, far);
    GraphCall::new(
        Request::post(format!("{ROOT}{set}"), body),
        &edge.from.id,
        purpose,
    )
    .tolerating(tolerates)
}

/// The request with the way back: what was `before`, if anything was.
pub(super) fn undoable(
    edge: &Edge,
    before: Option<&Edge>,
    now: OffsetDateTime,
    relation: &'static str,
    far: &str,
) -> GraphCall {
    let (action, back) = match before {
        Some(before) => (
            Action::Update,
            request(before, Action::Update, now, relation, far),
        ),
        None => (
            Action::Assign,
            request(edge, Action::Remove, now, relation, far),
        ),
    };
    request(edge, action, now, relation, far).undone_by(Inverse::Calls(vec![back]))
}

/// The schedule that an answered request has made.
pub(super) fn made(edge: &Edge, request: &Request, answer: &Value) -> Option<String> {
    let set = request.path.strip_prefix(ROOT)?;
    let eligible = set == "roleEligibilityScheduleRequests";
    if !(eligible || set == "roleAssignmentScheduleRequests")
        || eligible != (edge.held == Held::Eligible)
    {
        return None;
    }
    is_about(edge, request)
        .then(|| text(answer, "targetScheduleId"))
        .flatten()
}

/// Whether a request is about the edge: its holder, its role, its scope.
pub(super) fn is_about(edge: &Edge, request: &Request) -> bool {
    let Some(body) = &request.body else {
        return false;
    };
    let is = |name: &str, wanted: &str| {
        text(body, name).is_some_and(|given| given.eq_ignore_ascii_case(wanted))
    };
    is("principalId", &edge.from.id)
        && is("roleDefinitionId", &edge.to.id)
        && is("directoryScopeId", edge.scope.as_deref().unwrap_or("/"))
}

/// Why an answer of Graph to a request is none: it has failed although it was taken, or it is about
/// another scope than was asked for (Graph has been seen to give a role for the whole tenant when
/// the administrative unit was very young).
pub fn unlike(request: &Request, answer: &Value) -> Option<String> {
    let body = request.body.as_ref().filter(|_| is_scheduled(request))?;
    let status = text(answer, "status").unwrap_or_default();
    if ["Failed", "Denied", "Canceled"].contains(&status.as_str()) {
        return Some(format!("the request for the role came to status {status}"));
    }
    let (asked, given) = (
        text(body, "directoryScopeId")?,
        text(answer, "directoryScopeId")?,
    );
    (!asked.eq_ignore_ascii_case(&given))
        .then(|| format!("the role was asked for at {asked} and given at {given}"))
}

/// Ends what an answered request has made, at the scope where it was made.
pub fn ending(call: &GraphCall, answer: &Value) -> Option<GraphCall> {
    let mut body = json!({"action": Action::Remove.name(), "justification": JUSTIFICATION});
    for name in ["principalId", "roleDefinitionId", "directoryScopeId"] {
        body[name] = answer.get(name)?.clone();
    }
    let purpose = Purpose {
        verb: Verb::Undo,
        ..call.purpose.clone()
    };
    let request = Request::post(call.request.path.clone(), body);
    Some(GraphCall::new(request, &call.serial_key, purpose).tolerating(Tolerates::NotThere))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::{
        change,
        edge::{EdgeKind, End, Side},
        relation::{Relation as _, Subject},
        role_assignments::RoleAssignments,
    };
    use crate::scim::patch::Step;

    const USER: &str = "00000000-0000-0000-0000-000000000001";
    const ROLE: &str = "00000000-0000-0000-0000-000000000002";
    const END: &str = "2030-01-01T00:00:00Z";
    const LATER: &str = "2031-01-01T00:00:00Z";

    fn held(held: Held, end: Option<&str>) -> Edge {
        Edge {
            scope: Some("/".into()),
            id: Some("a".into()),
            held,
            end: end.map(str::to_owned),
            start: end.map(|_| "2026-01-01T00:00:00Z".to_owned()),
            ..Edge::seen(EdgeKind::Role, Side::From, USER, End::of(ROLE))
        }
    }

    /// The calls that an element, added to what is there, comes to.
    fn planned(there: &[Edge], element: &Value) -> Result<Vec<String>, String> {
        let relation = RoleAssignments { side: Side::From };
        let mut element = element.clone();
        element["value"] = json!(ROLE);
        let steps = [Step::Add(vec![element])];
        let change = change::net(&relation, USER, &steps, Some(there)).map_err(|e| e.detail)?;
        let subject = Subject {
            id: USER,
            entity: None,
            now: OffsetDateTime::UNIX_EPOCH,
            graph_url: "",
        };
        let calls = relation
            .plan(&subject, &change)
            .map_err(|error| error.detail)?;
        assert!(calls.removes.is_empty());
        let told = calls.adds.into_iter().map(|call| {
            let body = call.request.body.unwrap_or_default();
            let set = call.request.path.rsplit('/').next().unwrap_or_default();
            let action = body["action"].as_str().unwrap_or("POST");
            let end = body["scheduleInfo"]["expiration"]["endDateTime"].as_str();
            format!("{set} {action} {}", end.unwrap_or("-"))
        });
        Ok(told.collect())
    }

    #[test]
    fn what_is_there_and_what_is_wanted_make_the_request() {
        let (permanent, active) = (held(Held::Permanent, None), held(Held::Active, Some(END)));
        let eligible = held(Held::Eligible, Some(END));
        let activated = Edge {
            activated_from: Some("e".into()),
            ..active.clone()
        };
        let plain = "roleAssignments POST -";
        let assign = format!("roleAssignmentScheduleRequests adminAssign {END}");
        let update = |end: &str| format!("roleAssignmentScheduleRequests adminUpdate {end}");
        let may = |what: &str, end: &str| format!("roleEligibilityScheduleRequests {what} {end}");
        for (there, element, expected) in [
            (vec![], json!({}), Ok(vec![plain.to_owned()])),
            (vec![], json!({"end": END}), Ok(vec![assign.clone()])),
            (
                vec![],
                json!({"assignment": "Eligible"}),
                Ok(vec![may("adminAssign", "-")]),
            ),
            // Who is eligible may be given it as well.
            (
                vec![eligible.clone()],
                json!({}),
                Ok(vec![plain.to_owned()]),
            ),
            (
                vec![eligible.clone()],
                json!({"assignment": "eligible", "end": LATER}),
                Ok(vec![may("adminUpdate", LATER)]),
            ),
            (
                vec![eligible],
                json!({"assignment": "eligible", "end": "2030-01-01T01:00:00+01:00"}),
                Ok(vec![]),
            ),
            // To be named is not to be given it for good.
            (vec![active.clone()], json!({}), Ok(vec![])),
            (vec![active.clone()], json!({"end": END}), Ok(vec![])),
            (
                vec![active.clone()],
                json!({"end": LATER}),
                Ok(vec![update(LATER)]),
            ),
            (
                vec![active],
                json!({"assignment": "permanent"}),
                Ok(vec![update("-")]),
            ),
            (vec![permanent.clone()], json!({}), Ok(vec![])),
            (vec![permanent], json!({"end": END}), Ok(vec![update(END)])),
            (
                vec![activated.clone()],
                json!({"assignment": "active", "end": END}),
                Ok(vec![]),
            ),
            (
                vec![activated.clone()],
                json!({"end": LATER}),
                Err("activation"),
            ),
            (
                vec![activated],
                json!({"assignment": "permanent"}),
                Ok(vec![plain.to_owned()]),
            ),
            (vec![], json!({"end": "1969-01-01T00:00:00Z"}), Err("past")),
        ] {
            match (planned(&there, &element), expected) {
                (Ok(calls), Ok(expected)) => assert_eq!(calls, expected, "{element}"),
                (Err(said), Err(expected)) => assert!(said.contains(expected), "{said}"),
                (got, expected) => panic!("{element}: {got:?}, not {expected:?}"),
            }
        }
    }

    #[test]
    fn only_an_answer_that_says_what_was_asked_is_one() {
        let unit = json!({"directoryScopeId": "/administrativeUnits/a"});
        for (path, answer, says) in [
            (
                "roleEligibilityScheduleRequests",
                json!({"status": "Provisioned", "directoryScopeId": "/AdministrativeUnits/A"}),
                None,
            ),
            (
                "roleEligibilityScheduleRequests",
                json!({"status": "Provisioned", "directoryScopeId": "/"}),
                Some("given at /"),
            ),
            (
                "roleAssignmentScheduleRequests",
                json!({"status": "Failed", "directoryScopeId": "/administrativeUnits/a"}),
                Some("Failed"),
            ),
            // A plain assignment has no status.
            ("roleAssignments", json!({"directoryScopeId": "/"}), None),
        ] {
            let request = Request::post(format!("{ROOT}{path}"), unit.clone());
            let said = unlike(&request, &answer);
            match says {
                None => assert_eq!(said, None, "{path} {answer}"),
                Some(says) => assert!(said.unwrap().contains(says), "{path} {answer}"),
            }
        }
    }
}
