//! Graphviz: quoting and nesting by our own scanner, and the whole by Graphviz itself where it is installed.

use std::io::Write;
use std::process::{Command, Stdio};

use model::checker::format::dot;

use super::{awkward, circle, shapes, standstill};

/// What is wrong with the quotes and brackets of a graph.
fn fault(graph: &str) -> Option<String> {
    let mut open = Vec::new();
    let mut letters = graph.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => loop {
                match letters.next() {
                    Some('\\') => drop(letters.next()),
                    Some('"') => break,
                    Some('\n') => return Some("a line ends within quotes".to_owned()),
                    Some(_) => {}
                    None => return Some("the graph ends within quotes".to_owned()),
                }
            },
            '{' | '[' => open.push(letter),
            '}' | ']' if open.pop() != Some(if letter == '}' { '{' } else { '[' }) => {
                return Some(format!("{letter} closes nothing"));
            }
            _ => {}
        }
    }
    open.pop().map(|letter| format!("{letter} is not closed"))
}

#[test]
fn quotes_and_brackets_are_balanced() {
    for trace in shapes().into_iter().chain([awkward(3), awkward(0)]) {
        let graph = dot(&trace);
        assert_eq!(fault(&graph), None, "{graph}");
        let edges = graph.lines().filter(|line| line.starts_with("    s") && line.contains(" -> s"));
        assert_eq!(edges.count(), trace.steps.len() + usize::from(trace.repeats_from.is_some()), "{graph}");
    }
}

#[test]
fn a_circle_leads_back_to_where_it_began() {
    let trace = circle();
    let (last, from) = (trace.steps.len(), trace.repeats_from.expect("it repeats"));
    assert!(dot(&trace).contains(&format!(" s{last} -> s{from} ")));
    let end = standstill().steps.len();
    assert!(dot(&standstill()).contains(&format!(" s{end} -> s{end} ")));
}

#[test]
fn a_graph_that_is_not_balanced_is_found() {
    for graph in ["digraph {", "digraph { a [label=\"x] }", "digraph { a ] }", "digraph { a [label=\"x\ny\"] }", "}"] {
        assert!(fault(graph).is_some(), "{graph}");
    }
    assert_eq!(fault("digraph { a [label=\"} \\\" ]\"] }"), None);
}

/// Whether Graphviz draws the graph; none if it is not installed.
fn graphviz_accepts(graph: &str) -> Option<bool> {
    let mut command = Command::new("dot");
    let command = command.arg("-Tcanon").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut graphviz = command.spawn().ok()?;
    // A graph that is refused may be refused before all of it is read.
    let written = graphviz.stdin.take().expect("it is piped").write_all(graph.as_bytes());
    let status = graphviz.wait().expect("it was started");
    Some(status.success() && written.is_ok())
}

#[test]
fn graphviz_draws_it() {
    let Some(accepts_nonsense) = graphviz_accepts("digraph { a [label=\"x] }") else {
        assert!(std::env::var_os("HANDFAST_REQUIRE_ALL").is_none(), "`dot` is not installed");
        println!("skipped: `dot` is not installed");
        return;
    };
    assert!(!accepts_nonsense, "what is no graph is refused");
    for trace in shapes().into_iter().chain([awkward(3), awkward(0)]) {
        let graph = dot(&trace);
        assert_eq!(graphviz_accepts(&graph), Some(true), "{graph}");
    }
}

/// A long behaviour stands in columns: what Graphviz lays out is no longer than a screen is high.
#[test]
fn a_long_behaviour_fits_a_screen() {
    const INCHES: f64 = 11.0;
    let Some(layout) = graphviz_plain(&dot(&super::finite_of(24))) else {
        assert!(std::env::var_os("HANDFAST_REQUIRE_ALL").is_none(), "`dot` is not installed");
        println!("skipped: `dot` is not installed");
        return;
    };
    let height: f64 = layout.split_whitespace().nth(3).and_then(|word| word.parse().ok()).expect("a height");
    assert!(height < INCHES, "{height} inches");
}

/// What Graphviz lays out, of which the first line is `graph SCALE WIDTH HEIGHT`.
fn graphviz_plain(graph: &str) -> Option<String> {
    let mut command = Command::new("dot");
    let command = command.arg("-Tplain").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut graphviz = command.spawn().ok()?;
    graphviz.stdin.take().expect("it is piped").write_all(graph.as_bytes()).expect("it reads");
    let output = graphviz.wait_with_output().expect("it was started");
    String::from_utf8(output.stdout).ok()
}
