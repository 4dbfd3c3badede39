//! Logs of whole worlds.

use handfast_spec::Recorded;
use handfast_spec::lifecycle::Duplicates;
use handfast_spec::node::{Action, History, Link, Socket};
use serde::{Deserialize, Serialize};

use super::bounds::{Bounds, alphabet};
use super::machine::{Body, Config, Handfast, Sending, Stage};
use crate::checker::explain::Explains;

/// How the nodes were configured, and which connections there may be.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Header {
    /// The nodes.
    #[serde(flatten)]
    pub config: Config,
    /// The connections.
    pub links: Vec<Link>,
}

impl Header {
    pub(super) fn of(machine: &Handfast) -> Self {
        Self { config: *machine.config(), links: machine.links().collect() }
    }

    /// Whether each connection is between two nodes that there are, and ties can be broken.
    fn is_sound(&self) -> bool {
        let is_node = |link: &Link| link.nodes.iter().all(|node| node.0 < self.config.nodes);
        let is_sound = |link: &Link| is_node(link) && link.nodes[0] != link.nodes[1];
        self.config.duplicates != Duplicates::Allow(0) && self.config.nodes <= 32 && self.links.iter().all(is_sound)
    }
}

impl Explains for Handfast {
    type Header = Header;

    fn starts(header: &Header) -> Vec<Recorded<Self>> {
        let start = || Recorded { machine: Self::new(header.config, &header.links), history: History::default() };
        header.is_sound().then(start).into_iter().collect()
    }

    fn attempts(&self) -> Vec<Action> {
        alphabet(&Bounds::EVERYTHING, self.config.nodes, self.connections.len() as u32)
    }

    fn summary(&self) -> Vec<String> {
        let nodes = self.nodes.iter().enumerate().map(|(node, it)| format!("node {node}: {:?}", it.phase));
        nodes.chain(self.sockets().filter_map(|socket| self.summary_of(socket))).collect()
    }
}

impl Handfast {
    fn summary_of(&self, socket: Socket) -> Option<String> {
        let task = self.task(socket);
        let stage = match task.stage {
            Stage::Unopened => return None,
            Stage::Negotiating => "negotiates",
            Stage::Upgrading => "upgrades",
            Stage::Proven => "waits to be announced",
            Stage::Rejected => "is rejected",
            Stage::Up => "is announced",
            Stage::Down => "has ended",
            Stage::Closed => "is closed",
        };
        let role = task.role.map_or(String::new(), |role| format!(" as {role}"));
        let ending = if task.ending { ", is to end" } else { "" };
        let sending = match task.sending {
            Sending::Open => "",
            Sending::Marked => ", has sent its marker",
            Sending::Over { clean: true } => ", all has arrived",
            Sending::Over { clean: false } => ", not all is known to have arrived",
        };
        let body = match task.body {
            Body::Reads => String::new(),
            Body::Ended(ending) => format!(", its body was told: {ending}"),
            Body::Left => ", its body has returned".to_owned(),
        };
        let (accepted, taken) = (task.accepted, task.taken);
        Some(format!("{socket} {stage}{role}{ending}{sending}{body}; {accepted} accepted, {taken} given"))
    }
}
