//! The simulator as a double of Graph: held to the facts, to itself, and to Graph's own SDK.

mod determinism;
mod errors;
mod facts;
mod sdk;
mod sim;
