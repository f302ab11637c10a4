//! How slow a peer may be: it has a grace, uses it up while nothing moves, and earns it back with
//! every byte. A peer that sends a byte now and then is as slow as one that sends none.

use std::time::Duration;

/// What a peer has left to be slow with.
#[derive(Clone, Debug)]
pub struct Pace {
    grace: Duration,
    min_rate: u32,
    left: Duration,
}

impl Pace {
    /// A peer with its whole grace, who must move `min_rate` bytes a second after it.
    pub fn new(grace: Duration, min_rate: u32) -> Self {
        Self {
            grace,
            min_rate: min_rate.max(1),
            left: grace,
        }
    }

    /// How much longer the peer may do nothing.
    pub fn left(&self) -> Duration {
        self.left
    }

    /// After `waited`, `bytes` have moved.
    pub fn moved(&mut self, waited: Duration, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let earned = Duration::from_secs(u64::from(bytes)) / self.min_rate;
        self.left = (self.left.saturating_sub(waited) + earned).min(self.grace);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grace_is_used_up_and_earned() {
        let seconds = Duration::from_secs;
        // Waited, bytes moved, what is left of 30 s at 1,000 bytes a second.
        for (steps, left) in [
            (vec![], 30),
            (vec![(10, 0)], 20),
            (vec![(10, 4_000)], 24),
            (vec![(10, 1_000_000)], 30),
            (vec![(29, 1); 2], 0),
            (vec![(1, 1_000); 100], 30),
            (vec![(1, 500); 20], 20),
        ] {
            let mut pace = Pace::new(seconds(30), 1_000);
            for &(waited, bytes) in &steps {
                pace.moved(seconds(waited), bytes);
            }
            let got = pace.left().as_secs_f64();
            assert!((got - f64::from(left)).abs() < 0.1, "{steps:?}: {got}");
        }
    }
}
