//! The end that is judged, as the model has it: beside a peer that may say anything, on a connection that holds it all.

use handfast_spec::simopen::{Action, End, Kind, Name, Nonce, Output, Role, Token};
use handfast_spec::{Observation, Recorded};
use model::simopen::handfast::Stage;
use model::simopen::{Config, Connection, EndConfig};

use super::message::name;

/// The end that is judged.
const OURS: End = End::Left;
/// The tester.
const TESTER: End = End::Right;

/// Proposals that the model declines. An implementation may give up earlier: see [`LEAST_PATIENCE`].
const PATIENCE: u8 = u8::MAX;

/// From so many declined proposals on an implementation may give up on its peer.
pub(super) const LEAST_PATIENCE: u8 = 8;

/// An end in the model, with its history.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Tested(pub(super) Recorded<Connection>);

impl Tested {
    /// An end that has just started.
    pub(super) fn start(kind: Kind, protocols: usize, nonce: u64) -> Self {
        let names: Vec<Name> = (0..protocols).map(name).collect();
        let config = Config {
            left: EndConfig::new(kind, &names),
            right: EndConfig::new(Kind::Hostile, &[]),
            capacity: [u8::MAX; 2],
            patience: PATIENCE,
            timed: false,
            ticks: 0,
            deafens: false,
        };
        let mut started = Self(Connection::new(config).with_history());
        started.step(Action::Start { end: OURS, nonce: Nonce(nonce) });
        started
    }

    fn step(&mut self, action: Action) -> Option<Vec<Output>> {
        match self.0.step(&action) {
            Observation::Accepted(outputs) => Some(outputs),
            Observation::Refused(_) => None,
        }
    }

    /// The tester says this. It is lost where the end has dropped the connection.
    pub(super) fn hears(&mut self, token: Token) {
        let _said = self.step(Action::Forge { end: TESTER, token });
        let _sent = self.step(Action::Write { end: TESTER });
    }

    /// The tester says nothing more.
    pub(super) fn peer_ends(&mut self) {
        let _closed = self.step(Action::Close { end: TESTER });
    }

    /// The end takes the next message, or learns that there is none. Returns whether it did.
    pub(super) fn read(&mut self) -> bool {
        !self.has_settled() && self.step(Action::Read { end: OURS }).is_some()
    }

    /// The end's writer hands a message to the connection: that of a negotiation, or the payload of a lazy dialer.
    pub(super) fn write(&mut self) -> Option<Token> {
        if self.has_settled() {
            return None;
        }
        let said = self.step(Action::Write { end: OURS })?.first().map(|output| match output {
            Output::Sent(_, role) => Token::Payload(*role),
            Output::Said(_, token) => *token,
            other => unreachable!("a writer says something, not {other}"),
        });
        // The tester takes it at once. It does not if it has closed.
        let _taken = self.step(Action::Read { end: TESTER });
        said
    }

    pub(super) fn stage(&self) -> Stage {
        self.0.machine.stage(OURS).expect("the end keeps to the protocol")
    }

    pub(super) fn has_failed(&self) -> bool {
        self.stage() == Stage::Over
    }

    pub(super) fn has_settled(&self) -> bool {
        self.settled().is_some()
    }

    /// Role and protocol, if it has settled.
    pub(super) fn settled(&self) -> Option<(Role, Name)> {
        self.0.history.end(OURS).settled()
    }

    /// Whether an implementation may give up on its peer here.
    pub(super) fn may_give_up(&self) -> bool {
        matches!(self.stage(), Stage::Serving { declined: LEAST_PATIENCE.., .. })
    }

    /// Goes on until it waits for the tester.
    pub(super) fn rest(&mut self) {
        while self.read() || self.write().is_some() {}
    }
}

/// An output of the end that is judged.
pub(super) fn said(token: Token) -> Output {
    Output::Said(OURS, token)
}

/// What the end that is judged would be told if it settled.
pub(super) fn settles(role: Role, protocol: Name) -> Output {
    Output::Settled { end: OURS, role, protocol, flights: 0 }
}

/// Where an end is, in a word that is the same for all that react alike.
pub(super) fn place(stage: Stage) -> &'static str {
    match stage {
        Stage::Idle => "idle",
        Stage::Header => "header",
        Stage::Opening => "opening",
        Stage::Selecting { skipped: false } => "selecting",
        Stage::Selecting { skipped: true } => "selecting-skipped",
        Stage::Confirming(Role::Initiator) => "winner",
        Stage::Confirming(Role::Responder) => "loser",
        Stage::Proposing { index: 0 } => "proposed-first",
        Stage::Proposing { .. } => "proposed-other",
        Stage::Serving { fresh: true, .. } => "serving-fresh",
        Stage::Serving { declined: 0, .. } => "serving",
        Stage::Serving { .. } => "serving-declined",
        Stage::Tied => "tied",
        Stage::Finishing { .. } => "finishing",
        Stage::Settled { .. } => "settled",
        Stage::Over => "over",
    }
}
