//! Writes `mongoose.h`: the prelude, what cbindgen makes of `src/abi` and `src/capi`, the trailer.

use super::options::BuildOption;
use super::tidy::{comment, tidy};
use cbindgen::{Builder, Config, ItemType};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

const ABI: &str = "src/abi";
const CAPI: &str = "src/capi";
const CONFIG: &str = "cbindgen.toml";
/// What the compiler and the program say, and macros for programs.
const PRELUDE: [&str; 2] = ["src/abi/prelude.h", "src/abi/macros.h"];
/// Not for cbindgen: it knows no text, and a program may define most of these itself.
const CONSTANTS: &str = "config.rs";
const TRAILER: &str = "src/abi/trailer.h";

/// What a reader of the header wants to see first, in order of use, and last.
const FIRST: [&str; 32] = [
    "mgr.rs",
    "conn.rs",
    "settings.rs",
    "http_parse.rs",
    "http_reply.rs",
    "http_serve.rs",
    "http_upload.rs",
    "http_vars.rs",
    "http_auth.rs",
    "http_multipart.rs",
    "http_etag.rs",
    "ws.rs",
    "ws_frame.rs",
    "tls.rs",
    "mqtt.rs",
    "dns.rs",
    "sntp.rs",
    "json.rs",
    "rpc.rs",
    "dash.rs",
    "fmt.rs",
    "print.rs",
    "output.rs",
    "str.rs",
    "url.rs",
    "log.rs",
    "iobuf.rs",
    "queue.rs",
    "fs.rs",
    "time.rs",
    "random.rs",
    "mem.rs",
];
const LAST: [&str; 9] = [
    "device.rs",
    "layout.rs",
    "addr.rs",
    "byteorder.rs",
    "crc16.rs",
    "crc32.rs",
    "digest.rs",
    "base64.rs",
    "acl.rs",
];

/// Writes the header beside the library: `target/release/include/mongoose.h`. Nothing is written
/// into the source tree; `make header` copies it to `include/`.
pub fn write(options: &[BuildOption]) {
    println!("cargo:rustc-check-cfg=cfg(cbindgen)");
    for path in [ABI, CAPI, CONFIG] {
        println!("cargo:rerun-if-changed={path}");
    }
    let out_dir = PathBuf::from(env::var("OUT_DIR").expect("set by cargo"));
    // <target>/<profile>/build/<package>-<hash>/out
    let profile = out_dir.ancestors().nth(3).expect("OUT_DIR is inside the target directory");
    update(&profile.join("include"), &generate(options)).expect("the target directory is writable");
}

/// Writes `mongoose.h` if it differs, so that programs are not built again for nothing.
fn update(dir: &Path, text: &str) -> io::Result<()> {
    let path = dir.join("mongoose.h");
    if fs::read_to_string(&path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    fs::create_dir_all(dir)?;
    fs::write(&path, text)
}

fn generate(options: &[BuildOption]) -> String {
    let mut abi = modules(Path::new(ABI));
    abi.retain(|file| !file.ends_with(CONSTANTS));
    let mut config = Config::from_file(CONFIG).expect(CONFIG);
    // cbindgen leaves out what no function uses unless it is named. In front of a type it writes
    // what the type needs, be it by value or by pointer; begun with the manager, that works out.
    config.export.include = vec!["Manager".to_string()];
    config.export.include.extend(abi.iter().flat_map(|file| type_names(&read(file))));

    let mut out = PRELUDE.map(|part| filled(part, options)).join("\n");

    config.export.item_types =
        vec![ItemType::Constants, ItemType::Enums, ItemType::Structs, ItemType::Unions, ItemType::Typedefs];
    let types = tidy(&bindings(&config, &abi, None));
    out.push_str(&forward_declarations(&types));
    out.push_str(&types);

    config.export.item_types = vec![ItemType::Functions, ItemType::Globals];
    for file in modules(Path::new(CAPI)) {
        let declarations = tidy(&bindings(&config, &abi, Some(&file)));
        if !declarations.trim().is_empty() {
            out.push_str(&section(&read(&file)));
            out.push_str(&declarations);
        }
    }
    out + &filled(TRAILER, options)
}

/// A part of the header with the values of build options and of the constants in `config.rs`.
fn filled(part: &str, options: &[BuildOption]) -> String {
    let constants = read(&Path::new(ABI).join(CONSTANTS));
    let constants = constants.lines().filter_map(|line| {
        let (name, value) = line.strip_prefix("pub const ")?.strip_suffix(';')?.split_once(" = ")?;
        Some((name.split_once(':')?.0.to_string(), value.to_string()))
    });
    let options = options.iter().map(|option| (option.name.to_string(), option.value.to_string()));
    let values: Vec<_> = options.chain(constants).collect();
    read(Path::new(part)).lines().fold(String::new(), |out, line| {
        let fill = |line: String, (name, value): &(String, String)| line.replace(&format!("@{name}@"), value);
        let line = values.iter().fold(line.to_string(), fill);
        assert!(!line.contains("@MG_"), "{part}: no such constant: {line}");
        out + &line + "\n"
    })
}

/// Runs cbindgen on the types and, for its functions and data, on one file.
fn bindings(config: &Config, abi: &[PathBuf], file: Option<&PathBuf>) -> String {
    let mut builder = Builder::new().with_config(config.clone());
    for path in abi.iter().chain(file) {
        builder = builder.with_src(path);
    }
    let mut out = Vec::new();
    builder.generate().expect("the sources can be parsed").write(&mut out);
    String::from_utf8(out).expect("cbindgen writes UTF-8")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files of the modules below `dir`, [`FIRST`] ones first, [`LAST`] ones last. Without `mod.rs`, which cbindgen
/// would follow to all others.
fn modules(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in read(&dir.join("mod.rs")).lines() {
        let declaration = line.strip_prefix("pub ").unwrap_or(line);
        let Some(name) = declaration.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';')) else {
            continue;
        };
        match dir.join(name) {
            inner if inner.is_dir() => files.extend(modules(&inner)),
            file => files.push(file.with_extension("rs")),
        }
    }
    let place = |names: &[&str], file: &PathBuf| names.iter().position(|name| file.ends_with(name));
    let rank = |file: &PathBuf| match place(&FIRST, file) {
        Some(at) => at,
        None => FIRST.len() + place(&LAST, file).map_or(0, |at| at + 1),
    };
    files.sort_by_key(|file| (rank(file), file.clone()));
    files
}

/// The public types of a Rust file.
fn type_names(source: &str) -> Vec<String> {
    let item = |line: &str| {
        let rest = line.strip_prefix("pub ")?;
        let rest = ["struct ", "union ", "enum ", "type "].iter().find_map(|kind| rest.strip_prefix(kind))?;
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        Some(rest[..end].to_string())
    };
    source.lines().filter_map(item).collect()
}

/// Structs may point at each other.
fn forward_declarations(types: &str) -> String {
    let tags = types.lines().filter_map(|line| line.strip_prefix("struct ")?.strip_suffix(" {"));
    tags.map(|tag| format!("struct {tag};\n")).chain(["\n".to_string()]).collect()
}

/// The heading of a section, which is the first sentence of its module's documentation, and the rest of
/// that as a comment.
fn section(source: &str) -> String {
    let lines: Vec<&str> = source
        .lines()
        .map_while(|line| line.strip_prefix("//!"))
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect();
    let end = lines.iter().position(|line| line.is_empty()).unwrap_or(lines.len());
    let (first, rest) = lines.split_at(end);
    let first = first.join(" ");
    let (title, more) = first.split_once(". ").unwrap_or((first.trim_end_matches('.'), ""));
    let mut body: Vec<String> = wrap(more);
    if !body.is_empty() && !rest.is_empty() {
        body.push(String::new());
    }
    body.extend(rest.iter().skip(1).map(ToString::to_string));
    let intro = if body.is_empty() { String::new() } else { comment("", &body) + "\n" };
    format!("\n{}\n{intro}", heading(title))
}

/// A heading; a long one takes several lines.
fn heading(title: &str) -> String {
    let text = format!("/* ---- {title} ---- */");
    if text.len() <= WIDTH {
        return text + "\n";
    }
    let lines = wrap(title);
    let last = lines.len() - 1;
    let lines = lines.iter().enumerate().map(|(i, line)| {
        let start = if i == 0 { "/* ----" } else { " *     " };
        let end = if i == last { " ---- */" } else { "" };
        format!("{start} {line}{end}\n")
    });
    lines.collect()
}

/// Longest line of the header.
const WIDTH: usize = 100;

/// Text in lines that fit into a comment.
fn wrap(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + word.len() < WIDTH - 20 => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_string()),
        }
    }
    lines
}
