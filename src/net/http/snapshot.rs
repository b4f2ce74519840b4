//! A message that stays readable whatever handlers do.

use super::serve::Request;
use crate::abi::{HttpMessage, HttpMessageSpace, Str, layout};
use crate::net::event_loop::view;
use core::ptr;

/// A copy of a message and of its head, into which its views point. The body is not copied: its view
/// is the program's.
pub struct Snapshot {
    hm: HttpMessageSpace,
    head: Vec<u8>,
}

impl Snapshot {
    /// The copy of a message.
    ///
    /// # Safety
    /// `hm` points to a message whose views are valid now. Those outside of its head, which the
    /// program made, stay valid.
    pub unsafe fn new(hm: *const HttpMessage) -> Snapshot {
        let mut it = Snapshot { hm: HttpMessageSpace::uninit(), head: Vec::new() };
        let copy = it.hm.as_mut_ptr();
        // SAFETY: the caller vouches for the message; slots after the first without a name may be
        // uninitialised, and are not looked at.
        unsafe {
            ptr::copy_nonoverlapping(hm.cast::<u8>(), copy.cast(), HttpMessage::size());
            let old = *HttpMessage::head_at(hm);
            it.head = view::bytes(old).to_vec();
            let start: *mut u8 = it.head.as_mut_ptr();
            let rebase = |part: *mut Str| {
                let at = ((*part).buf as usize).wrapping_sub(old.buf as usize);
                if !(*part).buf.is_null() && at <= it.head.len() {
                    (*part).buf = start.wrapping_add(at).cast();
                }
            };
            rebase(&raw mut (*copy).method);
            rebase(&raw mut (*copy).uri);
            rebase(&raw mut (*copy).query);
            rebase(&raw mut (*copy).proto);
            rebase(HttpMessage::head_at(copy));
            for i in 0..layout::headers() {
                let slot = HttpMessage::headers_at(copy).add(i);
                if (*slot).name.len == 0 {
                    break;
                }
                rebase(&raw mut (*slot).name);
                rebase(&raw mut (*slot).value);
            }
        }
        it
    }

    /// What file serving looks at.
    pub fn request(&self) -> Request<'_> {
        // SAFETY: the views of the copy are valid as long as it.
        unsafe { Request::new(self.as_ptr()) }
    }

    /// The message, valid as long as the copy.
    pub fn as_ptr(&self) -> *const HttpMessage {
        self.hm.as_ptr()
    }
}
