//! Simultaneous open with other people's code and on real TCP.

mod interop;
mod judged;
#[cfg(target_os = "linux")]
pub(crate) mod namespaces;
mod race;
mod trips;
mod upgrade;

use std::fmt::Debug;

use handfast::simopen::Negotiated;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Says more than one packet holds both ways, each end something else, to see that the stream is exact.
async fn talk<Io: AsyncRead + AsyncWrite + Unpin>(stream: &mut Negotiated<Io>, says: u8, hears: u8) {
    const LENGTH: usize = 4096;
    let (mut reader, mut writer) = tokio::io::split(stream);
    let (say, mut heard) = (vec![says; LENGTH], vec![0; LENGTH]);
    let (said, read) = tokio::join!(writer.write_all(&say), reader.read_exact(&mut heard));
    said.expect("the peer takes it");
    read.expect("the peer says as much");
    assert!(heard.iter().all(|byte| *byte == hears), "another byte came");
}

fn err<T: Debug, E>(result: Result<T, E>, what: &str) -> E {
    match result {
        Ok(agreed) => panic!("{what}: {agreed:?}"),
        Err(error) => error,
    }
}
