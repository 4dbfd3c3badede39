//! The core beside the model, step by step.

use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use conformance::lifecycle::CoreMachine;
use handfast_spec::lifecycle::{
    Action, DIALED_BY_BOTH, Direction, Key, Lifecycle, Limits, NO_LIMIT, Network, Origin, Output, Refusal, SessionId,
    SubscriberId,
};
use handfast_spec::{Machine, Observation, Protocol, Recorded};
use model::checker::explain::Explains;
use model::lifecycle::handfast::{Duplicates, Flaw, Handfast, Header, Mutated};
use proptest::prelude::*;
use proptest::test_runner::TestError;

use crate::lifecycle::random::{find, hold};

const SESSIONS: u32 = 50;
const KEYS: u16 = 24;
const SUBSCRIBERS: u32 = 4;

/// What is tried next, of whom: a number that means somebody when the time comes.
#[derive(Clone, Copy, Debug)]
struct Attempt {
    what: What,
    whom: u16,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Open,
    Greet,
    Announce,
    Disconnect,
    Expire,
    End,
    Abort,
    Close,
    Ahead,
    NotifySelector,
    Subscribe,
    Unsubscribe,
    Evict,
    Receive,
    Stall,
    Reconsider,
    Ban,
    Unban,
    BanNetwork,
    UnbanNetwork,
    GrantPrivilege,
    Rank,
    SetLimits,
    Shutdown,
    Finish,
}

/// How a node is configured and what is tried on it.
#[derive(Clone, Debug)]
struct Environment {
    header: Header,
    /// Other limits, which may be set later.
    later: Limits,
    /// One in this many attempts to receive is made: where subscribers are slow, sessions wait for room.
    slowness: u16,
    attempts: Vec<Attempt>,
}

fn what() -> impl Strategy<Value = What> {
    prop_oneof![
        60 => Just(What::Open),
        80 => Just(What::Greet),
        140 => Just(What::Announce),
        12 => Just(What::Disconnect),
        8 => Just(What::Expire),
        30 => Just(What::End),
        6 => Just(What::Abort),
        40 => Just(What::Close),
        25 => Just(What::Ahead),
        25 => Just(What::NotifySelector),
        15 => Just(What::Subscribe),
        6 => Just(What::Unsubscribe),
        10 => Just(What::Evict),
        150 => Just(What::Receive),
        6 => Just(What::Stall),
        12 => Just(What::Reconsider),
        10 => Just(What::Ban),
        10 => Just(What::Unban),
        4 => Just(What::BanNetwork),
        8 => Just(What::UnbanNetwork),
        12 => Just(What::GrantPrivilege),
        12 => Just(What::Rank),
        4 => Just(What::SetLimits),
        1 => Just(What::Shutdown),
        2 => Just(What::Finish),
    ]
}

/// Two of one source, and two of others.
const ADDRESSES: [IpAddr; 4] = [
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)),
    IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1)),
    IpAddr::V6(Ipv6Addr::LOCALHOST),
];

/// Most environments have few limits by origin, so that there are many sessions in some of them.
fn limits() -> impl Strategy<Value = Limits> {
    let few = || prop_oneof![4 => Just(NO_LIMIT), 1 => 1..5_u32];
    let reserved = prop_oneof![4 => Just(0), 1 => 1..5_u32];
    // Most lengths part the addresses as the usual ones do; with 4 bits those of IPv4 are one source, with 32 each is one.
    let lengths = prop_oneof![
        4 => Just((24, 64)),
        1 => (0..=32_u8, 0..=128_u8),
        1 => prop_oneof![Just((4, 64)), Just((32, 64))],
    ];
    let pending = (1..=24_u32, 1..=24_u32);
    (1..=24_u32, pending, few(), few(), few(), few(), few(), reserved, lengths).prop_map(
        |(total, pending, inbound, outbound, pending_per_source, per_source, per_address, reserved, lengths)| Limits {
            total,
            pending_inbound: pending.0.min(total),
            pending_outbound: pending.1.min(total),
            inbound,
            outbound,
            pending_per_source,
            per_source,
            per_address,
            reserved: reserved.min(total),
            source_v4: lengths.0,
            source_v6: lengths.1,
        },
    )
}

fn duplicates() -> impl Strategy<Value = Duplicates> {
    prop_oneof![
        2 => Just(Duplicates::KeepOld),
        2 => Just(Duplicates::KeepNew),
        1 => Just(Duplicates::TieBreak),
        1 => (1..4_u32).prop_map(Duplicates::Allow),
    ]
}

fn environments() -> impl Strategy<Value = Environment> {
    let attempt = (what(), any::<u16>()).prop_map(|(what, whom)| Attempt { what, whom });
    let attempts = prop::collection::vec(attempt, 1..900);
    let spare = prop_oneof![1 => Just(1), 2 => 1..=24_u64];
    let slowness = prop_oneof![2 => Just(1), 1 => 2..=12_u16];
    let configured = (limits(), limits(), spare, duplicates(), any::<bool>(), 0..=2_u8);
    let header = configured.prop_map(|(limits, later, spare, duplicates, is_known, subscribers)| {
        let Limits { total, inbound, reserved, .. } = limits;
        // Where the others leave nothing to dial with, nothing is reserved: such limits can be asked for later only.
        let reserved = if inbound < total && inbound + reserved >= total && reserved < total { 0 } else { reserved };
        let limits = Limits { reserved, ..limits };
        let capacity = u64::from(limits.total) + spare;
        let local = (is_known || duplicates == Duplicates::TieBreak).then_some(Key(u32::from(KEYS) / 2));
        (Header { limits, capacity, duplicates, local, subscribers }, later)
    });
    (header, slowness, attempts).prop_map(|((header, later), slowness, attempts)| Environment {
        header,
        later,
        slowness,
        attempts,
    })
}

/// Somebody of so many, by a number.
fn pick(whom: u16, of: usize) -> usize {
    usize::from(whom) % of.max(1)
}

impl Attempt {
    /// Mostly a session that holds a slot, sometimes any, one that never was included.
    fn session(self, state: &Recorded<Handfast>, next: u32) -> SessionId {
        let sessions = state.history.sessions.iter().enumerate();
        let live: Vec<usize> = sessions.filter(|(_, session)| session.holds_slot()).map(|(number, _)| number).collect();
        let number = if self.whom < u16::MAX / 16 || live.is_empty() {
            pick(self.whom, next as usize + 1)
        } else {
            live[pick(self.whom, live.len())]
        };
        SessionId(number as u32)
    }

    fn origin(self) -> Origin {
        let direction = if self.whom.is_multiple_of(2) { Direction::Inbound } else { Direction::Outbound };
        let address = ADDRESSES.get(pick(self.whom / 2, ADDRESSES.len() + 2)).copied();
        Origin { direction, address, privileged: self.whom.is_multiple_of(11) }
    }

    fn action(self, state: &Recorded<Handfast>, next: u32, environment: &Environment) -> Option<Action> {
        let session = self.session(state, next);
        let subscriber = SubscriberId(pick(self.whom, SUBSCRIBERS as usize) as u32);
        let key = Key(u32::from(self.whom / 7 % KEYS));
        let address = ADDRESSES[pick(self.whom, ADDRESSES.len())];
        let length = if self.whom.is_multiple_of(3) { u8::MAX } else { 24 };
        let network = Network::new(address, length);
        Some(match self.what {
            What::Open if next >= SESSIONS => return None,
            What::Open => Action::Open { session: SessionId(next), origin: self.origin() },
            What::Greet => Action::HandshakeDone { session, key },
            What::Announce => Action::Announce { session },
            What::Disconnect => Action::Disconnect { session },
            What::Expire => Action::Expire { session },
            What::End => Action::End { session },
            What::Abort => Action::Abort { session },
            What::Close => Action::Close { session },
            What::Ahead => Action::PeerAhead { session },
            What::NotifySelector => Action::NotifySelector { session },
            What::Subscribe => Action::Subscribe { subscriber },
            What::Unsubscribe => Action::Unsubscribe { subscriber },
            What::Evict => Action::Evict { subscriber },
            What::Receive if !(self.whom / 16).is_multiple_of(environment.slowness) => return None,
            What::Receive => Action::Receive { subscriber },
            What::Stall => Action::Stall,
            What::Reconsider => Action::Reconsider { session },
            What::Ban => Action::Ban { key },
            What::Unban => Action::Unban { key },
            What::BanNetwork => Action::BanNetwork { network },
            What::UnbanNetwork => Action::UnbanNetwork { network },
            What::GrantPrivilege => Action::GrantPrivilege { session },
            What::Rank => Action::Rank { session, rank: [0, 1, DIALED_BY_BOTH][usize::from(self.whom % 3)] },
            What::SetLimits if self.whom.is_multiple_of(2) => Action::SetLimits { limits: environment.header.limits },
            What::SetLimits => Action::SetLimits { limits: environment.later },
            What::Shutdown => Action::Shutdown,
            What::Finish => Action::Finish,
        })
    }
}

/// What was seen of all environments, so that nothing holds for want of anything happening.
#[derive(Debug, Default)]
struct Seen {
    steps: Cell<usize>,
    refused: Cell<usize>,
    most_registered: Cell<usize>,
    shut_down: Cell<usize>,
}

/// The model, and beside it what claims to be like it.
struct Pair<M: Machine<Protocol = Lifecycle>> {
    model: Recorded<Handfast>,
    other: Recorded<M>,
    owed: Vec<bool>,
}

impl<M: Machine<Protocol = Lifecycle>> Pair<M> {
    fn step(&mut self, action: Action) -> Result<Observation<Output, Refusal>, TestCaseError> {
        let (expected, observed) = (self.model.step(&action), self.other.step(&action));
        prop_assert_eq!(&expected, &observed, "{} is observed otherwise than by the model", action);
        let history = &self.other.history;
        let broken = Lifecycle::INVARIANTS.iter().find(|rule| !(rule.holds)(history));
        prop_assert!(broken.is_none(), "{} breaks {}", action, broken.map_or("", |rule| rule.id));
        for (goal, owed) in Lifecycle::GOALS.iter().zip(&mut self.owed) {
            *owed = (*owed || (goal.trigger)(history)) && !(goal.outcome)(history);
        }
        Ok(observed)
    }

    /// Shuts down, lets everybody act who still can, and looks at what is owed then.
    fn come_to_rest(&mut self, sessions: u32) -> Result<(), TestCaseError> {
        let _ = self.step(Action::Shutdown)?;
        for session in (0..sessions).map(SessionId) {
            let _ = self.step(Action::End { session })?;
            let _ = self.step(Action::Close { session })?;
        }
        let _ = self.step(Action::Finish)?;
        for subscriber in (0..SUBSCRIBERS).map(SubscriberId) {
            while !self.step(Action::Receive { subscriber })?.is_refused() {}
        }
        let owed = Lifecycle::GOALS.iter().zip(&self.owed).find(|(_, owed)| **owed);
        prop_assert!(owed.is_none(), "{} is owed at rest", owed.map_or("", |(goal, _)| goal.id));
        prop_assert_eq!(self.other.history.slots_held(), 0);
        Ok(())
    }
}

fn try_on<M: Machine<Protocol = Lifecycle>>(
    environment: &Environment,
    build: impl Fn(&Recorded<Handfast>) -> M,
    seen: &Seen,
) -> Result<(), TestCaseError> {
    let model = Handfast::starts(&environment.header).remove(0);
    let other = Recorded { machine: build(&model), history: model.history.clone() };
    let mut pair = Pair { model, other, owed: vec![false; Lifecycle::GOALS.len()] };
    let mut next = 0;
    for attempt in &environment.attempts {
        let Some(action) = attempt.action(&pair.model, next, environment) else { continue };
        let observed = pair.step(action)?;
        next += u32::from(matches!(action, Action::Open { .. }));
        seen.steps.set(seen.steps.get() + 1);
        seen.refused.set(seen.refused.get() + usize::from(observed.is_refused()));
        seen.shut_down.set(seen.shut_down.get() + usize::from(action == Action::Finish && !observed.is_refused()));
        let registered = pair.other.history.sessions.iter().filter(|session| session.registered).count();
        seen.most_registered.set(seen.most_registered.get().max(registered));
    }
    pair.come_to_rest(next)
}

fn core(start: &Recorded<Handfast>) -> CoreMachine {
    CoreMachine::new(start.machine.config(), start.machine.subscribers())
}

#[test]
fn the_core_is_like_the_model_and_breaks_no_rule() {
    let seen = Seen::default();
    hold(800, &environments(), |environment| try_on(&environment, core, &seen));
    println!("{seen:?}");
    assert!(seen.most_registered.get() >= 10 && seen.shut_down.get() > 0, "{seen:?}");
    assert!(seen.refused.get() * 10 < seen.steps.get() * 8, "most of what was tried was refused: {seen:?}");
}

/// A check that cannot fail is worthless: each mutant of the model is found, and shrunk to a few attempts.
#[test]
fn mutants_of_the_model_are_told_from_it() {
    for &flaw in Flaw::ALL {
        let mutant = |start: &Recorded<Handfast>| Mutated::new(start.machine.clone(), flaw);
        let found = find(400, &environments(), |environment| try_on(&environment, mutant, &Seen::default()));
        let Some((_, TestError::Fail(why, environment))) = found else { panic!("{flaw:?} was not noticed") };
        println!("{flaw:?}: {} attempts: {why}", environment.attempts.len());
        assert!(environment.attempts.len() <= 60, "{flaw:?} was not shrunk: {environment:?}");
    }
}
