//! The edge of the server: connections, time-outs, shares, and headers that mean two things.

mod headers;
mod load;
mod raw;
mod shares;
mod times;
