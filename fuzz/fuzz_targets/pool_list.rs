//! The pool's idle list does what a plain list does that is searched from end to end.

#![no_main]

use std::sync::Arc;
use std::time::Duration;

use handfast::pool::core::{
    Claim, Closed, Destination, Handle, IdleList, Limits, MOST_AT_ONCE, Over, Stamps, Unclaimed, Why,
};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits::new(20, 40).with_idle(Duration::from_secs(10)).with_age(Duration::from_secs(25));

fuzz_target!(|input: &[u8]| {
    let mut list = IdleList::new(LIMITS);
    let mut plain = Plain { entries: Vec::new(), total: LIMITS.total, now: 0, is_stopped: false, alarm: None };
    let mut handles = Vec::new();
    for (token, instruction) in (0u32..).zip(input.chunks_exact(3)) {
        let [what, first, second] = *instruction else { return };
        match what % 10 {
            0..=2 => put(&mut list, &mut plain, &mut handles, token, (first, second)),
            3 => {
                let key = first % 4;
                let taken = find(&list, key).map(|key| list.take(key, at(plain.now), claim));
                let taken = taken.map(|taken| (taken.found, taken.expired, taken.busy));
                assert_eq!(taken.unwrap_or((None, Vec::new(), 0)), plain.take(key));
            }
            4 => {
                if let Some(&(token, handle)) = handles.iter().rev().nth(usize::from(first)) {
                    let place = plain.place(token);
                    assert_eq!(list.remove(handle), place.is_some());
                    place.map(|place| plain.entries.remove(place));
                }
            }
            5 => {
                let most = usize::from(first % 20);
                assert_eq!(list.expire(at(plain.now), most, claim), plain.expire(most));
            }
            6 => plain.now += u64::from(first % 8),
            7 => end(&mut list, &mut plain, &handles, (first, second)),
            8 => room(&mut list, &mut plain, (first, second)),
            // The rest of ten.
            _ => {
                plain.alarm = plain.next_expiry();
                assert_eq!(list.next_expiry(), plain.alarm);
            }
        }
        assert_eq!((list.len(), list.room()), (plain.entries.len(), plain.room()));
        for key in 0..4 {
            let there = find(&list, key).map_or(0, |key| list.len_of(key));
            assert_eq!(there, plain.entries.iter().filter(|entry| entry.key == key).count());
        }
        assert!(list.keys() <= 64 + plain.entries.len() + 1);
    }
});

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Some are inside, and some are gone.
fn claim(token: u32) -> Claim<u32> {
    match (token % 7, token % 11) {
        (3, _) => Err(Unclaimed::Busy),
        (_, 5) => Err(Unclaimed::Gone),
        // All others may be had.
        _ => Ok(token),
    }
}

/// Two keys have the same hash.
fn find(list: &IdleList<u8, u32>, key: u8) -> Option<Destination> {
    list.with_hash(u64::from(key % 2)).find(|(_, known)| ***known == key).map(|(destination, _)| destination)
}

type Handles = Vec<(u32, Handle)>;

fn put(list: &mut IdleList<u8, u32>, plain: &mut Plain, handles: &mut Handles, token: u32, how: (u8, u8)) {
    let (key, now) = (how.0 % 4, plain.now);
    let destination = find(list, key).unwrap_or_else(|| list.remember(u64::from(key % 2), Arc::new(key)));
    let (created_at, until) = (now.saturating_sub(u64::from(how.0 / 4 % 32)), now + u64::from(how.1));
    let stamps = Stamps { now: at(now), created_at: at(created_at), until: at(until) };
    let entry = Entry { key, token, since: now, until: (created_at + 25).min(until), why: Why::Expired };
    let put = list.put(destination, token, stamps, claim);
    assert_eq!(put.as_ref().map(|put| (put.evicted, put.needs_alarm)).map_err(|error| *error), plain.put(entry));
    handles.extend(put.map(|put| (token, put.handle)));
    drop(list.take_forgotten());
}

fn end(list: &mut IdleList<u8, u32>, plain: &mut Plain, handles: &Handles, how: (u8, u8)) {
    let why = if how.1 % 2 == 0 { Why::Cleared } else { Why::Suspected };
    if how.1 % 3 == 0 {
        let key = how.0 % 4;
        let ended = find(list, key).map_or(0, |key| list.end_all(key, why));
        let there = plain.entries.iter_mut().filter(|entry| entry.key == key);
        assert_eq!(ended, there.map(|entry| entry.end(why)).count());
    } else if let Some(&(token, handle)) = handles.iter().rev().nth(usize::from(how.0)) {
        let place = plain.place(token);
        assert_eq!(list.end(handle, why), place.is_some());
        place.map(|place| plain.entries[place].end(why));
    }
}

fn room(list: &mut IdleList<u8, u32>, plain: &mut Plain, how: (u8, u8)) {
    let many = usize::from(how.0 % 8);
    match how.1 % 16 {
        0 => {
            plain.is_stopped = true;
            assert_eq!(list.stop(claim), plain.clear());
        }
        1..=5 => {
            plain.total += many;
            list.grant(many);
        }
        6..=10 => {
            let given = plain.room().min(many);
            plain.total -= given;
            assert_eq!(list.surrender(many), given);
        }
        _ => assert_eq!(list.evict(claim), plain.evict()), // The rest of sixteen.
    }
}

#[derive(Clone, Copy)]
struct Entry {
    key: u8,
    token: u32,
    since: u64,
    until: u64,
    why: Why,
}

impl Entry {
    fn end(&mut self, why: Why) {
        if self.why == Why::Expired {
            (self.why, self.until) = (why, 0);
        }
    }

    fn idle_until(&self) -> u64 {
        self.since + 10
    }
}

/// The same by search, the oldest first.
struct Plain {
    entries: Vec<Entry>,
    total: usize,
    now: u64,
    is_stopped: bool,
    alarm: Option<Duration>,
}

impl Plain {
    fn place(&self, token: u32) -> Option<usize> {
        self.entries.iter().position(|entry| entry.token == token)
    }

    fn room(&self) -> usize {
        self.total.saturating_sub(self.entries.len())
    }

    /// Takes it out if it may be had, or is gone.
    fn have(&mut self, token: u32) -> Claim<u32> {
        let claimed = claim(token);
        if claimed != Err(Unclaimed::Busy) {
            self.entries.retain(|entry| entry.token != token);
        }
        claimed
    }

    fn tokens(&self, of: impl Fn(&Entry) -> bool) -> Vec<u32> {
        self.entries.iter().filter(|entry| of(entry)).map(|entry| entry.token).collect()
    }

    fn put(&mut self, entry: Entry) -> Result<(Option<u32>, bool), Closed> {
        if self.is_stopped {
            return Err(Closed::Stopped);
        }
        let same_key = self.tokens(|other| other.key == entry.key);
        let candidates = if same_key.len() >= LIMITS.per_key {
            Some(same_key)
        } else {
            (self.entries.len() >= self.total).then(|| self.tokens(|_| true))
        };
        let mut evicted = None;
        if let Some(candidates) = candidates {
            let had = candidates.into_iter().map(|token| self.have(token)).find(|had| *had != Err(Unclaimed::Busy));
            evicted = had.ok_or(Closed::Full)?.ok();
        }
        self.entries.push(entry);
        let expiry = at(entry.idle_until().min(entry.until));
        let needs_alarm = self.alarm.is_none_or(|alarm| expiry < alarm);
        self.alarm = if needs_alarm { Some(expiry) } else { self.alarm };
        Ok((evicted, needs_alarm))
    }

    fn take(&mut self, key: u8) -> (Option<u32>, Vec<Over<u32>>, usize) {
        let (mut expired, mut busy) = (Vec::new(), 0);
        let newest_first = self.entries.iter().copied().filter(|entry| entry.key == key).rev().collect::<Vec<_>>();
        for entry in newest_first {
            let is_expired = entry.idle_until() <= self.now || entry.until <= self.now;
            if is_expired && expired.len() == MOST_AT_ONCE {
                continue;
            }
            match self.have(entry.token) {
                Ok(claimed) if is_expired => expired.push(Over { claimed, why: entry.why }),
                Ok(token) => return (Some(token), expired, busy),
                Err(Unclaimed::Busy) => busy += 1,
                Err(Unclaimed::Gone) => {}
            }
        }
        (None, expired, busy)
    }

    fn expire(&mut self, most: usize) -> Vec<Over<u32>> {
        let now = self.now;
        let idle = self.entries.iter().copied().filter(|entry| entry.idle_until() <= now).collect::<Vec<_>>();
        let mut old: Vec<Entry> = self.entries.iter().copied().filter(|entry| entry.until <= now).collect();
        old.retain(|entry| entry.until < entry.idle_until());
        old.sort_by_key(|entry| entry.until);
        let mut expired: Vec<Over<u32>> = Vec::new();
        for Entry { token, why, .. } in idle.into_iter().chain(old) {
            if expired.len() < most && self.place(token).is_some() {
                expired.extend(self.have(token).ok().map(|claimed| Over { claimed, why }));
            }
        }
        expired
    }

    fn next_expiry(&self) -> Option<Duration> {
        self.entries.iter().map(|entry| at(entry.idle_until().min(entry.until))).min()
    }

    fn clear(&mut self) -> Vec<u32> {
        self.tokens(|_| true).into_iter().filter_map(|token| self.have(token).ok()).collect()
    }

    fn evict(&mut self) -> Option<u32> {
        self.tokens(|_| true).into_iter().find_map(|token| self.have(token).ok())
    }
}
