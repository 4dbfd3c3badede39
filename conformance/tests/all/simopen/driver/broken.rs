//! Drivers of handfast's negotiation, written in the plainest way, that make one mistake each.

use std::future::pending;

use conformance::simopen::driver::{Agreed, Driver, Opening, Told};
use handfast::simopen::core::{Failure, Negotiation, Protocol, Settled};
use handfast::simopen::{Error, Options};
use handfast_spec::simopen::Kind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// What a driver does wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Mistake {
    None,
    /// It writes all that is pending before it reads.
    JoinsWrites,
    /// It writes nothing before the peer has.
    ListensFirst,
    /// It leaves what it wrote in a buffer.
    NeverFlushes,
    /// It reads while it has something to write, although it has heard enough.
    ReadsOn,
    /// It has no deadline.
    NoDeadline,
    /// It takes the end of the stream for the deadline.
    MistakesEnd,
    /// It reports a tie while its number is in a buffer.
    HurriesTies,
    /// It takes a write that fails for the end, whatever was heard.
    GivesUpOnWrites,
}

/// One without a mistake.
pub(crate) const FLAWLESS: Driver = |io, kind, ours, options| open(Mistake::None, io, kind, ours, options);

/// One for each mistake.
pub(crate) const DRIVERS: &[(&str, Driver)] = &[
    ("joins-writes", |io, kind, ours, options| open(Mistake::JoinsWrites, io, kind, ours, options)),
    ("listens-first", |io, kind, ours, options| open(Mistake::ListensFirst, io, kind, ours, options)),
    ("never-flushes", |io, kind, ours, options| open(Mistake::NeverFlushes, io, kind, ours, options)),
    ("reads-on", |io, kind, ours, options| open(Mistake::ReadsOn, io, kind, ours, options)),
    ("no-deadline", |io, kind, ours, options| open(Mistake::NoDeadline, io, kind, ours, options)),
    ("mistakes-end", |io, kind, ours, options| open(Mistake::MistakesEnd, io, kind, ours, options)),
    ("hurries-ties", |io, kind, ours, options| open(Mistake::HurriesTies, io, kind, ours, options)),
    ("gives-up-on-writes", |io, kind, ours, options| open(Mistake::GivesUpOnWrites, io, kind, ours, options)),
];

fn open(mistake: Mistake, io: Told, kind: Kind, protocols: Vec<Protocol>, options: Options) -> Opening {
    let negotiation = match kind {
        Kind::Simopen => Negotiation::dial(protocols, options.nonce.unwrap_or_default()),
        Kind::Plain | Kind::Lazy => Negotiation::propose(protocols),
        Kind::Listener | Kind::Hostile | Kind::Reflector | Kind::Silent => Negotiation::accept(protocols),
    };
    let negotiation = negotiation.with_proposal_limit(options.proposals);
    Box::pin(async move {
        match mistake {
            Mistake::NoDeadline => drive(mistake, io, negotiation).await,
            Mistake::None
            | Mistake::JoinsWrites
            | Mistake::ListensFirst
            | Mistake::NeverFlushes
            | Mistake::ReadsOn
            | Mistake::MistakesEnd
            | Mistake::HurriesTies
            | Mistake::GivesUpOnWrites => {
                let driven = timeout(options.timeout, drive(mistake, io, negotiation)).await;
                driven.unwrap_or_else(|_| Err(Failure::Deadline.into()))
            }
        }
    })
}

async fn drive(mistake: Mistake, io: Told, mut negotiation: Negotiation) -> Result<Agreed, Error> {
    let (mut reader, mut writer) = tokio::io::split(io);
    let (mut unflushed, mut has_heard) = (false, false);
    loop {
        match negotiation.outcome() {
            // SIM-6: the peer is to know of it too.
            Some(Err(Failure::Tie)) if unflushed && mistake != Mistake::HurriesTies => {}
            Some(Err(failure)) => return Err(failure.clone().into()),
            Some(Ok(Settled { role, protocol })) if !unflushed => {
                let (role, protocol) = (*role, protocol.name().to_owned());
                return Ok(Agreed { role, protocol, stream: Box::pin(reader.unsplit(writer)) });
            }
            Some(Ok(_)) | None => {}
        }
        let is_pending = !negotiation.pending().is_empty();
        let mut reads = negotiation.wants_input();
        match mistake {
            Mistake::JoinsWrites => reads &= !is_pending,
            Mistake::ReadsOn => reads |= is_pending,
            Mistake::None
            | Mistake::ListensFirst
            | Mistake::NeverFlushes
            | Mistake::NoDeadline
            | Mistake::MistakesEnd
            | Mistake::HurriesTies
            | Mistake::GivesUpOnWrites => {}
        }
        let writes = is_pending && (has_heard || mistake != Mistake::ListensFirst);
        let write_or_flush = async {
            match negotiation.pending() {
                [] => writer.flush().await.map(|()| 0),
                pending => writer.write(pending).await,
            }
        };
        let mut bytes = [0; 256];
        tokio::select! {
            biased;
            written = write_or_flush, if writes || unflushed && !is_pending => match written {
                Ok(written) => {
                    negotiation.written(written);
                    unflushed = is_pending && mistake != Mistake::NeverFlushes;
                }
                Err(error) if mistake == Mistake::GivesUpOnWrites => return Err(error.into()),
                // SIM-45: what was heard counts, and what is still to be read.
                Err(_) => {
                    negotiation.write_failed();
                    unflushed = false;
                }
            },
            read = reader.read(&mut bytes), if reads => match read? {
                0 if mistake == Mistake::MistakesEnd => negotiation.deadline_passed(),
                0 => negotiation.hung_up(),
                read => {
                    has_heard = true;
                    negotiation.received(&bytes[..read]);
                }
            },
            // It has nothing to do but to wait for its deadline.
            () = pending() => {}
        }
    }
}
