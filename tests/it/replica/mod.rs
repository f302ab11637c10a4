//! The replica: what it holds is what Graph holds, whatever happens on the way.

mod basics;
mod churn;
mod equal;
mod filters;
mod lag;
