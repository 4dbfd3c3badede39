//! Simultaneous opens that come about whenever they are to, between two hosts with a cable between them.
//!
//! Two SYNs cross because neither host knows the other's hardware address until both have sent one: the SYNs wait for it,
//! and go out when it is told. One SYN is lost because its sender takes the other host to be where nobody is. In both cases
//! neither host listens, and both kernels count one active open and no passive one.

pub(crate) mod kernel;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use handfast::simopen::{Dialed, Dialer, Options, Recorder, Role, listen};
use model::checker::explain::explain;
use model::simopen::Connection;
use tokio::runtime::Builder;
use tokio::time::timeout;

use crate::simopen::talk;
use crate::support::{deadline, skip};
use kernel::{Cable, Flags, Host, State, Tap, Way, joins_crossed_syns};

/// Two hosts; none where they cannot be had.
pub(crate) fn hosts() -> Option<Cable> {
    let cable = Cable::lay().and_then(|cable| match joins_crossed_syns() {
        true => Ok(cable),
        false => Err("net.ipv4.tcp_simult_connect is 0".to_owned()),
    });
    cable.inspect_err(|reason| skip(&format!("network namespaces: {reason}"))).ok()
}

/// How long anything here may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What an end came to, and what it recorded.
type Settled = (Role, String, Vec<u8>);

/// Dials from the port at which the other host dials it, negotiates and talks, and says so. The connection is open until
/// nobody wants it to be any more.
fn dial(
    ours: &Host,
    theirs: &Host,
    nonce: u64,
    [says, hears]: [u8; 2],
    talked: Sender<()>,
    over: Receiver<()>,
) -> Settled {
    let options = Options::default().with_nonce(Some(nonce)).with_timeout(PATIENCE);
    // A SYN that is lost is sent again after a second, and the machine may be busy.
    let dialer = Dialer::new(Some(ours.address)).with_timeout(2 * PATIENCE);
    let mut recorder = Recorder::new(Vec::new());
    ours.within(move || {
        let runtime = Builder::new_current_thread().enable_all().build().expect("there is a runtime");
        runtime.block_on(async {
            let dialed = timeout(PATIENCE, dialer.connect(theirs.address)).await.expect("it is opened");
            let Dialed { stream, port_reused } = dialed.unwrap_or_else(|error| panic!("{}: {error:?}", ours.address));
            assert!(port_reused, "it is the port that the other host dials");
            let settled = recorder.negotiate(stream, &["/noise"], options).await;
            let mut stream = settled.unwrap_or_else(|error| panic!("{}: {error:?}", ours.address));
            talk(&mut stream, says, hears).await;
            talked.send(()).expect("somebody wants to know");
            over.recv().expect_err("nothing is sent");
            (stream.role(), stream.protocol().to_owned(), recorder.finish().expect("memory can be written to"))
        })
    })
}

/// Both hosts dial when `happens` says so; the left one's number is the greater one. When both have talked, both kernels must
/// say that nobody accepted anything.
fn both_dial(cable: &Cable, happens: impl FnOnce(&mut dyn FnMut(&Host))) {
    let Cable { left, right } = cable;
    let [lefts, rights] = thread::scope(|scope| {
        let (talked, talks) = mpsc::channel();
        let mut ends = Vec::new();
        happens(&mut |host| {
            let ((over, is_over), talked) = (mpsc::channel(), talked.clone());
            let end = match std::ptr::eq(host, left) {
                true => scope.spawn(move || dial(left, right, 2, *b"lr", talked, is_over)),
                false => scope.spawn(move || dial(right, left, 1, *b"rl", talked, is_over)),
            };
            ends.push((host.address, over, end));
        });
        for _ in 0..2 {
            talks.recv_timeout(2 * PATIENCE).expect("both ends talk");
        }
        for host in [left, right] {
            let opens = ["ActiveOpens", "PassiveOpens", "CurrEstab"].map(|name| host.counter(name));
            assert_eq!(opens, [1, 0, 1], "it dialed, it accepted nothing, and it has one connection");
            assert_eq!(host.states(), [State::Established], "and it does not listen");
        }
        ends.sort_by_key(|(address, ..)| *address);
        let settled = ends.into_iter().map(|(_, over, end)| {
            drop(over);
            end.join().expect("the end is well")
        });
        settled.collect::<Vec<_>>().try_into().expect("there are two ends")
    });
    assert_eq!((lefts.0, lefts.1.as_str()), (Role::Initiator, "/noise"));
    assert_eq!((rights.0, rights.1.as_str()), (Role::Responder, "/noise"));
    for log in [lefts.2, rights.2] {
        let explanation = explain::<Connection>(&mut log.as_slice()).expect("a recorder writes what can be read");
        assert_eq!((explanation.rejection, explanation.violated), (None, vec![]), "it is a behaviour of the model");
        println!("{} steps, and the model explains each", explanation.steps);
    }
}

/// Each end hears the other's SYN after it has sent its own, and answers it with a SYN that acknowledges: what an end that
/// dialed does in no other case.
#[test]
fn two_syns_that_cross_are_one_connection() {
    let _deadline = deadline("two SYNs to cross");
    let Some(cable) = hosts() else { return };
    let Cable { left, right } = &cable;
    let (mut at_left, mut at_right) = (Tap::on(left), Tap::on(right));
    both_dial(&cable, |dials| {
        dials(left);
        dials(right);
        left.comes_to(State::SynSent);
        right.comes_to(State::SynSent);
        assert_eq!((at_left.segments(), at_right.segments()), (&[][..], &[][..]), "both SYNs wait");
        left.learns(right);
        right.comes_to(State::SynReceived);
        assert_eq!(left.states(), [State::SynSent], "and hears nothing of what the right one sends");
        right.learns(left);
    });
    for (tap, host) in [(&mut at_left, "left"), (&mut at_right, "right")] {
        let what = tap.told();
        println!("at the {host} host: {what}");
        let place = |way, flags| tap.place(way, flags).unwrap_or_else(|| panic!("{way:?} {flags:?}: {what}"));
        assert!(place(Way::Out, Flags::Syn) < place(Way::Out, Flags::SynAck), "{what}");
        assert!(place(Way::In, Flags::Syn) < place(Way::In, Flags::SynAck), "{what}");
        assert!(place(Way::In, Flags::Syn) < place(Way::Out, Flags::SynAck), "{what}");
        assert_eq!(tap.place(Way::Astray, Flags::Syn), None, "{what}");
    }
}

/// One end sees what an ordinary client sees, segment by segment, although the other one dialed it: nothing about its
/// connection tells it. The negotiation does.
#[test]
fn a_syn_that_is_lost_leaves_one_end_an_ordinary_client() {
    let _deadline = deadline("a lost SYN to be sent again");
    let Some(cable) = hosts() else { return };
    let Cable { left, right } = &cable;
    let (mut at_left, mut at_right) = (Tap::on(left), Tap::on(right));
    both_dial(&cable, |dials| {
        right.is_misled_about(left);
        left.learns(right);
        dials(right);
        right.comes_to(State::SynSent);
        dials(left);
        right.comes_to(State::SynReceived);
        assert_eq!(left.states(), [State::SynSent], "its SYN was heard, and the answer went astray");
        right.learns(left);
    });
    for (tap, host) in [(&mut at_left, "left"), (&mut at_right, "right")] {
        println!("at the {host} host: {}", tap.told());
    }
    let what = at_left.told();
    assert_eq!(at_left.flags(Way::Out)[..2], [Flags::Syn, Flags::Ack], "{what}");
    // A SYN that is sent again before its answer has come may be acknowledged by itself, which changes nothing.
    let again = at_left.segments().iter().filter(|sent| (sent.way, sent.flags) == (Way::Out, Flags::Syn)).count() > 1;
    let answer = at_left.flags(Way::In).into_iter().find(|flags| !again || *flags != Flags::Ack);
    assert_eq!(answer, Some(Flags::SynAck), "{what}");
    assert_eq!(at_left.flags(Way::Astray), [Flags::Syn, Flags::SynAck], "both were lost: {what}");
    let what = at_right.told();
    assert_eq!(at_right.flags(Way::Out)[..2], [Flags::Syn, Flags::SynAck], "{what}");
    assert_eq!(at_right.flags(Way::In)[..2], [Flags::Syn, Flags::Ack], "{what}");
}

/// From a loopback address nothing leaves the host: Linux refuses with EINVAL, or waits for ever, by the family. Another
/// network is dialed from another port; and so it is from an address that the host does not have.
#[test]
fn another_network_is_dialed_although_one_listens_at_a_loopback_address() {
    let _deadline = deadline("a host to be dialed from another that listens at its loopback");
    let Some(cable) = hosts() else { return };
    let Cable { left, right } = &cable;
    left.learns(right);
    right.learns(left);
    let froms: [SocketAddr; 4] = [
        (Ipv4Addr::LOCALHOST, 4001).into(),
        (Ipv6Addr::LOCALHOST, 4001).into(),
        (Ipv4Addr::new(192, 0, 2, 1), 4001).into(),
        (Ipv4Addr::UNSPECIFIED, 4001).into(),
    ];
    let (listens, is_listening) = mpsc::channel();
    thread::scope(|scope| {
        let accepts = scope.spawn(|| {
            right.within(|| {
                let runtime = Builder::new_current_thread().enable_all().build().expect("there is a runtime");
                runtime.block_on(async {
                    let listener = listen(right.address, 16).expect("the port is free");
                    listens.send(()).expect("it is waited for");
                    let mut ports = Vec::new();
                    while ports.len() < froms.len() {
                        let accepted = timeout(PATIENCE, listener.accept()).await.expect("it is dialed");
                        ports.push(accepted.expect("it is accepted").1.port());
                    }
                    ports
                })
            })
        });
        is_listening.recv_timeout(PATIENCE).expect("the right host listens");
        let reused = left.within(|| {
            let runtime = Builder::new_current_thread().enable_all().build().expect("there is a runtime");
            froms.map(|from| {
                let dialed = runtime.block_on(Dialer::new(Some(from)).connect(right.address));
                dialed.unwrap_or_else(|error| panic!("{from}: {error}")).port_reused
            })
        });
        assert_eq!(reused, [false, false, false, true]);
        let ports = accepts.join().expect("the right host is well");
        assert_eq!(ports.into_iter().map(|port| port == 4001).collect::<Vec<_>>(), reused);
    });
}
