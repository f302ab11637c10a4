//! Floor 4: use cases. Decides with floors 0 to 2, acts through floor 3.

pub mod tokens;
