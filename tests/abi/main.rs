//! The C interface, seen by C compilers: `mongoose.h` and the library against a table of facts.
//!
//! `facts.tsv` is the table. `missing.txt` lists its functions that the library does not have yet;
//! `ABI_UPDATE=1 cargo test --test abi` takes out what came, and adds to the table what the library
//! exports beyond it.
//!
//! gcc, clang and nm do the looking; the header is the copy that the build writes beside the
//! library.

mod behaviour;
#[path = "../../build/options.rs"]
#[expect(dead_code, reason = "here it is only about the defaults")]
mod build_options;
mod compiler;
mod facts;
mod layout;
mod misuse;
mod options;
mod platforms;
mod program;
mod symbols;
mod tags;

use compiler::{CC, CXX, Compile, Language, scratch};
use facts::Facts;
use mongoose::abi;
use std::fs;

/// Values of the build options in the library that this test is linked to.
const OPTIONS: [(&str, usize); 2] =
    [("MG_IO_SIZE", abi::MG_IO_SIZE), ("MG_MAX_RECV_SIZE", abi::MG_MAX_RECV_SIZE)];

#[test]
fn facts_hold_in_c() {
    let source = scratch("facts.c", &program::c(&Facts::load()));
    for cc in CC {
        Compile::new(cc, Language::C("c11"), &source).strict(false).run().unwrap();
    }
}

#[test]
fn facts_hold_in_cpp() {
    let source = scratch("facts.cpp", &program::cpp(&Facts::load()));
    for cxx in CXX {
        Compile::new(cxx, Language::Cpp("c++11"), &source).check().unwrap();
    }
}

#[test]
fn a_wrong_fact_is_noticed() {
    let table = fs::read_to_string(facts::PATH).unwrap();
    for (right, wrong) in [
        ("field\tmg_str\tlen\tsize_t\t8\t8", "field\tmg_str\tlen\tsize_t\t0\t8"),
        ("field\tmg_str\tlen\tsize_t\t8\t8", "field\tmg_str\tlen\tlong\t8\t8"),
        ("struct\tmg_timer\t48\t8", "struct\tmg_timer\t40\t8"),
        ("enum\tMG_EV_USER\t23\tmg_event", "enum\tMG_EV_USER\t22\tmg_event"),
        ("macro\tMG_VERSION\t\"7.22\"", "macro\tMG_VERSION\t\"7.21\""),
        ("macro\tMG_OTA_MCXN\t310", "macro\tMG_OTA_MCXN\t311"),
        ("typedef\tcmpresult_t\tint8_t", "typedef\tcmpresult_t\tint16_t"),
        ("program\tmg_dash_init\tvoid", "program\tmg_dash_init\tint"),
        (
            "bits\tmg_connection\tis_full\tunsigned int\t248 + UP(MG_DATA_SIZE, 8)\t14",
            "bits\tmg_connection\tis_full\tunsigned int\t248 + UP(MG_DATA_SIZE, 8)\t15",
        ),
    ] {
        assert_eq!(table.matches(right).count(), 1, "{right}");
        let source = scratch("wrong.c", &program::c(&Facts::parse(&table.replace(right, wrong))));
        let outcome = Compile::new("gcc", Language::C("c11"), &source).strict(false).run();
        assert!(outcome.is_err(), "nobody noticed: {wrong}");
    }
}

#[test]
fn defaults_of_the_build_options() {
    let mut in_table = Facts::load().options();
    let mut in_build = build_options::DEFAULTS.map(|(name, default)| (name.to_string(), default));
    in_table.sort();
    in_build.sort();
    assert_eq!(in_table, in_build);
}
