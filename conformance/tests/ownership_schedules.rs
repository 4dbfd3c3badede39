//! Tier 7: schedules of the models of HAProxy's table, followed step by step on its code.

use std::sync::atomic::Ordering;

use conformance::ownership::families::{Shuttle, ShuttleWord};
use conformance::ownership::haproxy::follow::{Divergence, Fault, follow_edges};
use conformance::ownership::haproxy::{Design, Masks, Memory, Named};
use handfast::ownership::AtomicWord;
use model::ownership::haproxy::{Extent, checked};

/// Every extent of one group of threads. Between groups, and with listening sockets, there is the model alone.
const EXTENTS: &[(&str, Extent)] = &[
    ("one connection", Extent::ONE),
    ("two connections in turn", Extent::PAIR),
    ("two sockets in turn", Extent::SOCKET),
];

#[test]
fn every_edge_of_the_models_is_a_schedule_of_the_code() {
    for (name, extent) in EXTENTS {
        for design in Design::ALL {
            let checked = checked(design.switches(), *extent);
            let followed = follow_edges::<Shuttle>(&checked, *extent, design);
            let followed = followed.unwrap_or_else(|divergence| panic!("{design:?}, {name}: {divergence}"));
            println!("{design:?}, {name}: {followed:?}");
        }
    }
}

/// A check that cannot fail is worthless: the code of one design leaves the model of another, and is seen to.
#[test]
fn the_code_of_another_design_is_told_from_the_model() {
    for model in Design::ALL {
        for code in Design::ALL.into_iter().filter(|code| *code != model) {
            let divergence = first_divergence::<Shuttle>(model, code);
            println!("{code:?} against the model of {model:?}: {divergence}");
            assert!(matches!(divergence.fault, Fault::Step { .. }), "they differ in their steps");
        }
    }
}

/// The same steps, of which one does something else.
#[test]
fn a_swap_that_does_not_compare_is_told_from_one_that_does() {
    let divergence = first_divergence::<Careless>(Design::Corrected, Design::Corrected);
    println!("{divergence}");
    assert!(matches!(divergence.fault, Fault::Told { .. }), "whoever should be refused believes to be inside");
}

#[test]
fn a_reference_that_is_not_returned_is_waited_for() {
    let divergence = first_divergence::<Leaky>(Design::Corrected, Design::Corrected);
    println!("{divergence}");
    assert!(matches!(divergence.fault, Fault::Waits(_)), "whoever closes waits for it");
}

fn first_divergence<M: Memory>(model: Design, code: Design) -> Divergence {
    let checked = checked(model.switches(), Extent::ONE);
    let divergence = *follow_edges::<M>(&checked, Extent::ONE, code).expect_err("they differ");
    assert!(divergence.actions.len() <= 40, "not shrunk: {divergence}");
    divergence
}

/// Memory of which one operation is wrong.
macro_rules! wrong {
    ($memory:ident, $word:ident, $swap:expr, $sub:expr) => {
        enum $memory {}

        struct $word(ShuttleWord);

        impl Memory for $memory {
            type Word = $word;
            type Order = Named;
        }

        impl AtomicWord for $word {
            fn new(bits: u64) -> Self {
                Self(ShuttleWord::new(bits))
            }
            fn load(&self, order: Ordering) -> u64 {
                self.0.load(order)
            }
            fn store(&self, bits: u64, order: Ordering) {
                self.0.store(bits, order);
            }
            fn compare_exchange_weak(&self, current: u64, new: u64, order: Ordering) -> Result<u64, u64> {
                self.0.compare_exchange_weak(current, new, order)
            }
        }

        impl Masks for $word {
            fn fetch_or(&self, bits: u64, order: Ordering) -> u64 {
                self.0.fetch_or(bits, order)
            }
            fn fetch_and(&self, bits: u64, order: Ordering) -> u64 {
                self.0.fetch_and(bits, order)
            }
            fn fetch_add(&self, value: u64, order: Ordering) -> u64 {
                self.0.fetch_add(value, order)
            }
            fn fetch_sub(&self, value: u64, order: Ordering) -> u64 {
                $sub(&self.0, value, order)
            }
            fn compare_exchange(&self, current: u64, new: u64, order: Ordering) -> Result<u64, u64> {
                $swap(&self.0, current, new, order)
            }
        }
    };
}

wrong!(Careless, CarelessWord, swap_anyway, Masks::fetch_sub);
wrong!(Leaky, LeakyWord, Masks::compare_exchange, subtract_nothing);

fn swap_anyway(word: &ShuttleWord, current: u64, new: u64, order: Ordering) -> Result<u64, u64> {
    word.store(new, order);
    Ok(current)
}

fn subtract_nothing(word: &ShuttleWord, _: u64, order: Ordering) -> u64 {
    word.load(order)
}
