//! Streams of rustls: a peer that closes TCP without `close_notify` has ended its bytes, as on TCP. Whether that was the end is
//! for its marker to say.

use std::sync::Arc;
use std::time::Duration;

use handfast::framed::{Config, Connection, Error, Frame, Opaque, Outcome};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{PrivatePkcs8KeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use super::support::within;

const LIMIT: Duration = Duration::from_secs(30);

/// A frame of kind 1 with ten bytes, and the marker.
const WHOLE: &[u8; 26] = b"\0\0\0\x01\0\0\0\x0a0123456789\x10\0\0\0\0\0\0\0";

type Ours = Connection<Opaque<client::TlsStream<TcpStream>>>;
type Theirs = server::TlsStream<TcpStream>;

fn tls() -> (TlsConnector, TlsAcceptor) {
    let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let certificate = issued.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(issued.signing_key.serialize_der());
    let provider = Arc::new(default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).expect("it is well-formed");
    let ours = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let ours = ours.expect("they are known").with_root_certificates(roots).with_no_client_auth();
    let theirs = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let theirs = theirs.expect("they are known").with_no_client_auth();
    let theirs = theirs.with_single_cert(vec![certificate], key.into()).expect("the key is the certificate's");
    (TlsConnector::from(Arc::new(ours)), TlsAcceptor::from(Arc::new(theirs)))
}

async fn pair() -> (Ours, Theirs) {
    let (connector, acceptor) = tls();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
    let dialed = TcpStream::connect(listener.local_addr().expect("it is bound")).await.expect("it listens");
    let (accepted, _) = listener.accept().await.expect("it was dialed");
    let name = ServerName::try_from("localhost").expect("it is a name");
    let (ours, theirs) = tokio::join!(connector.connect(name, dialed), acceptor.accept(accepted));
    (Connection::over(ours.expect("it is trusted"), Config::default()), theirs.expect("it has no client's certificate"))
}

/// Closes TCP, with or without saying so in TLS before.
async fn close(mut peer: Theirs, notifies: bool) {
    if notifies {
        peer.shutdown().await.expect("it is connected");
    }
    drop(peer.into_inner());
}

#[tokio::test]
async fn a_stream_that_ends_behind_the_marker_has_ended_cleanly() {
    for notifies in [true, false] {
        let (mut ours, mut peer) = pair().await;
        peer.write_all(WHOLE).await.expect("it is connected");
        peer.flush().await.expect("it is connected");
        assert_eq!(ours.read().await, Ok(Some(Frame::new(1, &b"0123456789"[..]))));
        assert_eq!(ours.read().await, Ok(None));
        let peer = tokio::spawn(async move {
            // Our marker, and the end of our direction.
            let mut bytes = Vec::new();
            peer.read_to_end(&mut bytes).await.expect("we end our direction");
            close(peer, notifies).await;
            bytes
        });
        let outcome = tokio::time::timeout(LIMIT, ours.shutdown(within(LIMIT))).await.expect("the peer has ended");
        assert_eq!(outcome, Outcome::Unconfirmed { peer_ended: true }, "with close_notify: {notifies}");
        assert_eq!(peer.await.expect("it does not panic"), WHOLE[18..]);
    }
}

#[tokio::test]
async fn a_stream_that_is_cut_before_the_marker_is_truncated() {
    for notifies in [true, false] {
        for (cut, error) in [
            (13, Error::Truncated { missing: 5 }),
            (18, Error::EndedWithoutMarker),
            (22, Error::Truncated { missing: 4 }),
        ] {
            let (mut ours, mut peer) = pair().await;
            peer.write_all(&WHOLE[..cut]).await.expect("it is connected");
            peer.flush().await.expect("it is connected");
            close(peer, notifies).await;
            if cut >= 18 {
                assert_eq!(ours.read().await, Ok(Some(Frame::new(1, &b"0123456789"[..]))));
            }
            let read = tokio::time::timeout(LIMIT, ours.read()).await.expect("the peer has ended");
            assert_eq!(read, Err(error.clone()), "{cut}, with close_notify: {notifies}");
            assert!(error.is_truncation());
        }
    }
}
