//! Whatever a file holds, it is read to an answer: no panic, no search without end, no memory for a number that is large.

use core::fmt::Write;
use std::io::{self, BufReader, Read};

use super::{entry, explain, explained};

const HEADER: &str =
    r#"{"protocol":"lifecycle","total":2,"pending":2,"capacity":3,"duplicates":"keep_new","subscribers":2}"#;

/// The reason for which a log is refused.
fn refused(log: impl AsRef<[u8]>) -> String {
    explain(log).expect_err("this is no log").to_string()
}

#[track_caller]
fn refused_because(log: impl AsRef<[u8]>, reasons: &[&str]) {
    let refusal = refused(log);
    assert!(reasons.iter().all(|reason| refusal.contains(reason)), "{refusal}");
}

#[test]
fn an_empty_file_has_no_header() {
    for empty in ["", "\n\n  \n"] {
        refused_because(empty, &["empty", "no header"]);
    }
}

#[test]
fn garbage_is_refused_with_its_line() {
    refused_because("garbage", &["line 1", "not a step"]);
    refused_because(format!("{HEADER}\n{{\"action\":\n"), &["line 2"]);
    refused_because(format!("{HEADER}\n[1, 2]"), &["line 2"]);
    refused_because(format!("{HEADER}\n{}", "[".repeat(100_000)), &["line 2", "recursion"]);
    refused_because("5", &["line 1", "protocol"]);
}

#[test]
fn a_log_begins_with_a_header() {
    refused_because(r#"{"action":{"open":{"session":0}}}"#, &["line 1", "lifecycle", "begins with"]);
}

#[test]
fn a_header_is_of_the_protocol_that_was_asked_for() {
    refused_because(HEADER.replace("lifecycle", "framed"), &["line 1", "lifecycle", "framed"]);
    refused_because(r#"{"protocol":7}"#, &["line 1", "7"]);
    refused_because(r#"{"protocol":null}"#, &["line 1", "null"]);
}

#[test]
fn a_header_says_everything_and_nothing_impossible() {
    refused_because(r#"{"protocol":"lifecycle"}"#, &["line 1", "missing field"]);
    refused_because(HEADER.replace("keep_new", "keep_both"), &["line 1", "keep_both"]);
    refused_because(HEADER.replace("\"total\":2", "\"total\":-1"), &["line 1"]);
    refused_because(HEADER.replace("\"total\":2", "\"total\":4294967296"), &["line 1", "4294967296"]);
    refused_because(HEADER.replace("\"subscribers\":2", "\"subscribers\":256"), &["line 1", "256"]);
    // The last slot could never be announced.
    for capacity in [0, 1, 2] {
        let header = HEADER.replace("\"capacity\":3", &format!("\"capacity\":{capacity}"));
        refused_because(header, &["line 1", "no node can be configured like this"]);
    }
}

#[test]
fn an_action_is_one_of_the_alphabet() {
    refused_because(format!("{HEADER}\n{{\"action\":\"explode\"}}"), &["line 2", "explode"]);
    refused_because(format!("{HEADER}\n{{}}"), &["line 2", "action"]);
    refused_because(format!("{HEADER}\n{{\"action\":\"stall\",\"observation\":7}}"), &["line 2"]);
    refused_because(format!("{HEADER}\n{{\"action\":\"stall\",\"observation\":{{\"refused\":\"x\"}}}}"), &["line 2"]);
}

#[test]
fn numbers_beyond_their_type_are_no_numbers_of_the_protocol() {
    for (name, number) in [("session", "4294967296"), ("session", "-1"), ("session", "0.5"), ("session", "1e3")] {
        refused_because(format!("{HEADER}\n{{\"action\":{{\"open\":{{\"{name}\":{number}}}}}}}"), &["line 2"]);
    }
    refused_because(
        format!("{HEADER}\n{{\"action\":{{\"receive\":{{\"subscriber\":4294967296}}}}}}"),
        &["line 2", "4294967296"],
    );
}

#[test]
fn text_is_utf8() {
    refused_because([HEADER.as_bytes(), b"\n\xff\xfe\n"].concat(), &["line 2", "utf-8"]);
}

/// Nothing keeps the sender of a line from never ending it.
#[test]
fn a_line_without_end_is_not_read_to_its_end() {
    let endless = HEADER.as_bytes().chain(&b"\n"[..]).chain(io::repeat(b' '));
    let refusal = (entry().explain)(&mut BufReader::new(endless)).expect_err("the line is too long");
    assert!(refusal.to_string().contains("line 2 is longer than 1048576 bytes"), "{refusal}");
}

#[test]
fn a_file_that_cannot_be_read_says_where_it_broke_off() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }
    let broken = (HEADER.as_bytes()).chain(&b"\n"[..]).chain(Broken);
    let refusal = (entry().explain)(&mut BufReader::new(broken)).expect_err("it cannot be read");
    assert_eq!(refusal.to_string(), "line 2 cannot be read: the disk is gone");
}

/// Every action that names somebody, with the largest number of each.
const FAR: [&str; 14] = [
    r#"{"open":{"session":4294967295}}"#,
    r#"{"handshake_done":{"session":4294967295,"key":4294967295}}"#,
    r#"{"announce":{"session":4294967295}}"#,
    r#"{"disconnect":{"session":4294967295}}"#,
    r#"{"expire":{"session":4294967295}}"#,
    r#"{"end":{"session":4294967295}}"#,
    r#"{"abort":{"session":4294967295}}"#,
    r#"{"peer_ahead":{"session":4294967295}}"#,
    r#"{"notify_selector":{"session":4294967295}}"#,
    r#"{"evict":{"subscriber":255}}"#,
    r#"{"unsubscribe":{"subscriber":255}}"#,
    r#"{"receive":{"subscriber":255}}"#,
    r#"{"unban":{"key":4294967295}}"#,
    r#""finish""#,
];

#[test]
fn whoever_is_not_there_is_refused_however_large_the_number() {
    for action in FAR {
        let rejection = explained(format!("{HEADER}\n{{\"action\":{action}}}")).rejection;
        let rejection = rejection.unwrap_or_else(|| panic!("{action} is allowed"));
        assert!(rejection.possible[0].instead[0].starts_with("refused: "), "{action}: {rejection:?}");
    }
}

/// A key is a number that whoever writes the log chooses; a table with a place for each would take gigabytes.
#[test]
fn a_key_may_be_any_number() {
    let mut log = String::from(HEADER);
    for (session, key) in [(0, u32::MAX), (1, u32::MAX - 1)] {
        write!(log, "\n{{\"action\":{{\"open\":{{\"session\":{session}}}}}}}").expect("a string takes everything");
        write!(log, "\n{{\"action\":{{\"handshake_done\":{{\"session\":{session},\"key\":{key}}}}}}}")
            .expect("likewise");
    }
    log.push_str("\n{\"action\":{\"ban\":{\"key\":4294967295}},\"observation\":");
    log.push_str("{\"accepted\":[{\"banned\":4294967295},{\"disconnecting\":0}]}}");
    log.push_str("\n{\"action\":{\"announce\":{\"session\":1}}}");
    let explanation = explained(&log);
    assert_eq!((explanation.steps, &explanation.rejection), (6, &None));
    let summary =
        &explained(format!("{log}\n{{\"action\":\"stall\"}}")).rejection.expect("nobody is active").possible[0];
    assert!(summary.state.iter().any(|line| line == "key 4294967295 is banned"), "{summary:?}");
    assert!(summary.allowed.iter().any(|action| action == "ban of key 4294967295 is lifted"), "{summary:?}");
}

#[test]
fn a_subscriber_may_be_any_number() {
    let subscribe = r#"{"action":{"subscribe":{"subscriber":255}}}"#;
    let explanation = explained(format!("{HEADER}\n{subscribe}\n{subscribe}"));
    let rejection = explanation.rejection.expect("it is subscribed already");
    assert_eq!((explanation.steps, rejection.line), (1, 3));
    let allowed = &rejection.possible[0].allowed;
    assert!(allowed.iter().any(|action| action == "subscriber 255 is dropped"), "{allowed:?}");
}

/// What would have been allowed is asked for once, and the answer is about as long as there are sessions, not their
/// square.
#[test]
fn a_rejection_among_thousands_of_sessions_is_answered() {
    const SESSIONS: usize = 2_000;
    let mut log =
        HEADER.replace("\"total\":2,\"pending\":2,\"capacity\":3", "\"total\":5000,\"pending\":5000,\"capacity\":6000");
    for session in 0..SESSIONS {
        let open = format!("{{\"action\":{{\"open\":{{\"session\":{session}}}}}}}");
        let greet = format!("{{\"action\":{{\"handshake_done\":{{\"session\":{session},\"key\":{session}}}}}}}");
        write!(log, "\n{open}\n{greet}").expect("a string takes everything");
    }
    let explanation = explained(format!("{log}\n{{\"action\":\"stall\"}}"));
    assert_eq!(explanation.steps, 2 * SESSIONS);
    let allowed = explanation.rejection.expect("nobody is active").possible[0].allowed.len();
    assert!((3 * SESSIONS..10 * SESSIONS).contains(&allowed), "{allowed}");
}

/// A header that says that there is more than can be told apart is none; and nothing that a line names takes a place for
/// each number below it.
#[test]
fn a_log_of_ownership_is_bounded_by_what_the_rules_tell_apart() {
    let explain = |log: &str| {
        let entry = model::registry::find("ownership").expect("it is there");
        (entry.explain)(&mut log.as_bytes())
    };
    let lines = r#"{"action":{"open":{"thread":0,"incarnation":0}}}
{"action":{"poll":{"thread":1}}}"#;
    for many in [65, 1025, 65_535] {
        for header in [
            format!(r#"{{"protocol":"ownership","threads":{many},"numbers":255}}"#),
            format!(r#"{{"protocol":"ownership","pool":{{"threads":{many},"numbers":255,"room":255}}}}"#),
        ] {
            let refusal = explain(&format!("{header}\n{lines}")).expect_err("there are too many").to_string();
            assert!(refusal.contains("line 1"), "{refusal}");
        }
    }
    for header in [
        r#"{"protocol":"ownership","threads":64,"numbers":255}"#,
        r#"{"protocol":"ownership","pool":{"threads":64,"numbers":255,"room":255}}"#,
    ] {
        let rejection = explain(&format!("{header}\n{lines}")).expect("it can be read").rejection;
        assert_eq!(rejection.map(|rejection| rejection.line), Some(3), "{header}");
        for far in [
            r#"{"open":{"thread":64,"incarnation":0}}"#,
            r#"{"poll":{"thread":65535}}"#,
            r#"{"arrive":{"incarnation":4294967295}}"#,
            r#"{"open":{"thread":0,"incarnation":4294967295}}"#,
        ] {
            let rejection = explain(&format!("{header}\n{{\"action\":{far}}}")).expect("it can be read").rejection;
            let rejection = rejection.unwrap_or_else(|| panic!("{far} is allowed"));
            assert!(rejection.possible[0].instead[0].starts_with("refused: "), "{far}: {rejection:?}");
        }
    }
    let pool = r#"{"protocol":"ownership","pool":{"threads":64,"numbers":255,"room":255}}"#;
    for far in [r#"{"ring":{"incarnation":4294967295}}"#, r#"{"age":{"incarnation":4294967295}}"#] {
        let rejection = explain(&format!("{pool}\n{{\"action\":{far}}}")).expect("it can be read").rejection;
        assert!(rejection.is_some(), "{far} is allowed");
    }
}
