//! Build script: hands the build options on, compiles the C shim, writes `include/mongoose.h`.

#[path = "build/header.rs"]
mod header;
#[path = "build/options.rs"]
mod options;
#[path = "build/shim.rs"]
mod shim;
#[path = "build/tidy.rs"]
mod tidy;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=build");
    let options = options::read();
    shim::compile();
    header::write(&options);
}
