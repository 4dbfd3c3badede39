//! What two drivers do in random runs is a behaviour of the model, and what was tampered with is not.

use conformance::dice::Dice;
use conformance::failure;
use conformance::framed::random_run;
use conformance::paused;
use model::checker::explain::{Explanation, explain};
use model::framed::handfast::Handfast;

const RUNS: u64 = 3_000;

fn log(seed: u64) -> String {
    paused::runtime().block_on(random_run(seed))
}

fn judge(log: &str) -> Explanation {
    explain::<Handfast>(&mut log.as_bytes()).expect("what is recorded can be read")
}

fn is_fine(explanation: &Explanation) -> bool {
    explanation.rejection.is_none() && explanation.violated.is_empty()
}

#[test]
fn every_random_run_is_a_behaviour_of_the_model() {
    let mut steps = 0;
    let mut seen = std::collections::BTreeMap::<&str, usize>::new();
    for seed in 0..RUNS {
        let log = log(seed);
        let explanation = judge(&log);
        if !is_fine(&explanation) {
            let saved = failure::save(env!("CARGO_TARGET_TMPDIR"), &format!("framed-random-{seed}"), "framed", &log);
            panic!("seed {seed}: {explanation:#?}\n{}", saved.expect("the directory can be written to").told);
        }
        steps += explanation.steps;
        for word in WORDS {
            *seen.entry(word).or_default() += usize::from(log.contains(word));
        }
    }
    println!("{RUNS} runs, {steps} steps; runs in which something was told: {seen:?}");
    assert!(seen.values().all(|runs| *runs >= 10), "nothing holds for want of anything happening: {seen:?}");
}

/// What must be told in some of the runs.
const WORDS: [&str; 16] = [
    "\"clean\"",
    "\"unconfirmed\"",
    "\"unacknowledged\"",
    "\"deadline_exceeded\"",
    "\"peer_gone\"",
    "\"marker\"]",
    "\"without_marker\"",
    "\"truncated\"",
    "\"reset\"]",
    "\"deadline\"]",
    "\"discarded\"",
    "\"read_ahead\"",
    "{\"left\":",
    "\"abandoned\"",
    "\"refused\":\"broken\"",
    "\"refused\":\"shut_down\"",
];

/// The same run gives the same log.
#[test]
fn a_run_can_be_repeated() {
    assert_eq!(log(7), log(7));
}

/// A check that cannot fail is worthless: whatever is left out, told twice or told otherwise is noticed.
#[test]
fn a_log_that_was_tampered_with_is_rejected() {
    let mut dice = Dice::new(1);
    let mut rejected = [0; 4];
    for seed in 0..600 {
        let log = log(seed);
        let lines: Vec<&str> = log.lines().collect();
        let tampered = [
            without(&lines, &mut dice, |line| line.contains("\"begun\"")),
            twice(&lines, &mut dice, |line| line.contains("\"took\"") || line.contains("\"accepted\":[\"")),
            instead(&lines, "\"peer_gone\"", "\"clean\"").or_else(|| instead(&lines, "\"clean\"", "\"peer_gone\"")),
            instead(&lines, "\"truncated\"", "\"marker\"")
                .or_else(|| instead(&lines, "\"without_marker\"", "\"marker\"")),
        ];
        for (which, tampered) in tampered.into_iter().enumerate() {
            let Some(tampered) = tampered else { continue };
            assert!(!is_fine(&judge(&tampered)), "seed {seed}, {which}: accepted\n{tampered}");
            rejected[which] += 1;
        }
    }
    println!("rejected with a step left out, a step twice, another outcome, another end: {rejected:?}");
    assert!(rejected.iter().all(|count| *count >= 20), "{rejected:?}");
}

fn lines_where(lines: &[&str], is_meant: impl Fn(&str) -> bool) -> Vec<usize> {
    (1..lines.len()).filter(|&line| is_meant(lines[line])).collect()
}

fn joined<'l>(lines: impl IntoIterator<Item = &'l str>) -> String {
    lines.into_iter().flat_map(|line| [line, "\n"]).collect()
}

fn without(lines: &[&str], dice: &mut Dice, is_meant: impl Fn(&str) -> bool) -> Option<String> {
    let meant = lines_where(lines, is_meant);
    let left_out = *meant.get(dice.roll(meant.len().max(1)))?;
    Some(joined(lines.iter().copied().enumerate().filter(|(line, _)| *line != left_out).map(|(_, line)| line)))
}

fn twice(lines: &[&str], dice: &mut Dice, is_meant: impl Fn(&str) -> bool) -> Option<String> {
    let meant = lines_where(lines, is_meant);
    let doubled = *meant.get(dice.roll(meant.len().max(1)))?;
    let times = |line| if line == doubled { 2 } else { 1 };
    Some(joined(lines.iter().enumerate().flat_map(|(at, line)| std::iter::repeat_n(*line, times(at)))))
}

fn instead(lines: &[&str], word: &str, other: &str) -> Option<String> {
    let at = *lines_where(lines, |line| line.contains(word)).first()?;
    let line = lines[at].replacen(word, other, 1);
    Some(joined(lines.iter().enumerate().map(|(index, old)| if index == at { line.as_str() } else { old })))
}
