//! Who negotiates. Every contender has both ends, and leaves the connection where the next negotiation can begin.

use handfast::simopen::{Options, accept, negotiate, propose};
use multistream_select::{Version, dialer_select_proto, listener_select_proto};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::compat::TokioAsyncReadCompatExt;

/// A pair of ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Contender {
    /// `propose` and `accept`: the very bytes that the crate sends.
    Ordinary,
    /// `negotiate` and `accept`: the dialer asks whether the other end dialed too.
    Dialer,
    /// `negotiate` and `negotiate`: both dialed.
    Both,
    /// The crate `multistream-select`, version 1.
    Crate,
}

impl Contender {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ordinary => "handfast, propose",
            Self::Dialer => "handfast, negotiate",
            Self::Both => "handfast, both dial",
            Self::Crate => "multistream-select",
        }
    }
}

/// What the dialer proposes, in its order.
pub(crate) const PROPOSED: [&str; 3] = ["/noise", "/tls/1.0.0", "/plaintext/2.0.0"];

/// The end that dials, or proposes.
pub(crate) async fn dial<Io: AsyncRead + AsyncWrite + Unpin>(contender: Contender, io: &mut Io) {
    match contender {
        Contender::Ordinary => drop(propose(io, &PROPOSED, Options::default()).await.expect("they agree")),
        Contender::Dialer | Contender::Both => {
            let options = Options::default().with_nonce(Some(7));
            drop(negotiate(io, &PROPOSED, options).await.expect("they agree"));
        }
        Contender::Crate => {
            let (_, stream) = dialer_select_proto(io.compat(), PROPOSED, Version::V1).await.expect("they agree");
            drop(stream.complete().await.expect("they agree"));
        }
    }
}

/// The other end, which speaks these.
pub(crate) async fn listen<Io: AsyncRead + AsyncWrite + Unpin>(contender: Contender, io: &mut Io, spoken: &[&str]) {
    match contender {
        Contender::Ordinary | Contender::Dialer => {
            drop(accept(io, spoken, Options::default()).await.expect("they agree"));
        }
        Contender::Both => {
            let options = Options::default().with_nonce(Some(3));
            drop(negotiate(io, spoken, options).await.expect("they agree"));
        }
        Contender::Crate => {
            let spoken = spoken.iter().copied();
            let (_, stream) = listener_select_proto(io.compat(), spoken).await.expect("they agree");
            drop(stream.complete().await.expect("they agree"));
        }
    }
}
