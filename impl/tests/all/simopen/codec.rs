//! The codec, with messages and bytes of chance. What fails is printed, and kept by proptest.

use handfast::simopen::Role;
use handfast::simopen::core::{Decoder, MAX_FRAME, Message, MessageError};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::simopen::{bytes, framed, protocol};

fn any_message() -> impl Strategy<Value = Message> {
    let name = prop_oneof!["/[a-z0-9./-]{0,40}", "/[^\n]{1,200}", Just(format!("/{}", "x".repeat(MAX_FRAME - 2)))];
    let name = name.prop_filter("it belongs to the negotiation", |name| {
        name.len() < MAX_FRAME && Message::parse(name.as_bytes()) == Message::Protocol(protocol(name))
    });
    prop_oneof![
        Just(Message::Header),
        Just(Message::Extension),
        Just(Message::NotAvailable),
        any::<u64>().prop_map(Message::Select),
        Just(Message::Role(Role::Initiator)),
        Just(Message::Role(Role::Responder)),
        name.prop_map(|name| Message::Protocol(protocol(&name))),
        vec(any::<u8>(), 0..40).prop_map(|text| Message::parse(&text)),
    ]
}

/// Bytes that look like messages, and bytes that do not.
fn garbage() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        vec(any::<u8>(), 0..40),
        any_message().prop_map(|message| bytes(&message)),
        "select:[0-9+_ -]{0,22}".prop_map(|text| framed(&text)),
        "/?[a-z\n\u{0}\u{ff}]{0,20}".prop_map(|text| framed(&text)),
        vec(0x80_u8..=0xff, 1..4),
    ];
    vec(word, 0..8).prop_map(|words| words.concat())
}

/// Everything that is in the bytes, if they come in pieces that end at these places, and what is wrong with them.
fn decoded(bytes: &[u8], cuts: &[usize]) -> (Vec<Message>, Option<MessageError>, usize) {
    let (mut decoder, mut found, mut consumed) = (Decoder::new(), Vec::new(), 0);
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).chain([bytes.len()]).collect();
    ends.sort_unstable();
    for end in ends {
        while consumed < end {
            match decoder.decode(&bytes[consumed..end]) {
                Ok((taken, message)) => {
                    assert!(taken > 0 && taken <= end - consumed, "it takes what there is, and something");
                    assert!(message.is_some() || taken == end - consumed, "it waits only when all is taken");
                    assert_eq!(decoder.is_between_messages(), message.is_some());
                    consumed += taken;
                    found.extend(message);
                }
                Err(error) => return (found, Some(error), consumed),
            }
        }
    }
    (found, None, consumed)
}

/// SIM-9: found by fuzzing: what was said of a length of three bytes depended on whether they came at once.
#[test]
fn every_length_is_judged_the_same_however_it_is_cut() {
    for [first, second] in (0..=u16::MAX).map(u16::to_be_bytes) {
        for third in [0x00, 0x01, b'\n', 0x7f, 0x80, 0xff] {
            let bytes = [first, second, third];
            let whole = decoded(&bytes, &[]);
            for cuts in [&[1][..], &[2], &[1, 2]] {
                let (found, error, _) = decoded(&bytes, cuts);
                assert_eq!((&found, error), (&whole.0, whole.1), "{bytes:02x?} cut at {cuts:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    /// What is written is read, and only the bytes of the messages are taken.
    #[test]
    fn messages_come_back_however_they_are_cut(
        messages in vec(any_message(), 0..6),
        cuts in vec(any::<usize>(), 0..12),
    ) {
        let encoded: Vec<u8> = messages.iter().flat_map(bytes).collect();
        let (found, error, consumed) = decoded(&encoded, &cuts);
        prop_assert_eq!(error, None);
        prop_assert_eq!(consumed, encoded.len());
        prop_assert_eq!(found, messages);
    }

    /// Each message comes back from every two pieces and one byte at a time.
    #[test]
    fn every_split_of_a_message_is_the_same(message in any_message()) {
        let encoded = bytes(&message);
        for cut in 0..=encoded.len() {
            prop_assert_eq!(decoded(&encoded, &[cut]).0, std::slice::from_ref(&message));
        }
        let cuts: Vec<usize> = (0..encoded.len()).collect();
        prop_assert_eq!(decoded(&encoded, &cuts).0, [message]);
    }

    /// Bytes of any kind give the same messages and the same error however they come, and no panic. Whatever is accepted is
    /// written with the same bytes again: there is one way to say each thing. (SIM-20)
    #[test]
    fn garbage_is_judged_the_same_however_it_is_cut(garbage in garbage(), cuts in vec(any::<usize>(), 0..12)) {
        let (whole, error, _) = decoded(&garbage, &[]);
        let (split, other, _) = decoded(&garbage, &cuts);
        prop_assert_eq!((&whole, error), (&split, other));
        let again: Vec<u8> = whole.iter().flat_map(bytes).collect();
        prop_assert!(garbage.starts_with(&again));
    }

    /// SIM-9: a peer that never ends its message is cut off, before more than a frame of it is kept.
    #[test]
    fn an_endless_message_is_cut_off(piece in vec(any::<u8>(), 1..2000)) {
        let mut decoder = Decoder::new();
        let mut kept = 0;
        for _ in 0..MAX_FRAME + 3 {
            match decoder.decode(&piece) {
                Ok((_, Some(_))) => kept = 0,
                Ok((taken, None)) => kept += taken,
                Err(_) => break,
            }
            prop_assert!(kept < MAX_FRAME + 2, "{} bytes are kept of one message", kept);
        }
    }
}
