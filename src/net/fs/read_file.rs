//! Whole files at once, and listing step by step.

use super::{Fs, posix};
use crate::abi::{MG_FS_EXCL, MG_FS_READ, MG_FS_WRITE};
use crate::net::event_loop::mem;
use core::ffi::CStr;
use core::ptr;

/// First guess at the size of a file that says it is empty.
const GENERATED: usize = 1022;

/// Memory of `mg_calloc` that grows; released unless it is handed over.
struct Memory {
    base: *mut u8,
    size: usize,
    len: usize,
}

impl Memory {
    fn new(size: usize) -> Option<Memory> {
        let base = mem::alloc(size);
        (!base.is_null()).then_some(Memory { base, size, len: 0 })
    }

    /// Doubles the memory.
    fn grow(&mut self) -> Option<()> {
        let mut new = Memory::new(self.size.checked_mul(2)?)?;
        // SAFETY: len bytes are in use in the old memory, and the new one is larger.
        unsafe { ptr::copy_nonoverlapping(self.base, new.base, self.len) };
        new.len = self.len;
        *self = new;
        Some(())
    }

    /// Fills the memory from `file`, but for the last byte. Returns how many bytes were read.
    fn fill(&mut self, file: &mut super::File) -> usize {
        let room = self.size - 1 - self.len;
        // SAFETY: size bytes are allocated, of which len are in use.
        let n = unsafe { file.read(self.base.add(self.len), room) };
        self.len += n;
        n
    }

    /// The contents, with a NUL at the end; the caller releases the memory.
    fn hand_over(self) -> (*mut u8, usize) {
        // SAFETY: at most size - 1 bytes are in use.
        unsafe { *self.base.add(self.len) = 0 };
        let out = (self.base, self.len);
        core::mem::forget(self);
        out
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the memory came from mem::alloc and is not used afterwards.
        unsafe { mem::release(self.base) }
    }
}

/// Reads a whole file into memory of `mg_calloc`, with a NUL at the end.
///
/// Files with descriptors are read to their end, whatever their size is said to be; of others,
/// whose functions a program may count, exactly the announced size in one go.
pub fn read(fs: Fs, path: &CStr) -> Option<(*mut u8, usize)> {
    let stat = fs.stat(path);
    let size = stat.map_or(0, |st| st.size);
    if fs.has_descriptors() && stat.is_some_and(|st| st.is_dir) {
        return None;
    }
    let mut file = fs.open(path, MG_FS_READ)?;
    // One byte for the NUL.
    if !fs.has_descriptors() {
        let mut memory = Memory::new(size.checked_add(1)?)?;
        return (memory.fill(&mut file) == size).then(|| memory.hand_over());
    }
    // And one that shows whether there is more; generated files say that they are empty.
    let guess = if size == 0 { GENERATED } else { size };
    let mut memory = Memory::new(guess.checked_add(2)?)?;
    while memory.fill(&mut file) > 0 && memory.len == memory.size - 1 {
        memory.grow()?;
    }
    Some(memory.hand_over())
}

/// Replaces the file at `path`, through one at `temporary` beside it, so that the path has the old
/// contents or the new at any time.
///
/// File systems without descriptors may be unable to rename onto an existing file: there the old
/// file is removed before.
pub fn replace(fs: Fs, path: &CStr, temporary: &CStr, bytes: &[u8]) -> bool {
    let Some(mut file) = fs.open(temporary, MG_FS_WRITE | MG_FS_EXCL) else { return false };
    let mut done = file.write(bytes);
    if let Some(fd) = file.descriptor() {
        if let Some(mode) = posix::permissions(path) {
            posix::set_permissions(fd, mode);
        }
        done = file.close() && done;
        done = done && fs.rename(temporary, path);
        return done || {
            fs.remove(temporary);
            false
        };
    }
    drop(file);
    if done {
        fs.remove(path);
        done = fs.rename(temporary, path);
    }
    fs.remove(temporary);
    done
}

/// The name after `current` in a directory, or the first one when `current` is empty, into `buf`
/// with a NUL at the end. False at the end, when `current` is not listed any more, or when the name
/// does not fit: then `buf` is empty.
pub fn next_name(fs: Fs, path: &CStr, buf: &mut [u8]) -> bool {
    let Some(nul) = buf.iter().position(|b| *b == 0) else {
        if let Some(first) = buf.first_mut() {
            *first = 0;
        }
        return false;
    };
    let current = buf[..nul].to_vec();
    let mut found = current.is_empty();
    let mut next = None;
    fs.list(path, &mut |name| {
        let name = name.to_bytes();
        if !current.is_empty() && name == current {
            // After the last of equal names, or the walk would never end.
            (found, next) = (true, None);
        } else if found && next.is_none() {
            next = Some(name.to_vec());
        }
    });
    match next.filter(|name| !name.is_empty() && name.len() < buf.len()) {
        Some(name) => {
            buf[..name.len()].copy_from_slice(&name);
            buf[name.len()] = 0;
            true
        }
        None => {
            buf[0] = 0;
            false
        }
    }
}
