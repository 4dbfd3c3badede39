//! A node whose peers say a name and are then echoed, line by line; who comes and goes is printed.
//!
//! ```text
//! cargo run -p handfast --example echo -- 127.0.0.1:7777
//! nc 127.0.0.1 7777
//! ```
//!
//! A second connection with the same name takes the place of the first. SIGINT, SIGTERM and SIGHUP end the node, a second
//! one at once and with status 1.

mod console;
mod signals;

use std::io;
use std::io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
use std::time::Duration;

use handfast::lifecycle::{Config, Duplicates, Event, Handshake, Limits, Node, NodeConfig, Origin, Reason};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use console::Console;
use signals::Signals;

/// How long a line may be, in bytes.
const MAX_LINE: u64 = 512;

/// How long a peer may be silent: one that has vanished without a word would keep its slot for ever.
const IDLE: Duration = Duration::from_secs(300);

/// How long a line may take to be written: a peer need not read.
const WRITE: Duration = Duration::from_secs(10);

type Connection = BufReader<TcpStream>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut signals = Signals::new()?;
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:7777".to_owned());
    let limits = Limits::by_direction(64, 0)
        .with_pending_inbound(16)
        .with_per_address(8)
        .with_per_source(16)
        .with_pending_per_source(4);
    let registry = Config::new(limits, Duplicates::KeepNew);
    let node = Node::new(NodeConfig::new(registry))?;
    let (console, last_line) = Console::start(io::stdout(), String::new);
    let printer = tokio::spawn(print_events(node.clone(), console.clone()));

    let listener = TcpListener::bind(&address).await?;
    console.say(format!("listening on {}", listener.local_addr()?));
    tokio::select! {
        biased;
        () = signals.end() => {}
        () = accept(&listener, &node, &console) => {}
    }
    tokio::spawn(signals.exit());
    let report = node.shutdown(Duration::from_secs(5)).await;
    printer.await?;
    console.say(format!("{report:?}"));
    // On another thread, so that a second signal is heard meanwhile.
    tokio::task::spawn_blocking(|| last_line.finish()).await?;
    Ok(())
}

/// Accepts peers until it is dropped.
async fn accept(listener: &TcpListener, node: &Node<String>, console: &Console) {
    loop {
        let (stream, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            // It was gone before it was accepted, as BSD reports it. The next one does not wait for that.
            Err(error) if matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) => continue,
            Err(error) => {
                // Most likely there is no descriptor left for it. The connection stays in the listener's queue.
                console.say(format!("cannot accept: {error}"));
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let opened = node.open(
            Origin::inbound(Some(from.ip())),
            move |handshake| say_hello(handshake, stream),
            |_live, mut connection| async move {
                let reason = echo(&mut connection).await;
                // Returned too, the connection is closed after the session: who comes again at once is no duplicate.
                (reason, connection)
            },
        );
        if let Err(rejected) = opened {
            console.say(format!("{from}: {rejected}"));
        }
    }
}

/// The first line is the peer's name.
async fn say_hello(handshake: Handshake<String>, stream: TcpStream) -> io::Result<Connection> {
    let mut connection = BufReader::new(stream);
    let mut name = String::new();
    (&mut connection).take(MAX_LINE).read_line(&mut name).await?;
    if !name.trim().is_empty() {
        // The session may have been told to end meanwhile; its task hears of that by itself.
        let _ = handshake.handshake_done(name.trim().to_owned(), ());
    }
    Ok(connection)
}

async fn echo(connection: &mut Connection) -> Reason {
    let mut line = Vec::new();
    loop {
        line.clear();
        match timeout(IDLE, connection.take(MAX_LINE).read_until(b'\n', &mut line)).await {
            Ok(Ok(0)) => return Reason::RemoteClosed,
            Ok(Ok(_)) => {}
            Ok(Err(_)) => return Reason::Failed,
            Err(_) => return Reason::Application("idle"),
        }
        match timeout(WRITE, connection.get_mut().write_all(&line)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return Reason::Failed,
        }
    }
}

/// Subscribes again whenever it was too slow, and begins with who is there. Names are escaped: they may hold anything that
/// moves a cursor.
async fn print_events(node: Node<String>, console: Console) {
    while let Ok(mut events) = node.subscribe() {
        for peer in events.snapshot() {
            console.say(format!("here: {:?} ({})", peer.key, peer.session));
        }
        while let Some(event) = events.next().await {
            match event {
                Event::Up(peer) => console.say(format!("up:   {:?} ({})", peer.key, peer.session)),
                Event::Down(peer, reason) => console.say(format!("down: {:?} ({}): {reason}", peer.key, peer.session)),
                Event::Lagged => console.say("too slow; who is here:"),
                Event::Closed => return,
            }
        }
    }
}
