//! Judges an implementation of a protocol, in any language, over a socket.
//!
//! A [suite] has the cases of a protocol. In each the tester plays one end *and the wire*: pieces, pauses, half-closes,
//! resets, small buffers. The implementation is the other end, behind a [target]: an address, a command that starts it for
//! each case, or a task of this process. What it shows is judged by the set of the model's states that can explain it. When
//! the set is empty, the case has failed, with the first event that nothing explains. (In `lifecycle`, where the wire shows
//! little of the model, a case says what must be seen.) See `conformance/harness/README.md` for
//! what an implementation must offer.

mod check;
pub mod cli;
pub mod framed;
pub mod lifecycle;
pub mod report;
pub mod simopen;
pub mod suite;
pub mod target;
pub mod tester;
pub mod wire;

pub use check::check;
