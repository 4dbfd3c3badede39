//! A suite as a test of a package in Rust.

use super::report;
use super::suite::{Options, Suite, run};
use super::target::Access;

/// Runs every case of a suite, under a paused clock. The implementation is best a task of this process
/// ([`Access::task`](Access::task)); [`suite!`](crate::suite) makes a test of it.
///
/// # Panics
///
/// With the report, if a case fails or could not be run to its end.
pub fn check<S: Suite>(suite: &S, access: &Access) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    let runtime = runtime.expect("the operating system gives a runtime what it needs");
    let report = runtime.block_on(run(suite, access, &Options::default(), |_, _, _| {}));
    assert!(report.passes() && report.is_complete(), "{}", report::text::<S>(&report));
}

/// Declares a test that runs every case of a suite on an implementation in this process: a name, the suite, and a function of
/// a [`Wire`](crate::remote::wire::Wire) and a [`Part`](crate::remote::target::Part).
///
/// `conformance/harness/outside` is a package that does so.
#[macro_export]
macro_rules! suite {
    ($name:ident, $suite:expr, $implementation:expr) => {
        #[::core::prelude::v1::test]
        fn $name() {
            $crate::remote::check(&$suite, &$crate::remote::target::Access::task($implementation));
        }
    };
}
