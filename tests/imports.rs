//! Who imports whom inside `src/net`: the loop knows no protocol, and circles stay small.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Files of the loop that may import each other in one circle.
const LOOP_CIRCLE_MAX: usize = 5;
/// Files of one protocol that may.
const PROTOCOL_CIRCLE_MAX: usize = 3;
/// Where the loop lives, and how its module is called: `loop` is a word of the language.
const LOOP: (&str, &str) = ("loop", "event_loop");
/// What the loop may import beside its own files.
const LOOP_MAY_KNOW: [&str; 6] =
    ["abi", "fence", "codec::addr", "codec::proxy_protocol", "codec::url", "net::event_loop"];

/// A module: its path below `crate`, and what its file says, without comments and tests.
struct Module {
    path: Vec<String>,
    code: String,
}

/// Modules by path, and the paths that each one names.
type Graph = BTreeMap<Vec<String>, BTreeSet<Vec<String>>>;

fn strings(path: &[&str]) -> Vec<String> {
    path.iter().map(ToString::to_string).collect()
}

/// The module of a file of `src`.
fn module(file: &str, text: &str) -> Module {
    let mut path: Vec<String> = file.trim_end_matches(".rs").split('/').map(String::from).collect();
    if path.last().is_some_and(|last| last == "mod") {
        path.pop();
    }
    for segment in &mut path {
        if segment == LOOP.0 {
            *segment = LOOP.1.into();
        }
    }
    let lines = text.lines().map(|line| line.split_once("//").map_or(line, |(code, _)| code));
    let mut code: String = lines.flat_map(|line| [line, "\n"]).collect();
    code.truncate(code.find("#[cfg(test)]\nmod tests {").unwrap_or(code.len()));
    Module { path, code }
}

/// The modules of `src/net`.
fn net() -> Vec<Module> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut pending: Vec<PathBuf> = vec![src.join("net")];
    let mut found = Vec::new();
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            pending.extend(fs::read_dir(&path).expect("a directory").map(|e| e.expect("an entry").path()));
        } else if path.extension().is_some_and(|e| e == "rs") {
            let file = path.strip_prefix(&src).expect("below src").display().to_string();
            found.push(module(&file, &fs::read_to_string(&path).expect("a source")));
        }
    }
    assert!(found.iter().any(|m| m.path == strings(&["net", LOOP.1, "poll"])), "the loop is where it was");
    found
}

/// The paths in a `use` tree.
fn leaves(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((prefix, rest)) = tree.split_once('{') else {
        return vec![tree.split(" as ").next().unwrap_or_default().trim().to_string()];
    };
    let inner = rest.strip_suffix('}').expect("braces match");
    let mut parts = vec![String::new()];
    let mut depth = 0;
    for c in inner.chars() {
        match c {
            ',' if depth == 0 => parts.push(String::new()),
            _ => {
                depth += i32::from(c == '{') - i32::from(c == '}');
                parts.last_mut().expect("one part").push(c);
            }
        }
    }
    let parts = parts.iter().filter(|part| !part.trim().is_empty());
    parts.flat_map(|part| leaves(part)).map(|leaf| format!("{prefix}{leaf}")).collect()
}

/// All paths that a module names: in `use`, after `crate::` and `super::`, and through its own children.
fn paths(module: &Module, children: &[&str]) -> BTreeSet<Vec<String>> {
    let mut named: Vec<String> = Vec::new();
    let mut rest = String::new();
    let mut at = 0;
    while let Some(start) = module.code[at..].find("use ").map(|n| at + n) {
        let before = module.code[..start].chars().next_back();
        let Some(end) = module.code[start..].find(';').map(|n| start + n) else { break };
        rest.push_str(&module.code[at..start]);
        if before.is_none_or(|c| c.is_whitespace() || c == ')') {
            named.extend(leaves(&module.code[start + 4..end]));
        }
        at = end;
    }
    rest.push_str(&module.code[at..]);
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    for start in ["crate::", "super::"].into_iter().chain(children.iter().copied()) {
        for (n, _) in rest.match_indices(start) {
            let inside = rest[..n].chars().next_back().is_some_and(|c| is_word(c) || c == ':' || c == '.');
            let tail = &rest[n + start.len()..];
            if !inside && (start.ends_with("::") || tail.starts_with("::")) {
                let end = rest[n..].find(|c| !is_word(c) && c != ':').unwrap_or(rest.len() - n);
                named.push(rest[n..n + end].to_string());
            }
        }
    }
    named.iter().map(|path| absolute(module, path)).collect()
}

/// A path as seen from the root of the crate.
fn absolute(module: &Module, path: &str) -> Vec<String> {
    let segments: Vec<&str> =
        path.split("::").map(str::trim).filter(|s| !s.is_empty() && *s != "self").collect();
    let ups = segments.iter().take_while(|s| **s == "super").count();
    let mut result = match segments.first() {
        Some(&"crate") => Vec::new(),
        _ => module.path[..module.path.len().saturating_sub(ups)].to_vec(),
    };
    let skip = if segments.first() == Some(&"crate") { 1 } else { ups };
    result.extend(segments[skip..].iter().map(ToString::to_string));
    result
}

fn graph(modules: &[Module]) -> Graph {
    let known: BTreeSet<&[String]> = modules.iter().map(|m| m.path.as_slice()).collect();
    let edges = modules.iter().map(|module| {
        let is_child =
            |m: &&Module| m.path.len() == module.path.len() + 1 && m.path.starts_with(&module.path);
        let children: Vec<&str> =
            modules.iter().filter(is_child).filter_map(|m| m.path.last()).map(String::as_str).collect();
        // The file that a path leads into.
        let file = |path: Vec<String>| {
            (1..=path.len()).rev().map(|n| path[..n].to_vec()).find(|p| known.contains(p.as_slice()))
        };
        let to = paths(module, &children).into_iter().filter_map(file).filter(|to| *to != module.path);
        (module.path.clone(), to.collect())
    });
    edges.collect()
}

/// The largest group of files, among those below `folder`, that import each other in a circle.
fn largest_circle(graph: &Graph, folder: &[String]) -> Vec<String> {
    let reach = |from: &Vec<String>| {
        let mut seen = BTreeSet::new();
        let mut pending = vec![from];
        while let Some(at) = pending.pop() {
            for to in graph.get(at).into_iter().flatten().filter(|to| to.starts_with(folder)) {
                if seen.insert(to) {
                    pending.push(to);
                }
            }
        }
        seen
    };
    let all: BTreeMap<_, _> = graph.keys().filter(|m| m.starts_with(folder)).map(|m| (m, reach(m))).collect();
    let circle = |m: &Vec<String>| -> Vec<String> {
        all[m].iter().filter(|to| all[**to].contains(m)).map(|to| to.join("::")).collect()
    };
    all.keys().map(|m| circle(m)).max_by_key(Vec::len).unwrap_or_default()
}

/// What the loop imports and should not.
fn foreign(modules: &[Module]) -> Vec<String> {
    let loop_path = strings(&["net", LOOP.1]);
    let mut complaints = Vec::new();
    for module in modules.iter().filter(|m| m.path.starts_with(&loop_path)) {
        for path in paths(module, &[]) {
            let text = path.join("::");
            let is_ours = ["abi", "codec", "net", "capi", "fence"].contains(&path[0].as_str());
            let may = |known: &str| text == known || text.starts_with(&format!("{known}::"));
            if is_ours && !LOOP_MAY_KNOW.iter().any(|known| may(known)) {
                complaints.push(format!("{} must not know {text}", module.path.join("::")));
            }
        }
    }
    complaints
}

#[test]
fn the_loop_knows_no_protocol() {
    let complaints = foreign(&net());
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn circles_are_small() {
    let modules = net();
    let graph = graph(&modules);
    let folders: BTreeSet<&[String]> =
        modules.iter().filter(|m| m.path.len() > 2).map(|m| &m.path[..2]).collect();
    assert!(folders.len() > 5, "{folders:?}");
    for folder in folders {
        let max = if folder[1] == LOOP.1 { LOOP_CIRCLE_MAX } else { PROTOCOL_CIRCLE_MAX };
        let circle = largest_circle(&graph, folder);
        assert!(circle.len() <= max, "{folder:?} has a circle of {}: {circle:?}", circle.len());
    }
}

/// The rules must be able to fail.
mod the_rules_can_fail {
    use super::*;

    fn complaints(file: &str, text: &str) -> usize {
        foreign(&[module(file, text)]).len()
    }

    #[test]
    fn a_loop_that_knows_a_protocol() {
        for text in [
            "use crate::net::http;",
            "use crate::{abi::Str, net::{ws::x, event_loop::{self, conn}}};",
            "fn f() { crate::net::tls::init() }",
            "use super::super::resolver::start;",
            "use crate::codec::http::Head;",
            "fn f() {\n    super::super::dash::x();\n}",
        ] {
            assert_eq!(complaints("net/loop/io.rs", text), 1, "{text}");
            assert_eq!(complaints("net/http/x.rs", text), 0, "{text}");
        }
        let fine = "use super::conn; use crate::abi::Addr; use crate::codec::{addr, url::Url}; // net::http";
        assert_eq!(complaints("net/loop/io.rs", fine), 0);
    }

    #[test]
    fn circles() {
        let file = |name: &str, text: &str| module(&format!("net/p/{name}.rs"), text);
        let size = |files: &[Module]| largest_circle(&graph(files), &strings(&["net", "p"])).len();
        let line = [file("a", "use super::b;"), file("b", "use super::{c::{self, X}};"), file("c", "")];
        assert_eq!(size(&line), 0);
        let circle = [
            file("a", "use super::b;"),
            file("b", "fn f() { crate::net::p::c::g() }"),
            file("c", "pub(super) use super::mod_d::Y; use super::a as z;"),
            file("mod_d", "// use super::a;\n#[cfg(test)]\nmod tests {\n use super::super::a;\n}"),
        ];
        assert_eq!(size(&circle), 3);
        // A parent and its child, by the child's name alone.
        let family = [file("mod", "mod a;\nfn f() { a::g() }"), file("a", "use super::Item;")];
        assert_eq!(size(&family), 2);
        // What leads out of the folder and back is no circle of it.
        let out = [file("a", "use crate::net::q::x;"), module("net/q/x.rs", "use crate::net::p::a;")];
        assert_eq!(size(&out), 0);
    }
}
