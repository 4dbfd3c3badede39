//! Several designs that are one: a protocol and what stands on it.

use core::ops::ControlFlow;

use crate::checker::audit::Fault;
use crate::checker::findings::Findings;
use crate::checker::target::{Plan, Target};
use crate::checker::trace::Trace;
use crate::checker::views::Proof;

/// Designs that are checked together, each in instances of its own, and held to their rules by id: one that both are
/// held to is broken if either breaks it.
pub struct Together {
    name: &'static str,
    parts: Vec<Box<dyn Target>>,
}

impl Together {
    /// The designs under one name.
    pub fn new(name: &'static str, parts: Vec<Box<dyn Target>>) -> Self {
        Self { name, parts }
    }

    /// The design that an instance is one of, and which of its instances it is.
    fn part_of(&self, mut index: usize) -> (&dyn Target, usize) {
        for part in &self.parts {
            let count = part.instance_count();
            if index < count {
                return (&**part, index);
            }
            index -= count;
        }
        unreachable!("no part has that instance")
    }
}

impl Target for Together {
    fn name(&self) -> &str {
        self.name
    }

    fn instance_count(&self) -> usize {
        self.parts.iter().map(|part| part.instance_count()).sum()
    }

    fn instance_name(&self, index: usize) -> &'static str {
        let (part, index) = self.part_of(index);
        part.instance_name(index)
    }

    fn check_instance(&self, index: usize, plan: &Plan<'_>) -> Findings {
        let (part, index) = self.part_of(index);
        part.check_instance(index, plan)
    }

    fn any_number(&self) -> Vec<Proof> {
        self.parts.iter().flat_map(|part| part.any_number()).collect()
    }

    fn join(&self, findings: Vec<Findings>) -> Findings {
        let mut findings = findings.into_iter();
        let parts = self.parts.iter().map(|part| part.join(findings.by_ref().take(part.instance_count()).collect()));
        parts.reduce(Findings::and).expect("there is at least one design")
    }

    fn cover(&self, plan: &Plan<'_>, each: &mut dyn FnMut(Trace) -> ControlFlow<()>) {
        let mut is_over = false;
        for part in &self.parts {
            part.cover(plan, &mut |trace| {
                let flow = each(trace);
                is_over = flow.is_break();
                flow
            });
            if is_over {
                return;
            }
        }
    }

    fn audit(&self, plan: &Plan<'_>) -> Result<(), Fault> {
        self.parts.iter().try_for_each(|part| part.audit(plan))
    }

    fn serve(&self, address: std::net::SocketAddr) -> std::io::Result<()> {
        self.parts.first().expect("there is at least one design").serve(address)
    }
}
