//! `check --any-number`: what holds for every number of participants.

use std::time::Instant;

use crate::checker::catalogue::{Entry, Scope};
use crate::checker::report::{ProofReport, Selection, Status, proofs_json, proofs_text};

use super::{Error, print, style};

/// Decides it for designs that have a family; for all that have one, if none is named.
pub(super) fn run(selected: Vec<(&'static Entry, Selection)>, is_named: bool, json: bool) -> Result<u8, Error> {
    let begun = Instant::now();
    let mut reports = Vec::new();
    for (entry, selection) in selected {
        let report = match selection {
            Selection::Own | Selection::All => ProofReport::of_own(entry, &*(entry.own)(Scope::Small)),
            Selection::One(variant) => ProofReport::of_variant(entry, &variant),
        };
        if is_named && report.proofs.is_empty() {
            return Err(Error::Other(format!("{} has no proof for every number of participants", entry.name)));
        }
        reports.push(report);
    }
    let worst = reports.iter().map(ProofReport::status).max().unwrap_or(Status::AsClaimed);
    if json {
        print(&format!("{}\n", proofs_json(&reports)))?;
    } else {
        print(&proofs_text(&reports, begun.elapsed(), style()))?;
    }
    Ok(worst.code())
}
