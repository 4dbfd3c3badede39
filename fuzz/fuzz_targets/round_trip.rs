//! However frames are accepted, taken by a transport and delivered, what is read is what was accepted.

#![no_main]

use std::collections::VecDeque;

use bytes::BytesMut;
use handfast::framed::{Frame, Next, ReadCursor, WriteCursor, WriteLimits};
use libfuzzer_sys::fuzz_target;

const MAX_FRAME: u32 = 4096;

fuzz_target!(|input: &[u8]| {
    let mut writer = WriteCursor::new(WriteLimits { max_frame: MAX_FRAME, copied: 40, heartbeats: false });
    let mut reader = ReadCursor::new(MAX_FRAME, false);
    let (mut expected, mut wire) = (VecDeque::new(), Vec::new());
    for instruction in input.chunks_exact(3) {
        let [what, high, low] = *instruction else { return };
        let number = usize::from(u16::from_be_bytes([high, low]));
        match what % 3 {
            0 => {
                let frame = Frame::new(number as u32, vec![low; number % 5000]);
                match writer.accept(frame.clone()) {
                    Ok(()) => expected.push_back(frame),
                    Err(_) => assert!(frame.payload.len() > MAX_FRAME as usize),
                }
            }
            1 => take(&mut writer, number, &mut wire),
            _ => deliver(&mut wire, number, &mut reader, &mut expected), // The rest of three.
        }
    }
    assert!(writer.finish());
    take(&mut writer, usize::MAX, &mut wire);
    deliver(&mut wire, usize::MAX, &mut reader, &mut expected);
    assert_eq!(reader.decode(), Next::Marker);
    assert!(expected.is_empty());
});

/// The transport takes so many bytes.
fn take(writer: &mut WriteCursor, bytes: usize, wire: &mut Vec<u8>) {
    let count = bytes.min(writer.queued());
    wire.extend(writer.pieces().flatten().take(count));
    writer.advance(count);
}

/// So many bytes come to the reader.
fn deliver(wire: &mut Vec<u8>, bytes: usize, reader: &mut ReadCursor, expected: &mut VecDeque<Frame>) {
    let count = bytes.min(wire.len());
    reader.supply(BytesMut::from(&wire[..count]));
    wire.drain(..count);
    while let Next::Frame(frame) = reader.decode() {
        assert_eq!(Some(frame), expected.pop_front());
    }
}
