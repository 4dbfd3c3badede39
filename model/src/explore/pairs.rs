//! A machine and a ledger as two numbers.

use handfast_spec::protocol::LedgerOf;
use handfast_spec::{Machine, Recorded};

use super::index::Index;
use super::store::{States, Store};

/// States as pairs of numbers.
pub(super) struct Pairs<M: Machine> {
    pub(super) machines: Box<dyn Store<M>>,
    pub(super) ledgers: Box<dyn Store<LedgerOf<M>>>,
    pub(super) pairs: Index,
}

impl<M: Machine + Send + Sync> States<Recorded<M>> for Pairs<M> {
    fn len(&self) -> usize {
        self.pairs.len()
    }

    fn get(&self, number: u32) -> Recorded<M> {
        let mut pair = [0; 2];
        self.pairs.read(number, &mut pair);
        Recorded { machine: self.machines.get(pair[0]), ledger: self.ledgers.get(pair[1]) }
    }

    fn show(&self, number: u32, to: &mut dyn FnMut(&Recorded<M>)) {
        to(&self.get(number));
    }

    fn bytes(&self) -> (usize, usize) {
        let parts = [self.machines.bytes(), self.ledgers.bytes(), self.pairs.bytes()];
        parts.iter().fold((0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1))
    }
}
