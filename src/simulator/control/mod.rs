//! `/_sim`: what tests and demos ask and do beside Graph. Nothing here passes faults, throttling,
//! permissions or counters.

mod changes;
mod churn;
mod clock;
mod held;
mod notifications;
mod switches;
mod trouble;
mod views;

use axum::Router;
use axum::routing::{get, post};

pub use clock::OffsetClock;
pub use held::{Control, Refused};

/// All control endpoints, below `/_sim`.
pub fn router(control: Control) -> Router {
    Router::new()
        .route("/state", get(views::state))
        .route("/users/{id}", get(views::user))
        .route("/users/{id}/groups", get(views::groups_of))
        .route("/users/{id}/manager", get(views::manager))
        .route("/users/{id}/licenses", get(views::licenses))
        .route("/groups/{id}", get(views::group))
        .route("/groups/{id}/members", get(views::members))
        .route("/groups/{id}/owners", get(views::owners))
        .route("/objects/{id}", get(views::object))
        .route("/roleAssignments", get(views::role_assignments))
        .route("/counters", get(switches::counters))
        .route("/counters/reset", post(switches::reset_counters))
        .route(
            "/faults",
            get(switches::faults)
                .post(switches::add_faults)
                .delete(switches::clear_faults),
        )
        .route(
            "/permissions",
            get(switches::permissions).post(switches::set_permissions),
        )
        .route("/certificates", post(switches::add_certificate))
        .route("/federated", post(switches::add_federated))
        .route("/secrets", post(switches::add_secret))
        .route("/tokens/lifetime", post(switches::set_lifetime))
        .route("/tokens/revoke", post(switches::revoke))
        .route("/keys/rotate", post(switches::rotate_keys))
        .route("/clock/advance", post(switches::advance))
        .route("/throttle", post(switches::throttle))
        .route("/lag", get(trouble::lag).post(trouble::set_lag))
        .route("/delta", get(trouble::habits).post(trouble::set_habits))
        .route(
            "/roles",
            get(trouble::role_policy).post(trouble::set_role_policy),
        )
        .route("/delta/forget", post(trouble::forget))
        .route("/churn", post(churn::start).delete(churn::stop))
        .route(
            "/notifications",
            get(notifications::counts).post(notifications::order),
        )
        .route("/notifications/lifecycle", post(notifications::lifecycle))
        .route("/changes", post(changes::apply))
        .route("/reset", post(changes::reset))
        .with_state(control)
}
