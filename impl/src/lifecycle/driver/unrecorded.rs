//! In place of the record, in a build without records.

use std::convert::Infallible;
use std::marker::PhantomData;

use super::signals::ExitKind;
use crate::lifecycle::{
    Announcement, Config, ConfigError, Ended, Event, Greeting, Limits, Network, Origin, Reason, SessionId, StateError,
    SubscriberId,
};
use crate::record::unrecorded;

pub(super) type Out = &'static Infallible;

pub(super) struct Record<K>(Out, PhantomData<K>);

impl<K> Record<K> {
    pub(super) fn begin(out: Out, _: &Config<K>) -> Self {
        Self(out, PhantomData)
    }
}

unrecorded! {
    impl[K] Record<K> {
        fn all_disconnected(&[SessionId]);
        fn announced(SessionId, &Result<Announcement, StateError>, &[SessionId]);
        fn banned(&K, Result<(), StateError>, &[SessionId]);
        fn closed(SessionId);
        fn disconnected(SessionId, Result<(), StateError>);
        fn ended(SessionId, Ended, ExitKind);
        fn evicted(SubscriberId);
        fn expired(SessionId);
        fn finished();
        fn greeted(SessionId, Infallible, Greeting);
        fn key(&K) -> Option<Infallible>;
        fn limits_set(&Limits, Result<(), ConfigError>);
        fn network_banned(Network, Result<(), StateError>, &[SessionId]);
        fn network_unbanned(Network, Result<(), StateError>);
        fn opened(SessionId, Origin);
        fn privileged(SessionId, Result<(), StateError>);
        fn ranked(SessionId, u32, Result<(), StateError>);
        fn received<I>(SubscriberId, &Event<K, I>);
        fn shutting_down(&[SessionId]);
        fn subscribed(SubscriberId, impl Iterator<Item = SessionId>);
        fn turned_away(Origin, Reason);
        fn unbanned(&K, Result<(), StateError>);
        fn unsubscribed(SubscriberId);
    }
}
