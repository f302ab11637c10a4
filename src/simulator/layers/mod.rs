//! What stands between the socket and the tenant: latency, recorded exchanges, faults, throttling.

pub mod faults;
pub mod throttle;
