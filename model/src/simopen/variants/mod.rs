//! Designs other than handfast's: what their ends do, and the instances in which they show all that they do.

mod table;
mod varied;

use handfast_spec::simopen::{Kind, Nonce};

pub(super) use self::table::LEFT_OUT;
pub use self::table::Other;
pub use self::varied::{Flaw, Flaws, Varied};
use super::bounds::{self, Bounds, checked_on};
use super::connection::{Config, Connection};
use super::handfast::Endpoint;
use crate::checker::catalogue::Variant;
use crate::checker::design::Checked;
use crate::checker::target::{Instance, Instances};

/// A connection of ends that have flaws.
pub type VariedConnection = Connection<Endpoint<Varied>>;

/// How a design is built, and where it is explored.
#[derive(Clone, Copy, Debug)]
pub struct Build {
    /// What the left end and the right end do otherwise than handfast's.
    pub flaws: [Flaws; 2],
    /// The instances in which it shows all that it does.
    pub shown: &'static [Shown],
}

/// Both ends have these flaws.
const fn both(flaws: &[Flaw], shown: &'static [Shown]) -> Build {
    Build { flaws: [Flaws::of(flaws); 2], shown }
}

/// The left end has these flaws, the right one is handfast's.
const fn left(flaws: &[Flaw], shown: &'static [Shown]) -> Build {
    Build { flaws: [Flaws::of(flaws), Flaws::NONE], shown }
}

/// Each end has flaws of its own.
const fn each(left: &[Flaw], right: &[Flaw], shown: &'static [Shown]) -> Build {
    Build { flaws: [Flaws::of(left), Flaws::of(right)], shown }
}

/// An instance in which a design shows what it does.
#[derive(Clone, Copy, Debug)]
pub enum Shown {
    /// Two dialers.
    Dialers,
    /// A dialer and every other end that keeps to the protocol.
    Others,
    /// A dialer and its own reflection.
    Reflection,
    /// A dialer and a hostile peer that says anything.
    Hostile,
    /// A dialer and a hostile peer that says what makes the dialer go on.
    HostileSubset,
    /// A listener and a hostile peer that says anything.
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
    /// Ends with clocks that are seen to move.
    Clock,
    /// A dialer, and one without the extension that proposes the dialer's protocol second.
    Second,
}

impl Shown {
    fn name(self) -> &'static str {
        match self {
            Self::Dialers => "dialers",
            Self::Others => "others",
            Self::Reflection => "reflection",
            Self::Hostile => "hostile",
            Self::HostileSubset => "hostile-subset",
            Self::Listener => "listener",
            Self::Undisturbed => "undisturbed",
            Self::SignedNumbers => "signed-numbers",
            Self::LargeNumbers => "large-numbers",
            Self::ShortNumbers => "short-numbers",
            Self::Translated => "translated",
            Self::Presumed => "presumed",
            Self::Given => "given",
            Self::Lazy => "lazy",
            Self::Clock => "clock",
            Self::Second => "second",
        }
    }

    /// Returns the bounds of the instance.
    pub fn bounds(self) -> &'static Bounds {
        match self {
            Self::Dialers => &bounds::DIALERS,
            Self::Others => &bounds::OTHERS,
            Self::Reflection => &bounds::REFLECTION,
            Self::Hostile => &bounds::HOSTILE,
            Self::HostileSubset => &bounds::HOSTILE_SUBSET,
            Self::Listener => &bounds::LISTENER,
            Self::Undisturbed => &bounds::UNDISTURBED_SMALL,
            Self::SignedNumbers => &bounds::SIGNED_NUMBERS,
            Self::LargeNumbers => &bounds::LARGE_NUMBERS,
            Self::ShortNumbers => &bounds::SHORT_NUMBERS,
            Self::Translated | Self::Presumed => &bounds::IDENTITIES,
            Self::Given => &bounds::GIVEN,
            Self::Lazy => &bounds::LAZY,
            Self::Clock => &bounds::CLOCK,
            Self::Second => &bounds::SECOND,
        }
    }

    /// Returns what each end takes for the identity of the other.
    fn presumed(self) -> [Nonce; 2] {
        match self {
            Self::Translated => [Nonce(2), Nonce(2)],
            Self::Presumed => [Nonce(1), Nonce(3)],
            Self::Dialers
            | Self::Others
            | Self::Reflection
            | Self::Hostile
            | Self::HostileSubset
            | Self::Listener
            | Self::Undisturbed
            | Self::SignedNumbers
            | Self::LargeNumbers
            | Self::ShortNumbers
            | Self::Given
            | Self::Lazy
            | Self::Clock
            | Self::Second => [Nonce(0), Nonce(0)],
        }
    }
}

impl Other {
    /// Returns a connection between ends of this design, as it is in an instance.
    pub fn connection(self, shown: Shown, config: Config) -> VariedConnection {
        varied(config, self.row().instances.flaws, shown.presumed())
    }

    /// Returns this design, to be explored as it is in an instance.
    pub fn checked(self, shown: Shown) -> Checked<VariedConnection> {
        checked_on(shown.bounds(), |config| self.connection(shown, config))
    }

    pub(super) fn variant(&self) -> Variant {
        let row = self.row();
        let instance = |shown: &Shown| Instance { name: shown.name(), checked: self.checked(*shown) };
        let target = Instances::new(row.name, row.instances.shown.iter().map(instance).collect());
        let target = Box::new(target);
        Variant { name: row.name, kind: row.kind, source: row.source, about: row.about, violates: row.violates, target }
    }
}

/// Returns a design of ends that have flaws, to be explored within bounds.
pub fn checked_with(bounds: &Bounds, flaws: [Flaws; 2]) -> Checked<VariedConnection> {
    checked_on(bounds, |config| varied(config, flaws, [Nonce(0); 2]))
}

fn varied(config: Config, flaws: [Flaws; 2], presumed: [Nonce; 2]) -> VariedConnection {
    Connection::between(config, |end, kind| {
        let (flaws, presumed) = (flaws[end.index()], presumed[end.index()]);
        Endpoint::with_conduct(acts_as(kind, flaws), Varied::new(flaws, presumed))
    })
}

/// Returns what an end acts as, which is not what it is for if its role was lost on the way.
fn acts_as(kind: Kind, flaws: Flaws) -> Kind {
    match kind {
        Kind::Simopen if flaws.has(Flaw::NoExtension) => Kind::Plain,
        Kind::Listener if flaws.has(Flaw::DialsAsListener) => Kind::Plain,
        Kind::Plain if flaws.has(Flaw::ListensAsDialer) => Kind::Listener,
        Kind::Simopen | Kind::Plain | Kind::Lazy | Kind::Listener | Kind::Hostile | Kind::Reflector | Kind::Silent => {
            kind
        }
    }
}
