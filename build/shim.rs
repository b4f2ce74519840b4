//! Compiles the C shim into the library.

use std::{fs, path::Path};

const DIR: &str = "src/capi/shim";

/// The whole archive is linked: nothing in Rust refers to most of it. `EXPORTED` in `src/capi/mod.rs`
/// makes the shared library export its functions.
pub fn compile() {
    println!("cargo:rerun-if-changed={DIR}");
    let mut build = cc::Build::new();
    for entry in fs::read_dir(Path::new(DIR)).expect("the C shim is part of the package") {
        let path = entry.expect("readable directory").path();
        if path.extension().is_some_and(|e| e == "c") {
            build.file(path);
        }
    }
    build
        .warnings(true)
        .extra_warnings(true)
        .flag_if_supported("-Wno-psabi")
        .link_lib_modifier("+whole-archive")
        .compile("mongoose_shim");
}
