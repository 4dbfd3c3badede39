//! Who is let in.

use handfast::ownership::core::MAX_RUNNERS;
use handfast::ownership::{Deleted, Refused, Sharing};

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
