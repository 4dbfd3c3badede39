//! The core against a list that is searched from end to end.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use handfast::pool::core::{
    Claim, Closed, Destination, IdleList, Limits, MOST_AT_ONCE, Over, Put, Stamps, TakeResult, Unclaimed, Why,
};
use proptest::prelude::*;

const IDLE: u64 = 10;
const AGE: u64 = 25;
const LIMITS: Limits = Limits::new(3, 5).with_idle(Duration::from_secs(IDLE)).with_age(Duration::from_secs(AGE));

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn stamps(now: u64) -> Stamps {
    Stamps::new(at(now), at(now))
}

fn granted(token: u32) -> Result<u32, Unclaimed> {
    Ok(token)
}

/// Few hashes, so that different keys have the same.
fn hash(key: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish() % 4
}

fn find<K: Eq + Hash>(list: &IdleList<K, u32>, key: &K) -> Option<Destination> {
    list.with_hash(hash(key)).find(|(_, known)| ***known == *key).map(|(destination, _)| destination)
}

fn put<K: Eq + Hash>(
    list: &mut IdleList<K, u32>,
    key: K,
    token: u32,
    stamps: Stamps,
    claim: impl FnMut(u32) -> Claim<u32>,
) -> Result<Put<u32>, Closed> {
    let destination = find(list, &key).unwrap_or_else(|| list.remember(hash(&key), Arc::new(key)));
    list.put(destination, token, stamps, claim)
}

/// The same with what has expired as plain numbers.
fn take<K: Eq + Hash>(
    list: &mut IdleList<K, u32>,
    key: &K,
    now: Duration,
    claim: impl FnMut(u32) -> Claim<u32>,
) -> (Option<u32>, Vec<u32>, usize) {
    let Some(destination) = find(list, key) else { return (None, Vec::new(), 0) };
    let TakeResult { found, expired, busy } = list.take(destination, now, claim);
    (found, expired.into_iter().map(|over| over.claimed).collect(), busy)
}

fn expire<K>(list: &mut IdleList<K, u32>, now: Duration, claim: impl FnMut(u32) -> Claim<u32>) -> Vec<u32> {
    list.expire(now, usize::MAX, claim).into_iter().map(|over| over.claimed).collect()
}

fn len_of<K: Eq + Hash>(list: &IdleList<K, u32>, key: &K) -> usize {
    find(list, key).map_or(0, |destination| list.len_of(destination))
}

#[test]
fn the_newest_that_can_be_had_is_given() {
    let mut list = IdleList::new(LIMITS);
    for token in 0..3 {
        let _ = put(&mut list, 'a', token, stamps(0), granted).expect("there is room");
    }
    let answer = |token| match token {
        2 => Err(Unclaimed::Busy),
        1 => Err(Unclaimed::Gone),
        token => Ok(token),
    };
    let took = take(&mut list, &'a', at(1), answer);
    assert_eq!(took, (Some(0), vec![], 1));
    assert_eq!(list.len(), 1, "what was busy stays, and what is gone does not");
    assert_eq!(take(&mut list, &'a', at(1), granted).0, Some(2));
}

#[test]
fn a_handle_is_given_up_once() {
    let mut list = IdleList::new(LIMITS);
    let first = put(&mut list, 'a', 1, stamps(0), granted).expect("there is room").handle;
    assert!(list.remove(first));
    let second = put(&mut list, 'a', 2, stamps(0), granted).expect("there is room").handle;
    assert!(!list.remove(first), "another connection is there now");
    assert!(list.remove(second));
}

#[test]
fn what_is_too_old_is_taken_off_and_not_given() {
    let mut list = IdleList::new(LIMITS);
    let _ = put(&mut list, 'a', 1, Stamps::new(at(20), at(0)), granted).expect("there is room");
    assert_eq!(list.next_expiry(), Some(at(25)));
    let took = take(&mut list, &'a', at(25), granted);
    assert_eq!(took, (None, vec![1], 0));
    assert_eq!(list.next_expiry(), None);
}

#[test]
fn what_grows_too_old_has_an_alarm_of_its_own() {
    for idle in [at(IDLE), Duration::MAX] {
        let mut list = IdleList::new(LIMITS.with_idle(idle));
        let _ = put(&mut list, 'a', 1, Stamps::new(at(20), at(18)), granted).expect("there is room");
        let put = put(&mut list, 'a', 2, Stamps::new(at(20), at(0)), granted).expect("there is room");
        assert!(put.needs_alarm, "it is due before the one that was put first");
        assert_eq!(list.next_expiry(), Some(at(25)));
        assert_eq!(expire(&mut list, at(24), granted), [0; 0]);
        assert_eq!(expire(&mut list, at(25), granted), [2]);
        assert_eq!(list.next_expiry(), Some((at(20).saturating_add(idle)).min(at(43))));
    }
}

#[test]
fn room_is_given_and_given_up() {
    let mut list = IdleList::new(LIMITS.with_total(0));
    let a = list.remember(hash(&'a'), Arc::new('a'));
    let b = list.remember(hash(&'b'), Arc::new('b'));
    assert!(list.is_short(a));
    list.grant(4);
    for token in 0..3 {
        let _ = put(&mut list, 'a', token, stamps(0), granted).expect("there is room");
    }
    assert_eq!((list.room(), list.surrender(2), list.room(), list.surrender(2)), (1, 1, 0, 0));
    assert!(list.is_short(b) && !list.is_short(a), "one of its own key makes room for the other");
    assert_eq!(list.evict(|token| if token == 0 { Err(Unclaimed::Busy) } else { Ok(token) }), Some(1));
    assert_eq!((list.len(), list.room()), (2, 1));
    assert_eq!(list.stop(granted), [0, 2]);
    assert_eq!((list.room(), list.is_short(a)), (3, false));
}

#[test]
fn an_alarm_is_asked_for_when_nobody_waits() {
    let mut list = IdleList::new(LIMITS);
    assert!(put(&mut list, 'a', 1, stamps(0), granted).expect("there is room").needs_alarm);
    assert!(!put(&mut list, 'a', 2, stamps(1), granted).expect("there is room").needs_alarm);
    assert_eq!(expire(&mut list, at(9), granted), [0; 0]);
    assert_eq!(expire(&mut list, at(10), granted), [1]);
    assert_eq!(list.next_expiry(), Some(at(11)));
    assert_eq!(take(&mut list, &'a', at(10), granted).0, Some(2));
    assert!(!put(&mut list, 'a', 3, stamps(10), granted).expect("there is room").needs_alarm, "it is due at 11");
    assert_eq!(take(&mut list, &'a', at(10), granted).0, Some(3));
    assert_eq!(list.next_expiry(), None);
    assert!(put(&mut list, 'a', 4, stamps(12), granted).expect("there is room").needs_alarm);
}

#[test]
fn nothing_is_kept_where_nothing_may_be() {
    for limits in [LIMITS.with_per_key(0), LIMITS.with_total(0)] {
        let mut list = IdleList::new(limits);
        assert_eq!(put(&mut list, 'a', 1, stamps(0), granted).err(), Some(Closed::Full));
    }
    let mut list = IdleList::new(LIMITS);
    let _ = put(&mut list, 'a', 1, stamps(0), granted).expect("there is room");
    assert_eq!(list.stop(granted), [1]);
    assert_eq!(put(&mut list, 'a', 1, stamps(0), granted).err(), Some(Closed::Stopped));
}

#[test]
fn what_is_ended_is_not_given_and_is_due_at_once() {
    let mut list = IdleList::new(LIMITS);
    let first = put(&mut list, 'a', 1, stamps(5), granted).expect("there is room").handle;
    let _ = put(&mut list, 'a', 2, stamps(5), granted).expect("there is room");
    let _ = put(&mut list, 'b', 3, stamps(5), granted).expect("there is room");
    assert!(list.end(first, Why::Suspected));
    let a = find(&list, &'a').expect("it is remembered");
    assert_eq!(list.end_all(a, Why::Cleared), 2);
    assert_eq!(list.next_expiry(), Some(Duration::ZERO));
    let _ = put(&mut list, 'a', 4, stamps(5), granted).expect("there is room");
    assert_eq!(take(&mut list, &'a', at(5), granted), (Some(4), vec![], 0), "it was put afterwards");
    let over = |claimed, why| Over { claimed, why };
    assert_eq!(list.expire(at(5), 1, granted), [over(1, Why::Suspected)], "the first reason counts");
    assert_eq!(list.expire(at(5), usize::MAX, granted), [over(2, Why::Cleared)]);
    assert_eq!((list.len(), list.end(first, Why::Cleared), list.next_expiry()), (1, false, Some(at(5 + IDLE))));
}

#[test]
fn a_connection_has_a_limit_of_its_own() {
    let mut list = IdleList::new(LIMITS);
    let limited = Stamps { until: at(3), ..stamps(0) };
    let _ = put(&mut list, 'a', 1, stamps(0), granted).expect("there is room");
    assert!(put(&mut list, 'a', 2, limited, granted).expect("there is room").needs_alarm);
    assert_eq!(list.next_expiry(), Some(at(3)));
    assert_eq!(take(&mut list, &'a', at(3), granted), (Some(1), vec![2], 0));
}

/// However many are met, a taker closes a few, and the rest is its worker's.
#[test]
fn a_taker_does_not_close_everything_that_has_expired() {
    let many = 3 * MOST_AT_ONCE;
    let mut list = IdleList::new(LIMITS.with_per_key(many).with_total(many));
    for token in 0..many as u32 {
        let _ = put(&mut list, 'a', token, stamps(0), granted).expect("there is room");
    }
    let (found, expired, _) = take(&mut list, &'a', at(IDLE), granted);
    assert_eq!((found, expired.len(), list.len()), (None, MOST_AT_ONCE, 2 * MOST_AT_ONCE));
    assert_eq!(list.expire(at(IDLE), MOST_AT_ONCE, granted).len(), MOST_AT_ONCE);
    assert!(list.next_expiry().is_some_and(|next| next <= at(IDLE)), "there are more");
    assert_eq!(expire(&mut list, at(IDLE), granted).len(), MOST_AT_ONCE);
    assert_eq!(list.next_expiry(), None);
}

#[test]
fn a_destination_that_was_forgotten_takes_nothing() {
    let mut list = IdleList::new(LIMITS);
    let first = list.remember(0, Arc::new(0));
    for key in 1..100 {
        let _ = list.remember(key % 3, Arc::new(key));
    }
    assert!(!list.remembers(first) && list.keys() <= 65, "{} are remembered", list.keys());
    assert_eq!(list.put(first, 1, stamps(0), granted).err(), Some(Closed::Forgotten));
    assert_eq!(list.take_forgotten().len() + list.keys(), 100, "each key is dropped by the caller");
}

#[test]
fn a_million_destinations_are_not_remembered() {
    let mut list = IdleList::new(LIMITS);
    for key in 0..10_000u32 {
        let _ = put(&mut list, key, key, stamps(0), granted).expect("there is room");
        assert_eq!(take(&mut list, &key, at(0), granted).0, Some(key));
    }
    assert!(list.keys() <= 65, "{}", list.keys());
    assert_eq!(len_of(&list, &9_999), 0);
    let mut list = IdleList::new(LIMITS.with_total(1_000));
    for key in 0..1_000u32 {
        let _ = put(&mut list, key, key, stamps(0), granted).expect("there is room");
    }
    assert_eq!((list.keys(), expire(&mut list, at(IDLE), granted).len()), (1_000, 1_000));
    assert!(list.keys() <= 65, "{}", list.keys());
}

/// A destination that ran out of connections first is forgotten first, but not while it gets a new one.
#[test]
fn a_destination_is_not_forgotten_in_favour_of_what_makes_room_for_it() {
    let mut list = IdleList::new(LIMITS.with_total(1));
    for key in 0..64u32 {
        let _ = put(&mut list, key, key, stamps(0), granted).expect("there is room");
        assert_eq!(take(&mut list, &key, at(0), granted).0, Some(key));
    }
    let _ = put(&mut list, 64, 64, stamps(0), granted).expect("there is room");
    assert_eq!(put(&mut list, 0, 65, stamps(0), granted).expect("one makes room").evicted, Some(64));
    assert_eq!(take(&mut list, &0, at(0), granted).0, Some(65));
}

/// One entry of the list that the list is compared with.
#[derive(Clone, Copy, Debug)]
struct Entry {
    key: u8,
    token: u32,
    since: u64,
    created_at: u64,
}

#[derive(Clone, Debug)]
enum Step {
    Put { key: u8, young: bool },
    Take { key: u8 },
    Remove { nth: usize },
    Expire,
    Wait { seconds: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3u8, any::<bool>()).prop_map(|(key, young)| Step::Put { key, young }),
        3 => (0..3u8).prop_map(|key| Step::Take { key }),
        1 => (0..5usize).prop_map(|nth| Step::Remove { nth }),
        1 => Just(Step::Expire),
        2 => (0..7u64).prop_map(|seconds| Step::Wait { seconds }),
    ]
}

/// The same by search. What is busy by its number cannot be had.
#[derive(Debug, Default)]
struct Plain {
    list: Vec<Entry>,
    now: u64,
}

fn is_busy(token: u32) -> bool {
    token % 7 == 3
}

fn claim(token: u32) -> Result<u32, Unclaimed> {
    if is_busy(token) { Err(Unclaimed::Busy) } else { Ok(token) }
}

impl Plain {
    /// The token that is evicted, or that there is no room.
    fn put(&mut self, entry: Entry) -> Result<Option<u32>, ()> {
        let of_key = self.list.iter().filter(|it| it.key == entry.key).count() >= LIMITS.per_key;
        let mut evicted = None;
        if of_key || self.list.len() >= LIMITS.total {
            let oldest =
                self.list.iter().position(|it| (!of_key || it.key == entry.key) && !is_busy(it.token)).ok_or(())?;
            evicted = Some(self.list.remove(oldest).token);
        }
        self.list.push(entry);
        Ok(evicted)
    }

    fn take(&mut self, key: u8) -> (Option<u32>, Vec<u32>, usize) {
        let (mut expired, mut busy) = (Vec::new(), 0);
        for index in (0..self.list.len()).rev().filter(|index| self.list[*index].key == key).collect::<Vec<_>>() {
            let Entry { token, since, created_at, .. } = self.list[index];
            if is_busy(token) {
                busy += 1;
                continue;
            }
            self.list.remove(index);
            if self.now >= since + IDLE || self.now >= created_at + AGE {
                expired.push(token);
            } else {
                return (Some(token), expired, busy);
            }
        }
        (None, expired, busy)
    }

    /// Those that were idle for too long in the order in which they came, then those that are too old by their age.
    fn expire(&mut self) -> Vec<u32> {
        let now = self.now;
        let was_idle = |it: &Entry| now >= it.since + IDLE;
        let due = |it: &Entry| (was_idle(it) || now >= it.created_at + AGE) && !is_busy(it.token);
        let mut expired: Vec<_> = self.list.iter().copied().filter(due).collect();
        expired.sort_by_key(|it| if was_idle(it) { (0, 0) } else { (1, it.created_at) });
        self.list.retain(|it| !due(it));
        expired.into_iter().map(|it| it.token).collect()
    }

    fn next_expiry(&self) -> Option<Duration> {
        self.list.iter().map(|it| at((it.since + IDLE).min(it.created_at + AGE))).min()
    }
}

proptest! {
    #[test]
    fn the_list_does_what_a_search_would(steps in prop::collection::vec(step(), 0..120)) {
        let mut list = IdleList::new(LIMITS);
        let mut plain = Plain::default();
        let mut places = Vec::new();
        for (token, step) in (0u32..).zip(steps) {
            match step {
                Step::Put { key, young } => {
                    let created_at = if young { plain.now } else { plain.now.saturating_sub(20) };
                    let put = put(&mut list, key, token, Stamps::new(at(plain.now), at(created_at)), claim);
                    let expected = plain.put(Entry { key, token, since: plain.now, created_at });
                    prop_assert_eq!(put.as_ref().map(|put| put.evicted).map_err(|_| ()), expected);
                    places.extend(put.map(|put| (token, put.handle)));
                }
                Step::Take { key } => {
                    let took = take(&mut list, &key, at(plain.now), claim);
                    prop_assert_eq!(took, plain.take(key));
                }
                Step::Remove { nth } => {
                    if let Some(&(token, place)) = places.iter().rev().nth(nth) {
                        let index = plain.list.iter().position(|it| it.token == token);
                        prop_assert_eq!(list.remove(place), index.is_some());
                        index.map(|index| plain.list.remove(index));
                    }
                }
                Step::Expire => {
                    prop_assert_eq!(expire(&mut list, at(plain.now), claim), plain.expire());
                    prop_assert_eq!(list.next_expiry(), plain.next_expiry());
                }
                Step::Wait { seconds } => plain.now += seconds,
            }
            prop_assert_eq!(list.len(), plain.list.len());
            for key in 0..3 {
                prop_assert_eq!(len_of(&list, &key), plain.list.iter().filter(|it| it.key == key).count());
            }
        }
    }
}
