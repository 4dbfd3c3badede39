//! Two nodes on two hosts whose SYNs cross.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use handfast::framed::Frame;
use handfast::lifecycle::{Limits, Reason};
use handfast::node::{Config, Node, Opening, Session, Stream, Upgraded, framed};
use handfast::simopen::{Direction, Options, Role, Side};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use super::explained;
use crate::simopen::namespaces::kernel::{Cable, Host, State};
use crate::simopen::namespaces::{PATIENCE, hosts};
use crate::support::deadline;

/// What the upgrade learns of a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Said {
    side: Side,
    both_dialed: bool,
}

/// What a body has: its peer, what the upgrade learned, and the first frame.
#[derive(Debug, Eq, PartialEq)]
struct Met {
    key: u64,
    peer: u64,
    said: Said,
    frame: Vec<u8>,
}

fn config(key: u64) -> Config<u64> {
    // The greater number is the initiator's. A SYN that is lost is sent again after a second, and the machine may be busy.
    let options = Options::default().with_nonce(Some(key)).with_timeout(PATIENCE);
    let mut config = Config::new(Limits::by_direction(8, 8), key, "/crossed/1");
    config.opening = Opening::Negotiate { protocols: vec!["/crossed/1".to_owned()], options };
    config.connect_timeout = 2 * PATIENCE;
    config.registry.handshake_timeout = 4 * PATIENCE;
    config
}

/// A node that listens, and keeps a connection with the other one, until it is told to shut down.
fn run(ours: &Host, theirs: SocketAddr, key: u64, log: &Path, met: Sender<Met>, over: oneshot::Receiver<()>) {
    let upgrade = move |mut stream: Stream<TcpStream>| async move {
        let said = Said { side: stream.side(), both_dialed: stream.both_dialed() };
        stream.write_u64(key).await?;
        let peer = stream.read_u64().await?;
        Ok::<_, io::Error>(Upgraded::new(peer, said, stream))
    };
    let body = framed(Default::default(), move |session: Session<u64, Said, Stream<TcpStream>>| {
        let met = met.clone();
        async move {
            let Session { peer, mut reader, mut writer, .. } = session;
            writer.write(Frame::new(1, key.to_be_bytes().to_vec())).await?;
            let frame = reader.read().await?.expect("a frame comes before the end").payload.to_vec();
            met.send(Met { key, peer: peer.key, said: peer.info, frame }).expect("it is waited for");
            while reader.read().await?.is_some() {}
            Ok(Reason::RemoteClosed)
        }
    });
    let out = std::fs::File::create(log).expect("it can be made");
    ours.within(move || {
        let runtime = Builder::new_current_thread().enable_all().build().expect("there is a runtime");
        runtime.block_on(async {
            let node = Node::recorded(config(key), out, upgrade, body).expect("the configuration is sound");
            node.listen(ours.address).expect("the port is free");
            let _kept = node.keep(theirs);
            over.await.expect("it is told to end");
            let report = node.shutdown(PATIENCE).await;
            assert_eq!(report.aborted, 0, "every session ends in order");
            node.registry().flush_record().expect("the log is complete");
        });
    });
}

/// Two nodes dial each other when `happens` says so; the left one has the greater key. Both kernels must say that nothing
/// was accepted although both nodes listen.
fn both_dial(name: &str, cable: &Cable, happens: impl FnOnce(&mut dyn FnMut(&Host))) {
    let Cable { left, right } = cable;
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let log = |key: u64| directory.join(format!("crossed-{name}-{}-{key}.ndjson", std::process::id()));
    let logs = [log(1), log(2)];
    let (tells, met): (_, Receiver<Met>) = mpsc::channel();
    thread::scope(|scope| {
        let mut ends = Vec::new();
        happens(&mut |host| {
            let ((over, is_over), tells) = (oneshot::channel(), tells.clone());
            let [rights, lefts] = &logs;
            let end = match std::ptr::eq(host, left) {
                true => scope.spawn(move || run(left, right.address, 2, lefts, tells, is_over)),
                false => scope.spawn(move || run(right, left.address, 1, rights, tells, is_over)),
            };
            ends.push((over, end));
        });
        let mut all: Vec<Met> =
            (0..2).map(|_| met.recv_timeout(4 * PATIENCE).expect("a frame reaches each node")).collect();
        all.sort_by_key(|met| met.key);
        let met = |key: u64, peer: u64, role| {
            let said = Said { side: Side { role, direction: Direction::Outbound }, both_dialed: true };
            Met { key, peer, said, frame: peer.to_be_bytes().to_vec() }
        };
        assert_eq!(all, [met(1, 2, Role::Responder), met(2, 1, Role::Initiator)]);
        for host in [left, right] {
            let opens = ["ActiveOpens", "PassiveOpens", "CurrEstab"].map(|name| host.counter(name));
            assert_eq!(opens, [1, 0, 1], "it dialed, it accepted nothing, and it has one connection");
            host.comes_to_all(&[State::Established, State::Listening]);
        }
        // Both at once: a node that is left dials the other one again.
        let ends: Vec<_> = ends
            .into_iter()
            .map(|(over, end)| {
                over.send(()).expect("it runs");
                end
            })
            .collect();
        ends.into_iter().for_each(|end| end.join().expect("the node is well"));
    });
    assert_eq!(met.recv_timeout(Duration::ZERO).ok(), None, "each had one session");
    for log in &logs {
        let steps = explained(log).steps;
        println!("{steps} steps, and the models explain each");
        std::fs::remove_file(log).expect("it was written");
    }
}

#[test]
fn nodes_whose_syns_cross_have_one_session_with_opposite_roles() {
    let _deadline = deadline("two nodes whose SYNs cross to have one session");
    let Some(cable) = hosts() else { return };
    let Cable { left, right } = &cable;
    both_dial("crossed", &cable, |dials| {
        dials(left);
        dials(right);
        left.comes_to_all(&[State::SynSent, State::Listening]);
        right.comes_to_all(&[State::SynSent, State::Listening]);
        left.learns(right);
        right.comes_to_all(&[State::SynReceived, State::Listening]);
        right.learns(left);
    });
}

/// One end sees what an ordinary client sees, although the other one dialed it, and both listen.
#[test]
fn nodes_of_which_one_syn_is_lost_have_one_session_with_opposite_roles() {
    let _deadline = deadline("two nodes of which one SYN is lost to have one session");
    let Some(cable) = hosts() else { return };
    let Cable { left, right } = &cable;
    both_dial("lost", &cable, |dials| {
        right.is_misled_about(left);
        left.learns(right);
        dials(right);
        right.comes_to_all(&[State::SynSent, State::Listening]);
        dials(left);
        right.comes_to_all(&[State::SynReceived, State::Listening]);
        right.learns(left);
    });
}
