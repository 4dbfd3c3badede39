//! The network: what moves segments, and what lets calls go on that were held back.

use std::task::Waker;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::{Call, Cut, End, Fin, Link};

impl Link {
    /// The network of one direction.
    pub(super) async fn carry(self, from: End) {
        loop {
            let delay = {
                let state = self.state();
                let sent = state.from(from);
                let has_room = sent.carried - sent.read < sent.way.receive.max(1) || state.is_closed(from.peer());
                let has_some = sent.carried < sent.flushed && has_room;
                let can = has_some || (sent.fin == Fin::Queued && sent.carried == sent.flushed);
                (can && !sent.is_stalled && !sent.is_dead && !state.is_reset).then_some(sent.way.delay)
            };
            match delay {
                None => self.0.changed[from.index()].notified().await,
                Some(delay) => {
                    if delay > 0 {
                        sleep(Duration::from_millis(delay)).await;
                    }
                    self.carry_segment(from);
                }
            }
        }
    }

    fn carry_segment(&self, from: End) {
        let mut state = self.state();
        let is_closed = state.is_closed(from.peer());
        let is_reset = state.is_reset;
        let sent = &mut state.ways[from.index()];
        if sent.is_stalled || is_reset {
            return;
        }
        let room = sent.way.receive.max(1).saturating_sub(sent.carried - sent.read);
        let room = if is_closed { usize::MAX } else { room };
        let mut bytes = room.min(sent.way.segment).min(sent.flushed - sent.carried);
        let mut breaks = None;
        if let Some((at, cut)) = sent.way.cut
            && sent.carried + bytes >= at
        {
            bytes = at.saturating_sub(sent.carried);
            breaks = Some(cut);
        }
        sent.carried += bytes;
        match breaks {
            None if sent.fin == Fin::Queued && sent.carried == sent.flushed => sent.fin = Fin::Carried,
            None | Some(Cut::Reset) => {}
            Some(Cut::End) => sent.is_dead = true,
        }
        let mut woken: Vec<Waker> = state.waker(from.peer(), Call::Read).into_iter().collect();
        woken.extend(state.waker(from, Call::Write));
        // What arrives at a closed socket is answered by a reset.
        if breaks == Some(Cut::Reset) || (is_closed && bytes > 0) {
            self.0.oracle.saw("a connection is reset");
            woken.extend(state.reset());
        }
        drop(state);
        self.0.oracle.moved("a segment is carried");
        woken.into_iter().for_each(Waker::wake);
    }

    /// Lets calls go on that were held back.
    pub(super) async fn let_go(self) {
        loop {
            let next = {
                let state = self.state();
                state.sides.iter().flat_map(|side| side.held_until).flatten().min()
            };
            let held = self.0.held.notified();
            match next {
                None => held.await,
                Some(next) => {
                    tokio::select! { biased; () = held => {}, () = sleep_until(next) => {} }
                }
            }
            let mut woken = Vec::new();
            let mut state = self.state();
            for end in End::BOTH {
                for call in [Call::Read, Call::Write] {
                    let until = &mut state.sides[end.index()].held_until[call as usize];
                    if until.is_some_and(|until| until <= Instant::now()) {
                        *until = None;
                        woken.extend(state.waker(end, call));
                    }
                }
            }
            drop(state);
            woken.into_iter().for_each(Waker::wake);
        }
    }
}
