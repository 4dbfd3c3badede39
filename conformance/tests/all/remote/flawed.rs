//! Ends with one mistake each, on handfast's core.

use std::time::Duration;

use conformance::remote::target::Part;
use conformance::remote::wire::Wire;
use handfast::simopen::Role;
use handfast::simopen::core::{Failure, Negotiation, Protocol, Settled};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, split};
use tokio::time::sleep;

/// A mistake.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Flaw {
    /// It makes none.
    None,
    /// It declines the first protocol that it supports.
    DeclinesFirst,
    /// It goes on after what is no message.
    ForgivesMalformed,
    /// What came together with the last message is lost.
    LosesPayload,
    /// It reads nothing while it has something to write.
    WritesFirst,
    /// It proposes its last protocol first.
    ProposesBackwards,
    /// It takes the role of the responder where both numbers are equal.
    EqualIsResponder,
    /// It says something after it has failed.
    SpeaksAfterFailure,
    /// It keeps the connection open after it has failed.
    StaysOpen,
    /// It tells the layer above that it is the initiator because it dialed.
    ReportsDirection,
    /// It takes a number with a sign.
    LaxNumber,
    /// It takes the proposal of a dialer without the extension for the acceptance of its own.
    TrustsPlainDialer,
    /// It declines as many proposals as there are.
    DeclinesForEver,
    /// Whatever it hears moves its deadline, which the others have none of.
    RestartsDeadline,
}

/// The deadline that moves.
pub(super) const DEADLINE: Duration = Duration::from_secs(5);

impl Flaw {
    fn negotiation(self, part: &Part) -> Negotiation {
        let mut names: Vec<&String> = part.protocols.iter().collect();
        if self == Self::DeclinesFirst {
            names.remove(0);
        }
        if self == Self::ProposesBackwards {
            names.reverse();
        }
        let protocols: Vec<Protocol> = names.iter().map(|name| Protocol::new(name).expect("it is a name")).collect();
        let negotiation = match part.role.as_str() {
            "dialer" => Negotiation::propose(protocols),
            "listener" => Negotiation::accept(protocols),
            _ => Negotiation::dial(protocols, 1 << 40),
        };
        negotiation.with_proposal_limit(if self == Self::DeclinesForEver { u16::MAX } else { 32 })
    }

    fn takes(self, bytes: &[u8]) -> Vec<u8> {
        match (self, bytes) {
            (Self::LaxNumber, b"\x0aselect:+5\n") => b"\x09select:5\n".to_vec(),
            (_, bytes) => bytes.to_vec(),
        }
    }
}

/// An end with a mistake: it negotiates, says what it settled on, and echoes.
pub(super) async fn flawed(wire: Wire, part: Part, flaw: Flaw) {
    let (mut reader, mut writer) = split(wire);
    let mut negotiation = flaw.negotiation(&part);
    let mut surplus = Vec::new();
    let outcome = loop {
        match negotiation.outcome() {
            Some(Err(Failure::Malformed(_))) if flaw == Flaw::ForgivesMalformed => {
                negotiation = flaw.negotiation(&part);
                negotiation.written(negotiation.pending().len());
                negotiation.received(b"\x13/multistream/1.0.0\n");
            }
            Some(outcome) => break outcome.clone(),
            None => {}
        }
        let pending = negotiation.pending().to_vec();
        let writes = !pending.is_empty();
        let reads = negotiation.wants_input() && !(writes && flaw == Flaw::WritesFirst);
        let mut bytes = [0; 256];
        tokio::select! {
            biased;
            () = sleep(DEADLINE), if flaw == Flaw::RestartsDeadline => negotiation.deadline_passed(),
            read = reader.read(&mut bytes), if reads => match read {
                Ok(0) | Err(_) => negotiation.hung_up(),
                Ok(count) => {
                    let bytes = flaw.takes(&bytes[..count]);
                    let taken = negotiation.received(&bytes);
                    surplus.extend_from_slice(&bytes[taken..]);
                }
            },
            written = writer.write(&pending), if writes => match written {
                Ok(count) => negotiation.written(count),
                Err(_) => negotiation.write_failed(),
            },
        }
    };
    let (role, protocol) = match outcome {
        Ok(Settled { role, protocol }) => (role, protocol.name().to_owned()),
        Err(Failure::PlainDialer) if flaw == Flaw::TrustsPlainDialer => (Role::Initiator, part.protocols[0].clone()),
        Err(failure) => return fail(flaw, &failure, &mut reader, &mut writer).await,
    };
    let says_initiator = role == Role::Initiator || flaw == Flaw::ReportsDirection;
    let line = format!("{} {protocol}\n", if says_initiator { "initiator" } else { "responder" });
    let kept = if flaw == Flaw::LosesPayload { &[][..] } else { &surplus };
    // An end of which the peer has gone has nothing more to do.
    let _echoed = async {
        writer.write_all(line.as_bytes()).await?;
        writer.write_all(kept).await?;
        copy(&mut reader, &mut writer).await?;
        writer.shutdown().await
    }
    .await;
}

async fn fail(
    flaw: Flaw,
    failure: &Failure,
    reader: &mut (impl AsyncReadExt + Unpin),
    writer: &mut (impl AsyncWriteExt + Unpin),
) {
    let last: &[u8] = match (flaw, failure) {
        (Flaw::SpeaksAfterFailure, _) => b"\x03na\n",
        (Flaw::EqualIsResponder, Failure::Tie) => b"\x0aresponder\n",
        (_, _) => b"",
    };
    let _said = writer.write_all(last).await;
    if flaw == Flaw::StaysOpen {
        let _heard = copy(reader, &mut tokio::io::sink()).await;
        std::future::pending::<()>().await;
    }
}
