//! The storm of takeovers, shortly: it finds what it was made to find, and nothing else.
#![cfg(target_os = "linux")]

mod record;

use std::process::{Command, Output};

use crate::support::{LIMIT, finished, one_storm_at_a_time};

/// With a long patience: other tests run beside it.
fn storm(arguments: &[&str]) -> (Output, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_takeover-storm"));
    command.args(["--quiet", "--patience", "4000"]).args(arguments);
    let _storm = one_storm_at_a_time();
    let output = finished(&mut command, LIMIT, "a storm to end");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    println!("{text}");
    (output, text)
}

/// The row of a count in the summary.
#[track_caller]
fn count(text: &str, name: &str) -> u64 {
    let row = text.lines().find_map(|line| line.trim().strip_prefix(name)).expect("it is counted");
    row.trim().parse().expect("a count is a number")
}

#[track_caller]
fn stands(subject: &str) {
    let (output, text) = storm(&["--subject", subject, "--takeovers", "5000", "--seconds", "600"]);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("nothing found"));
    for name in ["responses", "taken over", "closed while idle"] {
        assert!(count(&text, name) > 0, "{name}: a storm without them is none");
    }
    assert_eq!(count(&text, "opened"), count(&text, "closed "));
}

/// OWN-1, OWN-2, OWN-3, OWN-6, on real sockets and pollers.
#[test]
fn the_word_stands() {
    stands("word");
}

/// OWN-1, OWN-3, with the kernel's own numbers.
#[test]
fn the_pool_stands() {
    stands("pool");
}

/// OWN-1 or OWN-3: two own a descriptor, or two close it. As a rule it takes a tenth of a second.
#[test]
fn the_masks_before_their_repair_are_found_out() {
    let (output, text) = storm(&["--subject", "before", "--seconds", "60"]);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("FOUND") && text.contains("OWN-"));
}

#[test]
fn wrong_arguments_are_refused() {
    for arguments in [&["--workers", "0"][..], &["--subject", "nothing"], &["--seconds", "-1"], &["--nonsense"]] {
        assert_eq!(storm(arguments).0.status.code(), Some(2), "{arguments:?}");
    }
    for arguments in [["--workers", "65"], ["--record", "nowhere"]] {
        let (output, text) = storm(&[&["--subject", "before"], &arguments[..]].concat());
        assert_eq!(output.status.code(), Some(2), "{text}");
    }
}
