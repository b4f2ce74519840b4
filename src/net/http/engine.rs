//! HTTP as the loop sees it.

use super::config::{self, Config};
use super::state::{self, HttpState};
use super::{lingering, timeouts};
use crate::abi::flag;
use crate::net::event_loop::conn::runs_engine;
use crate::net::event_loop::engine::{Engine, Event, Handler};
use crate::net::event_loop::handle::Conn;
use crate::net::tls;

/// The engine of HTTP connections.
pub struct Http;

/// True when the connection sends requests.
#[inline]
fn is_client(c: Conn) -> bool {
    c.has(flag::CLIENT) && runs_engine(c)
}

impl Engine for Http {
    fn handler(&self) -> Handler {
        super::on_event
    }

    fn accepted(&self, c: Conn) {
        HttpState::attach(c);
    }

    fn alpn(&self, is_client: bool) -> &'static [u8] {
        if is_client { b"http/1.1" } else { b"http/1.1,http/1.0" }
    }

    fn on_event(&self, c: Conn, event: Event) {
        super::handle(c, event);
    }

    fn wants_poll(&self, c: Conn) -> bool {
        super::has_waiting_input(c)
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

    fn received(&self, c: Conn, n: usize) {
        if let Some(http) = HttpState::of(c) {
            http.body_rate.count(n);
        }
    }

    fn sending(&self, c: Conn, bytes: &[u8]) {
        if is_client(c)
            && let Some(http) = HttpState::of(c)
        {
            http.pending.read(bytes);
        }
    }

    fn sent(&self, c: Conn, offered: &[u8], n: usize) {
        let Some(http) = HttpState::of(c) else { return };
        if is_client(c) {
            http.pending.sent(n);
        }
        http.stalled.set(0);
        http.body_rate.sent(offered);
    }

    fn ended(&self, c: Conn) {
        if let Some(http) = HttpState::of(c) {
            http.body_rate.finish();
            http.peer_ended.set(Some(tls::is_cut(c)));
        }
    }

    fn source_done(&self, c: Conn) {
        super::response_done(c);
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
