//! The source file: data first, then the table that names it.

use std::io::{self, Write};

/// A file to be packed.
pub struct Asset {
    /// The name that the program will know it by.
    pub name: Vec<u8>,
    /// Contents.
    pub data: Vec<u8>,
    /// When it was changed last, in seconds since 1970.
    pub mtime: i64,
}

/// The language of the source.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum Language {
    /// C, and C++.
    #[default]
    C,
    /// Rust.
    Rust,
}

/// What is known about the files so far: the lines of the table.
pub struct Table {
    language: Language,
    lines: Vec<u8>,
    files: usize,
}

impl Table {
    /// Writes what precedes all data.
    pub fn start(language: Language, out: &mut impl Write) -> io::Result<Table> {
        out.write_all(match language {
            Language::C => b"/* Made by mongoose-pack. */\n#include \"mongoose.h\"\n\n".as_slice(),
            Language::Rust => {
                b"// Made by mongoose-pack.\n\nuse mongoose::abi::MemFile;\n\n\
                  /// A table of files that never changes.\n#[repr(transparent)]\n\
                  pub struct PackedFiles<const N: usize>(pub [MemFile; N]);\n\n\
                  // SAFETY: neither the table nor what it points at is ever written to.\n\
                  unsafe impl<const N: usize> Sync for PackedFiles<N> {}\n\n"
            }
        })?;
        Ok(Table { language, lines: Vec::new(), files: 0 })
    }

    /// Writes the contents of a file, with a NUL after them, and notes its line.
    pub fn add(&mut self, asset: Asset, out: &mut impl Write) -> io::Result<()> {
        let Asset { name, data, mtime } = asset;
        let (n, len) = (self.files, data.len());
        self.files += 1;
        match self.language {
            Language::C => {
                let digits = if mtime < 0 { format!("({mtime}L)") } else { format!("{mtime}L") };
                writeln!(out, "static const unsigned char file_{n}[] = {{")?;
                write_numbers(&data, out)?;
                writeln!(out, "0\n}};\n")?;
                writeln!(
                    self.lines,
                    "  {{ \"{}\", file_{n}, sizeof(file_{n}) - 1, {digits} }},",
                    escaped(&name, c_escape)
                )
            }
            Language::Rust => {
                writeln!(
                    out,
                    "static FILE_{n}: [u8; {}] = *b\"{}\\0\";\n",
                    len + 1,
                    escaped(&data, rust_escape)
                )?;
                writeln!(
                    self.lines,
                    "    MemFile {{ path: c\"{}\".as_ptr(), data: FILE_{n}.as_ptr(), size: {len}, mtime: {mtime} }},",
                    escaped(&name, rust_escape)
                )
            }
        }
    }

    /// Writes the table.
    pub fn end(self, out: &mut impl Write) -> io::Result<()> {
        match self.language {
            Language::C => {
                out.write_all(b"const struct mg_mem_file mg_packed_files[] = {\n")?;
                out.write_all(&self.lines)?;
                out.write_all(b"  { NULL, NULL, 0, 0 }\n};\n")
            }
            Language::Rust => {
                writeln!(
                    out,
                    "/// For `mg_mem_files`.\n#[unsafe(no_mangle)]\n#[allow(non_upper_case_globals)]\n\
                     pub static mg_packed_files: PackedFiles<{}> = PackedFiles([",
                    self.files + 1
                )?;
                out.write_all(&self.lines)?;
                out.write_all(
                    b"    MemFile { path: std::ptr::null(), data: std::ptr::null(), size: 0, mtime: 0 },\n]);\n",
                )
            }
        }
    }
}

/// Bytes as decimal numbers, each with a comma, some on a line.
fn write_numbers(data: &[u8], out: &mut impl Write) -> io::Result<()> {
    const ON_A_LINE: usize = 24;
    let mut line = Vec::with_capacity(4 * ON_A_LINE + 1);
    for bytes in data.chunks(ON_A_LINE) {
        line.clear();
        for b in bytes {
            write!(line, "{b},")?;
        }
        line.push(b'\n');
        out.write_all(&line)?;
    }
    Ok(())
}

fn escaped(bytes: &[u8], escape: fn(u8) -> String) -> String {
    let plain = |b: &u8| matches!(b, b' '..=b'~') && !matches!(b, b'"' | b'\\' | b'?');
    bytes.iter().map(|b| if plain(b) { char::from(*b).to_string() } else { escape(*b) }).collect()
}

/// Three octal digits: no digit that follows can become part of them. `?` too, for it begins trigraphs.
fn c_escape(b: u8) -> String {
    format!("\\{b:03o}")
}

fn rust_escape(b: u8) -> String {
    format!("\\x{b:02x}")
}
