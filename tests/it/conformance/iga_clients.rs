pub const ROWS: &[&str] = &[];
