//! A machine and a history as two numbers.

use handfast_spec::protocol::HistoryOf;
use handfast_spec::{Machine, Recorded};

use super::index::Index;
use super::store::{States, Store};

/// States as pairs of numbers.
pub(super) struct Pairs<M: Machine> {
    pub(super) machines: Box<dyn Store<M>>,
    pub(super) histories: Box<dyn Store<HistoryOf<M>>>,
    pub(super) pairs: Index,
}

impl<M: Machine + Send + Sync> States<Recorded<M>> for Pairs<M> {
    fn len(&self) -> usize {
        self.pairs.len()
    }

    fn get(&self, number: u32) -> Recorded<M> {
        let mut pair = [0; 2];
        self.pairs.read(number, &mut pair);
        Recorded { machine: self.machines.get(pair[0]), history: self.histories.get(pair[1]) }
    }

    fn show(&self, number: u32, to: &mut dyn FnMut(&Recorded<M>)) {
        to(&self.get(number));
    }

    fn bytes(&self) -> (usize, usize) {
        let parts = [self.machines.bytes(), self.histories.bytes(), self.pairs.bytes()];
        parts.iter().fold((0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1))
    }
}
