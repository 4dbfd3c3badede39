//! Several threads at a time. Few steps: each is interpreted by Miri, which tells data races.

use std::thread;

use handfast::ownership::{Refused, Sharing, Worker};

use super::{FIRST, Fixture};

const THREADS: u16 = 3;

/// OWN-1, OWN-3: what is kept beside a descriptor is written to by one at a time, and closed once.
#[test]
fn takers_and_a_deleter() {
    let fixture = Fixture::new();
    let token = fixture.insert(Sharing::Exclusive(FIRST));
    thread::scope(|scope| {
        for number in 0..THREADS {
            let fixture = &fixture;
            scope.spawn(move || {
                for turn in 0..8 {
                    match fixture.table.takeover(token, Worker::new(number)) {
                        Ok(mut taken) => taken.get_mut().expect("it is exclusive").notes.push(turn),
                        Err(refused) => {
                            assert!(matches!(refused, Refused::Busy | Refused::Closing | Refused::Gone), "{refused}");
                        }
                    }
                    if (number, turn) == (0, 5) {
                        let _ = fixture.table.delete(token).expect("nobody else deletes");
                    }
                }
            });
        }
    });
    assert_eq!(fixture.closed(), 1);
    assert_eq!(fixture.table.enter(token, FIRST).err(), Some(Refused::Gone));
}
