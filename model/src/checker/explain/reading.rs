//! Lines of a log.

use std::io::{self, BufRead};

use serde::de::DeserializeOwned;

/// Why a log cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file cannot be read.
    #[error("line {line} cannot be read: {source}")]
    Io {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        source: io::Error,
    },
    /// A line is longer than any step is.
    #[error("line {line} is longer than {MAX_LINE} bytes")]
    TooLong {
        /// The line, counted from 1.
        line: usize,
    },
    /// A line is not what a log consists of.
    #[error("line {line} is not a step of this protocol: {source}")]
    Syntax {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A header is of another protocol, or says something impossible.
    #[error("line {line} is not a header of protocol {protocol}: {reason}")]
    Header {
        /// The line, counted from 1.
        line: usize,
        /// The protocol that was asked for.
        protocol: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// There is no run.
    #[error("the log is empty: there is no header")]
    Empty,
}

/// How long a line may be.
const MAX_LINE: usize = 1 << 20;

/// The next line of a log, if there is one; `number` counts them.
pub(super) fn next_line(log: &mut dyn BufRead, number: &mut usize) -> Result<Option<String>, LogError> {
    *number += 1;
    let line = *number;
    let mut bytes = Vec::new();
    let limited = &mut io::Read::take(log, MAX_LINE as u64 + 1);
    limited.read_until(b'\n', &mut bytes).map_err(|source| LogError::Io { line, source })?;
    if bytes.len() > MAX_LINE {
        return Err(LogError::TooLong { line });
    }
    if bytes.is_empty() {
        return Ok(None);
    }
    let utf8 = |error| LogError::Io { line, source: io::Error::new(io::ErrorKind::InvalidData, error) };
    String::from_utf8(bytes).map(Some).map_err(utf8)
}

/// A line of a log as what it should be.
pub(super) fn parse<T: DeserializeOwned>(text: &str, line: usize) -> Result<T, LogError> {
    serde_json::from_str(text).map_err(|source| LogError::Syntax { line, source })
}
