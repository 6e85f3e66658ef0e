#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run.py MESON-OPTION...: the project in this folder, with bellhop in its subprojects/, is set up, built and run.

In a folder of its own that is removed afterwards. MESON-OPTION are those of the build under test. Also
looks that what CONTRIBUTING.md quotes of the project is there.
"""
import atexit
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
sys.path.insert(0, str(TOP / "test/support"))
from tap import args, case, equal, main  # noqa: E402

FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="bellhop-embedder-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
PROJECT, BUILD = FOLDER / "project", FOLDER / "build"


def run(*command):
    ran = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         cwd=FOLDER, text=True, errors="replace")
    if ran.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))} ended with {ran.returncode}:\n{ran.stdout[-8000:]}")
    return ran.stdout


@case("a project that has bellhop in subprojects/ is set up")
def _():
    shutil.copytree(HERE, PROJECT)
    (PROJECT / "subprojects").mkdir()
    (PROJECT / "subprojects/bellhop").symlink_to(TOP)

    # An installed bellhop is not the one under test. Without optimization it is built three times as fast.
    out = run("meson", "setup", BUILD, PROJECT, "--force-fallback-for=bellhop", "-Doptimization=0", "-Ddebug=false", *args)

    assert "Subproject bellhop finished" in out, out


@case("it is built without a warning", seconds=570)
def _():
    os.nice(5)    # the other tests have clocks

    out = run("meson", "compile", "-C", BUILD)

    assert (BUILD / "embedder").exists() and "warning:" not in out, out


@case("its agent serves what is of its own, and leaves nothing behind")
def _():
    run(BUILD / "embedder", FOLDER)


@case("what CONTRIBUTING.md quotes of it is there")
def _():
    text = (TOP / "CONTRIBUTING.md").read_text()
    seen, name = {}, None
    for named, quote in re.findall(r"`test/subproject/(\S+[ch]pp)`|^```cpp\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        name = named or name    # a quote is from the file that was named last
        assert named or quote in (HERE / name).read_text(), f"not in {name}:\n{quote}"
        seen.setdefault(name, []).append(quote)

    equal(sorted(seen), ["greeting.cpp", "greeting.hpp", "lines.cpp", "main.cpp", "pair.cpp"])
    assert all(any(quotes) for quotes in seen.values()), seen


main()
