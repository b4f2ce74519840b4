//! Server-side includes: which parts of a file are replaced by other files.
//!
//! Known are `<!--#include file="NAME" -->` and `<!--#include virtual="PATH" -->`. Everything else
//! is text, other directives and comments too.
#![forbid(unsafe_code)]

use memchr::memmem;

/// A part of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment<'a> {
    /// Text that stays.
    Text(&'a [u8]),
    /// A file, named from the directory of the file that includes it.
    File(&'a [u8]),
    /// A file, named from the root.
    Virtual(&'a [u8]),
}

/// The parts of a file, in order. No byte is looked at more than twice.
pub fn pieces(text: &[u8]) -> impl Iterator<Item = Segment<'_>> {
    Pieces { rest: text }
}

struct Pieces<'a> {
    rest: &'a [u8],
}

const START: &[u8] = b"<!--#";
const END: &[u8] = b"-->";

impl<'a> Iterator for Pieces<'a> {
    type Item = Segment<'a>;

    fn next(&mut self) -> Option<Segment<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        if let Some(inner) = self.rest.strip_prefix(START)
            && let Some(end) = memmem::find(inner, END)
            && let Some(include) = include(&inner[..end])
        {
            self.rest = &inner[end + END.len()..];
            return Some(include);
        }
        let text = text_len(self.rest);
        let (text, rest) = self.rest.split_at(text);
        self.rest = rest;
        Some(Segment::Text(text))
    }
}

/// Length of the text at the start of `rest`: it ends where a directive begins that has an end.
fn text_len(rest: &[u8]) -> usize {
    // What starts with a directive starts with one that stays, or has no end.
    let from = match rest.starts_with(START) {
        true => memmem::find(rest, END).map_or(rest.len(), |at| at + END.len()),
        false => 0,
    };
    memmem::find(&rest[from..], START).map_or(rest.len(), |at| from + at)
}

/// What is between `<!--#` and `-->`, if it is an include.
fn include(directive: &[u8]) -> Option<Segment<'_>> {
    let attribute = directive.strip_prefix(b"include")?.trim_ascii_start();
    let quoted = |name: &[u8]| {
        let value = attribute.strip_prefix(name)?.strip_prefix(b"=\"")?;
        memchr::memchr(b'"', value).map(|end| &value[..end])
    };
    quoted(b"file").map(Segment::File).or_else(|| quoted(b"virtual").map(Segment::Virtual))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let show = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
        pieces(text.as_bytes())
            .map(|piece| match piece {
                Segment::Text(t) => show(t),
                Segment::File(f) => format!("{{f {}}}", show(f)),
                Segment::Virtual(v) => format!("{{v {}}}", show(v)),
            })
            .collect()
    }

    #[test]
    fn directives() {
        for (text, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("A<!--#include file=\"f.txt\" -->B", "A{f f.txt}B"),
            ("<!--#include virtual=\"/a.txt\"-->", "{v /a.txt}"),
            ("<!--#include  \t\n file=\"f\"anything-->", "{f f}"),
            ("<!--#include file=\"\"-->", "{f }"),
            ("<!--#include file=\"a\"--><!--#include file=\"b\"-->", "{f a}{f b}"),
            ("D<!--#foo-->E<!-- c -->F<b>G", "D<!--#foo-->E<!-- c -->F<b>G"),
            ("<!--#foo--><!--#include file=\"a\"-->", "<!--#foo-->{f a}"),
            ("z<!--#include file=\"f.txt\"", "z<!--#include file=\"f.txt\""),
            ("<!--#include file=\"f.txt-->x", "<!--#include file=\"f.txt-->x"),
            ("<!--#include file=f-->", "<!--#include file=f-->"),
            ("<!--#include other=\"f\"-->", "<!--#include other=\"f\"-->"),
            ("<!--#Include file=\"f\"-->", "<!--#Include file=\"f\"-->"),
            ("<!--#", "<!--#"),
            ("<!--#<!--#include file=\"f\"-->", "<!--#<!--#include file=\"f\"-->"),
            ("a\0b<!--#include file=\"f\"-->c\0", "a\0b{f f}c\0"),
        ] {
            assert_eq!(shown(text), expected, "{text:?}");
        }
    }

    #[test]
    fn nothing_is_lost() {
        // Texts made of the parts of directives, in all orders.
        let parts = ["<!--#", "include", " file=\"", "\"", "-->", "x"];
        for n in 0..parts.len().pow(5) {
            let text: String = (0..5).map(|i| parts[n / parts.len().pow(i) % parts.len()]).collect();
            if !text.contains("include file=\"") {
                assert_eq!(shown(&text), text);
            }
        }
    }
}
