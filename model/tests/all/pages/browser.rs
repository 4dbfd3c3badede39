//! Pages and diagrams in a real browser: Chromium, by Playwright, with keys and accessible names.
//!
//! `npm install --prefix TARGET/npm mermaid@11 playwright-core@1` and Chromium are what it takes, where TARGET is Cargo's
//! target directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use model::checker::format::mermaid;
use model::checker::report::page;

use crate::formats::{awkward, circle};
use crate::historical::counterexamples;

/// How long the browser may take, in seconds.
const PATIENCE: &str = "240";

/// What is missing to run the script of this directory, if anything is.
fn missing() -> Option<String> {
    let is_there = |program: &str| Command::new(program).arg("--version").stdout(Stdio::null()).status().is_ok();
    let packages = modules();
    ["node", "chromium"].into_iter().find(|program| !is_there(program)).map(|program| format!("`{program}`")).or_else(
        || {
            let package = ["mermaid", "playwright-core"].into_iter().find(|package| !packages.join(package).exists());
            package.map(|package| format!("the npm package `{package}` in {}", packages.display()))
        },
    )
}

fn modules() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it is in the target directory").join("npm/node_modules")
}

/// Runs the script, or says why not.
#[track_caller]
fn browse(arguments: &[&str]) {
    if let Some(missing) = missing() {
        assert!(std::env::var_os("HANDFAST_REQUIRE_ALL").is_none(), "{missing} is not installed");
        println!("skipped: {missing} is not installed");
        return;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/all/pages/browser.cjs");
    let mut command = Command::new("timeout");
    let command = command.args([PATIENCE, "node"]).arg(script).args(arguments).env("NODE_PATH", modules());
    let output = command.stdin(Stdio::null()).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    print!("{said}");
}

fn file(name: &str, text: &str) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, text).expect("the file can be written");
    path.to_str().expect("paths here are UTF-8").to_owned()
}

/// Each is laid out by Mermaid itself; what is no diagram is refused, so that the check can fail.
#[test]
fn mermaid_draws_every_counterexample() {
    let traces = counterexamples().iter().cloned().chain([awkward(5), awkward(0), circle()]);
    let diagrams: Vec<String> = traces.map(|trace| mermaid(&trace)).collect();
    let diagrams = serde_json::to_string(&diagrams).expect("strings are JSON");
    browse(&["draw", &file("diagrams.json", &diagrams)]);
}

/// Keys step, the state and the rule follow, every button has a name, and nothing overflows at 1280 and 400 pixels.
#[test]
fn one_steps_through_a_counterexample_with_keys() {
    for design in ["go-multistream-0-4-1", "zrepl", "btcd-before", "haproxy-before"] {
        let trace = counterexamples().iter().find(|trace| trace.design == design).expect("it is there");
        browse(&["walk", &file(&format!("{design}.html"), &page(trace)), &trace.steps.len().to_string()]);
    }
}
