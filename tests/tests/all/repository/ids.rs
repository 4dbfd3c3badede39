//! The id of a rule is the same in the document, in the predicate, in the model and in the tests.

use std::collections::{BTreeMap, BTreeSet};

use model::checker::catalogue::{Entry, Rules};
use model::registry::ENTRIES;
use syn::visit::{self, Visit};

use crate::repository::code::{line, parse};
use crate::repository::documents::section;
use crate::repository::workspace::{File, below, file, files};
use crate::repository::{nothing, one_for_each};

/// The heading under which a document lists rules that no design and no mutant violates, each with the reason.
const UNBROKEN: &str = "Rules that nothing here breaks";

/// The heading under which a document lists numbers that belong to no rule, each with the reason.
const UNUSED: &str = "Ids that are not used";

/// An id in a text.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Mention {
    pub(crate) line: usize,
    pub(crate) id: String,
    /// It is the end of a range, which hides the ids between.
    in_range: bool,
}

/// The ids with a prefix in a text.
pub(crate) fn mentions(text: &str, prefix: &str) -> Vec<Mention> {
    let mut found = Vec::new();
    let begin = format!("{prefix}-");
    for (index, line) in text.lines().enumerate() {
        for (at, _) in line.match_indices(&begin) {
            let is_word = line[..at].ends_with(|letter: char| letter.is_alphanumeric() || letter == '-');
            let rest = &line[at + begin.len()..];
            let digits = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
            if !is_word && digits > 0 {
                let after = rest[digits..].trim_start_matches(['`', ' ']);
                let in_range = after.starts_with("..") || after.starts_with(['–', '…']);
                found.push(Mention { line: index + 1, id: format!("{begin}{}", &rest[..digits]), in_range });
            }
        }
    }
    found
}

pub(crate) fn mentioned(text: &str, prefix: &str) -> BTreeSet<String> {
    mentions(text, prefix).into_iter().map(|mention| mention.id).collect()
}

/// Ids, and where each is defined as the id of a rule: a field `id`, or the first of the pair `DEADLOCK`.
fn definitions(file: &File) -> Vec<(String, usize)> {
    let mut definitions = Definitions(Vec::new());
    definitions.visit_file(&parse(file));
    definitions.0
}

struct Definitions(Vec<(String, usize)>);

impl Definitions {
    fn enter(&mut self, expression: &syn::Expr) {
        if let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = expression {
            self.0.push((text.value(), line(text)));
        }
    }
}

impl<'ast> Visit<'ast> for Definitions {
    fn visit_field_value(&mut self, field: &'ast syn::FieldValue) {
        if matches!(&field.member, syn::Member::Named(name) if name == "id") {
            self.enter(&field.expr);
        }
        visit::visit_field_value(self, field);
    }

    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        if let (true, syn::Expr::Tuple(pair)) = (item.ident == "DEADLOCK", &*item.expr) {
            pair.elems.first().into_iter().for_each(|id| self.enter(id));
        }
        visit::visit_item_const(self, item);
    }
}

/// What holds in every state, and what must happen: what can be violated.
pub(crate) fn violable(rules: &Rules) -> BTreeSet<&'static str> {
    rules.invariants.iter().chain(&rules.goals).map(|rule| rule.id).collect()
}

fn known(rules: &Rules) -> BTreeSet<&'static str> {
    violable(rules).into_iter().chain(rules.witnesses.iter().map(|rule| rule.id)).collect()
}

/// What the ids of a protocol begin with.
pub(crate) fn prefix(entry: &Entry) -> String {
    let prefixes: BTreeSet<&str> =
        known(&(entry.rules)()).into_iter().map(|id| id.rsplit_once('-').expect("an id has a number").0).collect();
    assert_eq!(prefixes.len(), 1, "{}: one protocol has one prefix: {prefixes:?}", entry.name);
    prefixes.into_iter().collect()
}

pub(crate) fn document(entry: &Entry) -> &'static File {
    file(entry.document).unwrap_or_else(|| panic!("{} has no document {}", entry.name, entry.document))
}

#[test]
fn every_protocol_has_a_prefix_of_its_own() {
    let prefixes: BTreeSet<String> = ENTRIES.iter().map(prefix).collect();
    assert_eq!(prefixes.len(), ENTRIES.len(), "{prefixes:?}");
}

#[test]
fn every_rule_has_one_id() {
    for entry in ENTRIES {
        let rules = (entry.rules)();
        let count = rules.invariants.len() + rules.goals.len() + rules.witnesses.len();
        assert_eq!(known(&rules).len(), count, "{} gives an id twice", entry.name);
    }
}

#[test]
fn every_rule_is_in_the_document_of_its_protocol() {
    for entry in ENTRIES {
        let mentioned = mentioned(&document(entry).text, &prefix(entry));
        let missing = known(&(entry.rules)()).into_iter().filter(|id| !mentioned.contains(*id));
        nothing(missing.map(|id| format!("{}: {id} is not mentioned; say there what it is", entry.document)).collect());
    }
}

#[test]
fn every_rule_is_defined_once() {
    for entry in ENTRIES {
        let prefix = format!("{}-", prefix(entry));
        let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for file in below("specs/src").filter(|file| file.is_rust()) {
            for (id, line) in definitions(file).into_iter().filter(|(id, _)| id.starts_with(&prefix)) {
                places.entry(id).or_default().push(format!("{}:{line}", file.path));
            }
        }
        let rules = (entry.rules)();
        let missing = known(&rules).into_iter().filter(|id| !places.contains_key(*id));
        let missing = missing.map(|id| format!("specs/src: {id} is defined nowhere with `id: \"{id}\"`"));
        let twice = places.iter().filter(|(_, places)| places.len() > 1);
        let twice = twice.map(|(id, places)| format!("{id} is defined more than once: {}", places.join(", ")));
        nothing(missing.chain(twice).collect());
    }
}

#[test]
fn every_invariant_and_every_goal_is_violated_by_some_design() {
    for entry in ENTRIES {
        let variants = (entry.variants)();
        let violated: BTreeSet<&str> = variants.iter().flat_map(|variant| variant.violates).copied().collect();
        let excused = mentioned(section(&document(entry).text, UNBROKEN), &prefix(entry));
        let unbroken = violable(&(entry.rules)()).into_iter().filter(|id| !violated.contains(id));
        let unexcused = unbroken.filter(|id| !excused.contains(*id));
        let say = |id| {
            let document = entry.document;
            format!("{id} cannot be seen to fail: add a mutant, or give a reason under \"{UNBROKEN}\" in {document}")
        };
        nothing(unexcused.map(say).collect());
        let broken = excused.iter().filter(|id| violated.contains(id.as_str()));
        nothing(broken.map(|id| format!("{}: {id} is violated after all", entry.document)).collect());
    }
}

/// Ids in a file that belong to no rule, and ranges of ids.
fn strangers(file: &File, prefix: &str, known: &BTreeSet<&str>) -> Vec<String> {
    let say = |Mention { line, id, in_range }| {
        let path = &file.path;
        if !known.contains(id.as_str()) {
            return Some(format!("{path}:{line}: there is no rule {id}"));
        }
        in_range.then(|| format!("{path}:{line}: a range from {id} hides ids from a search; list them"))
    };
    mentions(&file.text, prefix).into_iter().filter_map(say).collect()
}

#[test]
fn every_id_that_is_mentioned_anywhere_is_that_of_a_rule() {
    for entry in ENTRIES {
        let prefix = prefix(entry);
        let rules = (entry.rules)();
        let unused = mentioned(section(&document(entry).text, UNUSED), &prefix);
        let known: BTreeSet<&str> = known(&rules).into_iter().chain(unused.iter().map(String::as_str)).collect();
        nothing(files().iter().flat_map(|file| strangers(file, &prefix, &known)).collect());
    }
}

#[test]
fn ids_are_found_in_a_text() {
    let text = "MADE-1, (MADE-20) and `MADE-3`:\nnot HANDMADE-4, MADE-x or MADE-; MADE-5..MADE-7 and `MADE-8`–`MADE-9`";
    let found: Vec<_> =
        mentions(text, "MADE").into_iter().map(|found| (found.line, found.id, found.in_range)).collect();
    let expected = [
        (1, "MADE-1", false),
        (1, "MADE-20", false),
        (1, "MADE-3", false),
        (2, "MADE-5", true),
        (2, "MADE-7", false),
        (2, "MADE-8", true),
        (2, "MADE-9", false),
    ];
    assert!(found.iter().map(|(line, id, range)| (*line, id.as_str(), *range)).eq(expected), "{found:?}");
}

#[test]
fn a_stranger_and_a_range_are_found() {
    let file = File::made_up("a.md", "MADE-1\nMADE-99\nMADE-1 .. MADE-2\n");
    let found = strangers(&file, "MADE", &BTreeSet::from(["MADE-1", "MADE-2"]));
    one_for_each(&found, &["a.md:2: there is no rule MADE-99", "a.md:3: a range from MADE-1"]);
}

#[test]
fn definitions_are_found_and_mentions_are_none() {
    let text = "
pub const DEADLOCK: (&str, &str) = (\"MADE-3\", \"title\");
const RULES: &[Rule] = &[Rule { id: \"MADE-1\", title: \"MADE-7\" }, rule(\"MADE-2\")];
// id: \"MADE-4\"
";
    let found = definitions(&File::made_up("a.rs", text));
    assert_eq!(found, [("MADE-3".to_owned(), 2), ("MADE-1".to_owned(), 3)]);
}

// A protocol exists several times under the same name.

#[track_caller]
fn lacks(path: &str, texts: &[&str]) -> Vec<String> {
    let Some(file) = file(path) else { return vec![format!("{path} is missing")] };
    let missing = texts.iter().filter(|text| !file.text.contains(**text));
    missing.map(|text| format!("{path} does not say {text:?}")).collect()
}

#[test]
fn every_protocol_has_a_document_and_a_module_that_is_documented_by_it() {
    for entry in ENTRIES {
        let name = entry.name;
        assert_eq!(entry.document, format!("specs/{name}.md"));
        nothing(lacks(entry.document, &[]));
        nothing(lacks(&format!("specs/src/{name}/mod.rs"), &[&format!("#![doc = include_str!(\"../../{name}.md\")]")]));
        nothing(lacks("specs/src/lib.rs", &[&format!("pub mod {name};"), &format!("[`{name}`]")]));
    }
}

#[test]
fn every_protocol_has_a_model() {
    for entry in ENTRIES {
        assert!(below(&format!("model/src/{}", entry.name)).next().is_some(), "{} has no model", entry.name);
        nothing(lacks("model/src/lib.rs", &[&format!("pub mod {};", entry.name)]));
    }
}

#[test]
fn every_document_is_that_of_a_protocol_which_is_checked() {
    let is_none = |path: &str| ["README.md", "GLOSSARY.md", "findings.md"].iter().any(|name| path.ends_with(name));
    let is_document = |path: &str| path.starts_with("specs/") && path.ends_with(".md") && !is_none(path);
    let documents = files().iter().filter(|file| is_document(&file.path));
    let strange = documents.filter(|file| ENTRIES.iter().all(|entry| entry.document != file.path));
    nothing(strange.map(|file| format!("{} is checked by nobody: put it into the catalogue", file.path)).collect());
}

/// One heading of the first level, at the top, and then a sentence that says what it is about.
#[test]
fn every_document_begins_with_its_title_and_what_it_is_about() {
    for entry in ENTRIES {
        let text = &file(entry.document).expect("the protocol has a document").text;
        // Comments in shell examples begin with the same sign.
        let prose = text.split("```").step_by(2).collect::<String>();
        assert_eq!(prose.lines().filter(|line| line.starts_with("# ")).count(), 1, "{}", entry.document);
        let mut lines = text.lines();
        assert!(lines.next().is_some_and(|line| line.starts_with("# ")), "{} begins with no title", entry.document);
        let about = lines.find(|line| !line.is_empty()).unwrap_or_default().to_lowercase();
        assert!(about.contains(entry.about), "{}: {about:?} and {:?}", entry.document, entry.about);
    }
}

#[test]
fn every_protocol_is_in_the_readme() {
    let entries = ENTRIES.iter();
    nothing(
        entries.flat_map(|entry| lacks("README.md", &[&format!("[`{}`]({})", entry.name, entry.document)])).collect(),
    );
}

#[test]
fn what_is_missing_is_found() {
    assert_eq!(lacks("no/such/file", &[]), ["no/such/file is missing"]);
    assert_eq!(lacks("Cargo.toml", &["[workspace]", "no such words"]), ["Cargo.toml does not say \"no such words\""]);
}
