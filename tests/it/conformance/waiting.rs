pub struct Row { pub id: &'static str }
pub const WAITING: &[Row] = &[];
