//! Compiles the program of the end-to-end target, which is a C program.

fn main() {
    println!("cargo:rerun-if-changed=../tests/c");
    cc::Build::new()
        .file("../tests/c/end_to_end.c")
        .include("../include")
        .define("END_TO_END_LIBRARY", None)
        .compile("end_to_end");
}
