//! One sentence in the header says of a function that the original does not have it, and no other.

use crate::compiler::header_dir;
use crate::facts;
use std::collections::BTreeSet;
use std::fs;

const TAG: &str = "An addition of this library.";
const SECTION: &str = "# Additions of this library";

/// The functions in the last section of the table.
fn additions(table: &str) -> BTreeSet<String> {
    let section = table.split_once(SECTION).expect("the table has the section").1;
    let name = |line: &str| Some(line.strip_prefix("function\t")?.split('\t').next()?.to_string());
    section.lines().filter_map(name).collect()
}

/// The functions of a header with the text of the comment before them, in one line.
fn documented(header: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for part in header.split("/*").skip(1) {
        let Some((comment, code)) = part.split_once("*/") else { continue };
        let declaration = code.trim_start_matches('\n').split("\n\n").next().unwrap_or_default();
        let Some((before, _)) = declaration.split_once('(') else { continue };
        let name = before.rsplit([' ', '*']).next().unwrap_or_default();
        let is_macro = before.contains('#') || before.contains("static ") || before.contains("typedef ");
        if name.starts_with("mg_") && !is_macro {
            let text = comment.lines().map(|line| line.trim_start_matches([' ', '*'])).collect::<Vec<_>>();
            found.push((name.to_string(), text.join(" ")));
        }
    }
    found
}

/// What is wrong with the tags of these functions.
fn complaints(documented: &[(String, String)], additions: &BTreeSet<String>) -> Vec<String> {
    let mut found = Vec::new();
    for (name, text) in documented {
        match (text.contains(TAG), additions.contains(name)) {
            (false, true) => found.push(format!("{name}: does not say {TAG:?}")),
            (true, false) => found.push(format!("{name}: is in the original")),
            _ => {}
        }
        if text.contains("addition to the ") {
            found.push(format!("{name}: says it in other words"));
        }
    }
    found
}

#[test]
fn additions_are_tagged() {
    let header = fs::read_to_string(header_dir().join("mongoose.h")).unwrap();
    let documented = documented(&header);
    let additions = additions(&fs::read_to_string(facts::PATH).unwrap());
    let known: BTreeSet<_> = documented.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(additions.difference(&known).collect::<Vec<_>>(), Vec::<&String>::new(), "not documented");
    assert_eq!(complaints(&documented, &additions), Vec::<String>::new());
}

#[test]
fn the_rule_can_fail() {
    let additions = additions("x\n# Additions of this library\nfunction\tmg_a\tt\nfunction\tmg_b\tt\n");
    let header = "/*\n * Text. An addition\n * of this library.\n */\nint mg_a(void);\n\n/* Text. */\nint *mg_b(int (*f)(void));\n\n\
        /* An addition of this library. */\nvoid mg_c(void);\n\n/* An addition to the API. */\nvoid mg_d(void);\n";
    assert_eq!(
        complaints(&documented(header), &additions),
        [
            format!("mg_b: does not say {TAG:?}"),
            "mg_c: is in the original".to_string(),
            "mg_d: says it in other words".to_string()
        ]
    );
}
