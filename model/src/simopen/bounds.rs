//! What is explored: who meets whom, on which connections, and what may happen to them.

use handfast_spec::simopen::{Action, End, Kind, Name, Nonce, Role, Simopen, Token};

use super::connection::{Config, Connection, EndConfig, Peer};
use crate::checker::catalogue::Scope;
use crate::checker::design::{Checked, Design};
use crate::checker::explore::Split;
use crate::checker::target::Instance;

/// What is explored: who meets whom, on which connections, and what may happen to them.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The kinds of the two ends.
    pub kinds: &'static [(Kind, Kind)],
    /// Their protocols.
    pub protocols: &'static [(&'static [Name], &'static [Name])],
    /// How many messages the connection holds in each direction.
    pub capacities: &'static [[u8; 2]],
    /// The numbers that ends may draw.
    pub nonces: &'static [Nonce],
    /// What a hostile end may say.
    pub tokens: &'static [Token],
    /// Whether deadlines pass and callers drop connections.
    pub disturbed: bool,
    /// How often time passes at an end before its deadline does. With 0, a deadline passes at any moment.
    pub ticks: u8,
    /// Whether hostile ends may stop taking what is written, while what they said is still on its way.
    pub deafens: bool,
}

/// How many proposals an end declines.
const PATIENCE: u8 = 2;

const A: Name = Name(0);
const B: Name = Name(1);
/// No end supports it.
const C: Name = Name(2);
const D: Name = Name(3);

const SIMOPEN: (Kind, Kind) = (Kind::Simopen, Kind::Simopen);

/// Two dialers, both with the extension, on connections that hold nothing or one message.
pub(super) const DIALERS: Bounds = Bounds {
    kinds: &[SIMOPEN],
    protocols: &[(&[A], &[A]), (&[A, B], &[B, A]), (&[A, B], &[B]), (&[A], &[B])],
    capacities: &[[0, 0], [1, 1]],
    nonces: &[Nonce(0), Nonce(1)],
    tokens: &[],
    disturbed: true,
    ticks: 0,
    deafens: false,
};

/// A dialer with the extension meets every other end that keeps to some version of the protocol, and a silent one. Two
/// dialers without it meet, and a lazy one a listener.
pub(super) const OTHERS: Bounds = Bounds {
    kinds: &[
        (Kind::Simopen, Kind::Plain),
        (Kind::Simopen, Kind::Lazy),
        (Kind::Simopen, Kind::Listener),
        (Kind::Simopen, Kind::Silent),
        (Kind::Plain, Kind::Plain),
        (Kind::Lazy, Kind::Listener),
    ],
    nonces: &[Nonce(1)],
    ..DIALERS
};

/// It meets its own reflection, as on a connection to itself.
pub(super) const REFLECTION: Bounds = Bounds {
    kinds: &[(Kind::Simopen, Kind::Reflector)],
    protocols: &[(&[A, B], &[])],
    capacities: &[[0, 0], [1, 1], [3, 3]],
    ..OTHERS
};

/// It meets a hostile peer that says anything.
pub(super) const HOSTILE: Bounds = Bounds {
    kinds: &[(Kind::Simopen, Kind::Hostile)],
    // What is on its way to the honest end is in the hostile peer's hands until it is read.
    capacities: &[[0, 1]],
    tokens: TOKENS,
    ..REFLECTION
};

/// Everything that can be said, with numbers below, at and above the one that is at hand.
const TOKENS: &[Token] = &[
    Token::Header,
    Token::Simopen,
    Token::Word,
    Token::Na,
    Token::Protocol(A),
    Token::Protocol(B),
    Token::Protocol(C),
    Token::Select(Nonce(0)),
    Token::Select(Nonce(1)),
    Token::Select(Nonce(2)),
    Token::BadSelect,
    Token::Role(Role::Initiator),
    Token::Role(Role::Responder),
    Token::Garbage,
    Token::Payload(Role::Initiator),
];

/// As `TOKENS`, with one more protocol.
const ALL_TOKENS: &[Token] = &[
    Token::Header,
    Token::Simopen,
    Token::Word,
    Token::Na,
    Token::Protocol(A),
    Token::Protocol(B),
    Token::Protocol(C),
    Token::Protocol(D),
    Token::Select(Nonce(0)),
    Token::Select(Nonce(1)),
    Token::Select(Nonce(2)),
    Token::BadSelect,
    Token::Role(Role::Initiator),
    Token::Role(Role::Responder),
    Token::Garbage,
    Token::Payload(Role::Initiator),
];

/// Two dialers on every connection that holds up to three messages, as much one way as the other or not.
const ALL_DIALERS: Bounds = Bounds { capacities: &[[0, 0], [1, 1], [2, 2], [3, 3], [0, 3], [3, 0], [1, 2]], ..DIALERS };

/// Every other pair in which an end keeps to the protocol.
const ALL_OTHERS: Bounds = Bounds {
    kinds: &[
        (Kind::Simopen, Kind::Plain),
        (Kind::Simopen, Kind::Lazy),
        (Kind::Simopen, Kind::Listener),
        (Kind::Simopen, Kind::Silent),
        (Kind::Plain, Kind::Plain),
        (Kind::Plain, Kind::Lazy),
        (Kind::Plain, Kind::Listener),
        (Kind::Plain, Kind::Silent),
        (Kind::Lazy, Kind::Lazy),
        (Kind::Lazy, Kind::Listener),
        (Kind::Lazy, Kind::Silent),
        (Kind::Listener, Kind::Listener),
        (Kind::Listener, Kind::Silent),
    ],
    capacities: &[[0, 0], [1, 1], [3, 3], [0, 3], [3, 0]],
    ..OTHERS
};

/// Every end that keeps to the protocol meets its own reflection.
const ALL_REFLECTIONS: Bounds = Bounds {
    kinds: &[
        (Kind::Simopen, Kind::Reflector),
        (Kind::Plain, Kind::Reflector),
        (Kind::Lazy, Kind::Reflector),
        (Kind::Listener, Kind::Reflector),
    ],
    ..REFLECTION
};

/// Every end that keeps to the protocol meets a hostile peer that says anything.
const ALL_HOSTILE: Bounds = Bounds {
    kinds: &[
        (Kind::Simopen, Kind::Hostile),
        (Kind::Plain, Kind::Hostile),
        (Kind::Lazy, Kind::Hostile),
        (Kind::Listener, Kind::Hostile),
    ],
    capacities: &[[0, 0], [0, 3]],
    ..HOSTILE
};

/// Ends that keep to the protocol are left alone, on every connection: an end that waits then waits for ever.
pub(super) const UNDISTURBED: Bounds = Bounds {
    kinds: &[
        SIMOPEN,
        (Kind::Simopen, Kind::Plain),
        (Kind::Simopen, Kind::Lazy),
        (Kind::Simopen, Kind::Listener),
        (Kind::Plain, Kind::Listener),
        (Kind::Lazy, Kind::Listener),
    ],
    protocols: &[(&[A], &[A]), (&[A, B], &[B, A]), (&[A, B], &[B]), (&[A], &[B]), (&[B], &[A, B])],
    capacities: &[
        [0, 0],
        [0, 1],
        [0, 2],
        [0, 3],
        [1, 0],
        [1, 1],
        [1, 2],
        [1, 3],
        [2, 0],
        [2, 1],
        [2, 2],
        [2, 3],
        [3, 0],
        [3, 1],
        [3, 2],
        [3, 3],
    ],
    nonces: &[Nonce(0), Nonce(1)],
    disturbed: false,
    ..DIALERS
};

/// The same on connections that hold nothing or one message.
pub(super) const UNDISTURBED_SMALL: Bounds = Bounds { capacities: &[[0, 0], [0, 1], [1, 0], [1, 1]], ..UNDISTURBED };

/// A dialer with a clock that is seen to move, and a peer that takes its time or says nothing.
pub(super) const CLOCK: Bounds = Bounds {
    kinds: &[SIMOPEN, (Kind::Simopen, Kind::Listener), (Kind::Simopen, Kind::Silent)],
    protocols: &[(&[A], &[A])],
    capacities: &[[1, 1]],
    ticks: 1,
    ..DIALERS
};

/// The same, with clocks that move twice.
const FINE_CLOCK: Bounds = Bounds { ticks: 2, ..CLOCK };

/// A hostile peer says what makes an end go on, and stops taking what that says.
const DEAF: Bounds = Bounds {
    kinds: &[(Kind::Simopen, Kind::Hostile), (Kind::Plain, Kind::Hostile), (Kind::Listener, Kind::Hostile)],
    protocols: &[(&[A], &[])],
    capacities: &[[0, 1]],
    tokens: FEW_TOKENS,
    deafens: true,
    ..HOSTILE
};

/// Lists of up to three protocols: each end prefers another one, supports only the last one of the other end, or none.
const LONG_LISTS: &[(&[Name], &[Name])] = &[
    (&[A], &[A]),
    (&[A, B], &[B, A]),
    (&[A, B, D], &[D, B, A]),
    (&[A, B, D], &[B, D, A]),
    (&[A, B, D], &[D]),
    (&[D], &[A, B, D]),
    (&[A, B], &[D]),
];

/// As in the default scope, with lists of up to three protocols.
const LONG_DIALERS: Bounds = Bounds { protocols: LONG_LISTS, ..ALL_DIALERS };
const LONG_OTHERS: Bounds = Bounds { protocols: LONG_LISTS, ..ALL_OTHERS };
const LONG_REFLECTIONS: Bounds = Bounds { protocols: &[(&[A, B, D], &[])], ..ALL_REFLECTIONS };
const LONG_HOSTILE: Bounds = Bounds { protocols: &[(&[A, B, D], &[])], tokens: ALL_TOKENS, ..ALL_HOSTILE };
const LONG_UNDISTURBED: Bounds = Bounds { protocols: LONG_LISTS, ..UNDISTURBED };

/// Every dialer and listener meets one that takes its time or says nothing, with clocks that move three times.
const EVERY_CLOCK: Bounds = Bounds {
    kinds: &[
        SIMOPEN,
        (Kind::Simopen, Kind::Plain),
        (Kind::Simopen, Kind::Listener),
        (Kind::Simopen, Kind::Silent),
        (Kind::Plain, Kind::Listener),
        (Kind::Plain, Kind::Silent),
        (Kind::Listener, Kind::Silent),
    ],
    ticks: 3,
    ..FINE_CLOCK
};

/// As *deaf*, with two protocols.
const LONG_DEAF: Bounds = Bounds { protocols: &[(&[A, B], &[])], ..DEAF };

/// The instances of a scope.
pub fn instances(scope: Scope) -> Vec<Instance<Connection>> {
    let bounds: &[(&'static str, Bounds)] = match scope {
        Scope::Small => &[
            ("dialers", DIALERS),
            ("others", OTHERS),
            ("reflection", REFLECTION),
            ("hostile", HOSTILE),
            ("undisturbed", UNDISTURBED_SMALL),
            ("clock", CLOCK),
            ("deaf", DEAF),
        ],
        Scope::Default => &[
            ("dialers", ALL_DIALERS),
            ("others", ALL_OTHERS),
            ("reflection", ALL_REFLECTIONS),
            ("hostile", ALL_HOSTILE),
            ("undisturbed", UNDISTURBED),
            ("clock", FINE_CLOCK),
            ("deaf", DEAF),
        ],
        Scope::Large => &[
            ("dialers", LONG_DIALERS),
            ("others", LONG_OTHERS),
            ("reflection", LONG_REFLECTIONS),
            ("hostile", LONG_HOSTILE),
            ("undisturbed", LONG_UNDISTURBED),
            ("clock", EVERY_CLOCK),
            ("deaf", LONG_DEAF),
        ],
    };
    bounds.iter().map(|(name, bounds)| Instance { name, checked: checked(bounds) }).collect()
}

/// Returns handfast's design, to be explored within bounds.
pub fn checked(bounds: &Bounds) -> Checked<Connection> {
    checked_on(bounds, Connection::new)
}

/// Returns the design of the connections that `connect` makes, to be explored within bounds.
pub(super) fn checked_on<P>(bounds: &Bounds, connect: impl Fn(Config) -> Connection<P>) -> Checked<Connection<P>>
where
    P: Peer + 'static,
    Connection<P>: Design<Protocol = Simopen> + Split,
{
    let end = |kind: Kind, protocols: &[Name]| EndConfig::new(kind, if kind.is_honest() { protocols } else { &[] });
    let mut initial = Vec::new();
    for kinds in bounds.kinds {
        for protocols in bounds.protocols {
            for &capacity in bounds.capacities {
                let (left, right) = (end(kinds.0, protocols.0), end(kinds.1, protocols.1));
                let Bounds { disturbed: timed, ticks, deafens, .. } = *bounds;
                let config = Config { left, right, capacity, patience: PATIENCE, timed, ticks, deafens };
                initial.push(connect(config).with_history());
            }
        }
    }
    Checked::new(initial, alphabet(bounds)).in_parts()
}

/// Returns every action that may be attempted within bounds.
fn alphabet(bounds: &Bounds) -> Vec<Action> {
    let mut alphabet = Vec::new();
    for end in End::BOTH {
        alphabet.extend(bounds.nonces.iter().map(|&nonce| Action::Start { end, nonce }));
        alphabet.extend([Action::Write { end }, Action::Break { end }, Action::Read { end }]);
        if bounds.disturbed {
            alphabet.extend([Action::Expire { end }, Action::Close { end }]);
        }
        if bounds.ticks > 0 {
            alphabet.push(Action::Tick { end });
        }
    }
    // Hostile ends are on the right.
    alphabet.extend(bounds.tokens.iter().map(|&token| Action::Forge { end: End::Right, token }));
    alphabet
}

/// Two dialers that want the same, or differ in what they prefer.
const DUEL: Bounds = Bounds { protocols: &[(&[A], &[A]), (&[A, B], &[B, A])], ..DIALERS };

/// Numbers that differ in the highest bit.
pub(super) const SIGNED_NUMBERS: Bounds = Bounds { nonces: &[Nonce((1 << 63) - 1), Nonce(1 << 63)], ..DUEL };

/// Numbers that are one apart and too large for a floating point to tell.
pub(super) const LARGE_NUMBERS: Bounds = Bounds { nonces: &[Nonce(1 << 53), Nonce((1 << 53) + 1)], ..DUEL };

/// Numbers of one and of two digits.
pub(super) const SHORT_NUMBERS: Bounds = Bounds { nonces: &[Nonce(9), Nonce(10)], ..DUEL };

/// Each end knows its own identity, and takes something for that of the other.
pub(super) const IDENTITIES: Bounds = Bounds { nonces: &[Nonce(1), Nonce(3)], ..DUEL };

/// Roles were given from outside: one dials, the other listens.
pub(super) const GIVEN: Bounds = Bounds { kinds: &[(Kind::Plain, Kind::Listener)], nonces: &[Nonce(1)], ..DUEL };

/// The payload follows the proposal at once.
pub(super) const LAZY: Bounds =
    Bounds { kinds: &[(Kind::Lazy, Kind::Listener)], protocols: &[(&[A], &[A])], capacities: &[[3, 3]], ..OTHERS };

/// A dialer with the extension meets one without it, which proposes something else first.
pub(super) const SECOND: Bounds = Bounds {
    kinds: &[(Kind::Simopen, Kind::Plain)],
    protocols: &[(&[A], &[B, A])],
    capacities: &[[1, 1], [3, 3]],
    ..OTHERS
};

/// A listener meets a hostile peer that says anything.
pub(super) const LISTENER: Bounds = Bounds { kinds: &[(Kind::Listener, Kind::Hostile)], ..HOSTILE };

/// What makes a dialer go on.
const FEW_TOKENS: &[Token] = &[
    Token::Header,
    Token::Simopen,
    Token::Na,
    Token::Protocol(A),
    Token::Select(Nonce(0)),
    Token::Select(Nonce(2)),
    Token::Role(Role::Initiator),
    Token::Role(Role::Responder),
];

/// The same with fewer words and no disturbance, for designs that listen for longer than they should.
pub(super) const HOSTILE_SUBSET: Bounds =
    Bounds { protocols: &[(&[A], &[])], capacities: &[[0, 0]], tokens: FEW_TOKENS, disturbed: false, ..HOSTILE };
