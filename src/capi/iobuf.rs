//! `struct mg_iobuf`: growable buffers.

use crate::abi::IoBuf;
use crate::fence;
use crate::net::event_loop::iobuf;
use core::ffi::c_void;

/// Initialises a buffer: overwrites all fields (releases nothing), then allocates.
///
/// `size` bytes, rounded up to a multiple of `align`, zeroed. `align` is how much the buffer grows
/// at a time; 0 means exactly as much as needed.
///
/// # Returns
/// false when memory is exhausted; the buffer is then empty and usable.
///
/// # Threads
/// Any thread, one at a time for each buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_iobuf_init(io: *mut IoBuf, size: usize, align: usize) -> bool {
    fence!("mg_iobuf_init");
    if io.is_null() {
        return false;
    }
    // SAFETY: the caller passes writable memory for the struct.
    unsafe {
        io.write(IoBuf { buf: core::ptr::null_mut(), size: 0, len: 0, align });
        iobuf::resize(io, size)
    }
}

/// Makes the capacity exactly `new_size`, rounded up to a multiple of `align`: grows or shrinks.
///
/// Contents are kept up to the new capacity. Pointers into the old memory dangle, and the old
/// memory is zeroed before it is released. `new_size` 0 releases the memory.
///
/// # Returns
/// false when memory is exhausted; nothing has changed then.
///
/// # Threads
/// Any thread, one at a time for each buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_iobuf_resize(io: *mut IoBuf, new_size: usize) -> bool {
    fence!("mg_iobuf_resize");
    if io.is_null() {
        return false;
    }
    // SAFETY: the caller passes a valid buffer.
    let done = unsafe { iobuf::resize(io, new_size) };
    if !done {
        crate::net::event_loop::log::error(format_args!("out of memory: buffer of {new_size} bytes"));
    }
    done
}

/// Releases the memory of a buffer; `align` stays, and the buffer is usable again at once.
///
/// # Threads
/// Any thread, one at a time for each buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_iobuf_free(io: *mut IoBuf) {
    fence!("mg_iobuf_free");
    if !io.is_null() {
        // SAFETY: the caller passes a valid buffer.
        unsafe { iobuf::free(io) }
    }
}

/// Inserts `len` bytes at offset `ofs`; what was there moves right.
///
/// `buf` may be NULL: then the inserted bytes are whatever was in the memory. It may point into
/// another buffer, not into this one. When `ofs` is beyond the end, the gap is filled with zeros.
/// The capacity becomes exactly what is needed, rounded up to a multiple of `align`.
///
/// # Returns
/// `len`, or 0 when memory is exhausted; nothing has changed then.
///
/// # Threads
/// Any thread, one at a time for each buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_iobuf_add(io: *mut IoBuf, ofs: usize, buf: *const c_void, len: usize) -> usize {
    fence!("mg_iobuf_add");
    if io.is_null() {
        return 0;
    }
    // SAFETY: the caller passes a valid buffer, and len readable bytes unless buf is NULL.
    unsafe { iobuf::add(io, ofs, buf.cast(), len) }
}

/// Removes `len` bytes at offset `ofs`; what follows moves left.
///
/// Both are clamped to what is there. The bytes that become free at the end are zeroed; the
/// capacity stays.
///
/// # Returns
/// How many bytes were removed.
///
/// # Threads
/// Any thread, one at a time for each buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_iobuf_del(io: *mut IoBuf, ofs: usize, len: usize) -> usize {
    fence!("mg_iobuf_del");
    if io.is_null() {
        return 0;
    }
    // SAFETY: the caller passes a valid buffer.
    unsafe { iobuf::del(io, ofs, len) }
}
