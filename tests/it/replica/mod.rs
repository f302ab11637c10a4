//! The replica: what it holds is what Graph holds, whatever happens on the way.

mod basics;
mod care;
mod churn;
mod crash;
mod cursors;
mod equal;
mod feed;
mod filters;
mod lag;
