"""conan create . : builds from this tree; Rust has to be installed."""

from pathlib import Path

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration


class Libmongoose(ConanFile):
    name = "libmongoose"
    version = "0.1.0"
    description = "Event-driven networking with the C interface of Mongoose 7.22"
    license = "MIT OR Apache-2.0"
    settings = "os", "arch"
    package_type = "library"
    options = {"shared": [True, False]}  # noqa: RUF012
    default_options = {"shared": False}  # noqa: RUF012

    @property
    def _tree(self):
        return Path(self.recipe_folder).parent.parent

    def validate(self):
        if self.settings.os != "Linux":
            raise ConanInvalidConfiguration("libmongoose is for Linux")

    def build(self):
        self.run("scripts/reproducible.sh cargo build --release --locked", cwd=str(self._tree))

    def package(self):
        self.run(f"python3 scripts/install.py install --prefix {self.package_folder}", cwd=str(self._tree))

    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "mongoose")
        self.cpp_info.set_property("cmake_target_name", "mongoose::mongoose")
        self.cpp_info.set_property("pkg_config_name", "mongoose")
        self.cpp_info.libs = ["mongoose" if self.options.shared else ":libmongoose.a"]
        self.cpp_info.system_libs = ["gcc_s", "util", "rt", "pthread", "m", "dl"]
