//! What is done by name to the files of a set.

use super::change;
use super::directory::{directory, path};
use super::request::{Asked, JSON};
use super::session::User;
use super::set::{Board, Set};
use crate::abi::{MG_VAL_STR, flag};
use crate::codec::dash::route;
use crate::net::event_loop::handle::Conn;
use crate::net::fs::Fs;
use crate::net::http::serve::{self, Files, ServeOptions, Web, reply};
use crate::net::http::upload::stream;
use core::ffi::CStr;

/// A file that a request is about.
struct SetFile {
    set: Set,
    dir: Vec<u8>,
    name: Vec<u8>,
    fs: Fs,
}

/// Why there is none.
enum FileError {
    BadName,
    NoSet,
    NoUser,
    NoDir,
}

impl FileError {
    fn reply(&self, asked: &Asked<'_>, is_upload: bool) {
        match self {
            FileError::BadName => asked.reply(400, b"Bad file name\n"),
            FileError::NoSet if is_upload => asked.reply(404, b"Not Found\n"),
            FileError::NoSet => asked.reply(404, b"Not Found"),
            FileError::NoUser => asked.refuse(),
            FileError::NoDir => asked.reply(500, b"Upload dir error\n"),
        }
    }
}

/// Finds the file, and puts its name where the program's function looks for it.
fn locate(asked: &Asked<'_>, set: &[u8], name: &[u8], user: Option<&User>) -> Result<SetFile, FileError> {
    let name = route::file_name(name).ok_or(FileError::BadName)?;
    let set = asked.board.set(set).filter(|set| set.is_files()).ok_or(FileError::NoSet)?;
    let user = user.ok_or(FileError::NoUser)?;
    // SAFETY: the user lives during the call.
    let dir = unsafe { directory(set, user.as_ptr()) }.ok_or(FileError::NoDir)?;
    if let Some(field) = set.field(b"name").filter(|field| field.kind() == MG_VAL_STR && field.room() > 0) {
        // The function must not be asked about another file than the one that is meant.
        if !field.has_room_for(&name) {
            return Err(FileError::BadName);
        }
        field.set_text(&name);
    }
    Ok(SetFile { set, dir, name, fs: asked.board.file_system(asked.host.posix) })
}

/// The head of an upload has come: takes the body in, or refuses.
pub fn start_upload(asked: &Asked<'_>, set: &[u8], name: &[u8], user: Option<&User>) {
    let c = asked.c;
    match locate(asked, set, name, user) {
        Ok(target) if user.is_some_and(|user| target.set.write(user)) => match asked.hm() {
            // SAFETY: this is the handler of the message, whose views are valid.
            Some(hm) => unsafe {
                stream::start(c, hm, &target.name, &target.dir, target.fs, asked.host.uploaded);
            },
            None => asked.refuse(),
        },
        outcome => {
            match outcome {
                Ok(_) => asked.refuse(),
                Err(refusal) => refusal.reply(asked, true),
            }
            // The body is ignored.
            c.set(flag::DRAINING);
        }
    }
}

/// An upload is complete, or has failed.
pub fn uploaded(c: Conn, board: Option<Board>, err: Option<&CStr>, posix: Fs) {
    match err {
        None => reply::whole(c, 200, JSON, b"ok\n", true),
        Some(err) => reply::whole(c, 500, JSON, &[err.to_bytes(), b"\n"].concat(), true),
    }
    c.set(flag::DRAINING);
    if let Some((m, board)) = c.mgr().zip(board) {
        for set in board.sets().filter(|set| set.is_files()) {
            change::send_size(m, set, posix);
        }
    }
}

/// A request for a file, or to remove one.
pub fn answer(asked: &Asked<'_>, set: &[u8], name: &[u8], user: Option<&User>) {
    let target = match locate(asked, set, name, user) {
        Ok(target) => target,
        Err(refusal) => return refusal.reply(asked, false),
    };
    let Some(user) = user else { return };
    let removes = asked.request.method.eq_ignore_ascii_case(b"DELETE");
    let may = if removes { target.set.delete(user) } else { target.set.may_read(user, asked.host.posix) };
    if !may {
        return asked.refuse();
    }
    let Some(path) = path(&target.dir, &target.name) else { return asked.reply(400, b"Bad file name\n") };
    if removes {
        target.fs.remove(&path);
        if let Some(m) = asked.c.mgr() {
            change::send_size(m, target.set, asked.host.posix);
        }
        asked.reply(200, b"true");
    } else {
        serve_file(asked, target.fs, &path);
    }
}

/// Answers by a file.
pub fn serve_file(asked: &Asked<'_>, fs: Fs, path: &CStr) {
    let options = ServeOptions {
        roots: b"",
        ssi_pattern: None,
        headers: b"",
        mime_types: b"",
        page404: None,
        files: Files::all(fs),
        web: Web::default(),
    };
    serve::serve_file(asked.c, asked.request, &options, path);
}
