//! The order in which go-multistream 0.4.1 speaks when both ends dialed: each message is waited for before the next one is
//! said, also where nothing depends on it.

use handfast::simopen::Role;
use handfast::simopen::core::{Decoder, Message, Protocol};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::wire::End;

/// One end, whose number is `ours`.
pub(crate) async fn dial(io: &mut End, name: &str, ours: u64) {
    let mut stream = Words { io, decoder: Decoder::new() };
    let protocol = Message::Protocol(Protocol::new(name).expect("it is a name"));
    stream.say(&[Message::Header, Message::Extension, protocol.clone()]).await;
    assert_eq!(stream.hear().await, Message::Header);
    assert_eq!(stream.hear().await, Message::Extension);
    stream.say(&[Message::Select(ours)]).await;
    // The other end's proposal, which is not answered.
    stream.hear().await;
    let Message::Select(theirs) = stream.hear().await else { panic!("that was no number") };
    let role = if ours > theirs { Role::Initiator } else { Role::Responder };
    stream.say(&[Message::Role(role)]).await;
    assert_eq!(stream.hear().await, Message::Role(role.opposite()));
    match role {
        Role::Initiator => {
            stream.say(std::slice::from_ref(&protocol)).await;
            assert_eq!(stream.hear().await, protocol);
        }
        Role::Responder => {
            assert_eq!(stream.hear().await, protocol);
            stream.say(&[protocol]).await;
        }
    }
}

struct Words<'e> {
    io: &'e mut End,
    decoder: Decoder,
}

impl Words<'_> {
    async fn say(&mut self, messages: &[Message]) {
        let mut bytes = Vec::new();
        messages.iter().for_each(|message| message.encode(&mut bytes));
        self.io.write_all(&bytes).await.expect("it is in memory");
    }

    async fn hear(&mut self) -> Message {
        loop {
            let byte = self.io.read_u8().await.expect("it is in memory");
            if let (_, Some(message)) = self.decoder.decode(&[byte]).expect("it is a message") {
                return message;
            }
        }
    }
}
