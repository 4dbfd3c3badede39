//! Numbered steps.

use model::checker::format::text;

use super::{awkward, circle, finite, shapes, standstill};

/// The numbers at the beginning of lines.
fn numbers(text: &str) -> Vec<usize> {
    let number = |line: &str| line.trim_start().split_once(". ").and_then(|(number, _)| number.parse().ok());
    text.lines().filter_map(number).collect()
}

#[test]
fn steps_are_numbered_from_one_and_none_is_missing() {
    for trace in shapes().into_iter().chain([awkward(120)]) {
        let text = text(&trace);
        assert_eq!(numbers(&text), (1..=trace.steps.len()).collect::<Vec<_>>(), "{text}");
        let plural = if trace.steps.len() == 1 { "" } else { "s" };
        assert!(text.contains(&format!("{} step{plural}\n", trace.steps.len())), "{text}");
    }
}

#[test]
fn every_action_every_fact_and_everybody_who_acts_is_named() {
    for trace in shapes() {
        let text = text(&trace);
        for step in &trace.steps {
            let mut words = step.told.iter().map(String::as_str).chain([step.actor.as_str(), step.deed()]);
            assert!(words.all(|words| text.contains(words)), "{step:?}\n{text}");
        }
    }
}

#[test]
fn columns_are_aligned() {
    let text = text(&finite());
    let dots: Vec<_> = text.lines().filter(|line| !numbers(line).is_empty()).map(|line| line.find(". ")).collect();
    assert!(dots.windows(2).all(|pair| pair[0] == pair[1]), "{text}");
}

#[test]
fn what_goes_on_for_ever_says_from_where() {
    let trace = circle();
    let from = trace.repeats_from.expect("it repeats");
    let text_of_circle = text(&trace);
    let (before, after) = text_of_circle.split_once("from here on for ever").expect("it says so");
    assert_eq!((numbers(before).len(), numbers(after).len()), (from, trace.steps.len() - from));
    assert!(text(&standstill()).contains("stays for ever"));
    assert!(!text(&finite()).contains("for ever"));
}

/// Where it starts, where it ends, who waits, what is violated and from which step on, and where the design comes from.
#[test]
fn what_a_stranger_asks_is_answered() {
    let text = text(&awkward(3));
    for heading in ["starts with", "ends with", "who waits for what", "source: ", "** ODD-1 is violated"] {
        assert_eq!(text.matches(heading).count(), 1, "{heading}\n{text}");
    }
    assert!(text.contains("in other behaviours this design violates ODD-2 too"), "{text}");
    let step = text.find("  3. ").expect("the third step is there");
    assert!(text.find("** ODD-1").is_some_and(|mark| mark > step), "{text}");
}

#[test]
fn one_step_is_one_step() {
    assert!(text(&awkward(1)).contains(" 1 step\n"));
    assert!(text(&awkward(2)).contains(" 2 steps\n"));
}
