//! What a kernel knows of a connection, and what went over its cable.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::AsFd;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use socket2::{Domain, Protocol, Socket, Type};

/// The states of a TCP socket that matter here, by their numbers in Linux.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum State {
    Established,
    SynSent,
    SynReceived,
    Listening,
    Other,
}

impl Host {
    /// The states of all TCP sockets of this host.
    pub(crate) fn states(&self) -> Vec<State> {
        let table = self.within(|| fs::read_to_string("/proc/thread-self/net/tcp")).expect("the kernel has TCP");
        let state = |line: &str| match line.split_ascii_whitespace().nth(3) {
            Some("01") => State::Established,
            Some("02") => State::SynSent,
            Some("03") => State::SynReceived,
            Some("0A") => State::Listening,
            Some(_) | None => State::Other,
        };
        table.lines().skip(1).map(state).collect()
    }

    /// Waits until this host has one TCP socket, in this state.
    pub(crate) fn comes_to(&self, state: State) {
        self.comes_to_all(&[state]);
    }

    /// Waits until this host has TCP sockets in these states, which are in their order.
    pub(crate) fn comes_to_all(&self, expected: &[State]) {
        let sorted = || {
            let mut states = self.states();
            states.sort();
            states
        };
        let begun = Instant::now();
        let mut states = sorted();
        while states != expected {
            assert!(begun.elapsed() < Duration::from_secs(20), "{states:?}, and not {expected:?}");
            // External process: the kernel, which tells nobody when a socket comes to a state. Bounded above.
            thread::sleep(Duration::from_millis(2));
            states = sorted();
        }
    }

    /// A counter of the host's TCP, such as `ActiveOpens`.
    pub(crate) fn counter(&self, name: &str) -> u64 {
        let table = self.within(|| fs::read_to_string("/proc/thread-self/net/snmp")).expect("the kernel counts");
        let mut lines = table.lines().filter_map(|line| line.strip_prefix("Tcp: "));
        let (names, values) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        let counters: BTreeMap<_, _> = names.split(' ').zip(values.split(' ')).collect();
        let value = counters.get(name).and_then(|value| value.parse().ok());
        value.unwrap_or_else(|| panic!("the kernel does not count {name}"))
    }
}

/// Whether this kernel joins two SYNs that cross; some that are hardened can be told not to.
pub(crate) fn joins_crossed_syns() -> bool {
    fs::read_to_string("/proc/sys/net/ipv4/tcp_simult_connect").map_or(true, |value| value.trim() != "0")
}

/// What goes over a host's interface, from now on.
pub(crate) struct Tap<'a> {
    host: &'a Host,
    socket: Socket,
    seen: Vec<Segment>,
}

/// A TCP segment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Segment {
    /// This host sent it; or it came, and was for this host; or it came and was not.
    pub(crate) way: Way,
    pub(crate) flags: Flags,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    Out,
    In,
    Astray,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Flags {
    Syn,
    SynAck,
    Ack,
    Other,
}

/// Every protocol: only then is what goes out seen too.
const ETH_P_ALL: u16 = 3;

impl<'a> Tap<'a> {
    pub(crate) fn on(host: &'a Host) -> Self {
        let protocol = Protocol::from(i32::from(ETH_P_ALL.to_be()));
        let socket = host.within(|| Socket::new(Domain::PACKET, Type::RAW, Some(protocol)));
        let socket = socket.expect("whoever may make a namespace may look into it");
        socket.set_nonblocking(true).expect("it can be set");
        Self { host, socket, seen: Vec::new() }
    }

    /// The TCP segments up to now.
    pub(crate) fn segments(&mut self) -> &[Segment] {
        let mut frame = [0; 2048];
        while let Ok(length) = self.socket.read(&mut frame) {
            self.seen.extend(segment(self.host, &frame[..length]));
        }
        &self.seen
    }

    /// The flags of what went one way, each once however often it was sent again.
    pub(crate) fn flags(&mut self, way: Way) -> Vec<Flags> {
        let of_way = self.segments().iter().filter(|segment| segment.way == way);
        let mut flags: Vec<_> = of_way.map(|segment| segment.flags).collect();
        flags.dedup();
        flags
    }

    /// How many segments came before the first of this kind.
    pub(crate) fn place(&self, way: Way, flags: Flags) -> Option<usize> {
        self.seen.iter().position(|segment| *segment == Segment { way, flags })
    }

    /// The first segments, in words.
    pub(crate) fn told(&mut self) -> String {
        let first: Vec<_> =
            self.segments().iter().take(8).map(|Segment { way, flags }| format!("{way:?} {flags:?}")).collect();
        first.join(", ")
    }
}

/// The segment in an Ethernet frame, if it has one.
fn segment(host: &Host, frame: &[u8]) -> Option<Segment> {
    const IPV4: [u8; 2] = [8, 0];
    const TCP: u8 = 6;
    let (hardware, packet) = (frame.get(..6)?, frame.get(14..)?);
    if frame[12..14] != IPV4 || *packet.get(9)? != TCP {
        return None;
    }
    let source: [u8; 4] = packet.get(12..16)?.try_into().ok()?;
    let header = usize::from(packet[0] & 0xf) * 4;
    let flags = match packet.get(header + 13)? & 0b1_0111 {
        0b0_0010 => Flags::Syn,
        0b1_0010 => Flags::SynAck,
        0b1_0000 => Flags::Ack,
        _ => Flags::Other,
    };
    let way = match IpAddr::from(source) == host.address.ip() {
        true => Way::Out,
        false if host.is_for(hardware) => Way::In,
        false => Way::Astray,
    };
    Some(Segment { way, flags })
}

// Two hosts with a cable between them: network namespaces, made and asked with `ip`.

/// Two hosts that nobody else can reach. They are gone when this is.
pub(crate) struct Cable {
    pub(crate) left: Host,
    pub(crate) right: Host,
}

/// A network namespace with one interface and its own kernel state: sockets, neighbours, counters.
pub(crate) struct Host {
    namespace: String,
    pub(crate) address: SocketAddr,
    /// Of its interface.
    hardware: [u8; 6],
}

/// What an interface is called, at both hosts.
const INTERFACE: &str = "cable";

impl Cable {
    /// Lays a cable, or says what is missing for it. Neither host answers when it is asked for its hardware address: each
    /// knows the other's when it is told.
    pub(crate) fn lay() -> Result<Self, String> {
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
    pub(crate) fn learns(&self, other: &Self) {
        self.neighbour(other, other.hardware);
    }

    /// Believes another host where nobody is: what is sent there is lost.
    pub(crate) fn is_misled_about(&self, other: &Self) {
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
    pub(crate) fn within<T: Send>(&self, does: impl FnOnce() -> T + Send) -> T {
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
    pub(crate) fn is_for(&self, hardware: &[u8]) -> bool {
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
