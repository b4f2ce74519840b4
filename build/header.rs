//! Writes `mongoose.h`: the prelude, what cbindgen makes of `src/abi` and `src/capi`, the trailer.

use super::options::BuildOption;
use super::tidy::tidy;
use cbindgen::{Builder, Config, ItemType};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

const ABI: &str = "src/abi";
const CAPI: &str = "src/capi";
const CONFIG: &str = "cbindgen.toml";
const PRELUDE: &str = "src/abi/prelude.h";
/// Not for cbindgen: it knows no text, and a program may define most of these itself.
const CONSTANTS: &str = "config.rs";
const TRAILER: &str = "src/abi/trailer.h";

/// What a reader of the header wants to see first.
const FIRST: [&str; 2] = ["mgr.rs", "conn.rs"];

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

    let mut out = prelude(options);

    config.export.item_types =
        vec![ItemType::Constants, ItemType::Enums, ItemType::Structs, ItemType::Unions, ItemType::Typedefs];
    let types = tidy(&bindings(&config, &abi, None));
    out.push_str(&forward_declarations(&types));
    out.push_str(&types);

    config.export.item_types = vec![ItemType::Functions, ItemType::Globals];
    for file in modules(Path::new(CAPI)) {
        let declarations = tidy(&bindings(&config, &abi, Some(&file)));
        if !declarations.trim().is_empty() {
            out.push_str(&section(&title(&read(&file))));
            out.push_str(&declarations);
        }
    }
    out + &read(Path::new(TRAILER))
}

/// The prelude with the values of build options and of the constants in `config.rs`.
fn prelude(options: &[BuildOption]) -> String {
    let constants = read(&Path::new(ABI).join(CONSTANTS));
    let constants = constants.lines().filter_map(|line| {
        let (name, value) = line.strip_prefix("pub const ")?.strip_suffix(';')?.split_once(" = ")?;
        Some((name.split_once(':')?.0.to_string(), value.to_string()))
    });
    let options = options.iter().map(|option| (option.name.to_string(), option.value.to_string()));
    let values: Vec<_> = options.chain(constants).collect();
    read(Path::new(PRELUDE)).lines().fold(String::new(), |out, line| {
        let fill = |line: String, (name, value): &(String, String)| line.replace(&format!("@{name}@"), value);
        let line = values.iter().fold(line.to_string(), fill);
        assert!(!line.contains("@MG_"), "{PRELUDE}: no such constant: {line}");
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

/// The files of the modules below `dir`, [`FIRST`] ones first. Without `mod.rs`, which cbindgen
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
    let first = |file: &PathBuf| FIRST.iter().position(|name| file.ends_with(name)).unwrap_or(FIRST.len());
    files.sort_by_key(|file| (first(file), file.clone()));
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

/// The first line of a module's documentation.
fn title(source: &str) -> String {
    let line = source.lines().find_map(|line| line.strip_prefix("//! ")).unwrap_or_default();
    line.trim_end_matches('.').to_string()
}

fn section(title: &str) -> String {
    format!("\n/* ---- {title} ---- */\n\n")
}
