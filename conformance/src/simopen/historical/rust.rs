//! The branch that rust-libp2p did not merge (PR 2066), `Version::V1SimultaneousOpen`.
//!
//! One task, one step at a time: what was said is flushed before anything more is read. The first flight is three messages;
//! if the connection holds less than these in both directions, both flush for ever.

use handfast::simopen::Role;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::tokens::{encode, read_token};
use super::{Agreed, Error, HEADER, NA, SELECT, SIMOPEN, role_message};

/// The longest message that is read.
const LIMIT: usize = 16_383;

/// What is waited for.
enum State {
    /// The answer to the extension, or another header.
    First,
    /// The peer's number.
    Number,
    /// The peer's role.
    Role(Role),
    /// The answer to the proposal with this index.
    Answer(usize),
    /// A proposal.
    Proposal,
}

pub(super) async fn dialer_select_proto<Io>(
    io: Io,
    protocols: &[&str],
    mut draw: impl FnMut() -> u64,
) -> Result<Agreed, Error>
where
    Io: AsyncRead + AsyncWrite + Send + 'static,
{
    let Some(first) = protocols.first() else { return Err(Error::NotSupported) };
    let mut io = Box::pin(io);
    let mut nonce = draw();
    flush(&mut io, &[HEADER, SIMOPEN, first]).await?;
    let mut state = State::First;
    loop {
        let text = match read_token(&mut io, LIMIT).await {
            Err(error) if error.is_end() => return Err(Error::NotSupported),
            read => read?,
        };
        state = match (state, text.as_str()) {
            // As many proposals as there are.
            (State::Number, text) if text.starts_with('/') => State::Number,
            // At any time, also after the roles were taken.
            (_, SIMOPEN) => {
                flush(&mut io, &[&format!("{SELECT}{nonce}")]).await?;
                State::Number
            }
            // As often as it comes.
            (State::First, HEADER) => State::First,
            (State::First, NA) => State::Answer(0),
            (State::Number, text) => {
                let theirs = text.strip_prefix(SELECT).and_then(|decimal| decimal.parse().ok());
                let theirs: u64 = theirs.ok_or_else(|| Error::Unexpected(text.to_owned()))?;
                if theirs == nonce {
                    nonce = draw();
                    flush(&mut io, &[&format!("{SELECT}{nonce}")]).await?;
                    State::Number
                } else {
                    let role = if nonce > theirs { Role::Initiator } else { Role::Responder };
                    flush(&mut io, &[role_message(role)]).await?;
                    State::Role(role)
                }
            }
            (State::Role(role), text) if text == role_message(role.opposite()) => match role {
                Role::Initiator => {
                    flush(&mut io, &[first]).await?;
                    State::Answer(0)
                }
                Role::Responder => State::Proposal,
            },
            (State::Answer(index), text) if text == protocols[index] => return Ok((Role::Initiator, text.to_owned())),
            (State::Answer(index), NA) => {
                let next = protocols.get(index + 1).ok_or(Error::NotSupported)?;
                flush(&mut io, &[next]).await?;
                State::Answer(index + 1)
            }
            (State::Proposal, text) if protocols.contains(&text) => {
                flush(&mut io, &[text]).await?;
                return Ok((Role::Responder, text.to_owned()));
            }
            (State::Proposal, text) if text.starts_with('/') => {
                flush(&mut io, &[NA]).await?;
                State::Proposal
            }
            (State::First | State::Role(_) | State::Answer(_) | State::Proposal, text) => {
                return Err(Error::Unexpected(text.to_owned()));
            }
        }
    }
}

async fn flush(io: &mut (impl AsyncWrite + Unpin), texts: &[&str]) -> Result<(), Error> {
    let bytes: Vec<u8> = texts.iter().flat_map(|text| encode(text)).collect();
    io.write_all(&bytes).await.map_err(Error::Write)?;
    io.flush().await.map_err(Error::Write)
}
