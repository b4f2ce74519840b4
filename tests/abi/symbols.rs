//! What the library exports, what the header declares, and what the table says of both.
//!
//! With `ABI_UPDATE=1` in the environment the lists are brought up to date: look at the difference.

use crate::compiler::{execute, header_dir, library_dir, scratch};
use crate::facts::{self, Facts};
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::{env, fs};

type Names = BTreeSet<String>;

const MISSING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/abi/missing.txt");
const MISSING_HEAD: &str = "\
# Functions and data of facts.tsv that the library does not have yet. The list only ever shrinks:
# a name goes when its function comes. `ABI_UPDATE=1 cargo test --test abi` takes out what came.
";

#[test]
fn library_exports_what_the_table_says() {
    let table = table();
    let exported = exported();
    let added: Names = exported.difference(&table).cloned().collect();
    if updating() {
        add_to_table(&added);
    } else {
        assert_eq!(names(added.iter()), "", "exported, but not in facts.tsv");
    }

    let absent: Names = table.difference(&exported).cloned().collect();
    let text = fs::read_to_string(MISSING).unwrap();
    let missing: Names = text.lines().filter(|line| !line.starts_with('#')).map(String::from).collect();
    assert_eq!(names(absent.difference(&missing)), "", "not exported, and not in missing.txt");
    if updating() {
        let lines = absent.iter().map(|name| format!("{name}\n"));
        fs::write(MISSING, MISSING_HEAD.to_string() + &lines.collect::<String>()).unwrap();
    } else {
        assert_eq!(
            names(missing.difference(&absent)),
            "",
            "exported now: take them out of missing.txt (ABI_UPDATE=1 cargo test --test abi)"
        );
    }
}

#[test]
fn header_declares_what_the_library_exports() {
    let declared: Names = declarations(&header()).into_keys().collect();
    let exported = exported();
    let programs = Facts::load().names(&["program"]).into_iter().collect();
    assert_eq!(names(exported.difference(&declared)), "", "exported, but not declared");
    let unknown: Names = declared.difference(&exported).cloned().collect();
    assert_eq!(names(unknown.difference(&programs)), "", "declared, but not exported");
    assert_eq!(names(programs.difference(&unknown)), "", "for programs to define, but not declared");
}

#[test]
fn declarations_are_found() {
    let header = "
        /* int no(void); */
        #define NO(x) \\
          no2(x);
        extern \"C\" {
        struct s { int (*no3)(void); char no4[3]; };
        typedef struct s t;
        typedef int (*no5)(int);
        enum { NO6, NO7 };
        const char *yes1(int a, void (*fn)(void)); extern int yes2;
        extern const struct s yes3[] __attribute__((weak, visibility(\"default\")));
        extern struct s *yes4(struct s (*a)[2],
                              int b);
        }";
    let expected = [
        ("yes1", "const char *yes1(int a, void (*fn)(void))"),
        ("yes2", "extern int yes2"),
        ("yes3", "extern const struct s yes3[]"),
        ("yes4", "extern struct s *yes4(struct s (*a)[2], int b)"),
    ];
    assert_eq!(declarations(header), expected.map(|(name, text)| (name.into(), text.into())).into());
}

fn updating() -> bool {
    env::var_os("ABI_UPDATE").is_some()
}

/// What is exported and not in the table is an addition of ours: notes it at the table's end.
fn add_to_table(added: &Names) {
    let declarations = declarations(&header());
    let rows = added.iter().map(|name| format!("function\t{name}\t{}\n", declarations[name]));
    let table = fs::read_to_string(facts::PATH).unwrap();
    // Other tests read the table meanwhile.
    let new = scratch("facts.tsv", &(table + &rows.collect::<String>()));
    fs::rename(new, facts::PATH).unwrap();
}

/// The header, without what it makes of today's functions for programs of older releases.
fn header() -> String {
    let text = fs::read_to_string(header_dir().join("mongoose.h")).unwrap();
    let (before, compatibility) = text.split_once("\n#ifdef MG_COMPAT\n").unwrap();
    let (_, after) = compatibility.split_once("\n#endif\n").unwrap();
    format!("{before}{after}")
}

fn table() -> Names {
    Facts::load().names(&["function", "data"]).into_iter().collect()
}

fn exported() -> Names {
    let library = library_dir().join("libmongoose.so");
    let symbols = execute(Command::new("nm").args(["-D", "--defined-only", "--format=posix"]).arg(library));
    symbols.unwrap().lines().map(|line| line.split([' ', '@']).next().unwrap().to_string()).collect()
}

/// Functions and data that a header declares, and how.
fn declarations(header: &str) -> BTreeMap<String, String> {
    let text = without_directives(&without_comments(header));
    let text = without_attributes(&text.replace("extern \"C\" {", ""));
    // Only what is outside of braces is left; their contents become nothing.
    let mut depth = 0;
    let outside: String = text
        .chars()
        .filter(|c| {
            match c {
                '{' => depth += 1,
                '}' if depth > 0 => {
                    depth -= 1;
                    return false;
                }
                _ => {}
            }
            depth == 0
        })
        .collect();
    outside.split(';').filter_map(declaration).collect()
}

/// Drops each `__attribute__((...))`.
fn without_attributes(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("__attribute__") {
        out.push_str(before);
        let mut depth = 0;
        let end = after.find(|c| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            c == ')' && depth == 0
        });
        rest = &after[end.expect("an attribute ends") + 1..];
    }
    out + rest
}

/// A function or `extern` data: its name and its declaration; nothing for a type.
fn declaration(text: &str) -> Option<(String, String)> {
    let words = text.trim().trim_start_matches('}').split_whitespace().collect::<Vec<_>>().join(" ");
    let is_function = words.contains('(') && !words.starts_with("typedef ") && !words.starts_with("static ");
    if !is_function && !words.starts_with("extern ") {
        return None;
    }
    let before = &words[..words.find(['(', '[']).unwrap_or(words.len())];
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let name = &before[before.rfind(|c| !is_name(c)).map_or(0, |at| at + 1)..];
    Some((name.to_string(), words.clone()))
}

fn without_comments(text: &str) -> String {
    let mut parts = text.split("/*");
    let first = parts.next().unwrap_or_default().to_string();
    parts.fold(first, |out, part| out + part.split_once("*/").map_or("", |(_, rest)| rest))
}

fn without_directives(text: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for line in text.lines() {
        inside = inside || line.trim_start().starts_with('#');
        if !inside {
            out.push_str(line);
            out.push('\n');
        }
        inside = inside && line.ends_with('\\');
    }
    out
}

fn names<'a>(names: impl Iterator<Item = &'a String>) -> String {
    names.cloned().collect::<Vec<_>>().join(" ")
}
