//! HTTP: multipart bodies

use super::arg;
use super::kept::text;
use crate::abi::{HttpPart, Str};
use crate::codec::http::multipart::next_part;
use crate::fence;

/// Finds the next part of a `multipart/form-data` body (RFC 7578).
///
/// Start with an offset of 0, and pass on what the function returns until that is 0. `part` may be
/// NULL; else it is filled with views of `body`, in which a missing name is `{NULL, 0}`. A name with `\"`
/// in it, or a file name that only `filename*` tells (RFC 8187), is decoded: a text that the library keeps
/// until the same thread has got sixteen others, of at most 4096 bytes.
///
/// The first line of the body is treated as the delimiter; when it is none, the first line that begins with
/// `--` and comes again. Blanks after a delimiter, and header lines that are folded, are understood (RFC
/// 2046, section 5.1.1).
///
/// # Returns
/// Offset for the next call; 0 when there is no further part, or the next one is malformed or not
/// complete.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_http_next_multipart(body: Str, offset: usize, part: *mut HttpPart) -> usize {
    fence!("mg_http_next_multipart", body: arg::bytes, part: arg::out);
    let (views, next) = match next_part(body, offset) {
        Some((part, next)) => (
            HttpPart {
                name: part.name.map_or(Str::NULL, text),
                filename: part.filename.map_or(Str::NULL, text),
                body: Str::from(part.body),
            },
            next,
        ),
        None => (HttpPart { name: Str::NULL, filename: Str::NULL, body: Str::NULL }, 0),
    };
    part.set(views);
    next
}
