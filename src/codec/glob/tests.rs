use super::matches;
use core::ops::Range;

/// The captures of a match, or nothing.
fn captures(text: &[u8], pattern: &[u8]) -> Option<Vec<Range<usize>>> {
    let mut captures = Vec::new();
    matches(text, pattern, |range| captures.push(range)).then_some(captures)
}

/// `pattern, text => no` or the captures.
macro_rules! rows {
    ($($pattern:literal, $text:literal => $wanted:expr;)*) => {
        $(
            let wanted: Option<&[&str]> = $wanted;
            let got = captures($text.as_bytes(), $pattern.as_bytes());
            let got = got.map(|c| c.into_iter().map(|r| &$text[r]).collect::<Vec<_>>());
            assert_eq!(got.as_deref(), wanted, "pattern {} text {}", $pattern, $text);
        )*
    };
}

const NO: Option<&[&str]> = None;
const YES: Option<&[&str]> = Some(&[]);

#[test]
fn table() {
    rows! {
        "", "" => YES;
        "", "a" => NO;
        "a", "" => NO;
        "a", "A" => NO;
        "a", "a" => YES;
        "*", "" => Some(&[""]);
        "#", "" => Some(&[""]);
        "?", "" => NO;
        "?", "a" => Some(&["a"]);
        "?", "/" => Some(&["/"]);
        "*", "a" => Some(&["a"]);
        "*", "ab" => Some(&["ab"]);
        "*", "/" => NO;
        "*", "a/b" => NO;
        "#", "/" => Some(&["/"]);
        "#", "a/b" => Some(&["a/b"]);
        "#", "///" => Some(&["///"]);
        "/", "/foo" => NO;
        "abc", "ab" => NO;
        "ab", "abc" => NO;
        "/ws", "/ws" => YES;
        "/ws", "/ws/" => NO;
        "a?c", "abc" => Some(&["b"]);
        "a?c", "a/c" => Some(&["/"]);
        "a?c", "ac" => NO;
        "a*c", "abc" => Some(&["b"]);
        "a*c", "ac" => Some(&[""]);
        "a*c", "a/c" => NO;
        "a#c", "a/c" => Some(&["/"]);
        "a*c", "abcabc" => Some(&["bcab"]);
        "*c", "abcabc" => Some(&["abcab"]);
        "#c", "abcabc" => Some(&["abcab"]);
        "/*/foo", "/x/bar" => NO;
        "/*/foo", "/x/foox" => NO;
        "/*/foo", "/x/foo" => Some(&["x"]);
        "/*/foo*", "/x/foox" => Some(&["x", "x"]);
        "/*", "/abc" => Some(&["abc"]);
        "/*", "/" => Some(&[""]);
        "/*", "/ab/" => NO;
        "/x/*", "/x/2" => Some(&["2"]);
        "/x/*", "/x/2/foo" => NO;
        "/x/*/*", "/x/2/foo" => Some(&["2", "foo"]);
        "/*/*", "/foo/bar" => Some(&["foo", "bar"]);
        "/*/*", "/foo/" => Some(&["foo", ""]);
        "/*/*", "//" => Some(&["", ""]);
        "/api/*", "/api/log/static" => NO;
        "/api/#", "/api/log/static" => Some(&["log/static"]);
        "/api/#", "/api/" => Some(&[""]);
        "/api/#", "/api" => NO;
        "/#", "" => NO;
        "/#/c", "/a/b/c" => Some(&["a/b"]);
        "/#/c", "//c" => Some(&[""]);
        "/#/c", "/c" => NO;
        "#.shtml", "/ssi/index.shtml" => Some(&["/ssi/index"]);
        "#.c", ".c" => Some(&[""]);
        "#.c", "..c" => Some(&["."]);
        "#.c", "//a.c" => Some(&["//a"]);
        "#a", "aa" => Some(&["a"]);
        "#aa#bb#", "caabba" => Some(&["c", "", "a"]);
        "#aa#bb#", "caabxa" => NO;
        "#a#b", ".aa..b...b" => Some(&[".", "a..b..."]);
        "#aab#", "aabaabb" => Some(&["", "aabb"]);
        "a*b*c", "a__b_c" => Some(&["__", "_"]);
        "a*b*c", "a_b_c__c" => Some(&["_", "_c__"]);
        "a*b*c", "a_xb_.c__c" => Some(&["_x", "_.c__"]);
        "a*b*c", "a_b_c_" => NO;
        "?#", "abc" => Some(&["a", "bc"]);
        "?#", "a#c" => Some(&["a", "#c"]);
        "?*", "a*c" => Some(&["a", "*c"]);
        "???", "abc" => Some(&["a", "b", "c"]);
        "???", "ab" => NO;
        "*gzip*", "g" => NO;
        "*gzip*", "x/y gzip" => NO;
        "*gzip*", "deflate, gzip, br" => Some(&["deflate, ", ", br"]);
        "#gzip#", "x/y gzip" => Some(&["x/y ", ""]);
        "*X*", "aXbXc" => Some(&["a", "bXc"]);
        "*b*", "abc" => Some(&["a", "c"]);
        "*.*.*", "a.b.c" => Some(&["a", "b", "c"]);
        "*/bar", "foo/bar" => Some(&["foo"]);
        "#bar", "foo/bar" => Some(&["foo/"]);
        "*/#", "a/b/c" => Some(&["a", "b/c"]);
        "*.html", "foo.html" => Some(&["foo"]);
        "*.html", "a/foo.html" => NO;
        "*ab", "aaab" => Some(&["aa"]);
        "*aab", "aabaab" => Some(&["aab"]);
        "*iss*pi", "mississippi" => Some(&["m", "issip"]);
        "m*s*p*", "mississippi" => Some(&["i", "sissi", "pi"]);
        "/test/?*/edit", "/test/123/edit" => Some(&["1", "23"]);
        "/api/*/??", "/api/users/42" => Some(&["users", "4", "2"]);
        "#://*/#", "http://h/x" => Some(&["http", "h", "x"]);
        "#://*", "http://h" => Some(&["http", "h"]);
        "#href=\"#\"#", "<a href=\"u\">t</a>" => Some(&["<a ", "u", ">t</a>"]);
        "/*/b/*", "/a/b/c" => Some(&["a", "c"]);
        "a?b", "a\0b" => Some(&["\0"]);
    }
}

/// Where the original strays from the model, and can write too many captures.
#[test]
fn stricter_than_the_original() {
    rows! {
        "/*/b/*", "/a/x/b/c" => NO;
        "*/", "a/b/" => NO;
        "a/*/c", "a/x/y/c" => NO;
        "#/*", "a/b/c" => Some(&["a/b", "c"]);
        "#*", "a/b" => Some(&["a/", "b"]);
        "**", "abc" => Some(&["", "abc"]);
        "*#", "abc" => Some(&["", "abc"]);
        "*?", "abc" => Some(&["ab", "c"]);
        "#?", "abc" => Some(&["ab", "c"]);
        "*X?", "aXbXc" => Some(&["aXb", "c"]);
        "*b?d", "abxbyd" => Some(&["abx", "y"]);
    }
}

/// The model, by backtracking through all choices: the shortest first.
fn model(text: &[u8], at: usize, pattern: &[u8], captures: &mut Vec<Range<usize>>) -> bool {
    let Some((&first, rest)) = pattern.split_first() else {
        return at == text.len();
    };
    let lengths = match first {
        b'*' => 0..=text[at..].iter().position(|&b| b == b'/').unwrap_or(text.len() - at),
        b'#' => 0..=text.len() - at,
        _ if at == text.len() => return false,
        b'?' => 1..=1,
        byte => return text[at] == byte && model(text, at + 1, rest, captures),
    };
    for length in lengths {
        captures.push(at..at + length);
        if model(text, at + length, rest, captures) {
            return true;
        }
        captures.pop();
    }
    false
}

/// All short patterns and random longer ones, on random texts of three different bytes.
#[test]
fn like_the_model() {
    let mut state = 4u64;
    let mut random = |limit: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize % limit
    };
    let mut word = |letters: &[u8], max: usize| -> Vec<u8> {
        (0..random(max + 1)).map(|_| letters[random(letters.len())]).collect()
    };
    let mut matched = 0;
    for round in 0..300_000 {
        let pattern = match round % 3 {
            0 => word(b"ab/*#?", 6),
            1 => word(b"a/*#?", 9),
            _ => word(b"a/**??", 9),
        };
        let text = word(b"aab/", 10);
        let mut wanted = Vec::new();
        let wanted = model(&text, 0, &pattern, &mut wanted).then_some(wanted);
        matched += usize::from(wanted.is_some());
        let got = captures(&text, &pattern);
        assert_eq!(got, wanted, "{} {}", pattern.escape_ascii(), text.escape_ascii());
    }
    // The comparison means something only if both answers are common.
    assert!((30_000..270_000).contains(&matched), "{matched}");
}

#[test]
fn many_wildcards() {
    let pattern = "*a".repeat(100) + "#" + &"?".repeat(100);
    let text = "ba".repeat(100) + "xyz/" + &"c".repeat(100);
    let captures = captures(text.as_bytes(), pattern.as_bytes()).unwrap();
    assert_eq!(captures.len(), 201);
    assert_eq!(captures[99], 198..199);
    assert_eq!(captures[100], 200..204);
    assert_eq!(captures[200], 303..304);
}

/// The worst patterns stay at pattern length times text length. With exponential or cubic cost
/// this test would not end.
#[test]
fn cost_is_bounded() {
    let text = "a".repeat(20_000);
    for pattern in
        ["*a".repeat(30) + "b", "#a".repeat(30) + "b", "*?".repeat(30) + "b", "#?*".repeat(30) + "b"]
    {
        assert!(!matches(text.as_bytes(), pattern.as_bytes(), |_| ()), "{pattern}");
    }
    let slashes = "a/".repeat(10_000);
    for pattern in ["*?".repeat(30) + "b", "#*?".repeat(30) + "b", "#a*?".repeat(30) + "b"] {
        assert!(!matches(slashes.as_bytes(), pattern.as_bytes(), |_| ()), "{pattern}");
    }
}
