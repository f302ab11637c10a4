//! Floor 3: Microsoft Graph over HTTP. In: [`Request`](crate::odata::request::Request) values built
//! by pure code, and a [`Call`] that says until when and for whom. Out: complete answers or a typed
//! [`Error`]; never a short list, never a guess.

mod batch;
mod client;
mod error;
mod expect;
mod model;
mod operation;
mod page;
mod refusal;
mod retry;
mod throttle;
mod transfer;

#[cfg(test)]
mod tests;

pub use client::{Client, http_client};
pub use error::{Cause, Class, Detail, Error};
pub use expect::Expect;
pub use model::{BatchItem, Budget, Call, CallStats, Lane, NextLink, Page, Reply, Settings};
pub use refusal::Refusal;
