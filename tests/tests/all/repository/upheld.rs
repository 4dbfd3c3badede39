//! Why each rule holds and what upholds it: an argument for each in its document, and a table that is generated from the
//! code.
//!
//! A comment of handfast's own model that names a rule stands beside the transition that upholds it.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;

use model::checker::catalogue::{Entry, Kind, Variant};
use model::registry::ENTRIES;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::repository::code::parse;
use crate::repository::documents::section;
use crate::repository::ids::{document, mentions, prefix};
use crate::repository::index::{differences, rows, simulated, tiers};
use crate::repository::workspace::{File, below, root};
use crate::repository::{nothing, one_for_each};

const ARGUMENTS: &str = "Why each rule holds";
const TABLE: &str = "What upholds each rule";

/// The variable of the environment with which the tables are written in place of compared.
const WRITE: &str = "WRITE_DOCUMENTS";

/// Where the model of a protocol has other designs than handfast's, and how logs of one end are read.
const NOT_OWN: [&str; 6] = ["/mutants/", "/variants/", "/btcd/", "/haproxy/", "/zrepl/", "/one_end.rs"];

/// Where the library has what a protocol is about.
fn library(entry: &Entry) -> Vec<String> {
    let pool = (entry.name == "ownership").then_some("pool");
    pool.into_iter().chain([entry.name]).map(|module| format!("impl/src/{module}")).collect()
}

/// The functions and types of a file, with the lines from their first comment to their end.
struct Items(Vec<(String, usize, usize)>);

impl Items {
    fn add(&mut self, name: &syn::Ident, attributes: &[syn::Attribute], item: &impl Spanned) {
        let begin = attributes.iter().map(|attribute| attribute.span().start().line).min();
        let span = item.span();
        self.0.push((name.to_string(), begin.unwrap_or(span.start().line), span.end().line));
    }

    /// The name of the innermost item around a line, or of the file.
    fn around(&self, line: usize, file: &File) -> String {
        let around = self.0.iter().filter(|(_, begin, end)| (*begin..=*end).contains(&line));
        let stem = file.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".rs");
        around.max_by_key(|(_, begin, _)| *begin).map_or(stem.to_owned(), |(name, ..)| name.clone())
    }
}

impl<'ast> Visit<'ast> for Items {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.add(&item.sig.ident, &item.attrs, item);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.add(&item.sig.ident, &item.attrs, item);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        self.add(&item.sig.ident, &item.attrs, item);
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.add(&item.ident, &item.attrs, item);
        visit::visit_item_trait(self, item);
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.add(&item.ident, &item.attrs, item);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.add(&item.ident, &item.attrs, item);
    }
}

/// Links to what is named by the comments of some files, in their order, by id.
fn links<'f>(files: impl Iterator<Item = &'f File>, prefix: &str) -> BTreeMap<String, Vec<String>> {
    let mut links: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in files.filter(|file| file.is_rust()) {
        let mentions = mentions(&file.text, prefix);
        if mentions.is_empty() {
            continue;
        }
        let mut items = Items(Vec::new());
        items.visit_file(&parse(file));
        for mention in mentions {
            let link = format!("[`{}`](../{})", items.around(mention.line, file), file.path);
            let known = links.entry(mention.id).or_default();
            if !known.contains(&link) {
                known.push(link);
            }
        }
    }
    links
}

/// What upholds the rules of a protocol in handfast's own model.
fn in_model(entry: &Entry) -> BTreeMap<String, Vec<String>> {
    let is_own = |file: &&File| NOT_OWN.iter().all(|part| !file.path.contains(part));
    links(below(&format!("model/src/{}", entry.name)).filter(is_own), &prefix(entry))
}

/// Where the library names them: in its cores, or if these do not, anywhere.
fn in_library(entry: &Entry) -> BTreeMap<String, Vec<String>> {
    let mut links = links(library(entry).iter().flat_map(|path| below(path)), &prefix(entry));
    for found in links.values_mut() {
        let is_core = |link: &String| link.contains("/core/");
        if found.iter().any(is_core) {
            found.retain(is_core);
        }
    }
    links
}

/// The design that breaks a rule and little else: rather a mutant than one that was in use, and rather one of handfast's.
fn breaks(variants: &[Variant], id: &str) -> String {
    let breaking = || variants.iter().filter(|variant| variant.violates.contains(&id));
    let is_others = |name: &str| ["btcd", "haproxy", "zrepl"].iter().any(|project| name.starts_with(project));
    let first = breaking()
        .min_by_key(|variant| (is_others(variant.name), variant.kind != Kind::Mutant, variant.violates.len()));
    match (first, breaking().count()) {
        (None, _) => "nothing here".to_owned(),
        (Some(first), 1) => format!("`{}`", first.name),
        (Some(first), count) => format!("`{}`, {} more", first.name, count - 1),
    }
}

/// The rows of the table of a protocol.
fn table(entry: &Entry) -> Vec<String> {
    let (rules, variants) = ((entry.rules)(), (entry.variants)());
    let (model, library, simulated) = (in_model(entry), in_library(entry), simulated(entry));
    let links =
        |links: &BTreeMap<String, Vec<String>>, id: &str| links.get(id).map_or(String::new(), |it| it.join(", "));
    let kinds = [("invariant", &rules.invariants), ("goal", &rules.goals)];
    let all = kinds.into_iter().flat_map(|(kind, rules)| rules.iter().map(move |rule| (kind, rule.id)));
    let row = |(kind, id): (&str, &str)| {
        let broken = variants.iter().filter(|variant| variant.violates.contains(&id)).count();
        let tiers = tiers(entry, kind, id, broken, &simulated);
        format!("| {id} | {} | {} | {} | {tiers} |", links(&model, id), links(&library, id), breaks(&variants, id))
    };
    all.map(row).collect()
}

/// A document with these rows in its table.
fn with_rows(text: &str, expected: &[String]) -> String {
    let old = section(text, TABLE);
    let found = rows(text, TABLE);
    let kept = old.lines().filter(|line| !found.contains(line));
    let written = kept.flat_map(|line| {
        let is_head = line.starts_with("|---");
        [line].into_iter().chain(expected.iter().filter(move |_| is_head).map(String::as_str))
    });
    let new: String = written.map(|line| format!("{line}\n")).collect();
    text.replacen(old, &new, 1)
}

#[test]
fn the_tables_of_what_upholds_each_rule_agree_with_the_code() {
    let mut found = Vec::new();
    for entry in ENTRIES {
        let (document, expected) = (document(entry), table(entry));
        if env::var_os(WRITE).is_some() {
            fs::write(root().join(&document.path), with_rows(&document.text, &expected))
                .expect("documents can be written");
        } else {
            found.extend(differences(&document.path, &rows(&document.text, TABLE), &expected));
        }
    }
    if !found.is_empty() {
        found.push(format!("`{WRITE}=1 cargo test -p tests --test all repository::upheld` writes the tables"));
    }
    nothing(found);
}

#[test]
fn every_invariant_and_every_goal_names_what_upholds_it_in_the_model() {
    for entry in ENTRIES {
        let links = in_model(entry);
        let rules = (entry.rules)();
        let ids = rules.invariants.iter().chain(&rules.goals).map(|rule| rule.id);
        let say = |id| format!("model/src/{}: put {id} beside the transition that upholds it", entry.name);
        nothing(ids.filter(|id| !links.contains_key(*id)).map(say).collect());
    }
}

/// Rules without an argument, arguments without a rule, and those that are no sentence or in another order.
fn unargued(path: &str, text: &str, ids: &[&str]) -> Vec<String> {
    let arguments: Vec<&str> = section(text, ARGUMENTS).split("\n- **").skip(1).collect();
    let argued: Vec<&str> = arguments.iter().filter_map(|argument| Some(argument.split_once(".** ")?.0)).collect();
    let missing: BTreeSet<&&str> = ids.iter().filter(|id| !argued.contains(id)).collect();
    let mut found: Vec<String> = missing.iter().map(|id| format!("{path}: say why {id} holds")).collect();
    if found.is_empty() && argued != ids {
        found.push(format!("{path}: an argument is there twice, of no rule, or in another order than `list` prints"));
    }
    let is_short = |argument: &&&str| !argument.trim_end().ends_with('.') || argument.split_whitespace().count() < 8;
    found.extend(arguments.iter().filter(is_short).map(|argument| format!("{path}: no sentence: {argument:?}")));
    found
}

#[test]
fn every_invariant_and_every_goal_has_an_argument() {
    for entry in ENTRIES {
        let rules = (entry.rules)();
        let ids: Vec<&str> = rules.invariants.iter().chain(&rules.goals).map(|rule| rule.id).collect();
        let document = document(entry);
        nothing(unargued(&document.path, &document.text, &ids));
    }
}

#[test]
fn a_missing_argument_is_found() {
    let argument = |id: &str| format!("- **{id}.** It holds because nothing in the model does otherwise.\n");
    let text = |ids: &[&str]| {
        format!("## {ARGUMENTS}\n\n{}\n## Next\n", ids.iter().map(|id| argument(id)).collect::<String>())
    };
    let ids = ["MADE-1", "MADE-2"];
    nothing(unargued("a.md", &text(&ids), &ids));
    one_for_each(&unargued("a.md", &text(&["MADE-1"]), &ids), &["say why MADE-2 holds"]);
    one_for_each(&unargued("a.md", &text(&["MADE-2", "MADE-1"]), &ids), &["in another order"]);
    one_for_each(&unargued("a.md", &text(&["MADE-1", "MADE-2", "MADE-2"]), &ids), &["there twice"]);
    let short = text(&ids).replace("nothing in the model does otherwise.", "so");
    one_for_each(&unargued("a.md", &short, &ids), &["no sentence", "no sentence"]);
}

#[test]
fn a_rule_is_upheld_by_the_innermost_item_around_its_name() {
    let text = "
/// MADE-1: first.
pub trait Steps {
    /// MADE-2, MADE-1: second.
    fn step(&self) {
        // MADE-3: within.
        go();
    }
}

/// MADE-4: a type.
struct Word(u64);
";
    let links = links([File::made_up("a.rs", text)].iter(), "MADE");
    let of = |id: &str| links[id].join(" ");
    assert_eq!(of("MADE-2"), "[`step`](../a.rs)");
    assert_eq!(of("MADE-3"), "[`step`](../a.rs)");
    assert_eq!(of("MADE-4"), "[`Word`](../a.rs)");
    assert_eq!(of("MADE-1"), "[`Steps`](../a.rs) [`step`](../a.rs)");
}

#[test]
fn rows_are_written_where_the_table_is() {
    let text = format!("# A\n\n## {TABLE}\n\nWords.\n\n| id |\n|---|\n| old |\n\n## Next\n\n| id |\n|---|\n| old |\n");
    let written = with_rows(&text, &["| new |".to_owned(), "| newer |".to_owned()]);
    assert_eq!(written, text.replacen("| old |", "| new |\n| newer |", 1));
    one_for_each(&differences("a.md", &rows(&text, TABLE), &["| new |".to_owned()]), &["strike out", "write"]);
}
