//! The layout that the process uses for structs whose size a program chooses.
//!
//! `MG_DATA_SIZE`, `MG_MAX_HTTP_HEADERS` and `MG_DASH_MAX_USER_NAME` are macros of the program. The
//! Rust structs have the default sizes. A program that was compiled with others says so before
//! `main` (`mg_set_layout`, which the header calls), and what follows the array in each struct is
//! then at other offsets. So those fields are private in Rust, and found through the functions of
//! this file, which compute addresses and access nothing. An offset is one load from a static.

use super::config::{MG_DASH_MAX_USER_NAME, MG_DATA_SIZE, MG_MAX_HTTP_HEADERS};
use super::core::{Connection, Str};
use super::dash::{Dash, DashUser};
use super::http::{HttpHeader, HttpMessage};
use core::ffi::{c_char, c_int, c_void};
use core::mem::{MaybeUninit, offset_of};
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Sizes that a program chooses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layout {
    /// `MG_DATA_SIZE`.
    pub data: usize,
    /// `MG_MAX_HTTP_HEADERS`.
    pub headers: usize,
    /// `MG_DASH_MAX_USER_NAME`.
    pub user_name: usize,
}

impl Layout {
    /// The largest value of each, so that no size overflows.
    pub const LARGEST: usize = 1 << 20;
}

/// The sizes of a program that chooses none.
pub const DEFAULT: Layout =
    Layout { data: MG_DATA_SIZE, headers: MG_MAX_HTTP_HEADERS, user_name: MG_DASH_MAX_USER_NAME };

/// Offset of `tls` in a connection with so many bytes of `data`.
const fn tls_offset(data: usize) -> usize {
    offset_of!(Connection, data) + data.next_multiple_of(align_of::<*mut c_void>())
}

/// Offset of `body` in a message with so many headers.
const fn body_offset(headers: usize) -> usize {
    offset_of!(HttpMessage, headers) + headers * size_of::<HttpHeader>()
}

static TLS: AtomicUsize = AtomicUsize::new(tls_offset(MG_DATA_SIZE));
static HEADERS: AtomicUsize = AtomicUsize::new(MG_MAX_HTTP_HEADERS);
static BODY: AtomicUsize = AtomicUsize::new(body_offset(MG_MAX_HTTP_HEADERS));
static USER_NAME: AtomicUsize = AtomicUsize::new(MG_DASH_MAX_USER_NAME);

/// Uses another layout from now on. Nothing that has one may exist.
pub fn set(layout: Layout) {
    TLS.store(tls_offset(layout.data), Relaxed);
    HEADERS.store(layout.headers, Relaxed);
    BODY.store(body_offset(layout.headers), Relaxed);
    USER_NAME.store(layout.user_name, Relaxed);
}

/// Slots in `headers` of a message.
#[inline]
pub fn headers() -> usize {
    HEADERS.load(Relaxed)
}

impl Connection {
    /// Bytes of a connection.
    pub fn size() -> usize {
        const BEHIND_DATA: usize =
            offset_of!(Connection, flags) + size_of::<u32>() - offset_of!(Connection, tls);
        (TLS.load(Relaxed) + BEHIND_DATA).next_multiple_of(align_of::<Connection>())
    }

    /// Where `data` of a connection is.
    #[inline]
    pub fn data_at(this: *const Connection) -> *mut [u8; MG_DATA_SIZE] {
        this.wrapping_byte_add(offset_of!(Connection, data)).cast_mut().cast()
    }

    /// Where `tls` of a connection is.
    #[inline]
    pub fn tls_at(this: *const Connection) -> *mut *mut c_void {
        this.wrapping_byte_add(TLS.load(Relaxed)).cast_mut().cast()
    }

    /// Where the flags of a connection are.
    #[inline]
    pub fn flags_at(this: *const Connection) -> *mut u32 {
        const BEHIND_TLS: usize = offset_of!(Connection, flags) - offset_of!(Connection, tls);
        this.wrapping_byte_add(TLS.load(Relaxed) + BEHIND_TLS).cast_mut().cast()
    }
}

/// Bytes of a message after its headers.
const BEHIND_HEADERS: usize = size_of::<HttpMessage>() - offset_of!(HttpMessage, body);
/// Headers for which a message needs no memory from the heap.
const HEADERS_INLINE: usize = 64;
/// Words of such a message.
const WORDS_INLINE: usize = (body_offset(HEADERS_INLINE) + BEHIND_HEADERS).div_ceil(size_of::<u64>());

/// Room for a message.
pub struct HttpMessageSpace {
    inline: [MaybeUninit<u64>; WORDS_INLINE],
    heap: Option<Box<[MaybeUninit<u64>]>>,
}

impl HttpMessageSpace {
    /// Room in which nothing is set.
    #[inline]
    pub fn uninit() -> HttpMessageSpace {
        let needs_heap = headers() > HEADERS_INLINE;
        let heap = needs_heap.then(|| Box::new_uninit_slice(HttpMessage::size().div_ceil(size_of::<u64>())));
        HttpMessageSpace { inline: [const { MaybeUninit::uninit() }; WORDS_INLINE], heap }
    }

    /// The message in it.
    #[inline]
    pub fn as_mut_ptr(&mut self) -> *mut HttpMessage {
        self.heap.as_deref_mut().unwrap_or(&mut self.inline).as_mut_ptr().cast()
    }

    /// The message in it.
    pub fn as_ptr(&self) -> *const HttpMessage {
        self.heap.as_deref().unwrap_or(&self.inline).as_ptr().cast()
    }
}

impl HttpMessage {
    /// Bytes of a message.
    pub fn size() -> usize {
        BODY.load(Relaxed) + BEHIND_HEADERS
    }

    /// Where the first slot for a header is. The others follow it.
    #[inline]
    pub fn headers_at(this: *const HttpMessage) -> *mut HttpHeader {
        this.wrapping_byte_add(offset_of!(HttpMessage, headers)).cast_mut().cast()
    }

    /// Where `body` of a message is.
    #[inline]
    pub fn body_at(this: *const HttpMessage) -> *mut Str {
        this.wrapping_byte_add(BODY.load(Relaxed)).cast_mut().cast()
    }

    /// Where `head` of a message is.
    #[inline]
    pub fn head_at(this: *const HttpMessage) -> *mut Str {
        const BEHIND_BODY: usize = offset_of!(HttpMessage, head) - offset_of!(HttpMessage, body);
        HttpMessage::body_at(this).wrapping_byte_add(BEHIND_BODY)
    }

    /// Where `message` of a message is.
    #[inline]
    pub fn message_at(this: *const HttpMessage) -> *mut Str {
        const BEHIND_BODY: usize = offset_of!(HttpMessage, message) - offset_of!(HttpMessage, body);
        HttpMessage::body_at(this).wrapping_byte_add(BEHIND_BODY)
    }
}

/// Bytes of a session token with its NUL.
const TOKEN_SIZE: usize = {
    const fn len<const N: usize>(_: fn(&DashUser) -> &[c_char; N]) -> usize {
        N
    }
    len(|user| &user.token)
};

impl DashUser {
    /// Offsets of `token`, `level`, `expire` and `dash`, and the size.
    const fn offsets(name: usize) -> [usize; 5] {
        let token = offset_of!(DashUser, name) + name;
        let level = (token + TOKEN_SIZE).next_multiple_of(align_of::<c_int>());
        let expire = (level + size_of::<c_int>()).next_multiple_of(align_of::<u64>());
        let dash = expire + size_of::<u64>();
        let size = (dash + size_of::<*mut Dash>()).next_multiple_of(align_of::<DashUser>());
        [token, level, expire, dash, size]
    }

    fn at<T>(this: *const DashUser, field: usize) -> *mut T {
        this.wrapping_byte_add(DashUser::offsets(USER_NAME.load(Relaxed))[field]).cast_mut().cast()
    }

    /// Bytes of a user.
    pub fn size() -> usize {
        DashUser::offsets(USER_NAME.load(Relaxed))[4]
    }

    /// Where `name` of a user is, and how long it may be.
    pub fn name_at(this: *const DashUser) -> *mut [c_char] {
        let first = this.wrapping_byte_add(offset_of!(DashUser, name)).cast_mut().cast();
        ptr::slice_from_raw_parts_mut(first, USER_NAME.load(Relaxed))
    }

    /// Where `token` of a user is.
    pub fn token_at(this: *const DashUser) -> *mut [c_char] {
        ptr::slice_from_raw_parts_mut(DashUser::at(this, 0), TOKEN_SIZE)
    }

    /// Where `level` of a user is.
    pub fn level_at(this: *const DashUser) -> *mut c_int {
        DashUser::at(this, 1)
    }

    /// Where `expire` of a user is.
    pub fn expire_at(this: *const DashUser) -> *mut u64 {
        DashUser::at(this, 2)
    }

    /// Where `dash` of a user is.
    pub fn dash_at(this: *const DashUser) -> *mut *mut Dash {
        DashUser::at(this, 3)
    }
}
