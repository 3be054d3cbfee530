//! No program is left out: of the tests, of the page.

use crate::{folder, names};
use std::collections::BTreeSet;
use std::fs;

#[test]
fn every_program_is_run_and_stands_on_the_page() {
    let programs = names(&folder().join("src/bin"), "rs");
    assert_eq!(names(&folder().join("tests/runs"), "txt"), programs);
    let page = fs::read_to_string(folder().join("README.md")).unwrap();
    let links: Vec<String> = page.lines().filter_map(link).collect();
    assert_eq!(links.iter().cloned().collect::<BTreeSet<_>>(), programs);
    assert_eq!(links.len(), programs.len(), "a program is listed twice");
}

/// The program that a row of the table links to: `| heading | [name](src/bin/name.rs) | …`.
fn link(row: &str) -> Option<String> {
    let (name, rest) = row.strip_prefix("| ")?.split_once("| [")?.1.split_once("](src/bin/")?;
    assert!(rest.starts_with(&format!("{name}.rs) |")), "{row}");
    Some(name.to_owned())
}
