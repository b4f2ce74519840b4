//! The names in a directory, in the order of its file system.
//!
//! A request for many files of a set asks for each one by its number. Listing the directory anew
//! each time would take a time that grows with the square of their number.

use crate::net::fs::Fs;
use core::cell::RefCell;
use std::ffi::CStr;
use std::rc::Rc;

/// A directory as it was when it was listed.
struct Listing {
    fs: Fs,
    dir: Box<[u8]>,
    names: Rc<[Box<[u8]>]>,
}

thread_local! {
    /// The newest listing, while a request that wants it is answered.
    static KEPT: RefCell<Option<Option<Listing>>> = const { RefCell::new(None) };
}

/// Keeps the newest listing until it is dropped.
pub struct Keeper(());

impl Keeper {
    /// Starts with none.
    pub fn new() -> Keeper {
        KEPT.with_borrow_mut(|kept| *kept = Some(None));
        Keeper(())
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        KEPT.with_borrow_mut(|kept| *kept = None);
    }
}

/// The names in the directory.
pub fn names(fs: Fs, dir: &CStr) -> Rc<[Box<[u8]>]> {
    let known = KEPT.with_borrow(|kept| {
        let listing = kept.as_ref()?.as_ref()?;
        (listing.fs == fs && *listing.dir == *dir.to_bytes()).then(|| listing.names.clone())
    });
    if let Some(names) = known {
        return names;
    }
    let mut names: Vec<Box<[u8]>> = Vec::new();
    fs.list(dir, &mut |name| names.push(name.to_bytes().into()));
    let names: Rc<[Box<[u8]>]> = names.into();
    KEPT.with_borrow_mut(|kept| {
        if let Some(place) = kept {
            *place = Some(Listing { fs, dir: dir.to_bytes().into(), names: names.clone() });
        }
    });
    names
}
