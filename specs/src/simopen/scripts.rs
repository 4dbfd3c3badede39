//! What an end says and hears when it succeeds, and how much at most.

use super::{End, EndpointConfig, History, Kind, Name, Nonce, Pair, Role, Token};

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

/// Whether what the end heard proves that it has this role and this protocol.
pub(super) fn proves(history: &History, end: End, role: Role, protocol: Name) -> bool {
    let EndpointConfig { kind, protocols } = history.pair.endpoint(end);
    let record = history.end(end);
    let (Some(nonce), Some(heard)) = (record.started, record.heard.strip_prefix(&[Token::Header])) else {
        return false;
    };
    match (kind, role) {
        (Kind::Simopen, Role::Initiator) => {
            let declined = heard.strip_prefix(&[Token::Na]);
            let selected = after_selection(heard, nonce, role);
            [declined, selected].into_iter().flatten().any(|rest| accepts(rest, protocols, protocol))
        }
        (Kind::Simopen, Role::Responder) => {
            after_selection(heard, nonce, role).is_some_and(|rest| proposes(rest, protocols, protocol))
        }
        (Kind::Plain | Kind::Lazy, Role::Initiator) => accepts(heard, protocols, protocol),
        (Kind::Listener, Role::Responder) => {
            let rest = heard.strip_prefix(&[Token::Simopen]).unwrap_or(heard);
            proposes(rest, protocols, protocol)
        }
        (Kind::Plain | Kind::Lazy, Role::Responder) | (Kind::Listener, Role::Initiator) => false,
        (Kind::Hostile | Kind::Reflector | Kind::Silent, Role::Initiator | Role::Responder) => false,
    }
}

/// What follows the selection of this role: the extension, at most one proposal, a number that decides so, the other role.
fn after_selection(heard: &[Token], nonce: Nonce, role: Role) -> Option<&[Token]> {
    let rest = heard.strip_prefix(&[Token::Simopen])?;
    let rest = match rest {
        [Token::Protocol(_), rest @ ..] => rest,
        // There may be none.
        rest => rest,
    };
    let [Token::Select(theirs), Token::Role(their_role), rest @ ..] = rest else { return None };
    let decided = match role {
        Role::Initiator => nonce > *theirs,
        Role::Responder => nonce < *theirs,
    };
    (decided && *their_role == role.opposite()).then_some(rest)
}

/// Every proposal before the last one is declined, and the last one is accepted.
fn accepts(heard: &[Token], protocols: &[Name], protocol: Name) -> bool {
    heard.split_last().is_some_and(|(last, declined)| {
        *last == Token::Protocol(protocol)
            && declined.iter().all(|token| *token == Token::Na)
            && protocols.get(declined.len()) == Some(&protocol)
    })
}

/// Proposals of which the last one alone is supported.
fn proposes(heard: &[Token], protocols: &[Name], protocol: Name) -> bool {
    let unsupported = |token: &Token| matches!(token, Token::Protocol(name) if !protocols.contains(name));
    heard.split_last().is_some_and(|(last, others)| {
        *last == Token::Protocol(protocol) && protocols.contains(&protocol) && others.iter().all(unsupported)
    })
}

/// Whether the end said exactly what an end says that gets this role and this protocol.
pub(super) fn is_script(history: &History, end: End, role: Role, protocol: Name) -> bool {
    let EndpointConfig { kind, protocols } = history.pair.endpoint(end);
    let record = history.end(end);
    let (Some(nonce), Some(said), Some(first)) =
        (record.started, record.said.strip_prefix(&[Token::Header]), protocols.first())
    else {
        return false;
    };
    let opening = [Token::Simopen, Token::Protocol(*first)];
    let selection = [Token::Select(nonce), Token::Role(role)];
    let after_opening = said.strip_prefix(&opening);
    let after_selection = after_opening.and_then(|rest| rest.strip_prefix(&selection));
    match (kind, role) {
        (Kind::Simopen, Role::Initiator) => {
            // Where the peer declined the extension the pipelined proposal counts; after a selection it does not.
            let declined = after_opening.is_some_and(|rest| proposed(rest, &protocols[1..], protocol, *first));
            after_selection.map_or(declined, |rest| proposed_some(rest, protocols, protocol))
        }
        (Kind::Simopen, Role::Responder) => after_selection.is_some_and(|rest| answered(rest, protocol)),
        (Kind::Plain | Kind::Lazy, Role::Initiator) => proposed_some(said, protocols, protocol),
        (Kind::Listener, Role::Responder) => answered(said, protocol),
        (Kind::Plain | Kind::Lazy, Role::Responder) | (Kind::Listener, Role::Initiator) => false,
        (Kind::Hostile | Kind::Reflector | Kind::Silent, Role::Initiator | Role::Responder) => false,
    }
}

/// Proposals in order, up to the one that was accepted; none if that one was proposed before.
fn proposed(said: &[Token], protocols: &[Name], protocol: Name, before: Name) -> bool {
    if said.is_empty() { protocol == before } else { proposed_some(said, protocols, protocol) }
}

fn proposed_some(said: &[Token], protocols: &[Name], protocol: Name) -> bool {
    let in_order = said.iter().enumerate().all(|(index, token)| {
        let expected = protocols.get(index).map(|name| Token::Protocol(*name));
        expected == Some(*token)
    });
    in_order && said.last() == Some(&Token::Protocol(protocol))
}

/// Proposals were declined, and then one was accepted.
fn answered(said: &[Token], protocol: Name) -> bool {
    said.split_last().is_some_and(|(last, declined)| {
        *last == Token::Protocol(protocol) && declined.iter().all(|token| *token == Token::Na)
    })
}
