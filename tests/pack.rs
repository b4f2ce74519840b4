//! The tool `mongoose-pack`: its command line, and that compilers take what it writes.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, UNIX_EPOCH};
use std::{env, fs};

/// A directory with files to pack, removed at the end.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Place {
        let dir = env::temp_dir().join(format!("mongoose-pack-{}-{name}", std::process::id()));
        let place = Place(dir);
        place.put("a/x.txt", b"hello\n");
        place.put("empty", b"");
        let all: Vec<u8> = (0..=255).collect();
        place.put("all", &all);
        place.put("q\"u\\o??/te", b"q");
        place.put("text", "many words ".repeat(1000).as_bytes());
        place
    }

    fn put(&self, name: &str, data: &[u8]) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, data).unwrap();
        let file = fs::File::options().append(true).open(&path).unwrap();
        file.set_modified(UNIX_EPOCH + Duration::from_secs(1_700_000_000)).unwrap();
    }

    fn pack(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_mongoose-pack")).args(args).current_dir(&self.0).output().unwrap()
    }

    /// What the tool writes, when it succeeds.
    fn source(&self, args: &[&str]) -> String {
        let output = self.pack(args);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Compiles a program, runs it, and returns what it prints.
    fn run(&self, compiler: &str, args: &[&str]) -> String {
        let done = Command::new(compiler).args(args).current_dir(&self.0).stdin(Stdio::null()).output();
        let done = done.unwrap_or_else(|e| panic!("{compiler}: {e}"));
        assert!(done.status.success(), "{compiler}: {}", String::from_utf8_lossy(&done.stderr));
        let done = Command::new(self.0.join("program")).output().unwrap();
        assert!(done.status.success(), "{done:?}");
        String::from_utf8(done.stdout).unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Prints the table: path, size, mtime, the byte after the data, sum of all bytes.
const PRINTER: &str = r#"
#include <stdio.h>
#include "mongoose.h"
int main(void) {
  const struct mg_mem_file *f;
  for (f = mg_packed_files; f->path != NULL; f++) {
    size_t i;
    unsigned long sum = 0;
    for (i = 0; i < f->size; i++) sum = sum * 31 + f->data[i];
    printf("%s %lu %lu %d %lx\n", f->path, (unsigned long) f->size, (unsigned long) f->mtime, f->data[f->size], sum);
  }
  return f->data == NULL && f->size == 0 && f->mtime == 0 ? 0 : 1;
}
"#;

const FLAGS: [&str; 10] = [
    "-W",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-pedantic",
    "-Wshadow",
    "-Wconversion",
    "-Wdouble-promotion",
    "-Wundef",
    "-Woverflow",
];

fn expected(names: &[(&str, &[u8])]) -> String {
    let sum = |data: &[u8]| data.iter().fold(0u64, |s, b| s.wrapping_mul(31).wrapping_add(u64::from(*b)));
    names.iter().map(|(name, data)| format!("{name} {} 1700000000 0 {:x}\n", data.len(), sum(data))).collect()
}

#[test]
fn c_and_cpp() {
    let place = Place::new("c");
    let all: Vec<u8> = (0..=255).collect();
    let include = format!("-I{}/include", env!("CARGO_MANIFEST_DIR"));
    let files = ["a/x.txt", "empty", "all", "q\"u\\o??/te", "./a/x.txt"];
    fs::write(place.0.join("packed_fs.c"), place.source(&files)).unwrap();
    fs::write(place.0.join("main.c"), PRINTER).unwrap();
    let wanted = expected(&[
        ("/a/x.txt", b"hello\n"),
        ("/empty", b""),
        ("/all", &all),
        ("/q\"u\\o??/te", b"q"),
        ("/./a/x.txt", b"hello\n"),
    ]);
    for (compiler, standard) in [
        ("cc", "-std=c99"),
        ("cc", "-std=gnu89"),
        ("cc", "-std=c11"),
        ("c++", "-std=c++98"),
        ("c++", "-std=c++17"),
    ] {
        let mut args = vec![standard, &include, "-o", "program"];
        args.extend(FLAGS);
        if compiler == "cc" {
            args.extend(["-Wmissing-prototypes", "-Wno-long-long", "main.c", "packed_fs.c"]);
        } else {
            args.extend(["-Wno-long-long", "-x", "c++", "main.c", "packed_fs.c"]);
        }
        assert_eq!(place.run(compiler, &args), wanted, "{compiler} {standard}");
    }
    // One name is visible to the linker, beside those that the header adds to every program, which are weak.
    let symbols = Command::new("cc").args(["-c", "packed_fs.c", &include]).current_dir(&place.0).status();
    assert!(symbols.unwrap().success());
    let symbols =
        Command::new("nm").args(["-g", "--defined-only", "packed_fs.o"]).current_dir(&place.0).output();
    let symbols = String::from_utf8(symbols.unwrap().stdout).unwrap();
    let strong = symbols.lines().filter(|line| !line.contains(" V ") && !line.contains(" W "));
    let names: Vec<&str> = strong.filter_map(|line| line.split(' ').next_back()).collect();
    assert_eq!(names, ["mg_packed_files"]);
}

#[test]
fn rust() {
    let place = Place::new("rust");
    let all: Vec<u8> = (0..=255).collect();
    // The crate's type, without the crate.
    let stub = "mod mongoose { pub mod abi {
        pub struct MemFile { pub path: *const i8, pub data: *const u8, pub size: usize, pub mtime: i64 } } }
        fn main() {
            for f in mg_packed_files.0.iter().take_while(|f| !f.path.is_null()) {
                // SAFETY: the packed texts are constants that end with a zero byte.
                let path = unsafe { std::ffi::CStr::from_ptr(f.path) }.to_str().unwrap();
                // SAFETY: the data of a packed file is as long as it says, and a zero byte.
                let data = unsafe { std::slice::from_raw_parts(f.data, f.size + 1) };
                let sum = data[..f.size].iter().fold(0u64, |s, b| s.wrapping_mul(31).wrapping_add(u64::from(*b)));
                println!(\"{path} {} {} {} {sum:x}\", f.size, f.mtime, data[f.size]);
            }
        }\n";
    let source = place.source(&["--rust", "all", "empty", "q\"u\\o??/te"]);
    fs::write(place.0.join("main.rs"), source + stub).unwrap();
    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_string());
    let out = place.run(&rustc, &["--edition=2024", "-Dwarnings", "main.rs", "-o", "program"]);
    assert_eq!(out, expected(&[("/all", &all), ("/empty", b""), ("/q\"u\\o??/te", b"q")]));
}

#[test]
fn names() {
    let place = Place::new("names");
    let paths = |args: &[&str]| -> Vec<String> {
        let source = place.source(args);
        let lines = source.lines().filter_map(|line| line.strip_prefix("  { \""));
        lines.filter_map(|line| Some(line.split_once('"')?.0.to_string())).collect()
    };
    let full = place.0.join("empty").display().to_string();
    assert_eq!(paths(&["-s", "a/", "a/x.txt", "empty"]), ["/x.txt", "/empty"]);
    assert_eq!(paths(&["-s", "a", "a/x.txt"]), ["/x.txt"]);
    assert_eq!(paths(&["a/x.txt", "-s", "x", "-s", "a/"]), ["/x.txt"]);
    assert_eq!(paths(&["-s", "a/x.txt.and.more", "a/x.txt"]), ["/a/x.txt"]);
    assert_eq!(paths(&[&full]), [format!("/{full}")]);
    assert_eq!(paths(&[]), [""; 0]);
    assert!(place.source(&[]).contains("{ NULL, NULL, 0, 0 }"));
}

#[test]
fn compressed_variants() {
    let place = Place::new("gzip");
    fs::write(place.0.join("packed_fs.c"), place.source(&["--gzip", "text", "a/x.txt"])).unwrap();
    fs::write(place.0.join("main.c"), PRINTER).unwrap();
    let include = format!("-I{}/include", env!("CARGO_MANIFEST_DIR"));
    let out = place.run("cc", &[&include, "-o", "program", "main.c", "packed_fs.c"]);
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines.len() == 3 && lines[0].starts_with("/text 11000 "), "{out}");
    assert!(lines[1].starts_with("/text.gz ") && lines[2].starts_with("/a/x.txt 6 "), "{out}");
    let size: usize = lines[1].split(' ').nth(1).unwrap().parse().unwrap();
    assert!(size < 200, "{out}");
}

#[test]
fn problems() {
    let place = Place::new("problems");
    let fails = |args: &[&str]| {
        let output = place.pack(args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert_eq!(fails(&["a/x.txt", "none"]), "Cannot open [none]: No such file or directory\n");
    assert_eq!(fails(&["a"]), "Cannot open [a]: Is a directory\n");
    for args in [&["-s"][..], &["--unknown"], &["a/x.txt", "-s"]] {
        assert!(fails(args).starts_with("Usage: mongoose-pack "), "{args:?}");
    }
    for args in [&["-h"][..], &["--help"]] {
        let output = place.pack(args);
        assert!(output.status.success(), "{args:?}");
        assert!(output.stdout.starts_with(b"Usage: mongoose-pack "), "{args:?}");
    }
    assert!(Path::new(&place.0).exists());
}
