//! handfast behind the suite: it negotiates, says what it settled on, and echoes.
//!
//! `simopen-harness ROLE listen|connect PORT PROTOCOLS`

use std::io::Result;

use handfast::simopen::{Options, Role, accept, negotiate, propose};
use tokio::io::{AsyncWriteExt, copy, split};
use tokio::net::{TcpListener, TcpStream};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [role, how, port, protocols] = &arguments[..] else { panic!("ROLE listen|connect PORT PROTOCOLS") };
    let address = format!("127.0.0.1:{port}");
    if how == "connect" {
        return serve(TcpStream::connect(address).await?, role, protocols).await;
    }
    let listener = TcpListener::bind(address).await?;
    loop {
        // A case that ends with a reset is no reason to end.
        let _served = serve(listener.accept().await?.0, role, protocols).await;
    }
}

async fn serve(stream: TcpStream, role: &str, protocols: &str) -> Result<()> {
    let (protocols, options) = (protocols.split(',').collect::<Vec<_>>(), Options::default());
    let settled = match role {
        "dialer" => propose(stream, &protocols, options).await,
        "listener" => accept(stream, &protocols, options).await,
        _ => negotiate(stream, &protocols, options).await,
    };
    let Ok(stream) = settled else { return Ok(()) };
    let role = if stream.role() == Role::Initiator { "initiator" } else { "responder" };
    let line = format!("{role} {}\n", stream.protocol());
    let (mut reader, mut writer) = split(stream);
    writer.write_all(line.as_bytes()).await?;
    copy(&mut reader, &mut writer).await?;
    writer.shutdown().await
}
