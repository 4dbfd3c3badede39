//! What an end may do otherwise than handfast's.

use core::fmt::{self, Debug, Formatter};

use serde::Serialize;

/// One way to do it otherwise.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
#[repr(u8)]
pub enum Flaw {
    /// Nothing is said before the peer's header is heard.
    HeaderFirst,
    /// A dialer does not use the extension.
    NoExtension,
    /// What is pending is written before anything more is read.
    FlushesBeforeReading,
    /// The first write is joined before the peer's offer of the extension is acted on.
    JoinsOnClash,
    /// The first write is joined before a message that has no place there is acted on.
    JoinsOnError,
    /// Any number of messages is skipped until a number comes.
    SkipsAny,
    /// The peer's pipelined proposal is not expected.
    SkipsNothing,
    /// One message is skipped, whatever it is.
    SkipsExactlyOne,
    /// After a tie another number is said, for ever. The model takes the worst one: the same.
    RetriesTies,
    /// The same, three times.
    RetriesThrice,
    /// Who has the equal number takes itself for the responder.
    EqualIsResponder,
    /// The lesser number wins.
    Reversed,
    /// Numbers are compared as signed integers.
    Signed,
    /// Numbers are compared as floating point.
    Floating,
    /// Numbers are compared as the strings that they are on the wire.
    Textual,
    /// The role message is read and not looked at.
    RoleUnchecked,
    /// No role message is said.
    RoleUnsaid,
    /// The role message is said after that of the peer was heard.
    RoleAwaited,
    /// The winner proposes after it has heard the peer's role message.
    ProposesAfterRole,
    /// A dialer proposes after the peer has answered to the extension.
    ProposesAfterAnswer,
    /// What is not a canonical number is taken for the number that is left of it.
    LaxNonce,
    /// Headers may be repeated.
    RepeatedHeaders,
    /// The header may be missing.
    HeaderOptional,
    /// The extension may be offered after it was declined.
    SelectsAfterNa,
    /// The extension may be offered again after the roles were taken.
    RestartsSelection,
    /// A listener accepts the extension as if it were a protocol.
    ListenerAcceptsExtension,
    /// The winner does not propose its first protocol again.
    StartsAtSecond,
    /// The loser answers the pipelined proposal too.
    AnswersSkipped,
    /// The role that is reported is that of a dialer.
    ReportsDirection,
    /// The layer above acts as a client because it dialed.
    UpperByDirection,
    /// With the last message whatever came with it is taken, and dropped.
    OverReads,
    /// The first bytes of the layer above follow the pipelined proposal.
    EarlyPayload,
    /// The extension is offered, and what the peer offers is ignored.
    IgnoresClash,
    /// The extension is called by its first name.
    OldName,
    /// When both offer the extension the connection is closed.
    ClosesOnClash,
    /// When both offer the extension the roles follow from what each end takes for its own and its peer's identity.
    PicksByIdentity,
    /// A writer is left over after a failure and goes on.
    WritesAfterFailure,
    /// After a failure the connection stays open.
    FailsWithoutClosing,
    /// Any number of proposals is declined.
    UnboundedProposals,
    /// That the initiator gave up is reported as an error of the connection.
    EofIsHungUp,
    /// There is no deadline.
    NoDeadline,
    /// A proposal is taken for the acceptance of one's own.
    TakesProposalForEcho,
    /// It is settled as soon as all is heard, although not all is said.
    SettlesUnwritten,
    /// A listener proposes: the role that it was given was lost on the way.
    DialsAsListener,
    /// A dialer listens: the role that it was given was lost on the way.
    ListensAsDialer,
}

/// Some of them; none is handfast's.
#[derive(Clone, Copy, Default, Eq, Hash, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Flaws(u64);

impl Flaws {
    /// None.
    pub const NONE: Self = Self(0);

    /// These.
    pub const fn of(flaws: &[Flaw]) -> Self {
        let mut set = 0;
        let mut index = 0;
        while index < flaws.len() {
            set |= 1 << flaws[index] as u8;
            index += 1;
        }
        Self(set)
    }

    /// Whether this is one of them.
    pub fn has(self, flaw: Flaw) -> bool {
        self.0 & (1 << flaw as u8) != 0
    }
}

impl Debug for Flaws {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "flaws {:#x}", self.0)
    }
}
