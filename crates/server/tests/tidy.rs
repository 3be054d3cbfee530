//! Invariants of ARCHITECTURE.md that are about absence, checked by reading the tree.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    for entry in entries.map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    found
}

fn crates() -> Vec<PathBuf> {
    let root = root().join("crates");
    let flat = fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path());
    let dialects = fs::read_dir(root.join("dialects")).unwrap().map(|entry| entry.unwrap().path());
    flat.chain(dialects).filter(|path| path.join("Cargo.toml").exists()).collect()
}

/// The `[dependencies]` of a crate, without those of its tests.
fn dependencies(folder: &Path) -> Vec<String> {
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    manifest
        .lines()
        .skip_while(|line| *line != "[dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| Some(line.split(['.', ' ', '=']).next()?.to_owned()))
        .filter(|name| !name.is_empty())
        .collect()
}

fn name(folder: &Path) -> String {
    folder.file_name().unwrap().to_string_lossy().into_owned()
}

/// Code without comments and without what stands in test modules.
fn code(text: &str) -> String {
    let body = text.split("#[cfg(test)]").next().unwrap_or_default();
    body.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_feed_knows_no_http_no_sql_no_dialect_and_no_json_tree() {
    let folder = root().join("crates/feed");
    let allowed = [
        "tidewire-model",
        "tidewire-rules",
        "bytes",
        "parking_lot",
        "hashbrown",
        "indexmap",
        "tokio",
        "tracing",
        "hmac",
        "sha2",
        "base64",
        "rand",
        "subtle",
    ];
    for dependency in dependencies(&folder) {
        assert!(allowed.contains(&dependency.as_str()), "feed depends on {dependency}");
    }
    let banned =
        ["http", "serde_json", "rusqlite", "pocketbase", "snackbase", "cocobase", "bosbase", "select * "];
    for (path, text) in sources(&folder.join("src")) {
        let code = code(&text).to_lowercase();
        for word in banned {
            assert!(!code.contains(word), "{} names {word}", path.display());
        }
    }
}

#[test]
fn only_the_store_opens_a_database() {
    for folder in crates() {
        let owns = dependencies(&folder).iter().any(|name| name == "rusqlite");
        assert_eq!(owns, name(&folder) == "store", "{}", folder.display());
    }
}

#[test]
fn only_the_server_reads_the_environment() {
    for folder in crates().iter().filter(|folder| !["server", "bench"].contains(&name(folder).as_str())) {
        for (path, text) in sources(&folder.join("src")) {
            assert!(!code(&text).contains("env::"), "{} reads the environment", path.display());
        }
    }
}

#[test]
fn no_dialect_depends_on_another_and_nothing_below_depends_on_one() {
    let dialects = ["tidewire-pocketbase", "tidewire-snackbase", "tidewire-cocobase"];
    for folder in crates().iter().filter(|folder| name(folder) != "server") {
        for dependency in dependencies(folder) {
            assert!(!dialects.contains(&dependency.as_str()), "{} depends on {dependency}", folder.display());
        }
    }
}
