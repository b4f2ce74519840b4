"""Builds the extension module of pymongoose: the Rust library linked statically, with cffi on top of it.

Options, all in the environment (see docs/reference/python/building.md):
USE_TLS=0, USE_NOGIL=0, MG_IO_SIZE=n, CFLAGS.
"""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

sys.path.insert(0, str(Path(__file__).resolve().parent / "cffi"))

import native_build
from description import description

GATE = (
    "arguments",
    "asgi",
    "await",
    "body",
    "connection",
    "event",
    "exchange",
    "head",
    "http",
    "lock",
    "manager",
    "message",
    "messages",
    "module",
    "mounts",
    "poll",
    "reply",
    "response",
    "route",
    "runner",
    "socket",
    "timer",
    "upload",
    "websocket",
    "wsgi",
    "wsgi_body",
    "wsgi_call",
    "wsgi_job",
)
# The limited API of 3.10 has all that the gate needs; on 3.9 the module is for that version only. A
# Python without the lock has no limited API.
LIMITED = sys.version_info >= (3, 10) and not sysconfig.get_config_var("Py_GIL_DISABLED")


class BuildNative(build_ext):
    """Builds the library first; always, since cargo and the options know what is stale."""

    def run(self) -> None:
        self.force = True
        options = native_build.Options()
        built = native_build.build_library(options)
        library, header = built / "libmongoose.a", built / "include" / "mongoose.h"
        source = Path(self.build_temp) / "pymongoose_native.c"
        native_build.emit_source(header, library, source)
        (extension,) = self.extensions
        extension.include_dirs.append(str(header.parent))
        extension.sources.append(str(source))
        extension.extra_objects = [str(library)]
        extension.define_macros += [(name, value) for name, value in options.library().items()]
        extension.define_macros.append(("PYMONGOOSE_VERSION", f'"{native_build.version()}"'))
        extension.define_macros.append(("PYMONGOOSE_NOGIL", str(int(options.nogil))))
        extension.define_macros.append(("PYMONGOOSE_TLS", str(int(options.tls))))
        super().run()


setup(
    version=native_build.version(),
    long_description=description((native_build.ROOT / "README.md").read_text(encoding="utf-8")),
    long_description_content_type="text/markdown",
    ext_modules=[
        Extension(
            "pymongoose._native",
            sources=[f"cffi/gate/{name}.c" for name in GATE],
            depends=["cffi/gate/gate.h", "cffi/gate/serve.h", "cffi/gate/wsgi.h"],
            define_macros=[("Py_LIMITED_API", "0x030a0000")] if LIMITED else [("_CFFI_NO_LIMITED_API", "1")],
            # Unwind tables: see ANCHOR in gate.h.
            extra_compile_args=["-std=gnu11", "-fexceptions", "-fvisibility=hidden"],
            # The library's symbols stay inside, and what nobody calls stays out.
            extra_link_args=["-Wl,--exclude-libs,ALL", "-Wl,--gc-sections", "-Wl,-s", "-lm", "-lpthread"],
            py_limited_api=LIMITED,
        )
    ],
    cmdclass={"build_ext": BuildNative},
    options={
        # Not build/, which holds the sources of the library's build script.
        "build": {"build_base": "target/setuptools"},
        **({"bdist_wheel": {"py_limited_api": "cp310"}} if LIMITED else {}),
    },
)
