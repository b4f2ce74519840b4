//! Text is judged before its frame is complete: a peer that sends none learns it at once.

use super::state::WsState;
use crate::codec::ws::{self, Fault, Header};

/// Bytes that are looked at together.
const BLOCK: usize = 4096;

/// Longest piece of a character that is not complete.
const CUT: usize = 3;

/// Checks what has come of the payload of a text frame. `tail`: of the fragments before it, what is not known
/// to be UTF-8 yet. The bytes stay masked: the program may look at them.
///
/// # Errors
/// [`Fault::Utf8`].
pub fn check(state: &WsState, header: &Header, tail: &[u8], payload: &[u8]) -> Result<(), Fault> {
    let mut block = [0; BLOCK];
    let mut done = state.early.get().min(payload.len());
    loop {
        let tail = if done == 0 { &tail[..tail.len().min(CUT)] } else { &[] };
        let piece = &payload[done..payload.len().min(done + BLOCK - CUT)];
        let text = &mut block[..tail.len() + piece.len()];
        let (front, back) = text.split_at_mut(tail.len());
        front.copy_from_slice(tail);
        back.copy_from_slice(piece);
        if let Some(mut key) = header.mask {
            key.rotate_left(done % 4);
            ws::mask(back, key);
        }
        let more = ws::check_text(text, 0, false)?.saturating_sub(tail.len());
        if more == 0 {
            state.early.set(done);
            return Ok(());
        }
        done += more;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds a frame's payload in steps, masked; where it is refused.
    fn refused_at(text: &[u8], tail: &[u8], step: usize) -> Option<usize> {
        let key = [1, 2, 3, 4];
        let header = Header { first: ws::TEXT, mask: Some(key), len: 6, payload: 1 << 20 };
        let mut masked = text.to_vec();
        ws::mask(&mut masked, key);
        let state = WsState::default();
        let mut ends = (0..=text.len()).step_by(step).chain([text.len()]);
        ends.find(|end| check(&state, &header, tail, &masked[..*end]).is_err())
    }

    #[test]
    fn whole_and_cut() {
        let text = "aä€😀".repeat(1000).into_bytes();
        for step in [1, 3, 1000, 4093, 4096, 10_000] {
            assert_eq!(refused_at(&text, b"", step), None, "{step}");
            assert_eq!(refused_at(&[&b"\x82\xac"[..], &text].concat(), b"\xe2", step), None, "{step}");
        }
        assert_eq!(refused_at(&text, b"\xe2", 1), Some(1));
        let mut wrong = text.clone();
        wrong[5000] = 0xff;
        assert_eq!(refused_at(&wrong, b"", 1), Some(5001));
        assert!(refused_at(&wrong, b"", 4096).is_some());
    }
}
