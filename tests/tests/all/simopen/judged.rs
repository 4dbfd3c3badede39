//! The crate `multistream-select` before the suite of `conformance::remote`.

use std::collections::BTreeSet;

use conformance::remote::report;
use conformance::remote::simopen::{Role, Simopen};
use conformance::remote::suite::{Options, run};
use conformance::remote::target::{Access, Part};
use conformance::remote::wire::Wire;
use multistream_select::{Version, dialer_select_proto, listener_select_proto};
use tokio::io::{AsyncWriteExt, copy, split};
use tokio_util::compat::{FuturesAsyncReadCompatExt, TokioAsyncReadCompatExt};

/// What `conformance/harness/README.md` asks for, on version 0.14.
async fn rust_libp2p(wire: Wire, part: Part, version: Version) {
    let protocols = part.protocols;
    let settled = match part.role.as_str() {
        "listener" => listener_select_proto(wire.compat(), protocols).await.map(|settled| ("responder", settled)),
        _ => dialer_select_proto(wire.compat(), protocols, version).await.map(|settled| ("initiator", settled)),
    };
    let Ok((role, (protocol, stream))) = settled else { return };
    let (mut reader, mut writer) = split(stream.compat());
    // The tester may have gone, and a lazy dialer may hear that nothing was accepted.
    let _echoed = async {
        writer.write_all(format!("{role} {protocol}\n").as_bytes()).await?;
        writer.flush().await?;
        copy(&mut reader, &mut writer).await?;
        writer.shutdown().await
    }
    .await;
}

/// The parts that the crate plays, and the rules by which it is known to fail in each. A listener hangs where its header and
/// what it hears have no room (SIM-24), declines as many proposals as there are (SIM-9), and closes the connection when it
/// hears what is no name of a protocol (SIM-42). A dialer hangs where its first flight has no room.
const KNOWN: [(Role, Version, &[&str]); 3] = [
    (Role::Listener, Version::V1, &["SIM-9", "SIM-11", "SIM-16", "SIM-18", "SIM-24", "SIM-29", "SIM-42"]),
    (Role::Dialer, Version::V1, &["SIM-11", "SIM-16", "SIM-24", "SIM-26", "SIM-29"]),
    (Role::Dialer, Version::V1Lazy, &["SIM-11", "SIM-16", "SIM-24", "SIM-26", "SIM-29"]),
];

#[tokio::test(start_paused = true)]
async fn the_crate_of_rust_libp2p_fails_as_is_known() {
    let mut differ = Vec::new();
    for (role, version, known) in KNOWN {
        let suite = Simopen { role, protocols: Simopen::default_protocols() };
        let access = Access::task(move |wire, part| rust_libp2p(wire, part, version));
        let report = run(&suite, &access, &Options::default(), |_, _, _| {}).await;
        let (broken, text) = (report.broken(), report::text::<Simopen>(&report));
        if broken != known.iter().map(|rule| (*rule).to_owned()).collect::<BTreeSet<_>>() {
            differ.push(format!("{text}{role}, {version:?} breaks {broken:?}\n"));
        }
    }
    assert!(differ.is_empty(), "{}", differ.concat());
}
