//! The golden trace: scenes on loopback, and the events that each connection's handlers see.
//!
//! `trace.c` plays them and has to print `trace.expected`, scene by scene. A scene is its title line,
//! `== title`, the indented lines below it, and lines without indentation above it. Where ours
//! differs, `trace.exceptions` gives a reason and the whole scene as ours plays it:
//!
//! ```text
//! # why this scene differs
//! == title
//!   listener:
//!     OPEN [L]
//! ```

use super::{compile, directory, lines};
use std::collections::BTreeMap;
use std::process::Command;

/// How the titles of each group of scenes start; all others belong to `CORE`.
const GROUPS: [(&str, &[&str]); 4] = [
    ("HTTP", &["http ", "raw: "]),
    ("FILES", &["files "]),
    ("WS", &["websocket ", "ws: "]),
    ("MQTT", &["mqtt "]),
];

/// The group of a scene.
fn group_of(title: &str) -> &'static str {
    let named = |(_, starts): &&(&str, &[&str])| starts.iter().any(|start| title.starts_with(start));
    GROUPS.iter().find(named).map_or("CORE", |(group, _)| group)
}

/// Title of what follows the last scene.
const REST: &str = "(after the last scene)";

/// Scenes by title.
type Scenes = BTreeMap<String, Vec<String>>;

fn scenes(lines: &[String]) -> Scenes {
    let mut scenes = Scenes::new();
    let mut above = Vec::new();
    let mut current: Option<&mut Vec<String>> = None;
    for line in lines {
        if let Some(title) = line.strip_prefix("== ") {
            let scene = scenes.entry(title.to_string()).or_default();
            scene.append(&mut above);
            current = Some(scene);
        } else if let (true, Some(scene)) = (line.starts_with(' '), &mut current) {
            scene.push(line.clone());
        } else {
            above.push(line.clone());
        }
    }
    if !above.is_empty() {
        scenes.insert(REST.to_string(), above);
    }
    scenes
}

/// The scenes of an exceptions file, each below a reason.
fn exceptions(lines: &[String]) -> Result<Scenes, String> {
    let mut reason = false;
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    for line in lines {
        if line.starts_with('#') {
            reason = true;
        } else if let Some(title) = line.strip_prefix("== ") {
            if !reason {
                return Err(format!("a scene without a reason: {title}"));
            }
            reason = false;
            found.push((title.to_string(), Vec::new()));
        } else {
            let Some((_, scene)) = found.last_mut() else { return Err(format!("no scene yet: {line}")) };
            scene.push(line.clone());
        }
    }
    let count = found.len();
    let scenes: Scenes = found.into_iter().collect();
    if scenes.len() == count { Ok(scenes) } else { Err("a scene is there twice".to_string()) }
}

/// What is wrong with our scenes, one paragraph for each.
fn complaints(expected: &Scenes, ours: &Scenes, exceptions: &Scenes) -> Vec<String> {
    let side_by_side = |ours: &[String], wanted: &[String]| {
        let equal = ours.iter().zip(wanted).take_while(|(a, b)| a == b).count();
        let from = |scene: &[String]| scene[equal..].join("\n");
        format!("first {equal} lines are equal, then ours:\n{}\nexpected:\n{}", from(ours), from(wanted))
    };
    let mut complaints = Vec::new();
    for (title, wanted) in expected {
        let problem = match (ours.get(title), exceptions.get(title)) {
            (None, _) => "was not played".to_string(),
            (Some(scene), None) if scene == wanted => continue,
            (Some(scene), Some(_)) if scene == wanted => "is no exception any more".to_string(),
            (Some(scene), Some(exception)) if scene == exception => continue,
            (Some(scene), exception) => side_by_side(scene, exception.unwrap_or(wanted)),
        };
        complaints.push(format!("== {title}\n{problem}"));
    }
    for title in ours.keys().chain(exceptions.keys()).filter(|title| !expected.contains_key(*title)) {
        complaints.push(format!("== {title}\nis not expected"));
    }
    complaints
}

/// A line without the headers that the original never sends with a file, one of which tells the time,
/// and with the same boundary at each time.
fn without_additions(line: &str) -> String {
    const END: &str = r"\r\n";
    let mut line = line.to_string();
    for name in ["Date: ", "Last-Modified: ", "Accept-Ranges: "] {
        while let Some(start) = line.find(&format!("{END}{name}")) {
            let rest = &line[start + END.len()..];
            let end = rest.find(END).map_or(line.len(), |n| start + END.len() + n);
            line.replace_range(start..end, "");
        }
    }
    let boundary = line.split_once("byteranges; boundary=").and_then(|(_, rest)| rest.split_once(END));
    if let Some((boundary, _)) = boundary {
        line = line.replace(&boundary.to_string(), "BOUNDARY");
    }
    line
}

fn check(group: &str) {
    let defines = ["-DTRACE_SOME".to_string(), format!("-DTRACE_{group}=1")];
    let program = compile("trace.c", &format!("golden-trace-{group}"), &defines);
    let output = Command::new(program).env_remove("LD_LIBRARY_PATH").output().expect("it can be run");
    assert!(output.status.success(), "the scenes ended with {}", output.status);
    let printed = String::from_utf8_lossy(&output.stdout);
    let printed: Vec<String> = printed.lines().map(without_additions).collect();

    let of_this_group = |mut scenes: Scenes| {
        scenes.retain(|title, _| group_of(title) == group);
        scenes
    };
    let expected = of_this_group(scenes(&lines("trace", "expected")));
    let exceptions = exceptions(&lines("trace", "exceptions"))
        .unwrap_or_else(|e| panic!("{}: {e}", directory().join("trace.exceptions").display()));
    let complaints = complaints(&expected, &scenes(&printed), &of_this_group(exceptions));
    assert!(complaints.is_empty(), "{} scenes\n{}", complaints.len(), complaints.join("\n"));
}

// One test for each group, so that they wait side by side.

#[test]
fn core() {
    check("CORE");
}

#[test]
fn http() {
    check("HTTP");
}

#[test]
fn files() {
    check("FILES");
}

#[test]
fn websocket() {
    check("WS");
}

#[test]
fn mqtt() {
    check("MQTT");
}

mod the_comparison_can_fail {
    use super::*;

    fn owned(text: &str) -> Vec<String> {
        text.lines().map(String::from).collect()
    }

    #[test]
    fn scenes_that_differ() {
        let expected = scenes(&owned("up\n== a\n  1\n== b\n  2\nend"));
        assert_eq!(expected["a"], ["up", "  1"]);
        assert_eq!(expected[REST], ["end"]);
        let count = |ours: &str, differing: &str| {
            let differing = exceptions(&owned(differing)).expect("well-formed");
            complaints(&expected, &scenes(&owned(ours)), &differing).len()
        };
        assert_eq!(count("up\n== a\n  1\n== b\n  2\nend", ""), 0);
        assert_eq!(count("up\n== a\n  1\n== b\n  3\nend", ""), 1);
        assert_eq!(count("up\n== a\n  1\n== b\n  3\nend", "# why\n== b\n  3"), 0);
        assert_eq!(count("up\n== a\n  1\n== b\n  4\nend", "# why\n== b\n  3"), 1);
        assert_eq!(count("up\n== a\n  1\n== b\n  2\nend", "# why\n== b\n  3"), 1);
        assert_eq!(count("== a\n  1\n== b\n  2\nend", ""), 1);
        assert_eq!(count("up\n== a\n  1\nend", ""), 1);
        assert_eq!(count("up\n== a\n  1\n== b\n  2\n== c\n  3\nend", ""), 1);
        assert_eq!(count("up\n== a\n  1\n== b\n  2\nend", "# why\n== c\n  3"), 1);
    }

    #[test]
    fn exceptions_that_make_no_sense() {
        for bad in ["== a\n  1", "# why\n  1", "# why\n== a\n  1\n== b", "# why\n== a\n# why\n== a"] {
            assert!(exceptions(&owned(bad)).is_err(), "{bad}");
        }
    }
}
