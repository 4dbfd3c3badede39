//! What a walk does where the model leaves it a choice.

use std::time::Duration;

use handfast_spec::lifecycle::SubscriberId;

/// Shorter than the handshake timeout.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1_000);

/// What a walk does where the model leaves it a choice that it does not see.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Habits {
    /// The selector leaves it to others to disconnect whoever stalled.
    pub(crate) keeps: bool,
    /// There is a selector, which is the first subscriber.
    pub(crate) selects: bool,
    /// With whom the patience is shorter than with the others.
    pub(crate) hasty: SubscriberId,
}

impl Habits {
    pub(crate) const ALL: [Self; 4] = {
        let mut all = [Self { keeps: false, selects: false, hasty: SubscriberId(0) }; 4];
        let mut index = 0;
        while index < all.len() {
            let hasty = SubscriberId(index as u32 & 1);
            all[index] = Self { keeps: index & 2 != 0, hasty, selects: false };
            index += 1;
        }
        all
    };

    pub(crate) fn patience(self, subscriber: SubscriberId) -> Duration {
        if subscriber == self.hasty { PATIENCE / 2 } else { PATIENCE }
    }
}
