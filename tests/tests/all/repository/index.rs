//! The index of the rules and the list of findings, held against the catalogue.

use std::collections::BTreeSet;

use model::checker::catalogue::{Entry, Kind, Variant};
use model::registry::ENTRIES;

use crate::repository::documents::{cells, section};
use crate::repository::ids::{mentioned, prefix};
use crate::repository::workspace::{File, below, file};
use crate::repository::{nothing, one_for_each};

const INDEX: &str = "specs/README.md";
const FINDINGS: &str = "specs/findings.md";

/// The rows of the tables under a heading, without their headers.
pub(crate) fn rows<'t>(text: &'t str, heading: &str) -> Vec<&'t str> {
    let is_row = |line: &&str| cells(line).is_some_and(|cells| !cells.iter().all(|cell| cell.starts_with("---")));
    section(text, heading).lines().filter(is_row).skip(1).collect()
}

/// Where the rows that are found differ from those that belong there, each once and in this order.
pub(crate) fn differences(path: &str, found: &[&str], expected: &[String]) -> Vec<String> {
    let extra = found.iter().filter(|row| !expected.iter().any(|expected| expected == *row));
    let extra = extra.map(|row| format!("{path}: strike out\n{row}"));
    let missing = expected.iter().filter(|row| !found.contains(&row.as_str()));
    let mut differences: Vec<String> = extra.chain(missing.map(|row| format!("{path}: write\n{row}"))).collect();
    if differences.is_empty() && !found.iter().eq(expected) {
        differences.push(format!("{path}: a row is there twice, or in another order than `list` prints"));
    }
    differences
}

/// The id of the rule that a protocol rests only where nobody waits, which is no predicate over a history.
fn deadlock(entry: &Entry) -> &'static str {
    let path = format!("specs/src/{}/invariants.rs", entry.name);
    let text = &file(&path).unwrap_or_else(|| panic!("{path} is missing")).text;
    let pair = text.split("DEADLOCK: (&str, &str) =").nth(1).unwrap_or_else(|| panic!("{path} has no DEADLOCK"));
    pair.split('"').nth(1).expect("the first of the pair is the id")
}

/// The rows of a protocol: id, title, kind, tiers, and how many designs break it.
fn index(entry: &Entry, simulated: &BTreeSet<String>) -> Vec<String> {
    let (rules, variants) = ((entry.rules)(), (entry.variants)());
    let kinds = [("invariant", &rules.invariants), ("goal", &rules.goals), ("witness", &rules.witnesses)];
    let all = kinds.into_iter().flat_map(|(kind, rules)| rules.iter().map(move |rule| (kind, rule)));
    let row = |(kind, rule): (&str, &model::checker::catalogue::Rule)| {
        let broken = variants.iter().filter(|variant| variant.violates.contains(&rule.id)).count();
        let tiers = tiers(entry, kind, rule.id, broken, simulated);
        let broken = if kind == "witness" { String::new() } else { broken.to_string() };
        format!("| {} | {} | {kind} | {tiers} | {broken} |", rule.id, rule.title)
    };
    all.map(row).collect()
}

/// The tiers at which something is held to a rule that so many designs break.
pub(crate) fn tiers(entry: &Entry, kind: &str, id: &str, broken: usize, simulated: &BTreeSet<String>) -> String {
    let is_predicate = kind == "invariant" && id != deadlock(entry);
    let tiers = [
        ("1", kind != "goal"),
        ("2", kind == "goal"),
        ("3", broken > 0),
        // Nodes have no core of their own, and their driver runs in worlds.
        ("4", is_predicate && entry.name != "node"),
        // The pool's driver is not stepped: its cores are.
        ("5", is_predicate && !["ownership", "node"].contains(&entry.name)),
        ("L", is_predicate || kind == "goal"),
        ("S", simulated.contains(id)),
    ];
    let tiers: Vec<&str> = tiers.into_iter().filter_map(|(tier, is)| is.then_some(tier)).collect();
    tiers.join(" ")
}

/// The rules that simulated worlds look at.
pub(crate) fn simulated(entry: &Entry) -> BTreeSet<String> {
    below("conformance/src/simulate").flat_map(|file| mentioned(&file.text, &prefix(entry))).collect()
}

/// How many rules and designs each protocol has, and all together.
fn counts() -> Vec<String> {
    let row = |name: &str, counts: [usize; 7]| {
        let counts: Vec<String> = counts.iter().map(ToString::to_string).collect();
        format!("| {name} | {} |", counts.join(" | "))
    };
    let mut sum = [0; 7];
    let mut rows = Vec::new();
    for entry in ENTRIES {
        let (rules, variants) = ((entry.rules)(), (entry.variants)());
        let of = |is: fn(Kind) -> bool| variants.iter().filter(|variant| is(variant.kind)).count();
        let counts = [
            rules.invariants.len(),
            rules.goals.len(),
            rules.witnesses.len(),
            of(Kind::is_historical),
            of(|kind| kind == Kind::Corrected),
            of(|kind| kind == Kind::Mutant),
            of(|kind| matches!(kind, Kind::Equivalent(_))),
        ];
        sum.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        rows.push(row(&format!("[{}]({0}.md)", entry.name), counts));
    }
    rows.push(row("all", sum));
    rows
}

#[test]
fn the_index_has_every_rule_once_with_its_title() {
    let text = &file(INDEX).expect("there is an index").text;
    for entry in ENTRIES {
        nothing(differences(INDEX, &rows(text, entry.name), &index(entry, &simulated(entry))));
    }
}

#[test]
fn the_index_counts_rules_and_designs() {
    nothing(differences(INDEX, &rows(&file(INDEX).expect("there is an index").text, "Counts"), &counts()));
}

#[test]
fn an_index_that_differs_is_found() {
    let entry = &ENTRIES[0];
    let expected = index(entry, &BTreeSet::from(["SIM-1".to_owned()]));
    assert!(expected[0].contains("| SIM-1 |") && expected[0].contains(" S | "), "{}", expected[0]);
    let good = format!("## simopen\n\n| id |\n|---|\n{}\n\n## next\n\n| a |\n|---|\n| b |\n", expected.join("\n"));
    nothing(differences("a.md", &rows(&good, "simopen"), &expected));
    let other = good.replace("SIM-1 | two ends", "SIM-1 | three ends");
    one_for_each(&differences("a.md", &rows(&other, "simopen"), &expected), &["strike out\n| SIM-1", "write\n| SIM-1"]);
    let twice = good.replace(&expected[1], &format!("{}\n{0}", expected[1]));
    one_for_each(&differences("a.md", &rows(&twice, "simopen"), &expected), &["twice"]);
    let stranger = good.replace(&expected[1], &format!("{}\n| MADE-1 |", expected[1]));
    one_for_each(&differences("a.md", &rows(&stranger, "simopen"), &expected), &["strike out\n| MADE-1"]);
}

// What was found in other systems.

/// What a list of findings shows with a command that shows something else, and files that it names and that are not there.
fn unshown(path: &str, text: &str, variants: &dyn Fn(&str) -> Option<Vec<Variant>>) -> Vec<String> {
    let mut found = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let words: Vec<&str> = line.split(['`', ' ', '(', ')', ',', ';']).collect();
        let after = |word: &str| words.iter().skip_while(|it| **it != word).nth(1).copied();
        if let (Some(protocol), Some(mutant), Some(id)) = (after("trace"), after("--mutant"), after("--violates")) {
            let variants = variants(protocol).unwrap_or_default();
            let shows = variants.iter().any(|variant| variant.name == mutant && variant.violates.contains(&id));
            if !shows {
                found.push(format!("{path}:{number}: `{mutant}` of {protocol} is not listed with {id}"));
            }
        }
        let named = words.iter().filter(|word| word.contains('/') && word.ends_with(".rs"));
        let missing = named.filter(|word| file(word).is_none());
        found.extend(missing.map(|word| format!("{path}:{number}: {word} is not there")));
    }
    found
}

fn listed(protocol: &str) -> Option<Vec<Variant>> {
    model::registry::find(protocol).map(|entry| (entry.variants)())
}

#[test]
fn every_finding_is_shown_by_what_it_names() {
    let File { path, text } = file(FINDINGS).expect("there is a list of findings");
    nothing(unshown(path, text, &listed));
    assert!(text.matches(" --violates ").count() > 0, "{FINDINGS} shows nothing");
}

#[test]
fn a_finding_that_nothing_shows_is_found() {
    let good = "`cargo run -p model -- trace lifecycle --mutant btcd-before --violates PEER-21`, `model/src/main.rs`\n";
    nothing(unshown("a.md", good, &listed));
    let bad = [good.replace("-before", "-never"), good.replace("PEER-21", "PEER-2"), good.replace("main.rs", "no.rs")];
    one_for_each(&unshown("a.md", &bad.concat(), &listed), &["a.md:1: ", "a.md:2: ", "a.md:3: model/src/no.rs"]);
}
