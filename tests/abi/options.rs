//! The header under all standards and warnings, and with the options that programs define.

use crate::compiler::{CC, CXX, Compile, Language, header_dir, in_parallel, scratch, scratch_dir};
use std::path::{Path, PathBuf};
use std::{env, fs};

const C: [&str; 4] = ["gnu89", "c99", "c11", "c17"];
const CPP: [&str; 3] = ["c++98", "c++11", "c++20"];

/// Options that change nothing about whether a program compiles.
const ACCEPTED: [&[&str]; 13] = [
    &["-DMG_DATA_SIZE=33", "-DMG_MAX_HTTP_HEADERS=100", "-DMG_DASH_MAX_USER_NAME=99"],
    &["-DMG_ENABLE_LINES", "-DMG_ENABLE_SSI=1", "-DMG_ENABLE_ASSERT=1", "-DMG_ENABLE_IPV6=1"],
    &["-DMG_ENABLE_LINES=1", "-DMG_HTTP_DIRLIST_TIME_FMT=\"%Y\"", "-DMG_TLS=MG_TLS_BUILTIN"],
    &["-DMG_TLS=MG_TLS_OPENSSL", "-DMG_OTA=MG_OTA_CUSTOM"],
    &["-DMG_TLS=1", "-DMG_ENABLE_PACKED_FS=0", "-D_GNU_SOURCE=1"],
    &["-DMG_IO_SIZE=128", "-DMG_MAX_RECV_SIZE=1000", "-DMG_HTTP_INDEX=\"x\"", "-DMG_JSON_MAX_DEPTH=3"],
    &["-DMG_ENABLE_EPOLL=0"],
    &["-DMG_ENABLE_EPOLL=0", "-DMG_ENABLE_POLL=1"],
    &["-DMG_ENABLE_LOG=0"],
    &["-DMG_ENABLE_PROFILE=1"],
    &["-DMG_ENABLE_CUSTOM_CALLOC=1", "-DMG_ENABLE_CUSTOM_LOG=1", "-DMG_ENABLE_CUSTOM_MILLIS=1"],
    &["-DMG_SOCKET_TYPE=int", "-DMG_ENABLE_WINSOCK=0", "-DMG_ENABLE_TCPIP=0"],
    &["-DMG_ARCH=MG_ARCH_UNIX"],
];

/// Options that this library cannot honour, and what the compiler must then say.
const REFUSED: [(&str, &str); 12] = [
    ("-DMG_ARCH=MG_ARCH_WIN32", "this MG_ARCH is not supported by this library"),
    ("-DMG_ENABLE_TCPIP=1", "MG_ENABLE_TCPIP is not supported by this library"),
    ("-DMG_ENABLE_BSD_SOCKETS", "MG_ENABLE_BSD_SOCKETS is not supported by this library"),
    ("-DMG_ENABLE_LWIP=1", "MG_ENABLE_LWIP is not supported by this library"),
    ("-DMG_ENABLE_FREERTOS=1", "MG_ENABLE_FREERTOS is not supported by this library"),
    ("-DMG_ENABLE_FREERTOS_TCP=1", "MG_ENABLE_FREERTOS_TCP is not supported by this library"),
    ("-DMG_ENABLE_RL=1", "MG_ENABLE_RL is not supported by this library"),
    ("-DMG_ENABLE_FATFS=1", "MG_ENABLE_FATFS is not supported by this library"),
    ("-DMG_ENABLE_LFS=1", "MG_ENABLE_LFS is not supported by this library"),
    ("-DMG_ENABLE_SOCKET=0", "MG_ENABLE_SOCKET=0 is not supported by this library"),
    ("-DMG_SOCKET_TYPE=long", "MG_SOCKET_TYPE other than int is not supported by this library"),
    ("-DMG_DATA_SIZE=1048577", "MG_DATA_SIZE, MG_MAX_HTTP_HEADERS and"),
];

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/abi").join(name)
}

/// Every compiler with every standard.
fn everyone() -> impl Iterator<Item = (&'static str, Language)> {
    let c = CC.into_iter().flat_map(|cc| C.map(|standard| (cc, Language::C(standard))));
    let cpp = CXX.into_iter().flat_map(|cxx| CPP.map(|standard| (cxx, Language::Cpp(standard))));
    c.chain(cpp)
}

#[test]
fn no_compiler_has_a_warning() {
    let programs = [source("macros.c"), source("initialisers.c")];
    let aliases = scratch(
        "aliases.c",
        "#define MG_COMPAT\n#include \"mongoose.h\"\n\
         int main(void) {\n  struct mg_addr a;\n  memset(&a, 0, sizeof(a));\n  a.addr.ip[3] = 1;\n  \
         return a.ip4 == 0 && a.ip[3] == 1 && a.ip6[1] == 0 && sizeof(a) == 24 ? 0 : 1;\n}\n",
    );
    let jobs = everyone().flat_map(|(compiler, language)| {
        programs.iter().chain([&aliases]).map(move |source| Compile::new(compiler, language, source))
    });
    assert_eq!(in_parallel(jobs.collect(), Compile::check), [""; 0]);
}

#[test]
fn macros_give_what_they_promise() {
    let source = source("macros.c");
    let build = |compiler, language| Compile::new(compiler, language, &source);
    let jobs = vec![
        build("gcc", Language::C("c99")),
        build("clang", Language::C("gnu89")),
        build("g++", Language::Cpp("c++98")),
        build("clang++", Language::Cpp("c++20")),
        build("gcc", Language::C("c99")).arg("-DMG_ENABLE_PROFILE=1"),
        build("g++", Language::Cpp("c++11")).args(["-DMG_ENABLE_PROFILE=1", "-DMG_ENABLE_LOG=0"]),
        build("gcc", Language::C("c11")).args(["-O1", "-fsanitize=address,undefined"]),
    ];
    assert_eq!(in_parallel(jobs, |job| job.run().map(drop)), [""; 0]);
}

#[test]
fn programs_in_c_and_cpp_work() {
    let (c, cpp) = (source("initialisers.c"), source("cpp.cpp"));
    let c = CC.map(|cc| Compile::new(cc, Language::C("c99"), &c));
    let cpp = CXX.into_iter().flat_map(|cxx| {
        ["c++11", "c++14", "c++20"].map(|standard| Compile::new(cxx, Language::Cpp(standard), &cpp))
    });
    assert_eq!(in_parallel(c.into_iter().chain(cpp).collect(), |job| job.run().map(drop)), [""; 0]);
}

#[test]
fn options_of_programs_are_accepted() {
    let source = source("macros.c");
    let jobs = ACCEPTED.iter().flat_map(|options| {
        [("gcc", Language::C("c99")), ("clang++", Language::Cpp("c++11"))].map(|(compiler, language)| {
            Compile::new(compiler, language, &source).args(options.iter().copied())
        })
    });
    assert_eq!(in_parallel(jobs.collect(), Compile::check), [""; 0]);
}

#[test]
fn config_file_of_the_program_is_read() {
    let dir = scratch_dir().join("config");
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("mongoose_config.h"), "#define MG_IO_SIZE 777\n#define MG_ENABLE_ASSERT 1\n").unwrap();
    let source = scratch(
        "config.c",
        "#include \"mongoose.h\"\nint main(void) {\n  assert(MG_IO_SIZE == 777);\n  return 0;\n}\n",
    );
    Compile::new("gcc", Language::C("c99"), &source).arg("-DMG_ARCH=0").header(&dir).run().unwrap();
}

#[test]
fn other_platforms_are_refused() {
    let source = source("macros.c");
    let jobs: Vec<_> = ["gcc", "clang"].into_iter().flat_map(|cc| REFUSED.map(|row| (cc, row))).collect();
    let errors = in_parallel(jobs, |(cc, (option, words))| {
        match Compile::new(cc, Language::C("c11"), &source).arg(option).check() {
            Err(error) if error.contains("#error") || error.contains("error: \"") => {
                if error.contains(words) {
                    Ok(())
                } else {
                    Err(format!("{option}: {words:?} not in {error}"))
                }
            }
            outcome => Err(format!("{cc} {option}: {outcome:?}")),
        }
    });
    assert_eq!(errors, [""; 0]);
}

#[test]
fn committed_header_is_fresh() {
    let beside_library = fs::read_to_string(header_dir().join("mongoose.h")).unwrap();
    let committed =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("include/mongoose.h")).unwrap();
    assert!(committed == beside_library, "include/mongoose.h is stale: run `make header`");
}
