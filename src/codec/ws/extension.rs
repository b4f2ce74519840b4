//! Agreeing on permessage-deflate (RFC 7692, section 7.1). The texts that are made here allocate.

#![forbid(unsafe_code)]

use core::fmt::Write;

/// What this side wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Largest window in either direction: 9 to 15 bits.
    pub bits: u8,
    /// Messages may refer to earlier ones.
    pub keep: bool,
}

/// What both sides have agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// Window of what this side sends; `None` when the peer wants one of 256 bytes, for which there
    /// is no compressor: then this side sends everything uncompressed.
    pub send_bits: Option<u8>,
    /// What this side sends may refer to its earlier messages.
    pub send_keep: bool,
    /// Window of what the peer sends.
    pub recv_bits: u8,
    /// What the peer sends may refer to its earlier messages.
    pub recv_keep: bool,
}

const NAME: &[u8] = b"permessage-deflate";
/// The smallest window that the compressor can do.
const MIN_BITS: u8 = 9;
const MAX_BITS: u8 = 15;

/// Parameters of an offer or an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Params {
    server_no_context: bool,
    client_no_context: bool,
    server_bits: Option<u8>,
    /// `Some(None)`: named without a value.
    client_bits: Option<Option<u8>>,
}

/// The header value by which a client asks for compression.
pub fn offer(wish: Wish) -> String {
    let mut text = String::from("permessage-deflate; client_max_window_bits");
    if wish.bits < MAX_BITS {
        let _ = write!(text, "; server_max_window_bits={}", wish.bits);
    }
    if !wish.keep {
        text.push_str("; server_no_context_takeover; client_no_context_takeover");
    }
    text
}

/// The server's choice among a client's offers, and the header value that says so. `None` when
/// there is none that it understands.
pub fn accept<'a>(offers: impl IntoIterator<Item = &'a [u8]>, wish: Wish) -> Option<(Agreement, String)> {
    let mut entries = offers.into_iter().flat_map(|value| split(value, b','));
    let asked = entries.find_map(|entry| params(entry)?)?;
    let send_bits = asked.server_bits.unwrap_or(MAX_BITS).min(wish.bits);
    let client_bits = asked.client_bits.map(|bits| bits.unwrap_or(MAX_BITS));
    let agreement = Agreement {
        send_bits: Some(send_bits).filter(|bits| *bits >= MIN_BITS),
        send_keep: wish.keep && !asked.server_no_context,
        // A client that does not know the parameter uses the largest window.
        recv_bits: client_bits.map_or(MAX_BITS, |bits| bits.min(wish.bits).max(MIN_BITS)),
        recv_keep: wish.keep && !asked.client_no_context,
    };
    let mut text = String::from("permessage-deflate");
    if !agreement.send_keep {
        text.push_str("; server_no_context_takeover");
    }
    if !agreement.recv_keep {
        text.push_str("; client_no_context_takeover");
    }
    if asked.server_bits.is_some() || send_bits < MAX_BITS {
        let _ = write!(text, "; server_max_window_bits={send_bits}");
    }
    if client_bits.is_some_and(|bits| bits > wish.bits) {
        let _ = write!(text, "; client_max_window_bits={}", wish.bits);
    }
    Some((agreement, text))
}

/// The server answered with what the client did not offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotOffered;

/// What the server's answers to [`offer`] agree on: nothing, or compression.
///
/// # Errors
/// [`NotOffered`]: an answer that the offer does not allow.
pub fn confirm<'a>(
    answers: impl IntoIterator<Item = &'a [u8]>,
    wish: Wish,
) -> Result<Option<Agreement>, NotOffered> {
    let mut entries = answers.into_iter().flat_map(|value| split(value, b',')).filter(|e| !e.is_empty());
    let Some(entry) = entries.next() else { return Ok(None) };
    let answer = params(entry).flatten().ok_or(NotOffered)?;
    let server_bits = answer.server_bits.unwrap_or(MAX_BITS);
    let client_bits = match answer.client_bits {
        Some(None) => return Err(NotOffered),
        Some(Some(bits)) => bits,
        None => MAX_BITS,
    };
    let obeyed = server_bits <= wish.bits && (wish.keep || answer.server_no_context);
    if !obeyed || entries.next().is_some() {
        return Err(NotOffered);
    }
    Ok(Some(Agreement {
        send_bits: Some(client_bits.min(wish.bits)).filter(|bits| *bits >= MIN_BITS),
        send_keep: wish.keep && !answer.client_no_context,
        recv_bits: server_bits.max(MIN_BITS),
        recv_keep: !answer.server_no_context,
    }))
}

/// The parameters of one entry of the header. `None` for another extension, `Some(None)` for
/// parameters that are unknown, doubled or malformed.
fn params(entry: &[u8]) -> Option<Option<Params>> {
    let mut parts = split(entry, b';');
    parts.next().filter(|name| name.eq_ignore_ascii_case(NAME))?;
    let mut found = Params::default();
    Some(parts.try_for_each(|part| found.add(part)).map(|()| found))
}

impl Params {
    /// Takes up one parameter; `None` if it cannot be.
    fn add(&mut self, part: &[u8]) -> Option<()> {
        let mut sides = part.splitn(2, |b| *b == b'=').map(<[u8]>::trim_ascii);
        let name = sides.next()?;
        let bits = match sides.next() {
            Some(value) => Some(window_bits(value)?),
            None => None,
        };
        let set = |flag: &mut bool| (bits.is_none() && !core::mem::replace(flag, true)).then_some(());
        match name {
            b"server_no_context_takeover" => set(&mut self.server_no_context),
            b"client_no_context_takeover" => set(&mut self.client_no_context),
            b"server_max_window_bits" if self.server_bits.is_none() => {
                self.server_bits = Some(bits?);
                Some(())
            }
            b"client_max_window_bits" if self.client_bits.is_none() => {
                self.client_bits = Some(bits);
                Some(())
            }
            _ => None,
        }
    }
}

/// 8 to 15 in decimal, maybe in quotes.
fn window_bits(value: &[u8]) -> Option<u8> {
    let digits = value.strip_prefix(b"\"").and_then(|v| v.strip_suffix(b"\"")).unwrap_or(value);
    match digits {
        [ones @ b'8'..=b'9'] => Some(ones - b'0'),
        [b'1', ones @ b'0'..=b'5'] => Some(10 + ones - b'0'),
        _ => None,
    }
}

/// The parts of a list, trimmed. Separators in quotes do not count.
fn split(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut quoted = false;
    text.split(move |&b| {
        quoted ^= b == b'"';
        b == separator && !quoted
    })
    .map(<[u8]>::trim_ascii)
}
