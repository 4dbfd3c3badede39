//! The table of all designs other than handfast's. (long because: it is one table)
//!
//! Historical designs were in use, or were proposed. A mutant is handfast's design with one mistake, which was made in a real
//! system or is likely to be.

use super::{Build, Flaw, Shown, both, each, left};
use crate::checker::catalogue::{Kind, LeftOut};

crate::mutants! {
    /// A design other than handfast's.
    pub enum Other shown in Build;

    PlainDialers {
        name: "plain-dialers",
        kind: Kind::Historical("SIM-1"),
        source: "libp2p/go-libp2p#732; libp2p/go-libp2p-noise#70 (M02)",
        about: "two dialers propose without the extension, and each takes the other's proposal for the acceptance",
        instances: both(&[Flaw::NoExtension], &[Shown::Dialers, Shown::Reflection, Shown::Undisturbed]),
        violates: &["SIM-1", "SIM-2", "SIM-5", "SIM-6", "SIM-7", "SIM-11", "SIM-12", "SIM-13", "SIM-22", "SIM-25"],
    }
    HeaderFirst {
        name: "header-first",
        kind: Kind::Historical("SIM-23"),
        source: "libp2p/go-tcp-transport#21; libp2p/go-libp2p-swarm#15 (M01)",
        about: "a dialer says nothing before it has heard the header of the end that it takes for the server",
        instances: both(&[Flaw::NoExtension, Flaw::HeaderFirst], &[Shown::Dialers, Shown::Undisturbed]),
        violates: &["SIM-2", "SIM-23", "SIM-24", "SIM-25", "SIM-29"],
    }
    IamclientKill {
        name: "iamclient-kill",
        kind: Kind::Historical("SIM-25"),
        source: "libp2p/go-tcp-transport#21, first proposal (M38)",
        about: "a dialer that offers iamclient and hears iamclient closes the connection",
        instances: both(&[Flaw::OldName, Flaw::ClosesOnClash], &[Shown::Dialers]),
        violates: &["SIM-6", "SIM-22", "SIM-25"],
    }
    Iamclient {
        name: "iamclient",
        kind: Kind::Historical("SIM-25"),
        source: "multiformats/go-multistream#66, #69: v0.2.1 and everybody else (M37)",
        about: "the extension has a name without a slash, which later dialers do not take for one",
        instances: left(&[Flaw::OldName], &[Shown::Dialers, Shown::Others]),
        violates: &["SIM-6", "SIM-12", "SIM-22", "SIM-25"],
    }
    IamclientAddresses {
        name: "iamclient-addresses",
        kind: Kind::Historical("SIM-1"),
        source: "libp2p/go-tcp-transport#21, highest address and port",
        about: "who has the higher address is the initiator, as each end sees the two addresses",
        instances: both(&[Flaw::OldName, Flaw::PicksByIdentity], &[Shown::Translated]),
        violates: &["SIM-1", "SIM-2", "SIM-5", "SIM-6", "SIM-11", "SIM-12", "SIM-24"],
    }
    IamclientPeerIds {
        name: "iamclient-peer-ids",
        kind: Kind::Historical("SIM-2"),
        source: "libp2p/go-tcp-transport#21, lexicographic comparison of peer ids",
        about: "who has the higher peer id is the initiator, as far as each end knows the other's id",
        instances: both(&[Flaw::OldName, Flaw::PicksByIdentity], &[Shown::Presumed]),
        violates: &["SIM-2", "SIM-5", "SIM-6", "SIM-11", "SIM-12", "SIM-24", "SIM-25"],
    }
    GoMultistreamFirst {
        name: "go-multistream-first",
        kind: Kind::Historical("SIM-23"),
        source: "multiformats/go-multistream 0a5c7a1",
        about: "writes before it reads, skips whatever comes before a number, and tries a tie again three times",
        instances: both(&[Flaw::OldName, Flaw::FlushesBeforeReading, Flaw::SkipsAny, Flaw::RetriesThrice, Flaw::ProposesAfterRole, Flaw::UnboundedProposals, Flaw::EofIsHungUp, Flaw::NoDeadline], &[Shown::Dialers, Shown::HostileSubset, Shown::Undisturbed]),
        violates: &["SIM-12", "SIM-22", "SIM-23", "SIM-24", "SIM-25", "SIM-27", "SIM-29"],
    }
    GoMultistream041 {
        name: "go-multistream-0-4-1",
        kind: Kind::Historical("SIM-23"),
        source: "multiformats/go-multistream v0.2.2 to v0.4.1, client.go (M04, M47)",
        about: "joins its first write before it reads on, although the peer's first write may wait for that",
        instances: both(&[Flaw::JoinsOnClash, Flaw::JoinsOnError, Flaw::SkipsExactlyOne, Flaw::ProposesAfterRole, Flaw::UnboundedProposals, Flaw::NoDeadline], &[Shown::Dialers, Shown::Others, Shown::Undisturbed]),
        violates: &["SIM-20", "SIM-23", "SIM-24", "SIM-25", "SIM-27"],
    }
    RustLibp2p2066 {
        name: "rust-libp2p-2066",
        kind: Kind::Historical("SIM-23"),
        source: "libp2p/rust-libp2p PR #2066, never merged (M03, M05, M08, M15, M18 to M21, M43)",
        about: "flushes before it reads, starts the selection again whenever it is asked to, and never ends a tie",
        instances: both(&[Flaw::FlushesBeforeReading, Flaw::SkipsAny, Flaw::RetriesTies, Flaw::HeaderOptional, Flaw::RepeatedHeaders, Flaw::SelectsAfterNa, Flaw::RestartsSelection, Flaw::LaxNonce, Flaw::ProposesAfterRole, Flaw::UnboundedProposals, Flaw::NoDeadline], &[Shown::Dialers, Shown::Reflection, Shown::Undisturbed]),
        violates: &["SIM-8", "SIM-9", "SIM-23", "SIM-24", "SIM-25", "SIM-27", "SIM-29"],
    }
    ProtocolSelect {
        name: "protocol-select",
        kind: Kind::Historical("SIM-25"),
        source: "libp2p/specs#349: close, wait for a random time, dial again",
        about: "two dialers that find each other close the connection, and hope to miss each other the next time",
        instances: both(&[Flaw::ClosesOnClash], &[Shown::Dialers, Shown::Undisturbed]),
        violates: &["SIM-6", "SIM-22", "SIM-25"],
    }
    MinaIgnoresClash {
        name: "mina-ignores-clash",
        kind: Kind::Historical("SIM-25"),
        source: "openmina/openmina, simultaneous connect left to be done (M36)",
        about: "the extension is offered, and what the peer offers is ignored",
        instances: both(&[Flaw::IgnoresClash], &[Shown::Dialers, Shown::Undisturbed]),
        violates: &["SIM-6", "SIM-22", "SIM-25"],
    }
    PoisonByte {
        name: "poison-byte",
        kind: Kind::Historical("SIM-25"),
        source: "libp2p/go-tcp-transport#21, an urgent byte that dialers leave in their stream",
        about: "a dialer sends an urgent byte first, and two dialers find it in front of each other's handshake",
        instances: both(&[Flaw::NoExtension, Flaw::PoisonByte], &[Shown::Dialers]),
        violates: &["SIM-2", "SIM-6", "SIM-22", "SIM-25"],
    }
    RoleByteAddresses {
        name: "role-byte-addresses",
        kind: Kind::Historical("SIM-1"),
        source: "libp2p/go-tcp-transport#21, a first byte 0x00 or 0xFF, and the highest address and port",
        about: "the first byte says the role, and if both say initiator, who has the higher address is, as each end sees it",
        instances: both(&[Flaw::RoleByte, Flaw::PicksByIdentity], &[Shown::Translated]),
        violates: &["SIM-1", "SIM-2", "SIM-5", "SIM-6", "SIM-11", "SIM-12", "SIM-24"],
    }
    RoleByte {
        name: "role-byte",
        kind: Kind::Historical("SIM-29"),
        source: "libp2p/go-tcp-transport#21, a first byte 0x00 or 0xFF, and peers that do not expect it",
        about: "the first byte says the role, to a peer for which it is no message",
        instances: left(&[Flaw::RoleByte, Flaw::PicksByIdentity], &[Shown::Others]),
        violates: &["SIM-2", "SIM-7", "SIM-9", "SIM-11", "SIM-12", "SIM-22", "SIM-29", "SIM-46"],
    }
    JsLibp2pPlain {
        name: "js-libp2p-plain",
        kind: Kind::Historical("SIM-11"),
        source: "libp2p/js-libp2p 7.0.28, multistream-select, select.ts",
        about: "a dialer without the extension takes whatever does not accept its proposal for a refusal",
        instances: each(&[], &[Flaw::AnyAnswerIsNa], &[Shown::Second]),
        violates: &["SIM-7", "SIM-11"],
    }
    JoinsOnClash {
        name: "joins-on-clash",
        source: "multiformats/go-multistream v0.4.1, client.go (M04)",
        about: "the first write is joined before the peer's pipelined proposal is read",
        instances: both(&[Flaw::JoinsOnClash], &[Shown::Dialers, Shown::Undisturbed]),
        violates: &["SIM-23", "SIM-24", "SIM-25"],
    }
    JoinsOnError {
        name: "joins-on-error",
        source: "multiformats/go-multistream v0.4.1, client.go (M47)",
        about: "the first write is joined before a message that has no place there is acted on",
        instances: both(&[Flaw::JoinsOnError], &[Shown::Others, Shown::Hostile, Shown::Undisturbed]),
        violates: &["SIM-18"],
    }
    FlushesBeforeReading {
        name: "flushes-before-reading",
        source: "multiformats/go-multistream 0a5c7a1; libp2p/rust-libp2p PR #2066 (M03)",
        about: "what is pending is written before anything more is read",
        instances: both(&[Flaw::FlushesBeforeReading], &[Shown::Dialers, Shown::Undisturbed]),
        violates: &["SIM-23", "SIM-24", "SIM-25", "SIM-29"],
    }
    SkipsAny {
        name: "skips-any",
        source: "multiformats/go-multistream 0a5c7a1 to 85f04aa; libp2p/rust-libp2p PR #2066 (M05)",
        about: "any number of proposals is skipped until a number comes",
        instances: both(&[Flaw::SkipsAny], &[Shown::HostileSubset]),
        violates: &["SIM-8", "SIM-11"],
    }
    SkipsNothing {
        name: "skips-nothing",
        source: "libp2p/specs connections/simopen.md (M06)",
        about: "the peer's pipelined proposal is not expected",
        instances: both(&[Flaw::SkipsNothing], &[Shown::Dialers]),
        violates: &["SIM-6", "SIM-22", "SIM-25"],
    }
    RetriesAndSkipsOne {
        name: "retries-and-skips-one",
        source: "multiformats/go-multistream 0a5c7a1 with the body of 85f04aa (M07)",
        about: "after a tie it selects again, and takes the second number for the proposal that it skips",
        instances: both(&[Flaw::RetriesTies, Flaw::SkipsExactlyOne], &[Shown::Dialers]),
        violates: &["SIM-24"],
    }
    RetriesTies {
        name: "retries-ties",
        source: "libp2p/rust-libp2p PR #2066 (M08, M41)",
        about: "a tie is tried again for ever, also against a reflection",
        instances: both(&[Flaw::RetriesTies], &[Shown::Dialers, Shown::Reflection]),
        violates: &["SIM-8", "SIM-9", "SIM-24"],
    }
    RetriesTiesAlone {
        name: "retries-ties-alone",
        source: "libp2p/rust-libp2p PR #2066 against multiformats/go-multistream (M09)",
        about: "one end tries a tie again, the other fails",
        instances: left(&[Flaw::RetriesTies], &[Shown::Dialers]),
        violates: &["SIM-6"],
    }
    RetriesThrice {
        name: "retries-thrice",
        source: "multiformats/go-multistream 0a5c7a1, retries",
        about: "a tie is tried again three times",
        instances: both(&[Flaw::RetriesThrice], &[Shown::Dialers, Shown::Reflection]),
        violates: &["SIM-21"],
    }
    EqualIsResponder {
        name: "equal-is-responder",
        source: "libp2p/specs#196 (M10)",
        about: "the comparison takes equal for less",
        instances: both(&[Flaw::EqualIsResponder], &[Shown::Dialers]),
        violates: &["SIM-2", "SIM-6"],
    }
    EqualIsResponderUnchecked {
        name: "equal-is-responder-unchecked",
        source: "libp2p/specs#196 (M10, M12)",
        about: "the comparison takes equal for less, and nobody looks at the role message",
        instances: both(&[Flaw::EqualIsResponder, Flaw::RoleUnchecked], &[Shown::Dialers, Shown::Undisturbed]),
        violates: &["SIM-2", "SIM-23", "SIM-24"],
    }
    Reversed {
        name: "reversed",
        source: "libp2p/specs connections/simopen.md",
        about: "the lesser number wins, at both ends",
        instances: both(&[Flaw::Reversed], &[Shown::Dialers]),
        violates: &["SIM-5", "SIM-11"],
    }
    ReversedAlone {
        name: "reversed-alone",
        source: "libp2p/specs connections/simopen.md (M11)",
        about: "the lesser number wins, at one end",
        instances: left(&[Flaw::Reversed], &[Shown::Dialers]),
        violates: &["SIM-2", "SIM-22", "SIM-25"],
    }
    ReversedAloneUnchecked {
        name: "reversed-alone-unchecked",
        source: "libp2p/specs connections/simopen.md (M11, M12)",
        about: "the lesser number wins at one end, and nobody looks at the role message",
        instances: each(&[Flaw::Reversed, Flaw::RoleUnchecked], &[Flaw::RoleUnchecked], &[Shown::Dialers]),
        violates: &["SIM-1", "SIM-2", "SIM-5", "SIM-11", "SIM-22", "SIM-24", "SIM-25", "SIM-45"],
    }
    RoleUnchecked {
        name: "role-unchecked",
        source: "libp2p/specs connections/simopen.md (M12)",
        about: "the role message is not looked at",
        instances: both(&[Flaw::RoleUnchecked], &[Shown::Dialers, Shown::HostileSubset]),
        violates: &["SIM-11"],
    }
    SameRoleAccepted {
        name: "same-role-accepted",
        source: "libp2p/specs connections/simopen.md (M12)",
        about: "whichever role the peer takes is taken for the other one",
        instances: both(&[Flaw::SameRoleAccepted], &[Shown::HostileSubset]),
        violates: &["SIM-11"],
    }
    RoleUnsaid {
        name: "role-unsaid",
        source: "libp2p/specs connections/simopen.md (M13)",
        about: "one end says no role message",
        instances: left(&[Flaw::RoleUnsaid], &[Shown::Dialers]),
        violates: &["SIM-12", "SIM-22", "SIM-25"],
    }
    Signed {
        name: "signed",
        source: "libp2p/specs#196 (M14)",
        about: "one end compares the numbers as signed integers",
        instances: left(&[Flaw::Signed], &[Shown::SignedNumbers]),
        violates: &["SIM-2", "SIM-25"],
    }
    Floating {
        name: "floating",
        source: "libp2p/specs#196 (M14)",
        about: "one end compares the numbers as floating point",
        instances: left(&[Flaw::Floating], &[Shown::LargeNumbers]),
        violates: &["SIM-6", "SIM-25"],
    }
    Textual {
        name: "textual",
        source: "libp2p/specs#196 (M14)",
        about: "one end compares the numbers as strings",
        instances: left(&[Flaw::Textual], &[Shown::ShortNumbers]),
        violates: &["SIM-2", "SIM-25"],
    }
    LaxNonce {
        name: "lax-nonce",
        source: "libp2p/rust-libp2p PR #2066, u64::from_str (M15)",
        about: "what is not a canonical number is taken for one",
        instances: both(&[Flaw::LaxNonce], &[Shown::Hostile]),
        violates: &["SIM-11", "SIM-18"],
    }
    RepeatedHeaders {
        name: "repeated-headers",
        source: "libp2p/rust-libp2p multistream-select; paritytech/litep2p#59 (M18)",
        about: "headers may be repeated without end",
        instances: both(&[Flaw::RepeatedHeaders], &[Shown::HostileSubset]),
        violates: &["SIM-8", "SIM-11"],
    }
    HeaderOptional {
        name: "header-optional",
        source: "libp2p/rust-libp2p multistream-select (M19)",
        about: "the header may be missing",
        instances: both(&[Flaw::HeaderOptional], &[Shown::HostileSubset]),
        violates: &["SIM-11"],
    }
    SelectsAfterNa {
        name: "selects-after-na",
        source: "libp2p/rust-libp2p PR #2066 (M20)",
        about: "the extension may be offered after it was declined",
        instances: both(&[Flaw::SelectsAfterNa], &[Shown::HostileSubset]),
        violates: &["SIM-8", "SIM-9", "SIM-10", "SIM-11", "SIM-12"],
    }
    RestartsSelection {
        name: "restarts-selection",
        source: "libp2p/rust-libp2p PR #2066, 200 restarts (M21)",
        about: "the selection may be started again after the roles were taken",
        instances: both(&[Flaw::RestartsSelection, Flaw::FlushesBeforeReading], &[Shown::HostileSubset]),
        violates: &["SIM-8", "SIM-9", "SIM-10", "SIM-11", "SIM-12", "SIM-42", "SIM-45"],
    }
    ListenerAcceptsExtension {
        name: "listener-accepts-extension",
        source: "multiformats/go-multistream, match-all handlers (M22)",
        about: "a listener accepts the extension as if it were a protocol",
        instances: both(&[Flaw::ListenerAcceptsExtension], &[Shown::Others, Shown::Undisturbed]),
        violates: &["SIM-3", "SIM-4", "SIM-11", "SIM-12", "SIM-14", "SIM-22", "SIM-29"],
    }
    StartsAtSecond {
        name: "starts-at-second",
        source: "multiformats/go-multistream v0.4.1, clientOpen and Client (M23)",
        about: "the winner does not propose its first protocol again",
        instances: both(&[Flaw::StartsAtSecond], &[Shown::Dialers]),
        violates: &["SIM-4", "SIM-11", "SIM-12"],
    }
    AnswersSkipped {
        name: "answers-skipped",
        source: "libp2p/specs connections/simopen.md (M24)",
        about: "the loser answers the pipelined proposal too",
        instances: both(&[Flaw::AnswersSkipped], &[Shown::Dialers]),
        violates: &["SIM-12", "SIM-14", "SIM-22", "SIM-25"],
    }
    ReportsDirection {
        name: "reports-direction",
        source: "libp2p/go-libp2p-transport-upgrader PR #25 (M25)",
        about: "a dialer reports that it is the initiator, whatever was negotiated",
        instances: both(&[Flaw::ReportsDirection], &[Shown::Dialers]),
        violates: &["SIM-1", "SIM-4", "SIM-5", "SIM-11", "SIM-12", "SIM-20"],
    }
    UpperByDirection {
        name: "upper-by-direction",
        source: "libp2p/go-libp2p-transport-upgrader PR #25; libp2p/go-libp2p c2f0e1333 (M26, M27)",
        about: "the layer above is a client because its end dialed",
        instances: both(&[Flaw::UpperByDirection], &[Shown::Dialers]),
        violates: &["SIM-17"],
    }
    DialsThoughListener {
        name: "dials-though-listener",
        source: "libp2p/go-libp2p#3044, 76a1e92bd, 7f5ce40aa; status-im/nim-libp2p#983 (M29, M30, M32)",
        about: "of two ends with given roles the listener dials as well",
        instances: both(&[Flaw::DialsAsListener], &[Shown::Given]),
        violates: &["SIM-1", "SIM-2", "SIM-11", "SIM-12", "SIM-29", "SIM-42", "SIM-45"],
    }
    ListensThoughDialer {
        name: "listens-though-dialer",
        source: "libp2p/go-libp2p#3044; status-im/nim-libp2p#983 (M29)",
        about: "of two ends with given roles the dialer listens as well",
        instances: both(&[Flaw::ListensAsDialer], &[Shown::Given]),
        violates: &["SIM-2", "SIM-24", "SIM-29"],
    }
    EofIsHungUp {
        name: "eof-is-hung-up",
        source: "multiformats/go-multistream before 5da27f8; libp2p/rust-libp2p#1823 (M33)",
        about: "a responder whose peer gave up reports an error of the connection",
        instances: both(&[Flaw::EofIsHungUp], &[Shown::Dialers, Shown::Others]),
        violates: &["SIM-22"],
    }
    OverReads {
        name: "over-reads",
        source: "multiformats/multistream-select, hand-over of the stream (M34)",
        about: "what came together with the last message is dropped",
        instances: both(&[Flaw::OverReads], &[Shown::Lazy]),
        violates: &["SIM-28", "SIM-46"],
    }
    EarlyPayload {
        name: "early-payload",
        source: "multiformats/go-multistream#20 (M35)",
        about: "the first bytes of the layer above follow the pipelined proposal",
        instances: both(&[Flaw::EarlyPayload], &[Shown::Dialers, Shown::Others]),
        violates: &["SIM-6", "SIM-14", "SIM-15", "SIM-22", "SIM-25", "SIM-28", "SIM-29"],
    }
    WritesAfterFailure {
        name: "writes-after-failure",
        source: "multiformats/go-multistream v0.4.1, early returns (M42)",
        about: "a writer is left over after a failure and goes on",
        instances: both(&[Flaw::WritesAfterFailure], &[Shown::Dialers]),
        violates: &["SIM-16"],
    }
    FailsWithoutClosing {
        name: "fails-without-closing",
        source: "multiformats/go-multistream v0.4.1, the caller has to close (M42)",
        about: "after a failure the connection stays open",
        instances: both(&[Flaw::FailsWithoutClosing], &[Shown::Dialers, Shown::Others]),
        violates: &["SIM-24", "SIM-26"],
    }
    UnboundedProposals {
        name: "unbounded-proposals",
        source: "multiformats/go-multistream; libp2p/rust-libp2p multistream-select (M43)",
        about: "any number of proposals is declined",
        instances: both(&[Flaw::UnboundedProposals], &[Shown::Listener]),
        violates: &["SIM-8", "SIM-9", "SIM-11", "SIM-12"],
    }
    RoleAwaited {
        name: "role-awaited",
        source: "libp2p/specs connections/simopen.md, *responds* (M46)",
        about: "each end says its role after it has heard the other's",
        instances: both(&[Flaw::RoleAwaited, Flaw::ProposesAfterRole], &[Shown::Dialers, Shown::Undisturbed]),
        violates: &["SIM-23", "SIM-24", "SIM-25"],
    }
    NoDeadline {
        name: "no-deadline",
        source: "multiformats/go-multistream#47",
        about: "there is no deadline, and a peer that says nothing is waited for without end",
        instances: both(&[Flaw::NoDeadline], &[Shown::Others]),
        violates: &["SIM-27"],
    }
    ProposesAfterRole {
        name: "proposes-after-role",
        source: "multiformats/go-multistream v0.4.1, Client",
        about: "the winner proposes after it has heard the loser's role message",
        instances: both(&[Flaw::ProposesAfterRole], &[Shown::Dialers, Shown::Others]),
        violates: &["SIM-20"],
    }
    ProposesAfterAnswer {
        name: "proposes-after-answer",
        source: "libp2p/specs connections/simopen.md, implementation considerations",
        about: "a dialer proposes after it has heard whether the extension is declined",
        instances: both(&[Flaw::ProposesAfterAnswer], &[Shown::Dialers, Shown::Others]),
        violates: &["SIM-12", "SIM-19"],
    }
    TakesProposalForEcho {
        name: "takes-proposal-for-echo",
        source: "libp2p/go-libp2p#732",
        about: "a proposal is taken for the acceptance of one's own",
        instances: both(&[Flaw::TakesProposalForEcho], &[Shown::Others]),
        violates: &["SIM-7", "SIM-11"],
    }
    SettlesUnwritten {
        name: "settles-unwritten",
        source: "multiformats/go-multistream v0.3.3, #89",
        about: "it is settled as soon as all is heard, although not all is said",
        instances: both(&[Flaw::SettlesUnwritten], &[Shown::Dialers, Shown::HostileSubset]),
        violates: &["SIM-12", "SIM-16"],
    }
    TieUnsaid {
        name: "tie-unsaid",
        source: "libp2p/specs connections/simopen.md, a failure that drops what was not written",
        about: "a tie is reported before the number is written, and the other end hears the connection close",
        instances: both(&[Flaw::TieUnsaid], &[Shown::Dialers]),
        violates: &["SIM-6", "SIM-21"],
    }
    HangsUpOnUnknown {
        name: "hangs-up-on-unknown",
        source: "libp2p/py-libp2p, query_multistream_command; multiformats/go-multistream answers na",
        about: "a responder closes the connection when it hears something that is no name of a protocol",
        instances: both(&[Flaw::HangsUpOnUnknown], &[Shown::Listener]),
        violates: &["SIM-42"],
    }
    DeadlineRestarts {
        name: "deadline-restarts",
        source: "https://nvd.nist.gov/vuln/detail/CVE-2007-6750, a peer that says a byte at a time",
        about: "the deadline is set anew whenever something is read or written",
        instances: both(&[Flaw::RestartsDeadline], &[Shown::Clock]),
        violates: &["SIM-43"],
    }
    EndIsNothingInCommon {
        name: "end-is-nothing-in-common",
        source: "libp2p/rust-libp2p multistream-select, the end of the stream is NegotiationError::Failed",
        about: "a responder to which nothing was proposed reports that nothing is in common",
        instances: both(&[Flaw::EndIsNothingInCommon], &[Shown::Listener]),
        violates: &["SIM-44"],
    }
    WriteFailureIsFinal {
        name: "write-failure-is-final",
        source: "multiformats/go-multistream#87; libp2p/rust-libp2p#4019; paritytech/litep2p#60",
        about: "a write that fails ends the negotiation, whatever was heard",
        instances: both(&[Flaw::WriteFailureIsFinal], &[Shown::Lazy]),
        violates: &["SIM-45", "SIM-46"],
    }
    ReportsFirst {
        name: "reports-first",
        source: "libp2p/specs connections/simopen.md",
        about: "the responder reports its first protocol, whatever it accepted",
        instances: both(&[Flaw::ReportsFirst], &[Shown::Dialers]),
        violates: &["SIM-1", "SIM-3", "SIM-4", "SIM-11", "SIM-12"],
    }
    AcceptsUnsupported {
        name: "accepts-unsupported",
        source: "multiformats/go-multistream, match-all handlers",
        about: "a responder accepts whatever is proposed",
        instances: both(&[Flaw::AcceptsUnsupported], &[Shown::Listener]),
        violates: &["SIM-3", "SIM-11"],
    }
    DeclinesFirst {
        name: "declines-first",
        source: "libp2p/specs connections/simopen.md",
        about: "a responder declines the first proposal, also if it supports it",
        instances: both(&[Flaw::DeclinesFirst], &[Shown::Dialers]),
        violates: &["SIM-4", "SIM-11", "SIM-20", "SIM-25", "SIM-45"],
    }
}

/// What of the reference list is not modelled, and why. M41 is M08, against a reflection.
pub(in crate::simopen) const LEFT_OUT: &[LeftOut] = &[
    LeftOut {
        name: "M16",
        reason: "how often two ends draw the same number is a matter of the generator, and of statistics; a model has every number",
    },
    LeftOut { name: "M17", reason: "the encoding of numbers is the codec's; the messages of the model are decoded" },
    LeftOut {
        name: "M28",
        reason: "identities are known after the security handshake; that the expected peer is compared in both roles is the upgrade's",
    },
    LeftOut { name: "M31", reason: "the exchange that gives roles from outside is another protocol" },
    LeftOut {
        name: "M39",
        reason: "that two ends redial in lockstep, or ever miss each other, is a matter of probability; no weak fairness gives it",
    },
    LeftOut { name: "M40", reason: "EADDRNOTAVAIL comes before there is a connection; it is tested on real sockets" },
    LeftOut { name: "M44", reason: "limits of frames are the codec's; a malformed frame is one message of the model" },
    LeftOut { name: "M45", reason: "it takes two connections; the model has one" },
    LeftOut { name: "M48", reason: "limits on accepted connections are the application's" },
];
