//! In place of the record, in a build without records.

use std::convert::Infallible;
use std::io;

use super::config::Config;
use super::reader::End as PeerEnd;
use crate::framed::{Delivery, Error, Outcome};
use crate::record::unrecorded;
use crate::runtime::time::Instant;

pub(super) type Out = &'static Infallible;

#[derive(Debug)]
pub(super) struct Record(Out);

pub(super) struct Entering<'r>(&'r Infallible);

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum ReadBy {
    Reader,
    Kept,
    Dropped,
}

impl Record {
    pub(super) fn begin(out: Out, _: &Config, _: &io::Result<Delivery>) -> Self {
        Self(out)
    }

    pub(super) fn steps(&self) -> Entering<'_> {
        Entering(self.0)
    }

    pub(super) fn write_out(&self) {}
}

unrecorded! {
    impl[] Entering<'_> {
        fn accepted(usize);
        fn at_end();
        fn begun(Instant, bool);
        fn came(&[u8], ReadBy);
        fn ended_by(Delivery);
        fn failed(&Error);
        fn finished();
        fn given();
        fn handed(impl Sized, usize);
        fn left();
        fn marker();
        fn over(Outcome);
        fn passed();
        fn peer_ended(Option<&PeerEnd>, ReadBy);
        fn reader_expired();
        fn write_failed(&Error);
        fn written();
    }
}
