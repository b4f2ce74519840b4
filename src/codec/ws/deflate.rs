//! Compression of messages (RFC 7692, section 7.2). Allocates: windows, tables, output.

#![forbid(unsafe_code)]

use super::Fault;
use super::extension::Agreement;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// What a flush leaves at the end of a message; it is not sent.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// Room for the output starts at so many bytes.
const FIRST_ROOM: usize = 1024;

/// How far back a block may refer.
const WINDOW: usize = 1 << 15;

/// What a direction takes.
const SENDER: usize = 280 * 1024;
const RECEIVER: usize = 50 * 1024;

/// A message may hold so many blocks that say they are the last one; each costs a fresh start.
const MAX_ENDS: usize = 8;

/// The two directions of a connection. Each gets its memory when it is used for the first time.
#[derive(Debug)]
pub struct Deflate {
    agreed: Agreement,
    sender: Option<Compress>,
    receiver: Option<Decompress>,
}

impl Deflate {
    /// Both directions, as agreed.
    pub fn new(agreed: Agreement) -> Deflate {
        Deflate { agreed, sender: None, receiver: None }
    }

    /// Bytes that both directions hold at present, with the largest window.
    pub fn held(&self) -> usize {
        let sender = if self.sender.is_some() { SENDER } else { 0 };
        sender + if self.receiver.is_some() { RECEIVER } else { 0 }
    }

    /// Bytes of output room that [`Deflate::compress`] wants for a message.
    pub fn room(message: usize) -> usize {
        message.saturating_add(TAIL.len())
    }

    /// Compresses a message into `out`, see [`Deflate::room`]; returns its length. `None` when the
    /// message does not become smaller: then it is to be sent as it is.
    pub fn compress(&mut self, message: &[u8], out: &mut [u8]) -> Option<usize> {
        let bits = self.agreed.send_bits?;
        let level = Compression::default();
        let sender = self.sender.get_or_insert_with(|| Compress::new_with_window_bits(level, false, bits));
        let start = sender.total_out();
        let done = sender.compress(message, out, FlushCompress::Sync);
        let made = (sender.total_out() - start) as usize;
        // When the room is full, the flush may not be complete; but then nothing was saved either.
        let body = out.get(..made).filter(|_| done.is_ok()).and_then(|made| made.strip_suffix(&TAIL));
        let len = body.map(<[u8]>::len).filter(|len| *len < message.len());
        if len.is_none() || !self.agreed.send_keep {
            // What the peer does not get, it cannot know: nothing may refer to it.
            sender.reset();
        }
        len
    }

    /// Decompresses a message of at most `limit` bytes and appends it to `out`.
    ///
    /// # Errors
    /// [`Fault::TooBig`] as soon as there are more than `limit` bytes, [`Fault::Compression`],
    /// [`Fault::Memory`].
    pub fn decompress(&mut self, message: &[u8], out: &mut Vec<u8>, limit: usize) -> Result<(), Fault> {
        let bits = self.agreed.recv_bits;
        let receiver = self.receiver.get_or_insert_with(|| Decompress::new_with_window_bits(false, bits));
        let start = out.len();
        let mut ends = 0;
        // A message may end with a block that says it is the last one, and nothing after it; then no
        // flush is missing (RFC 7692, section 7.2.3.4).
        let mut complete = false;
        for mut input in [message, &TAIL[..]] {
            if complete {
                break;
            }
            loop {
                make_room(out, start, limit)?;
                let (taken, made) = (receiver.total_in(), out.len());
                let status = receiver.decompress_vec(input, out, FlushDecompress::Sync);
                let status = status.map_err(|_| Fault::Compression)?;
                input = &input[(receiver.total_in() - taken) as usize..];
                if out.len() - start > limit {
                    return Err(Fault::TooBig);
                }
                let stuck = receiver.total_in() == taken && out.len() == made;
                if status == Status::StreamEnd {
                    // What follows the last block is a stream of its own, but may refer to what came before.
                    receiver.reset(false);
                    let made = &out[start..];
                    let known = &made[made.len().saturating_sub(WINDOW)..];
                    ends += 1;
                    if ends > MAX_ENDS || (!known.is_empty() && receiver.set_dictionary(known).is_err()) {
                        return Err(Fault::Compression);
                    }
                    if input.is_empty() {
                        complete = true;
                        break;
                    }
                } else if out.len() < out.capacity() && (input.is_empty() || stuck) {
                    break;
                }
            }
            if !input.is_empty() {
                return Err(Fault::Compression);
            }
        }
        if !self.agreed.recv_keep {
            receiver.reset(false);
        }
        Ok(())
    }
}

/// Makes room for some more output: twice as much each time, one byte more than allowed at most.
fn make_room(out: &mut Vec<u8>, start: usize, limit: usize) -> Result<(), Fault> {
    if out.len() < out.capacity() {
        return Ok(());
    }
    let made = out.len() - start;
    let most = limit.saturating_sub(made).saturating_add(1);
    out.try_reserve_exact(made.max(FIRST_ROOM).min(most)).map_err(|_| Fault::Memory)
}
