//! A message that stays readable whatever handlers do.

use crate::abi::{HttpMessage, MG_MAX_HTTP_HEADERS, Str};
use crate::net::event_loop::view;
use core::mem::MaybeUninit;
use core::ptr;

/// A copy of a message and of its head, into which its views point. The body is not copied: its view
/// is the program's.
pub struct Snapshot {
    hm: MaybeUninit<HttpMessage>,
    head: Vec<u8>,
}

impl Snapshot {
    /// The copy of a message.
    ///
    /// # Safety
    /// `hm` points to a message whose views are valid now. Those outside of its head, which the
    /// program made, stay valid.
    pub unsafe fn new(hm: *const HttpMessage) -> Snapshot {
        let mut it = Snapshot { hm: MaybeUninit::uninit(), head: Vec::new() };
        let copy = it.hm.as_mut_ptr();
        // SAFETY: the caller vouches for the message; slots behind the first without a name may be
        // uninitialised, and are not looked at.
        unsafe {
            ptr::copy_nonoverlapping(hm, copy, 1);
            let old = (*hm).head;
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
            rebase(&raw mut (*copy).head);
            for i in 0..MG_MAX_HTTP_HEADERS {
                let slot = &raw mut (*copy).headers[i];
                if (*slot).name.len == 0 {
                    break;
                }
                rebase(&raw mut (*slot).name);
                rebase(&raw mut (*slot).value);
            }
        }
        it
    }

    /// The message, valid as long as the copy.
    pub fn as_ptr(&self) -> *const HttpMessage {
        self.hm.as_ptr()
    }
}
