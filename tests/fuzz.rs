//! Runs the fuzz targets for a fixed number of executions, from a fixed seed: on any compiler, and
//! with the same result each time. `make fuzz` runs them with libFuzzer where that is possible.
//!
//! `FUZZ_EXECUTIONS` sets another number of executions, `FUZZ_SECONDS` a time instead.
//!
//! Inputs are the corpora in `fuzz/corpus/` and mutations of them, with the words of the
//! dictionaries in `fuzz/`. A corpus is a text, an input a line, with the escapes of [`unescape`].

#[path = "common/rng.rs"]
mod rng;

use rng::Rng;
use std::env;
use std::thread;
use std::time::{Duration, Instant};

#[path = "../fuzz/src/lib.rs"]
mod targets;

/// A dictionary with its name.
macro_rules! dictionaries {
    ($($name:ident)*) => {
        &[$((stringify!($name), include_str!(concat!("../fuzz/", stringify!($name), ".dict")))),*]
    };
}

const DICTIONARIES: &[(&str, &str)] = dictionaries!(addr files http json mqtt text tls ws);

/// The bytes of a line in which `\xHH`, `\n`, `\r`, `\t` and `\\` are escapes.
fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let [b, tail @ ..] = rest {
        rest = tail;
        let (byte, used) = match (b, tail) {
            (b'\\', [b'x', high, low, ..]) => {
                let digit = |d: &u8| char::from(*d).to_digit(16).expect("hex digit") as u8;
                (digit(high) << 4 | digit(low), 3)
            }
            (b'\\', [b'n', ..]) => (b'\n', 1),
            (b'\\', [b'r', ..]) => (b'\r', 1),
            (b'\\', [b't', ..]) => (b'\t', 1),
            (b'\\', [other, ..]) => (*other, 1),
            (b, _) => (*b, 0),
        };
        out.push(byte);
        rest = &rest[used..];
    }
    out
}

fn mutate(rng: &mut Rng, words: &[Vec<u8>], seeds: &[Vec<u8>], data: &mut Vec<u8>) {
    let at = rng.below(data.len() + 1);
    let to = (at + 1 + rng.below(8)).min(data.len());
    match rng.below(7) {
        0 => data.truncate(at),
        1 if at < data.len() => data[at] ^= 1 << rng.below(8),
        2 if at < data.len() => data[at] = rng.below(256) as u8,
        3 if at < to => drop(data.drain(at..to)),
        4 if at < to => {
            let copy = data[at..to].to_vec();
            data.splice(at..at, copy);
        }
        5 => {
            let other = &seeds[rng.below(seeds.len())];
            let from = rng.below(other.len() + 1);
            data.splice(at.., other[from..].iter().copied());
        }
        _ => {
            let word = words[rng.below(words.len())].iter().copied();
            data.splice(at..at, word);
        }
    }
}

/// Shows the input on which a target panics.
struct Current<'a>(&'a [u8]);

impl Drop for Current<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("the input: b\"{}\"", self.0.escape_ascii());
        }
    }
}

fn number(name: &str) -> Option<usize> {
    env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

fn run(name: &str, target: fn(&[u8]), corpus: &str, executions: usize) {
    let executions = number("FUZZ_EXECUTIONS").unwrap_or(executions);
    let time = number("FUZZ_SECONDS").map(|seconds| Duration::from_secs(seconds as u64));
    let words: Vec<_> = DICTIONARIES.iter().flat_map(|(_, text)| entries(text)).collect();
    let seeds: Vec<_> = corpus.lines().map(unescape).collect();
    let execute = |data: &[u8]| {
        let _current = Current(data);
        target(data);
    };
    let (start, mut count) = (Instant::now(), 0);
    let mut rng = Rng(0x9e37_79b9_7f4a_7c15);
    seeds.iter().for_each(|seed| execute(seed));
    // The clock is looked at now and then.
    while time.map_or(count < executions, |time| count % 64 != 0 || start.elapsed() < time) {
        let mut data = seeds[rng.below(seeds.len())].clone();
        for _ in 0..=rng.below(4) {
            mutate(&mut rng, &words, &seeds, &mut data);
        }
        execute(&data);
        count += 1;
    }
    println!("fuzz: {name}: {} executions", count + seeds.len());
}

/// How often each target runs: in most builds of tests the checks of a debug build slow it down.
const EXECUTIONS: usize = if cfg!(debug_assertions) { 20_000 } else { 200_000 };

/// A test for each target, named as the target and its corpus.
macro_rules! targets {
    ($($name:ident: $module:ident::$function:ident $(, $executions:expr)?;)*) => { $(
        #[test]
        fn $name() {
            let corpus = include_str!(concat!("../fuzz/corpus/", stringify!($name), ".txt"));
            #[allow(unused_variables)]
            let executions = EXECUTIONS;
            $( let executions = $executions; )?
            run(stringify!($name), targets::$module::$function, corpus, executions);
        }
    )* };
}

targets! {
    acl: addr::acl;
    addr: addr::addr;
    base64: text::base64;
    certificate: tls::certificate;
    chunked: http::chunked;
    dash_request: dash::request;
    dash_values: dash::values;
    dns: dns::packet;
    dns_answer: dns::answers;
    fields: http::fields;
    file_names: files::names;
    file_path: files::path;
    format: text::formatting;
    head: http::head;
    json_path: json::path;
    matcher: text::matching;
    modbus: modbus::frames;
    mqtt: mqtt::packets;
    multipart: http::multipart;
    pem: tls::texts;
    sntp: sntp::packet;
    ssi: files::ssi;
    strict: http::strict;
    url: http::url;
    vars: http::vars;
    words: text::words;
    // Each execution makes windows and tables of its own.
    ws_deflate: ws::deflate, 1000;
    ws_frame: ws::frame;
    ws_handshake: ws::handshake;
    ws_payload: ws::payload;
}

/// The words of a dictionary by the rules of libFuzzer, which takes no file with one bad line.
fn entries(dictionary: &str) -> Vec<Vec<u8>> {
    let lines =
        dictionary.lines().map(str::trim_ascii).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| word(line).unwrap_or_else(|| panic!("not a word of a dictionary: {line}"))).collect()
}

/// A word between quotes, maybe with a name before it; `\\`, `\"` and `\xHH` are its escapes.
fn word(line: &str) -> Option<Vec<u8>> {
    let (_, quoted) = line.split_once('"')?;
    let mut rest = quoted.strip_suffix('"')?.as_bytes();
    if rest.is_empty() {
        return None;
    }
    let mut out = Vec::new();
    while let [byte, tail @ ..] = rest {
        rest = tail;
        out.push(match (byte, tail) {
            (b'\\', [escaped @ (b'\\' | b'"'), tail @ ..]) => {
                rest = tail;
                *escaped
            }
            (b'\\', [b'x', high, low, tail @ ..]) => {
                rest = tail;
                let digits = [*high, *low];
                u8::from_str_radix(str::from_utf8(&digits).ok()?, 16).ok()?
            }
            (b'\\', _) => return None,
            (b' '..=b'~' | b'\t', _) => *byte,
            _ => return None,
        });
    }
    Some(out)
}

#[test]
fn dictionaries_are_libfuzzers() {
    assert_eq!(entries("# a\n\n name=\"a\\x00\\\\\\\"\" \n"), [b"a\0\\\""]);
    for bad in ["a", "\"", "\"\"", "\"a", "\"\\0\"", "\"\\n\"", "\"\\x0\"", "\"\\\"", "\"ä\""] {
        assert_eq!(word(bad), None, "{bad}");
    }
    for (name, text) in DICTIONARIES {
        assert!(!entries(text).is_empty(), "{name}");
    }
}

/// What `fuzz/` has is what runs here: a target without a test, or a dictionary that nobody reads,
/// is a mistake.
#[test]
fn nothing_is_left_out() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz");
    let names = |folder: &str, suffix: &str| -> Vec<String> {
        let files =
            std::fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file").file_name());
        let names = files.filter_map(|name| Some(name.to_str()?.strip_suffix(suffix)?.to_owned()));
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    };
    let here = include_str!("fuzz.rs");
    let targets = names(&format!("{folder}/fuzz_targets"), ".rs");
    assert_eq!(names(&format!("{folder}/corpus"), ".txt"), targets);
    // The end-to-end target is a C program, tests/c/end_to_end.c.
    for target in targets.into_iter().filter(|target| target != "end_to_end") {
        let source = std::fs::read_to_string(format!("{folder}/fuzz_targets/{target}.rs")).expect("a file");
        let (_, function) = source.split_once("mongoose_fuzz::").expect("a function");
        let (function, _) = function.split_once('(').expect("a call");
        assert!(here.contains(&format!("\n    {target}: {function}")), "{target}: {function}");
    }
    let dictionaries: Vec<_> = DICTIONARIES.iter().map(|(name, _)| *name).collect();
    assert_eq!(names(folder, ".dict"), dictionaries);
}
