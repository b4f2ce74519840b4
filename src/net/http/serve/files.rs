//! Where the files are that are served, and which of them.

use crate::codec::docroot::{RootedPath, is_hidden_name};
use crate::net::fs::{self, Found, Fs, Stat, posix};
use std::ffi::CString;

/// A file system, and what of it may be seen.
#[derive(Clone, Copy)]
pub struct Files {
    /// The file system.
    pub fs: Fs,
    /// Symbolic links do not lead out of the root.
    pub beneath: bool,
    /// Names that begin with a dot do not exist.
    pub hides_dots: bool,
}

impl Files {
    /// All files of a file system.
    pub fn all(fs: Fs) -> Files {
        Files { fs, beneath: false, hides_dots: false }
    }

    /// Whether an empty root may stand for the whole file system. Not for the machine's: that is never
    /// intended.
    pub fn may_be_whole(&self) -> bool {
        !self.fs.has_descriptors()
    }

    /// Opens a file for reading.
    pub fn open(&self, place: &RootedPath) -> Found {
        if self.hides_dots && place.is_hidden() {
            return Found::Nothing;
        }
        if self.is_confined() {
            return posix::open_beneath(self.fs, place);
        }
        CString::new(&place.path[..]).map_or(Found::Nothing, |path| fs::open_to_serve(self.fs, &path))
    }

    /// What there is at a place.
    pub fn stat(&self, place: &RootedPath) -> Option<Stat> {
        if self.is_confined() {
            return posix::stat_beneath(place);
        }
        self.fs.stat(&CString::new(&place.path[..]).ok()?)
    }

    /// The names in a directory, in order.
    pub fn names(&self, place: &RootedPath) -> Vec<Box<[u8]>> {
        let mut names: Vec<Box<[u8]>> = Vec::new();
        if let Ok(path) = CString::new(&place.path[..]) {
            self.fs.list(&path, &mut |name| {
                let name = name.to_bytes();
                if !(self.hides_dots && is_hidden_name(name)) {
                    names.push(name.into());
                }
            });
        }
        names.sort_unstable();
        names
    }

    fn is_confined(&self) -> bool {
        self.beneath && self.fs.has_descriptors()
    }
}
