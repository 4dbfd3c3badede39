//! Typed messages, by codecs of tokio-util and one of our own.

use std::io;
use std::time::Duration;

use bytes::{Buf, BufMut, BytesMut};
use futures_util::{SinkExt, StreamExt};
use handfast::framed::{Config, Connection, Error, Frame, MessageError, Messages, Opaque, Outcome};
use tokio::io::{DuplexStream, duplex};
use tokio_util::codec::{Decoder, Encoder, LinesCodec};

use super::support::within;

const KIND: u32 = 7;

/// Numbers of two bytes, of which 13 cannot be written.
#[derive(Debug)]
struct Numbers;

impl Encoder<u16> for Numbers {
    type Error = io::Error;

    fn encode(&mut self, number: u16, into: &mut BytesMut) -> io::Result<()> {
        into.put_u16(number);
        if number == 13 { Err(io::ErrorKind::InvalidInput.into()) } else { Ok(()) }
    }
}

impl Decoder for Numbers {
    type Item = u16;
    type Error = io::Error;

    fn decode(&mut self, from: &mut BytesMut) -> io::Result<Option<u16>> {
        Ok((from.len() >= 2).then(|| from.get_u16()))
    }
}

fn pair<C>(codec: impl Fn() -> C) -> [Messages<Connection<Opaque<DuplexStream>>, C>; 2] {
    let (one, other) = duplex(1 << 16);
    [one, other].map(|io| Messages::new(Connection::over(io, Config::default()), KIND, codec()))
}

#[tokio::test]
async fn messages_of_any_codec_come_whole_and_the_outcome_is_the_connections() {
    let [mut one, mut other] = pair(LinesCodec::new);
    for line in ["a line", "", "another"] {
        one.feed(line).await.expect("there is room");
    }
    SinkExt::<&str>::flush(&mut one).await.expect("the peer takes it");
    let reading = tokio::spawn(async move {
        let lines: Vec<_> = other.by_ref().map(|line| line.expect("the peer keeps to the protocol")).collect().await;
        (lines, other)
    });
    let (connection, _) = one.into_inner();
    let shutdown = tokio::spawn(connection.shutdown(within(Duration::from_secs(10))));
    let (lines, other) = reading.await.expect("it does not panic");
    assert_eq!(lines, ["a line", "", "another"]);
    drop(other);
    assert_eq!(shutdown.await.expect("it does not panic"), Outcome::Unconfirmed { peer_ended: true });
}

#[tokio::test]
async fn a_message_that_cannot_be_decoded_costs_only_itself() {
    let [mut one, mut other] = pair(|| Numbers);
    assert!(matches!(one.send(13_u16).await, Err(MessageError::Codec(_))));
    one.send(1_u16).await.expect("nothing is left of the message before");
    for frame in [
        Frame::new(KIND, vec![1]),
        Frame::new(KIND, vec![]),
        Frame::new(KIND, vec![0, 2, 3]),
        Frame::new(8, vec![0, 4]),
    ] {
        one.get_mut().write(frame).await.expect("the peer takes it");
    }
    one.send(5_u16).await.expect("the peer takes it");
    drop(one);
    assert!(matches!(other.next().await, Some(Ok(1))));
    assert!(matches!(other.next().await, Some(Err(MessageError::Codec(_)))), "bytes are left that are no number");
    assert!(matches!(other.next().await, Some(Err(MessageError::NoMessage))));
    assert!(matches!(other.next().await, Some(Err(MessageError::Trailing { bytes: 1 }))));
    assert!(matches!(other.next().await, Some(Err(MessageError::OtherKind { kind: 8, expected: KIND }))));
    assert!(matches!(other.next().await, Some(Ok(5))));
    assert!(matches!(other.next().await, Some(Err(MessageError::Connection(Error::EndedWithoutMarker)))));
    assert!(other.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn closing_says_what_is_known() {
    let [mut one, _other] = pair(|| Numbers);
    one.feed(1_u16).await.expect("there is room");
    let Err(MessageError::Connection(Error::Unclean(outcome))) = SinkExt::<u16>::close(&mut one).await else {
        panic!("a pipe does not tell what has arrived");
    };
    assert_eq!(outcome, Outcome::Unconfirmed { peer_ended: false });
}
