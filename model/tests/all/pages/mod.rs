//! The report as pages: what is in them, and that a browser shows and steps through them.

mod browser;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use model::checker::report::page;
use model::registry::ENTRIES;

use crate::formats::{awkward, circle};

/// Runs `check` with these arguments and returns the pages that it writes, by their names.
fn written(test: &str, arguments: &str) -> (PathBuf, BTreeMap<String, String>) {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    if directory.exists() {
        fs::remove_dir_all(&directory).expect("the directory of an earlier run can be removed");
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_model"));
    let command = command.arg("check").args(arguments.split_whitespace()).arg("--html").arg(&directory);
    let output = command.stdin(Stdio::null()).output().expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let files = fs::read_dir(&directory).expect("the directory is there").map(|file| file.expect("it can be read"));
    let page = |file: fs::DirEntry| {
        let name = file.file_name().into_string().expect("names are ASCII");
        (name, fs::read_to_string(file.path()).expect("pages are UTF-8"))
    };
    let pages = files.map(page).collect();
    (directory, pages)
}

/// The values of an attribute.
fn values<'h>(html: &'h str, attribute: &str) -> Vec<&'h str> {
    let begin = format!(" {attribute}=\"");
    html.split(&begin).skip(1).filter_map(|rest| rest.split_once('"')).map(|(value, _)| value).collect()
}

/// What a page asks for that is not among the pages.
fn dangling(pages: &BTreeMap<String, String>) -> Vec<String> {
    let mut found = Vec::new();
    for (name, html) in pages {
        assert_eq!(values(html, "src"), Vec::<&str>::new(), "{name} fetches something");
        for link in values(html, "href") {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = pages.get(if file.is_empty() { name.as_str() } else { file });
            let is_there = target.is_some_and(|html| anchor.is_empty() || values(html, "id").contains(&anchor));
            if !is_there {
                found.push(format!("{name}: {link}"));
            }
        }
    }
    found
}

/// Every id of every protocol is a link to a line of its document.
#[test]
fn every_link_leads_to_a_page_and_a_line_that_are_there() {
    let (_, mut pages) = written("html-own", "--scope small --no-mutants");
    assert_eq!(dangling(&pages), Vec::<String>::new());
    for entry in ENTRIES {
        let rules = (entry.rules)();
        for rule in rules.invariants.iter().chain(&rules.goals) {
            let link = format!("#{}\">{}</a>", rule.id, rule.id);
            assert!(pages["index.html"].contains(&link), "{} of {} is no link", rule.id, entry.document);
        }
    }
    pages.retain(|name, _| name == "index.html");
    assert!(!dangling(&pages).is_empty(), "the check can fail");
}

#[test]
fn a_historical_design_has_a_page_with_its_counterexample() {
    let (_, pages) = written("html-design", "simopen/go-multistream-0-4-1");
    assert_eq!(dangling(&pages), Vec::<String>::new());
    let page = &pages["simopen-go-multistream-0-4-1-sim-23.html"];
    for words in ["multiformats/go-multistream", "SIM-23", "left: waits to write", "After step 6", "Who waits for what"]
    {
        assert!(page.contains(words), "{words}");
    }
    assert!(pages["index.html"].contains("as claimed"));
}

#[test]
fn nothing_that_is_written_becomes_markup() {
    for html in [page(&awkward(3)), page(&circle())] {
        assert!(!html.contains("<b>%%") && !html.contains("\"quoted\""), "{html}");
    }
    assert!(page(&awkward(3)).contains("&lt;b&gt;%%&lt;/b&gt;") && page(&awkward(3)).contains("&quot;quoted&quot;"));
}

/// A page may fetch nothing, and says so to the browser.
#[test]
fn a_page_asks_for_nothing() {
    let html = page(&awkward(1));
    assert!(html.contains("default-src 'none'"), "{html}");
    assert!(!html.contains("<link") && !html.contains("@import") && !html.contains("url("), "{html}");
}
