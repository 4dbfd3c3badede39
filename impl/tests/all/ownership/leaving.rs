//! How a descriptor ends, and that it ends once.

use std::panic::{AssertUnwindSafe, catch_unwind};

use handfast::ownership::{Deleted, Refused, Sharing};

use super::{FIRST, Fixture, SECOND};

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
