//! The header for other processors: Clang knows the rules of each, and needs no library for them.

use crate::compiler::{Compile, Language, execute, in_parallel, scratch_dir};
use crate::facts::Facts;
use crate::program;
use std::fs;
use std::process::Command;

/// Numbers of 64 bits are aligned to 4 bytes on i686 and to 8 on the others; PowerPC and s390x are big-endian.
const TARGETS: [&str; 7] = [
    "aarch64-linux-gnu",
    "armv7-linux-gnueabihf",
    "i686-linux-gnu",
    "powerpc-linux-gnu",
    "riscv32-linux-gnu",
    "riscv64-linux-gnu",
    "s390x-linux-gnu",
];

#[test]
fn structs_follow_the_rules_of_each_platform() {
    let dir = scratch_dir().join("platforms");
    // Glibc's list of the functions that it does not have, which a library for the platform would bring.
    fs::create_dir_all(dir.join("gnu")).unwrap();
    fs::write(dir.join("gnu/stubs.h"), "").unwrap();
    let source = dir.join("rules.c");
    fs::write(&source, program::by_the_rules(&Facts::load())).unwrap();
    let multiarch = execute(Command::new("gcc").arg("-print-multiarch")).unwrap();
    let system = format!("/usr/include/{}", multiarch.trim());
    let errors = in_parallel(TARGETS.to_vec(), |target| {
        let compile = Compile::new("clang", Language::C("c11"), &source).strict(false).header(&dir);
        compile.args([&*format!("--target={target}"), "-isystem", &system]).check()
    });
    assert_eq!(errors, [""; 0]);
}
