//! One life of one session as a log, and what is said of it when a line is missing, in the wrong place, or twice.

use model::checker::explain::{Possible, Rejection};

use super::explained;

/// Line by line: somebody comes and goes, and the selector hears of both.
pub(super) const LOG: [&str; 9] = [
    r#"{"protocol":"lifecycle","total":2,"pending":2,"capacity":3,"duplicates":"keep_new","subscribers":1}"#,
    r#"{"action":{"open":{"session":0}},"observation":{"accepted":[{"opened":0}]}}"#,
    r#"{"action":{"handshake_done":{"session":0,"key":7}},"observation":{"accepted":[{"handshake_done":[0,7]}]}}"#,
    r#"{"action":{"announce":{"session":0}},"observation":{"accepted":[{"announced":0},{"registered":0}]}}"#,
    r#"{"action":{"receive":{"subscriber":0}},"observation":{"accepted":[{"heard":[0,{"up":0}]}]}}"#,
    r#"{"action":{"disconnect":{"session":0}},"observation":{"accepted":[{"disconnecting":0}]}}"#,
    r#"{"action":{"end":{"session":0}},"observation":{"accepted":[{"ended":0},{"removed":0}]}}"#,
    r#"{"action":{"close":{"session":0}},"observation":{"accepted":[{"closed":0}]}}"#,
    r#"{"action":{"receive":{"subscriber":0}},"observation":{"accepted":[{"heard":[0,{"down":0}]}]}}"#,
];

fn rejection(lines: &[&str]) -> Rejection {
    explained(lines.join("\n")).rejection.expect("the log is no behaviour of the model")
}

/// The one state that the model could be in.
fn possible(rejection: &Rejection) -> &Possible {
    let [possible] = rejection.possible.as_slice() else { panic!("{rejection:#?}") };
    possible
}

fn has(words: &[String], word: &str) -> bool {
    words.iter().any(|known| known == word)
}

#[test]
fn the_log_is_accepted() {
    let explanation = explained(LOG.join("\n"));
    assert_eq!((explanation.runs, explanation.steps, explanation.is_behaviour()), (1, 8, true));
}

#[test]
fn a_missing_handshake_is_missed_where_the_session_is_announced() {
    let rejection = rejection(&[LOG[0], LOG[1], LOG[3], LOG[4]]);
    assert_eq!((rejection.line, rejection.explained), (3, 1));
    assert_eq!(rejection.recorded.action, "session 0 has itself announced");
    assert_eq!(rejection.before, ["session 0 opens"]);
    let possible = possible(&rejection);
    assert_eq!(possible.instead, ["refused: the session is at another point of its life"]);
    assert!(has(&possible.state, "session 0 shakes hands"), "{possible:#?}");
    assert!(has(&possible.allowed, "handshake of session 0 completes with key 0"), "{possible:#?}");
    assert!(!has(&possible.allowed, "session 0 has itself announced"), "{possible:#?}");
}

#[test]
fn an_event_that_is_heard_before_it_happens_is_rejected_there() {
    let rejection = rejection(&[LOG[0], LOG[1], LOG[2], LOG[4], LOG[3]]);
    assert_eq!((rejection.line, rejection.explained), (4, 2));
    assert_eq!(rejection.recorded.observed.as_deref(), Some(&["selector hears Up of session 0".to_owned()][..]));
    let possible = possible(&rejection);
    assert_eq!(possible.instead, ["refused: the queue is empty"]);
    assert!(has(&possible.state, "session 0 is with key 7 and waits to be announced"), "{possible:#?}");
    assert!(has(&possible.allowed, "session 0 has itself announced"), "{possible:#?}");
}

#[test]
fn an_end_that_comes_twice_is_rejected_the_second_time() {
    let rejection = rejection(&[LOG[0], LOG[1], LOG[2], LOG[3], LOG[4], LOG[5], LOG[6], LOG[6], LOG[8]]);
    assert_eq!((rejection.line, rejection.explained), (8, 6));
    assert_eq!(rejection.before.len(), 6, "the steps before it are shown");
    let possible = possible(&rejection);
    assert_eq!(possible.instead, ["refused: the session is at another point of its life"]);
    assert!(has(&possible.state, "for selector is queued: Down of session 0"), "{possible:#?}");
    assert!(has(&possible.allowed, "selector receives"), "{possible:#?}");
    assert!(has(&possible.allowed, "session 1 opens"), "{possible:#?}");
    assert!(!has(&possible.allowed, "guard of session 0 runs"), "{possible:#?}");
}

#[test]
fn another_observation_of_the_same_action_is_rejected() {
    let wrong = LOG[8].replace("down", "up");
    let rejection = rejection(&[LOG[0], LOG[1], LOG[2], LOG[3], LOG[4], LOG[5], LOG[6], &wrong]);
    assert_eq!(rejection.line, 8);
    assert_eq!(possible(&rejection).instead, ["selector hears Down of session 0"]);
}

#[test]
fn a_refusal_that_was_recorded_must_be_one_of_the_model() {
    let refused = r#"{"action":{"receive":{"subscriber":0}},"observation":{"refused":"empty"}}"#;
    assert_eq!(explained([LOG[0], refused].join("\n")).steps, 1);
    let wrong = r#"{"action":{"open":{"session":0}},"observation":{"refused":"not_next"}}"#;
    assert_eq!(rejection(&[LOG[0], wrong]).line, 2);
    let unrecorded = r#"{"action":{"receive":{"subscriber":0}}}"#;
    assert_eq!(rejection(&[LOG[0], unrecorded]).line, 2, "what was done was not refused");
}

#[test]
fn only_the_run_in_which_it_happens_is_rejected() {
    let rejection = rejection(&[&LOG[..], &["", LOG[0], LOG[1], LOG[1]]].concat());
    assert_eq!((rejection.line, rejection.explained), (13, 1));
}

/// The document of the protocol shows a log; it is one.
#[test]
fn the_log_in_the_document_is_accepted() {
    let document = include_str!("../../../../specs/lifecycle.md");
    let blocks = document.split("```text\n").skip(1).filter_map(|block| block.split("```").next());
    let logs: Vec<&str> = blocks.filter(|block| block.starts_with("{\"protocol\"")).collect();
    assert!(!logs.is_empty(), "the document shows no log");
    for log in logs {
        let explanation = explained(log);
        assert_eq!((explanation.rejection, explanation.steps), (None, log.lines().count() - 1), "{log}");
    }
}

/// The states are not copied for each line, and those before the rejected one are shown all the same.
#[test]
fn a_rejection_late_in_a_long_log_shows_the_state_before_it() {
    const SESSIONS: usize = 100;
    let mut log = LOG[0].to_owned();
    for session in 0..SESSIONS {
        for action in [
            format!(r#"{{"open":{{"session":{session}}}}}"#),
            format!(r#"{{"handshake_done":{{"session":{session},"key":7}}}}"#),
            format!(r#"{{"announce":{{"session":{session}}}}}"#),
            r#"{"receive":{"subscriber":0}}"#.to_owned(),
            format!(r#"{{"disconnect":{{"session":{session}}}}}"#),
            format!(r#"{{"end":{{"session":{session}}}}}"#),
            format!(r#"{{"close":{{"session":{session}}}}}"#),
            r#"{"receive":{"subscriber":0}}"#.to_owned(),
        ] {
            log.push_str(&format!("\n{{\"action\":{action}}}"));
        }
    }
    let explanation = explained(&log);
    assert_eq!((explanation.runs, explanation.steps, explanation.is_behaviour()), (1, 8 * SESSIONS, true));
    log.push_str("\n{\"action\":{\"end\":{\"session\":99}}}");
    let rejection = explained(&log).rejection.expect("it has ended before");
    assert_eq!((rejection.line, rejection.explained), (8 * SESSIONS + 2, 8 * SESSIONS));
    assert_eq!(rejection.before.last().map(String::as_str), Some("selector receives"));
    let possible = possible(&rejection);
    assert!(has(&possible.state, "100 sessions are over, the next is session 100"), "{possible:#?}");
    assert!(has(&possible.allowed, "session 100 opens"), "{possible:#?}");
}
