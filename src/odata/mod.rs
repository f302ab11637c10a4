//! Floor 1: OData as Graph speaks it, pure: request text, filter expressions, facts of Graph's
//! types and query rules. Used by the client side and by the simulator.

pub mod expr;
pub mod facts;
pub mod parse;
pub mod request;
