//! handfast behind the suite: it echoes frames, takes them, or sends its own.
//!
//! `framed-harness echo|sink|source listen PORT`

use std::time::Duration;

use futures_util::SinkExt;
use handfast::framed::{Config, Connection, Error, Frame};
use tokio::net::{TcpListener, TcpStream};

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let listener = TcpListener::bind(format!("127.0.0.1:{}", arguments[2])).await?;
    loop {
        // A connection that ends without a marker is no reason to end.
        let _served = serve(listener.accept().await?.0, &arguments[0]).await;
    }
}

async fn serve(stream: TcpStream, answer: &str) -> Result<(), Error> {
    let config = Config::default().with_close_within(Duration::from_secs(60));
    let (mut reader, mut writer) = Connection::new(stream, config).into_split();
    if answer == "source" {
        let drained = tokio::spawn(async move { while let Ok(Some(_)) = reader.read().await {} });
        for number in 0..8_u8 {
            writer.write(Frame::new(u32::from(number) + 1, vec![number; usize::from(number) * 1000])).await?;
        }
        let (_closed, _drained) = (writer.close().await, drained.await);
        return Ok(());
    }
    while let Some(frame) = reader.read().await? {
        if answer == "echo" {
            writer.write(frame).await?;
        }
    }
    let _closed = writer.close().await;
    Ok(())
}
