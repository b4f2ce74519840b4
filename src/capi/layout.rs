//! Layout of structs

use crate::abi::layout::{self, DEFAULT, Layout};
use crate::fence;
use std::process;
use std::sync::{Mutex, PoisonError};

/// What a part of the program was compiled with, once that is known.
static CHOSEN: Mutex<Option<Layout>> = Mutex::new(None);

/// Tells the library which sizes the program was compiled with: `MG_DATA_SIZE`, `MG_MAX_HTTP_HEADERS`
/// and `MG_DASH_MAX_USER_NAME`. An addition of this library.
///
/// Programs need not call it: where one of the macros has a value of the program's, the header calls it
/// before `main`. Programs in other languages that declare the structs themselves call it before the first
/// `mg_mgr_init`. One process has one layout, which counts for all its managers.
///
/// # Errors
/// When parts of the program were compiled with different values, when a manager exists that has other
/// ones, or with a value above 1048576: says so on the standard error and aborts, since each part would
/// read and write at the wrong places.
///
/// # Threads
/// Before other threads use the library.
#[unsafe(no_mangle)]
pub extern "C" fn mg_set_layout(data_size: usize, http_headers: usize, dash_user_name: usize) {
    fence!("mg_set_layout");
    let wanted = Layout { data: data_size, headers: http_headers, user_name: dash_user_name };
    let mut chosen = CHOSEN.lock().unwrap_or_else(PoisonError::into_inner);
    if [data_size, http_headers, dash_user_name].iter().any(|size| *size > Layout::LARGEST) {
        conflict(wanted, &format!("the largest value is {}", Layout::LARGEST));
    }
    match *chosen {
        Some(other) if other != wanted => conflict(
            wanted,
            &format!("another part with {}; compile all parts with the same values", words(other)),
        ),
        _ => layout::set(wanted),
    }
    *chosen = Some(wanted);
}

/// A manager is made: what the layout is now, it stays.
pub(super) fn keep() {
    CHOSEN.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(DEFAULT);
}

fn words(layout: Layout) -> String {
    let Layout { data, headers, user_name } = layout;
    format!("MG_DATA_SIZE={data} MG_MAX_HTTP_HEADERS={headers} MG_DASH_MAX_USER_NAME={user_name}")
}

/// Ends the process: nothing that follows could work.
#[cold]
fn conflict(wanted: Layout, why: &str) -> ! {
    eprintln!("libmongoose: a part of this program was compiled with {}, {why}", words(wanted));
    process::abort()
}
