//! The golden cases: what the original library answers, and the places where ours differs on purpose.
//!
//! `golden/driver.c` is compiled against the generated header and the shared library of this build.
//! It reads `TOPIC.cases` and has to print `TOPIC.expected`, line by line. Where ours differs,
//! `TOPIC.exceptions` gives a reason, then cases with our answers, each case followed by `> ` and
//! the answer:
//!
//! ```text
//! # why these answers differ
//! snprintf  100  %M  Me  \x07
//! > snprintf  n=6  out=\\u0007  nul=1  guard=1
//! ```
//!
//! An exception that is no longer one is an error, so the files cannot rot.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, io};

#[path = "golden/trace.rs"]
mod trace;

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// Where cargo put the library that this test was built with: beside the test itself.
fn library() -> PathBuf {
    let test = env::current_exe().expect("the test has a path");
    test.parent().expect("a file is in a directory").to_path_buf()
}

/// Compiles one of the C programs here against the library.
fn compile(source: &str, program: &str, defines: &[String]) -> PathBuf {
    let library = library();
    let include = library.parent().expect("deps is in the profile's directory").join("include");
    let program = library.join(program);
    let mut cc = Command::new(env::var("CC").unwrap_or_else(|_| "cc".into()));
    // The programs define helpers that not every topic uses.
    cc.args(defines).args(["-O1", "-g", "-w"]);
    cc.arg("-I").arg(include).arg(directory().join(source)).arg("-o").arg(&program);
    cc.arg("-L").arg(&library).arg(format!("-Wl,-rpath,{}", library.display())).arg("-lmongoose");
    let output = cc.output().expect("a C compiler");
    assert!(output.status.success(), "{cc:?}\n{}", String::from_utf8_lossy(&output.stderr));
    program
}

/// One line for each case.
fn answers(topic: &str) -> io::Result<Vec<String>> {
    let cases = File::open(directory().join(format!("{topic}.cases")))?;
    let defines = ["-DGOLDEN_SOME".to_string(), format!("-DGOLDEN_{}=1", topic.to_uppercase())];
    let program = compile("driver.c", &format!("golden-{topic}"), &defines);
    // Cargo's path also leads to the library of an earlier `cargo build`.
    let output = Command::new(program).env_remove("LD_LIBRARY_PATH").stdin(cases).output()?;
    assert!(output.status.success(), "{topic}: the driver ended with {}", output.status);
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(String::from).collect())
}

fn lines(topic: &str, what: &str) -> Vec<String> {
    let path = directory().join(format!("{topic}.{what}"));
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.lines().map(String::from).collect()
}

/// Our answers to the cases where they differ, from the lines of an exceptions file.
fn exceptions(lines: &[String]) -> Result<HashMap<&str, &str>, String> {
    let mut found = HashMap::new();
    let mut reason = false;
    let mut case = None;
    for line in lines {
        if let Some(answer) = line.strip_prefix("> ") {
            let case = case.take().ok_or(format!("an answer without a case: {line}"))?;
            if found.insert(case, answer).is_some() {
                return Err(format!("twice: {case}"));
            }
        } else if let Some(case) = case {
            return Err(format!("a case without an answer: {case}"));
        } else if line.starts_with('#') {
            reason = true;
        } else if !reason {
            return Err(format!("a case without a reason: {line}"));
        } else {
            case = Some(line.as_str());
        }
    }
    case.map_or(Ok(found), |case| Err(format!("a case without an answer: {case}")))
}

/// What is wrong with our answers, one paragraph for each case.
fn complaints(
    cases: &[String],
    expected: &[String],
    answers: &[String],
    exceptions: &HashMap<&str, &str>,
) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut unused = exceptions.clone();
    for ((case, expected), answer) in cases.iter().zip(expected).zip(answers) {
        unused.remove(case.as_str());
        match exceptions.get(case.as_str()) {
            None if answer == expected => {}
            None => complaints.push(format!("{case}\n  ours:     {answer}\n  expected: {expected}")),
            Some(_) if answer == expected => complaints.push(format!("{case}\n  is no exception any more")),
            Some(wanted) if answer == wanted => {}
            Some(wanted) => complaints.push(format!("{case}\n  ours:      {answer}\n  exception: {wanted}")),
        }
    }
    complaints.extend(unused.into_keys().map(|case| format!("{case}\n  is an exception but no case")));
    if answers.len() != cases.len() || expected.len() != cases.len() {
        complaints.push(format!(
            "{} cases, {} expected answers, {} answers",
            cases.len(),
            expected.len(),
            answers.len()
        ));
    }
    complaints
}

fn check(topic: &str) {
    let (cases, expected) = (lines(topic, "cases"), lines(topic, "expected"));
    let has_exceptions = directory().join(format!("{topic}.exceptions")).exists();
    let differing = if has_exceptions { lines(topic, "exceptions") } else { Vec::new() };
    let exceptions = exceptions(&differing).unwrap_or_else(|e| panic!("{topic}.exceptions: {e}"));
    let answers = answers(topic).unwrap_or_else(|e| panic!("{topic}: {e}"));
    let complaints = complaints(&cases, &expected, &answers, &exceptions);
    assert!(
        complaints.is_empty(),
        "{topic}: {} of {} cases\n{}",
        complaints.len(),
        cases.len(),
        complaints.join("\n")
    );
}

macro_rules! topics {
    ($($topic:ident)*) => {
        $(
            #[test]
            fn $topic() {
                check(stringify!($topic));
            }
        )*
    };
}

topics! {
    codec
    dns
    http
    json
    mqtt
    net
    printf
    text
    url
}

mod the_comparison_can_fail {
    use super::*;

    fn owned(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| line.to_string()).collect()
    }

    #[test]
    fn answers_that_differ() {
        let cases = owned(&["a", "b"]);
        let (expected, ours) = (owned(&["1", "2"]), owned(&["1", "3"]));
        let count = |answers: &[String], exceptions: &[(&'static str, &'static str)]| {
            complaints(&cases, &expected, answers, &exceptions.iter().copied().collect()).len()
        };
        assert_eq!(count(&expected, &[]), 0);
        assert_eq!(count(&ours, &[]), 1);
        assert_eq!(count(&ours, &[("b", "3")]), 0);
        assert_eq!(count(&ours, &[("b", "4")]), 1);
        assert_eq!(count(&expected, &[("b", "3")]), 1);
        assert_eq!(count(&expected, &[("c", "3")]), 1);
        assert_eq!(count(&expected[..1], &[]), 1);
    }

    #[test]
    fn exceptions_that_make_no_sense() {
        let good = owned(&["# why", "a", "> 1", "b", "> 2"]);
        assert_eq!(exceptions(&good), Ok(HashMap::from([("a", "1"), ("b", "2")])));
        for bad in [
            &["a", "> 1"][..],
            &["# why", "a"],
            &["# why", "a", "b", "> 1"],
            &["# why", "> 1"],
            &["# why", "a", "# why", "> 1"],
            &["# why", "a", "> 1", "a", "> 1"],
        ] {
            assert!(exceptions(&owned(bad)).is_err(), "{bad:?}");
        }
    }
}
