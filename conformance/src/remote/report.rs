//! The report: a table for people, one document for programs, and the format that CI systems read.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Value, json};

use super::suite::{CaseResult, Report, Suite, Verdict};

impl Verdict {
    /// The verdict in a word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed { .. } => "FAILED",
            Self::Inapplicable(_) => "not applicable",
            Self::Incomplete(_) => "incomplete",
        }
    }

    fn why(&self) -> Option<&str> {
        match self {
            Self::Passed => None,
            Self::Failed { why, .. } | Self::Inapplicable(why) | Self::Incomplete(why) => Some(why),
        }
    }

    fn rules(&self) -> BTreeSet<String> {
        match self {
            Self::Failed { rules, .. } => rules.clone(),
            Self::Passed | Self::Inapplicable(_) | Self::Incomplete(_) => BTreeSet::new(),
        }
    }
}

fn list<'a>(rules: impl IntoIterator<Item = &'a String>) -> String {
    rules.into_iter().map(String::as_str).collect::<Vec<_>>().join(" ")
}

/// The rules that a row names: those that are broken, or those that the case is about.
fn rules<S: Suite>(result: &CaseResult<S::Case>) -> String {
    let broken = result.verdict.rules();
    if broken.is_empty() { list(&S::outline(&result.case).rules) } else { list(&broken) }
}

/// The report as text.
pub fn text<S: Suite>(report: &Report<S::Case>) -> String {
    let mut text = String::new();
    for result in &report.results {
        if let Verdict::Failed { why, .. } = &result.verdict {
            let name = &S::outline(&result.case).name;
            let _infallible = writeln!(text, "{name}: {}\n  {why}", rules::<S>(result));
            for passed in &result.passed {
                let _infallible = writeln!(text, "  {:>14}  {}", passed.by, passed.text);
                if !passed.hex.is_empty() {
                    let _infallible = writeln!(text, "  {:>14}  {}", "", passed.hex);
                }
            }
            text.push('\n');
        }
    }
    let names = report.results.iter().map(|result| S::outline(&result.case).name.len());
    let width = names.max().unwrap_or(0);
    for result in &report.results {
        let name = &S::outline(&result.case).name;
        let why = match &result.verdict {
            Verdict::Incomplete(why) | Verdict::Inapplicable(why) => format!(": {why}"),
            Verdict::Passed | Verdict::Failed { .. } => String::new(),
        };
        let _infallible = writeln!(text, "{name:width$}  {:14}  {}{why}", result.verdict.word(), rules::<S>(result));
    }
    text.push_str(&summary::<S>(report));
    text
}

/// The last line of a report.
pub fn summary<S: Suite>(report: &Report<S::Case>) -> String {
    let count = |word: &str| report.results.iter().filter(|result| result.verdict.word() == word).count();
    let left = if report.left > 0 { format!(", {} were not run", report.left) } else { String::new() };
    format!(
        "{}: {} cases passed, {} failed{left}; {} of {} things that a peer can show were seen\n",
        S::NAME,
        count("passed"),
        count("FAILED"),
        report.seen.len(),
        report.showable.len()
    )
}

/// The report as one document.
pub fn json<S: Suite>(report: &Report<S::Case>) -> Value
where
    S::Case: Serialize,
{
    let cases: Vec<Value> = report
        .results
        .iter()
        .map(|result| {
            let outline = S::outline(&result.case);
            let failure = matches!(result.verdict, Verdict::Failed { .. }).then(|| saved::<S>(result));
            json!({
                "name": outline.name,
                "rules": outline.rules,
                "verdict": result.verdict.word().to_lowercase(),
                "broken": result.verdict.rules(),
                "why": result.verdict.why(),
                "failure": failure,
            })
        })
        .collect();
    json!({
        "protocol": S::NAME,
        "cases": cases,
        "seen": report.seen.len(),
        "showable": report.showable.len(),
        "not_seen": report.showable.difference(&report.seen).collect::<Vec<_>>(),
        "not_run": report.left,
        "complete": report.is_complete(),
        "ok": report.passes() && report.is_complete(),
    })
}

/// A failure as it is saved, and as `--replay` reads it.
pub fn saved<S: Suite>(result: &CaseResult<S::Case>) -> Value
where
    S::Case: Serialize,
{
    json!({ "protocol": S::NAME, "case": result.case, "verdict": result.verdict, "passed": result.passed })
}

/// The report as JUnit's XML.
pub fn junit<S: Suite>(report: &Report<S::Case>) -> String {
    let failures = report.results.iter().filter(|result| matches!(result.verdict, Verdict::Failed { .. })).count();
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\">\n",
        S::NAME,
        report.results.len()
    );
    for result in &report.results {
        let name = escape(&S::outline(&result.case).name);
        let _infallible = write!(text, "  <testcase classname=\"{}\" name=\"{name}\"", S::NAME);
        let why = escape(result.verdict.why().unwrap_or_default());
        let _infallible = match &result.verdict {
            Verdict::Passed => writeln!(text, "/>"),
            Verdict::Failed { rules, .. } => {
                let trace = result.passed.iter().map(|passed| format!("{}: {}", passed.by, passed.text));
                let trace = escape(&trace.collect::<Vec<_>>().join("\n"));
                writeln!(text, "><failure message=\"{}: {why}\">{trace}</failure></testcase>", escape(&list(rules)))
            }
            Verdict::Inapplicable(_) => writeln!(text, "><skipped message=\"{why}\"/></testcase>"),
            Verdict::Incomplete(_) => writeln!(text, "><error message=\"{why}\"/></testcase>"),
        };
    }
    text.push_str("</testsuite>\n");
    text
}

/// A text within an attribute or an element of XML, which has no control characters.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            letter if letter.is_control() => escaped.push('\u{fffd}'),
            letter => escaped.push(letter),
        }
    }
    escaped
}
