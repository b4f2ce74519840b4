//! Turns files into a source file, so that they become part of a program.
//!
//! The C source defines `mg_packed_files`, a table for `mg_mem_files`; the Rust source the same
//! table for programs in Rust. Everything goes to standard output.

mod gzip;
mod source;

use source::{Asset, Language};
use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::process::ExitCode;
use std::time::UNIX_EPOCH;
use std::{env, fs};

const USAGE: &str = "\
Usage: mongoose-pack [-s STRIP_PREFIX] [--gzip] [--rust] FILE...

Writes a source file with the contents of FILEs to standard output.

  -s STRIP_PREFIX  leave this out at the start of names
  --gzip           add NAME.gz for each file that becomes smaller
  --rust           write Rust instead of C
  -h, --help       this text
";

/// What was asked for.
#[derive(Default)]
struct Options {
    strip: Vec<u8>,
    gzip: bool,
    language: Language,
    files: Vec<OsString>,
}

fn main() -> ExitCode {
    if env::args_os().skip(1).take_while(|a| a != "--").any(|a| a == "-h" || a == "--help") {
        print!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let Some(options) = options(env::args_os().skip(1)) else {
        eprint!("{USAGE}");
        return ExitCode::FAILURE;
    };
    match pack(&options, &mut io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

/// Reads the command line; `None` when it makes no sense.
fn options(mut args: impl Iterator<Item = OsString>) -> Option<Options> {
    let mut options = Options::default();
    while let Some(arg) = args.next() {
        match arg.as_bytes() {
            b"-s" => options.strip = args.next()?.into_vec(),
            b"--gzip" => options.gzip = true,
            b"--rust" => options.language = Language::Rust,
            b"--" => options.files.extend(args.by_ref()),
            [b'-', _, ..] => return None,
            _ => options.files.push(arg),
        }
    }
    Some(options)
}

/// Writes the source for all files.
fn pack(options: &Options, out: &mut impl Write) -> Result<(), String> {
    let written = |e: io::Error| format!("Cannot write: {e}");
    let mut table = source::Table::start(options.language, out).map_err(written)?;
    for file in &options.files {
        let asset = read(file, &options.strip)?;
        let compressed = if options.gzip { gzip::variant(&asset)? } else { None };
        table.add(asset, out).map_err(written)?;
        if let Some(compressed) = compressed {
            table.add(compressed, out).map_err(written)?;
        }
    }
    table.end(out).map_err(written)?;
    out.flush().map_err(written)
}

/// A file under the name that the program will know it by.
fn read(file: &OsString, strip: &[u8]) -> Result<Asset, String> {
    let name = file.as_bytes();
    let problem = |e: io::Error| {
        // Without the number: `No such file or directory`.
        let text = e.to_string();
        let text = text.split(" (os error").next().unwrap_or_default();
        format!("Cannot open [{}]: {text}", file.to_string_lossy())
    };
    let data = fs::read(Path::new(file)).map_err(problem)?;
    let modified = fs::metadata(Path::new(file)).and_then(|meta| meta.modified()).map_err(problem)?;
    let mtime = match modified.duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_secs().cast_signed(),
        Err(before) => -before.duration().as_secs().cast_signed(),
    };
    // A prefix may be given with or without the slash at its end.
    let rest = name.strip_prefix(strip).filter(|_| !strip.is_empty());
    let rest = rest.map_or(name, |rest| rest.strip_prefix(b"/").unwrap_or(rest));
    let name = [b"/".as_slice(), rest].concat();
    Ok(Asset { name, data, mtime })
}
