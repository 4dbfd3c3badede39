//! Mutants: correct designs with one mistake each, as rows of one table per design.

use crate::checker::catalogue::{Kind, Variant};
use crate::checker::design::Design;
use crate::checker::target::{self, Instance};

/// A row of a table of mutants.
#[derive(Clone, Copy, Debug)]
pub struct Row<Flaw, Instances> {
    /// The mistake.
    pub flaw: Flaw,
    /// Its name, unique among the designs of the protocol.
    pub name: &'static str,
    /// A mutant, or an equivalent change with the argument why.
    pub kind: Kind,
    /// The project with the commit, pull request or issue that it comes from.
    pub source: &'static str,
    /// What is wrong with it, in a sentence.
    pub about: &'static str,
    /// Where it is explored to the end: the instances in which it shows all that it does.
    pub instances: Instances,
    /// Every id that it violates there.
    pub violates: &'static [&'static str],
}

impl<Flaw, Instances> Row<Flaw, Instances> {
    /// Returns the row in the catalogue, to be explored in these instances.
    pub(crate) fn variant<D: Design>(&self, instances: Vec<Instance<D>>) -> Variant {
        let Self { name, kind, source, about, violates, .. } = *self;
        let target = Box::new(target::Instances::new(name, instances));
        Variant { name, kind, source, about, violates, target }
    }
}

/// Declares the mutants of a design in one table, which is the enum of their flaws, the list of all of them and the
/// rows of the catalogue.
///
/// ```
/// model::mutants! {
///     /// A mistake in a lock.
///     pub enum Flaw shown in &'static [&'static str];
///
///     ForgetsToRelease {
///         name: "forgets-to-release",
///         source: "made up",
///         about: "the lock is not released on the way out",
///         instances: &["two-threads"],
///         violates: &["LOCK-2"],
///     }
/// }
/// assert_eq!(Flaw::ALL, [Flaw::ForgetsToRelease]);
/// assert_eq!(Flaw::ForgetsToRelease.row().violates, ["LOCK-2"]);
/// ```
#[macro_export]
macro_rules! mutants {
    (
        $(#[$meta:meta])*
        $visibility:vis enum $Flaw:ident shown in $Instances:ty;
        $(
            $Variant:ident {
                name: $name:expr,
                $(kind: $kind:expr,)?
                source: $source:expr,
                about: $about:literal,
                instances: $instances:expr,
                violates: $violates:expr $(,)?
            }
        )+
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, ::serde::Serialize)]
        #[serde(rename_all = "snake_case")]
        $visibility enum $Flaw {
            $(#[doc = $about] $Variant,)+
        }

        impl $Flaw {
            /// Every flaw, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$Variant),+];

            const ROWS: &'static [$crate::checker::mutants::Row<Self, $Instances>] = &[$(
                $crate::checker::mutants::Row {
                    flaw: Self::$Variant,
                    name: $name,
                    kind: $crate::mutants!(@kind $($kind)?),
                    source: $source,
                    about: $about,
                    instances: $instances,
                    violates: $violates,
                },
            )+];

            /// Returns its row of the table.
            pub const fn row(self) -> &'static $crate::checker::mutants::Row<Self, $Instances> {
                &Self::ROWS[self as usize]
            }
        }
    };
    (@kind) => { $crate::checker::catalogue::Kind::Mutant };
    (@kind $kind:expr) => { $kind };
}
