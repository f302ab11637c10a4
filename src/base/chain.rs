//! Printing an error with all its causes.

use std::{error::Error, fmt};

/// Displays an error and its sources, joined by `: `. A source that only repeats what was
/// already said is left out.
#[derive(Clone, Copy)]
pub struct Chain<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.0.to_string();
        f.write_str(&said)?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            if !said.contains(&text) {
                write!(f, ": {text}")?;
                said.push_str(&text);
            }
            source = cause.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Chain;

    #[derive(Debug, thiserror::Error)]
    #[error("outer failed")]
    struct Outer(#[source] std::num::ParseIntError);

    #[test]
    fn joins_the_causes() {
        let error = Outer("x".parse::<i32>().unwrap_err());
        assert_eq!(
            Chain(&error).to_string(),
            "outer failed: invalid digit found in string"
        );
    }
}
