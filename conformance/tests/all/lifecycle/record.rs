//! What the driver records of busy runs is a behaviour of the model, and what was tampered with is not.

use std::time::Duration;

use conformance::dice::Dice;
use conformance::log::Log;
use conformance::paused;
use handfast::lifecycle::{Config, Duplicates, Event, Limits, Node, NodeConfig, Origin, Reason};
use model::checker::explain::{Explanation, explain};
use model::lifecycle::handfast::Handfast;
use tokio::time::sleep;

type Peers = Node<u32>;

const SESSIONS: u32 = 60;
const KEYS: u32 = 5;

fn pause(dice: &mut Dice) -> Duration {
    Duration::from_millis(dice.roll(40))
}

fn node(duplicates: Duplicates, log: &Log) -> Peers {
    let registry = Config::new(Limits::new(6, 4), duplicates).with_capacity(9);
    let config = NodeConfig::new(registry)
        .with_handshake_timeout(Duration::from_millis(60))
        .with_slow_subscriber_timeout(Duration::from_millis(25))
        .with_grace(Duration::from_millis(5));
    Node::recorded(config, log.clone()).expect("the configuration is sound and one of the model's")
}

/// One connection after the other: handshakes that fail, hang, or say twice who it is; bodies that panic, hang or return.
async fn connect(node: Peers, mut dice: Dice) {
    for _ in 0..SESSIONS / 6 {
        sleep(pause(&mut dice)).await;
        let (mut shake, mut live) = (dice.clone(), dice.clone());
        let key = dice.roll(KEYS);
        let handshake = move |signal: handfast::lifecycle::Handshake<u32>| async move {
            sleep(pause(&mut shake)).await;
            match shake.roll(8) {
                0 => Err(()),
                1 => std::future::pending().await,
                2 => {
                    let _ = (signal.handshake_done(key, ()), signal.handshake_done(key + 1, ()));
                    Ok(())
                }
                _ => {
                    let _ = signal.handshake_done(key, ());
                    sleep(pause(&mut shake) / 4).await;
                    Ok(())
                }
            }
        };
        let body = move |_, ()| async move {
            sleep(pause(&mut live) * 2).await;
            match live.roll(3) {
                0 => std::future::pending().await,
                1 => Reason::Failed,
                _ => Reason::RemoteClosed,
            }
        };
        let Ok(session) = node.open(Origin::inbound(None), handshake, body) else { continue };
        sleep(pause(&mut dice)).await;
        match dice.roll(3) {
            0 => session.abort(),
            1 => drop(node.disconnect(session.session(), Reason::Local)),
            _ => {}
        }
    }
}

/// Subscribes again and again, and takes its events now fast, now slowly.
async fn listen(node: Peers, mut dice: Dice) {
    while let Ok(mut events) = node.subscribe() {
        let slow = dice.roll(2) == 0;
        loop {
            if slow {
                sleep(pause(&mut dice) * 2).await;
            }
            match events.next().await {
                Some(Event::Up(_) | Event::Down(..)) if dice.roll(20) == 0 => break,
                Some(Event::Up(_) | Event::Down(..)) => {}
                Some(Event::Lagged) => break,
                Some(Event::Closed) | None => return,
            }
        }
    }
}

async fn ban(node: Peers, mut dice: Dice) {
    for _ in 0..20 {
        sleep(pause(&mut dice)).await;
        let key = dice.roll(KEYS);
        let _ = if dice.roll(2) == 0 { node.ban(key) } else { node.unban(&key) };
    }
    for key in 0..KEYS {
        let _ = node.unban(&key);
    }
}

async fn busy(node: Peers, seed: u64) {
    let mut tasks = tokio::task::JoinSet::new();
    let mut dice = Dice::new(seed);
    for _ in 0..6 {
        tasks.spawn(connect(node.clone(), dice.fork()));
    }
    let mut listeners = tokio::task::JoinSet::new();
    for _ in 0..3 {
        listeners.spawn(listen(node.clone(), dice.fork()));
    }
    tasks.spawn(ban(node.clone(), dice.fork()));
    tasks.join_all().await;
    let report = node.shutdown(Duration::from_millis(2)).await;
    assert!(report.drained + report.aborted <= 6);
    listeners.join_all().await;
    assert_eq!(node.metrics().sessions, 0);
}

fn explained(log: &[u8]) -> Explanation {
    explain::<Handfast>(&mut &*log).expect("what is recorded can be read")
}

fn recorded(duplicates: Duplicates, seed: u64) -> Vec<u8> {
    let log = Log::default();
    paused::runtime().block_on(busy(node(duplicates, &log), seed));
    log.take()
}

#[test]
fn busy_runs_are_behaviours_of_the_model() {
    let mut seen = std::collections::BTreeMap::new();
    for seed in 0..200 {
        let duplicates = if seed % 2 == 0 { Duplicates::KeepNew } else { Duplicates::KeepOld };
        let log = recorded(duplicates, seed);
        let Explanation { runs, steps, rejection, violated, .. } = explained(&log);
        assert_eq!((runs, rejection, violated), (1, None, vec![]), "seed {seed}");
        assert!(steps > 100, "{steps} steps");
        for word in
            ["evict", "abort", "expire", "no_room", "waits_for_old", "handshake_done_twice", "lagged", "duplicate"]
        {
            let said = String::from_utf8_lossy(&log).matches(word).count();
            *seen.entry(word).or_insert(0) += said;
        }
    }
    println!("{seen:?}");
    assert!(seen.values().all(|&times| times > 0), "not everything happened that should: {seen:?}");
}

#[test]
fn a_run_on_several_threads_is_a_behaviour_of_the_model() {
    for seed in 0..3 {
        let log = Log::default();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap();
        runtime.block_on(busy(node(Duplicates::KeepNew, &log), seed));
        drop(runtime);
        let explanation = explained(&log.take());
        assert_eq!((explanation.rejection, explanation.violated), (None, vec![]), "seed {seed}");
    }
}

#[test]
fn a_record_that_was_tampered_with_is_no_behaviour_of_the_model() {
    let log = String::from_utf8(recorded(Duplicates::KeepNew, 1)).unwrap();
    let lines: Vec<&str> = log.lines().collect();
    let heard_by = |line: &str| {
        let heard = line.contains("\"up\"") || line.contains("\"down\"");
        let at = line.find("{\"receive\":{\"subscriber\":").filter(|_| heard)?;
        line[at..].split(['{', '}', ':']).find_map(|number| number.parse::<u8>().ok())
    };
    let is_rejected = |lines: &[&str]| explained(lines.join("\n").as_bytes()).rejection.is_some();
    let mut tampered = 0;
    for (index, line) in lines.iter().enumerate() {
        let Some(subscriber) = heard_by(line) else { continue };
        let Some(next) = (index + 1..lines.len()).find(|&later| heard_by(lines[later]) == Some(subscriber)) else {
            continue;
        };
        let subscription = format!("subscribe\":{{\"subscriber\":{subscriber}");
        if lines[index..next].iter().any(|line| line.contains(&subscription) || line.contains("lagged")) {
            continue; // the next event is another subscription's
        }
        let mut swapped = lines.clone();
        swapped.swap(index, next);
        let mut dropped = lines.clone();
        dropped.remove(index);
        let mut doubled = lines.clone();
        doubled.insert(index, line);
        assert!(is_rejected(&swapped), "lines {index} and {next} were swapped");
        assert!(is_rejected(&dropped), "line {index} was dropped");
        assert!(is_rejected(&doubled), "line {index} was doubled");
        tampered += 1;
    }
    println!("{tampered} events of {} lines were swapped, dropped and doubled", lines.len());
    assert!(tampered > 20);
}
