//! Two ends that dial each other at once, and end up with a secured, multiplexed connection.
//!
//! ```text
//! cargo run -p handfast --example simopen_upgrade
//! ```
//!
//! shows it with both ends in one program: first both dial and nobody listens, then one dials and the other one listens.
//! Both ends go through the same steps, and only the role that was negotiated says who does what. Each end then asks
//! on streams of its own and answers on the other's, and every byte is checked.
//!
//! The ends can be two programs as well, in two terminals:
//!
//! ```text
//! cargo run -p handfast --example simopen_upgrade -- dial --from 127.0.0.1:4001 127.0.0.1:4002
//! cargo run -p handfast --example simopen_upgrade -- dial --from 127.0.0.1:4002 127.0.0.1:4001
//! ```
//!
//! or `listen 127.0.0.1:4002` in place of the second one.
#![allow(unreachable_pub)] // `upgrade` is also part of a library, for tests: ../lib.rs

mod upgrade;

use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use clap::{Parser, Subcommand};
use handfast::simopen::{self, Direction, Role};
use tokio::runtime::{Builder, Runtime};

use upgrade::{Exchanged, Identity, PublicKey, UpgradeError, Upgraded, accepted, converse, dialed, free_port, meet};

/// Two ends dial each other at once, agree who is the initiator, and upgrade the connection to Noise and yamux.
#[derive(Debug, Parser)]
struct Options {
    #[command(subcommand)]
    end: Option<End>,
}

/// One end alone; without it both are shown.
#[derive(Debug, Subcommand)]
enum End {
    /// Dial somebody who listens, or who dials this end at the same time
    Dial {
        /// The address to dial from, which the other end dials
        #[arg(long, value_name = "ADDRESS")]
        from: SocketAddr,
        /// The address to dial
        #[arg(value_name = "ADDRESS")]
        to: SocketAddr,
    },
    /// Accept one connection
    Listen {
        /// The address to listen on; port 0 is any free one
        #[arg(value_name = "ADDRESS")]
        address: SocketAddr,
    },
}

fn main() -> Result<(), Box<dyn Error>> {
    let identity = Identity::generate()?;
    match Options::parse().end {
        None => show(),
        Some(End::Dial { from, to }) => {
            report(&from.to_string(), &runtime()?.block_on(dial(from, to, &identity, None))?);
            Ok(())
        }
        Some(End::Listen { address }) => {
            let listener =
                TcpListener::bind(address).map_err(|error| format!("cannot listen on {address}: {error}"))?;
            let address = listener.local_addr()?;
            println!("{address} listens");
            report(&address.to_string(), &runtime()?.block_on(listen(listener, &identity))?);
            Ok(())
        }
    }
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// How it went for one end.
struct Outcome {
    how: String,
    role: Role,
    direction: Direction,
    peer: PublicKey,
    said: Exchanged,
}

async fn dial(
    from: SocketAddr,
    to: SocketAddr,
    identity: &Identity,
    expected: Option<PublicKey>,
) -> Result<Outcome, UpgradeError> {
    let met = meet(from, to).await?;
    let how = format!("dialed {to} ({} attempts)", met.attempts);
    go_on(how, dialed(met.stream, identity, expected, simopen::Options::default()).await?).await
}

async fn listen(listener: TcpListener, identity: &Identity) -> Result<Outcome, UpgradeError> {
    listener.set_nonblocking(true)?;
    let (stream, from) = tokio::net::TcpListener::from_std(listener)?.accept().await?;
    go_on(format!("was dialed by {from}"), accepted(stream, identity).await?).await
}

async fn go_on(how: String, upgraded: Upgraded) -> Result<Outcome, UpgradeError> {
    let Upgraded { session, role, direction, peer } = upgraded;
    // More than one packet, more than one message of Noise, more than one window of yamux.
    let questions = [1_000, 100_000, 400_000].map(|length| vec![length as u8; length]).to_vec();
    Ok(Outcome { how, role, direction, peer, said: converse(session, role, questions).await? })
}

/// Both ends, each on a thread of its own, once in each way.
fn show() -> Result<(), Box<dyn Error>> {
    let (left, right) = (free_port()?, free_port()?);
    let (us, them) = (Identity::generate()?, Identity::generate()?);

    println!("both dial, and nobody listens:");
    let ends = std::thread::scope(|scope| {
        let end = |from, to, identity, expected| -> Result<Outcome, UpgradeError> {
            runtime()?.block_on(dial(from, to, identity, Some(expected)))
        };
        let (us, them) = (&us, &them);
        let other = scope.spawn(move || end(right, left, them, us.public()));
        (end(left, right, us, them.public()), other.join())
    });
    let (ours, theirs) = (ends.0?, ends.1.map_err(|_| "one end panicked")??);
    report("  left ", &ours);
    report("  right", &theirs);

    println!("one dials, and one listens:");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let ends = std::thread::scope(|scope| {
        let other = scope.spawn(|| -> Result<Outcome, UpgradeError> { runtime()?.block_on(listen(listener, &them)) });
        let ours = || -> Result<Outcome, UpgradeError> {
            runtime()?.block_on(dial(free_port()?, address, &us, Some(them.public())))
        };
        (ours(), other.join())
    });
    let (ours, theirs) = (ends.0?, ends.1.map_err(|_| "one end panicked")??);
    report("  left ", &ours);
    report("  right", &theirs);
    Ok(())
}

fn report(who: &str, outcome: &Outcome) {
    let Outcome { how, role, direction, peer, said } = outcome;
    let streams = |said: &[upgrade::Asked]| {
        let bytes: usize = said.iter().map(|asked| asked.question.len()).sum();
        let streams: Vec<String> = said.iter().map(|asked| asked.stream.to_string()).collect();
        format!("{bytes} bytes on streams {}", streams.join(" "))
    };
    println!(
        "{who} {how}; {direction:?}, {role:?}; peer {peer}; asked {}, answered {}",
        streams(&said.asked),
        streams(&said.answered)
    );
}
