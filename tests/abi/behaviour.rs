//! Macros that say how the library behaves, as programs set them: each row is compiled and run.

use crate::compiler::{Compile, Language, in_parallel};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A macro, and what of the program's output it changes.
const ROWS: [(&str, &[(&str, &str)]); 15] = [
    ("MG_ENABLE_DIRLIST=0", &[("dir", "403"), ("times", "none")]),
    ("MG_MAX_RECV_SIZE=65536", &[("body", "refused")]),
    ("MG_ENABLE_SSI=1", &[]),
    ("MG_ENABLE_SSI=0", &[("ssi", "off")]),
    ("MG_MAX_SSI_DEPTH=1", &[("ssi", "cut")]),
    ("MG_IPV6_V6ONLY=1", &[("v6only", "1")]),
    ("MG_ENABLE_LOG=0", &[("log", "0")]),
    ("MG_HTTP_INDEX=\"home.html\"", &[("index", "home")]),
    ("MG_JSON_MAX_DEPTH=4", &[("json", "-1 -1")]),
    ("MG_JSON_MAX_DEPTH=60", &[("json", "0 0")]),
    (
        "MG_ENABLE_POSIX_FS=0",
        &[("dir", "404"), ("times", "none"), ("ssi", "cut"), ("file", "404"), ("path", "404"), ("read", "0")],
    ),
    ("MG_IO_SIZE=128", &[("align", "128")]),
    ("MG_SOCK_LISTEN_BACKLOG_SIZE=7", &[("backlog", "7")]),
    ("MG_PATH_MAX=64", &[("path", "404")]),
    ("MG_HTTP_DIRLIST_TIME_FMT=\"%Y\"", &[("times", "local")]),
];

const DEFAULT: [(&str, &str); 13] = [
    ("log", "1"),
    ("align", "16384"),
    ("backlog", "128"),
    ("dir", "200"),
    ("times", "utc"),
    ("index", "index"),
    ("ssi", "all"),
    ("file", "200"),
    ("path", "200"),
    ("body", "200 OK"),
    ("json", "0 -1"),
    ("v6only", "0"),
    ("read", "1"),
];

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn check(compile: Compile, changed: &[(&str, &str)]) -> Result<(), String> {
    let printed = compile.run()?;
    let printed: BTreeMap<&str, &str> = printed.lines().filter_map(|line| line.split_once(' ')).collect();
    let mut expected = BTreeMap::from(DEFAULT);
    expected.extend(changed.iter().copied());
    if printed == expected { Ok(()) } else { Err(format!("{changed:?}\n  got {printed:?}\n")) }
}

#[test]
fn macros_of_the_program_count() {
    let program = source("tests/abi/behaviour.c");
    let rows = ROWS.into_iter().chain([("UNRELATED", &[][..])]);
    let errors = in_parallel(rows.collect(), |(macro_, changed)| {
        let compile = Compile::new("gcc", Language::C("gnu99"), &program).arg(&format!("-D{macro_}"));
        check(compile, changed)
    });
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}

#[test]
fn however_the_program_is_compiled() {
    let program = source("tests/abi/behaviour.c");
    let ways: Vec<(&str, Language, &[&str])> = vec![
        ("g++", Language::Cpp("c++98"), &[]),
        ("g++", Language::Cpp("c++20"), &["-O2", "-flto", "-fvisibility=hidden"]),
        ("gcc", Language::C("gnu89"), &["-O2", "-flto", "-fvisibility=hidden"]),
        (
            "gcc",
            Language::C("gnu99"),
            &["-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections", "-no-pie"],
        ),
        ("clang", Language::C("gnu17"), &["-O2", "-fvisibility=hidden"]),
    ];
    let errors = in_parallel(ways, |(compiler, language, flags)| {
        let compile = Compile::new(compiler, language, &program).args(flags.iter().copied());
        let compile = compile.args(["-DMG_ENABLE_LOG=0", "-DMG_JSON_MAX_DEPTH=4", "-DMG_ENABLE_DIRLIST=0"]);
        check(compile, &[("log", "0"), ("json", "-1 -1"), ("dir", "403"), ("times", "none")])
    });
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}

#[test]
fn docs_have_a_row_for_each_macro() {
    let docs = fs::read_to_string(source("docs/reference/macros.md")).unwrap();
    let header = ["src/abi/prelude.h", "src/abi/macros.h"]
        .map(|part| fs::read_to_string(source(part)).unwrap())
        .concat();
    // `MG_A`, `_B` and `MG_C_*` are in the first column.
    let rows: Vec<&str> =
        docs.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next()).collect();
    let named = |name: &str| {
        rows.iter().flat_map(|row| row.split('`')).any(|word| {
            let word = word.split('=').next().unwrap_or_default();
            word == name
                || word.strip_suffix('*').is_some_and(|start| !start.is_empty() && name.starts_with(start))
        })
    };
    let asked = header.lines().filter_map(|line| {
        let name = line.strip_prefix("#ifndef ").or_else(|| line.strip_prefix("#ifdef "))?;
        name.starts_with("MG_").then_some(name)
    });
    let missing: Vec<&str> = asked.filter(|name| !named(name) && !name.starts_with("MG_OPTION")).collect();
    assert!(missing.is_empty(), "docs/reference/macros.md has no row for {missing:?}");
    for (macro_, _) in ROWS {
        assert!(named(macro_.split('=').next().unwrap()), "{macro_}");
    }
}
