//! Everything but doubles and custom printers.

use super::Value::{Long, LongLong, Pointer};
use super::{Value, formatted, rows};
use crate::codec::fmt::MAX_WIDTH;

const NULL: Value = Value::Text(None);

#[test]
fn integers() {
    rows! {
        "%d", 0 => "0";
        "%d", 1 => "1";
        "%d", -1 => "-1";
        "%d", 7 => "7";
        "%d", 123 => "123";
        "%d", i32::MIN => "-2147483648";
        "%u", -1 => "4294967295";
        "%x", -1 => "ffffffff";
        "%x", 15 => "f";
        "%x", 255 => "ff";
        "%X", 255 => "ff";
        "%lX", Long(0xabcdef) => "abcdef";
        "%ld", Long(isize::MIN) => "-9223372036854775808";
        "%lld", LongLong(i64::MIN) => "-9223372036854775808";
        "%lu", Long(-1) => "18446744073709551615";
        "%llu", LongLong(-1) => "18446744073709551615";
        "%lld", LongLong(0xffffffffff) => "1099511627775";
        "%lld", LongLong(-1) => "-1";
        "%llx", LongLong(0xffffffffff) => "ffffffffff";
        "%lx", Long(0x6204d754) => "6204d754";
        "%p", Pointer(7) => "0x7";
        "%p", Pointer(0x1234) => "0x1234";
        "%p", Pointer(0) => "0x0";
    }
}

#[test]
fn h_is_ignored() {
    rows! {
        "%hx:%hhx", 1, 2 => "1:2";
        "%hhd", 300 => "300";
        "%hd", 70000 => "70000";
        "%hhu", -1 => "4294967295";
        "%hhx", -2 => "fffffffe";
        "%hhhhd", 5 => "5";
        "%hld", Long(5) => "5";
    }
}

#[test]
fn fields_of_numbers() {
    rows! {
        "%5d|", 42 => "   42|";
        "%-5d|", 42 => "42   |";
        "%05d|", 42 => "00042|";
        "%5d|", -42 => "  -42|";
        "%05d|", -42 => "00-42|";
        "%-05d|", 42 => "00042|";
        "%3d", 12345 => "12345";
        "%3d", 123 => "123";
        "%1d", 7 => "7";
        "%2x", 15 => " f";
        "%02x", 15 => "0f";
        "%#x", 15 => "0xf";
        "%#6x", 15 => "   0xf";
        "%#06x", 15 => "0x000f";
        "%#-6x", 15 => "0xf   ";
        "%#x", 0 => "0x0";
        "%#X", 255 => "0xff";
        "%#d", 5 => "0x5";
        "%#u", 5 => "0x5";
        "%#1x", 255 => "0xff";
        "%#3x", 1 => "0x1";
        "%#4x", 1 => " 0x1";
        "%10p|", Pointer(0x12) => "      0x12|";
        "%-10p|", Pointer(0x12) => "0x12      |";
        "%010p|", Pointer(0x12) => "0x00000012|";
    }
}

#[test]
fn precision_means_nothing_to_integers() {
    rows! {
        "%.3d", 5 => "5";
        "%8.3d|", 5 => "       5|";
        "%.0d", 0 => "0";
        "%.*d", 3, 5 => "5";
    }
}

#[test]
fn characters() {
    rows! {
        "%c", 65 => "A";
        "%cx", 32 => " x";
        "%5c|", 65 => "A|";
        "%lc", 65 => "A";
        "%c", 0 => "\0";
        "%c", 0x141 => "A";
    }
}

#[test]
fn strings() {
    rows! {
        "%s", c"a" => "a";
        "%ls", c"abc" => "abc";
        "%.*s", 0, c"ab" => "";
        "%.*s", 1, c"ab" => "a";
        "%.*s", -1, c"ab" => "ab";
        "%.1s", c"ab" => "a";
        "%.99s", c"a" => "a";
        "%.s", c"abc" => "";
        "%.0s", c"abc" => "";
        "%11s", c"a" => "          a";
        "%2s", c"a" => " a";
        "%-2s!", c"a" => "a !";
        "%2s", c"abcdef" => "abcdef";
        "%5.2s|", c"abc" => "   ab|";
        "%-5.2s|", c"abc" => "ab   |";
        "%5.*s|", 2, c"abc" => "   ab|";
        "%5.*s|", -1, c"abc" => "abc|";
        "%10.5s|", c"abc" => "     abc|";
        "%-10.5s|", c"abc" => "abc     |";
        "%05s|", c"abc" => "00abc|";
        "%-05s|", c"abc" => "abc00|";
        "%s", NULL => "";
        "%5s|", NULL => "     |";
        "%.3s|", NULL => "|";
        "%.*s|", 5, NULL => "|";
    }
}

#[test]
fn around_directives() {
    rows! {
        "" => "";
        "%%" => "%";
        "%5%|" => "%|";
        "%l%" => "%";
        "%d%%", 50 => "50%";
        "ab" => "ab";
        "ab%dc", 123 => "ab123c";
        "%s %s", c"a", c"b" => "a b";
        "%2s %s", c"a", c"b" => " a b";
    }
}

#[test]
fn unknown_conversions_read_nothing() {
    rows! {
        "%i" => "%i";
        "%o" => "%o";
        "%e" => "%e";
        "%a" => "%a";
        "%n" => "%n";
        "%jd" => "%jd";
        "%td" => "%td";
        "%+d" => "%+d";
        "% d" => "% d";
        "%'d" => "%'d";
        "%0-5d|" => "%-5d|";
        "%-#8x|" => "%#8x|";
        "%Lf" => "%Lf";
        "%*d|" => "%*d|";
        "%y" => "%y";
        "%5y|" => "%y|";
        "%.3y|" => "%y|";
        "%ly|" => "%y|";
        "%hy" => "%y";
        "%#y|" => "%y|";
        "%-08y|" => "%y|";
        "%k%d", 5 => "%k5";
        "100%!" => "100%!";
        "%1$d" => "%$d";
        "%lllu" => "%lu";
        "%lhd" => "%hd";
        "%Q%H%V%A%E%F%G" => "%Q%H%V%A%E%F%G";
        "%.*y%d", 3, 7 => "%y7";
    }
}

#[test]
fn a_format_that_ends_inside_a_directive_stops_there() {
    rows! {
        "%" => "%";
        "abc%" => "abc%";
        "%5" => "%";
        "%l" => "%";
        "%#-08.3hll" => "%";
    }
}

#[test]
fn wide_fields_are_cut() {
    for fmt in ["%99999999999999999999d", "%65537d", "%-65536s"] {
        let args = [if fmt.ends_with('s') { c"x".into() } else { Value::Int(1) }];
        assert_eq!(formatted(fmt, &args).len(), MAX_WIDTH, "{fmt}");
    }
    assert_eq!(formatted("%.99999999999999999999s|", &[c"abc".into()]), "abc|");
}

#[test]
fn many_mixed_arguments() {
    let fmt = "%d%d%d%d%d%d%d%d%d%d%g%g%g%g%g%g%g%g%g%g";
    let args: Vec<Value> =
        (1..=10).map(Value::Int).chain((1..=10).map(|i| Value::Double(i.into()))).collect();
    assert_eq!(formatted(fmt, &args), "1234567891012345678910");
}

/// Against the standard library: numbers in every kind of field.
#[test]
fn integers_like_the_standard_library() {
    let mut random = Random(1);
    for _ in 0..100_000 {
        let value = (random.next() as i64) >> (random.next() % 64);
        let width = (random.next() % 24) as usize;
        assert_eq!(formatted("%lld", &[LongLong(value)]), value.to_string());
        assert_eq!(formatted("%llx", &[LongLong(value)]), format!("{value:x}"));
        assert_eq!(formatted("%llu", &[LongLong(value)]), (value as u64).to_string());
        assert_eq!(formatted("%d", &[Value::Int(value as i32)]), (value as i32).to_string());
        assert_eq!(formatted(&format!("%{width}lld"), &[LongLong(value)]), format!("{value:width$}"));
        if width > 0 {
            assert_eq!(formatted(&format!("%-{width}lld"), &[LongLong(value)]), format!("{value:<width$}"));
            assert_eq!(
                formatted(&format!("%#0{width}llx"), &[LongLong(value)]),
                format!("{value:#0width$x}")
            );
        }
    }
}

/// A generator of test values (xorshift): the same ones each time.
pub(super) struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
