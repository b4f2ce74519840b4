//! Values that are compiled into the library and written into its header.

use std::env;

/// An option's name, which is also its environment variable and its C macro, and its value.
pub struct BuildOption {
    pub name: &'static str,
    pub value: usize,
}

/// Names and defaults.
pub const DEFAULTS: [(&str, usize); 2] = [("MG_IO_SIZE", 16384), ("MG_MAX_RECV_SIZE", 3145728)];

/// Reads the options from the environment and hands them to the crate (`env!`).
pub fn read() -> Vec<BuildOption> {
    DEFAULTS
        .iter()
        .map(|&(name, default)| {
            println!("cargo:rerun-if-env-changed={name}");
            let text = env::var(name).unwrap_or_else(|_| default.to_string());
            let value = match text.parse::<usize>() {
                Ok(value) if value > 0 => value,
                _ => {
                    panic!("{name}={text}: expected a positive decimal number, for example {name}={default}")
                }
            };
            println!("cargo:rustc-env={name}={value}");
            BuildOption { name, value }
        })
        .collect()
}
