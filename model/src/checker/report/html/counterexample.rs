//! A page on which one steps through a behaviour: lanes, the state beside them, and the rule that is violated.

use core::fmt::{self, Write};

use super::{Plain, SCRIPT, linked, whole, writing};
use crate::checker::format::{FOR_EVER, count};
use crate::checker::trace::{Trace, TraceStep};

/// The page of a behaviour. Rules are links into `document`.
pub(super) fn page(trace: &Trace, document: Option<&str>) -> String {
    let mut body = String::new();
    writing(write_page(&mut body, trace, document));
    whole(&format!("{}: {}", trace.design, trace.title), &body, SCRIPT)
}

fn write_page(body: &mut String, trace: &Trace, document: Option<&str>) -> fmt::Result {
    if document.is_some() {
        body.push_str("<nav><a href=\"index.html\">Report</a></nav>\n");
    }
    writeln!(body, "<main>\n<h1>{}</h1>", Plain(&trace.design))?;
    if let Some(origin) = &trace.origin {
        writeln!(body, "<p>{}</p>", Plain(origin.about))?;
        writeln!(body, "<p class=\"soft\">{} design; source: {}</p>", origin.kind, Plain(origin.source))?;
    }
    let last = trace.steps.len();
    let broken = trace.violations().find(|(_, id)| trace.rule == Some(*id)).map(|(step, _)| step);
    let broken = broken.or(trace.owed_from.map(|from| from.max(1))).unwrap_or(last);
    writeln!(body, "<div class=\"rule\" data-rule=\"{broken}\"><strong>")?;
    if let Some(id) = trace.rule {
        writeln!(body, "{} ", linked(id, document))?;
    }
    let says = trace.rule.map_or(String::new(), |id| format!("{id} is violated: "));
    let title = trace.title.strip_prefix(&says).unwrap_or(&trace.title);
    writeln!(body, "{}</strong> <span data-says></span></div>", Plain(title))?;
    controls(body)?;
    body.push_str("<div class=\"view\">\n");
    lanes(body, trace)?;
    states(body, trace)?;
    body.push_str("</div>\n");
    let elsewhere = trace.violated_elsewhere();
    if !elsewhere.is_empty() {
        let ids: Vec<String> = elsewhere.iter().map(|id| linked(id, document)).collect();
        writeln!(body, "<p>In other behaviours this design violates {} too.</p>", ids.join(" "))?;
    }
    body.push_str("</main>\n");
    Ok(())
}

fn controls(body: &mut String) -> fmt::Result {
    body.push_str("<div class=\"controls\" role=\"group\" aria-label=\"Steps\">\n");
    for (go, label) in [
        ("first", "First"),
        ("previous", "Previous"),
        ("next", "Next"),
        ("last", "Last"),
        ("violation", "To the violation"),
    ] {
        writeln!(body, "<button type=\"button\" data-go=\"{go}\" hidden>{label}</button>")?;
    }
    body.push_str("<span class=\"soft\">or the keys <kbd>↑</kbd> <kbd>↓</kbd> <kbd>Home</kbd> <kbd>End</kbd> ");
    body.push_str("<kbd>v</kbd></span>\n</div>\n<p role=\"status\" class=\"soft\"></p>\n");
    Ok(())
}

fn lanes(body: &mut String, trace: &Trace) -> fmt::Result {
    let lanes = trace.used_lanes();
    writeln!(
        body,
        "<div>\n<div class=\"heads\" style=\"--lanes: {}\" aria-hidden=\"true\"><span></span>",
        lanes.len()
    )?;
    body.push_str("<div class=\"cells\">");
    lanes.iter().try_for_each(|lane| write!(body, "<span>{}</span>", Plain(lane)))?;
    body.push_str("</div><span class=\"what\"></span></div>\n");
    writeln!(
        body,
        "<ol class=\"lanes\" style=\"--lanes: {}\" aria-label=\"{}\">",
        lanes.len(),
        count(trace.steps.len(), "step")
    )?;
    for (number, step) in (1..).zip(&trace.steps) {
        if trace.repeats_from == Some(number - 1) {
            body.push_str("<li class=\"note\">from here on for ever:</li>\n");
        }
        write_step(body, number, step, &trace.marks(number), &lanes)?;
    }
    if trace.repeats_from == Some(trace.steps.len()) {
        writeln!(body, "<li class=\"note\">{}</li>", FOR_EVER)?;
    }
    body.push_str("</ol>\n</div>\n");
    Ok(())
}

fn write_step(body: &mut String, number: usize, step: &TraceStep, marks: &[String], lanes: &[&str]) -> fmt::Result {
    let class = if marks.is_empty() { "step" } else { "step breaks" };
    write!(body, "<li class=\"{class}\" data-step=\"{number}\"><span>{number}</span>")?;
    body.push_str("<div class=\"cells\" aria-hidden=\"true\">");
    for column in 1..=lanes.len() {
        write!(body, "<span class=\"life\" style=\"grid-column: {column}\"></span>")?;
    }
    let place = |lane: &str| lanes.iter().position(|known| *known == lane).expect("every lane was listed");
    match &step.message {
        Some([from, to]) if from != to => arrow(body, place(from), place(to))?,
        Some(_) | None => {
            write!(body, "<span class=\"own\" style=\"grid-column: {}\"></span>", place(&step.actor) + 1)?;
        }
    }
    write!(body, "</div><div class=\"what\"><b>{}</b> {}", Plain(&step.actor), Plain(step.deed()))?;
    for told in &step.told {
        write!(body, " <span class=\"told\">→ {}</span>", Plain(told))?;
    }
    for mark in marks {
        write!(body, " <span class=\"broken\">{}</span>", Plain(mark))?;
    }
    body.push_str("</div></li>\n");
    Ok(())
}

/// An arrow from the middle of one lane to that of another.
fn arrow(body: &mut String, from: usize, to: usize) -> fmt::Result {
    let (first, last) = (from.min(to), from.max(to));
    let direction = if from < to { "right" } else { "left" };
    let half = 50.0 / (last - first + 1) as f64;
    write!(
        body,
        "<span class=\"arrow {direction}\" style=\"grid-column: {} / {}; margin-left: {half:.2}%; margin-right: {half:.2}%\">\
         </span>",
        first + 1,
        last + 2
    )
}

/// The states, of which the script shows one at a time.
fn states(body: &mut String, trace: &Trace) -> fmt::Result {
    body.push_str("<div class=\"states\">\n");
    let mut before: &[String] = &trace.starts_as;
    let all = [&trace.starts_as].into_iter().chain(trace.steps.iter().map(|step| &step.state_words));
    for (number, lines) in all.enumerate() {
        let heading = if number == 0 { "The start".to_owned() } else { format!("After step {number}") };
        writeln!(
            body,
            "<section data-state=\"{number}\" aria-label=\"{heading}\">\n<h2>{heading}</h2>\n<table><tbody>"
        )?;
        for (place, line) in lines.iter().enumerate() {
            let (part, state) = line.split_once(": ").unwrap_or(("", line));
            let (class, mark) = if before.get(place) == Some(line) {
                ("", "")
            } else {
                (" class=\"changed\"", " <span class=\"soft\">(changed)</span>")
            };
            writeln!(body, "<tr{class}><td>{}</td><td>{}{mark}</td></tr>", Plain(part), Plain(state))?;
        }
        body.push_str("</tbody></table>\n");
        if number == trace.steps.len() && !trace.waits.is_empty() {
            body.push_str("<h3>Who waits for what</h3>\n<ul>\n");
            trace.waits.iter().try_for_each(|wait| writeln!(body, "<li>{}</li>", Plain(wait)))?;
            body.push_str("</ul>\n");
        }
        body.push_str("</section>\n");
        before = lines;
    }
    body.push_str("</div>\n");
    Ok(())
}
