//! JSON access by path, without building a document.
//!
//! [`find()`] walks the text once, forwards, and stops at the wanted token: what follows is not
//! looked at. It allocates nothing, recurses nowhere, and keeps its whole state in 128 bits and a
//! counter, so hostile input costs no more than its length. UTF-8 is not checked: a string is what
//! is between two quotes.
//!
//! The grammar is RFC 8259 with the tolerances of the C API it serves: a trailing comma, numbers
//! with empty parts (`1.`, `-`, `1e`), any escape in a string, any bytes after the wanted token.

#![forbid(unsafe_code)]

mod find;
mod members;
mod number;
mod scan;
mod string;

pub use find::{find, find_within};
pub use members::{Member, next};
pub use number::{to_f64, to_i64};
pub use string::{Decoded, End, hex_pairs, unescape, unescape_utf8};

/// Containers that may be open at once, unless a program says otherwise.
pub const MAX_DEPTH: u32 = 30;

/// Why a token was not returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// More than [`MAX_DEPTH`] containers are open before the wanted token is complete.
    TooDeep,
    /// A syntax error before the wanted token is complete, or a path that does not start with `$`.
    Invalid,
    /// The text ends, or is complete, without the wanted token.
    NotFound,
}

/// The bytes between the quotes of a string token; `None` for any other token.
pub fn string_body(token: &[u8]) -> Option<&[u8]> {
    token.strip_prefix(b"\"")?.strip_suffix(b"\"")
}

/// Whether the token is a number.
pub fn is_number(token: &[u8]) -> bool {
    matches!(token.first(), Some(b'-' | b'0'..=b'9'))
}
