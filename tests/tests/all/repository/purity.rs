//! Machines look at nothing but themselves: no clock, no randomness, no sockets, no order that differs between runs.

use std::collections::BTreeSet;

use model::registry::ENTRIES;
use syn::visit::{self, Visit};

use crate::repository::code::{line, parse, paths};
use crate::repository::workspace::{File, below};
use crate::repository::{nothing, one_for_each};

/// Parts of the standard library that reach outside.
const MODULES: [&str; 7] = ["std::env", "std::fs", "std::io", "std::net", "std::os", "std::process", "std::thread"];

/// Names of what reaches outside or differs between runs, whatever they are reached through.
const NAMES: [&str; 18] = [
    "Instant",
    "SystemTime",
    "HashMap",
    "HashSet",
    "RandomState",
    "DefaultHasher",
    "tokio",
    "rand",
    "fastrand",
    "getrandom",
    "mio",
    "socket2",
    "rustix",
    "libc",
    "thread_local",
    "println",
    "eprintln",
    "dbg",
];

/// Addresses are data; only sockets reach outside.
const ADDRESSES: [&str; 4] = ["std::net::SocketAddr", "std::net::IpAddr", "std::net::Ipv4Addr", "std::net::Ipv6Addr"];

/// What a machine must not name.
fn findings(file: &File) -> Vec<String> {
    let reaches_out = |path: &str| {
        let in_module = |module: &str| path == module || path.starts_with(&format!("{module}::"));
        let is_address = ADDRESSES.iter().any(|address| in_module(address));
        (MODULES.iter().any(|module| in_module(module)) && !is_address)
            || path.split("::").any(|name| NAMES.contains(&name))
    };
    let found: BTreeSet<(usize, String)> =
        paths(file).into_iter().filter(|(path, _)| reaches_out(path)).map(|(path, line)| (line, path)).collect();
    let say =
        |(line, path)| format!("{}:{line}: {path}: a machine's choices are in its actions; make it one", file.path);
    found.into_iter().map(say).collect()
}

/// Collections whose order differs between runs; a core may look keys up in them, and nothing else.
const UNORDERED: [&str; 2] = ["HashMap", "HashSet"];

/// What a core does to unordered collections that depends on their order.
fn ordered_by_chance(file: &File) -> Vec<String> {
    let tree = parse(file);
    let mut uses = Uses { fields: BTreeSet::new(), used: Vec::new() };
    uses.visit_file(&tree);
    let by_chance = uses.used.into_iter().filter(|(_, field)| uses.fields.contains(field));
    let say = |(line, field)| format!("{}:{line}: the order of `{field}` differs between runs", file.path);
    by_chance.map(say).collect()
}

/// The fields that are unordered collections, and all fields that are gone through.
struct Uses {
    fields: BTreeSet<String>,
    used: Vec<(usize, String)>,
}

impl Uses {
    fn note(&mut self, collection: &syn::Expr) {
        match collection {
            syn::Expr::Field(syn::ExprField { member: syn::Member::Named(name), .. }) => {
                self.used.push((line(name), name.to_string()));
            }
            syn::Expr::Reference(reference) => self.note(&reference.expr),
            _ => {} // Locals come from parameters, which are the callers' fields.
        }
    }
}

impl<'ast> Visit<'ast> for Uses {
    fn visit_field(&mut self, field: &'ast syn::Field) {
        let is_unordered = |kind: &syn::Type| match kind {
            syn::Type::Path(path) => {
                path.path.segments.iter().any(|segment| UNORDERED.iter().any(|name| segment.ident == name))
            }
            _ => false,
        };
        if let Some(name) = field.ident.as_ref().filter(|_| is_unordered(&field.ty)) {
            self.fields.insert(name.to_string());
        }
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        let goes_through = [
            "iter",
            "iter_mut",
            "into_iter",
            "keys",
            "into_keys",
            "values",
            "values_mut",
            "into_values",
            "drain",
            "retain",
            "extract_if",
        ];
        if goes_through.iter().any(|name| call.method == name) {
            self.note(&call.receiver);
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_for_loop(&mut self, each: &'ast syn::ExprForLoop) {
        self.note(&each.expr);
        visit::visit_expr_for_loop(self, each);
    }
}

#[track_caller]
fn pure(files: Vec<&'static File>) {
    println!("covered: {:#?}", files.iter().map(|file| &file.path).collect::<Vec<_>>());
    nothing(files.into_iter().flat_map(findings).collect());
}

fn rust_below(directory: &str) -> Vec<&'static File> {
    below(directory).filter(|file| file.is_rust()).collect()
}

#[test]
fn specifications_reach_for_nothing_outside() {
    let files = rust_below("specs/src");
    assert!(files.len() >= ENTRIES.len());
    pure(files);
}

#[test]
fn models_reach_for_nothing_outside() {
    for entry in ENTRIES {
        let files = rust_below(&format!("model/src/{}", entry.name));
        assert!(!files.is_empty(), "{} has no model", entry.name);
        pure(files);
    }
}

/// The cores of the implementation: `core.rs` and everything in a directory `core`.
#[test]
fn cores_of_the_implementation_reach_for_nothing_outside() {
    let is_core = |file: &&File| file.path.ends_with("/core.rs") || file.path.contains("/core/");
    let files: Vec<&File> = rust_below("impl/src").into_iter().filter(is_core).collect();
    println!("covered: {:#?}", files.iter().map(|file| &file.path).collect::<Vec<_>>());
    let reaches_out = files.iter().flat_map(|file| findings(file));
    let reaches_out = reaches_out.filter(|found| !UNORDERED.iter().any(|name| found.contains(name)));
    nothing(reaches_out.chain(files.iter().flat_map(|file| ordered_by_chance(file))).collect());
}

#[test]
fn a_core_that_goes_through_an_unordered_collection_is_found() {
    let text = "
struct Core { known: HashMap<Key, Id>, list: Vec<Id>, banned: std::collections::HashSet<Key> }
impl Core {
    fn good(&self) -> bool { self.list.iter().all(|id| self.known.contains_key(id)) && self.banned.len() > 1 }
    fn bad(&self) -> usize { self.known.values().count() }
    fn worse(&self) { for key in &self.banned {} }
}
";
    one_for_each(&ordered_by_chance(&File::made_up("core.rs", text)), &["core.rs:5: ", "core.rs:6: "]);
}

#[test]
fn a_machine_that_reaches_outside_is_found() {
    let text = "
use std::collections::{BTreeMap, HashMap};
use std::{time::{Duration, Instant}, net as wire};
fn roll() -> u8 { assert!(tokio::time::pause() == ()); rand::random() }
// std::env is a word here
/// ```
/// std::process::exit(1);
/// ```
fn quiet() -> &'static str { \"std::fs\" }
";
    let found = findings(&File::made_up("core.rs", text));
    one_for_each(&found, &["HashMap", "std::net", "std::time::Instant", "rand::random", "tokio::time::pause"]);
    assert!(found[0].starts_with("core.rs:2: "), "{found:?}");
}
