//! Connections that begin with a header of the PROXY protocol, before TLS and everything else.

use super::admission;
use super::handle::Conn;
use super::io::read_failed;
use super::log;
use super::state::{ConnState, Root, is, ready};
use super::sys;
use crate::abi::{Addr, Setting, flag};
use crate::codec::proxy_protocol::{Found, HEADER_MAX, read};
use std::io::ErrorKind;

/// An accepted connection, of which the program knows, may have to begin with a header.
pub fn expect(c: Conn) {
    if let Some(state) = ConnState::of(c)
        && state.setting(Setting::MG_SET_PROXY_PROTOCOL) != 0
    {
        state.mark(is::PROXIED);
    }
}

/// Reads the header, which stays in the socket until it is complete. True when what follows may be read.
#[cold]
pub fn take_header(root: &Root, c: Conn, state: &ConnState) -> bool {
    if !state.can(ready::READ | ready::HANGUP | ready::ERROR) {
        return false;
    }
    let mut bytes = [0; HEADER_MAX];
    let n = match sys::peek(c.fd(), &mut bytes) {
        Ok(n) => n,
        Err(e) if e.kind() == ErrorKind::WouldBlock => {
            state.used_up(ready::READ);
            return false;
        }
        Err(e) => {
            read_failed(c, &e);
            return false;
        }
    };
    match read(&bytes[..n]) {
        Found::Header(len, client) => {
            state.unmark(is::PROXIED);
            // The bytes are there: a read of them cannot fail, nor stop short.
            let taken = sys::take(c.fd(), &mut bytes[..len]).is_ok_and(|n| n == len);
            let admitted = client.is_none_or(|client| admission::replace(root, c, Addr::from_socket(client)));
            if !taken || !admitted {
                c.set(flag::CLOSING);
            }
            taken && admitted
        }
        // A peer that has closed its side cannot complete it.
        Found::Partial if n > 0 && !state.can(ready::HANGUP) => {
            state.used_up(ready::READ);
            false
        }
        _ => {
            log::debug(format_args!("{} {} no PROXY header from {}", c.id(), c.fd(), c.rem()));
            c.set(flag::CLOSING);
            false
        }
    }
}
