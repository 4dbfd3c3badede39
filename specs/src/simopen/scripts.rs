//! What an end says and hears when it succeeds, and how much at most.

use core::cmp::Ordering;

use super::{End, EndRecord, EndpointConfig, History, Kind, Name, Nonce, Pair, Role, Token};

/// How many messages the negotiation at this end says at most, and how many it hears at most.
pub(super) fn most(pair: &Pair, end: End) -> usize {
    let EndpointConfig { kind, protocols } = pair.endpoint(end);
    let answers = usize::from(pair.patience) + 1;
    match kind {
        // Header, extension, pipelined proposal, number, role; then proposals or answers.
        Kind::Simopen => 5 + protocols.len().max(answers),
        Kind::Plain | Kind::Lazy => 1 + protocols.len(),
        // Header, the answer to the extension, answers.
        Kind::Listener => 2 + answers,
        Kind::Hostile | Kind::Reflector | Kind::Silent => 0,
    }
}

/// What the messages that an end heard prove of its role and its protocol: all of it, if it is rightly settled.
pub(super) struct Proof {
    /// The header came first.
    pub(super) header: bool,
    /// The peer declined the extension or selected with this end; or this end does not ask.
    pub(super) opened: bool,
    /// If there was a selection, the numbers decide for this role.
    pub(super) decided: bool,
    /// If there was a selection, the peer took the other role.
    pub(super) opposite: bool,
    /// The last message proposes or accepts the protocol.
    pub(super) last: bool,
    /// Everything before the acceptance declined a proposal.
    pub(super) declined: bool,
    /// The protocol is the one that this end proposed last.
    pub(super) proposed: bool,
    /// Nothing before the proposal that this end accepts is supported.
    pub(super) first: bool,
    /// This end supports the protocol that it accepts.
    pub(super) supported: bool,
}

/// Returns what was proved to an end.
pub(super) fn proof(history: &History, end: End, role: Role, protocol: Name) -> Proof {
    let protocols = &history.pair.endpoint(end).protocols;
    let record = history.end(end);
    let after_header = record.heard.strip_prefix(&[Token::Header]);
    let (opening, answers) = opening(history.pair.kind(end), role, after_header.unwrap_or(&record.heard));
    let (last, before) = answers.split_last().map_or((None, answers), |(last, before)| (Some(*last), before));
    let nonce = record.started.unwrap_or_default();
    let (decided, opposite) = match opening {
        Opening::Selected(theirs, other) => (takes(nonce, theirs) == Some(role), other == role.opposite()),
        Opening::Unknown | Opening::Asked => (true, true),
    };
    let proposes = role == Role::Initiator;
    Proof {
        header: after_header.is_some(),
        opened: !matches!(opening, Opening::Unknown),
        decided,
        opposite,
        last: last == Some(Token::Protocol(protocol)),
        declined: !proposes || before.iter().all(|token| *token == Token::Na),
        proposed: !proposes || protocols.get(before.len()) == Some(&protocol),
        first: proposes || !before.iter().any(|token| accepts(protocols, *token)),
        supported: proposes || protocols.contains(&protocol),
    }
}

/// Whether what an end heard proves some role and some protocol.
pub(super) fn has_heard_all(history: &History, end: End) -> bool {
    let proves = |role, protocol| {
        let Proof { header, opened, decided, opposite, last, declined, proposed, first, supported } =
            proof(history, end, role, protocol);
        header && opened && decided && opposite && last && declined && proposed && first && supported
    };
    let protocols = &history.pair.endpoint(end).protocols;
    [Role::Initiator, Role::Responder].into_iter().any(|role| protocols.iter().any(|name| proves(role, *name)))
}

/// What came between the header and the first proposal or answer.
enum Opening {
    /// Nothing that leads to this role.
    Unknown,
    /// The role was known, or followed from an answer.
    Asked,
    /// The peer's number and its role.
    Selected(Nonce, Role),
}

/// Returns how the negotiation of an end with this role began, and the proposals or answers that it heard then.
fn opening(kind: Kind, role: Role, heard: &[Token]) -> (Opening, &[Token]) {
    match (kind, role, heard) {
        (Kind::Simopen, Role::Initiator, [Token::Na, rest @ ..]) => (Opening::Asked, rest),
        (Kind::Simopen, _, [Token::Simopen, rest @ ..]) => match rest {
            [Token::Select(theirs), Token::Role(other), rest @ ..]
            // The proposal that the peer pipelined may be missing.
            | [Token::Protocol(_), Token::Select(theirs), Token::Role(other), rest @ ..] => {
                (Opening::Selected(*theirs, *other), rest)
            }
            // Everything else is no selection.
            rest => (Opening::Unknown, rest),
        },
        (Kind::Plain | Kind::Lazy, Role::Initiator, rest) => (Opening::Asked, rest),
        (Kind::Listener, Role::Responder, rest) => {
            (Opening::Asked, rest.strip_prefix(&[Token::Simopen]).unwrap_or(rest))
        }
        // No end of this kind has this role.
        (_, _, rest) => (Opening::Unknown, rest),
    }
}

/// Returns the role of the end with the first of these numbers.
fn takes(ours: Nonce, theirs: Nonce) -> Option<Role> {
    match ours.cmp(&theirs) {
        Ordering::Less => Some(Role::Responder),
        Ordering::Equal => None,
        Ordering::Greater => Some(Role::Initiator),
    }
}

fn accepts(protocols: &[Name], token: Token) -> bool {
    matches!(token, Token::Protocol(name) if protocols.contains(&name))
}

/// Returns what an end heard while it waited for proposals, if it ever did; the offer of the extension is none.
pub(super) fn served(history: &History, end: End) -> Option<&[Token]> {
    let record = history.end(end);
    match (history.pair.kind(end), record.role()) {
        (Kind::Listener, _) => {
            let rest = record.heard.strip_prefix(&[Token::Header])?;
            Some(rest.strip_prefix(&[Token::Simopen]).unwrap_or(rest))
        }
        (Kind::Simopen, Some(Role::Responder)) => {
            let taken = record.heard.iter().position(|token| *token == Token::Role(Role::Initiator))?;
            Some(&record.heard[taken + 1..])
        }
        (Kind::Simopen | Kind::Plain | Kind::Lazy | Kind::Hostile | Kind::Reflector | Kind::Silent, _) => None,
    }
}

/// Whether an end said what an end says that gets this role and this protocol: exactly that, or the beginning of it if
/// the rest was not taken.
pub(super) fn is_script(history: &History, end: End, role: Role, protocol: Name) -> bool {
    let EndRecord { said, broken, .. } = history.end(end);
    scripts(history, end, role, protocol).iter().any(|script| said == script || *broken && script.starts_with(said))
}

/// Returns all that an end may say that gets this role and this protocol. None, if no end of its kind gets it.
fn scripts(history: &History, end: End, role: Role, protocol: Name) -> Vec<Vec<Token>> {
    let EndpointConfig { kind, protocols } = history.pair.endpoint(end);
    let EndRecord { started, said, .. } = history.end(end);
    let nonce = started.unwrap_or_default();
    let names = protocols.iter().copied().map(Token::Protocol);
    let proposed = protocols.iter().position(|name| *name == protocol).map(|index| names.clone().take(index + 1));
    let asks = [Token::Header, Token::Simopen].into_iter().chain(names.take(1));
    let selects = asks.clone().chain([Token::Select(nonce), Token::Role(role)]);
    let answers = |begin: Vec<Token>| {
        // Each proposal is declined but the last one.
        let declined = said.iter().skip(begin.len()).filter(|token| **token == Token::Na).count();
        [begin, vec![Token::Na; declined], vec![Token::Protocol(protocol)]].concat()
    };
    match (kind, role, proposed) {
        (Kind::Simopen, Role::Initiator, Some(proposed)) => {
            // Where the peer declined the extension the pipelined proposal counts; after a selection it does not.
            let declined = asks.chain(proposed.clone().skip(1)).collect();
            vec![declined, selects.chain(proposed).collect()]
        }
        (Kind::Plain | Kind::Lazy, Role::Initiator, Some(proposed)) => {
            vec![[Token::Header].into_iter().chain(proposed).collect()]
        }
        (Kind::Simopen, Role::Responder, _) => vec![answers(selects.collect())],
        (Kind::Listener, Role::Responder, _) => vec![answers(vec![Token::Header])],
        // An initiator settles on what it proposed, and no other end has these roles.
        (_, Role::Initiator | Role::Responder, _) => Vec::new(),
    }
}
