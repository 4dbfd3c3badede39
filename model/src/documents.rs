//! The documents of the protocols, for the report that links to them.

use crate::checker::report::Document;

/// The document of each protocol, by the path that its entry in the registry names.
pub const DOCUMENTS: &[Document] = &[
    Document { path: "specs/simopen.md", text: include_str!("../../specs/simopen.md") },
    Document { path: "specs/lifecycle.md", text: include_str!("../../specs/lifecycle.md") },
    Document { path: "specs/ownership.md", text: include_str!("../../specs/ownership.md") },
    Document { path: "specs/framed.md", text: include_str!("../../specs/framed.md") },
    Document { path: "specs/node.md", text: include_str!("../../specs/node.md") },
];
