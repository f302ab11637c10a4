//! What a token may do, whichever way it asks: every scope against every operation on every
//! relation. The expectation is worked out here from one small table, not from the server's.

mod matrix;
mod power;
mod ways;
