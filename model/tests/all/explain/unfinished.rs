//! Logs that stop before the run has come to rest.

use model::checker::explain::LogError;

use super::documented::LOG;
use super::{explain, explained};

/// The documented log without its last line: the subscriber is still to hear that the session has ended.
#[test]
fn what_is_owed_at_the_end_of_a_log_is_said() {
    assert_eq!(explained(LOG.join("\n")).owed, [], "the documented run has come to rest");
    let stopped = explained(LOG[..LOG.len() - 1].join("\n"));
    assert!(stopped.is_behaviour(), "what is owed may still come: {stopped:?}");
    let owed: Vec<&str> = stopped.owed.iter().map(|owed| owed.id).collect();
    assert_eq!(owed, ["PEER-21"]);
}

/// A writer that is stopped within its last line takes nothing from the lines before.
#[test]
fn a_torn_last_line_is_an_answer_about_the_lines_before_it() {
    let log = LOG.join("\n");
    let last = LOG.last().expect("there are lines").len();
    for kept in 1..last {
        let torn = explained(&log[..log.len() - last + kept]);
        assert_eq!((torn.steps, torn.torn), (LOG.len() - 2, Some(LOG.len())), "{kept} bytes of the last line");
        assert!(torn.is_behaviour());
    }
    let ended = format!("{}\n", &log[..log.len() - 1]);
    assert!(matches!(explain(ended), Err(LogError::Syntax { .. })), "a line that ends is no torn one");
}
