//! All nodes, and who of them is connected to whom.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use futures_util::future::try_join_all;
use handfast::lifecycle::{Peer, Report};
use handfast::simopen::Role;
use socket2::{Domain, Protocol, Socket, Type};

use crate::ledger::Ledger;
use crate::member::{Member, Place};
use crate::noise::{Identity, PublicKey};
use crate::options::Options;
use crate::upgrade::About;

/// Each so many kills all nodes are killed together.
const ALL: u64 = 4;

pub(crate) struct Mesh {
    places: Vec<Place>,
    members: Vec<Option<Member>>,
    incarnations: Vec<u32>,
    ledger: Arc<Ledger>,
    options: Arc<Options>,
    /// Bound, and never listening: while a node is killed no other program gets its port.
    _reserved: Vec<Socket>,
}

impl Mesh {
    pub(crate) fn start(options: &Arc<Options>, ledger: &Arc<Ledger>) -> Result<Self, Box<dyn Error>> {
        let wanted = options.listen.unwrap_or((Ipv4Addr::LOCALHOST, 0).into());
        let reserved: Vec<Socket> = (0..options.nodes()).map(|_| reserve(wanted)).collect::<Result<_, _>>()?;
        let addresses: Vec<SocketAddr> = reserved.iter().map(address).collect::<Result<_, _>>()?;
        let place = |(number, &address): (usize, &SocketAddr)| {
            let others = addresses.iter().copied().filter(|other| *other != address);
            let others = others.chain(options.connect.iter().copied()).collect();
            let identity = Arc::new(Identity::generate()?);
            Ok(Place { number: u32::try_from(number)?, address, identity, others })
        };
        let places: Vec<Place> = addresses.iter().enumerate().map(place).collect::<Result<_, Box<dyn Error>>>()?;
        let (ledger, options) = (Arc::clone(ledger), Arc::clone(options));
        let incarnations = vec![0; places.len()];
        let mut mesh = Self { members: Vec::new(), incarnations, places, ledger, options, _reserved: reserved };
        for index in 0..mesh.places.len() {
            let member = mesh.member(index)?;
            mesh.members.push(Some(member));
        }
        Ok(mesh)
    }

    fn member(&self, index: usize) -> Result<Member, Box<dyn Error>> {
        Member::start(&self.places[index], self.incarnations[index], &self.options, &self.ledger)
    }

    pub(crate) fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.places.iter().map(|place| place.address)
    }

    /// Kills one node, or all of them together, and starts them again.
    pub(crate) async fn kill(&mut self, kills: u64) -> Result<(), Box<dyn Error>> {
        let nodes = self.members.len();
        let killed: Vec<usize> =
            if kills.is_multiple_of(ALL) { (0..nodes).collect() } else { vec![rand::random_range(0..nodes)] };
        let members: Vec<Member> = killed.iter().filter_map(|&index| self.members[index].take()).collect();
        // The threads end at their next `await`; this one serves the signals meanwhile.
        tokio::task::spawn_blocking(move || members.into_iter().for_each(Member::kill)).await?;
        for index in killed {
            self.incarnations[index] += 1;
            self.members[index] = Some(self.member(index)?);
        }
        Ok(())
    }

    /// Shuts every node down, all together.
    pub(crate) async fn stop(&mut self) -> Result<Report, Box<dyn Error>> {
        let reports = try_join_all(self.members.drain(..).flatten().map(Member::stop)).await?;
        let sum = |count: fn(&Report) -> usize| reports.iter().map(count).sum();
        Ok(Report { drained: sum(|report| report.drained), aborted: sum(|report| report.aborted) })
    }

    /// How many nodes run.
    pub(crate) fn running(&self) -> usize {
        self.members.iter().flatten().count()
    }

    /// How many sessions are announced, each counted at both ends.
    pub(crate) fn sessions(&self) -> usize {
        self.members.iter().flatten().map(|member| member.node.registry().peers().len()).sum()
    }

    pub(crate) fn pairs(&self) -> usize {
        self.places.len() * (self.places.len() - 1) / 2
    }

    /// Whether each pair of nodes has one session, which is the same at both ends, in opposite roles.
    pub(crate) fn is_complete(&self) -> bool {
        let peers: Vec<_> = self.members.iter().flatten().map(|member| member.node.registry().peers()).collect();
        let keys: Vec<PublicKey> = self.places.iter().map(|place| place.identity.public).collect();
        let only = |at: usize, with: usize| {
            let mut found = peers[at].iter().filter(|peer| peer.key == keys[with]);
            found.next().filter(|_| found.next().is_none())
        };
        let same = |one: &Peer<PublicKey, About>, other: &Peer<PublicKey, About>| {
            let (one, other) = (one.info, other.info);
            one.ours.frames == other.theirs.frames && one.theirs.frames == other.ours.frames && one.role != other.role
        };
        let is_one =
            |one, other| only(one, other).zip(only(other, one)).is_some_and(|(ours, theirs)| same(ours, theirs));
        peers.len() == keys.len() && (0..keys.len()).all(|one| (0..one).all(|other| is_one(one, other)))
    }

    /// Each node in a line.
    pub(crate) fn rows(&self) -> Vec<String> {
        let row = |(index, member): (usize, &Option<Member>)| {
            let (place, start) = (&self.places[index], self.incarnations[index]);
            let begin = format!("{:>4} {:<22} {start:>5}", place.number, place.address);
            let Some(member) = member else { return format!("{begin} killed") };
            let peers = member.node.registry().peers();
            let initiators = peers.iter().filter(|peer| peer.info.role == Role::Initiator).count();
            let (count, responders, rumours) = (peers.len(), peers.len() - initiators, member.rumours.heard());
            format!("{begin} {count:>5} {initiators:>9} {responders:>9} {rumours:>10}")
        };
        self.members.iter().enumerate().map(row).collect()
    }
}

/// A socket at an address that other sockets may share.
fn reserve(wanted: SocketAddr) -> Result<Socket, String> {
    let bound = || {
        let socket = Socket::new(Domain::for_address(wanted), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(true)?;
        socket.bind(&wanted.into())?;
        Ok(socket)
    };
    bound().map_err(|error: std::io::Error| format!("cannot listen on {wanted}: {error}"))
}

fn address(socket: &Socket) -> Result<SocketAddr, String> {
    let address = socket.local_addr().map_err(|error| format!("a socket has no address: {error}"))?;
    address.as_socket().ok_or_else(|| "a socket's address is not of TCP".to_owned())
}
