//! Frames, read until the marker: an implementation in Rust with its tests, one macro for each suite.

use std::io::{self, ErrorKind};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const MARKER: (u32, u32) = (1 << 28, 0);
const LIMIT: u32 = 8 << 20;

/// Takes frames until the marker, and answers that with a shutdown.
pub async fn sink(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    loop {
        let header = (stream.read_u32().await?, stream.read_u32().await?);
        if header == MARKER {
            break;
        }
        if header.0 >> 28 != 0 || header.1 > LIMIT {
            return Err(ErrorKind::InvalidData.into());
        }
        let mut payload = vec![0; header.1 as usize];
        stream.read_exact(&mut payload).await?;
    }
    stream.write_u32(MARKER.0).await?;
    stream.write_u32(MARKER.1).await?;
    stream.shutdown().await
}

#[cfg(test)]
mod tests {
    use conformance::remote::framed::{Answer, Framed};
    use conformance::remote::{target::Part, wire::Wire};

    /// A connection that ends without a marker is closed without one.
    async fn harness(wire: Wire, _part: Part) {
        let _ended = super::sink(wire).await;
    }

    conformance::suite!(it_takes_frames_as_the_model_has_it, Framed { answer: Answer::Sink }, harness);
}
