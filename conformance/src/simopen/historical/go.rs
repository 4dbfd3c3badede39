//! go-multistream 0.4.1, `SelectWithSimopenOrFail`.
//!
//! What is written first is written by a goroutine of its own. The reader waits for it after it has read the answer to the
//! extension, and before it looks at that answer or reads on. The peer's first write ends with the proposal that it
//! pipelines, and does the same: if neither direction holds that proposal, both wait for ever.

use handfast::simopen::Role;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::task::JoinSet;

use super::tokens::{encode, read_token};
use super::{Agreed, Error, HEADER, NA, SELECT, SIMOPEN, role_message};

/// The longest message that is read.
const LIMIT: usize = 1024;

/// A connection with writes that are made by goroutines. They end when the connection is closed, with this.
struct Client<Io> {
    reader: ReadHalf<Io>,
    /// None while a goroutine has it.
    writer: Option<WriteHalf<Io>>,
    goroutine: JoinSet<std::io::Result<WriteHalf<Io>>>,
}

pub(super) async fn select_with_simopen_or_fail<Io>(io: Io, protocols: &[&str], nonce: u64) -> Result<Agreed, Error>
where
    Io: AsyncRead + AsyncWrite + Send + 'static,
{
    let (Some(first), (reader, writer)) = (protocols.first(), tokio::io::split(io)) else {
        return Err(Error::NotSupported);
    };
    let mut client = Client { reader, writer: Some(writer), goroutine: JoinSet::new() };
    client.go_write(&[HEADER, SIMOPEN, first]);
    let header = client.read().await?;
    if header != HEADER {
        return Err(Error::NotMultistream(header));
    }
    let answer = client.read().await?;
    // The answer is in its hands, and what the peer pipelined is not read.
    client.join().await?;
    match answer.as_str() {
        SIMOPEN => client.simopen(protocols, nonce).await,
        NA => client.client_open(protocols).await,
        _ => Err(Error::Unexpected(answer)),
    }
}

impl<Io> Client<Io>
where
    Io: AsyncRead + AsyncWrite + Send + 'static,
{
    async fn read(&mut self) -> Result<String, Error> {
        Ok(read_token(&mut self.reader, LIMIT).await?)
    }

    /// `go func() { ch <- w.Write(...) }()`
    fn go_write(&mut self, texts: &[&str]) {
        let bytes: Vec<u8> = texts.iter().flat_map(|text| encode(text)).collect();
        if let Some(mut writer) = self.writer.take() {
            self.goroutine.spawn(async move {
                writer.write_all(&bytes).await?;
                Ok(writer)
            });
        }
    }

    /// `<-ch`
    async fn join(&mut self) -> Result<(), Error> {
        if let Some(Ok(written)) = self.goroutine.join_next().await {
            self.writer = Some(written.map_err(Error::Write)?);
        }
        Ok(())
    }

    async fn write(&mut self, text: &str) -> Result<(), Error> {
        self.go_write(&[text]);
        self.join().await
    }

    /// The peer accepted the connection, and answers the pipelined proposal.
    async fn client_open(&mut self, protocols: &[&str]) -> Result<Agreed, Error> {
        let mut rest = protocols.iter();
        while let Some(protocol) = rest.next() {
            let answer = self.read().await?;
            match answer.as_str() {
                text if text == *protocol => return Ok((Role::Initiator, answer)),
                NA => match rest.as_slice().first() {
                    Some(next) => self.write(next).await?,
                    None => break,
                },
                _ => return Err(Error::Unexpected(answer)),
            }
        }
        Err(Error::NotSupported)
    }

    /// The peer dialed too.
    async fn simopen(&mut self, protocols: &[&str], nonce: u64) -> Result<Agreed, Error> {
        self.go_write(&[&format!("{SELECT}{nonce}")]);
        // The pipelined proposal, whatever it is.
        self.read().await?;
        let number = self.read().await?;
        let Some(decimal) = number.strip_prefix(SELECT) else { return Err(Error::Unexpected(number)) };
        self.join().await?;
        let theirs = parse_uint(decimal).ok_or_else(|| Error::Unexpected(number.clone()))?;
        match nonce.cmp(&theirs) {
            std::cmp::Ordering::Equal => Err(Error::Tie),
            std::cmp::Ordering::Greater => {
                self.agree_on(Role::Initiator).await?;
                self.write(protocols[0]).await?;
                self.client_open(protocols).await
            }
            std::cmp::Ordering::Less => {
                self.agree_on(Role::Responder).await?;
                self.serve(protocols).await
            }
        }
    }

    async fn agree_on(&mut self, role: Role) -> Result<(), Error> {
        self.go_write(&[role_message(role)]);
        let theirs = self.read().await?;
        if theirs != role_message(role.opposite()) {
            return Err(Error::Unexpected(theirs));
        }
        self.join().await
    }

    /// As many proposals as there are.
    async fn serve(&mut self, protocols: &[&str]) -> Result<Agreed, Error> {
        loop {
            let proposal = match read_token(&mut self.reader, LIMIT).await {
                Ok(proposal) => proposal,
                Err(error) if error.is_end() => return Err(Error::NotSupported),
                Err(error) => return Err(error.into()),
            };
            if protocols.contains(&proposal.as_str()) {
                self.write(&proposal).await?;
                return Ok((Role::Responder, proposal));
            }
            self.write(NA).await?;
        }
    }
}

/// `strconv.ParseUint(s, 10, 64)`: digits alone, as many zeros before them as there are.
fn parse_uint(decimal: &str) -> Option<u64> {
    decimal.bytes().all(|byte| byte.is_ascii_digit()).then(|| decimal.parse().ok()).flatten()
}
