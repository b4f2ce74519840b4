//! Writes the programs that hold the header against the facts.

use crate::OPTIONS;
use crate::facts::Facts;
use std::fmt::Write;

const HEAD: &str = r#"
#include "mongoose.h"

#define UP(x, a) (((x) + (a) - 1) / (a) * (a))
"#;

/// A C11 program. What a compiler can check is checked by it; bit fields and text are checked when
/// the program runs. It prints sizes and offsets: `tag size alignment`, `tag.field offset`.
pub fn c(facts: &Facts) -> String {
    let mut out = HEAD.to_string();
    let mut main = String::new();

    for (kind, rows) in [("struct", facts.of::<3>("struct")), ("union", facts.of("union"))] {
        for [tag, size, align] in rows {
            assert_that(&mut out, &format!("sizeof({kind} {tag}) == {size}"));
            assert_that(&mut out, &format!("_Alignof({kind} {tag}) == {align}"));
            let _ = writeln!(
                main,
                "  printf(\"{tag} %zu %zu\\n\", sizeof({kind} {tag}), (size_t) _Alignof({kind} {tag}));"
            );
        }
    }
    for (n, [tag, field, kind, offset, size]) in facts.of("field").into_iter().enumerate() {
        let owner = owner(facts, tag);
        assert_that(&mut out, &format!("offsetof({owner}, {field}) == {offset}"));
        assert_that(&mut out, &format!("sizeof((({owner} *) 0)->{field}) == {size}"));
        // An unnamed union in the table has a tag of its own in the header.
        if kind != "union" {
            let _ = writeln!(out, "typedef {};", declare(kind, &format!("field_{n}")));
            assert_that(
                &mut out,
                &format!("_Generic(&(({owner} *) 0)->{field}, field_{n} *: 1, default: 0)"),
            );
        }
        let _ = writeln!(main, "  printf(\"{tag}.{field} %zu\\n\", offsetof({owner}, {field}));");
    }
    for [tag, field, _, word, first, count] in facts.of("bits") {
        let _ = writeln!(
            main,
            "  {{\n    struct {tag} x;\n    memset(&x, 0, sizeof(x));\n    x.{field} = (1U << {count}) - 1;\n    \
             check_bits(\"{tag}.{field}\", &x, sizeof(x), {word}, {first}, {count});\n  }}"
        );
    }
    names(facts, &mut out, &mut main);
    out.push_str(CHECKS);
    out + "int main(void) {\n" + &main + "  return failed;\n}\n"
}

/// A C11 program for a processor on which types have other sizes. Sizes and offsets are those of structs
/// that it declares itself, with the members of the table: the compiler computes them by the rules of
/// the platform.
pub fn by_the_rules(facts: &Facts) -> String {
    let mut out = HEAD.to_string();
    let mut main = String::new();
    for kind in ["struct", "union"] {
        for [tag, ..] in facts.of::<3>(kind) {
            let _ = writeln!(out, "{kind} fact_{tag} {{{}}};", members(facts, tag));
            for what in ["sizeof", "_Alignof"] {
                assert_that(&mut out, &format!("{what}({kind} {tag}) == {what}({kind} fact_{tag})"));
            }
            for member in facts.members(tag).filter(|member| member[0] == "field") {
                let field = &member[2];
                let offset = |tag| format!("offsetof({kind} {tag}, {field})");
                assert_that(&mut out, &format!("{} == {}", offset(tag), offset(&format!("fact_{tag}"))));
            }
        }
    }
    names(facts, &mut out, &mut main);
    out.push_str(CHECKS);
    out + "int main(void) {\n  (void) check_bits;\n" + &main + "  return failed;\n}\n"
}

/// The members of a struct or union, declared.
fn members(facts: &Facts, tag: &str) -> String {
    let mut out = String::new();
    let all: Vec<&[String]> = facts.members(tag).collect();
    let inner = |union: &str| {
        let prefix = format!("{union}.");
        let fields =
            all.iter().filter_map(|row| Some(declare(&row[3], row[2].strip_prefix(&prefix)?) + "; "));
        fields.collect::<String>()
    };
    for row in &all {
        let (kind, name) = (&row[3], &row[2]);
        let _ = match (&*row[0], &**kind) {
            ("bits", _) => write!(out, "{kind} {name} : {}; ", row[6]),
            (_, "union") => write!(out, "union {{ {}}} {name}; ", inner(name)),
            _ if name.contains('.') => Ok(()),
            _ => write!(out, "{}; ", declare(kind, name)),
        };
    }
    out
}

/// Enumerators, macros, types, data and functions.
fn names(facts: &Facts, out: &mut String, main: &mut String) {
    for [name, value, tag] in facts.of("enum") {
        assert_that(out, &format!("{name} == {value}"));
        if tag != "-" {
            let _ = writeln!(out, "extern enum {tag} of_{name};");
        }
    }
    for [name, value] in facts.of("macro") {
        if let Some(default) = value.strip_prefix("layout ") {
            // A program may choose another value.
            out.push_str("#ifndef CHOOSES_LAYOUT\n");
            assert_that(out, &format!("{name} == {default}"));
            out.push_str("#endif\n");
            continue;
        }
        match value.strip_prefix("option ") {
            _ if value.starts_with('"') => {
                let _ = writeln!(main, "  check_text(\"{name}\", {name}, {value});");
            }
            None if value == "NULL" => {
                let _ = writeln!(main, "  check_null(\"{name}\", {name});");
            }
            None => assert_that(out, &format!("{name} == {value}")),
            Some(_) => assert_that(out, &format!("{name} == {}", option(name))),
        }
    }
    // Declared a second time: a conflict is an error.
    for [name, kind] in facts.of("typedef") {
        let _ = writeln!(out, "typedef {};", declare(kind, name));
    }
    for [name, kind] in facts.of("data").into_iter().chain(facts.of("program")) {
        let declaration = if kind.contains(name) { kind.to_string() } else { declare(kind, name) };
        let _ = writeln!(out, "extern {declaration};");
    }
    for [_, prototype] in facts.of("function") {
        let _ = writeln!(out, "{prototype};");
    }
}

/// C++: the same layout, and enumerators that have the type of their enum.
pub fn cpp(facts: &Facts) -> String {
    let mut out = HEAD.to_string();
    for [tag, size, align] in facts.of("struct") {
        let _ = writeln!(out, "static_assert(sizeof({tag}) == {size}, \"\");");
        let _ = writeln!(out, "static_assert(alignof({tag}) == {align}, \"\");");
    }
    for [tag, field, _, offset, _] in facts.of("field") {
        let _ = writeln!(out, "static_assert(offsetof({tag}, {field}) == {offset}, \"\");");
    }
    for [name, value, tag] in facts.of("enum") {
        let _ = writeln!(out, "static_assert({name} == {value}, \"\");");
        if tag != "-" {
            let _ = writeln!(out, "extern const enum {tag} of_{name};\nconst enum {tag} of_{name} = {name};");
        }
    }
    out
}

const CHECKS: &str = r#"
static int failed = 0;

static void check_text(const char *name, const char *text, const char *expected) {
  if (strcmp(text, expected) == 0) return;
  printf("%s is %s, not %s\n", name, text, expected);
  failed = 1;
}

static void check_null(const char *name, const void *pointer) {
  if (pointer == NULL) return;
  printf("%s is not NULL\n", name);
  failed = 1;
}

static void check_bits(const char *name, const void *memory, size_t size, size_t word,
                       unsigned first, unsigned count) {
  for (size_t bit = 0; bit < size * 8; bit++) {
    int is = ((const unsigned char *) memory)[bit / 8] >> bit % 8 & 1;
    int expected = bit >= word * 8 + first && bit < word * 8 + first + count;
    if (is == expected) continue;
    printf("%s: bit %zu is %d\n", name, bit, is);
    failed = 1;
  }
}

"#;

fn assert_that(out: &mut String, what: &str) {
    let _ = writeln!(out, "_Static_assert({what}, \"{}\");", what.replace('"', "'"));
}

fn owner(facts: &Facts, tag: &str) -> String {
    let is_union = facts.of::<3>("union").iter().any(|[name, ..]| *name == tag);
    format!("{} {tag}", if is_union { "union" } else { "struct" })
}

fn option(name: &str) -> usize {
    OPTIONS.into_iter().find(|(option, _)| *option == name).expect(name).1
}

/// A declaration of `name` with a type as the table has it: `int (*)(void)`, `char[4]`, `int`.
fn declare(kind: &str, name: &str) -> String {
    if let Some((before, after)) = kind.split_once("(*)") {
        return format!("{before}(*{name}){after}");
    }
    match kind.split_once('[') {
        Some((element, size)) => format!("{element} {name}[{size}"),
        None => format!("{kind} {name}"),
    }
}
