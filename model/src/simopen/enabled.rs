//! Who may write, who would hear, who waits.

use handfast_spec::simopen::{End, Kind, Refusal, Role};

use super::connection::{Connection, Done};
use super::endpoint::{Endpoint, Stage};
use super::flaw::{Flaw, Flaws};

/// How much a mutant may have to write before it stops reading.
const MOST_PENDING: usize = 6;

impl Connection {
    /// Whether the writer of this end has a message and may part with it.
    pub(super) fn has_next(&self, end: End) -> Done {
        let Endpoint { stage, outbox, .. } = self.party(end);
        let holds = || self.has(end, Flaw::HeaderFirst) && *stage == Stage::Header;
        match stage {
            Stage::Idle => Err(Refusal::NotStarted),
            Stage::Over if outbox.is_empty() => Err(Refusal::Over),
            // Wherever the end is, what is pending is written.
            _ if !outbox.is_empty() && holds() => Err(Refusal::Waits),
            // As above.
            _ if !outbox.is_empty() => Ok(()),
            // The client's upper layer speaks first, as those of TLS and Noise do.
            Stage::Settled { acts, sent: false, received } if *acts == Role::Initiator || *received => Ok(()),
            Stage::Header
            | Stage::Opening
            | Stage::Selecting { .. }
            | Stage::Confirming(_)
            | Stage::Proposing { .. }
            | Stage::Serving { .. }
            | Stage::Finishing { .. }
            | Stage::Settled { .. }
            | Stage::Joining(_)
            | Stage::Mute
            | Stage::Over
            | Stage::Aloof => Err(Refusal::NothingToWrite),
        }
    }

    /// Whether anybody at this end would take a message.
    pub(super) fn would_hear(&self, end: End) -> Done {
        let Endpoint { stage, outbox, .. } = self.party(end);
        match stage {
            Stage::Idle => Err(Refusal::NotStarted),
            Stage::Over => Err(Refusal::Over),
            Stage::Finishing { .. } => Err(Refusal::HeardEnough),
            Stage::Settled { received: true, .. } | Stage::Mute => Err(Refusal::NothingToRead),
            Stage::Joining(_) => Err(Refusal::Waits),
            Stage::Aloof if self.kind(end) == Kind::Silent => Err(Refusal::NothingToRead),
            Stage::Aloof if self.kind(end) == Kind::Reflector && !outbox.is_empty() => Err(Refusal::Waits),
            Stage::Settled { .. } | Stage::Aloof => Ok(()),
            Stage::Header
            | Stage::Opening
            | Stage::Selecting { .. }
            | Stage::Confirming(_)
            | Stage::Proposing { .. }
            | Stage::Serving { .. } => {
                let flushes = self.has(end, Flaw::FlushesBeforeReading) && !outbox.is_empty();
                // SIM-9: handfast's never has more to write. What a mutant has is bounded here, or it had no end.
                let is_full = self.config.end(end).flaws != Flaws::NONE && outbox.len() > MOST_PENDING;
                if flushes || is_full { Err(Refusal::Waits) } else { Ok(()) }
            }
        }
    }

    pub(super) fn is_pending(&self, end: End) -> bool {
        match self.party(end).stage {
            Stage::Idle | Stage::Settled { .. } | Stage::Mute | Stage::Over | Stage::Aloof => false,
            Stage::Header
            | Stage::Opening
            | Stage::Selecting { .. }
            | Stage::Confirming(_)
            | Stage::Proposing { .. }
            | Stage::Serving { .. }
            | Stage::Finishing { .. }
            | Stage::Joining(_) => true,
        }
    }
}
