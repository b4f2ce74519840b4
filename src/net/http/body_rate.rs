//! A body that leaves `recv` as it comes: a program took its stream over at `MG_EV_HTTP_HDRS`, or an
//! upload writes it to a file. The engine only counts it, for the body's minimum rate.

use super::config::{Phase, is_invitation};
use crate::codec::http::Framing;
use crate::net::event_loop::clock::millis;
use core::cell::Cell;

/// What the engine knows about such a body.
#[derive(Default)]
pub struct BodyRate {
    /// Bytes that the connection has received.
    received: Cell<u64>,
    /// What `received` will be at the end of the body; `u64::MAX` when it does not say.
    end: Cell<u64>,
    /// The body is being streamed, and has not been answered yet.
    awaited: Cell<bool>,
    /// When the rate began to count.
    since: Cell<u64>,
    /// `received` at that time.
    from: Cell<u64>,
}

impl BodyRate {
    /// Counts bytes that came.
    pub fn count(&self, n: usize) {
        self.received.set(self.received.get() + n as u64);
    }

    /// A head is complete, and `have` bytes of its body have come.
    pub fn prepare(&self, framing: Framing, have: usize) {
        let body = match framing {
            Framing::Empty => 0,
            Framing::Length(n) => n as u64,
            Framing::Chunked | Framing::UntilClose => u64::MAX,
        };
        // A program may have put bytes into `recv` by hand.
        let received = self.received.get().max(have as u64);
        self.received.set(received);
        self.end.set((received - have as u64).saturating_add(body));
        self.awaited.set(false);
    }

    /// The body will be streamed.
    pub fn begin(&self) {
        self.awaited.set(true);
        self.restart(millis());
    }

    fn restart(&self, now: u64) {
        self.since.set(now);
        self.from.set(self.received.get());
    }

    /// `bytes` were sent: an answer ends the wait.
    pub fn sent(&self, bytes: &[u8]) {
        if self.awaited.get() && !is_invitation(bytes) {
            self.awaited.set(false);
        }
    }

    /// No more bytes will come.
    pub fn finish(&self) {
        self.end.set(self.received.get());
    }

    /// True when the body of the newest request has not ended, as far as that is known.
    pub fn is_coming(&self) -> bool {
        self.received.get() < self.end.get()
    }

    /// What the connection waits for; `program_is_behind`: not for its peer.
    pub fn phase(&self, program_is_behind: bool, now: u64) -> Phase {
        if !self.awaited.get() || !self.is_coming() {
            return Phase::Busy;
        }
        if program_is_behind {
            self.restart(now);
            return Phase::Busy;
        }
        Phase::Body { since: self.since.get(), received: self.received.get() - self.from.get() }
    }
}
