//! What requests do, operation by operation; the table of entity sets names them.

#![expect(
    clippy::unnecessary_wraps,
    reason = "all operations of the table have one signature"
)]

pub mod answers;
pub mod applications;
mod complete;
pub mod deleted;
pub mod devices;
pub mod documents;
pub mod extensions;
pub mod federated;
pub mod grants;
pub mod groups;
pub mod invitations;
pub mod keys;
pub mod licences;
pub mod mailbox;
pub mod membership;
pub mod objects;
pub mod photo;
pub mod pim;
pub mod refs;
pub mod resolve;
pub mod roles;
pub mod scoped;
pub mod settings;
pub mod subscriptions;
pub mod templates;
pub mod units;
pub mod users;
mod validate;

#[cfg(test)]
mod tests;
