//! Messages and their bytes, as other implementations write them.

use handfast::simopen::Role;
use handfast::simopen::core::{Decoder, EXTENSION, MAX_FRAME, Message, MessageError, NameError, Protocol};

use crate::simopen::{bytes, framed, protocol};

/// Every message, with the bytes that go-multistream 0.4.1 writes for it.
fn vectors() -> Vec<(Message, &'static [u8])> {
    vec![
        (Message::Header, b"\x13/multistream/1.0.0\n"),
        (Message::Extension, b"\x1d/libp2p/simultaneous-connect\n"),
        (Message::NotAvailable, b"\x03na\n"),
        (Message::Protocol(protocol("/noise")), b"\x07/noise\n"),
        (Message::Protocol(protocol("/tls/1.0.0")), b"\x0b/tls/1.0.0\n"),
        (Message::Protocol(protocol("/yamux/1.0.0")), b"\x0d/yamux/1.0.0\n"),
        (Message::Select(0), b"\x09select:0\n"),
        (Message::Select(u64::MAX), b"\x1cselect:18446744073709551615\n"),
        (Message::Role(Role::Initiator), b"\x0ainitiator\n"),
        (Message::Role(Role::Responder), b"\x0aresponder\n"),
    ]
}

#[test]
fn messages_have_the_bytes_that_others_write() {
    for (message, expected) in vectors() {
        assert_eq!(bytes(&message), expected, "{message:?}");
    }
}

/// However the bytes come, each message is read, and nothing after it is touched.
#[test]
fn messages_are_read_in_every_two_pieces() {
    for (message, encoded) in vectors() {
        for split in 0..=encoded.len() {
            let mut decoder = Decoder::new();
            let (first, second) = encoded.split_at(split);
            let with_surplus = [second, b"surplus"].concat();
            let (taken, early) = decoder.decode(first).expect("a prefix is no error");
            assert_eq!(taken, split);
            assert_eq!(early.is_some(), split == encoded.len());
            assert!(decoder.is_between_messages() == (split == 0 || split == encoded.len()));
            let found = match early {
                Some(found) => found,
                None => {
                    let (taken, found) = decoder.decode(&with_surplus).expect("the rest is no error");
                    assert_eq!(taken, second.len(), "{message:?} split at {split}");
                    found.expect("the message is complete")
                }
            };
            assert_eq!(found, message);
        }
    }
}

#[test]
fn one_byte_at_a_time_is_enough() {
    for (message, encoded) in vectors() {
        let mut decoder = Decoder::new();
        let mut found = None;
        for byte in encoded {
            assert!(found.is_none());
            found = decoder.decode(std::slice::from_ref(byte)).expect("no error").1;
        }
        assert_eq!(found, Some(message));
    }
}

#[test]
fn what_is_no_message_is_refused() {
    let of = |bytes: &[u8]| Decoder::new().decode(bytes).expect_err("it is no message");
    assert_eq!(of(b"\x00"), MessageError::NoNewline);
    assert_eq!(of(b"\x02ab"), MessageError::NoNewline);
    assert_eq!(of(b"\x81\x00a"), MessageError::Length);
    assert_eq!(of(b"\x80\x80"), MessageError::TooLong);
    assert_eq!(of(b"\xff\xff\xff\xff\xff"), MessageError::TooLong);
}

/// What is no word of the negotiation and no name is a message all the same, and says again what it is.
#[test]
fn other_texts_are_messages() {
    for text in [&b"ls"[..], b"", b"noise", b"\xff\xfe", b"/a\nb", b"select:007", b"Initiator"] {
        let frame = [&[u8::try_from(text.len()).expect("they are short") + 1], text, b"\n"].concat();
        let (taken, message) = Decoder::new().decode(&frame).expect("it is a frame");
        let Some(Message::Other(other)) = &message else { panic!("{text:?}: {message:?}") };
        assert_eq!((taken, other.as_bytes(), other.is_number()), (frame.len(), text, text.starts_with(b"select:")));
        assert_eq!(bytes(&message.expect("it is whole")), frame);
    }
    let Message::Other(text) = Message::parse(b"\x1b[2Jls") else { panic!("it is no name") };
    assert_eq!(format!("{text:?}"), r#""\x1b[2Jls""#, "what a peer says is shown escaped");
}

/// SIM-8: the length is judged before anything is kept, and 1024 bytes are the most.
#[test]
fn a_frame_has_1024_bytes_at_most() {
    let longest = format!("/{}", "a".repeat(MAX_FRAME - 2));
    let (taken, message) = Decoder::new().decode(&framed(&longest)).expect("it is as long as it may be");
    assert_eq!((taken, message), (MAX_FRAME + 2, Some(Message::Protocol(protocol(&longest)))));
    assert_eq!(Decoder::new().decode(&framed(&format!("{longest}a"))), Err(MessageError::TooLong));
}

/// SIM-18: one way to write each number.
#[test]
fn only_canonical_numbers_are_numbers() {
    for (text, expected) in [("0", 0), ("5", 5), ("18446744073709551615", u64::MAX)] {
        assert_eq!(Message::parse(format!("select:{text}").as_bytes()), Message::Select(expected));
    }
    for text in ["", "+5", "-1", " 5", "5 ", "007", "00", "5_0", "0x10", "1e3", "18446744073709551616", "٣"] {
        let message = Message::parse(format!("select:{text}").as_bytes());
        assert!(matches!(&message, Message::Other(text) if text.is_number()), "{text:?}: {message:?}");
    }
}

#[test]
fn names_are_told_from_words() {
    assert_eq!(Protocol::new("noise"), Err(NameError::NoSlash));
    assert_eq!(Protocol::new(""), Err(NameError::NoSlash));
    assert_eq!(Protocol::new("/a\nb"), Err(NameError::Newline));
    assert_eq!(Protocol::new(&format!("/{}", "a".repeat(MAX_FRAME - 1))), Err(NameError::TooLong));
    assert_eq!(Protocol::new(EXTENSION), Err(NameError::Reserved));
    assert_eq!(Protocol::new("/multistream/1.0.0"), Err(NameError::Reserved));
}
