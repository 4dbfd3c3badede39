//! `explore`: Stateright's Explorer in the browser.

use std::net::SocketAddr;

use crate::checker::catalogue::{Entry, Scope};
use clap::Args;

use super::{Error, ScopeArgument, protocol, trace::design};

const EXAMPLES: &str = "\
Examples:
  model explore lifecycle
  model explore lifecycle --design btcd-before --address 127.0.0.1:8000";

/// Look around in the states of a design with Stateright's Explorer in the browser
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The protocol
    protocol: String,
    /// A historical design or a mutant [default: the protocol's own design]
    #[arg(long, value_name = "DESIGN")]
    design: Option<String>,
    /// How much of the protocol's own design to offer
    #[arg(long, value_enum, default_value = "small")]
    scope: ScopeArgument,
    /// Where to listen; a loopback address
    #[arg(long, default_value = "127.0.0.1:3000")]
    address: SocketAddr,
}

pub(super) fn run(arguments: &Arguments, entries: &'static [Entry]) -> Result<u8, Error> {
    let Arguments { address, .. } = *arguments;
    if !address.ip().is_loopback() {
        return Err(Error::Other(format!(
            "{address} is not a loopback address; the Explorer is for this machine only"
        )));
    }
    let entry = protocol(&arguments.protocol, entries)?;
    let scope: Scope = arguments.scope.into();
    let target = match &arguments.design {
        None => (entry.own)(scope),
        Some(name) => design(entry, name)?.target,
    };
    eprintln!("Exploring {} of {} on http://{address}/ (Ctrl-C ends it)", target.name(), entry.name);
    eprintln!("Goals are not shown there; `model check {}` decides them", entry.name);
    target.serve(address).map_err(|source| Error::File { path: address.to_string(), source })?;
    Ok(0)
}
