//! What is to be written, and how far that has come.

use std::collections::VecDeque;

use bytes::{Buf, Bytes};

use super::types::Error;
use super::wire::{Frame, HEARTBEAT, MARKER, header, is_reserved};

/// More memory for small payloads and headers than this is not kept while nothing is to be written.
const KEPT: usize = 256 * 1024;

/// Bytes that were written are kept in front of others until there are so many.
const MOVED: usize = 64 * 1024;

/// Frames on one side, bytes for the transport on the other.
///
/// A frame that was accepted belongs to the cursor, which writes it whole and in its turn, however often a caller stops
/// waiting for that and begins again. Behind the marker nothing is accepted (FRM-2), and after a failure no byte more is
/// offered: what was begun stays torn, and the peer can see that (FRM-5).
#[derive(Debug)]
pub struct WriteCursor {
    /// Headers and small payloads, one behind the other.
    staged: Vec<u8>,
    /// How much of `staged` was written.
    written: usize,
    parts: VecDeque<Part>,
    /// Bytes in all parts.
    queued: usize,
    limits: WriteLimits,
    state: State,
}

/// What a [`WriteCursor`] accepts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct WriteLimits {
    /// The greatest length of a payload in bytes.
    pub max_frame: u32,
    /// Payloads up to this length are copied behind their headers; longer ones are written from where they are.
    pub copied: usize,
    /// Whether the kinds of heartbeats are reserved.
    pub heartbeats: bool,
}

#[derive(Debug)]
enum Part {
    /// So many of the bytes that are staged.
    Staged(usize),
    Shared(Bytes),
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum State {
    Open,
    /// The marker is queued or written.
    Finished,
    Broken(Error),
}

impl WriteCursor {
    /// Creates a cursor at the beginning of a connection.
    pub fn new(limits: WriteLimits) -> Self {
        let (staged, parts) = (Vec::new(), VecDeque::new());
        Self { staged, written: 0, parts, queued: 0, limits, state: State::Open }
    }

    /// Accepts a frame.
    ///
    /// # Errors
    ///
    /// If the frame is not one that may be written, the marker is queued, or writing has failed. Nothing happened.
    pub fn accept(&mut self, frame: Frame) -> Result<(), Error> {
        self.check()?;
        let Frame { kind, payload } = frame;
        if is_reserved(kind, self.limits.heartbeats) {
            return Err(Error::KindReserved { kind });
        }
        let max = self.limits.max_frame;
        let length = u32::try_from(payload.len()).ok().filter(|length| *length <= max);
        let length = length.ok_or(Error::FrameTooLong { length: payload.len(), max })?;
        self.stage(&header(kind, length));
        if payload.len() <= self.limits.copied {
            self.stage(&payload);
        } else {
            self.queued += payload.len();
            self.parts.push_back(Part::Shared(payload));
        }
        Ok(())
    }

    /// Accepts a sign of life.
    ///
    /// # Errors
    ///
    /// If the marker is queued or writing has failed.
    pub fn accept_heartbeat(&mut self) -> Result<(), Error> {
        self.check()?;
        self.stage(&header(HEARTBEAT, 0));
        Ok(())
    }

    /// Queues the marker behind everything that was accepted; nothing is accepted after it. Whether this was the call that
    /// did it.
    pub fn finish(&mut self) -> bool {
        match self.state {
            State::Open => {
                self.stage(&header(MARKER, 0));
                self.state = State::Finished;
                true
            }
            State::Finished | State::Broken(_) => false,
        }
    }

    /// Whether frames are accepted.
    ///
    /// # Errors
    ///
    /// [`Error::ShutDown`] behind the marker; why writing failed if it did.
    pub fn check(&self) -> Result<(), Error> {
        match &self.state {
            State::Open => Ok(()),
            State::Finished => Err(Error::ShutDown),
            State::Broken(error) => Err(error.clone()),
        }
    }

    /// Returns why writing failed, if it did.
    pub fn failure(&self) -> Option<&Error> {
        match &self.state {
            State::Open | State::Finished => None,
            State::Broken(error) => Some(error),
        }
    }

    /// Notes that writing has failed: no byte more is offered. The first reason stays. What was accepted and not
    /// written is counted by [`queued`](Self::queued) from now on.
    pub fn fail(&mut self, error: Error) {
        match self.state {
            State::Open | State::Finished => {
                self.state = State::Broken(error);
                self.parts = VecDeque::new();
                self.staged = Vec::new();
                self.written = 0;
            }
            State::Broken(_) => {}
        }
    }

    /// Returns the number of bytes that were accepted and not written.
    pub fn queued(&self) -> usize {
        self.queued
    }

    /// Returns the bytes to write next, in pieces. None if everything was written, or writing has failed.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let mut staged = &self.staged[self.written..];
        self.parts.iter().map(move |part| match part {
            Part::Staged(length) => {
                let (piece, rest) = staged.split_at(*length);
                staged = rest;
                piece
            }
            Part::Shared(payload) => payload,
        })
    }

    /// Notes that the first `bytes` bytes of the [pieces](Self::pieces) were written.
    ///
    /// # Panics
    ///
    /// If there are not so many.
    pub fn advance(&mut self, bytes: usize) {
        assert!(bytes <= self.queued, "{bytes} bytes were written of {}", self.queued);
        self.queued -= bytes;
        let mut left = bytes;
        while left > 0 {
            let Some(part) = self.parts.front_mut() else { break };
            let (taken, is_done) = match part {
                Part::Staged(length) => {
                    let taken = left.min(*length);
                    *length -= taken;
                    self.written += taken;
                    (taken, *length == 0)
                }
                Part::Shared(payload) => {
                    let taken = left.min(payload.len());
                    payload.advance(taken);
                    (taken, payload.is_empty())
                }
            };
            left -= taken;
            if is_done {
                self.parts.pop_front();
            }
        }
        self.forget_written();
    }

    fn forget_written(&mut self) {
        if self.parts.is_empty() {
            self.staged.clear();
            if self.staged.capacity() > KEPT {
                self.staged = Vec::new();
            }
            self.written = 0;
        } else if self.written > MOVED && self.written > self.staged.len() / 2 {
            self.staged.drain(..self.written);
            self.written = 0;
        }
    }

    fn stage(&mut self, bytes: &[u8]) {
        self.staged.extend_from_slice(bytes);
        self.queued += bytes.len();
        match self.parts.back_mut() {
            Some(Part::Staged(length)) => *length += bytes.len(),
            Some(Part::Shared(_)) | None if !bytes.is_empty() => self.parts.push_back(Part::Staged(bytes.len())),
            Some(Part::Shared(_)) | None => {}
        }
    }
}
