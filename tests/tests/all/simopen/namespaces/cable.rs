//! Two hosts with a cable between them: network namespaces, made and asked with `ip`.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsFd;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Two hosts that nobody else can reach. They are gone when this is.
pub(super) struct Cable {
    pub(super) left: Host,
    pub(super) right: Host,
}

/// A network namespace with one interface and its own kernel state: sockets, neighbours, counters.
pub(super) struct Host {
    namespace: String,
    pub(super) address: SocketAddr,
    /// Of its interface.
    hardware: [u8; 6],
}

/// What an interface is called, at both hosts.
const INTERFACE: &str = "cable";

impl Cable {
    /// Lays a cable, or says what is missing for it. Neither host answers when it is asked for its hardware address: each
    /// knows the other's when it is told.
    pub(super) fn lay() -> Result<Self, String> {
        static LAID: AtomicU32 = AtomicU32::new(0);
        let id = format!("handfast-{}-{}", std::process::id(), LAID.fetch_add(1, Ordering::Relaxed));
        let (left, right) = (Host::make(&id, 1)?, Host::make(&id, 2)?);
        let (from, to) = (left.namespace.as_str(), right.namespace.as_str());
        ip(&["-n", from, "link", "add", INTERFACE, "type", "veth", "peer", "name", INTERFACE, "netns", to])?;
        left.connect()?;
        right.connect()?;
        Ok(Self { left, right })
    }
}

impl Host {
    fn make(id: &str, number: u8) -> Result<Self, String> {
        let namespace = format!("{id}-{number}");
        ip(&["netns", "add", &namespace])?;
        let address = (Ipv4Addr::new(10, 8, 0, number), 4000 + u16::from(number)).into();
        Ok(Self { namespace, address, hardware: [2, 0, 0, 0, 0, number] })
    }

    fn connect(&self) -> Result<(), String> {
        let (hardware, address) = (shown(self.hardware), format!("{}/24", self.address.ip()));
        self.ip(&["link", "set", INTERFACE, "address", &hardware])?;
        self.ip(&["addr", "add", &address, "dev", INTERFACE])?;
        let instance = |name: &str, value: &str| {
            let path = format!("/proc/sys/net/ipv4/{name}");
            fs::write(&path, value).map_err(|error| format!("{path}: {error}"))
        };
        self.within(|| {
            instance(&format!("conf/{INTERFACE}/arp_ignore"), "8")?;
            // Whoever waits for an answer does not give up.
            instance(&format!("neigh/{INTERFACE}/mcast_solicit"), "1000")
        })?;
        self.ip(&["link", "set", INTERFACE, "up"])
    }

    /// Says which hardware address another host has. What waited for that goes out.
    pub(super) fn learns(&self, other: &Self) {
        self.neighbour(other, other.hardware);
    }

    /// Believes another host where nobody is: what is sent there is lost.
    pub(super) fn is_misled_about(&self, other: &Self) {
        self.neighbour(other, [2, 0, 0, 0, 0, 0x99]);
    }

    fn neighbour(&self, other: &Self, hardware: [u8; 6]) {
        let (address, hardware) = (other.address.ip().to_string(), shown(hardware));
        let entry = ["neigh", "replace", &address, "lladdr", &hardware, "dev", INTERFACE, "nud", "permanent"];
        self.ip(&entry).expect("the interface is there");
    }

    fn ip(&self, arguments: &[&str]) -> Result<(), String> {
        ip(&[&["-n", &self.namespace], arguments].concat())
    }

    /// Does something on this host, on a thread of its own. Sockets that are made there are this host's wherever they are
    /// used.
    pub(super) fn within<T: Send>(&self, does: impl FnOnce() -> T + Send) -> T {
        let moved = || {
            self.enter().unwrap_or_else(|error| panic!("{}: {error}", self.namespace));
            does()
        };
        let done = thread::scope(|scope| scope.spawn(moved).join());
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    fn enter(&self) -> io::Result<()> {
        let namespace = File::open(format!("/run/netns/{}", self.namespace))?;
        Ok(move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?)
    }

    /// Whether a frame to this hardware address is for this host.
    pub(super) fn is_for(&self, hardware: &[u8]) -> bool {
        self.hardware == hardware
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Err(error) = ip(&["netns", "del", &self.namespace]) {
            eprintln!("{error}");
        }
    }
}

fn shown(hardware: [u8; 6]) -> String {
    hardware.map(|byte| format!("{byte:02x}")).join(":")
}

fn ip(arguments: &[&str]) -> Result<(), String> {
    let output = Command::new("ip").args(arguments).output().map_err(|error| format!("`ip` does not run: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("`ip {}`: {}", arguments.join(" "), said.trim()))
}
