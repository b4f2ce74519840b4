//! The misuse matrix covers the interface: each exported function has a row in it, or a reason why
//! it needs none.

use crate::facts::Facts;
use std::collections::BTreeSet;
use std::fs;

type Names = BTreeSet<String>;

/// Functions with a row. Rows of other names are scenes of their own.
fn rows() -> Names {
    ["misuse.inc", "misuse_protocols.inc", "misuse_tls.inc"]
        .iter()
        .flat_map(|file| rows_of(&read(&format!("c/{file}"))))
        .collect()
}

fn rows_of(text: &str) -> Vec<String> {
    let row = |line: &str| Some(line.strip_prefix("ROW(")?.split_once(',')?.0.to_string());
    text.lines().filter_map(row).collect()
}

/// Functions with a reason.
fn eventless() -> Names {
    eventless_of(&read("abi/eventless.tsv"))
}

fn eventless_of(text: &str) -> Names {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, reason) = line.split_once('\t').unwrap_or((line, ""));
            assert_ne!(reason, "", "{name} has no reason");
            name.to_string()
        })
        .collect()
}

fn read(path: &str) -> String {
    fs::read_to_string(format!("{}/tests/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// What is wrong with the rows and the reasons for these functions.
fn complaints(functions: &Names, rows: &Names, eventless: &Names) -> Vec<String> {
    let mut found = Vec::new();
    for name in functions {
        match (rows.contains(name), eventless.contains(name)) {
            (false, false) => found.push(format!("{name}: neither a row nor a reason")),
            (true, true) => found.push(format!("{name}: a row and a reason")),
            _ => {}
        }
    }
    found.extend(
        eventless.difference(functions).map(|name| format!("{name}: a reason, but no such function")),
    );
    found
}

#[test]
fn each_function_has_a_row_or_a_reason() {
    let functions = Facts::load().names(&["function"]).into_iter().collect();
    assert_eq!(complaints(&functions, &rows(), &eventless()), Vec::<String>::new());
}

#[test]
fn the_rule_can_fail() {
    let names = |text: &str| text.split(' ').map(String::from).collect::<Names>();
    let rows = rows_of("// text\nROW(a, STREAM, a(1))\nROW(b, NOTHING, b())\n").into_iter().collect();
    let reasons = eventless_of("# text\nb\twhy\nd\twhy\n");
    assert_eq!(
        complaints(&names("a b c"), &rows, &reasons),
        ["b: a row and a reason", "c: neither a row nor a reason", "d: a reason, but no such function"]
    );
}
