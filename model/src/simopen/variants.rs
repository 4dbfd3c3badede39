//! A design other than handfast's, and the instances in which it shows all that it does.

use super::bounds::{self, Bounds, checked};
use super::connection::Connection;
use super::flaw::{Flaw, Flaws};
use crate::checker::catalogue::{Kind, Variant};
use crate::checker::target::{Instance, Instances};

/// A design other than handfast's.
pub(super) struct Other {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) source: &'static str,
    pub(super) about: &'static str,
    pub(super) ends: Ends,
    pub(super) instances: &'static [Shown],
    pub(super) violates: &'static [&'static str],
}

/// What the ends do otherwise than handfast's.
#[derive(Clone, Copy)]
pub(super) enum Ends {
    /// Both do this.
    Both(&'static [Flaw]),
    /// The left one does this, the right one is handfast's.
    Left(&'static [Flaw]),
    /// The left one does this, the right one does that.
    Each(&'static [Flaw], &'static [Flaw]),
}

/// An instance in which a design shows what it does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shown {
    /// Two dialers.
    Dialers,
    /// A dialer and every other end that keeps to the protocol.
    Others,
    /// A dialer and its own reflection.
    Reflection,
    /// A dialer and somebody who says anything.
    Strangers,
    /// A dialer and somebody who says what makes it go on.
    Tempters,
    /// A listener and somebody who says anything.
    Listener,
    /// Ends that are left alone.
    Undisturbed,
    /// Two dialers, with numbers that differ in the highest bit.
    SignedNumbers,
    /// Two dialers, with numbers that are one apart and too large for a floating point to tell.
    LargeNumbers,
    /// Two dialers, with numbers of one and of two digits.
    ShortNumbers,
    /// Two dialers behind address translators: each knows its own address, and sees the same other one.
    Translated,
    /// Two dialers of which each knows its own identity and presumes that of the other.
    Presumed,
    /// Two ends of which each was given a role from outside.
    Given,
    /// A lazy dialer and a listener, on a connection that holds all that is said.
    Lazy,
}

impl Shown {
    fn instance(self) -> (&'static str, Bounds) {
        match self {
            Self::Dialers => ("dialers", bounds::DIALERS),
            Self::Others => ("others", bounds::OTHERS),
            Self::Reflection => ("reflection", bounds::REFLECTION),
            Self::Strangers => ("strangers", bounds::STRANGERS),
            Self::Tempters => ("tempters", bounds::TEMPTERS),
            Self::Listener => ("listener", bounds::LISTENER),
            Self::Undisturbed => ("undisturbed", bounds::UNDISTURBED_SMALL),
            Self::SignedNumbers => ("signed-numbers", bounds::SIGNED_NUMBERS),
            Self::LargeNumbers => ("large-numbers", bounds::LARGE_NUMBERS),
            Self::ShortNumbers => ("short-numbers", bounds::SHORT_NUMBERS),
            Self::Translated => ("translated", bounds::TRANSLATED),
            Self::Presumed => ("presumed", bounds::PRESUMED),
            Self::Given => ("given", bounds::GIVEN),
            Self::Lazy => ("lazy", bounds::LAZY),
        }
    }
}

impl Other {
    pub(super) fn variant(&self) -> Variant {
        let Self { name, kind, source, about, ends, instances, violates } = *self;
        let flaws = match ends {
            Ends::Both(flaws) => [Flaws::of(flaws); 2],
            Ends::Left(flaws) => [Flaws::of(flaws), Flaws::NONE],
            Ends::Each(left, right) => [Flaws::of(left), Flaws::of(right)],
        };
        let instance = |shown: &Shown| -> Instance<Connection> {
            let (name, bounds) = shown.instance();
            Instance { name, checked: checked(&bounds, flaws) }
        };
        let target = Box::new(Instances::new(name, instances.iter().map(instance).collect()));
        Variant { name, kind, source, about, violates, target }
    }
}
