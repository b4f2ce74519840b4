//! HTTP as the loop sees it.

use super::config::{self, Config};
use super::state::{self, HttpState};
use super::{lingering, timeouts};
use crate::abi::flag;
use crate::net::event_loop::conn::runs_engine;
use crate::net::event_loop::engine::{Engine, Handler, Io};
use crate::net::event_loop::handle::Conn;
use crate::net::tls;

/// The engine of HTTP connections.
pub struct Http;

impl Engine for Http {
    fn handler(&self) -> Handler {
        super::on_event
    }

    fn alpn(&self, is_client: bool) -> &'static [u8] {
        if is_client { b"http/1.1" } else { b"http/1.1,http/1.0" }
    }

    /// Input that waits for the end of a response, or a connection to close after one.
    fn wants_poll(&self, c: Conn) -> bool {
        c.has(flag::ACCEPTED)
            && !c.has(flag::RESP | flag::DRAINING)
            && (c.recv().len() > 0 || HttpState::of(c).is_some_and(|http| http.close_wish.get()))
    }

    fn holds_back(&self, c: Conn) -> bool {
        super::is_held_back(c)
    }

    fn deadline(&self, c: Conn, now: u64) -> Option<u64> {
        timeouts::deadline(c, now)
    }

    fn on_deadline(&self, c: Conn, now: u64) {
        timeouts::on_deadline(c, now);
    }

    fn observe(&self, c: Conn, io: Io<'_>) {
        let is_client = || c.has(flag::CLIENT) && runs_engine(c);
        match io {
            Io::Sending(bytes) => {
                if is_client()
                    && let Some(http) = HttpState::attach(c)
                {
                    http.pending.read(bytes);
                }
            }
            Io::SourceDone => super::response_done(c),
            _ => {
                let Some(http) = HttpState::of(c) else { return };
                match io {
                    Io::Received(n) => http.body_rate.count(n),
                    Io::Eof => {
                        http.body_rate.finish();
                        http.peer_ended.set(Some(tls::is_cut(c)));
                    }
                    Io::Sent { offered, n } => {
                        if is_client() {
                            http.pending.sent(n);
                        }
                        http.stalled.set(0);
                        http.body_rate.sent(offered);
                    }
                    Io::Sending(_) | Io::SourceDone => {}
                }
            }
        }
    }

    fn recv_size(&self, c: Conn, step: usize) -> Option<usize> {
        state::size_for_body(c, step)
    }

    fn on_overflow(&self, c: Conn) -> bool {
        lingering::refuse_excess(c)
    }

    fn lingers(&self, c: Conn) -> bool {
        lingering::lingers(c)
    }

    fn rejection(&self, listener: Conn, status: u16) -> Option<Vec<u8>> {
        let replies = runs_engine(listener) && Config::of(listener).replies();
        replies.then(|| config::error_reply(listener, status))
    }
}
