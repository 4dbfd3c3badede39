//! The crate `multistream-select`, which rust-libp2p negotiates with, at the other end.

use std::time::Duration;

use handfast::simopen::core::Failure;
use handfast::simopen::{Error, Options, Role, accept, negotiate, propose};
use multistream_select::{NegotiationError, Version, dialer_select_proto, listener_select_proto};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio_util::compat::{FuturesAsyncReadCompatExt, TokioAsyncReadCompatExt};

use crate::simopen::err;

/// How much the connection holds: from one byte to all there is to say.
const CAPACITIES: [usize; 5] = [1, 7, 57, 58, 4096];
const VERSIONS: [Version; 2] = [Version::V1, Version::V1Lazy];

/// SIM-29: to an ordinary listener this end is an ordinary dialer.
#[tokio::test(start_paused = true)]
async fn a_dialer_agrees_with_their_listener() {
    for capacity in CAPACITIES {
        let (ours, theirs) = duplex(capacity);
        let listener = async {
            let (protocol, stream) = listener_select_proto(theirs.compat(), ["/noise", "/tls"]).await?;
            let mut stream = stream.compat();
            let mut heard = [0; 5];
            stream.read_exact(&mut heard).await.expect("the dialer goes on");
            stream.write_all(&heard).await.expect("the dialer reads");
            stream.flush().await.expect("the dialer reads");
            Ok::<_, NegotiationError>(protocol)
        };
        let dialer = async {
            let mut stream = negotiate(ours, &["/other", "/tls", "/noise"], Options::default()).await?;
            assert_eq!((stream.role(), stream.protocol()), (Role::Initiator, "/tls"));
            stream.write_all(b"hello").await?;
            let mut heard = [0; 5];
            stream.read_exact(&mut heard).await?;
            Ok::<_, Error>(heard)
        };
        let (theirs, ours) = tokio::join!(listener, dialer);
        assert_eq!((theirs.expect("it agrees"), &ours.expect("it agrees")), ("/tls", b"hello"), "{capacity} bytes");
    }
}

#[tokio::test(start_paused = true)]
async fn a_listener_agrees_with_their_dialer() {
    for (capacity, version) in CAPACITIES.into_iter().flat_map(|capacity| VERSIONS.map(|version| (capacity, version))) {
        let (ours, theirs) = duplex(capacity);
        let dialer = async {
            let (protocol, stream) = dialer_select_proto(theirs.compat(), ["/other", "/noise"], version).await?;
            let mut stream = stream.compat();
            let mut heard = [0; 5];
            let (said, read) = {
                let (mut reader, mut writer) = tokio::io::split(&mut stream);
                tokio::join!(
                    async {
                        writer.write_all(b"hello").await?;
                        writer.flush().await
                    },
                    async { reader.read_exact(&mut heard).await.map(drop) }
                )
            };
            said.expect("the listener reads");
            read.expect("the listener answers");
            Ok::<_, NegotiationError>((protocol, heard))
        };
        let listener = async {
            let mut stream = accept(ours, &["/tls", "/noise"], Options::default()).await?;
            assert_eq!((stream.role(), stream.protocol()), (Role::Responder, "/noise"));
            let mut heard = [0; 5];
            stream.read_exact(&mut heard).await?;
            stream.write_all(&heard).await?;
            Ok::<_, Error>(heard)
        };
        let (theirs, ours) = tokio::join!(dialer, listener);
        let (theirs, ours) = (theirs.expect("it agrees"), ours.expect("it agrees"));
        assert_eq!((theirs, &ours), (("/noise", *b"hello"), b"hello"), "{capacity} bytes, {version:?}");
    }
}

/// SIM-46: their lazy dialer says everything, its payload too, and closes before it hears anything.
#[tokio::test(start_paused = true)]
async fn a_payload_of_their_lazy_dialer_arrives_although_it_has_closed() {
    for capacity in [64, 4096] {
        let (ours, theirs) = duplex(capacity);
        let lazy = dialer_select_proto(theirs.compat(), ["/noise"], Version::V1Lazy).await;
        let mut stream = lazy.expect("it does not wait").1.compat();
        stream.write_all(b"payload").await.expect("it fits");
        stream.flush().await.expect("it fits");
        drop(stream);
        let mut settled = accept(ours, &["/tls", "/noise"], Options::default()).await.expect("all was said");
        let mut payload = Vec::new();
        settled.read_to_end(&mut payload).await.expect("the end is clean");
        assert_eq!((settled.protocol(), &payload[..]), ("/noise", &b"payload"[..]), "{capacity} bytes");
    }
}

#[tokio::test(start_paused = true)]
async fn an_ordinary_initiator_agrees_with_their_listener() {
    for capacity in CAPACITIES {
        let (ours, theirs) = duplex(capacity);
        let listener = listener_select_proto(theirs.compat(), ["/yamux/1.0.0"]);
        let (theirs, ours) = tokio::join!(listener, propose(ours, &["/other", "/yamux/1.0.0"], Options::default()));
        assert_eq!(theirs.expect("it agrees").0, ours.expect("it agrees").protocol());
    }
}

/// SIM-7: with a dialer that does not know the extension nobody believes that anything was agreed.
#[tokio::test(start_paused = true)]
async fn a_dialer_and_their_dialer_fail_cleanly() {
    for (capacity, version) in CAPACITIES.into_iter().flat_map(|capacity| VERSIONS.map(|version| (capacity, version))) {
        let (ours, theirs) = duplex(capacity);
        let theirs = async {
            let (_, stream) = dialer_select_proto(theirs.compat(), ["/noise"], version).await?;
            // The lazy one says so before it knows.
            stream.complete().await.map(drop)
        };
        let options = Options::default().with_timeout(Duration::from_secs(5));
        let (theirs, ours) = tokio::join!(theirs, negotiate(ours, &["/noise"], options));
        let what = format!("{capacity} bytes, {version:?}");
        err(theirs, &what);
        let error = err(ours, &what);
        assert!(error.is_plain_dialer(), "{what}: {error}");
    }
}

/// What this protocol is for: two of their dialers agree, and both believe that they are the initiator.
#[tokio::test(start_paused = true)]
async fn two_of_their_dialers_both_believe_that_they_are_the_initiator() {
    for version in VERSIONS {
        let (left, right) = duplex(4096);
        let dial = |stream: tokio::io::DuplexStream| async move {
            let (protocol, stream) = dialer_select_proto(stream.compat(), ["/noise"], version).await?;
            stream.complete().await.map(|_| protocol)
        };
        let (left, right) = tokio::join!(dial(left), dial(right));
        assert_eq!((left.expect("it believes so"), right.expect("it believes so")), ("/noise", "/noise"));
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_in_common_is_told_at_both_ends() {
    let (ours, theirs) = duplex(64);
    let listener = listener_select_proto(theirs.compat(), ["/noise"]);
    let (theirs, ours) = tokio::join!(listener, negotiate(ours, &["/a", "/b"], Options::default()));
    assert!(theirs.is_err());
    let error = err(ours, "they have nothing in common");
    assert!(matches!(error, Error::Negotiation(Failure::NothingInCommon)), "{error}");
}
