//! `explore` serves Stateright's Explorer, and the states are shown in words.

use core::time::Duration;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::time::Instant;

use serde_json::Value;

use super::model;

/// How long the program may take to listen and to answer, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program, ended when the test ends, however it does.
struct Explorer {
    child: Child,
    address: SocketAddr,
}

impl Drop for Explorer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Explorer {
    fn start(arguments: &[&str]) -> Self {
        // Somebody else may take the port in between; nobody on this machine hands out ports that fast again.
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
        let address = free.local_addr().expect("it is bound");
        drop(free);
        let mut command = model(["explore", "lifecycle", "--address", &address.to_string()]);
        let child = command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        Self { child, address }
    }

    /// The answer to a request, as soon as there is one.
    fn get(&mut self, path: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.try_get(path) {
                Ok(body) => return serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}")),
                Err(error) => {
                    let is_early = error.kind() == io::ErrorKind::ConnectionRefused;
                    assert!(is_early && Instant::now() < deadline, "{path}: {error}");
                }
            }
            let ended = self.child.try_wait().expect("it can be waited for");
            assert_eq!(ended, None, "the program ended");
            // External process: nothing else tells when it listens. Bounded by the deadline.
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn try_get(&self, path: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&self.address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {}\r\n\r\n", self.address)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
        let ok = head.starts_with("HTTP/1.0 200") || head.starts_with("HTTP/1.1 200");
        if ok { Ok(body.to_owned()) } else { Err(io::Error::other(head.to_owned())) }
    }
}

/// The actions that lead to some states, as the Explorer shows them.
fn actions(states: &Value) -> Vec<&str> {
    states.as_array().expect("a list of states").iter().filter_map(|state| state["action"].as_str()).collect()
}

#[test]
fn the_explorer_shows_states_and_names_actions_in_words() {
    let mut explorer = Explorer::start(&[]);
    let status = explorer.get("/.status");
    assert!(status["properties"].as_array().is_some_and(|properties| properties.len() > 20), "{status}");
    let initial = explorer.get("/.states/");
    assert!(initial[0]["state"].as_str().is_some_and(|state| state.contains("session")), "{initial}");
    let next = explorer.get("/.states/0");
    let actions = actions(&next);
    for action in ["session 0 opens", "subscriber 1 is dropped", "key 0 is banned", "shutdown is asked for"] {
        assert!(actions.contains(&action), "{actions:?}");
    }
}

#[test]
fn the_explorer_shows_a_design_of_history() {
    let mut explorer = Explorer::start(&["--design", "btcd-before"]);
    let next = explorer.get("/.states/0");
    assert!(actions(&next).iter().all(|action| action.contains(' ')), "actions are named in words: {next}");
    assert!(!actions(&next).is_empty(), "{next}");
}
