//! Which peer's chain of headers the node follows, and the chain.
//!
//! One peer is asked at a time. The selector picks it among the peers that claim a longer chain than ours. A header has to
//! have the work that it claims and to be linked to one that is known. The longest chain counts: neither difficulties nor
//! times are checked, as only who has the blocks can do in full.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bitcoin::block::Header;
use bitcoin::p2p::message::NetworkMessage;
use bitcoin::p2p::message_blockdata::GetHeadersMessage;
use bitcoin::{BlockHash, hashes::Hash};
use handfast::lifecycle::{Selector, SelectorConfig, SessionId, Stalled, StateError};

use super::{About, Peers};

/// As many headers as one message has at most. Of a peer that sends so many there may be more.
pub const MOST_HEADERS: usize = 2000;

/// How long the chain may become: 64 MB of hashes, and forty years.
const MOST_BLOCKS: usize = 2_000_000;

/// The hashes of the longest chain that a peer has shown, by height.
#[derive(Debug)]
pub struct Chain(Vec<BlockHash>);

/// Why headers are not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ChainError {
    #[error("its headers are not linked to any that is known")]
    NotLinked,
    #[error("a header has not the work that it claims")]
    NoWork,
    #[error("its chain is longer than {MOST_BLOCKS} blocks")]
    TooLong,
}

impl Chain {
    pub fn new(genesis: BlockHash) -> Self {
        Self(vec![genesis])
    }

    pub fn height(&self) -> u32 {
        u32::try_from(self.0.len() - 1).expect("there are no more than two million")
    }

    /// Hashes that the peer may know, from the newest back and further and further apart, with the genesis block in the end.
    fn locator(&self) -> Vec<BlockHash> {
        let last = self.0.len() - 1;
        let steps = (0..).map(|step: u32| if step < 10 { step as usize } else { 1 << (step - 7) });
        let back = steps.take_while(|&step| step < last).map(|step| self.0[last - step]);
        back.chain([self.0[0]]).collect()
    }

    /// Appends headers, or puts them in place of what is there if that makes the chain longer. Returns by how much.
    ///
    /// # Errors
    ///
    /// Nothing was taken.
    pub fn extend(&mut self, headers: &[Header]) -> Result<usize, ChainError> {
        let Some(first) = headers.first() else { return Ok(0) };
        let known = self.0.iter().rposition(|hash| *hash == first.prev_blockhash).ok_or(ChainError::NotLinked)?;
        let mut hashes = Vec::with_capacity(headers.len());
        let mut last = first.prev_blockhash;
        for header in headers {
            if header.prev_blockhash != last {
                return Err(ChainError::NotLinked);
            }
            last = header.validate_pow(header.target()).map_err(|_| ChainError::NoWork)?;
            hashes.push(last);
        }
        let (before, after) = (self.0.len(), known + 1 + hashes.len());
        if after > MOST_BLOCKS {
            return Err(ChainError::TooLong);
        }
        if after > before {
            self.0.truncate(known + 1);
            self.0.append(&mut hashes);
        }
        Ok(after.saturating_sub(before))
    }
}

/// The chain, and the selector of the peer that is asked for more of it.
pub struct Follower {
    chain: Arc<Mutex<Chain>>,
    pub selector: Selector<std::net::SocketAddr, About>,
}

impl Follower {
    /// Begins to follow the peers of a node. One that is asked and says nothing for so long is disconnected.
    pub fn start(node: &Peers, genesis: BlockHash, patience: Duration) -> Result<Self, StateError> {
        let chain = Arc::new(Mutex::new(Chain::new(genesis)));
        let ours = Arc::clone(&chain);
        let is_ahead = move |peer: &handfast::lifecycle::Peer<_, About>| {
            let height = ours.lock().unwrap_or_else(PoisonError::into_inner).height();
            peer.info.height.load(Relaxed) > height
        };
        let config = SelectorConfig::new(patience, Stalled::Disconnect);
        let (selector, _task) = Selector::spawn(node, config, is_ahead)?;
        Ok(Self { chain, selector })
    }

    pub fn height(&self) -> u32 {
        self.chain.lock().unwrap_or_else(PoisonError::into_inner).height()
    }

    pub fn is_followed(&self, session: SessionId) -> bool {
        self.selector.active().is_some_and(|peer| peer.session == session)
    }

    /// The question for what comes after our chain.
    pub fn question(&self) -> NetworkMessage {
        let locator = self.chain.lock().unwrap_or_else(PoisonError::into_inner).locator();
        NetworkMessage::GetHeaders(GetHeadersMessage::new(locator, BlockHash::all_zeros()))
    }

    /// A peer says that it has a new block. It is asked for it when it is its turn.
    pub fn announced(&self, session: SessionId, height: &AtomicU32) {
        height.fetch_max(self.height().saturating_add(1), Relaxed);
        let _ = self.selector.look_at(session);
    }

    /// A peer has sent headers: an answer, if it is the one that is followed, and otherwise an announcement. Returns
    /// whether it is to be asked for more.
    pub fn heard(&self, session: SessionId, claimed: &AtomicU32, headers: &[Header]) -> Result<bool, ChainError> {
        if !self.is_followed(session) {
            if !headers.is_empty() {
                self.announced(session, claimed);
            }
            return Ok(false);
        }
        let (gained, height) = {
            let mut chain = self.chain.lock().unwrap_or_else(PoisonError::into_inner);
            (chain.extend(headers)?, chain.height())
        };
        // It has answered: another peer may have been quicker with the same block.
        self.selector.progress(session);
        if headers.len() == MOST_HEADERS && gained > 0 {
            claimed.fetch_max(height.saturating_add(1), Relaxed);
            return Ok(true);
        }
        // That was all, whatever it had said.
        claimed.store(height, Relaxed);
        let _ = self.selector.look_at(session);
        Ok(false)
    }
}
