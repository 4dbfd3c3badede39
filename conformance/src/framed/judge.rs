//! What a record of one end of a framed connection comes to.

use model::checker::explain::explain;
use model::framed::handfast::OneEnd;

/// Returns the id of a rule that a record breaks, and how; nothing if the model explains the record.
///
/// A record that is no behaviour of the model breaks no rule by name: it is called `EXPLAIN`.
pub fn judge(log: &[u8]) -> Option<(&'static str, String)> {
    let explanation = match explain::<OneEnd>(&mut &*log) {
        Ok(explanation) => explanation,
        Err(error) => return Some(("EXPLAIN", format!("it cannot be read: {error}"))),
    };
    if let Some(rule) = explanation.violated.first() {
        return Some((rule, format!("it breaks {:?}", explanation.violated)));
    }
    explanation.rejection.map(|rejection| ("EXPLAIN", format!("{rejection:#?}")))
}
