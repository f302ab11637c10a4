//! Situations that lead to a recorded error.

/// Status, code and text of each error that could be produced.
pub async fn produce() -> Vec<(&'static str, u16, String, String)> {
    Vec::new()
}

/// Whether texts are the same but for the ids in them.
pub fn same_text(recorded: &str, produced: &str) -> bool {
    recorded == produced
}
