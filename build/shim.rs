//! Compiles the C shim and exports its symbols from the shared library.
//!
//! rustc exports from a cdylib only what Rust defines. The functions that C has to define (the
//! variadic ones, and the weak ones that a program may replace) are listed in `exports.txt`, which
//! becomes a second version script. LLD, rustc's linker on x86-64 Linux, merges the two.

use std::{env, fs, path::Path};

const DIR: &str = "src/capi/shim";

pub fn compile() {
    println!("cargo:rerun-if-changed={DIR}");
    let mut build = cc::Build::new();
    for entry in fs::read_dir(DIR).expect("the C shim is part of the package") {
        let path = entry.expect("readable directory").path();
        if path.extension().is_some_and(|e| e == "c") {
            build.file(path);
        }
    }
    build.warnings(true).extra_warnings(true).flag_if_supported("-Wno-psabi").compile("mongoose_shim");

    let names = fs::read_to_string(Path::new(DIR).join("exports.txt")).expect("exports.txt");
    let mut script = String::from("{ global:\n");
    for name in names.lines() {
        script.push_str(&format!("  {name};\n"));
        println!("cargo:rustc-cdylib-link-arg=-Wl,--undefined={name}");
    }
    script.push_str("};\n");
    let path = Path::new(&env::var("OUT_DIR").expect("set by cargo")).join("exports.map");
    fs::write(&path, script).expect("OUT_DIR is writable");
    println!("cargo:rustc-cdylib-link-arg=-Wl,--version-script={}", path.display());
    if env::var("CARGO_CFG_TARGET_ARCH").as_deref() != Ok("x86_64") {
        println!("cargo:rustc-cdylib-link-arg=-fuse-ld=lld");
    }
}
