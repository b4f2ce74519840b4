//! Payloads that have rules: text and close.

#![forbid(unsafe_code)]

use super::{Fault, MAX_CONTROL, MAX_REASON};

/// Checks a piece of text whose start up to `from` was found to be UTF-8 before. `last`: no more
/// comes. Returns up to where the text is known to be right.
///
/// # Errors
/// [`Fault::Utf8`].
pub fn check_text(text: &[u8], from: usize, last: bool) -> Result<usize, Fault> {
    let from = from.min(text.len());
    match core::str::from_utf8(&text[from..]) {
        Ok(_) => Ok(text.len()),
        // A character that is cut short may be completed by the next fragment.
        Err(e) if e.error_len().is_none() && !last => Ok(from + e.valid_up_to()),
        Err(_) => Err(Fault::Utf8),
    }
}

/// Codes that a close frame may carry (RFC 6455, section 7.4, and the registry that it founded).
fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

/// Code and reason in the payload of a close frame; `None` without any.
pub fn close_code(payload: &[u8]) -> Option<(u16, &[u8])> {
    payload.split_first_chunk().map(|(code, reason)| (u16::from_be_bytes(*code), reason))
}

/// Checks the payload of a close frame: nothing, or a code that may be sent and a reason in UTF-8.
///
/// # Errors
/// [`Fault::ClosePayload`] or [`Fault::Utf8`].
pub fn check_close(payload: &[u8]) -> Result<(), Fault> {
    match close_code(payload) {
        None if payload.is_empty() => Ok(()),
        Some((code, reason)) if may_be_sent(code) => check_text(reason, 0, true).map(|_| ()),
        _ => Err(Fault::ClosePayload),
    }
}

/// The payload of a close frame, and its length. A reason that is too long is cut between two
/// characters; code 0 stands for a close frame without code and reason.
///
/// `None` for a code that may not be sent, or a reason that is not UTF-8.
pub fn close_payload(code: u16, reason: &[u8]) -> Option<([u8; MAX_CONTROL], usize)> {
    let mut payload = [0; MAX_CONTROL];
    if code == 0 {
        return Some((payload, 0));
    }
    let reason = core::str::from_utf8(reason).ok().filter(|_| may_be_sent(code))?;
    let end = (0..=reason.len().min(MAX_REASON)).rev().find(|&at| reason.is_char_boundary(at))?;
    let reason = &reason.as_bytes()[..end];
    payload[..2].copy_from_slice(&code.to_be_bytes());
    payload[2..2 + reason.len()].copy_from_slice(reason);
    Some((payload, 2 + reason.len()))
}
