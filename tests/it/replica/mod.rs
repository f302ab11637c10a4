//! The replica: what it holds is what Graph holds, whatever happens on the way.

mod basics;
mod equal;
mod filters;
mod lag;
