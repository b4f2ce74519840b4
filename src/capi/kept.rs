//! Return values that have no other owner: each thread keeps them for a while.

use crate::abi::Str;
use core::cell::{Cell, RefCell, UnsafeCell};
use core::ffi::c_char;
use core::ptr;
use std::borrow::Cow;

/// Texts that are kept at once.
const TEXTS: usize = 16;
/// Views that are kept at once.
const VIEWS: usize = 64;

struct Views {
    places: [UnsafeCell<Str>; VIEWS],
    next: Cell<usize>,
}

thread_local! {
    static KEPT_TEXTS: RefCell<([Vec<u8>; TEXTS], usize)> = const { RefCell::new(([const { Vec::new() }; TEXTS], 0)) };
    static KEPT_DATE: UnsafeCell<[u8; 40]> = const { UnsafeCell::new([0; 40]) };
    static KEPT_VIEWS: Views =
        const { Views { places: [const { UnsafeCell::new(Str::NULL) }; VIEWS], next: Cell::new(0) } };
}

/// Keeps a text until this thread has kept sixteen more, and returns it as a C string. `None` without
/// memory.
pub fn keep_text(parts: &[&[u8]]) -> Option<*const c_char> {
    let len = parts.iter().map(|part| part.len()).sum::<usize>() + 1;
    let mut text = Vec::new();
    text.try_reserve_exact(len).ok()?;
    parts.iter().for_each(|part| text.extend_from_slice(part));
    text.push(0);
    KEPT_TEXTS
        .try_with(|kept| {
            let (texts, next) = &mut *kept.borrow_mut();
            let place = &mut texts[*next];
            *next = (*next + 1) % TEXTS;
            *place = text;
            place.as_ptr().cast()
        })
        .ok()
}

/// A part of the caller's memory, or a text of ours, which is kept like others, and cut to 4096 bytes.
pub fn text(text: Cow<'_, [u8]>) -> Str {
    const LONGEST: usize = 4096;
    match text {
        Cow::Borrowed(text) => text.into(),
        Cow::Owned(text) => {
            let text = &text[..text.len().min(LONGEST)];
            keep_text(&[text]).map_or(Str::NULL, |kept| Str { buf: kept.cast_mut(), len: text.len() })
        }
    }
}

/// Keeps a line of less than 40 bytes until this thread keeps another one.
pub fn keep_date(line: &[u8]) -> *const c_char {
    let kept = KEPT_DATE.try_with(|kept| {
        // SAFETY: the memory belongs to this thread, and no other reference to it exists now.
        let room = unsafe { &mut *kept.get() };
        let n = line.len().min(room.len() - 1);
        room[..n].copy_from_slice(&line[..n]);
        room[n] = 0;
        room.as_ptr().cast()
    });
    kept.unwrap_or(c"".as_ptr())
}

/// Keeps a view until this thread has kept 64 others, and returns its address. The same view takes
/// one place. NULL while the thread ends.
pub fn keep_view(view: Str) -> *mut Str {
    KEPT_VIEWS
        .try_with(|kept| {
            // SAFETY: the places belong to this thread, and no reference to them is made.
            let holds = |place: &UnsafeCell<Str>| unsafe {
                (*place.get()).buf == view.buf && (*place.get()).len == view.len
            };
            if let Some(place) = kept.places.iter().find(|place| holds(place)) {
                return place.get();
            }
            let place = kept.places[kept.next.get()].get();
            kept.next.set((kept.next.get() + 1) % VIEWS);
            // SAFETY: as above.
            unsafe { place.write(view) };
            place
        })
        .unwrap_or(ptr::null_mut())
}
