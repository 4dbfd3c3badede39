//! A design other than handfast's, and the settings in which it shows all that it does.

use super::connection::Connection;
use super::flaw::{Flaw, Flaws};
use super::scope::{self, Extent, checked};
use crate::catalogue::{Kind, Variant};
use crate::subject::{Setting, Settings};

/// A design other than handfast's.
pub(super) struct Other {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) source: &'static str,
    pub(super) about: &'static str,
    pub(super) ends: Ends,
    pub(super) settings: &'static [Shown],
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

/// A setting in which a design shows what it does.
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
    fn setting(self) -> (&'static str, Extent) {
        match self {
            Self::Dialers => ("dialers", scope::DIALERS),
            Self::Others => ("others", scope::OTHERS),
            Self::Reflection => ("reflection", scope::REFLECTION),
            Self::Strangers => ("strangers", scope::STRANGERS),
            Self::Tempters => ("tempters", scope::TEMPTERS),
            Self::Listener => ("listener", scope::LISTENER),
            Self::Undisturbed => ("undisturbed", scope::UNDISTURBED_SMALL),
            Self::SignedNumbers => ("signed-numbers", scope::SIGNED_NUMBERS),
            Self::LargeNumbers => ("large-numbers", scope::LARGE_NUMBERS),
            Self::ShortNumbers => ("short-numbers", scope::SHORT_NUMBERS),
            Self::Translated => ("translated", scope::TRANSLATED),
            Self::Presumed => ("presumed", scope::PRESUMED),
            Self::Given => ("given", scope::GIVEN),
            Self::Lazy => ("lazy", scope::LAZY),
        }
    }
}

impl Other {
    pub(super) fn variant(&self) -> Variant {
        let Self { name, kind, source, about, ends, settings, violates } = *self;
        let flaws = match ends {
            Ends::Both(flaws) => [Flaws::of(flaws); 2],
            Ends::Left(flaws) => [Flaws::of(flaws), Flaws::NONE],
            Ends::Each(left, right) => [Flaws::of(left), Flaws::of(right)],
        };
        let setting = |shown: &Shown| -> Setting<Connection> {
            let (name, extent) = shown.setting();
            Setting { name, checked: checked(&extent, flaws) }
        };
        let subject = Box::new(Settings::new(name, settings.iter().map(setting).collect()));
        Variant { name, kind, source, about, violates, subject }
    }
}
