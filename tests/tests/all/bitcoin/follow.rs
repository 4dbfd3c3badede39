//! The example follows the longest chain of headers, asking one peer at a time.

use bitcoin::block::{Header, Version};
use bitcoin::constants::genesis_block;
use bitcoin::hashes::Hash;
use bitcoin::p2p::message::NetworkMessage;
use bitcoin::p2p::message_blockdata::Inventory;
use bitcoin::p2p::message_network::VersionMessage;
use bitcoin::{BlockHash, Network, TxMerkleNode};
use examples::bitcoin_node::peer::follow::{Chain, ChainError};
use tokio::runtime::Runtime;

use super::client::{Client, ClientError, version};
use super::program::{listening, rest, timeless};
use crate::support::{Program, deadline};

fn genesis() -> Header {
    genesis_block(Network::Regtest).header
}

/// So many headers on top of another one. Those of another branch have another time.
fn mined(mut below: Header, count: usize, branch: u32) -> Vec<Header> {
    let next = |_| {
        let time = below.time + branch;
        let linked = Header { prev_blockhash: below.block_hash(), time, version: Version::TWO, ..below };
        let merkle_root = TxMerkleNode::all_zeros();
        let nonces = (0..).map(|nonce| Header { nonce, merkle_root, ..linked });
        // Every second hash has the work that is asked for here.
        below = nonces.into_iter().find(|header| header.validate_pow(header.target()).is_ok()).expect("one has");
        below
    };
    (0..count).map(next).collect()
}

fn last(headers: &[Header]) -> Header {
    *headers.last().expect("there are some")
}

#[test]
fn the_longest_chain_counts() {
    let mut chain = Chain::new(genesis().block_hash());
    let short = mined(genesis(), 3, 1);
    assert_eq!((chain.extend(&[]), chain.extend(&short), chain.height()), (Ok(0), Ok(3), 3));
    assert_eq!(chain.extend(&short), Ok(0), "it is known");
    let other = mined(genesis(), 5, 2);
    assert_eq!((chain.extend(&other[..3]), chain.height()), (Ok(0), 3), "another one is not longer");
    assert_eq!((chain.extend(&other), chain.height()), (Ok(2), 5), "now it is");
    assert_eq!(chain.extend(&mined(last(&short), 1, 1)), Err(ChainError::NotLinked), "what it was is forgotten");
    let more = mined(last(&other), 2, 1);
    assert_eq!(chain.extend(&[more[1], more[0]]), Err(ChainError::NotLinked));
    let nonces = (0..).map(|nonce| Header { nonce, ..more[0] });
    let worthless = nonces.into_iter().find(|header| header.validate_pow(header.target()).is_err());
    assert_eq!(chain.extend(&[worthless.expect("every second one is")]), Err(ChainError::NoWork));
    assert_eq!((chain.extend(&more), chain.height()), (Ok(2), 7));
}

/// The next line that begins with these words, whatever is said of who comes and goes.
#[track_caller]
fn says(node: &mut Program, words: &str) -> String {
    loop {
        let line = node.says("");
        match timeless(&line).strip_prefix(words) {
            Some(rest) => return rest.to_owned(),
            None => assert!(!timeless(&line).starts_with("following "), "{line:?} in place of {words:?}"),
        }
    }
}

/// A peer of the node.
struct Peer {
    client: Client,
    /// With its session.
    address: String,
}

impl Peer {
    async fn with_height(node: &str, session: usize, start_height: i32) -> Result<Self, ClientError> {
        let mut client = Client::connect(node.parse().expect("it is an address")).await?;
        let address = format!("{} session {session}", client.address()?);
        client.send(NetworkMessage::Version(VersionMessage { start_height, ..version() })).await?;
        client.expect("version").await?;
        client.expect("verack").await?;
        client.send(NetworkMessage::Verack).await?;
        Ok(Self { client, address })
    }

    /// It is asked for headers. What the node knows already, the newest first.
    async fn is_asked(&mut self) -> Result<Vec<BlockHash>, ClientError> {
        match self.client.expect("getheaders").await? {
            NetworkMessage::GetHeaders(question) => Ok(question.locator_hashes),
            other => Err(ClientError::Unexpected(other.cmd())),
        }
    }

    async fn has_a_new_block(&mut self) -> Result<(), ClientError> {
        let block = Inventory::Block(BlockHash::all_zeros());
        let transaction = Inventory::Transaction(bitcoin::Txid::all_zeros());
        self.client.send(NetworkMessage::Inv(vec![transaction, block])).await
    }
}

#[test]
fn one_peer_after_the_other_is_followed() -> Result<(), ClientError> {
    let _deadline = deadline("a node to follow its peers");
    let runtime = Runtime::new().expect("a runtime");
    let (mut node, at) = listening(&["--follow", "--stall-timeout", "1"]);
    let chain = mined(genesis(), 5, 1);
    let genesis = genesis().block_hash();

    // Who has no more than we have is not followed.
    let equal = runtime.block_on(Peer::with_height(&at, 0, 0))?;
    let mut short = runtime.block_on(Peer::with_height(&at, 1, 3))?;
    assert_eq!(says(&mut node, "following "), format!("{} from height 0", short.address));
    assert_eq!(runtime.block_on(short.is_asked())?, [genesis]);
    runtime.block_on(short.client.send(NetworkMessage::Headers(chain[..3].to_vec())))?;
    assert_eq!(says(&mut node, "following "), "no peer, at height 3");

    let mut long = runtime.block_on(Peer::with_height(&at, 2, 9))?;
    assert_eq!(says(&mut node, "following "), format!("{} from height 3", long.address));
    let known: Vec<_> = chain[..3].iter().rev().map(Header::block_hash).chain([genesis]).collect();
    assert_eq!(runtime.block_on(long.is_asked())?, known);
    runtime.block_on(long.client.send(NetworkMessage::Headers(chain[3..].to_vec())))?;
    assert_eq!(says(&mut node, "following "), "no peer, at height 5", "it has no more, although it said so");

    // It announces a block, is asked for it, and says nothing more.
    runtime.block_on(short.has_a_new_block())?;
    assert_eq!(says(&mut node, "following "), format!("{} from height 5", short.address));
    runtime.block_on(short.is_asked())?;
    // The next one is followed when that has taken too long.
    runtime.block_on(long.has_a_new_block())?;
    assert_eq!(says(&mut node, "following "), format!("{} from height 5", long.address));
    runtime.block_on(short.client.is_left())?;
    // And what it sends is linked to nothing that is known.
    let unknown = mined(last(&mined(last(&chain), 1, 1)), 1, 1);
    runtime.block_on(long.is_asked())?;
    runtime.block_on(long.client.send(NetworkMessage::Headers(unknown)))?;
    runtime.block_on(long.client.is_left())?;

    drop(equal);
    node.interrupt();
    let said = rest(node);
    assert!(said.iter().any(|line| line.ends_with("session 2: protocol_violated")), "{said:#?}");
    Ok(())
}
