//! A panic inside an exported function ends the process with a message; it never unwinds into C.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

const PROVOKE: &str = "MONGOOSE_TEST_PROVOKE_PANIC";

extern "C" fn mg_provoked(panics: bool) {
    mongoose::fence!("mg_provoked");
    assert!(!panics, "provoked");
}

#[test]
fn a_panic_aborts_and_names_the_function() {
    if std::env::var_os(PROVOKE).is_some() {
        mg_provoked(true);
    }
    mg_provoked(false);

    let this = std::env::current_exe().expect("the path of this test");
    let child = Command::new(this)
        .args(["--nocapture", "a_panic_aborts_and_names_the_function"])
        .env(PROVOKE, "1")
        .output()
        .expect("this test can be run");
    let words = String::from_utf8_lossy(&child.stderr);
    assert_eq!(child.status.signal(), Some(libc::SIGABRT), "{words}");
    assert!(words.contains("internal error in mg_provoked()"), "{words}");
    assert!(!words.contains("cannot unwind"), "the fence must come first: {words}");
}
