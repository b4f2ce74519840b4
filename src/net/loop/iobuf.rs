//! Operations on `struct mg_iobuf`, which the program may edit at any time.
//!
//! All functions take a raw pointer and read the fields anew: no Rust reference to a buffer lives
//! longer than one call. Capacities follow the contract exactly: a buffer's size is what was asked
//! for, rounded up to a multiple of `align`.

use super::mem;
use crate::abi::IoBuf;
use core::ptr;

/// `n` rounded up to a multiple of `align` (`n` itself for 0), or `None` on overflow.
fn rounded(n: usize, align: usize) -> Option<usize> {
    if align == 0 { Some(n) } else { n.checked_next_multiple_of(align) }
}

/// How often a change of a buffer starts again because the program's allocator has changed it.
const ATTEMPTS: usize = 8;

/// Makes the capacity exactly `n`, rounded up: grows or shrinks. 0 releases the memory.
///
/// The allocator may be the program's, and may change this very buffer.
///
/// Returns false, with the buffer unchanged, when memory is exhausted.
///
/// # Safety
/// `io` points to a valid buffer: `buf` is NULL or memory of `mg_calloc` with `size` bytes.
pub unsafe fn resize(io: *mut IoBuf, n: usize) -> bool {
    // SAFETY: the caller vouches for io and its memory; `new` is fresh memory of `size` bytes.
    unsafe {
        for _ in 0..ATTEMPTS {
            let (old, old_size, len) = ((*io).buf, (*io).size, (*io).len);
            let Some(size) = rounded(n, (*io).align) else { return false };
            if size == old_size {
                return true;
            }
            let new = if size == 0 { ptr::null_mut() } else { mem::alloc(size) };
            if size != 0 && new.is_null() {
                return false;
            }
            if ((*io).buf, (*io).size, (*io).len) != (old, old_size, len) {
                mem::release(new);
                continue;
            }
            let keep = len.min(size);
            (*io).buf = new;
            (*io).size = size;
            (*io).len = keep;
            if !old.is_null() {
                if keep > 0 {
                    ptr::copy_nonoverlapping(old, new, keep);
                }
                wipe(old, old_size);
                mem::release(old);
            }
        }
    }
    false
}

/// Zeroes memory that is about to be released, so that secrets do not linger in the heap.
///
/// # Safety
/// `size` writable bytes at `p`.
unsafe fn wipe(p: *mut u8, size: usize) {
    // SAFETY: the caller vouches for p and size. The asm block keeps the stores from being removed.
    unsafe {
        ptr::write_bytes(p, 0, size);
        core::arch::asm!("/* {0} */", in(reg) p, options(nostack, preserves_flags));
    }
}

/// Releases the memory; `align` stays, and the buffer is usable again.
///
/// # Safety
/// As for [`resize`].
pub unsafe fn free(io: *mut IoBuf) {
    // SAFETY: the caller vouches for io.
    unsafe {
        resize(io, 0);
    }
}

/// Makes room for `extra` bytes after `len` without ever shrinking. False when memory is exhausted.
///
/// Small buffers grow by the contract's steps; above 256 KiB a quarter is added, so that many small
/// appends to a large buffer do not copy it again and again.
///
/// # Safety
/// As for [`resize`].
pub unsafe fn reserve(io: *mut IoBuf, extra: usize) -> bool {
    const LARGE: usize = 256 * 1024;
    // SAFETY: the caller vouches for io.
    unsafe {
        for _ in 0..ATTEMPTS {
            let (size, len) = ((*io).size, (*io).len);
            let Some(need) = len.checked_add(extra) else { return false };
            if need <= size {
                return true;
            }
            let generous = if size >= LARGE { need.max(size + size / 4) } else { need };
            if !resize(io, generous) && (generous == need || !resize(io, need)) {
                return false;
            }
        }
    }
    false
}

/// Appends `len` bytes at `src`. `src` may lie in another buffer, not in this one.
///
/// # Safety
/// As for [`resize`]; `len` readable bytes at `src`.
pub unsafe fn append(io: *mut IoBuf, src: *const u8, len: usize) -> bool {
    if len == 0 {
        return true;
    }
    // SAFETY: reserve made room for len bytes after io.len; the caller vouches for src.
    unsafe {
        if !reserve(io, len) {
            return false;
        }
        ptr::copy(src, (*io).buf.add((*io).len), len);
        (*io).len += len;
    }
    true
}

/// Inserts `len` bytes at `ofs`, moving what follows; a gap before `ofs` is zeroed; a NULL `src`
/// leaves the inserted bytes as they are. Makes the capacity exactly what is needed, rounded up.
///
/// Returns `len`, or 0 with the buffer unchanged when memory is exhausted.
///
/// # Safety
/// As for [`append`].
pub unsafe fn add(io: *mut IoBuf, ofs: usize, src: *const u8, len: usize) -> usize {
    // SAFETY: after resize, size >= max(io.len, ofs) + len, so every range below is inside.
    unsafe {
        let total = |io: *mut IoBuf| (*io).len.max(ofs).checked_add(len);
        let Some(total) = total(io).filter(|n| resize(io, *n) && total(io) == Some(*n)) else { return 0 };
        let old = (*io).len;
        if len == 0 {
            return 0;
        }
        let base = (*io).buf;
        if ofs > old {
            ptr::write_bytes(base.add(old), 0, ofs - old);
        } else {
            ptr::copy(base.add(ofs), base.add(ofs + len), old - ofs);
        }
        if !src.is_null() {
            ptr::copy(src, base.add(ofs), len);
        }
        (*io).len = total;
        len
    }
}

/// Inserts `len` bytes at `ofs <= io.len` without changing the capacity; 0 when there is no room.
///
/// # Safety
/// As for [`append`].
pub unsafe fn insert(io: *mut IoBuf, ofs: usize, src: *const u8, len: usize) -> usize {
    // SAFETY: ofs <= io.len and io.len + len <= io.size, so every range is inside.
    unsafe {
        let old = (*io).len;
        if ofs > old || (*io).size.saturating_sub(old) < len {
            return 0;
        }
        ptr::copy((*io).buf.add(ofs), (*io).buf.add(ofs + len), old - ofs);
        ptr::copy(src, (*io).buf.add(ofs), len);
        (*io).len = old + len;
    }
    len
}

/// Removes up to `len` bytes at `ofs`; the bytes that become free at the end are zeroed.
/// Returns how many were removed.
///
/// # Safety
/// As for [`resize`].
pub unsafe fn del(io: *mut IoBuf, ofs: usize, len: usize) -> usize {
    // SAFETY: ofs + n <= io.len <= io.size.
    unsafe {
        let total = (*io).len;
        let ofs = ofs.min(total);
        let n = len.min(total - ofs);
        if n > 0 {
            let base = (*io).buf;
            ptr::copy(base.add(ofs + n), base.add(ofs), total - ofs - n);
            ptr::write_bytes(base.add(total - n), 0, n);
            (*io).len = total - n;
        }
        n
    }
}
