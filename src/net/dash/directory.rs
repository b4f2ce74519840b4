//! The elements of a set of files: the names in its directory.

use super::listing;
use super::set::{Board, Set};
use crate::abi::{DashUser, MG_VAL_STR};
use crate::net::fs::{Fs, PATH_MAX};
use core::ffi::{CStr, c_int};
use std::ffi::CString;

/// What the program says about the directory of a set.
///
/// # Safety
/// The user lives during the call.
pub unsafe fn directory(set: Set, user: *const DashUser) -> Option<Vec<u8>> {
    // SAFETY: a handle points to a set.
    let get_dir = unsafe { (*set.as_ptr()).get_dir }?;
    let mut buf = [0u8; PATH_MAX];
    // SAFETY: the program's function; it gets what its type says.
    let known = unsafe { get_dir(user, buf.as_mut_ptr().cast(), buf.len()) };
    let path = CStr::from_bytes_until_nul(&buf).ok().filter(|_| known)?;
    Some(path.to_bytes().to_vec())
}

/// The path of a file in a directory, if it is short enough.
pub fn path(dir: &[u8], name: &[u8]) -> Option<CString> {
    let path = [dir, b"/", name].concat();
    CString::new(path).ok().filter(|path| path.count_bytes() < PATH_MAX)
}

/// Loads the element of a set of files that its index says, or with index -1 stores their number
/// there. A directory that is not there has none.
///
/// # Safety
/// The user is NULL or lives during the call, with a dashboard that is NULL or valid.
pub unsafe fn read(set: Set, user: *const DashUser, posix: Fs) -> bool {
    if user.is_null() {
        return false;
    }
    // SAFETY: the caller vouches for the user.
    let Some(board) = (unsafe { Board::new(*DashUser::dash_at(user)) }) else { return false };
    let name_field = set.field(b"name").filter(|field| field.kind() == MG_VAL_STR);
    let (Some(name_field), Some(index)) = (name_field, set.index()) else { return false };
    // SAFETY: as above.
    let Some(dir) = (unsafe { directory(set, user) }) else { return false };
    let fs = board.file_system(posix);
    let Ok(c_dir) = CString::new(&dir[..]) else { return false };
    let names = listing::names(fs, &c_dir);
    if index == -1 {
        set.set_index(c_int::try_from(names.len()).unwrap_or(c_int::MAX));
        return true;
    }
    let Some(name) = usize::try_from(index).ok().and_then(|i| names.get(i)) else {
        set.set_index(-1);
        return true;
    };
    name_field.set_text(name);
    if let Some(size_field) = set.field(b"size") {
        let stat = path(&dir, name).and_then(|path| fs.stat(&path));
        size_field.set_number(stat.map_or(0, |stat| stat.size as u64));
    }
    true
}
