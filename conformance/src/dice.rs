//! Numbers that look random and are the same in each run, so that what failed can be had again.

use rand::distr::uniform::SampleUniform;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// A generator, made of the seed that a failure names.
#[derive(Clone, Debug)]
pub struct Dice(SmallRng);

impl Dice {
    /// Creates the generator of a seed.
    pub fn new(seed: u64) -> Self {
        Self(SmallRng::seed_from_u64(seed))
    }

    /// Creates the generator of one thread in one of many executions.
    pub fn of_thread(seed: u64, execution: u64, thread: u16) -> Self {
        let mut dice = Self::new(seed ^ execution << 16 ^ u64::from(thread));
        dice.fork()
    }

    /// Draws a number below `sides`, of which there must be one at least.
    pub fn roll<T: SampleUniform + PartialOrd + From<u8>>(&mut self, sides: T) -> T {
        self.0.random_range(T::from(0)..sides)
    }

    /// Creates a generator that goes on by itself.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self(SmallRng::from_rng(&mut self.0))
    }
}
