//! The directory's applications as sign-in sees them: credentials that were added through Graph, and
//! the permissions that were granted through it.

use std::sync::{Arc, Weak};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use super::core::Graph;
use super::directory::{Directory, Kind, Slot, guid};
use super::identity::{Applications, Certificate, GRAPH_APP_ID, Registration, Secret};

/// Looks applications up in a tenant.
pub struct InDirectory(Weak<Graph>);

impl InDirectory {
    /// Of a tenant, for as long as it is there.
    pub fn of(graph: &Arc<Graph>) -> Self {
        Self(Arc::downgrade(graph))
    }
}

impl Applications for InDirectory {
    fn registration(&self, client_id: &str) -> Option<Registration> {
        let graph = self.0.upgrade()?;
        let dir = graph.read();
        let app_id = guid(client_id)?;
        let principal = dir.find_app(Kind::ServicePrincipal, app_id)?;
        let application = dir.find_app(Kind::Application, app_id);
        let owners = [application, Some(principal)];
        let of = |name: &str| -> Vec<Value> {
            let lists = owners.iter().flatten().map(|slot| dir.json(*slot, name));
            lists
                .flat_map(|list| list.as_array().cloned().unwrap_or_default())
                .collect()
        };
        Some(Registration {
            app_id: app_id.to_string(),
            name: dir
                .text(principal, "displayName")
                .unwrap_or_default()
                .to_owned(),
            service_principal: dir.id_text(principal),
            permissions: permissions(&dir, principal),
            secrets: of("passwordCredentials")
                .iter()
                .filter_map(|c| secret(&dir, c))
                .collect(),
            certificates: of("keyCredentials")
                .iter()
                .filter_map(certificate)
                .collect(),
            disabled: dir.json(principal, "accountEnabled") == false,
            ..Registration::default()
        })
    }
}

fn secret(dir: &Directory, credential: &Value) -> Option<Secret> {
    let key: Uuid = guid(credential["keyId"].as_str()?)?;
    let expires = credential["endDateTime"].as_str();
    let expires = expires.and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
    Some(Secret::hashed(*dir.secrets.get(&key)?, expires))
}

fn certificate(credential: &Value) -> Option<Certificate> {
    let der = STANDARD.decode(credential["key"].as_str()?).ok()?;
    Certificate::from_der(&der).ok()
}

/// The values of Graph's application roles that a service principal was given.
fn permissions(dir: &Directory, principal: Slot) -> Vec<String> {
    let graph = guid(GRAPH_APP_ID).and_then(|id| dir.find_app(Kind::ServicePrincipal, id));
    let Some(graph) = graph else {
        return Vec::new();
    };
    let (own, resource) = (dir.id_text(principal), dir.id_text(graph));
    let roles = dir.json(graph, "appRoles");
    let value = |role: &str| {
        let mut all = roles.as_array().into_iter().flatten();
        let found = all.find(|r| {
            r["id"]
                .as_str()
                .is_some_and(|id| id.eq_ignore_ascii_case(role))
        });
        found
            .and_then(|role| role["value"].as_str())
            .map(str::to_owned)
    };
    dir.all(Kind::AppRoleAssignment, None)
        .filter(|slot| dir.text(*slot, "principalId") == Some(&own))
        .filter(|slot| dir.text(*slot, "resourceId") == Some(&resource))
        .filter_map(|slot| value(dir.text(slot, "appRoleId")?))
        .collect()
}
