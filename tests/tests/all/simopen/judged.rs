//! The crate `multistream-select` before the suite for anybody's implementation.

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

/// The parts that the crate plays, and the rules by which it is known to fail in each.
const KNOWN: [(Role, Version, &[&str]); 3] =
    [(Role::Listener, Version::V1, &[]), (Role::Dialer, Version::V1, &[]), (Role::Dialer, Version::V1Lazy, &[])];

#[tokio::test(start_paused = true)]
async fn the_crate_of_rust_libp2p_fails_as_is_known() {
    for (role, version, known) in KNOWN {
        let suite = Simopen { role, protocols: Simopen::default_protocols() };
        let access = Access::task(move |wire, part| rust_libp2p(wire, part, version));
        let report = run(&suite, &access, &Options::default(), |_, _, _| {}).await;
        let known: BTreeSet<String> = known.iter().map(|rule| (*rule).to_owned()).collect();
        assert_eq!(report.broken(), known, "{role}, {version:?}\n{}", report::text::<Simopen>(&report));
    }
}
