//! A new word of a vocabulary must be thought of wherever words are told apart, so that no match catches what it does
//! not name.

use model::registry::ENTRIES;
use quote::ToTokens;
use syn::visit::{self, Visit};

use crate::repository::code::{line, parse};
use crate::repository::workspace::{File, below};
use crate::repository::{nothing, one_for_each};

/// What a match may catch the rest of: the one mistake of a mutant, told apart from all others and from none.
const SWITCHES: [&str; 2] = ["flaw", "switches"];

/// Arms that match whatever is left.
fn findings(file: &File) -> Vec<String> {
    let mut arms = Arms { file, found: Vec::new() };
    arms.visit_file(&parse(file));
    arms.found
}

struct Arms<'f> {
    file: &'f File,
    found: Vec<String>,
}

impl Arms<'_> {
    /// A comment on the line of the arm or on the line above it is taken for the reason.
    fn has_reason(&self, line: usize) -> bool {
        let lines: Vec<&str> = self.file.text.lines().collect();
        let above = lines.get(line.wrapping_sub(2)).is_some_and(|text| text.trim_start().starts_with("//"));
        above || lines.get(line - 1).is_some_and(|text| text.contains(" // "))
    }
}

impl<'ast> Visit<'ast> for Arms<'_> {
    fn visit_expr_match(&mut self, expression: &'ast syn::ExprMatch) {
        let matched = expression.expr.to_token_stream().to_string();
        let tells_a_switch =
            matched.split(|letter: char| !letter.is_alphanumeric()).any(|word| SWITCHES.contains(&word));
        for arm in expression.arms.iter().filter(|arm| catches_all(&arm.pat) && !tells_a_switch) {
            let line = line(&arm.pat);
            if !self.has_reason(line) {
                let path = &self.file.path;
                self.found
                    .push(format!("{path}:{line}: name what is left of `{matched}`, or say in a comment why not"));
            }
        }
        visit::visit_expr_match(self, expression);
    }
}

fn catches_all(pattern: &syn::Pat) -> bool {
    match pattern {
        syn::Pat::Wild(_) => true,
        // A binding is lower case; a constant or a variant that was imported is not.
        syn::Pat::Ident(name) => name.subpat.is_none() && name.ident.to_string().starts_with(char::is_lowercase),
        syn::Pat::Paren(inner) => catches_all(&inner.pat),
        syn::Pat::Or(or) => or.cases.iter().any(catches_all),
        syn::Pat::Tuple(tuple) => tuple.elems.iter().all(catches_all),
        _ => false, // A pattern that takes something apart names it.
    }
}

#[test]
fn no_match_in_a_specification_catches_what_it_does_not_name() {
    nothing(below("specs/src").filter(|file| file.is_rust()).flat_map(findings).collect());
}

#[test]
fn no_match_in_a_model_catches_what_it_does_not_name() {
    let models = ENTRIES.iter().flat_map(|entry| below(&format!("model/src/{}", entry.name)));
    nothing(models.filter(|file| file.is_rust()).flat_map(findings).collect());
}

#[test]
fn no_match_in_a_core_catches_what_it_does_not_name() {
    let is_core = |file: &&File| file.path.ends_with("/core.rs") || file.path.contains("/core/");
    nothing(below("impl/src").filter(|file| file.is_rust()).filter(is_core).flat_map(findings).collect());
}

#[test]
fn a_match_that_catches_the_rest_is_found() {
    let text = "
fn f(action: Action, output: Output, flaw: Flaw) -> u8 {
    match (action, output) {
        (Action::Open, _) => 0,
        (_, _) => 1,
    };
    match action {
        Action::Open => match output { Output::Up => 1, other => 2 },
        _ => 3,
    };
    match flaw { Flaw::None => 0, _ => 1 };
    match 7 {
        1 => 0,
        // Numbers have no names.
        _ => 1,
    };
    match \"x\" { \"a\" => 0, _ => 1 } // \"_ =>\"
}
";
    let text = text.replace("    match \"x\" {", "    match \"_ => x\" {").replace(" // \"_ =>\"", "");
    let found = findings(&File::made_up("a.rs", &text));
    one_for_each(&found, &["a.rs:5: ", "a.rs:9: ", "a.rs:8: ", "a.rs:17: "]);
}
