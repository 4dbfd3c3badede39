//! The lines of a log, and why one cannot be read.

use core::str::Utf8Error;
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
    /// A log is of another protocol.
    #[error("line {line}: this is a log of {found}, not of {protocol}; try `model explain {found}`")]
    OtherProtocol {
        /// The line, counted from 1.
        line: usize,
        /// The protocol that was asked for.
        protocol: &'static str,
        /// The one that the log names.
        found: String,
    },
    /// A log is of a design that no log is explained by.
    #[error("line {line}: this is a log of the design {design}; {protocol} explains logs of handfast's own design")]
    OtherDesign {
        /// The line, counted from 1.
        line: usize,
        /// The protocol that was asked for.
        protocol: &'static str,
        /// The design that the log names.
        design: String,
    },
    /// There is no run.
    #[error("the log is empty: there is no header")]
    Empty,
}

impl LogError {
    /// Whether more text could make a step of the line.
    pub(crate) fn is_torn(&self) -> bool {
        match self {
            Self::Syntax { source, .. } => source.is_eof(),
            Self::Io { source, .. } => {
                let utf8 = source.get_ref().and_then(|source| source.downcast_ref::<Utf8Error>());
                utf8.is_some_and(|error| error.error_len().is_none())
            }
            Self::TooLong { .. }
            | Self::Header { .. }
            | Self::OtherProtocol { .. }
            | Self::OtherDesign { .. }
            | Self::Empty => false,
        }
    }

    /// The error about a header that names a design.
    pub(super) fn of_design(self, design: Option<&str>) -> Self {
        match (self, design) {
            (Self::Header { line, protocol, .. }, Some(design)) => {
                Self::OtherDesign { line, protocol, design: design.to_owned() }
            }
            (error, _) => error,
        }
    }
}

/// How long a line may be.
const MAX_LINE: usize = 1 << 20;

/// A line as it was read.
pub(crate) struct RawLine {
    bytes: Vec<u8>,
    number: usize,
}

impl RawLine {
    /// This line, and what follows it in the log.
    pub(crate) fn and(&self, log: &mut Log<'_>) -> impl BufRead {
        io::Read::chain(&self.bytes[..], log)
    }

    pub(crate) fn text(&self) -> Result<&str, LogError> {
        let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        str::from_utf8(&self.bytes).map_err(|error| LogError::Io { line: self.number, source: invalid(error) })
    }

    /// Whether a line break ends it, which only the last line of a log may lack.
    pub(crate) fn is_ended(&self) -> bool {
        self.bytes.ends_with(b"\n")
    }
}

/// What logs are read from.
pub(crate) type Log<'l> = dyn BufRead + 'l;

/// The next line of a log, if there is one; `number` counts them.
pub(crate) fn next_line(log: &mut Log<'_>, number: &mut usize) -> Result<Option<RawLine>, LogError> {
    *number += 1;
    let number = *number;
    let mut bytes = Vec::new();
    let limited = &mut io::Read::take(log, MAX_LINE as u64 + 1);
    limited.read_until(b'\n', &mut bytes).map_err(|source| LogError::Io { line: number, source })?;
    if bytes.len() > MAX_LINE {
        return Err(LogError::TooLong { line: number });
    }
    Ok((!bytes.is_empty()).then_some(RawLine { bytes, number }))
}

/// A line of a log as what it should be.
pub(crate) fn parse<T: DeserializeOwned>(text: &str, line: usize) -> Result<T, LogError> {
    serde_json::from_str(text).map_err(|source| LogError::Syntax { line, source })
}
