//! The words of the repository, each with one meaning.

use std::collections::BTreeSet;

use crate::repository::documents::cells;
use crate::repository::workspace::file;
use crate::repository::{nothing, one_for_each};

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
