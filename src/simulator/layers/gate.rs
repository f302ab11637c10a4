//! What every single Graph request passes, the items of a `$batch` included: counting, throttling,
//! permissions, and faults of items.

use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use serde_json::{Value, json};

use super::counters::Counters;
use super::faults::{ErrorReply, Faults, Phase, Surface, Target};
use super::throttle::{Refused, Throttle};
use crate::base::clock::SharedClock;
use crate::odata::facts;
use crate::simulator::core::{Gate, Graph};
use crate::simulator::directory::{Kind, Relation, State, ticks, time_text};
use crate::simulator::errors::SimError;
use crate::simulator::permissions::{self, Question, Scope, Tenant};
use crate::simulator::request::{Body, SimRequest, SimResponse};

/// The gate of a simulated tenant.
pub struct Passage {
    /// What was asked.
    pub counters: Counters,
    /// Faults on demand; shared with the HTTP side, which makes those of whole requests.
    pub faults: Mutex<Faults>,
    throttle: Mutex<Throttle>,
    tenant_id: String,
    clock: SharedClock,
    graph: OnceLock<Weak<Graph>>,
}

impl Passage {
    /// A gate for the tenant. [`Passage::attach`] completes it.
    pub fn new(faults: Faults, throttle: Throttle, tenant_id: String, clock: SharedClock) -> Self {
        Self {
            counters: Counters::default(),
            faults: Mutex::new(faults),
            throttle: Mutex::new(throttle),
            tenant_id,
            clock,
            graph: OnceLock::new(),
        }
    }

    /// Gives the gate sight of the directory, whose roles decide what a caller may do. Without it
    /// nothing that depends on the directory is refused.
    pub fn attach(&self, graph: &Arc<Graph>) {
        // A second call would name the same tenant: the first stays.
        let _ = self.graph.set(Arc::downgrade(graph));
    }

    /// Swaps the limits that are enforced.
    pub fn set_throttle(&self, throttle: Throttle) {
        *self.throttle.lock().unwrap_or_else(PoisonError::into_inner) = throttle;
    }

    fn item_fault(&self, request: &SimRequest, phase: Phase) -> Option<SimResponse> {
        if !request.in_batch {
            return None;
        }
        let path = decoded(&request.path);
        let query = query_text(&request.query);
        let target = Target {
            surface: Surface::Item,
            method: request.method.as_str(),
            path: &path,
            query: &query,
        };
        let fault = self
            .faults
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .decide(&target, phase)?;
        let now = self.clock.now();
        let reply = fault.reply(now)?;
        Some(response(
            reply,
            &request.request_id.to_string(),
            &request.client_request_id(),
            now,
        ))
    }

    fn throttled(&self, request: &SimRequest, refused: Refused) -> SimResponse {
        let app = request
            .caller
            .app_id
            .map_or_else(String::new, |id| id.to_string());
        let date = time_text(ticks(self.clock.now()));
        SimResponse::json(
            429,
            json!({"error": {
                "code": "TooManyRequests",
                "message": format!(
                    "Too many requests from Identifier:{app} under category:aadgraph.app.tenant_{}. Please try again later.",
                    refused.size
                ),
                "innerError": {
                    "code": "429",
                    "date": date.trim_end_matches('Z'),
                    "message": "Please retry after",
                    "request-id": request.request_id.to_string(),
                    "client-request-id": request.client_request_id(),
                    "status": "429",
                },
            }}),
        )
        .with_header("Retry-After", refused.retry_after.to_string())
        .with_header(
            "x-ms-throttle-scope",
            format!("Tenant_Application/ReadWrite/{app}/{}", self.tenant_id),
        )
        .with_header("x-ms-throttle-information", refused.information)
    }

    fn permitted(&self, request: &SimRequest) -> bool {
        let Some(graph) = self.graph.get().and_then(Weak::upgrade) else {
            return true;
        };
        let body: Option<Value> = serde_json::from_slice(&request.body).ok();
        let path = decoded(&request.path);
        let caller = request
            .caller
            .object_id
            .map_or_else(String::new, |id| id.to_string());
        permissions::allows(
            &Question {
                method: request.method.as_str(),
                path: &path,
                body: body.as_ref(),
                permissions: &request.caller.roles,
                caller: &caller,
            },
            &View(&graph),
        )
    }
}

impl Gate for Passage {
    fn before(&self, request: &SimRequest) -> Option<SimResponse> {
        let whole_batch = !request.in_batch && is_batch(&request.path);
        let cost = if whole_batch {
            // Its items are charged one by one.
            facts::Cost {
                resource_units: 0,
                writes: 0,
            }
        } else {
            facts::cost(request.method, &request.path, &request.query)
        };
        self.counters.operation(
            request.method.as_str(),
            &decoded(&request.path),
            request.in_batch,
            cost,
        );
        if let Some(response) = self.item_fault(request, Phase::Before) {
            return Some(response);
        }
        if whole_batch {
            return None;
        }
        let refused = self
            .throttle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .charge(cost.resource_units, cost.writes, self.clock.now());
        if let Some(refused) = refused {
            return Some(self.throttled(request, refused));
        }
        if self.permitted(request) {
            None
        } else {
            let denied = SimError::denied();
            Some(SimResponse::refusal(denied, request, self.clock.now()))
        }
    }

    fn after(&self, request: &SimRequest, response: &mut SimResponse) {
        if let Some(spoilt) = self.item_fault(request, Phase::After) {
            *response = spoilt;
        }
        let percentage = self
            .throttle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .percentage();
        if let Some(percentage) = percentage {
            response.headers.push((
                "x-ms-throttle-limit-percentage".to_owned(),
                percentage.to_string(),
            ));
        }
        self.counters.answered(response.status);
    }
}

/// Whether a path below the version is the batch endpoint.
pub(super) fn is_batch(path: &str) -> bool {
    path.trim_matches('/').eq_ignore_ascii_case("$batch")
}

/// A path with its percent-encoding undone.
pub(super) fn decoded(path: &str) -> String {
    percent_encoding::percent_decode_str(path)
        .decode_utf8_lossy()
        .into_owned()
}

/// The decoded query as one text, for rules to look into.
fn query_text(query: &[(String, String)]) -> String {
    query
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect::<Vec<_>>()
        .join("&")
}

/// A fault's answer, with Graph's `innerError` unless the rule brought a body of its own.
pub(super) fn response(
    reply: ErrorReply,
    request_id: &str,
    client_request_id: &str,
    now: time::OffsetDateTime,
) -> SimResponse {
    let mut body = reply.body;
    if let Some(error) = body.get_mut("error").and_then(Value::as_object_mut)
        && !error.contains_key("innerError")
    {
        let date = time_text(ticks(now));
        error.insert(
            "innerError".to_owned(),
            json!({
                "date": date.trim_end_matches('Z'),
                "request-id": request_id,
                "client-request-id": client_request_id,
            }),
        );
    }
    SimResponse {
        status: reply.status,
        headers: reply.headers,
        body: if body.is_null() {
            Body::Empty
        } else {
            Body::Json(body)
        },
    }
}

/// The directory as the permission rules see it.
struct View<'a>(&'a Graph);

impl Tenant for View<'_> {
    fn is_walled_off(&self, object: &str, principal: &str) -> bool {
        let Some(object) = self.resolve(object) else {
            return false;
        };
        let directory = self.0.read();
        let slot = |id: &str| directory.find(uuid::Uuid::parse_str(id).ok()?);
        let Some(object) = slot(&object) else {
            return false;
        };
        let units: Vec<String> = directory
            .all(Kind::AdministrativeUnit, None)
            .filter(|unit| directory.is_live(*unit))
            .filter(|unit| directory.flag(*unit, "isMemberManagementRestricted"))
            .filter(|unit| {
                let mut members = directory.edges(Relation::Member).targets(*unit, None);
                members.any(|member| member == object)
            })
            .map(|unit| format!("/administrativeUnits/{}", directory.object(unit).id))
            .collect();
        let holds = |unit: &String| {
            directory.all(Kind::RoleAssignment, None).any(|assignment| {
                directory.text(assignment, "directoryScopeId") == Some(unit)
                    && directory.text(assignment, "principalId") == Some(principal)
            })
        };
        units.iter().any(|unit| !holds(unit))
    }

    fn directory_roles(&self, principal: &str, scope: Scope) -> Vec<String> {
        let directory = self.0.read();
        let Some(slot) = uuid::Uuid::parse_str(principal)
            .ok()
            .and_then(|id| directory.find(id))
        else {
            return Vec::new();
        };
        let mut holders: Vec<String> = vec![directory.object(slot).id.to_string()];
        holders.extend(
            directory
                .closure(slot, false)
                .into_iter()
                .filter(|above| directory.object(*above).kind == Kind::Group)
                .map(|group| directory.object(group).id.to_string()),
        );
        directory
            .all(Kind::RoleAssignment, None)
            .filter(|assignment| directory.is_live(*assignment))
            .filter(|assignment| {
                directory
                    .text(*assignment, "principalId")
                    .is_some_and(|id| holders.iter().any(|holder| holder == id))
                    && (scope == Scope::Any
                        || directory.text(*assignment, "directoryScopeId") == Some("/"))
            })
            .filter_map(|assignment| directory.text(assignment, "roleDefinitionId"))
            .filter(|role| {
                uuid::Uuid::parse_str(role)
                    .ok()
                    .and_then(|id| directory.find(id))
                    .is_some_and(|role| directory.flag(role, "isBuiltIn"))
            })
            .map(str::to_owned)
            .collect()
    }

    fn resolve(&self, key: &str) -> Option<String> {
        let directory = self.0.read();
        let slot = match uuid::Uuid::parse_str(key) {
            Ok(id) => directory.find(id),
            Err(_) => directory.find_upn(key),
        }?;
        Some(directory.object(slot).id.to_string())
    }

    fn is_role_assignable(&self, group: &str) -> bool {
        let directory = self.0.read();
        uuid::Uuid::parse_str(group)
            .ok()
            .and_then(|id| directory.find(id))
            .is_some_and(|slot| directory.flag(slot, "isAssignableToRole"))
    }

    fn deleted_type(&self, id: &str) -> Option<String> {
        let directory = self.0.read();
        let slot = directory.find(uuid::Uuid::parse_str(id).ok()?)?;
        let kind = directory.object(slot).kind;
        (directory.state(slot) == State::Deleted).then(|| kind.entity().to_owned())
    }
}
