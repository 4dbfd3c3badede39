//! Behaviours in the formats that people and other programs read.

mod dot;
mod itf;
mod log;
mod mermaid;
mod text;

pub use dot::dot;
pub use itf::itf;
pub use log::{log, write_log};
pub use mermaid::mermaid;
pub use text::{count, text};

/// Breaks words into lines of about so many characters.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split(' ') {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
                lines.push(core::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

/// Where a behaviour ends, if it goes on for ever.
pub(crate) const FOR_EVER: &str =
    "and so it stays for ever: no component that is assumed to be fair has anything to do";

/// Begins what is repeated for ever.
const REPEATS: &str = "from here on for ever";

fn line(out: &mut String, text: core::fmt::Arguments<'_>) {
    core::fmt::Write::write_fmt(out, text).expect("a string takes everything");
    out.push('\n');
}
