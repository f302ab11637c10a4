//! Change notifications to webhooks
//! ([delivery](https://learn.microsoft.com/graph/change-notifications-delivery-webhooks)).

pub mod desk;
mod notice;
pub mod resource;
mod worker;

pub use notice::lifecycle;
pub use worker::start;
