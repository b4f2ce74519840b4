//! Rules of the source tree that no compiler knows, so that they hold by a test.
//!
//! * Arrows between layers point one way: `codec` and `abi` know no other layer, `net` knows no
//!   `capi`. See `docs/explanation/architecture.md`.
//! * `codec` forbids unsafe code in every file and mentions no sockets, clocks or C types.
//! * Every exported function starts with `fence!` and its own name.
//! * Every `unsafe` block has its reason within the three lines above.
//! * No source file is longer than 600 lines.
//! * A type name that says little stands for one thing.
//!
//! The second half of this file shows for each rule that it can fail.

use std::fs;
use std::path::{Path, PathBuf};

/// A source file, named by its path below the root of the project.
struct Source {
    path: String,
    text: String,
}

/// One line per broken rule: `path:line: what is wrong`.
type Complaints = Vec<String>;

const LINES_MAX: usize = 600;
const REASON_WITHIN: usize = 3;

/// What each layer may mention after `crate::`.
const MAY_KNOW: [(&str, &[&str]); 5] = [
    ("abi", &["abi"]),
    ("codec", &["codec"]),
    ("net", &["abi", "codec", "net", "fence"]),
    ("capi", &["abi", "codec", "net", "capi", "fence"]),
    ("bin", &["bin"]),
];

/// What protocol code must not know: I/O, clocks, the process, threads, C.
const NOT_IN_CODEC: [&str; 15] = [
    "std::fs",
    "std::time",
    "std::env",
    "std::process",
    "std::thread",
    "std::os",
    "::ffi::",
    "libc::",
    "mio::",
    "socket2::",
    "TcpStream",
    "UdpSocket",
    "extern \"C\"",
    "static mut",
    "thread_local!",
];

/// Type names that say what something is only as long as one type has them.
const ONCE: [&str; 10] =
    ["Refusal", "Piece", "Options", "Target", "Step", "Place", "Session", "Page", "Policy", "Outcome"];

fn layer(source: &Source) -> Option<&str> {
    let rest = source.path.strip_prefix("src/")?;
    let (directory, _) = rest.split_once('/')?;
    Some(directory)
}

/// The names of [`ONCE`] that have several types, with their files. Programs and the stand-ins of builds
/// without TLS do not count.
fn ambiguous(sources: &[Source]) -> Vec<String> {
    let defines = |source: &Source, name: &str| {
        source.text.lines().any(|line| {
            let line = line.trim_start().trim_start_matches("pub ").trim_start_matches("pub(crate) ");
            let rest = line.strip_prefix("struct ").or_else(|| line.strip_prefix("enum "));
            rest.and_then(|rest| rest.strip_prefix(name))
                .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
        })
    };
    let is_library = |path: &str| !path.starts_with("src/bin/") && !path.ends_with("/none.rs");
    ONCE.iter()
        .filter_map(|name| {
            let files: Vec<&str> = sources
                .iter()
                .filter(|source| is_library(&source.path) && defines(source, name))
                .map(|source| source.path.as_str())
                .collect();
            (files.len() > 1).then(|| format!("{name}: {}", files.join(", ")))
        })
        .collect()
}

/// Blanks comments, and the contents of string and character literals; keeps the line structure.
fn code(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut blank = |from: usize, to: usize| {
        for b in &mut out[from..to.min(bytes.len())] {
            if *b != b'\n' {
                *b = b' ';
            }
        }
    };
    let mut i = 0;
    while i < bytes.len() {
        let rest = &text[i..];
        let end = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |n| n + 2)
        } else if let Some(hashes) = raw_string(bytes, i) {
            let close = format!("\"{}", "#".repeat(hashes));
            let open = hashes + 2;
            rest[open..].find(&close).map_or(rest.len(), |n| open + n + close.len())
        } else if bytes[i] == b'"' {
            literal(&bytes[i..], b'"')
        } else if bytes[i] == b'\'' && is_char_literal(&bytes[i..]) {
            literal(&bytes[i..], b'\'')
        } else {
            i += rest.chars().next().map_or(1, char::len_utf8);
            continue;
        };
        let quote = usize::from(!rest.starts_with('/'));
        blank(i + quote, i + end - quote);
        i += end;
    }
    String::from_utf8(out).expect("whole characters were blanked")
}

/// The number of hashes if a raw string (`r"`, `r#"`, `br#"`) starts its `r` at `i`.
fn raw_string(bytes: &[u8], i: usize) -> Option<usize> {
    let word_before = i > 0 && (bytes[i - 1].is_ascii_alphanumeric() || bytes[i - 1] == b'_');
    if bytes[i] != b'r' || (word_before && bytes[i - 1] != b'b') {
        return None;
    }
    let hashes = bytes[i + 1..].iter().take_while(|&&b| b == b'#').count();
    (bytes.get(i + 1 + hashes) == Some(&b'"')).then_some(hashes)
}

/// `'x'` or `'\n'`, and not the lifetime `'x`.
fn is_char_literal(bytes: &[u8]) -> bool {
    bytes.get(1) == Some(&b'\\')
        || bytes.iter().skip(2).take(4).position(|&b| b == b'\'').is_some_and(|n| {
            // One character, of one to four bytes.
            core::str::from_utf8(&bytes[1..n + 2]).is_ok_and(|s| s.chars().count() == 1)
        })
}

/// Length of the quoted literal at the start of `bytes`, with both quotes.
fn literal(bytes: &[u8], quote: u8) -> usize {
    let mut i = 1;
    while i < bytes.len() && bytes[i] != quote {
        i += if bytes[i] == b'\\' { 2 } else { 1 };
    }
    (i + 1).min(bytes.len())
}

fn line_of(text: &str, offset: usize) -> usize {
    text[..offset].matches('\n').count() + 1
}

fn ident(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// The first path segments after `crate::`, also of `crate::{a::b, c}`, with their offsets.
fn crate_roots(code: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (at, prefix) in code.match_indices("crate::") {
        let start = at + prefix.len();
        if !code[start..].starts_with('{') {
            found.push((start, ident(&code[start..])));
            continue;
        }
        let mut depth = 0;
        let mut expecting = false;
        for (n, c) in code[start..].char_indices() {
            match c {
                '{' => (depth, expecting) = (depth + 1, depth == 0),
                '}' => depth -= 1,
                ',' if depth == 1 => expecting = true,
                _ if expecting && !c.is_whitespace() => {
                    found.push((start + n, ident(&code[start + n..])));
                    expecting = false;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    found
}

fn arrows(source: &Source) -> Complaints {
    let Some(&(own, allowed)) = MAY_KNOW.iter().find(|(name, _)| layer(source) == Some(*name)) else {
        return Vec::new();
    };
    let code = code(&source.text);
    let mut named = crate_roots(&code);
    // `super::super::net` climbs out of a layer without saying `crate`.
    for (at, prefix) in code.match_indices("super::") {
        let name = ident(&code[at + prefix.len()..]);
        if name != own && MAY_KNOW.iter().any(|(layer, _)| *layer == name) {
            named.push((at, name));
        }
    }
    named
        .into_iter()
        .filter(|(_, name)| !allowed.contains(name))
        .map(|(at, name)| format!("{}:{}: {own} must not know {name}", source.path, line_of(&code, at)))
        .collect()
}

/// Unit tests in files of their own; they may read files and inherit what their parent forbids.
fn is_test(source: &Source) -> bool {
    source.path.ends_with("/tests.rs") || source.path.contains("/tests/")
}

fn codec_is_pure(source: &Source) -> Complaints {
    if layer(source) != Some("codec") || is_test(source) {
        return Vec::new();
    }
    let code = code(&source.text);
    let mut complaints = Vec::new();
    if !code.contains("#![forbid(unsafe_code)]") {
        complaints.push(format!("{}:1: codec needs #![forbid(unsafe_code)]", source.path));
    }
    for word in NOT_IN_CODEC {
        // Literals are blanked in `code`, so `extern "C"` is looked for without its quotes' content.
        let word = if word == "extern \"C\"" { "extern \" \"" } else { word };
        for (at, _) in code.match_indices(word) {
            complaints.push(format!("{}:{}: codec must not know {word}", source.path, line_of(&code, at)));
        }
    }
    complaints
}

fn exports_are_fenced(source: &Source) -> Complaints {
    let code = code(&source.text);
    let mut complaints = Vec::new();
    for (at, attribute) in code.match_indices("no_mangle") {
        let item = &code[at + attribute.len()..];
        let Some(body) = item.find(['{', ';']) else { continue };
        let Some(name) = item[..body].find("fn ").map(|n| ident(&item[n + 3..])) else { continue };
        let start = at + attribute.len() + body + 1;
        let fence = format!("fence!(\"{name}\"");
        let begins = source.text[start..].trim_start().strip_prefix(&fence);
        if !begins.is_some_and(|rest| rest.starts_with([')', ','])) {
            complaints.push(format!(
                "{}:{}: {name} must start with {fence})",
                source.path,
                line_of(&code, at)
            ));
        }
    }
    complaints
}

fn unsafe_has_a_reason(source: &Source) -> Complaints {
    let code = code(&source.text);
    let lines: Vec<&str> = source.text.lines().collect();
    let is_block = |line: &str| {
        line.match_indices("unsafe").any(|(at, word)| line[at + word.len()..].trim_start().starts_with('{'))
    };
    code.lines()
        .enumerate()
        .filter(|(_, line)| is_block(line))
        .filter(|(n, _)| {
            !lines[n.saturating_sub(REASON_WITHIN)..=*n].iter().any(|l| l.contains("// SAFETY:"))
        })
        .map(|(n, _)| format!("{}:{}: unsafe block without // SAFETY: above", source.path, n + 1))
        .collect()
}

fn is_short(source: &Source) -> Complaints {
    let lines = source.text.lines().count();
    if lines <= LINES_MAX {
        return Vec::new();
    }
    vec![format!("{}:{}: longer than {LINES_MAX} lines: split it by topic", source.path, lines)]
}

/// The sources of the project with these extensions, below these directories.
fn sources(directories: &[&str], extensions: &[&str]) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pending: Vec<PathBuf> = directories.iter().map(|d| root.join(d)).collect();
    let mut found = Vec::new();
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).expect("readable directory");
            pending.extend(entries.map(|entry| entry.expect("readable entry").path()));
        } else if path.extension().is_some_and(|e| extensions.iter().any(|x| e == *x)) {
            let text = fs::read_to_string(&path).expect("UTF-8 source");
            let path = path.strip_prefix(root).expect("below the root").display().to_string();
            found.push(Source { path, text });
        }
    }
    found
}

fn check(sources: &[Source], rule: fn(&Source) -> Complaints) {
    let complaints: Complaints = sources.iter().flat_map(rule).collect();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

fn rust() -> Vec<Source> {
    let found = sources(&["src", "build"], &["rs"]);
    assert!(found.iter().any(|s| s.path == "src/lib.rs"), "the sources are where this test looks");
    found
}

#[test]
fn arrows_between_layers_point_one_way() {
    check(&rust(), arrows);
}

#[test]
fn every_directory_of_the_library_is_a_known_layer() {
    for source in rust() {
        // src/bin holds programs, crates of their own that see the library from outside.
        if let Some(layer) = layer(&source).filter(|layer| *layer != "bin") {
            assert!(MAY_KNOW.iter().any(|(name, _)| *name == layer), "{}: no such layer", source.path);
        }
    }
}

#[test]
fn codec_is_safe_and_knows_no_io() {
    check(&rust(), codec_is_pure);
}

#[test]
fn exported_functions_are_fenced() {
    check(&rust(), exports_are_fenced);
}

#[test]
fn unsafe_blocks_have_reasons() {
    check(&rust(), unsafe_has_a_reason);
}

#[test]
fn short_type_names_stand_for_one_thing() {
    assert_eq!(ambiguous(&rust()), Vec::<String>::new());
}

#[test]
fn files_are_about_one_thing() {
    let all = ["src", "tests", "benches", "scripts", "cffi", "examples", "fuzz"];
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let present: Vec<&str> = all.into_iter().filter(|d| root.join(d).is_dir()).collect();
    let mut found = sources(&present, &["rs", "c", "py"]);
    found.extend(sources(&["build"], &["rs"])); // Beside our sources Python's tools build there.
    found.retain(|s| !s.path.starts_with("tests/golden/") && !s.path.contains("/target/"));
    check(&found, is_short);
}

/// The rules must be able to fail.
mod the_rules_can_fail {
    use super::*;

    fn at(path: &str, text: &str) -> Source {
        Source { path: path.into(), text: text.into() }
    }

    /// The lines complained about.
    fn lines(complaints: Complaints) -> Vec<usize> {
        complaints.iter().map(|c| c.split(':').nth(1).and_then(|n| n.parse().ok()).expect("a line")).collect()
    }

    #[test]
    fn arrows_that_turn_round() {
        for text in [
            "use crate::net::Loop;",
            "use crate::{codec::url, net::{self, x}};",
            "fn f() { crate::capi::mg_x() }",
            "use super::super::net;",
            "use crate::abi::Str;",
            "fence!(\"x\"); use crate::fence;",
        ] {
            assert_eq!(lines(arrows(&at("src/codec/url.rs", text))), [1], "{text}");
        }
        assert_eq!(lines(arrows(&at("src/abi/core.rs", "\nuse crate::codec::x;"))), [2]);
        assert_eq!(lines(arrows(&at("src/net/mgr.rs", "use crate::{abi::Str,\ncapi};"))), [2]);
    }

    #[test]
    fn arrows_that_are_right() {
        let text = "use crate::{abi::Str, codec::{http, net}, net::x};\nuse super::net;";
        assert!(arrows(&at("src/net/mgr.rs", text)).is_empty());
        let text = "//! See [`crate::net`].\nconst X: &str = \"crate::net\"; const Y: char = '\"';";
        assert!(arrows(&at("src/codec/url.rs", text)).is_empty());
        assert!(arrows(&at("src/capi/url.rs", "use crate::{abi, codec, fence, net};")).is_empty());
        assert!(arrows(&at("src/lib.rs", "use crate::net;")).is_empty());
    }

    #[test]
    fn codec_that_is_not_pure() {
        assert_eq!(lines(codec_is_pure(&at("src/codec/url.rs", "//! Docs.\n"))), [1]);
        let forbid = "#![forbid(unsafe_code)]\n";
        for word in ["use std::time::Instant;", "extern \"C\" {}", "use core::ffi::c_int;", "libc::c_int"] {
            let text = format!("{forbid}{word}");
            assert_eq!(lines(codec_is_pure(&at("src/codec/url.rs", &text))), [2], "{word}");
        }
        assert!(codec_is_pure(&at("src/codec/url.rs", forbid)).is_empty());
        assert!(codec_is_pure(&at("src/codec/url/tests.rs", "use std::fs;")).is_empty());
        assert!(codec_is_pure(&at("src/net/clock.rs", "use std::time::Instant;")).is_empty());
    }

    #[test]
    fn exports_without_a_fence() {
        let function =
            |body: &str| format!("\n#[unsafe(no_mangle)]\npub extern \"C\" fn mg_x(a: u8) {{{body}}}");
        for body in ["", " a; fence!(\"mg_x\");", " fence!(\"mg_y\");"] {
            assert_eq!(lines(exports_are_fenced(&at("src/capi/x.rs", &function(body)))), [2], "{body}");
        }
        assert!(exports_are_fenced(&at("src/capi/x.rs", &function("\n    fence!(\"mg_x\");\n"))).is_empty());
        let data = "#[unsafe(no_mangle)]\npub static mut mg_log_level: i32 = 2;\nfn f() {}";
        assert!(exports_are_fenced(&at("src/capi/x.rs", data)).is_empty());
    }

    #[test]
    fn unsafe_without_a_reason() {
        let complaints = |text: &str| lines(unsafe_has_a_reason(&at("src/net/x.rs", text)));
        assert_eq!(complaints("fn f() {\n    unsafe { g() }\n}"), [2]);
        assert_eq!(complaints("// SAFETY: far away.\n\n\n\nunsafe { g() }"), [5]);
        assert_eq!(complaints("// unsafe { in a comment }"), [0usize; 0]);
        assert_eq!(complaints("// SAFETY: g has no rules.\nlet x = unsafe { g() };"), [0usize; 0]);
        assert_eq!(complaints("unsafe extern \"C\" {}\nunsafe fn f() {}"), [0usize; 0]);
    }

    #[test]
    fn names_that_stand_for_two_things() {
        let sources = |second: &str| [at("src/a.rs", "pub enum Step {}"), at("src/b.rs", second)];
        assert_eq!(ambiguous(&sources("struct Step(u8);")), ["Step: src/a.rs, src/b.rs"]);
        assert!(ambiguous(&sources("struct Steps(u8);\nfn f() -> Step {}")).is_empty());
    }

    #[test]
    fn long_files() {
        assert!(is_short(&at("src/x.rs", &"x\n".repeat(LINES_MAX))).is_empty());
        assert_eq!(lines(is_short(&at("src/x.rs", &"x\n".repeat(LINES_MAX + 1)))), [LINES_MAX + 1]);
    }

    #[test]
    fn literals_and_comments_are_no_code() {
        let text = "a /* b */ \"c\\\"d\" r#\"e\"f\"# 'g' '\\'' '\u{e9}' &'h i // j\nk";
        let expected = "a         \"    \" r         # ' ' '  ' '  ' &'h i     \nk";
        let blanked = code(text);
        assert_eq!(blanked.len(), text.len());
        assert_eq!(
            blanked.split_whitespace().collect::<Vec<_>>(),
            expected.split_whitespace().collect::<Vec<_>>()
        );
    }
}
