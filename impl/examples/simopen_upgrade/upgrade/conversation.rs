//! What the ends of the example say to each other: each asks on some streams and answers on as many.

use futures_util::future::{try_join, try_join_all};
use handfast::simopen::Role;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::session::Stream;
use super::{Session, UpgradeError};

/// The longest question that is answered, in bytes.
const LONGEST: u64 = 1024 * 1024;

/// What was said on one stream.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Asked {
    /// Its number: odd if the initiator opened it.
    pub stream: u32,
    /// The question, which was answered rightly.
    pub question: Vec<u8>,
}

/// What was said in both directions.
pub struct Exchanged {
    /// On streams that this end opened.
    pub asked: Vec<Asked>,
    /// On streams that the peer opened.
    pub answered: Vec<Asked>,
}

/// Asks each question on a stream of its own, checks the answers, answers as many questions of the peer, and ends the
/// connection when both ends have said everything.
pub async fn converse(mut session: Session, role: Role, questions: Vec<Vec<u8>>) -> Result<Exchanged, UpgradeError> {
    let count = questions.len();
    let mut streams = Vec::with_capacity(count);
    for _ in 0..count {
        streams.push(session.open().await?);
    }
    let asking = try_join_all(streams.into_iter().zip(questions).map(|(stream, question)| ask(stream, question)));
    let answering = async {
        let mut streams = Vec::with_capacity(count);
        for _ in 0..count {
            streams.push(session.accept().await?);
        }
        try_join_all(streams.into_iter().map(answer)).await
    };
    let (asked, answered) = try_join(asking, answering).await?;
    // Only whoever has heard that the other end has heard everything may close the connection.
    match role {
        Role::Initiator => {
            ask(session.open().await?, b"is that all?".to_vec()).await?;
            session.close().await?;
        }
        Role::Responder => {
            let last = session.accept().await?;
            answer(last).await?;
            session.closed().await?;
        }
    }
    Ok(Exchanged { asked, answered })
}

/// An answer to bytes is the same bytes with every bit turned over: a peer that only sends back what it gets is found out.
fn answer_to(question: &[u8]) -> Vec<u8> {
    question.iter().map(|byte| !byte).collect()
}

async fn ask(mut stream: Stream, question: Vec<u8>) -> Result<Asked, UpgradeError> {
    let id = stream.get_ref().id().val();
    stream.write_all(&question).await?;
    stream.shutdown().await?;
    let mut heard = Vec::with_capacity(question.len());
    (&mut stream).take(question.len() as u64 + 1).read_to_end(&mut heard).await?;
    if heard != answer_to(&question) {
        return Err(UpgradeError::WrongAnswer(id));
    }
    Ok(Asked { stream: id, question })
}

async fn answer(mut stream: Stream) -> Result<Asked, UpgradeError> {
    let id = stream.get_ref().id().val();
    let mut question = Vec::new();
    (&mut stream).take(LONGEST + 1).read_to_end(&mut question).await?;
    if question.len() as u64 > LONGEST {
        return Err(UpgradeError::TooLong(LONGEST));
    }
    stream.write_all(&answer_to(&question)).await?;
    stream.shutdown().await?;
    Ok(Asked { stream: id, question })
}
