//! Simultaneous open, as a user of the library sees it.

mod bytes;
mod codec;
mod opening;
mod pairs;
mod scripts;
mod streams;

use handfast::simopen::core::{Message, Protocol};

/// A message's bytes.
fn bytes(message: &Message) -> Vec<u8> {
    let mut out = Vec::new();
    message.encode(&mut out);
    out
}

/// A message of any text.
fn framed(text: &str) -> Vec<u8> {
    let length = text.len() + 1;
    let mut out =
        if length < 128 { vec![length as u8] } else { vec![(length % 128) as u8 | 128, (length / 128) as u8] };
    out.extend_from_slice(text.as_bytes());
    out.push(b'\n');
    out
}

fn protocol(name: &str) -> Protocol {
    Protocol::new(name).expect("the tests' names are names")
}
