//! A server in Rust on what bindgen makes of the header: serves one request that it sends itself,
//! prints what it was.
#![allow(non_camel_case_types, non_snake_case, non_upper_case_globals, dead_code, improper_ctypes)]

mod bindings {
    include!(env!("BINDINGS"));
}
use bindings::*;
use std::ffi::{CString, c_int, c_void};
use std::mem::MaybeUninit;

/// # Safety
/// The text is readable.
unsafe fn text(s: mg_str) -> String {
    if s.len == 0 {
        return String::new();
    }
    // SAFETY: the caller vouches for the text.
    unsafe { String::from_utf8_lossy(std::slice::from_raw_parts(s.buf.cast(), s.len as usize)).into_owned() }
}

unsafe extern "C" fn serve(c: *mut mg_connection, ev: c_int, data: *mut c_void) {
    if ev == mg_event_MG_EV_HTTP_MSG as c_int {
        // SAFETY: the data of HTTP_MSG is a message, valid during the call.
        unsafe {
            let hm = &*data.cast::<mg_http_message>();
            print!("{} {} {} {}", text(hm.method), text(hm.uri), text(hm.query), text(hm.body));
            hm.headers.iter().filter(|h| h.name.len > 0).for_each(|h| print!(" {}", text(h.name)));
            println!();
            mg_http_reply(c, 200, c"".as_ptr(), c"%s\n".as_ptr(), c"from Rust".as_ptr());
        }
    }
}

unsafe extern "C" fn got(c: *mut mg_connection, ev: c_int, data: *mut c_void) {
    if ev == mg_event_MG_EV_HTTP_MSG as c_int {
        // SAFETY: as above; main() gave this connection the String.
        unsafe { *(*c).fn_data.cast::<String>() = text((*data.cast::<mg_http_message>()).body) };
    }
}

fn main() {
    let mut reply = String::new();
    // SAFETY: one thread; the manager and the reply outlive the connections, and the strings are C strings.
    unsafe {
        mg_log_level = 0;
        let mut mgr = MaybeUninit::<mg_mgr>::uninit();
        mg_mgr_init(mgr.as_mut_ptr());
        let l = mg_http_listen(mgr.as_mut_ptr(), c"http://127.0.0.1:0".as_ptr(), Some(serve), std::ptr::null_mut());
        let url = CString::new(format!("http://127.0.0.1:{}", u16::from_be((*l).loc.port))).unwrap();
        let c = mg_http_connect(mgr.as_mut_ptr(), url.as_ptr(), Some(got), (&raw mut reply).cast());
        let request = c"POST /a?b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi";
        mg_printf(c, c"%s".as_ptr(), request.as_ptr());
        for _ in 0..2000 {
            mg_mgr_poll(mgr.as_mut_ptr(), 10);
            if !reply.is_empty() {
                break;
            }
        }
        mg_mgr_free(mgr.as_mut_ptr());
    }
    print!("{reply}");
}
