//! A bounded channel.

use handfast_spec::lifecycle::Refusal;
use serde::Serialize;

use super::Bounds;

/// A channel, first in, first out, that fits into a state.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub(super) struct Queue<T>([Option<T>; Bounds::MOST_ROOM as usize]);

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self([const { None }; Bounds::MOST_ROOM as usize])
    }
}

impl<T: Copy + Eq> Queue<T> {
    /// Sends; refused while `room` entries wait.
    pub(super) fn push(&mut self, entry: T, room: u8) -> Result<(), Refusal> {
        let free = self.0.iter_mut().take(usize::from(room)).find(|place| place.is_none());
        *free.ok_or(Refusal::NoRoom)? = Some(entry);
        Ok(())
    }

    /// Receives; refused unless `entry` is next.
    pub(super) fn pop(&mut self, entry: T) -> Result<(), Refusal> {
        if self.0[0] != Some(entry) {
            return Err(Refusal::Empty);
        }
        self.0[0] = None;
        self.0.rotate_left(1);
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0[0].is_none()
    }

    /// Receives everything and throws it away.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
