//! Runs gcc and clang.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, thread};

pub const CC: [&str; 2] = ["gcc", "clang"];
pub const CXX: [&str; 2] = ["g++", "clang++"];

const STRICT: [&str; 7] =
    ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wundef", "-Wdouble-promotion"];
const STRICT_C: [&str; 3] = ["-Wmissing-prototypes", "-Wstrict-prototypes", "-fno-common"];

/// `<target>/<profile>/deps`: where cargo builds the library for this test.
pub fn library_dir() -> PathBuf {
    env::current_exe().unwrap().parent().unwrap().to_path_buf()
}

/// Where the build writes the header beside the library.
pub fn header_dir() -> PathBuf {
    library_dir().parent().unwrap().join("include")
}

/// A directory for files of this test.
pub fn scratch_dir() -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("abi");
    fs::create_dir_all(&dir).unwrap();
    dir
}

/// Writes a file of this test.
pub fn scratch(name: &str, text: &str) -> PathBuf {
    let path = scratch_dir().join(name);
    fs::write(&path, text).unwrap();
    path
}

#[derive(Clone, Copy)]
pub enum Language {
    C(&'static str),
    Cpp(&'static str),
}

/// A compilation. A warning is an error.
pub struct Compile {
    command: Command,
    words: String,
    source: PathBuf,
}

impl Compile {
    pub fn new(compiler: &str, language: Language, source: &Path) -> Compile {
        let (standard, kind) = match language {
            Language::C(standard) => (standard, "c"),
            Language::Cpp(standard) => (standard, "c++"),
        };
        let mut command = Command::new(compiler);
        command.arg(format!("-std={standard}")).args(["-Werror", "-x", kind]);
        let words = format!("{compiler} -std={standard} {}", source.display());
        Compile { command, words, source: source.to_path_buf() }.strict(true)
    }

    /// With or without the long list of warnings.
    pub fn strict(mut self, strict: bool) -> Compile {
        let is_c = self.command.get_args().any(|arg| arg == "c");
        if strict {
            self.command.args(STRICT);
            if is_c {
                self.command.args(STRICT_C);
            }
        } else {
            self.command.arg("-w");
        }
        self
    }

    pub fn arg(mut self, arg: &str) -> Compile {
        self.command.arg(arg);
        self.words.push_str(&format!(" {arg}"));
        self
    }

    pub fn args<'a>(self, args: impl IntoIterator<Item = &'a str>) -> Compile {
        args.into_iter().fold(self, Compile::arg)
    }

    /// With the header of another build.
    pub fn header(self, dir: &Path) -> Compile {
        self.arg(&format!("-I{}", dir.display()))
    }

    /// Only looks for errors and warnings.
    pub fn check(self) -> Result<(), String> {
        self.arg("-fsyntax-only").finish(None).map(drop)
    }

    /// Compiles and links with the library, runs the program, gives its output.
    pub fn run(self) -> Result<String, String> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("program-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let program = scratch_dir().join(name);
        let words = self.words.clone();
        self.finish(Some(&program))?;
        let outcome = execute(&mut Command::new(&program));
        fs::remove_file(&program).unwrap();
        outcome.map_err(|error| format!("{words}\n{error}"))
    }

    fn finish(mut self, program: Option<&Path>) -> Result<String, String> {
        self.command.arg(&self.source).arg("-I").arg(header_dir());
        if let Some(program) = program {
            let dir = library_dir();
            self.command.args(["-x", "none", "-o"]).arg(program).arg(dir.join("libmongoose.so"));
            self.command.arg(format!("-Wl,-rpath,{}", dir.display()));
        }
        execute(&mut self.command).map_err(|error| format!("{}\n{error}", self.words))
    }
}

/// Runs a command: its standard output, or what went wrong.
pub fn execute(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{name}: {error} (is it installed?)"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    Err(format!("{}\n{}{}", output.status, text(&output.stdout), text(&output.stderr)))
}

/// Does all jobs, as many at a time as there are processors; the errors.
pub fn in_parallel<T: Send>(jobs: Vec<T>, work: impl Fn(T) -> Result<(), String> + Sync) -> Vec<String> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let jobs = Mutex::new(jobs);
    let errors = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let Some(job) = jobs.lock().unwrap().pop() else { break };
                    if let Err(error) = work(job) {
                        errors.lock().unwrap().push(error);
                    }
                }
            });
        }
    });
    errors.into_inner().unwrap()
}
