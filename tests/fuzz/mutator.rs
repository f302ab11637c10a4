//! A mutator over a kept corpus: byte flips, cuts, doublings, splices and words of the grammar. What
//! it makes of a seed number is always the same.

use rand::{Rng as _, SeedableRng as _, seq::IndexedRandom as _};
use rand_chacha::ChaCha8Rng;

/// No input is longer.
const LONGEST: usize = 8 << 10;

/// Inputs without end.
pub struct Mutator<'a> {
    rng: ChaCha8Rng,
    corpus: Vec<Vec<u8>>,
    words: &'a [&'a str],
}

impl<'a> Mutator<'a> {
    pub fn new(seed: u64, corpus: &[&str], words: &'a [&'a str]) -> Self {
        Self {
            rng: ChaCha8Rng::seed_from_u64(seed),
            corpus: corpus.iter().map(|text| text.as_bytes().to_vec()).collect(),
            words,
        }
    }

    pub fn next(&mut self) -> Vec<u8> {
        let mut input = self
            .corpus
            .choose(&mut self.rng)
            .cloned()
            .unwrap_or_default();
        for _ in 0..self.rng.random_range(0..6) {
            self.mutate(&mut input);
        }
        input.truncate(LONGEST);
        input
    }

    /// Keeps an input that a target took, to go on from it.
    pub fn keep(&mut self, input: Vec<u8>) {
        if self.corpus.len() < 2_000 {
            self.corpus.push(input);
        }
    }

    fn place(&mut self, input: &[u8]) -> usize {
        self.rng.random_range(0..=input.len())
    }

    fn mutate(&mut self, input: &mut Vec<u8>) {
        let at = self.place(input);
        let to = at + self.rng.random_range(0..=(input.len() - at).min(40));
        match self.rng.random_range(0..7) {
            0 if at < input.len() => input[at] ^= 1 << self.rng.random_range(0..8),
            1 => drop(input.drain(at..to)),
            2 => {
                let part = input[at..to].to_vec();
                for _ in 0..self.rng.random_range(1..8) {
                    input.splice(at..at, part.iter().copied());
                }
            }
            3 => {
                let other = self
                    .corpus
                    .choose(&mut self.rng)
                    .cloned()
                    .unwrap_or_default();
                let from = self.place(&other);
                input.splice(at..to, other[from..].iter().copied());
            }
            4 | 5 => {
                let word = self
                    .words
                    .choose(&mut self.rng)
                    .copied()
                    .unwrap_or_default();
                input.splice(at..to, word.bytes());
            }
            _ => input.insert(at, self.rng.random()),
        }
    }
}
