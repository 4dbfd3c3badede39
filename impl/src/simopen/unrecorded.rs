//! In place of the record, in a build without records.

use std::convert::Infallible;

use super::Options;
use super::core::{Negotiation, Protocol};
use super::driver::Part;
use crate::record::unrecorded;

pub(super) type Sink<'a> = &'a Infallible;

pub(super) struct Record<'a>(Sink<'a>);

impl<'a> Record<'a> {
    pub(super) fn begin(sink: Sink<'a>, _: Part, _: u64, _: &[Protocol], _: Options, _: &Negotiation) -> Self {
        Self(sink)
    }
}

unrecorded! {
    impl[] Record<'_> {
        fn expired();
        fn flushed();
        fn hung_up(&Negotiation);
        fn received(&[u8], &mut Negotiation) -> usize;
        fn write_failed(&Negotiation);
        fn wrote(&[u8], &Negotiation);
    }
}
