//! The tests that the reviewers of btcd's PR #2480 asked for, written against one trait and tried on five nodes: btcd
//! before the repair, after its first and its second step, as merged, and handfast.
//!
//! They build before the repair, and fail there because of the race: the order of steps in which it happens is that of
//! the model's counterexample, driven step by step. What a design must fail with is what its model predicts, explored
//! when the test runs: no more ids and no fewer. handfast is put through every order of each of them.
//!
//! | number | what was asked for | here |
//! |---|---|---|
//! | T1 | the handshake signalled twice | `signal` |
//! | T2 | handshake and disconnect both ready before a task looks | `signal` |
//! | T3 | verack, then disconnect: add, then done, and nothing third | `order` |
//! | T4 | a regression test that builds before the repair and fails because of the race | `order` |
//! | T5 | a test that fails for each part of the repair that is taken back | `parts` |
//! | T6 | errors of the fake peers fail the test, so that the stress really happened | `waves` |
//! | T7 | disconnect before the verack, and the node goes on | `waves` |
//! | T8 | claims are about what is observed | `order` |
//! | T9 | the handshake comes first, as the message of the commit says | `signal` |
//! | T10 | three hundred at a time | `waves` |

mod order;
mod waves;
