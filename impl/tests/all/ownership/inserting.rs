//! What may be inserted, and what a number that comes back means.

use std::os::fd::AsRawFd;

use handfast::ownership::core::State;
use handfast::ownership::{Deleted, InsertRefused, Numbered, Refused, Sharing, Table, Token};

use super::{FIRST, Fixture, SECOND};

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
