//! Percent coding (RFC 3986, section 2.1) and its variant for forms.

#![forbid(unsafe_code)]

use core::cell::Cell;

/// Decodes `src` into `dst` and ends the text with a NUL; returns its length without that.
///
/// `form`: `+` stands for a space. `None` when `%` is not followed by two hex digits or the room,
/// which includes the NUL, does not suffice; then `dst` holds the text so far.
pub fn decode(src: &[u8], dst: &mut [u8], form: bool) -> Option<usize> {
    run(src.len(), |i| src[i], Cell::from_mut(dst).as_slice_of_cells(), form)
}

/// Like [`decode`], for slices that may overlap: decoding in place works, because what is written
/// has been read before.
pub fn decode_cells(src: &[Cell<u8>], dst: &[Cell<u8>], form: bool) -> Option<usize> {
    run(src.len(), |i| src[i].get(), dst, form)
}

#[inline]
fn run(n: usize, get: impl Fn(usize) -> u8, dst: &[Cell<u8>], form: bool) -> Option<usize> {
    let room = dst.len().checked_sub(1)?;
    let (mut at, mut len) = (0, 0);
    let mut whole = true;
    while at < n {
        if len == room {
            whole = false;
            break;
        }
        let byte = match get(at) {
            b'%' => {
                let digit = |i: usize| (i < n).then(|| char::from(get(i)).to_digit(16)).flatten();
                let (Some(high), Some(low)) = (digit(at + 1), digit(at + 2)) else {
                    whole = false;
                    break;
                };
                at += 2;
                (high << 4 | low) as u8
            }
            b'+' if form => b' ',
            other => other,
        };
        at += 1;
        dst[len].set(byte);
        len += 1;
    }
    dst[len].set(0);
    whole.then_some(len)
}

/// Free bytes that [`encode`] asks for before each byte of input: room for an escape and more,
/// which C programs have come to rely on.
const HEADROOM: usize = 5;

/// Room that [`encode`] needs for `src` in any case.
pub fn room_for(src: &[u8]) -> usize {
    3 * src.len() + HEADROOM
}

/// Writes `src` to `dst`, with all but letters, digits and `._-~` as `%xx`, and ends the text with
/// a NUL; returns its length without that. The last byte of `dst` becomes a NUL, too.
///
/// `None` when fewer than five bytes are free before any byte of `src`.
pub fn encode(src: &[u8], dst: &mut [u8]) -> Option<usize> {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut len = 0;
    for &b in src {
        let place = dst.get_mut(len..).filter(|free| free.len() >= HEADROOM)?;
        if b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'~') {
            place[0] = b;
            len += 1;
        } else {
            place[..3].copy_from_slice(&[b'%', HEX[usize::from(b >> 4)], HEX[usize::from(b & 15)]]);
            len += 3;
        }
    }
    *dst.get_mut(len)? = 0;
    *dst.last_mut()? = 0;
    Some(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(src: &[u8], room: usize, form: bool) -> Option<Vec<u8>> {
        let mut dst = vec![b'#'; room];
        let n = decode(src, &mut dst, form)?;
        assert_eq!(dst[n], 0);
        dst.truncate(n);
        Some(dst)
    }

    #[test]
    fn decoding() {
        for (src, form, expected) in [
            (&b"a%20b+c"[..], false, Some(&b"a b+c"[..])),
            (b"a%20b+c", true, Some(b"a b c")),
            (b"%", false, None),
            (b"%4", false, None),
            (b"%zz", false, None),
            (b"%41%", false, None),
            (b"a=%", true, None),
            (b"&&&a=%", true, None),
            (b"a=%1", true, None),
            (b"a=%12", true, Some(b"a=\x12")),
            (b"a=%123", true, Some(b"a=\x123")),
            (b"%aF%Fa", false, Some(b"\xaf\xfa")),
            (b"%00x", false, Some(b"\0x")),
            (b"%+1", true, None),
            (b"", false, Some(b"")),
        ] {
            assert_eq!(decoded(src, 100, form).as_deref(), expected, "{src:?}");
        }
    }

    #[test]
    fn decoding_needs_room_for_the_nul() {
        assert_eq!(decoded(b"", 0, false), None);
        assert_eq!(decoded(b"", 1, false), Some(vec![]));
        assert_eq!(decoded(b"abc", 3, false), None);
        assert_eq!(decoded(b"abc", 4, false), Some(b"abc".to_vec()));
        let mut dst = *b"####";
        assert_eq!(decode(b"abc", &mut dst[..3], false), None);
        assert_eq!(&dst, b"ab\0#");
        let mut dst = *b"####";
        assert_eq!(decode(b"a%z", &mut dst, false), None);
        assert_eq!(&dst, b"a\0##");
    }

    #[test]
    fn decoding_in_place() {
        let mut buf = *b"a%20b%2Bc+d\0";
        let cells = Cell::from_mut(&mut buf[..]).as_slice_of_cells();
        assert_eq!(decode_cells(&cells[..11], cells, true), Some(7));
        assert_eq!(&buf[..8], b"a b+c d\0");
    }

    #[test]
    fn encoding() {
        for (src, room, expected) in [
            (&b""[..], 100, Some(&b""[..])),
            (b"a", 100, Some(b"a")),
            (b"._-~", 100, Some(b"._-~")),
            (b"a@%>", 100, Some(b"a%40%25%3e")),
            (b"a@b.c", 100, Some(b"a%40b.c")),
            (b"\xc3\xa9\0\n", 100, Some(b"%c3%a9%00%0a")),
            (b"*!'()", 100, Some(b"%2a%21%27%28%29")),
            (b"", 0, None),
            (b"a", 0, None),
            (b"a", 4, None),
            (b"a", 5, Some(b"a")),
            (b"ab", 5, None),
            (b"ab", 6, Some(b"ab")),
            (b"/", 4, None),
            (b"/", 5, Some(b"%2f")),
        ] {
            let mut dst = vec![b'#'; room];
            let n = encode(src, &mut dst);
            assert_eq!(n.map(|n| &dst[..n]), expected, "{src:?} {room}");
            assert!(n.is_none_or(|n| dst[n] == 0 && dst[room - 1] == 0));
        }
    }

    #[test]
    fn round_trip_of_all_bytes() {
        let all: Vec<u8> = (0..=255).collect();
        let mut text = [0; 1024];
        let n = encode(&all, &mut text).unwrap();
        assert_eq!(decoded(&text[..n], 257, false).unwrap(), all);
        assert_eq!(decoded(&text[..n], 257, true).unwrap(), all);
    }
}
