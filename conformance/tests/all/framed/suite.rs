//! The original on trial, and handfast in every order in which the original fails.
//!
//! A test is named after an instance of the original's model and the rule that is broken there. The port of the original must break it in the
//! model's counterexample, and nothing that its model does not predict; handfast, in the same order, must break nothing.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use conformance::framed::suite::{Original, Own, Predicted, step_out, try_out};
use model::framed::ENTRY;

/// An instance, explored once.
struct Instance {
    name: &'static str,
    predicted: OnceLock<Predicted>,
}

static ZREPL: Instance = Instance::new("zrepl");
static PAYLOAD: Instance = Instance::new("zrepl-payload");
static TIMEOUT: Instance = Instance::new("zrepl-timeout");
static TWICE: Instance = Instance::new("zrepl-twice");

impl Instance {
    const fn new(name: &'static str) -> Self {
        Self { name, predicted: OnceLock::new() }
    }

    fn predicted(&self) -> &Predicted {
        self.predicted.get_or_init(|| Predicted::of(self.name))
    }

    /// What the catalogue lists.
    fn listed(&self) -> BTreeSet<&'static str> {
        let variant = (ENTRY.variants)().into_iter().find(|variant| variant.name == self.name);
        variant.expect("the catalogue has it").violates.iter().copied().collect()
    }

    fn breaks(&self, id: &'static str) {
        let Predicted { place, counterexamples, .. } = self.predicted();
        let order = &counterexamples[id];
        let original = try_out(&Original, *place, order);
        println!("{}, {order:?}: {original:?}", self.name);
        assert!(original.contains(id), "{}: {order:?} breaks {original:?}", self.name);
        assert!(original.is_subset(&self.listed()), "{}: {order:?} breaks {original:?}", self.name);
        assert_eq!(try_out(&Own::default(), *place, order), BTreeSet::new(), "handfast: {order:?}");
    }

    /// All of it, in every order: the original breaks what is listed, no more and no less, and handfast nothing.
    fn breaks_as_listed(&self) {
        let Predicted { place, counterexamples, orders } = self.predicted();
        let mut original = BTreeSet::new();
        counterexamples.values().for_each(|order| original.extend(try_out(&Original, *place, order)));
        orders.iter().for_each(|order| original.extend(step_out(&Original, *place, order)));
        let own = Own::default();
        let mut broken = BTreeSet::new();
        orders.iter().for_each(|order| broken.extend(step_out(&own, *place, order)));
        println!("{}: {} orders; the original breaks {original:?}, handfast {broken:?}", self.name, orders.len());
        assert_eq!(original, self.listed());
        assert_eq!(broken, BTreeSet::new());
    }
}

macro_rules! trials {
    ($($name:ident: $instance:ident $id:literal;)*) => {
        $(
            #[test]
            fn $name() {
                $instance.breaks($id);
            }
        )*

        /// Every rule that the catalogue lists has its trial.
        #[test]
        fn nothing_that_is_listed_is_left_out() {
            let trials = BTreeSet::from([$(($instance.name, $id)),*]);
            let listed = [&ZREPL, &PAYLOAD, &TIMEOUT, &TWICE].into_iter();
            let listed = listed.flat_map(|instance| instance.listed().into_iter().map(|id| (instance.name, id)));
            assert_eq!(trials, listed.collect());
        }
    };
}

trials! {
    zrepl_breaks_frm_1_and_handfast_does_not: ZREPL "FRM-1";
    zrepl_breaks_frm_4_and_handfast_does_not: ZREPL "FRM-4";
    zrepl_breaks_frm_6_and_handfast_does_not: ZREPL "FRM-6";
    zrepl_breaks_frm_7_and_handfast_does_not: ZREPL "FRM-7";
    zrepl_breaks_frm_10_and_handfast_does_not: ZREPL "FRM-10";
    zrepl_breaks_frm_13_and_handfast_does_not: ZREPL "FRM-13";
    zrepl_breaks_frm_15_and_handfast_does_not: ZREPL "FRM-15";
    zrepl_breaks_frm_29_and_handfast_does_not: ZREPL "FRM-29";
    with_payloads_zrepl_breaks_frm_1_and_handfast_does_not: PAYLOAD "FRM-1";
    with_payloads_zrepl_breaks_frm_3_and_handfast_does_not: PAYLOAD "FRM-3";
    with_payloads_zrepl_breaks_frm_4_and_handfast_does_not: PAYLOAD "FRM-4";
    with_payloads_zrepl_breaks_frm_6_and_handfast_does_not: PAYLOAD "FRM-6";
    with_payloads_zrepl_breaks_frm_7_and_handfast_does_not: PAYLOAD "FRM-7";
    with_payloads_zrepl_breaks_frm_14_and_handfast_does_not: PAYLOAD "FRM-14";
    with_payloads_zrepl_breaks_frm_15_and_handfast_does_not: PAYLOAD "FRM-15";
    timed_out_zrepl_breaks_frm_1_and_handfast_does_not: TIMEOUT "FRM-1";
    timed_out_zrepl_breaks_frm_3_and_handfast_does_not: TIMEOUT "FRM-3";
    timed_out_zrepl_breaks_frm_4_and_handfast_does_not: TIMEOUT "FRM-4";
    timed_out_zrepl_breaks_frm_5_and_handfast_does_not: TIMEOUT "FRM-5";
    timed_out_zrepl_breaks_frm_6_and_handfast_does_not: TIMEOUT "FRM-6";
    timed_out_zrepl_breaks_frm_7_and_handfast_does_not: TIMEOUT "FRM-7";
    timed_out_zrepl_breaks_frm_14_and_handfast_does_not: TIMEOUT "FRM-14";
    timed_out_zrepl_breaks_frm_15_and_handfast_does_not: TIMEOUT "FRM-15";
    shut_down_twice_zrepl_breaks_frm_6_and_handfast_does_not: TWICE "FRM-6";
    shut_down_twice_zrepl_breaks_frm_7_and_handfast_does_not: TWICE "FRM-7";
    shut_down_twice_zrepl_breaks_frm_12_and_handfast_does_not: TWICE "FRM-12";
    shut_down_twice_zrepl_breaks_frm_13_and_handfast_does_not: TWICE "FRM-13";
    shut_down_twice_zrepl_breaks_frm_15_and_handfast_does_not: TWICE "FRM-15";
}

#[test]
fn zrepl_breaks_what_is_listed_and_handfast_nothing_in_any_order() {
    ZREPL.breaks_as_listed();
}

#[test]
fn with_payloads_zrepl_breaks_what_is_listed_and_handfast_nothing_in_any_order() {
    PAYLOAD.breaks_as_listed();
}

#[test]
fn timed_out_zrepl_breaks_what_is_listed_and_handfast_nothing_in_any_order() {
    TIMEOUT.breaks_as_listed();
}

#[test]
fn shut_down_twice_zrepl_breaks_what_is_listed_and_handfast_nothing_in_any_order() {
    TWICE.breaks_as_listed();
}
