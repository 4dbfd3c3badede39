//! The log of a whole node is explained, each part and what is between them, and one that was tampered with is not.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use conformance::log::Log;
use handfast::framed::{Delivery, Frame, Transport};
use handfast::lifecycle::{Limits, Reason};
use handfast::node::{Config, Node, Opening, Session, Stream, Upgraded, framed};
use model::checker::explain::{Explanation, LogError};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, duplex};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

/// Longer than anything takes, by a clock that stands still while something can be done.
const STUCK: Duration = Duration::from_secs(600);

/// Frames that each body sends.
const FRAMES: u8 = 3;

/// A stream in memory. What was written is in the peer's queue, as with a socket of one host.
struct Pipe(Stream<DuplexStream>);

impl Transport for Pipe {
    type Read = ReadHalf<Stream<DuplexStream>>;
    type Write = WriteHalf<Stream<DuplexStream>>;

    fn split(self) -> (Self::Read, Self::Write) {
        tokio::io::split(self.0)
    }

    fn delivery(_: &Self::Write) -> io::Result<Delivery> {
        Ok(Delivery::Outstanding(0))
    }
}

fn node(key: u64, opening: Option<Opening>, log: &Log, heard: &UnboundedSender<u64>) -> Node<u64, (), DuplexStream> {
    let upgrade = move |mut stream: Stream<DuplexStream>| async move {
        stream.write_u64(key).await?;
        let peer = stream.read_u64().await?;
        Ok::<_, io::Error>(Upgraded::new(peer, (), Pipe(stream)))
    };
    let heard = heard.clone();
    let body = framed(Default::default(), move |session: Session<u64, (), Pipe>| {
        let heard = heard.clone();
        async move {
            let Session { mut reader, mut writer, .. } = session;
            for number in 0..FRAMES {
                // A session that loses a tie accepts no more.
                if writer.write(Frame::new(1, vec![number; number.into()])).await.is_err() {
                    break;
                }
            }
            let mut frames = 0;
            while reader.read().await?.is_some() {
                frames += 1;
                if frames == FRAMES {
                    let _ = heard.send(key);
                }
            }
            Ok(Reason::RemoteClosed)
        }
    });
    let mut config = Config::new(Limits::by_direction(8, 8), key, "/test/1");
    config.opening = opening.unwrap_or(config.opening);
    Node::recorded(config, log.clone(), upgrade, body).expect("the configuration is sound")
}

fn address(last: u8) -> SocketAddr {
    (Ipv4Addr::new(192, 0, 2, last), 7).into()
}

async fn both_hear(heard: &mut UnboundedReceiver<u64>) {
    let mut all = [heard.recv().await, heard.recv().await];
    all.sort();
    assert_eq!(all, [Some(1), Some(2)], "each node is given all frames of the other one");
}

/// What two nodes record that have a session each dialed by the lesser one, or by both; and before that, if they are to
/// break a tie, one that the greater one dialed.
async fn recorded(opening: Option<Opening>, by_both: bool, tie: bool) -> [String; 2] {
    let logs = [Log::default(), Log::default()];
    let (hears, mut heard) = unbounded_channel();
    let [one, two] = [(1, &logs[0]), (2, &logs[1])].map(|(key, log)| node(key, opening.clone(), log, &hears));
    let talk = async {
        if tie {
            let (left, right) = duplex(4096);
            let loses = two.dial_with(address(1), async { Ok(right) }).expect("there is a slot");
            let _ = one.accept(left, address(2)).expect("there is a slot");
            both_hear(&mut heard).await;
            connect(&one, &two, by_both);
            assert!(loses.wait().await.announced, "the one that the lesser key dialed takes its place");
        } else {
            connect(&one, &two, by_both);
        }
        both_hear(&mut heard).await;
        tokio::join!(one.shutdown(Duration::from_secs(5)), two.shutdown(Duration::from_secs(5)))
    };
    let reports = timeout(STUCK, talk).await.expect("the nodes talk and end");
    assert_eq!((reports.0.aborted, reports.1.aborted), (0, 0));
    drop((one, two));
    logs.map(|log| String::from_utf8(log.take()).expect("a log is text"))
}

fn connect(one: &Node<u64, (), DuplexStream>, two: &Node<u64, (), DuplexStream>, by_both: bool) {
    let (left, right) = duplex(4096);
    let _ = one.dial_with(address(2), async { Ok(left) }).expect("there is a slot");
    if by_both {
        let _ = two.dial_with(address(1), async { Ok(right) }).expect("there is a slot");
    } else {
        let _ = two.accept(right, address(1)).expect("there is a slot");
    }
}

fn explain(log: &str) -> Result<Explanation, LogError> {
    let entry = model::registry::find("node").expect("it is modelled");
    (entry.explain)(&mut log.as_bytes())
}

#[track_caller]
fn explained(log: &str) -> Explanation {
    let explanation = explain(log).unwrap_or_else(|error| panic!("{error}: {log}"));
    let found = (&explanation.part, &explanation.rejection, &explanation.violated, &explanation.owed);
    assert_eq!(found, (&None, &None, &vec![], &vec![]), "{log}");
    explanation
}

#[tokio::test(start_paused = true)]
async fn what_whole_nodes_record_is_explained() {
    for (opening, by_both, tie) in [
        (None, false, false),
        (None, true, false),
        (None, false, true),
        (None, true, true),
        (Some(Opening::ByDirection), false, false),
        (Some(Opening::ByDirection), false, true),
    ] {
        let sessions = 1 + usize::from(tie);
        let negotiations = if opening.is_none() { sessions } else { 0 };
        for log in recorded(opening, by_both, tie).await {
            let explanation = explained(&log);
            let runs: Vec<_> = explanation.parts.iter().map(|part| (part.name.as_str(), part.runs)).collect();
            let expected = [("lifecycle", 1), ("simopen", negotiations), ("framed", sessions)];
            let expected: Vec<_> = expected.into_iter().filter(|(_, runs)| *runs > 0).collect();
            assert_eq!(runs, expected, "{log}");
            let drawing = explanation.behaviour.expect("it can be drawn");
            assert!(drawing.steps.iter().all(|step| !step.action.is_empty()) && !drawing.steps.is_empty());
        }
    }
}

/// A log without its last lines, and within a line, is one of a process that was killed.
#[tokio::test(start_paused = true)]
async fn the_log_of_a_node_that_was_killed_is_explained_up_to_there() {
    let [log, _] = recorded(None, true, true).await;
    for end in (0..log.len()).step_by(97) {
        let first_line = log.find('\n').expect("it has lines");
        match explain(&log[..end]) {
            Ok(explanation) => assert_eq!((explanation.rejection, explanation.violated), (None, vec![]), "{end}"),
            Err(error) => assert!(end <= first_line, "{error}: {}", &log[..end]),
        }
    }
}

/// A change of a log.
type Tamper = fn(Lines) -> Lines;

/// The lines of a log, to be tampered with.
struct Lines(Vec<String>);

impl Lines {
    /// The place of the first line that has all these words.
    #[track_caller]
    fn find(&self, words: &[&str]) -> usize {
        let found = self.0.iter().position(|line| words.iter().all(|word| line.contains(word)));
        found.unwrap_or_else(|| panic!("{words:?}: {}", self.0.join("\n")))
    }

    fn without(mut self, words: &[&str]) -> Self {
        self.0.remove(self.find(words));
        self
    }

    fn moved(mut self, words: &[&str], before: &[&str]) -> Self {
        let line = self.0.remove(self.find(words));
        self.0.insert(self.find(before), line);
        self
    }

    fn changed(mut self, words: &[&str], from: &str, to: &str) -> Self {
        let index = self.find(words);
        self.0[index] = self.0[index].replace(from, to);
        self
    }

    /// Its frames are dropped where their shutdown begins.
    fn dropped(mut self) -> Self {
        let (begin, over) = (self.find(&["\"begun\":[\"left\""]), self.find(&["framed", "\"over\":true"]));
        let mut index = begin;
        for _ in begin..over {
            if self.0[index].contains("\"part\":\"framed\"") {
                self.0.remove(index);
            } else {
                index += 1;
            }
        }
        let abandoned = r#"{"part":"framed","session":0,"action":{"abandon":{"end":"left"}},"#;
        let told = r#""observation":{"accepted":[{"abandoned":"left"},{"closed":"left"}]}}"#;
        self.0.insert(self.find(&["framed", "\"over\":true"]), format!("{abandoned}{told}"));
        self
    }
}

#[tokio::test(start_paused = true)]
async fn a_log_that_was_tampered_with_is_not_explained() {
    let [log, _] = recorded(None, true, false).await;
    explained(&log);
    let tampered: [(&str, &str, Tamper); 8] = [
        ("lifecycle", "", |log| log.without(&["\"handshake_done\""])),
        ("simopen of session 0", "", |log| log.without(&["simopen", "\"heard\":[\"left\",\"header\"]"])),
        ("framed of session 0", "", |log| log.without(&["framed", "\"delivered\""])),
        ("the whole", "NODE-7", |log| log.moved(&["simopen", "\"over\":true"], &["\"announce\""])),
        ("the whole", "NODE-7", |log| log.moved(&["framed", "\"protocol\""], &["\"announce\""])),
        ("the whole", "NODE-2", |log| log.changed(&["\"ranked\""], "4294967295", "7")),
        ("the whole", "NODE-6", |log| log.without(&["framed", "\"over\":true"])),
        ("the whole", "NODE-5", Lines::dropped),
    ];
    for (part, rule, tamper) in tampered {
        let lines = tamper(Lines(log.lines().map(str::to_owned).collect())).0;
        let text = lines.join("\n") + "\n";
        let explanation = explain(&text).unwrap_or_else(|error| panic!("{part} {rule}: {error}: {text}"));
        let named = explanation.part.unwrap_or_else(|| panic!("{part} {rule} is not noticed: {text}"));
        assert!(named.starts_with(part), "{named} in place of {part}: {text}");
        let rejection = explanation.rejection.expect("a part is named where a line is rejected");
        let says = rejection.possible.iter().flat_map(|possible| &possible.instead).any(|line| line.starts_with(rule));
        assert!(says, "{rule} is not named: {rejection:?}");
        let drawing = explanation.behaviour.expect("it can be drawn");
        let last = drawing.steps.last().expect("the rejected line is drawn");
        assert_eq!((last.actor.as_str(), &last.action), ("log", &rejection.recorded.action));
    }
}
