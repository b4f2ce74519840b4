//! From a complete head to `MG_EV_HTTP_HDRS` and `MG_EV_HTTP_MSG`: decided while the bytes are available,
//! fired, and acted upon. A handler may do anything to `recv`, so no slice of it gets past [`decide`].

use super::body::{self, End, Partial, Receiver, Refusal};
use super::config::{self, Config};
use super::lingering::{self, Step, drain, fail, fail_body, refuse_response};
use super::state::HttpState;
use super::{message, on_event, upgraded};
use crate::abi::{HttpMessage, HttpMessageSpace, MG_EV_HTTP_HDRS, MG_EV_HTTP_MSG, flag};
use crate::codec::http::{Framing, Head, HeadError};
use crate::net::event_loop::clock::millis;
use crate::net::event_loop::conn::{self, call, has_protocol};
use crate::net::event_loop::handle::Conn;
use crate::net::event_loop::oversize;
use core::ffi::CStr;

/// What a head and the bytes after it say.
pub struct Plan {
    partial: Partial,
    /// The end of the message, if its body is complete; or why there cannot be one.
    outcome: Result<Option<End>, Refusal>,
    /// Which request of the connection it is.
    count: u32,
    /// Bytes of the body that have come.
    have: usize,
    /// The `Connection` line that the reply has to have.
    connection_line: &'static CStr,
    /// The client waits to be invited to send its body.
    waits: bool,
    /// A server got a response, with a status that has a body.
    is_response_with_body: bool,
}

/// Reads a head, at the start of `bytes`. Runs no code of the program.
///
/// # Errors
/// A rule that the head breaks.
#[inline]
pub fn decide(
    head: &Head<'_>,
    bytes: &[u8],
    to: Receiver,
    config: &Config,
    http: Option<&HttpState>,
) -> Result<Plan, HeadError> {
    config.check(head, to.server)?;
    let mut partial = Partial::new(head, config.strict(to.server).is_some());
    let framing = match http {
        Some(http) if partial.answers && http.pending.is_head() => Ok(Framing::Empty),
        _ => head.framing(),
    };
    let outcome = match framing {
        Ok(framing) => {
            partial.framing = framing;
            partial.end(bytes, to, config)
        }
        Err(e) => Err(Refusal { reason: e.fault.reason(), code: e.fault.status() }),
    };
    let count = http.map_or(0, |http| http.requests.get()) + 1;
    partial.closes = to.server && config.closes_after(head, count);
    partial.asks_to_close = head.connection.close;
    Ok(Plan {
        partial,
        outcome,
        count,
        have: bytes.len() - head.len,
        connection_line: config.connection_line(head, count),
        waits: to.server && head.expect_continue && head.version >= (1, 1) && bytes.len() == head.len,
        is_response_with_body: head.is_response && to.server && !matches!(head.status, 100..=199 | 204 | 304),
    })
}

/// A head is complete: fires HDRS, then MSG if the body is complete.
pub fn start_message(
    c: Conn,
    http: Option<&HttpState>,
    ofs: &mut usize,
    hm: *mut HttpMessage,
    plan: &Plan,
    to: Receiver,
) -> Step {
    if *ofs > 0 && !matches!(plan.outcome, Ok(Some(_))) {
        // Handlers that take over a stream expect their message at the start of `recv`.
        c.recv().consume(*ofs);
        *ofs = 0;
        return Step::Next;
    }
    if let Some(http) = http {
        http.requests.set(plan.count);
        http.connection_line.set(plan.connection_line);
        http.body_rate.prepare(plan.partial.framing, plan.have);
    }
    let answer = fire_headers(c, hm, to);
    act(c, http, ofs, hm, plan, to, answer)
}

/// What the program did at `MG_EV_HTTP_HDRS`.
enum Answer {
    /// It took bytes out of `recv`: the stream is its own from here on.
    TookOver {
        /// It has queued nothing.
        silent: bool,
    },
    /// It closes the connection.
    Closed,
    /// It has queued a reply and drains the connection.
    Refused,
    /// It lets the message come.
    Accepted {
        /// It has queued something.
        replied: bool,
        /// `recv` has moved: the message in hand is stale.
        moved: bool,
    },
}

fn fire_headers(c: Conn, hm: *mut HttpMessage, to: Receiver) -> Answer {
    let (len, base, queued) = (c.recv().len(), c.recv().base(), c.send().len());
    call(c, MG_EV_HTTP_HDRS, hm.cast());
    let now_queued = c.send().len();
    let replied = now_queued > queued;
    if c.recv().len() != len {
        Answer::TookOver { silent: now_queued == queued }
    } else if c.has(flag::CLOSING) && !to.at_close {
        Answer::Closed
    } else if c.has(flag::DRAINING) && replied && to.server {
        Answer::Refused
    } else {
        Answer::Accepted { replied, moved: c.recv().base() != base }
    }
}

fn act(
    c: Conn,
    http: Option<&HttpState>,
    ofs: &mut usize,
    hm: *mut HttpMessage,
    plan: &Plan,
    to: Receiver,
    answer: Answer,
) -> Step {
    let (replied, moved) = match answer {
        Answer::Accepted { replied, moved } => (replied, moved),
        Answer::TookOver { silent } => {
            c.recv().consume(*ofs);
            c.set_protocol(None);
            if let Some(http) = http.filter(|_| to.server) {
                http.body_rate.begin();
            }
            if plan.waits && silent && !c.has(flag::CLOSING | flag::DRAINING) {
                Config::of(c).invite_body(c);
            }
            return Step::Stop;
        }
        Answer::Closed => {
            if let Some(http) = http {
                http.stopped.set(true);
            }
            return Step::Wait;
        }
        // Refused with a reply of the program's: that was the answer.
        Answer::Refused => {
            lingering::reject(c, matches!(plan.outcome, Ok(None)));
            return Step::Stop;
        }
    };
    let (end, is_too_long) = match plan.outcome {
        Ok(end) => (end, false),
        Err(_) if !has_protocol(c, on_event) => return Step::Wait,
        Err(refusal) if refusal.is_of_length() && http.is_some() => (None, true),
        Err(refusal) => return fail_body(c, refusal),
    };
    let partial = &plan.partial;
    if to.server && partial.framing == Framing::UntilClose {
        return if plan.is_response_with_body {
            refuse_response(c)
        } else {
            fail(c, "HTTP response sent to a server", 400)
        };
    }
    if let Some(end) = end {
        if moved {
            return deliver(c, http, ofs, partial, end);
        }
        if end.chunked {
            body::compact(c, *ofs, partial);
        }
        finish_message(hm, partial, end);
        return fire_message(c, http, ofs, partial, end, hm);
    }
    let Some(http) = http.filter(|_| has_protocol(c, on_event)) else { return Step::Wait };
    http.since.set(millis());
    http.partial.replace(Some(partial.clone()));
    if is_too_long {
        oversize::note(c);
    } else if plan.waits && !replied {
        Config::of(c).invite_body(c);
    }
    Step::Wait
}

/// Bytes of a body have come, or no more will: `ended` says what became of it. Delivers the message if
/// it is complete.
pub fn go_on(
    c: Conn,
    http: &HttpState,
    ofs: &mut usize,
    ended: Result<Option<End>, Refusal>,
    to: Receiver,
) -> Step {
    let Some(partial) = http.partial.take() else { return Step::Wait };
    if to.at_close && partial.is_cut(matches!(ended, Ok(None)), http.peer_ended.get()) {
        conn::report(c, b"HTTP response cut short");
    }
    match ended {
        Ok(Some(end)) => {
            config::withdraw_invitation(c);
            deliver(c, Some(http), ofs, &partial, end)
        }
        Ok(None) => {
            http.partial.replace(Some(partial));
            Step::Wait
        }
        Err(refusal) if refusal.is_of_length() && c.has(flag::FULL) => {
            http.partial.replace(Some(partial));
            Step::Wait
        }
        Err(refusal) => fail_body(c, refusal),
    }
}

/// The body of a message whose HDRS was fired before is complete: parses the head again and fires
/// MSG.
fn deliver(c: Conn, http: Option<&HttpState>, ofs: &mut usize, partial: &Partial, end: End) -> Step {
    if end.chunked {
        body::compact(c, *ofs, partial);
    }
    let mut hm = HttpMessageSpace::uninit();
    // SAFETY: the slice is used before handlers run; hm is valid for writes.
    let parsed = unsafe { message::parse(&c.recv().bytes()[*ofs..], hm.as_mut_ptr(), &mut Head::default()) };
    if parsed != Ok(true) {
        // The program edited the head under us.
        return fail(c, "HTTP head changed", 400);
    }
    finish_message(hm.as_mut_ptr(), partial, end);
    fire_message(c, http, ofs, partial, end, hm.as_mut_ptr())
}

/// The body is complete: its real length.
fn finish_message(hm: *mut HttpMessage, partial: &Partial, end: End) {
    // SAFETY: a parsed message in the caller's frame.
    unsafe {
        (*HttpMessage::body_at(hm)).len = end.body;
        (*HttpMessage::message_at(hm)).len = partial.head + end.body;
    }
}

fn fire_message(
    c: Conn,
    http: Option<&HttpState>,
    ofs: &mut usize,
    partial: &Partial,
    end: End,
    hm: *mut HttpMessage,
) -> Step {
    let server = c.has(flag::ACCEPTED);
    if server {
        c.set(flag::RESP);
    }
    if let Some(http) = http {
        http.close_wish.set(partial.closes);
        if partial.answers {
            http.pending.answered();
        }
    }
    let before = c.recv().len();
    call(c, MG_EV_HTTP_MSG, hm.cast());
    // What the program removed itself is not removed a second time.
    let removed = before.saturating_sub(c.recv().len());
    *ofs = (*ofs + end.total.saturating_sub(removed)).min(c.recv().len());
    let upgraded = upgraded(c).is_some();
    if !has_protocol(c, on_event) && !upgraded {
        return Step::Wait;
    }
    // A limit of requests is none of a WebSocket.
    let closes = partial.closes && (!upgraded || partial.asks_to_close);
    if server && closes && !c.has(flag::RESP) {
        drain(c);
        return Step::Stop;
    }
    if upgraded { Step::Wait } else { Step::Next }
}
