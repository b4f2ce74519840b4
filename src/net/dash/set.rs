//! Dashboards and their sets: what the program has described.

use super::directory;
use super::field::{Field, Fields};
use super::session::User;
use crate::abi::{
    Dash, DashHandler, EventHandler, FieldSet, MG_DASH_ADD, MG_DASH_DELETE, MG_DASH_READ, MG_DASH_WRITE,
};
use crate::codec::fmt::Sink;
use crate::codec::glob::matches;
use crate::codec::rpc;
use crate::net::event_loop::view;
use crate::net::fs::Fs;
use core::ffi::{CStr, c_int, c_uint};
use core::ptr::NonNull;

/// A dashboard.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Board(NonNull<Dash>);

/// A set of fields.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Set(NonNull<FieldSet>);

impl Board {
    /// A handle to the dashboard at `dash`, or `None` for NULL.
    ///
    /// # Safety
    /// `dash` is NULL or points to a dashboard whose lists, functions and variables are valid, as
    /// long as the handle is used.
    pub unsafe fn new(dash: *mut Dash) -> Option<Board> {
        NonNull::new(dash).map(Board)
    }

    /// The pointer that C knows.
    pub fn as_ptr(self) -> *mut Dash {
        self.0.as_ptr()
    }

    /// Its sets, in the order of the list.
    pub fn sets(self) -> impl Iterator<Item = Set> {
        // SAFETY: whoever made the handle vouched for the dashboard and its list.
        let mut at = unsafe { (*self.as_ptr()).sets };
        core::iter::from_fn(move || {
            let set = Set(NonNull::new(at)?);
            // SAFETY: as above.
            at = unsafe { (*set.as_ptr()).next };
            Some(set)
        })
    }

    /// The set with this name.
    pub fn set(self, name: &[u8]) -> Option<Set> {
        self.sets().find(|set| set.name() == name)
    }

    /// The newest of the program's handlers whose pattern matches.
    pub fn handler(self, uri: &[u8]) -> EventHandler {
        // SAFETY: whoever made the handle vouched for the dashboard and its list.
        unsafe {
            let mut at: *const DashHandler = (*self.as_ptr()).custom_handlers;
            while !at.is_null() {
                if matches(uri, view::bytes((*at).uri_pattern), |_| ()) {
                    return (*at).handler;
                }
                at = (*at).next;
            }
        }
        None
    }

    /// Where files are: the program's choice, or else the machine's.
    pub fn file_system(self, posix: Fs) -> Fs {
        // SAFETY: whoever made the handle vouched for the dashboard and its file system.
        unsafe { Fs::new((*self.as_ptr()).upload_fs) }.unwrap_or(posix)
    }
}

impl Set {
    /// A handle to the set at `set`, or `None` for NULL.
    ///
    /// # Safety
    /// As for [`Board::new`].
    pub unsafe fn new(set: *mut FieldSet) -> Option<Set> {
        NonNull::new(set).map(Set)
    }

    /// The pointer that C knows.
    pub fn as_ptr(self) -> *mut FieldSet {
        self.0.as_ptr()
    }

    /// Its name; a set without one cannot be requested.
    pub fn name(&self) -> &[u8] {
        // SAFETY: a handle points to a set with a C string or NULL as its name.
        unsafe {
            let name = (*self.as_ptr()).name;
            if name.is_null() { b"" } else { CStr::from_ptr(name).to_bytes() }
        }
    }

    /// Its fields.
    pub fn fields(self) -> Fields {
        // SAFETY: whoever made the handle vouched for the fields and their variables.
        unsafe { Fields::new((*self.as_ptr()).fields) }
    }

    /// The field with this name.
    pub fn field(self, name: &[u8]) -> Option<Field> {
        self.fields().find(|field| field.name() == name)
    }

    /// True for sets of elements.
    pub fn is_array(self) -> bool {
        self.index().is_some()
    }

    /// True for sets of files. They are arrays too.
    pub fn is_files(self) -> bool {
        // SAFETY: a handle points to a set.
        self.is_array() && unsafe { (*self.as_ptr()).get_dir.is_some() }
    }

    /// False for a set that says two things at once: it has files, and no index for them.
    fn is_sound(self) -> bool {
        // SAFETY: a handle points to a set.
        self.is_array() || unsafe { (*self.as_ptr()).get_dir.is_none() }
    }

    /// True if the program has a function for it.
    pub fn has_function(self) -> bool {
        // SAFETY: a handle points to a set.
        unsafe { (*self.as_ptr()).r#fn.is_some() }
    }

    /// The index of an array.
    pub fn index(self) -> Option<c_int> {
        // SAFETY: a handle points to a set, whose index is NULL or valid.
        unsafe { (*self.as_ptr()).index.as_ref().copied() }
    }

    /// Sets the index of an array; nothing for other sets.
    pub fn set_index(self, index: c_int) {
        // SAFETY: as above.
        unsafe {
            if let Some(place) = (*self.as_ptr()).index.as_mut() {
                *place = index;
            }
        }
    }

    /// Remembers the index of an array, and puts it back when dropped.
    pub fn keep_index(self) -> IndexKeeper {
        IndexKeeper(self, self.index())
    }

    /// Asks the program's function, which may do anything; `otherwise` if there is none.
    fn ask(self, op: c_uint, user: &User, otherwise: impl FnOnce() -> bool) -> bool {
        // SAFETY: a handle points to a set; the user lives during the call.
        match unsafe { (*self.as_ptr()).r#fn } {
            // SAFETY: the program's function; it gets what its type says.
            Some(f) => unsafe { f(op, user.as_ptr()) },
            None => otherwise(),
        }
    }

    /// Has the variables loaded. False: the user may not see them.
    pub fn read(self, user: &User, posix: Fs) -> bool {
        // SAFETY: the user lives during the call.
        let files = || !self.is_files() || unsafe { directory::read(self, user.as_ptr(), posix) };
        self.is_sound() && self.ask(MG_DASH_READ, user, files)
    }

    /// Has an element loaded. False: it does not exist, or the user may not see it.
    pub fn load_element(self, index: c_int, user: &User, posix: Fs) -> bool {
        self.set_index(index);
        self.read(user, posix) && self.index() == Some(index)
    }

    /// The number of elements of an array; `None` when it is not known, or not the user's business.
    pub fn count(self, user: &User, posix: Fs) -> Option<c_int> {
        let _index = self.keep_index();
        self.set_index(-1);
        if self.read(user, posix) { self.index().filter(|n| *n >= 0) } else { None }
    }

    /// Whether the user may see anything of it.
    pub fn may_read(self, user: &User, posix: Fs) -> bool {
        let _index = self.keep_index();
        self.set_index(-1);
        self.read(user, posix)
    }

    /// Asks for permission to write, or has what was written applied.
    pub fn write(self, user: &User) -> bool {
        self.is_sound() && self.ask(MG_DASH_WRITE, user, || true)
    }

    /// Has the element at the index, or the named file, deleted. Only files need no function for it.
    pub fn delete(self, user: &User) -> bool {
        self.ask(MG_DASH_DELETE, user, || self.is_files())
    }

    /// Has an element appended.
    pub fn add(self, user: &User) -> bool {
        self.ask(MG_DASH_ADD, user, || false)
    }

    /// Takes variables out of a JSON object. Returns how many.
    pub fn assign(self, object: &[u8]) -> usize {
        self.fields().filter(|field| field.assign(object)).count()
    }

    /// Prints the fields as they are.
    pub fn put_fields<S: Sink>(self, out: &mut S) {
        let mut separator: &[u8] = b"{";
        for field in self.fields() {
            out.put(separator);
            separator = b",";
            rpc::string(field.name(), out);
            out.put(b":");
            field.value().put(out);
        }
        out.put(if separator == b"{" { b"{}" } else { b"}" });
    }
}

/// See [`Set::keep_index`].
pub struct IndexKeeper(Set, Option<c_int>);

impl Drop for IndexKeeper {
    fn drop(&mut self) {
        if let Some(index) = self.1 {
            self.0.set_index(index);
        }
    }
}
