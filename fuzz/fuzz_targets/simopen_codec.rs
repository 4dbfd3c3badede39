//! Whatever a peer sends, the codec of negotiations survives it, and finds the same however it is split.

#![no_main]

use handfast::simopen::core::{Decoder, MAX_FRAME, Message, MessageError};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let [step, bytes @ ..] = input else { return };
    let whole = decode(bytes, bytes.len().max(1));
    assert_eq!(whole, decode(bytes, usize::from(*step).max(1)));
    // There is one way to say each thing.
    let mut again = Vec::new();
    whole.0.iter().for_each(|message| message.encode(&mut again));
    assert!(bytes.starts_with(&again));
});

fn decode(bytes: &[u8], step: usize) -> (Vec<Message>, Option<MessageError>) {
    let (mut decoder, mut found, mut kept) = (Decoder::new(), Vec::new(), 0);
    for piece in bytes.chunks(step) {
        let mut left = piece;
        while !left.is_empty() {
            match decoder.decode(left) {
                Ok((taken, message)) => {
                    assert!(taken > 0);
                    left = &left[taken..];
                    kept = if message.is_some() { 0 } else { kept + taken };
                    // SIM-8: a message and its length.
                    assert!(kept < MAX_FRAME + 2);
                    assert!(message.is_some() || left.is_empty());
                    assert_eq!(decoder.is_between_messages(), message.is_some());
                    found.extend(message);
                }
                Err(error) => return (found, Some(error)),
            }
        }
    }
    (found, None)
}
