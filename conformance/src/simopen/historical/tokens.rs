//! Messages as both implementations read and write them: a length, a text, a newline.

use std::io;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Why there is no message.
#[derive(Debug, Error)]
pub enum TokenError {
    /// The connection failed, or ended; between two messages or within one.
    #[error("the connection failed or ended")]
    Io(#[source] io::Error),
    /// The length is not a minimal varint, or greater than the implementation takes.
    #[error("a message is too large")]
    TooLarge,
    /// The message has no newline at its end.
    #[error("a message has no newline at its end")]
    NoNewline,
}

impl TokenError {
    pub(super) fn is_end(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof)
    }
}

/// A text as a message: its length, itself, a line feed.
pub fn encode(text: &str) -> Vec<u8> {
    let mut length = text.len() + 1;
    let mut bytes = Vec::with_capacity(length + 2);
    while length >= 0x80 {
        bytes.push((length % 0x80) as u8 | 0x80);
        length /= 0x80;
    }
    bytes.push(length as u8);
    bytes.extend_from_slice(text.as_bytes());
    bytes.push(b'\n');
    bytes
}

/// The next message, of at most `limit` bytes with its newline. Not one byte more is read.
pub(super) async fn read_token(io: &mut (impl AsyncRead + Unpin), limit: usize) -> Result<String, TokenError> {
    let mut length = 0;
    for shift in [0, 7, 14] {
        let byte = io.read_u8().await.map_err(TokenError::Io)?;
        length |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            if byte == 0 && shift > 0 || length > limit {
                return Err(TokenError::TooLarge);
            }
            let mut line = vec![0; length];
            io.read_exact(&mut line).await.map_err(TokenError::Io)?;
            return match line.pop() {
                Some(b'\n') => Ok(String::from_utf8_lossy(&line).into_owned()),
                Some(_) | None => Err(TokenError::NoNewline),
            };
        }
    }
    Err(TokenError::TooLarge)
}
