//! Writes `include/mongoose.h` with cbindgen.

use super::options::BuildOption;

pub fn write(_options: &[BuildOption]) {
    println!("cargo:rustc-check-cfg=cfg(cbindgen)");
}
