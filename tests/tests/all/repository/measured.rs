//! The tables of what was measured: they say what the benchmarks printed last, which is kept beside them.

use std::collections::BTreeMap;
use std::env;
use std::fs;

use serde::Deserialize;

use crate::repository::workspace::{File, files, root};
use crate::repository::{nothing, one_for_each};

/// What `tests/bench/run.sh` keeps.
const MEASURED: &str = "tests/bench/measured.json";

/// The variable of the environment with which the tables are written in place of compared.
const WRITE: &str = "WRITE_DOCUMENTS";

const BEGIN: &str = "<!-- measured: ";
const END: &str = "<!-- end of what was measured -->";

/// What one benchmark printed.
#[derive(Deserialize)]
struct Run {
    command: String,
    commit: String,
    day: String,
    load: String,
    machine: String,
    times: Vec<Time>,
}

/// How long one contender takes.
#[derive(Deserialize)]
struct Time {
    group: String,
    name: String,
    variant: Option<String>,
    ns: f64,
}

impl Time {
    /// What is done, without the protocol.
    fn what(&self) -> String {
        let group = self.group.split_once('/').map_or(self.group.as_str(), |(_, group)| group);
        self.variant.iter().fold(group.to_owned(), |group, variant| format!("{group}, {variant}"))
    }
}

/// A time with three digits.
fn time(ns: f64) -> String {
    let (number, unit) = match ns {
        ns if ns < 1e3 => (ns, "ns"),
        ns if ns < 1e6 => (ns / 1e3, "µs"),
        ns => (ns / 1e6, "ms"),
    };
    match number {
        number if number < 10.0 => format!("{number:.2} {unit}"),
        number if number < 100.0 => format!("{number:.1} {unit}"),
        number => format!("{number:.0} {unit}"),
    }
}

/// Each value once, in the order in which it comes first.
fn distinct<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut found = Vec::new();
    for value in values {
        if !found.contains(&value) {
            found.push(value);
        }
    }
    found
}

/// The table of a run: the time of handfast's first contender, and how often it goes into each other one's.
fn table(run: &Run) -> String {
    let mut names = distinct(run.times.iter().map(|time| time.name.as_str()));
    let base = names.iter().position(|name| name.starts_with("handfast")).expect("handfast is measured");
    let base = names.remove(base);
    let of = |what: &str, name: &str| run.times.iter().find(|time| time.what() == what && time.name == name);
    let mut lines = vec![
        format!(
            "`{}`, {} at {}, on {}, load {} before it began.",
            run.command, run.day, run.commit, run.machine, run.load
        ),
        String::new(),
        format!("| | {base} | {} |", names.iter().map(|name| format!("{name} / it")).collect::<Vec<_>>().join(" | ")),
        format!("|---|{}", "---|".repeat(names.len() + 1)),
    ];
    for what in distinct(run.times.iter().map(Time::what)) {
        let Some(ours) = of(&what, base) else { continue };
        let ratio = |name| of(&what, name).map_or(String::new(), |time| format!("{:.2}", time.ns / ours.ns));
        let ratios: Vec<String> = names.iter().map(|name| ratio(name)).collect();
        lines.push(format!("| {what} | {} | {} |", time(ours.ns), ratios.join(" | ")));
    }
    lines.join("\n")
}

/// A document with the tables of these runs in their places; and what is wrong with the places.
fn with_tables(document: &File, runs: &BTreeMap<String, Run>) -> (String, Vec<String>) {
    let (mut written, mut rest, mut found) = (String::new(), document.text.as_str(), Vec::new());
    while let Some((before, after)) = rest.split_once(BEGIN) {
        let place = after.split_once(" -->\n").and_then(|(name, after)| Some((name, after.split_once(END)?.1)));
        let Some((name, after)) = place else {
            found.push(format!("{}: a table of what was measured has no end", document.path));
            break;
        };
        let Some(run) = runs.get(name) else {
            found.push(format!("{}: {name} was not measured: tests/bench/run.sh {name}", document.path));
            break;
        };
        written.extend([before, BEGIN, name, " -->\n\n", &table(run), "\n\n", END]);
        rest = after;
    }
    written.push_str(rest);
    (written, found)
}

#[test]
fn the_tables_say_what_was_measured() {
    let kept = fs::read_to_string(root().join(MEASURED)).expect("it is kept");
    let runs: BTreeMap<String, Run> = serde_json::from_str(&kept).expect("tests/bench/run.sh has written it");
    let mut found = Vec::new();
    let mut shown = Vec::new();
    for document in files().iter().filter(|file| file.path.ends_with(".md")) {
        let (written, wrong) = with_tables(document, &runs);
        found.extend(wrong);
        shown.extend(runs.keys().filter(|name| document.text.contains(&format!("{BEGIN}{name} -->"))));
        if written == document.text {
            continue;
        }
        if env::var_os(WRITE).is_some() {
            fs::write(root().join(&document.path), written).expect("documents can be written");
        } else {
            found.push(format!(
                "{}: a table says something else than {MEASURED}: `{WRITE}=1 cargo test -p tests --test all \
                 repository::measured` writes it",
                document.path
            ));
        }
    }
    let unshown = runs.keys().filter(|name| !shown.contains(name));
    found.extend(unshown.map(|name| format!("{MEASURED}: no document has a table of {name}")));
    nothing(found);
}

#[test]
fn a_table_of_something_else_is_found() {
    let time = |group: &str, name: &str, ns| Time { group: group.to_owned(), name: name.to_owned(), variant: None, ns };
    let run = Run {
        command: "cargo bench".to_owned(),
        commit: "0000000".to_owned(),
        day: "2026-01-01".to_owned(),
        load: "0.00".to_owned(),
        machine: "1 x Processor".to_owned(),
        times: vec![
            time("made/one", "rival", 300.0),
            time("made/one", "handfast", 200.0),
            time("made/two", "handfast", 1234.0),
            time("made/alone", "rival", 1.0),
        ],
    };
    let expected = "`cargo bench`, 2026-01-01 at 0000000, on 1 x Processor, load 0.00 before it began.\n\n\
        | | handfast | rival / it |\n|---|---|---|\n| one | 200 ns | 1.50 |\n| two | 1.23 µs |  |";
    assert_eq!(table(&run), expected);
    let runs = BTreeMap::from([("made".to_owned(), run)]);
    let text = |name: &str, table: &str, end: &str| {
        File::made_up("a.md", &format!("Before.\n\n{BEGIN}{name} -->\n\n{table}\n\n{end}\n\nBehind.\n"))
    };
    let right = text("made", expected, END);
    let (written, wrong) = with_tables(&right, &runs);
    assert_eq!(written, right.text);
    nothing(wrong);
    let (written, wrong) = with_tables(&text("made", "| old |", END), &runs);
    assert_eq!(written, right.text);
    nothing(wrong);
    one_for_each(&with_tables(&text("made", expected, ""), &runs).1, &["has no end"]);
    one_for_each(&with_tables(&text("other", expected, END), &runs).1, &["other was not measured"]);
}
