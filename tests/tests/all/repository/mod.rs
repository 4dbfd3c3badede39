//! The repository itself: what documents, sources and manifests promise each other.
//!
//! Every check is a function from texts to findings. One test asks it about the repository, another one about made-up
//! texts that it must not let pass, because a check that cannot fail is worthless.

mod arrows;
mod code;
mod documents;
mod drivers;
mod hygiene;
mod ids;
mod index;
mod layout;
mod measured;
mod purity;
mod upheld;
mod wildcards;
mod workspace;

/// Passes if there is nothing to say.
#[track_caller]
fn nothing(findings: Vec<String>) {
    assert!(findings.is_empty(), "{} findings:\n{}\n", findings.len(), findings.join("\n"));
}

/// Passes if there is one finding for each of these words, in this order.
#[track_caller]
fn one_for_each(findings: &[String], words: &[&str]) {
    let fits = findings.len() == words.len() && findings.iter().zip(words).all(|(found, word)| found.contains(word));
    assert!(fits, "not one for each of {words:?}:\n{}\n", findings.join("\n"));
}
