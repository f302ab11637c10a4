//! What stands between the socket and the tenant: latency, recorded exchanges, faults, throttling.

pub mod counters;
pub mod faults;
pub mod gate;
pub mod http;
pub mod record;
pub mod socket;
pub mod throttle;
pub mod tls;
