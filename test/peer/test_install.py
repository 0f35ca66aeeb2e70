#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What is installed can be used by others: a C program is built against it with plain cc and pkg-config and with
CMake, each with the shared and the static library, and works. Usage: test_install.py BUILD SOURCE PREFIX LIBDIR
SANITIZERS, with PESTER_TEST_CC as the compiler."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

import servers

BUILD = SOURCE = PREFIX = LIBDIR = SANITIZERS = ""

CMAKE_LISTS = """
cmake_minimum_required(VERSION 3.16)
project(app C)
find_package(pester 0.1 REQUIRED COMPONENTS static)
add_executable(shared get.c)
target_link_libraries(shared PRIVATE pester::pester)
add_executable(static get.c)
target_link_libraries(static PRIVATE pester::pester_static)
foreach(wrong "99" "0.0" "0.2" "1.0...2.0" "0.1.1" "0.1;COMPONENTS;gold")
  find_package(pester ${wrong} QUIET)
  if(pester_FOUND)
    message(FATAL_ERROR "found as ${wrong}")
  endif()
endforeach()
foreach(right "" "0.1.0;EXACT" "0.1" "0" "0.1...0.2" "0.1;OPTIONAL_COMPONENTS;gold")
  find_package(pester ${right} QUIET)
  if(NOT pester_FOUND)
    message(FATAL_ERROR "not found as ${right}")
  endif()
endforeach()
"""


class InstallTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.work = folder.name
        cls.do(shutil.which("meson"), "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", cls.work + "/root")
        cls.prefix = cls.work + "/root" + PREFIX
        cls.libdir = os.path.join(cls.prefix, LIBDIR)
        os.environ["LD_LIBRARY_PATH"] = cls.libdir
        # A library with sanitizers needs a program with them.
        cls.flags = [] if SANITIZERS == "none" else [f"-fsanitize={SANITIZERS}"]
        cls.cc = shlex.split(os.environ["PESTER_TEST_CC"])

    @classmethod
    def do(cls, *command, **more):
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, **more)
        if done.returncode != 0:
            raise AssertionError(f"{command}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def pkg_config(self, *options):
        # The tree stands elsewhere than it was made for.
        environment = dict(os.environ, PKG_CONFIG_PATH=self.libdir + "/pkgconfig")
        return shlex.split(self.do("pkg-config", f"--define-variable=prefix={self.prefix}", *options, "pester",
                                   env=environment))

    def compile(self, source, name, *more):
        self.do(*self.cc, "-Wall", "-Wextra", "-Werror", *self.flags, source, "-o", f"{self.work}/{name}", *more)
        return f"{self.work}/{name}"

    def works(self, program):
        with servers.Flaky(self.prefix + "/bin/pester-flaky", "--route", "/x = body=hello") as flaky:
            done = servers.run(program, flaky.url + "/x")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"hello", b"200, 5 bytes, attempt 1\n"))

    def needs(self, program):
        return re.findall(r"\(NEEDED\).*\[(.*)\]", self.do("readelf", "-d", program))

    def test_all_is_there(self):
        for path in ("include/pester.h", "include/pester/base.h", "include/pester/errors.h", "include/pester/version.h", "bin/pester",
                     "bin/pester-flaky"):
            self.assertTrue(os.path.isfile(f"{self.prefix}/{path}"), path)
        self.assertEqual({"libpester.a", "libpester.so", "libpester.so.0", "pkgconfig", "cmake"} - set(os.listdir(self.libdir)),
                         set())
        done = servers.run(self.prefix + "/bin/pester", "--version")
        self.assertEqual(done.stdout.decode().split(), ["pester", self.pkg_config("--modversion")[0]])

    def test_the_readme_s_program_and_the_examples_build_as_they_say(self):
        readme = servers.read(f"{SOURCE}/README.md")
        program = re.search(r"```c\n(#include.*?)```", readme, re.S)[1]
        self.assertIn("cc app.c $(pkg-config --cflags --libs pester)", readme)
        with open(f"{self.work}/app.c", "w", encoding="utf-8") as file:
            file.write(program)
        sources = [f"{SOURCE}/examples/{name}" for name in os.listdir(f"{SOURCE}/examples") if name.endswith(".c")]
        self.assertGreater(len(sources), 5)
        for source in [f"{self.work}/app.c", *sources]:
            program = self.compile(source, "app", *self.pkg_config("--cflags", "--libs"))
            self.assertIn("libpester.so.0", self.needs(program))

    def test_cc_with_pkg_config_shared(self):
        program = self.compile(f"{SOURCE}/examples/get.c", "shared", *self.pkg_config("--cflags", "--libs"))
        self.assertIn("libpester.so.0", self.needs(program))
        self.works(program)

    def test_cc_with_pkg_config_static(self):
        words = self.pkg_config("--static", "--cflags", "--libs")
        self.assertIn("-lpester", words)
        program = self.compile(f"{SOURCE}/examples/get.c", "static",
                               *["-l:libpester.a" if word == "-lpester" else word for word in words])
        needed = self.needs(program)
        self.assertNotIn("libpester.so.0", needed)
        self.assertFalse([name for name in needed if name.startswith("libstdc++")], needed)
        self.works(program)

    @unittest.skipIf(shutil.which("cmake") is None, "cmake is not installed")
    def test_cmake_shared_and_static(self):
        source, build = self.work + "/source", self.work + "/build"
        os.mkdir(source)
        shutil.copy(f"{SOURCE}/examples/get.c", source)
        with open(source + "/CMakeLists.txt", "w", encoding="ascii") as file:
            file.write(CMAKE_LISTS)
        # By its folder: a Debian without dpkg-dev installs to lib64, where CMake does not look there.
        self.do("cmake", "-G", "Ninja", "-S", source, "-B", build, f"-DCMAKE_PREFIX_PATH={self.libdir}/cmake/pester",
                f"-DCMAKE_C_COMPILER={self.cc[-1]}", f"-DCMAKE_C_FLAGS={' '.join(self.flags)}")
        self.do("cmake", "--build", build)
        self.assertIn("libpester.so.0", self.needs(build + "/shared"))
        needed = self.needs(build + "/static")
        self.assertFalse([name for name in needed if name.startswith(("libpester", "libstdc++"))], needed)
        self.works(build + "/shared")
        self.works(build + "/static")


if __name__ == "__main__":
    if shutil.which("meson") is None or shutil.which("pkg-config") is None:
        print("skipped: meson or pkg-config is not installed")
        sys.exit(77)
    BUILD, SOURCE, PREFIX, LIBDIR, SANITIZERS = sys.argv[1:]
    del sys.argv[1:]
    unittest.main(verbosity=1)
