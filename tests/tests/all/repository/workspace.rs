//! The files of the repository, and what cargo knows of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use cargo_metadata::{Metadata, MetadataCommand};

/// A text of the repository.
pub(crate) struct File {
    /// Where it is, from the root, with slashes.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    /// A made-up file, for the tests of a check.
    pub(crate) fn made_up(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Lines with their numbers, counted from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }
}

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package is in the repository")
}

/// Every text in the repository that is not built, in order of their paths.
pub(crate) fn files() -> &'static [File] {
    static FILES: LazyLock<Vec<File>> = LazyLock::new(|| {
        let mut files = Vec::new();
        collect(root(), &mut files);
        files.sort_by(|one, other| one.path.cmp(&other.path));
        assert!(files.iter().any(|file| file.path == "Cargo.toml"), "{} is no repository", root().display());
        files
    });
    &FILES
}

fn collect(directory: &Path, files: &mut Vec<File>) {
    // Cargo marks the directories that it builds in, whatever they are called.
    if directory.join("CACHEDIR.TAG").exists() {
        return;
    }
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("the directory can be read").path()).collect();
    paths.sort();
    for path in paths {
        // A folder in the checkout, and a file in a worktree.
        if path.file_name().is_some_and(|name| name == ".git") {
            continue;
        }
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target" && name != "node_modules") {
                collect(&path, files);
            }
        } else if let Ok(text) = fs::read_to_string(&path) {
            let inside = path.strip_prefix(root()).expect("it was found below the root");
            files.push(File { path: inside.to_string_lossy().replace('\\', "/"), text });
        }
    }
}

/// The file with a path from the root.
pub(crate) fn file(path: &str) -> Option<&'static File> {
    files().iter().find(|file| file.path == path)
}

/// The files below a directory, or in the file of the same name.
pub(crate) fn below(directory: &str) -> impl Iterator<Item = &'static File> + use<> {
    let (inside, beside) = (format!("{directory}/"), format!("{directory}.rs"));
    files().iter().filter(move |file| file.path.starts_with(&inside) || file.path == beside)
}

/// The members of the workspace, as cargo reads their manifests.
pub(crate) fn metadata() -> &'static Metadata {
    static METADATA: LazyLock<Metadata> = LazyLock::new(|| {
        let mut command = MetadataCommand::new();
        command.manifest_path(root().join("Cargo.toml")).no_deps().other_options(["--offline".to_owned()]);
        command.exec().expect("cargo reads the manifests")
    });
    &METADATA
}

/// The paths that git keeps; none where this is no checkout, as in a source archive.
pub(crate) fn kept_by_git() -> Option<Vec<String>> {
    let output = Command::new("git").arg("ls-files").current_dir(root()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.is_empty()).then(|| text.lines().map(str::to_owned).collect())
}
