//! What the documents say of the designs, held against the catalogue.

use std::collections::BTreeSet;

use model::checker::catalogue::Variant;
use model::registry::ENTRIES;

use crate::repository::workspace::file;
use crate::repository::{nothing, one_for_each};

/// What stands under a heading, whatever its level, up to the next heading; nothing if there is no such heading.
pub(crate) fn section<'t>(text: &'t str, heading: &str) -> &'t str {
    let is_heading = |line: &str| line.starts_with('#') && line.trim_start_matches('#').trim() == heading;
    let mut begin = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        match begin {
            None if is_heading(line.trim_end()) => begin = Some(at + line.len()),
            Some(begin) if line.starts_with('#') => return &text[begin..at],
            None | Some(_) => {}
        }
        at += line.len();
    }
    begin.map_or("", |begin| &text[begin..])
}

/// A row of a table that has a column "violates".
struct Row {
    line: usize,
    /// The names in the first column.
    names: Vec<String>,
    violates: String,
}

pub(crate) fn cells(line: &str) -> Option<Vec<&str>> {
    let inside = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    Some(inside.split('|').map(str::trim).collect())
}

fn rows(text: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut column = None;
    let mut in_table = false;
    for (index, line) in text.lines().enumerate() {
        let Some(cells) = cells(line) else {
            in_table = false;
            continue;
        };
        if !in_table {
            in_table = true;
            column = cells.iter().position(|cell| *cell == "violates");
        } else if let Some(violates) = column.and_then(|column| cells.get(column)) {
            // What follows in parentheses is where the design comes from.
            let name = cells[0].split('(').next().unwrap_or_default();
            let names = name.split('`').skip(1).step_by(2).map(str::to_owned).collect();
            rows.push(Row { line: index + 1, names, violates: (*violates).to_owned() });
        }
    }
    rows
}

/// Whether a name in a document, which may leave out the beginning, is that of a design.
fn names(written: &str, name: &str) -> bool {
    written.strip_prefix('…').map_or(written == name, |end| name.ends_with(end))
}

/// Where the tables of a document and the list of designs differ.
fn differences(path: &str, text: &str, variants: &[Variant]) -> Vec<String> {
    let mut found = Vec::new();
    for Row { line, names: written, violates } in rows(text) {
        // A row may refer to another one instead of listing ids.
        let refers = ["the same", "those of", "see above"].iter().any(|words| violates.contains(words));
        let ids: BTreeSet<&str> =
            violates.split([' ', ',']).filter(|word| word.contains('-') && !word.contains('`')).collect();
        for name in &written {
            let Some(variant) = variants.iter().find(|variant| names(name, variant.name)) else {
                found.push(format!("{path}:{line}: there is no design `{name}`"));
                continue;
            };
            let listed: BTreeSet<&str> = variant.violates.iter().copied().collect();
            if !refers && ids != listed {
                found.push(format!("{path}:{line}: `{name}` is listed with {listed:?}, not with {ids:?}"));
            }
        }
    }
    let words: Vec<&str> = text.split('`').skip(1).step_by(2).collect();
    let missing = variants.iter().filter(|variant| !words.iter().any(|word| names(word, variant.name)));
    found.extend(missing.map(|variant| format!("{path}: `{}` is not mentioned", variant.name)));
    found
}

#[test]
fn the_tables_of_designs_agree_with_the_catalogue() {
    for entry in ENTRIES {
        let text = &file(entry.document).expect("the protocol has a document").text;
        assert!(!rows(text).is_empty(), "{} has no table of designs", entry.document);
        nothing(differences(entry.document, text, &(entry.variants)()));
    }
}

#[test]
fn a_table_that_differs_is_found() {
    let mut variants = (ENTRIES[0].variants)();
    variants.retain(|variant| variant.violates.len() == 1);
    variants.truncate(2);
    let [one, two] = variants.as_slice() else { panic!("there are designs that violate one rule") };
    let good = format!(
        "| design | violates |\n|---|---|\n| `{}` | {} (12) |\n| `…{}` | the same |\n",
        one.name,
        one.violates[0],
        &two.name[1..]
    );
    nothing(differences("a.md", &good, &variants));
    let bad = good.replace(one.violates[0], "MADE-1") + "| `nobody` | nothing |\n";
    let found = differences("a.md", &bad, &variants);
    one_for_each(&found, &["a.md:3: ", "a.md:5: there is no design `nobody`"]);
    one_for_each(&differences("a.md", "", &variants), &[one.name, two.name]);
}

#[test]
fn a_section_ends_at_the_next_heading() {
    let text = "# A\na\n## B\nb\nb\n### C\nc\n";
    assert_eq!((section(text, "B"), section(text, "C"), section(text, "D")), ("b\nb\n", "c\n", ""));
}

// The words of the repository, each with one meaning.

const COLUMNS: [&str; 3] = ["term", "meaning", "in the original system"];

/// What is wrong with the tables of a glossary: each is in order, and no term stands in two of them.
fn findings(text: &str) -> Vec<String> {
    let mut rows = text.lines().zip(1..).filter_map(|(text, line)| Some((cells(text)?, line))).peekable();
    if rows.peek().is_none_or(|(cells, _)| cells != &COLUMNS) {
        return vec![format!("there is no table with the columns {COLUMNS:?}")];
    }
    let mut found = Vec::new();
    let mut before = String::new();
    let mut terms = BTreeSet::new();
    for (cells, line) in rows {
        if cells == COLUMNS || cells.iter().all(|cell| cell.starts_with("---")) {
            before.clear();
            continue;
        }
        let [term, meaning, _original] = cells[..] else {
            found.push(format!("{line}: {} cells in place of {}", cells.len(), COLUMNS.len()));
            continue;
        };
        if term.is_empty() || meaning.is_empty() {
            found.push(format!("{line}: a term and its meaning"));
        }
        let term = term.replace('`', "").to_lowercase();
        if term <= before || !terms.insert(term.clone()) {
            found.push(format!("{line}: {term:?} behind {before:?}: each term once, in order"));
        }
        before = term;
    }
    found
}

#[test]
fn every_term_is_in_the_glossary_once_and_in_order() {
    nothing(findings(&file("specs/GLOSSARY.md").expect("there is a glossary").text));
}

#[test]
fn a_glossary_in_disorder_is_found() {
    let good = "# Words\n\n| term | meaning | in the original system |\n|---|---|---|\n| a | x | y |\n| `B` | x | |\n";
    nothing(findings(good));
    let second = "\n| term | meaning | in the original system |\n|---|---|---|\n";
    nothing(findings(&format!("{good}{second}| aa | x | |\n")));
    one_for_each(&findings(&format!("{good}{second}| a | z | |\n")), &["10: \"a\""]);
    let bad = good.to_owned() + "| b | z | |\n| a | x | y |\n| c | | |\n| d | x |\n";
    one_for_each(&findings(&bad), &["7: \"b\"", "8: \"a\"", "9: ", "10: 2 cells"]);
    one_for_each(&findings("# Words\n| word | meaning |\n"), &["no table"]);
}
