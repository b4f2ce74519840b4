//! The API: variables read and written.

use super::request::{Asked, JSON};
use super::session::User;
use super::set::Set;
use super::{change, listing};
use crate::abi::{HttpMessage, flag};
use crate::codec::dash::assign;
use crate::codec::dash::route::{Range, Route};
use crate::codec::fmt::Sink;
use crate::codec::rpc;
use crate::net::event_loop::view;
use crate::net::fs::Fs;
use crate::net::http::serve::reply;
use core::ffi::c_int;
use core::ops::RangeInclusive;
use std::io::Write;

/// Elements at most, of an array that does not say its size.
const UNSIZED_MAX: c_int = 1024;

/// Answers a login: who it is, and the cookie for the browser.
pub fn log_in(asked: &Asked<'_>, user: &User) {
    let secure = if asked.c.has(flag::TLS) { "Secure; " } else { "" };
    let mut headers = b"Set-Cookie: access_token=".to_vec();
    headers.extend_from_slice(&user.token());
    // Writing to a Vec cannot fail.
    let _ = write!(headers, "; Path=/; {secure}HttpOnly; SameSite=Lax; Max-Age=86400\r\n");
    headers.extend_from_slice(JSON);
    let mut body = b"{\"user\":".to_vec();
    rpc::string(&user.name(), &mut body);
    let _ = writeln!(body, ",\"level\":{}}}", user.level());
    reply::whole(asked.c, 200, &headers, &body, !asked.request.is_head());
}

/// Answers a logout: takes the cookie back.
pub fn logged_out(asked: &Asked<'_>) {
    let headers = b"Set-Cookie: access_token=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 UTC; HttpOnly; \
                    Max-Age=0; \r\n";
    reply::whole(asked.c, 401, headers, b"Unauthorized\n", !asked.request.is_head());
}

/// Answers a request of a user.
pub fn answer(asked: &Asked<'_>, route: Route<'_>, user: &User) {
    let api = Api { asked, user };
    let is_post = asked.request.method == b"POST";
    match route {
        Route::GetAll => api.get_all(),
        Route::Get(set) => api.get(asked.board.set(set)),
        Route::Elements(set, range, one) if !(one && is_post) => api.elements(asked.board.set(set), range),
        // What follows changes something.
        _ if asked.is_foreign() => asked.refuse(),
        Route::Elements(set, range, _) => api.modify(asked.board.set(set), range),
        Route::Delete(set, range) => api.delete(asked.board.set(set), range),
        Route::Add(set) => api.add(asked.board.set(set)),
        Route::Set => api.set(),
        _ => asked.reply(404, b"Not Found"),
    }
}

struct Api<'a> {
    asked: &'a Asked<'a>,
    user: &'a User,
}

impl Api<'_> {
    fn posix(&self) -> Fs {
        self.asked.host.posix
    }

    fn reply_number(&self, n: usize) {
        let mut body = itoa::Buffer::new().format(n).as_bytes().to_vec();
        body.push(b'\n');
        self.asked.reply(200, &body);
    }

    fn not_found(&self) {
        self.asked.reply(404, b"null\n");
    }

    fn denied(&self) {
        self.asked.reply(403, b"false\n");
    }

    /// The body. A copy: functions of the program may do anything to the connection's buffers.
    fn body(&self) -> Vec<u8> {
        // SAFETY: the views of the message are valid.
        self.asked.hm().map_or_else(Vec::new, |hm| unsafe { view::bytes(*HttpMessage::body_at(hm)) }.to_vec())
    }

    /// Prints a set, or the size of an array. False, and nothing is printed, if the user may not
    /// see it.
    fn put_set(&self, set: Set, out: &mut Vec<u8>) -> bool {
        if set.is_array() {
            let Some(count) = set.count(self.user, self.posix()) else { return false };
            out.put(itoa::Buffer::new().format(count).as_bytes());
        } else {
            if !set.read(self.user, self.posix()) {
                return false;
            }
            set.put_fields(out);
        }
        true
    }

    fn get_all(&self) {
        let mut out = b"{".to_vec();
        for set in self.asked.board.sets() {
            let start = out.len();
            if start > 1 {
                out.push(b',');
            }
            rpc::string(set.name(), &mut out);
            out.push(b':');
            if !self.put_set(set, &mut out) {
                out.truncate(start);
            }
        }
        out.put(b"}\n");
        self.asked.reply(200, &out);
    }

    fn get(&self, set: Option<Set>) {
        let mut out = Vec::new();
        if !set.is_some_and(|set| self.put_set(set, &mut out)) {
            out.put(b"null");
        }
        out.push(b'\n');
        self.asked.reply(200, &out);
    }

    fn elements(&self, set: Option<Set>, range: Range) {
        let Some(set) = set.filter(|set| set.is_array()) else { return self.get(set) };
        let _listing = listing::Keeper::new();
        if !set.may_read(self.user, self.posix()) {
            return self.get(None);
        }
        let _index = set.keep_index();
        let mut out = b"[".to_vec();
        for i in self.within(set, range.from.unwrap_or(0), range.to.unwrap_or(0)) {
            if !set.load_element(i, self.user, self.posix()) {
                break;
            }
            if out.len() > 1 {
                out.push(b',');
            }
            set.put_fields(&mut out);
        }
        out.put(b"]\n");
        self.asked.reply(200, &out);
    }

    /// The part of a range that an array can have: its function may say yes to any index.
    fn within(&self, set: Set, from: c_int, to: c_int) -> RangeInclusive<c_int> {
        let end = match set.count(self.user, self.posix()) {
            Some(count) => count,
            None => from.saturating_add(UNSIZED_MAX),
        };
        from..=to.min(end - 1)
    }

    fn modify(&self, set: Option<Set>, range: Range) {
        let set = set.filter(|set| set.is_array() && set.has_function());
        let Some((set, index)) = set.zip(range.from) else { return self.not_found() };
        let body = self.body();
        let _index = set.keep_index();
        if !set.load_element(index, self.user, self.posix()) {
            return self.not_found();
        }
        let count = set.assign(&body);
        if count == 0 || !set.write(self.user) {
            return self.denied();
        }
        set.set_index(index);
        self.broadcast(set);
        self.reply_number(count);
    }

    fn delete(&self, set: Option<Set>, range: Range) {
        let Some(set) = set.filter(|set| set.is_array()) else { return self.not_found() };
        let (Some((from, to)), true) = (range.from.zip(range.to), set.has_function()) else {
            return self.denied();
        };
        let mut count = 0;
        let kept = set.keep_index();
        for i in self.within(set, from, to) {
            set.set_index(i);
            // The function may go by the name of a file, which then has to be the one of the index.
            let known = !set.is_files() || set.load_element(i, self.user, self.posix());
            if !known || !set.delete(self.user) {
                break;
            }
            count += 1;
        }
        drop(kept);
        if count == 0 {
            return self.denied();
        }
        self.broadcast_size(set);
        self.reply_number(count);
    }

    fn add(&self, set: Option<Set>) {
        let set = set.filter(|set| set.is_array() && set.has_function());
        let Some(set) = set else { return self.not_found() };
        let body = self.body();
        let kept = set.keep_index();
        let added = set.assign(&body) > 0 && set.add(self.user);
        drop(kept);
        if !added {
            return self.denied();
        }
        self.broadcast_size(set);
        self.asked.reply(200, b"true\n");
    }

    fn set(&self) {
        let body = self.body();
        let mut total = 0;
        for (name, value) in assign::members(&body) {
            let Some(set) = self.asked.board.set(&body[name]) else { continue };
            if !set.write(self.user) {
                continue;
            }
            let count = set.assign(&body[value]);
            if count > 0 {
                // Now that the variables have their values, they are applied.
                set.write(self.user);
                self.broadcast(set);
            }
            total += count;
        }
        self.reply_number(total);
    }

    fn broadcast(&self, set: Set) {
        if let Some(m) = self.asked.c.mgr() {
            change::send(m, set, self.posix());
        }
    }

    fn broadcast_size(&self, set: Set) {
        if let Some(m) = self.asked.c.mgr() {
            change::send_size(m, set, self.posix());
        }
    }
}
