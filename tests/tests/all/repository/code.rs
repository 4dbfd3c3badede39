//! Sources, as the compiler's grammar reads them: comments and strings are no code.

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::repository::workspace::File;

/// A file as a syntax tree.
pub(crate) fn parse(file: &File) -> syn::File {
    syn::parse_file(&file.text).unwrap_or_else(|error| panic!("{}: {error}", file.path))
}

/// The line at which something begins.
pub(crate) fn line(of: &impl Spanned) -> usize {
    of.span().start().line
}

/// Every path in a file, `use` declarations written out, with the line on which it stands.
pub(crate) fn paths(file: &File) -> Vec<(String, usize)> {
    let mut paths = Paths(Vec::new());
    paths.visit_file(&parse(file));
    paths.0
}

struct Paths(Vec<(String, usize)>);

impl Paths {
    fn expand(&mut self, tree: &syn::UseTree, before: &str) {
        match tree {
            syn::UseTree::Path(path) => self.expand(&path.tree, &format!("{before}{}::", path.ident)),
            syn::UseTree::Name(name) => self.0.push((format!("{before}{}", name.ident), line(name))),
            syn::UseTree::Rename(rename) => self.0.push((format!("{before}{}", rename.ident), line(rename))),
            syn::UseTree::Glob(glob) => self.0.push((format!("{before}*"), line(glob))),
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.expand(tree, before)),
        }
    }

    /// The arguments of a macro are no syntax tree; names that are joined by colons are paths.
    fn scan(&mut self, tokens: TokenStream) {
        let mut path = String::new();
        let mut begin = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(name) => {
                    if !path.ends_with("::") {
                        self.flush(&mut path, begin);
                        begin = name.span().start().line;
                    }
                    path.push_str(&name.to_string());
                }
                TokenTree::Punct(mark) if mark.as_char() == ':' && !path.is_empty() => path.push(':'),
                TokenTree::Group(group) => {
                    self.flush(&mut path, begin);
                    self.scan(group.stream());
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => self.flush(&mut path, begin),
            }
        }
        self.flush(&mut path, begin);
    }

    fn flush(&mut self, path: &mut String, begin: usize) {
        let found = core::mem::take(path);
        let found = found.trim_end_matches(':');
        if !found.is_empty() {
            self.0.push((found.to_owned(), begin));
        }
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.expand(&item.tree, "");
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.0.push((names.join("::"), line(path)));
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        visit::visit_macro(self, call);
        self.scan(call.tokens.clone());
    }

    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}
}

#[test]
fn paths_are_found_wherever_they_stand() {
    let text = r#"
use std::{net::{TcpStream as Stream, *}, time};
//! std::env in a comment
fn f(at: time::Instant) -> std::io::Result<()> {
    let text = "std::fs in a string";
    vec![std::thread::spawn(|| rand::random())];
}
"#;
    let text = text.replacen("//!", "//", 1);
    let found = paths(&File::made_up("a.rs", &text));
    for (path, line) in [
        ("std::net::TcpStream", 2),
        ("std::net::*", 2),
        ("std::time", 2),
        ("time::Instant", 4),
        ("std::io::Result", 4),
        ("std::thread::spawn", 6),
        ("rand::random", 6),
    ] {
        assert!(found.contains(&(path.to_owned(), line)), "{path}: {found:?}");
    }
    assert!(!found.iter().any(|(path, _)| path.contains("env") || path.contains("fs")), "{found:?}");
}
