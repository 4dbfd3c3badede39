//! What each operation of the table says and does.

use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use handfast::ownership::core::{MAX_RUNNERS, State};
use handfast::ownership::{Deleted, InsertRefused, Numbered, Refused, Sharing, Table, Token, Worker};

use super::{FIRST, Fixture, SECOND};

/// OWN-1: at most one is inside a descriptor that belongs to one worker.
#[test]
fn the_owner_enters_once() {
    let fixture = Fixture::new();
    let token = fixture.insert(Sharing::Exclusive(FIRST));
    assert_eq!(fixture.table.enter(token, SECOND).err(), Some(Refused::NotOwner { owner: FIRST }));
    let inside = fixture.table.enter(token, FIRST).expect("it is the owner");
    assert_eq!(fixture.table.enter(token, FIRST).err(), Some(Refused::Busy));
    assert_eq!(fixture.table.enter(token, SECOND).err(), Some(Refused::NotOwner { owner: FIRST }));
    drop(inside);
    assert!(fixture.table.enter(token, FIRST).is_ok());
}

#[test]
fn a_takeover_changes_the_owner_and_is_inside() {
    let fixture = Fixture::new();
    let token = fixture.insert(Sharing::Exclusive(FIRST));
    let mut taken = fixture.table.takeover(token, SECOND).expect("it is idle");
    taken.get_mut().expect("it is this worker's").notes.push(2);
    assert_eq!(taken.sharing(), Some(Sharing::Exclusive(SECOND)));
    assert_eq!(fixture.table.enter(token, FIRST).err(), Some(Refused::NotOwner { owner: SECOND }));
    assert_eq!(fixture.table.takeover(token, FIRST).err(), Some(Refused::Busy));
    drop(taken);
    let back = fixture.table.takeover(token, FIRST).expect("it is idle again");
    assert_eq!(back.notes, [2], "what was kept beside it travels with it");
}

#[test]
fn a_worker_may_take_over_what_is_its_own() {
    let fixture = Fixture::new();
    let token = fixture.insert(Sharing::Exclusive(FIRST));
    assert!(fixture.table.takeover(token, FIRST).is_ok());
}

#[test]
#[cfg_attr(miri, ignore = "as many guards as there can be are compared with each other, which takes minutes")]
fn all_workers_enter_a_shared_descriptor_to_read() {
    let fixture = Fixture::new();
    let token = fixture.insert(Sharing::Shared);
    let mut guards: Vec<_> =
        (0..MAX_RUNNERS).map(|_| fixture.table.enter(token, FIRST).expect("there is room")).collect();
    assert_eq!(fixture.table.enter(token, SECOND).err(), Some(Refused::Busy));
    assert!(guards[0].get_mut().is_none(), "others look at it");
    guards.pop();
    assert!(fixture.table.enter(token, SECOND).is_ok());
    assert_eq!(fixture.table.takeover(token, SECOND).err(), Some(Refused::Shared));
}

/// OWN-4: nobody enters from the moment that deletion was asked for.
#[test]
fn nobody_enters_what_is_to_be_closed() {
    for sharing in [Sharing::Exclusive(FIRST), Sharing::Shared] {
        let fixture = Fixture::new();
        let token = fixture.insert(sharing);
        let inside = fixture.table.enter(token, FIRST).expect("it is idle");
        assert_eq!(fixture.table.delete(token), Ok(Deleted::ByLastToLeave));
        assert_eq!(fixture.table.enter(token, FIRST).err(), Some(Refused::Closing));
        assert_eq!(fixture.table.takeover(token, SECOND).err(), Some(Refused::Closing));
        assert_eq!(fixture.table.delete(token), Err(Refused::Closing));
        assert_eq!(fixture.closed(), 0);
        drop(inside);
        assert_eq!(fixture.closed(), 1);
    }
}

// What may be inserted, and what a number that comes back means.

#[test]
fn a_descriptor_goes_into_the_slot_of_its_number() {
    let fixture = Fixture::new();
    let descriptor = fixture.descriptor();
    let number = descriptor.fd.as_raw_fd();
    let token = fixture.table.insert(descriptor, Sharing::Exclusive(FIRST)).expect("the slot is free");
    assert_eq!(i32::try_from(token.slot()), Ok(number));
    assert_eq!(fixture.table.occupied(), 1);
    let whole = State::Live { sharing: Sharing::Exclusive(FIRST), runners: 0, closing: false };
    assert_eq!(fixture.table.state(token), Ok(whole));
}

#[test]
fn a_number_without_a_slot_comes_back_open() {
    let fixture = Fixture::new();
    let table = Table::<super::Counted>::new(1);
    let error = table.insert(fixture.descriptor(), Sharing::Shared).expect_err("there is one slot, for number 0");
    assert!(matches!(error.reason, InsertRefused::NoSlot { capacity: 1, .. }));
    assert_eq!(fixture.closed(), 0);
    drop(error);
    assert_eq!(fixture.closed(), 1);
}

#[test]
fn a_number_that_is_inserted_twice_comes_back_open() {
    let table = Table::<std::os::fd::BorrowedFd<'_>>::new(super::CAPACITY);
    let file = std::fs::File::open("/dev/null").expect("there is a /dev/null");
    let borrowed = std::os::fd::AsFd::as_fd(&file);
    let token = table.insert(borrowed, Sharing::Exclusive(FIRST)).expect("the slot is free");
    let error = table.insert(borrowed, Sharing::Exclusive(SECOND)).expect_err("it is there already");
    assert!(matches!(error.reason, InsertRefused::Occupied { .. }));
    assert!(table.enter(token, FIRST).is_ok(), "the first one is untouched");
}

/// A descriptor whose number this test gives, because the kernel gives one that is free to whoever asks first.
#[derive(Debug)]
struct Seventh;

impl Numbered for Seventh {
    fn number(&self) -> usize {
        7
    }
}

/// OWN-6 in the small: a report of an earlier descriptor with the same number is refused.
#[test]
fn a_token_is_stale_when_its_number_returns() {
    let table = Table::<Seventh>::new(8);
    let old = table.insert(Seventh, Sharing::Exclusive(FIRST)).expect("the slot is free");
    assert_eq!(table.delete(old), Ok(Deleted::Closed));
    let new = table.insert(Seventh, Sharing::Exclusive(FIRST)).expect("the slot is free again");
    assert_eq!(new.slot(), old.slot());
    assert_eq!(new.generation(), old.generation().next());

    assert_eq!(table.enter(old, FIRST).err(), Some(Refused::Gone));
    assert_eq!(table.takeover(old, SECOND).err(), Some(Refused::Gone));
    assert_eq!(table.delete(old), Err(Refused::Gone));
    assert_eq!(table.state(old), Err(Refused::Gone));
    assert!(table.enter(new, FIRST).is_ok());
}

#[test]
fn a_token_of_nothing_is_refused() {
    let fixture = Fixture::new();
    for data in [0, u64::MAX, 1 << 40] {
        let token = Token::from_user_data(data);
        assert_eq!(fixture.table.enter(token, FIRST).err(), Some(Refused::Gone));
        assert_eq!(fixture.table.takeover(token, FIRST).err(), Some(Refused::Gone));
        assert_eq!(fixture.table.delete(token), Err(Refused::Gone));
    }
}

#[test]
fn the_inserter_may_be_inside_at_once() {
    let fixture = Fixture::new();
    let inserted = fixture.table.insert_and_enter(fixture.descriptor(), Sharing::Exclusive(FIRST));
    let mut inside = inserted.expect("the slot is free");
    inside.get_mut().expect("it is this worker's").notes.push(1);
    assert_eq!(fixture.table.takeover(inside.token(), SECOND).err(), Some(Refused::Busy));
    let token = inside.token();
    drop(inside);
    assert_eq!(fixture.table.enter(token, FIRST).expect("it is idle").notes, [1]);
}

#[test]
fn dropping_the_table_closes_what_is_in_it() {
    let fixture = Fixture::new();
    let _ = fixture.insert(Sharing::Exclusive(FIRST));
    let _ = fixture.insert(Sharing::Shared);
    let Fixture { table, closed } = fixture;
    drop(table);
    assert_eq!(closed.load(std::sync::atomic::Ordering::Relaxed), 2);
}

#[test]
#[should_panic(expected = "2^24")]
fn a_table_that_tokens_cannot_tell_apart_is_refused() {
    let _ = Table::<std::fs::File>::new((1 << 24) + 1);
}

// How a descriptor ends, and that it ends once.

/// OWN-3: the last to leave closes, and nobody else does.
#[test]
fn the_last_to_leave_closes() {
    let fixture = Fixture::new();
    let token = fixture.insert(Sharing::Shared);
    let first = fixture.table.enter(token, FIRST).expect("it is idle");
    let second = fixture.table.enter(token, SECOND).expect("it is shared");
    assert_eq!(first.delete(), Deleted::ByLastToLeave);
    assert_eq!(fixture.closed(), 0);
    drop(second);
    assert_eq!(fixture.closed(), 1);
    assert_eq!(fixture.table.occupied(), 0);
}

#[test]
fn a_deletion_from_inside_closes_at_once_if_nobody_else_is_there() {
    let fixture = Fixture::new();
    let token = fixture.insert(Sharing::Exclusive(FIRST));
    let inside = fixture.table.enter(token, FIRST).expect("it is idle");
    assert_eq!(inside.delete(), Deleted::Closed);
    assert_eq!(fixture.closed(), 1);
    assert_eq!(fixture.table.enter(token, FIRST).err(), Some(Refused::Gone));
}

#[test]
fn a_second_deletion_from_inside_leaves() {
    let fixture = Fixture::new();
    let token = fixture.insert(Sharing::Exclusive(FIRST));
    let inside = fixture.table.enter(token, FIRST).expect("it is idle");
    assert_eq!(fixture.table.delete(token), Ok(Deleted::ByLastToLeave));
    assert_eq!(inside.delete(), Deleted::Closed);
    assert_eq!(fixture.closed(), 1);
}

#[test]
fn a_panic_inside_leaves() {
    let fixture = Fixture::new();
    let token = fixture.insert(Sharing::Exclusive(FIRST));
    let callback = catch_unwind(AssertUnwindSafe(|| {
        let _inside = fixture.table.enter(token, FIRST).expect("it is idle");
        panic!("a callback fails");
    }));
    assert!(callback.is_err());
    assert!(fixture.table.enter(token, FIRST).is_ok());
}

#[test]
fn a_forgotten_guard_stays_inside() {
    let fixture = Fixture::new();
    let token = fixture.insert(Sharing::Exclusive(FIRST));
    std::mem::forget(fixture.table.enter(token, FIRST));
    assert_eq!(fixture.table.takeover(token, SECOND).err(), Some(Refused::Busy));
    assert_eq!(fixture.table.delete(token), Ok(Deleted::ByLastToLeave));
    assert_eq!(fixture.closed(), 0);
}

// Several threads at a time. Few steps: each is interpreted by Miri, which tells data races.

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
