//! The report as pages that need no network: an index, a page for each counterexample, and the documents.

mod counterexample;

use core::fmt::{self, Display, Formatter, Write};
use core::time::Duration;

use super::text::{grouped, verdict};
use super::{ProtocolReport, Status, Style, VariantReport};
use crate::checker::findings::RuleResult;
use crate::checker::trace::Trace;

/// A page, and the name of its file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Page {
    /// The name of the file.
    pub name: String,
    /// HTML.
    pub html: String,
}

/// A document of rules.
#[derive(Clone, Copy, Debug)]
pub struct Document {
    /// Its path, from the root of the repository.
    pub path: &'static str,
    /// What it says.
    pub text: &'static str,
}

const CSS: &str = include_str!("report.css");
const SCRIPT: &str = include_str!("report.js");

/// Returns the report: `index.html`, a page for the counterexample of each historical design and of each rule that does
/// not hold, and a page for each document that the protocols name.
pub fn pages(reports: &[ProtocolReport], documents: &[Document], elapsed: Duration) -> Vec<Page> {
    let mut pages = vec![Page { name: "index.html".to_owned(), html: index(reports, documents, elapsed) }];
    for report in reports {
        let document = documents.iter().find(|document| document.path == report.entry.document);
        let link = document.map(file_of);
        let own = report.findings.rule_results().filter_map(|result| result.broken_by.as_ref());
        let historical = drawn(report).filter_map(|variant| variant.counterexample.as_ref());
        for trace in own.filter(|_| report.is_own).chain(historical) {
            pages.push(Page { name: page_of(trace), html: counterexample::page(trace, link.as_deref()) });
        }
        if let Some(document) = document.filter(|_| pages.iter().all(|page| Some(&page.name) != link.as_ref())) {
            let rules = (report.entry.rules)();
            let rules = rules.invariants.iter().chain(&rules.goals).chain(&rules.witnesses);
            let ids: Vec<&str> = rules.map(|rule| rule.id).collect();
            pages.push(Page { name: file_of(document), html: rendered(document, &ids) });
        }
    }
    pages
}

/// Returns a behaviour as a page of its own.
pub fn page(trace: &Trace) -> String {
    counterexample::page(trace, None)
}

/// The designs that have pages for their counterexamples.
fn drawn(report: &ProtocolReport) -> impl Iterator<Item = &VariantReport> {
    report.variants.iter().filter(|variant| variant.kind.is_historical() || !report.is_own)
}

/// The name of the page of a counterexample.
fn page_of(trace: &Trace) -> String {
    let rule = trace.rule.map(|id| format!("-{}", id.to_lowercase())).unwrap_or_default();
    format!("{}-{}{rule}.html", trace.protocol, trace.design)
}

fn file_of(document: &Document) -> String {
    document.path.trim_end_matches(".md").replace('/', "-") + ".html"
}

/// Text that is none of HTML's.
struct Plain<'a>(&'a str);

impl Display for Plain<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|letter| match letter {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            letter => f.write_char(letter),
        })
    }
}

/// A whole page. It says itself that nothing is to be fetched.
fn whole(title: &str, body: &str, script: &str) -> String {
    let script = if script.is_empty() { String::new() } else { format!("<script>{script}</script>\n") };
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
         script-src 'unsafe-inline'\">\n<title>{}</title>\n<style>\n{CSS}</style>\n</head>\n<body>\n{body}{script}</body>\n\
         </html>\n",
        Plain(title)
    )
}

fn index(reports: &[ProtocolReport], documents: &[Document], elapsed: Duration) -> String {
    let worst = reports.iter().map(ProtocolReport::status).max().unwrap_or(Status::AsClaimed);
    let mut body = String::from("<main>\n<h1>What the model checker found</h1>\n");
    let said = verdict("check", worst, elapsed, Style::Plain);
    writing(writeln!(body, "<p class=\"verdict {}\">{}</p>", class(worst == Status::AsClaimed), Plain(&said)));
    writing(write!(body, "<nav aria-label=\"Protocols\"><p>"));
    for report in reports {
        let name = Plain(report.entry.name);
        writing(write!(body, "<a href=\"#{name}\">{name}</a> "));
    }
    body.push_str("</p></nav>\n");
    for report in reports {
        let document = documents.iter().find(|document| document.path == report.entry.document);
        writing(section(&mut body, report, document.map(file_of).as_deref()));
    }
    body.push_str("</main>\n");
    whole("What the model checker found", &body, "")
}

fn section(body: &mut String, report: &ProtocolReport, document: Option<&str>) -> fmt::Result {
    let (name, status) = (Plain(report.entry.name), report.status());
    writeln!(body, "<section aria-labelledby=\"{name}\">\n<h2 id=\"{name}\">{name}</h2>")?;
    writeln!(body, "<p>{}.</p>", Plain(report.entry.about))?;
    let said = verdict(report.entry.name, status, report.elapsed, Style::Plain);
    writeln!(body, "<p class=\"verdict {}\">{}</p>", class(status == Status::AsClaimed), Plain(&said))?;
    instances(body, report)?;
    body.push_str("<div class=\"scroll\"><table>\n<caption>Rules");
    writeln!(body, " of {}</caption>", Plain(&report.design))?;
    body.push_str("<thead><tr><th scope=\"col\">id</th><th scope=\"col\">what it says</th>");
    body.push_str("<th scope=\"col\">verdict</th></tr></thead>\n<tbody>\n");
    report.findings.rule_results().try_for_each(|result| rule(body, result, document, report.is_own))?;
    body.push_str("</tbody></table></div>\n");
    if report.is_own {
        let witnesses = &report.findings.witnesses;
        let reached = witnesses.iter().filter(|witness| witness.reached_by.is_some()).count();
        writeln!(body, "<p>{reached} of {} situations that must be reachable are reached.</p>", witnesses.len())?;
    }
    designs(body, report)?;
    body.push_str("</section>\n");
    Ok(())
}

fn instances(body: &mut String, report: &ProtocolReport) -> fmt::Result {
    body.push_str("<div class=\"scroll\"><table>\n<caption>What was explored");
    if report.is_own {
        write!(body, ", {} scope", report.scope)?;
    }
    body.push_str(
        "</caption>\n<thead><tr><th scope=\"col\">instance</th><th scope=\"col\" class=\"number\">states</th>",
    );
    body.push_str(
        "<th scope=\"col\" class=\"number\">edges</th><th scope=\"col\" class=\"number\">depth</th><th scope=\"col\"></th></tr></thead>\n<tbody>\n",
    );
    for instance in &report.findings.instances {
        let is_complete = instance.completeness == crate::checker::explore::Completeness::Complete;
        let complete = if is_complete { "complete" } else { "incomplete" };
        writeln!(
            body,
            "<tr><td>{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td>\
             <td class=\"{}\">{complete}</td></tr>",
            Plain(instance.name),
            grouped(instance.states),
            grouped(instance.edges),
            instance.depth,
            class(is_complete)
        )?;
    }
    body.push_str("</tbody></table></div>\n");
    Ok(())
}

fn rule(body: &mut String, result: &RuleResult, document: Option<&str>, is_own: bool) -> fmt::Result {
    let verdict = match (&result.decided, &result.broken_by) {
        (Err(_), _) => "undecided".to_owned(),
        (Ok(()), Some(trace)) if is_own => {
            format!("<a href=\"{}\">violated in {} steps</a>", Plain(&page_of(trace)), trace.steps.len())
        }
        (Ok(()), Some(trace)) => format!("violated in {} steps", trace.steps.len()),
        (Ok(()), None) if result.owing == Some(0) => "vacuous".to_owned(),
        (Ok(()), None) => "holds".to_owned(),
    };
    let holds = result.holds() && result.owing != Some(0);
    let fair = result.assumes.map(|assumes| format!("fair: {assumes}")).unwrap_or_default();
    writeln!(
        body,
        "<tr><td>{}</td><td>{}<br><span class=\"soft\">{}</span></td><td class=\"verdict {}\">{verdict}</td></tr>",
        linked(result.id, document),
        Plain(result.title),
        Plain(&fair),
        class(holds)
    )
}

/// An id, as a link into its document.
fn linked(id: &str, document: Option<&str>) -> String {
    match document {
        Some(file) => format!("<a class=\"id\" href=\"{}#{}\">{}</a>", Plain(file), Plain(id), Plain(id)),
        None => format!("<span class=\"id\">{}</span>", Plain(id)),
    }
}

fn designs(body: &mut String, report: &ProtocolReport) -> fmt::Result {
    if report.variants.is_empty() {
        return Ok(());
    }
    let as_listed = report.variants.iter().filter(|variant| variant.status() == Status::AsClaimed).count();
    let all = report.variants.len();
    write!(
        body,
        "<div class=\"scroll\"><table>\n<caption>Historical designs and mutants, {as_listed} of {all} as listed"
    )?;
    body.push_str("</caption>\n<thead><tr><th scope=\"col\">design</th><th scope=\"col\">kind</th>");
    body.push_str("<th scope=\"col\">source</th><th scope=\"col\">violates</th></tr></thead>\n<tbody>\n");
    for variant in &report.variants {
        let page =
            drawn(report).find(|drawn| drawn.name == variant.name).and_then(|drawn| drawn.counterexample.as_ref());
        let name = match page {
            Some(trace) => format!("<a href=\"{}\">{}</a>", Plain(&page_of(trace)), Plain(variant.name)),
            None => Plain(variant.name).to_string(),
        };
        let violated: Vec<&str> = variant.violated.iter().copied().collect();
        let violated = if violated.is_empty() { "nothing".to_owned() } else { violated.join(" ") };
        let listed = if variant.is_as_listed() { "" } else { ", which is not as listed" };
        writeln!(
            body,
            "<tr><td>{name}</td><td>{}</td><td>{}</td><td class=\"{}\">{}{listed}</td></tr>",
            variant.kind.word(),
            Plain(variant.source),
            if variant.is_as_listed() { "soft" } else { "bad" },
            Plain(&violated)
        )?;
    }
    body.push_str("</tbody></table></div>\n");
    Ok(())
}

/// A document, with an anchor on the line that begins the row of each rule.
fn rendered(document: &Document, ids: &[&str]) -> String {
    let mut body = String::from("<nav><a href=\"index.html\">Report</a></nav>\n<main>\n");
    writing(writeln!(body, "<h1>{}</h1>\n<div class=\"document\">", Plain(document.path)));
    let mut missing: Vec<&str> = ids.to_vec();
    for line in document.text.lines() {
        let cell = line.strip_prefix("| ").and_then(|rest| rest.split_once(" |")).map(|(cell, _)| cell);
        let known = missing.iter().position(|id| Some(*id) == cell);
        match known.map(|place| missing.remove(place)) {
            Some(id) => writing(writeln!(body, "<span id=\"{}\">{}</span>", Plain(id), Plain(line))),
            None => writing(writeln!(body, "{}", Plain(line))),
        }
    }
    body.push_str("</div>\n</main>\n");
    whole(document.path, &body, "")
}

fn class(is_good: bool) -> &'static str {
    if is_good { "good" } else { "bad" }
}

fn writing(result: fmt::Result) {
    result.expect("a string takes everything");
}
