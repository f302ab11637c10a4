//! The edge of the server: connections, time-outs, shares, and headers that mean two things.

mod headers;
mod raw;
mod shares;
mod times;
