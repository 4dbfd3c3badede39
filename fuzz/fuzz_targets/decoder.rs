//! Whatever a peer sends, the decoder survives it, in bounded memory, and finds the same however it is split.

#![no_main]

use bytes::{BufMut, BytesMut};
use handfast::framed::{Next, ReadCursor};
use libfuzzer_sys::fuzz_target;

/// Far less than the lengths that a header can announce.
const MAX_FRAME: u32 = 64 * 1024;

/// What a buffer may take for frames of this length.
const MAX_MEMORY: usize = 1024 * 1024;

fuzz_target!(|input: &[u8]| {
    let [step, flags, bytes @ ..] = input else { return };
    let heartbeats = flags & 1 != 0;
    let whole = decode(bytes, bytes.len().max(1), heartbeats);
    let split = decode(bytes, usize::from(*step).max(1), heartbeats);
    assert_eq!(whole, split);
});

fn decode(bytes: &[u8], step: usize, heartbeats: bool) -> Vec<Next> {
    let mut cursor = ReadCursor::new(MAX_FRAME, heartbeats);
    let mut found = Vec::new();
    let mut left = bytes;
    while !left.is_empty() {
        let mut room = cursor.room();
        assert!(room.get_ref().capacity() <= MAX_MEMORY);
        let count = step.min(left.len()).min(room.remaining_mut());
        if count == 0 {
            break; // Nothing comes any more.
        }
        room.put_slice(&left[..count]);
        cursor.filled(count);
        left = &left[count..];
        loop {
            match cursor.decode() {
                Next::Incomplete(missing) => {
                    assert!(missing > 0);
                    break;
                }
                end @ (Next::Marker | Next::Broken(_)) => {
                    cursor.supply(BytesMut::from(left));
                    assert_eq!(cursor.decode(), end);
                    found.push(end);
                    return found;
                }
                next => found.push(next),
            }
        }
    }
    cursor.end(None);
    found.push(cursor.decode());
    found
}
