//! What cbindgen has no setting for.

const EXTERN: &str = "extern ";

/// Turns cbindgen's output into the C that we want:
///
/// * What depends on `CBINDGEN` is resolved: `#[cfg(cbindgen)]` stays, `not(cbindgen)` goes.
/// * No comma after the last enumerator, no tag where the enum has none.
/// * Functions need no `extern`, negative constants need parentheses.
/// * Comments of one line take one line; nothing in a comment begins or ends one.
/// * Links of rustdoc lose their brackets, its headings become words with a colon.
/// * What the prelude says of all functions is not repeated: that they are for the polling thread.
pub fn tidy(text: &str) -> String {
    compact(&resolve(text))
}

/// Keeps or drops the blocks that depend on `CBINDGEN`.
fn resolve(text: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut keep = None;
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        match (line, keep) {
            ("#if defined(CBINDGEN)", None) => keep = Some(true),
            ("#if !defined(CBINDGEN)", None) => keep = Some(false),
            ("#endif", Some(kept)) => {
                keep = None;
                // The semicolon of a field is on the next line.
                if lines.next_if(|next| next.trim() == ";").is_some()
                    && kept
                    && let Some(field) = out.last_mut()
                {
                    field.push(';');
                }
            }
            (_, Some(false)) => {}
            _ => out.push(line.to_string()),
        }
    }
    out
}

fn compact(lines: &[String]) -> String {
    let mut out = String::new();
    let mut blank = true;
    let mut shift = 0;
    let mut i = 0;
    while let Some(line) = lines.get(i) {
        i += 1;
        let indent = &line[..line.len() - line.trim_start().len()];
        if line.trim() == "/*" {
            let body: Vec<String> =
                lines[i..].iter().take_while(|l| l.trim() != "*/").map(|l| comment_line(l)).collect();
            i += body.len() + 1;
            out.push_str(&comment(indent, &without_headings(body)));
            blank = false;
            continue;
        }
        if line.is_empty() && blank {
            continue;
        }
        blank = line.is_empty();
        // A variadic function: its further lines are indented to match.
        if line.starts_with(EXTERN) && line.contains('(') {
            shift = EXTERN.len();
        }
        out.push_str(&code(&line[shift..], lines.get(i)));
        out.push('\n');
        if line.ends_with(';') {
            shift = 0;
        }
    }
    out
}

fn code(line: &str, next: Option<&String>) -> String {
    if next.is_some_and(|next| next == "};") {
        return line.trim_end_matches(',').to_string();
    }
    if let Some((define, number)) = line.split_once(" -")
        && define.starts_with("#define ")
    {
        return format!("{define} (-{number})");
    }
    line.replace("enum  {", "enum {")
}

/// The text of a line of a comment.
fn comment_line(line: &str) -> String {
    let text = line.trim_start();
    let text = text.strip_prefix('*').unwrap_or(text).trim_end();
    let text = text.strip_prefix(' ').unwrap_or(text);
    text.replace("*/", "* /").replace("/*", "/ *").replace("[`", "`").replace("`]", "`")
}

/// What is said of no thread is for this one.
const DEFAULT_THREADS: [&str; 2] = ["# Threads", "The polling thread."];

/// Headings as plain text; without the default.
fn without_headings(mut body: Vec<String>) -> Vec<String> {
    if let Some(at) = body.windows(2).position(|pair| pair == DEFAULT_THREADS)
        && body.get(at + 2).is_none_or(String::is_empty)
    {
        body.drain(at.saturating_sub(1)..at + 2);
    }
    for line in &mut body {
        if let Some(heading) = line.strip_prefix("# ") {
            *line = format!("{heading}:");
        }
    }
    body
}

/// Text as a comment.
pub fn comment(indent: &str, body: &[String]) -> String {
    match body {
        [line] => format!("{indent}/* {line} */\n"),
        _ => {
            let mut out = String::new();
            for (i, line) in body.iter().enumerate() {
                let start = if i == 0 { "/*" } else { " *" };
                out.push_str(format!("{indent}{start} {line}").trim_end());
                out.push('\n');
            }
            out + indent + " */\n"
        }
    }
}
