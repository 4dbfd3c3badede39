//! What a subscriber hears when every peer goes soon after it has come.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use conformance::dice::Dice;
use tokio::task::JoinSet;

use crate::rivals::{Broadcast, Own, Rival, Told, TwoChannels};
use crate::two_threads;

const SESSIONS: u32 = 10_000;

const AT_A_TIME: usize = 64;

/// Says which session goes when; which task runs when is the runtime's business.
const SEED: u64 = 1;

pub(crate) fn storms() {
    println!("{SESSIONS} sessions that end soon after their handshake has completed; what one subscriber heard");
    println!("{:<18}{:>12}{:>16}{:>16}{:>16}", "", "up, down", "down alone", "down, then up", "up alone");
    storm::<Own>();
    storm::<TwoChannels>();
    storm::<Broadcast>();
    println!();
}

fn storm<R: Rival + Send + Sync + 'static>() {
    let heard = Arc::new(Mutex::new(BTreeMap::<u64, Vec<bool>>::new()));
    let listener = Arc::clone(&heard);
    let hear = move |(number, came): Told| {
        listener.lock().unwrap_or_else(PoisonError::into_inner).entry(number).or_default().push(came);
    };
    let runtime = two_threads();
    let rival = runtime.block_on(async {
        let rival = Arc::new(R::new(SESSIONS as usize, 1, hear));
        let mut tasks = JoinSet::new();
        let mut dice = Dice::new(SEED);
        for number in 0..SESSIONS {
            let (rival, patience) = (Arc::clone(&rival), dice.roll(32));
            // Now the session has been announced when it goes, now it has not.
            tasks.spawn(async move {
                let session = rival.connect(number);
                for _ in 0..patience {
                    tokio::task::yield_now().await;
                }
                rival.disconnect(session).await;
            });
            if tasks.len() == AT_A_TIME {
                tasks.join_next().await;
            }
        }
        tasks.join_all().await;
        // Nobody says when a design has told everything that it is going to tell.
        tokio::time::sleep(Duration::from_millis(500)).await;
        rival
    });
    drop((runtime, rival));
    let heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
    let count = |stream: &[bool]| heard.values().filter(|heard| *heard == stream).count();
    println!(
        "{:<18}{:>12}{:>16}{:>16}{:>16}",
        R::NAME,
        count(&[true, false]),
        count(&[false]),
        count(&[false, true]),
        count(&[true])
    );
}
