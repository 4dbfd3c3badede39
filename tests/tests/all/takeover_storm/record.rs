//! What a storm's words went through is a behaviour of the model, and a log that was tampered with is not.

use std::fs;

use model::checker::explain::Explanation;
use model::registry::ENTRIES;

use crate::takeover_storm::{count, storm};

fn explain(log: &str) -> Explanation {
    let entry = ENTRIES.iter().find(|entry| entry.name == "ownership").expect("it is in the catalogue");
    (entry.explain)(&mut log.as_bytes()).expect("it is a log")
}

/// The log of a short storm.
fn recorded() -> String {
    let path = std::env::temp_dir().join(format!("takeover-storm-{}.ndjson", std::process::id()));
    let file = path.to_str().expect("it is text");
    let takeovers = ["--takeovers", "500", "--seconds", "600"];
    let (output, text) =
        storm(&[&["--subject", "word", "--workers", "6", "--record", file][..], &takeovers[..]].concat());
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(count(&text, "taken over") >= 500);
    let log = fs::read_to_string(&path).expect("it was written");
    fs::remove_file(&path).expect("it was written");
    log
}

/// OWN-1, OWN-3, OWN-4, OWN-5, OWN-6: every transition of every word, in its order.
#[test]
fn the_models_word_does_what_the_storms_words_did() {
    let log = recorded();
    let explanation = explain(&log);
    assert_eq!((&explanation.rejection, &explanation.violated), (&None, &Vec::new()));
    let takeovers = log.lines().filter(|line| line.contains("takeover")).count();
    println!("{} runs, {} steps, {takeovers} takeovers", explanation.runs, explanation.steps);
    assert_eq!(explanation.steps + explanation.runs, log.lines().count());
    assert!(explanation.runs > 1 && takeovers > 100);
    for (what, tamper) in TAMPERED {
        // Each of the first that there are: no log is accepted by chance.
        let lines: Vec<&str> = log.lines().take(2_000).collect();
        let places: Vec<usize> = (0..lines.len()).filter(|place| lines[*place].contains(what)).take(20).collect();
        assert!(!places.is_empty(), "there is no {what}");
        for place in places {
            let mut lines: Vec<String> = lines.iter().copied().map(str::to_owned).collect();
            tamper(&mut lines, place);
            let rejection = explain(&lines.join("\n")).rejection;
            assert!(rejection.is_some(), "{what} at line {}: nothing is noticed", place + 1);
        }
    }
}

/// Changes what is at a line of a log.
type Tamper = fn(&mut Vec<String>, usize);

const TAMPERED: [(&str, Tamper); 5] = [
    // Somebody is inside who has left, or the other way round.
    (r#""leave""#, |lines, place| drop(lines.remove(place))),
    (r#""leave""#, |lines, place| lines.insert(place, lines[place].clone())),
    // Two close one descriptor.
    (r#""wipe""#, |lines, place| lines.insert(place, lines[place].clone())),
    // Another worker has it than the one that goes on with it.
    (r#""takeover""#, |lines, place| lines[place] = lines[place].replace(r#""thread":"#, r#""thread":1"#)),
    // A slot is freed whose descriptor nobody deleted.
    (r#""delete_inside""#, |lines, place| drop(lines.remove(place))),
];
