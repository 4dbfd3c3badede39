//! What peers send that is unusual, as one table: the right values are Bitcoin Core's, from `ProcessMessage` and
//! `V1Transport` in its public source, where the table does not say otherwise.

use std::time::Duration;

use bitcoin::consensus::serialize;
use bitcoin::hashes::{Hash, sha256d};
use bitcoin::p2p::Magic;
use handfast::lifecycle::{Config, Duplicates, Limits, NodeConfig};

use super::client::{Client, ClientError, version};
use super::server::{Server, leaving_nothing};
use crate::support::alone;

/// What the node is to do.
#[derive(Clone, Debug)]
enum Wanted {
    Up,
    /// Up, under this name and height.
    UpAs(&'static str, i32),
    Closed,
}

struct Case {
    name: &'static str,
    /// In place of the client's version message.
    introduction: Vec<u8>,
    /// Between the node's verack and the client's.
    between: Vec<u8>,
    /// Behind the handshake.
    later: Vec<u8>,
    wanted: Wanted,
}

fn message(command: &str, payload: &[u8]) -> Vec<u8> {
    let mut message = Magic::REGTEST.to_bytes().to_vec();
    message.extend(command.as_bytes());
    message.resize(16, 0);
    message.extend(u32::try_from(payload.len()).expect("it is short").to_le_bytes());
    message.extend(&sha256d::Hash::hash(payload).as_byte_array()[..4]);
    message.extend(payload);
    message
}

/// A version message's payload: 85 bytes and the user agent's, the last of which is the relay byte.
fn payload(number: i32, user_agent: &[u8]) -> Vec<u8> {
    let mut payload = serialize(&version());
    payload[..4].copy_from_slice(&number.to_le_bytes());
    let (at, rest) = (80, payload.len() - 5);
    let length = if user_agent.len() < 0xfd {
        vec![u8::try_from(user_agent.len()).expect("it is short")]
    } else {
        [&[0xfd][..], &u16::try_from(user_agent.len()).expect("it is short").to_le_bytes()].concat()
    };
    [&payload[..at], &length, user_agent, &payload[rest..]].concat()
}

fn introduces(name: &'static str, payload: &[u8], wanted: Wanted) -> Case {
    Case { name, introduction: message("version", payload), between: Vec::new(), later: Vec::new(), wanted }
}

/// A version whose fields have these bytes from there on.
fn odd(name: &'static str, at: usize, bytes: &[u8], wanted: Wanted) -> Case {
    let mut odd = payload(70016, b"/client:1.0/");
    odd[at..at + bytes.len()].copy_from_slice(bytes);
    introduces(name, &odd, wanted)
}

/// Where a version message with the user agent of [`introduced`] has its fields.
const SERVICES: usize = 4;
const TIME: usize = 12;
const HEIGHT: usize = 93;

fn introduced() -> Vec<u8> {
    message("version", &payload(70016, b"/client:1.0/"))
}

fn says(name: &'static str, later: Vec<u8>, wanted: Wanted) -> Case {
    Case { name, introduction: introduced(), between: Vec::new(), later, wanted }
}

fn versions() -> Vec<Case> {
    let plain = payload(70016, b"/client:1.0/");
    let numbered = |name, number, wanted| introduces(name, &payload(number, b"/client:1.0/"), wanted);
    let longer =
        |name, more: usize| introduces(name, &[&plain[..], &vec![7; more]].concat(), Wanted::UpAs("/client:1.0/", 7));
    let called = |name, user_agent: &[u8], wanted| introduces(name, &payload(70016, user_agent), wanted);
    let relay = |name, relay: &[u8]| introduces(name, &[&plain[..plain.len() - 1], relay].concat(), Wanted::Up);
    vec![
        numbered("version 209", 209, Wanted::Closed),
        numbered("version 31402", 31402, Wanted::Closed),
        numbered("version 31799", 31799, Wanted::Closed),
        numbered("version 31800", 31800, Wanted::Up),
        numbered("version 60000", 60000, Wanted::Up),
        numbered("version 60001", 60001, Wanted::Up),
        numbered("version 70017", 70017, Wanted::Up),
        numbered("the greatest version", i32::MAX, Wanted::Up),
        numbered("version -1", -1, Wanted::Closed),
        odd("no services", SERVICES, &[0; 8], Wanted::Up),
        odd("all services", SERVICES, &[0xff; 8], Wanted::Up),
        odd("time 0", TIME, &[0; 8], Wanted::Up),
        odd("time -1", TIME, &[0xff; 8], Wanted::Up),
        odd("the earliest time", TIME, &i64::MIN.to_le_bytes(), Wanted::Up),
        odd("the latest time", TIME, &i64::MAX.to_le_bytes(), Wanted::Up),
        odd("height 0", HEIGHT, &[0; 4], Wanted::UpAs("/client:1.0/", 0)),
        odd("height -1", HEIGHT, &[0xff; 4], Wanted::UpAs("/client:1.0/", -1)),
        odd("the least height", HEIGHT, &i32::MIN.to_le_bytes(), Wanted::UpAs("/client:1.0/", i32::MIN)),
        odd("the greatest height", HEIGHT, &i32::MAX.to_le_bytes(), Wanted::UpAs("/client:1.0/", i32::MAX)),
        relay("no relay byte", &[]),
        relay("relay byte 0", &[0]),
        relay("relay byte 2", &[2]),
        called("a user agent of 256 bytes", &[b'x'; 256], Wanted::Up),
        // Core drops the message, and the peer when it does not send another.
        called("a user agent of 257 bytes", &[b'x'; 257], Wanted::Closed),
        called("a user agent that is not UTF-8", b"/a\xff\xfeb/", Wanted::UpAs("/ab/", 7)),
        called("a user agent with a newline and an escape", b"/a\n\x1b[31mb/", Wanted::UpAs("/a31mb/", 7)),
        longer("10 bytes behind", 10),
        longer("850 bytes behind", 850),
        longer("1,500 bytes behind", 1_500),
        longer("100,000 bytes behind", 100_000),
        introduces("46 bytes", &plain[..46], Wanted::UpAs("", -1)),
        introduces("no height", &plain[..plain.len() - 5], Wanted::UpAs("/client:1.0/", -1)),
        introduces("cut off in the height", &plain[..plain.len() - 3], Wanted::Closed),
        introduces("cut off in an address", &plain[..60], Wanted::Closed),
        introduces("empty", &[], Wanted::Closed),
    ]
}

fn orders() -> Vec<Case> {
    let before = |name, message: Vec<u8>| Case {
        introduction: [message, introduced()].concat(),
        ..says(name, Vec::new(), Wanted::Up)
    };
    let between = |name, message| Case { between: message, ..says(name, Vec::new(), Wanted::Up) };
    vec![
        before("ping before version", message("ping", &[1; 8])),
        before("an unknown message before version", message("nobodyknows", &[1; 8])),
        before("sendaddrv2 before version", message("sendaddrv2", &[])),
        before("a version with a wrong checksum before the version", wrong(introduced())),
        between("wtxidrelay between", message("wtxidrelay", &[])),
        between("sendaddrv2 between", message("sendaddrv2", &[])),
        between("sendheaders between", message("sendheaders", &[])),
        between("ping before verack", message("ping", &[1; 8])),
        // Core ignores it and waits for the version.
        Case { introduction: message("verack", &[]), ..says("verack before version", Vec::new(), Wanted::Closed) },
        says("wtxidrelay after verack", message("wtxidrelay", &[]), Wanted::Up),
        says("sendaddrv2 after verack", message("sendaddrv2", &[]), Wanted::Up),
        says("a second version", introduced(), Wanted::Up),
        says("a second verack", message("verack", &[]), Wanted::Up),
        says("a verack with a payload", message("verack", &[1; 8]), Wanted::Up),
    ]
}

fn messages() -> Vec<Case> {
    let header = |command: &str, length: u32| {
        let mut header = message(command, &[]);
        header[16..20].copy_from_slice(&length.to_le_bytes());
        header
    };
    let opens = |name, bytes: &[u8]| Case { introduction: bytes.to_vec(), ..says(name, Vec::new(), Wanted::Closed) };
    // A key of BIP 324 is 64 bytes that look random. Each is wrong here as soon as it differs from the magic.
    let bip324: Vec<u8> = (0..64).map(|number: u8| number.wrapping_mul(167).wrapping_add(3)).collect();
    let almost = [&Magic::REGTEST.to_bytes()[..3], &bip324[..61]].concat();
    let inventory = [&[0xfd][..], &50_000_u16.to_le_bytes(), &[1; 50_000 * 36]].concat();
    let other_magic = [&Magic::BITCOIN.to_bytes()[..], &message("ping", &[1; 8])[4..]].concat();
    vec![
        says("a ping of 0 bytes", message("ping", &[]), Wanted::Up),
        says("a ping of 4 bytes", message("ping", &[1; 4]), Wanted::Up),
        says("a pong of 0 bytes", message("pong", &[]), Wanted::Up),
        says("a pong that was not asked for", message("pong", &[1; 8]), Wanted::Up),
        says("a wrong checksum", wrong(message("ping", &[1; 8])), Wanted::Up),
        says("a command that is not ASCII", message("p\u{ef}ng", &[1; 8]), Wanted::Up),
        says("a byte after a command's zero", message("ping\0g", &[1; 8]), Wanted::Up),
        says("1,000 addresses", message("addr", &[&[0xfd, 0xe8, 3][..], &[1; 30_000]].concat()), Wanted::Up),
        says("addresses of 40,000 bytes", message("addr", &[1; 40_000]), Wanted::Up),
        says("40,000 addresses", message("addr", &vec![1; 1_200_003]), Wanted::Up),
        says("50,000 things", message("inv", &inventory), Wanted::Up),
        says("an unknown message of 4,000,000 bytes", message("nobodyknows", &vec![1; 4_000_000]), Wanted::Up),
        says("a block of 4,000,000 bytes", message("block", &vec![1; 4_000_000]), Wanted::Up),
        opens("the first 64 bytes of BIP 324", &bip324),
        opens("its first byte alone", &bip324[..1]),
        opens("64 bytes that begin almost as the magic", &almost),
        opens("the first that is wrong after three of the magic", &almost[..4]),
        says("4,000,001 bytes announced", header("block", 4_000_001), Wanted::Closed),
        says("4 GiB announced", header("ping", u32::MAX), Wanted::Closed),
        says("another network's magic", other_magic, Wanted::Closed),
        says("HTTP", b"GET / HTTP/1.1\r\n\r\n".to_vec(), Wanted::Closed),
    ]
}

/// The message with a wrong checksum.
fn wrong(mut message: Vec<u8>) -> Vec<u8> {
    message[20] ^= 1;
    message
}

/// Sends it all. Returns what the node knows of the peer then.
async fn play(case: &Case, server: &Server) -> Result<(String, i32), ClientError> {
    let mut client = Client::connect(server.address).await?;
    client.send_bytes(&case.introduction).await?;
    client.expect("version").await?;
    client.expect("verack").await?;
    client.send_bytes(&case.between).await?;
    client.send_bytes(&message("verack", &[])).await?;
    // The node may close while it is written to.
    client.send_bytes(&case.later).await?;
    client.ping().await?;
    let address = client.address()?;
    let peers = server.node.peers();
    let peer = peers.iter().find(|peer| peer.key == address).ok_or(ClientError::Unexpected("nobody"))?;
    Ok((peer.info.user_agent.clone(), peer.info.start_height))
}

fn each_is_right(cases: Vec<Case>) -> impl AsyncFnOnce() {
    async move || {
        let limits = Limits::new(32, 16).with_per_address(32).with_pending_per_source(16);
        let registry = Config::new(limits, Duplicates::KeepNew).with_capacity(65);
        // Longer than a case may take: no peer is closed because it is late.
        let handshake_timeout = Duration::from_secs(3600);
        let server = Server::start(NodeConfig::new(registry).with_handshake_timeout(handshake_timeout)).await;
        let mut wrong = Vec::new();
        for case in &cases {
            let patience = Duration::from_secs(60);
            let got = tokio::time::timeout(patience, play(case, &server)).await.unwrap_or(Err(ClientError::Stuck));
            let is_right = match (&case.wanted, &got) {
                (Wanted::Up, Ok(_)) => true,
                (Wanted::UpAs(name, height), Ok(known)) => (*name, *height) == (known.0.as_str(), known.1),
                (Wanted::Closed, Err(ClientError::Receive(_) | ClientError::Send(_))) => true,
                _ => false,
            };
            if !is_right {
                let start = &case.introduction[..case.introduction.len().min(140)];
                wrong.push(format!("{}\n  sent: {start:02x?}\n  wanted: {:?}\n  got: {got:?}", case.name, case.wanted));
            }
        }
        assert!(wrong.is_empty(), "{} of {} cases are wrong:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
        server.is_deserted_by(cases.len()).await;
        server.end().await.is_explained();
    }
}

#[test]
fn versions_are_taken_as_bitcoin_core_takes_them() {
    alone("peers with unusual versions", || leaving_nothing(each_is_right(versions())));
}

#[test]
fn messages_out_of_order_are_taken_as_bitcoin_core_takes_them() {
    alone("peers that speak out of order", || leaving_nothing(each_is_right(orders())));
}

#[test]
fn unusual_messages_cost_no_peer() {
    alone("peers with unusual messages", || leaving_nothing(each_is_right(messages())));
}
