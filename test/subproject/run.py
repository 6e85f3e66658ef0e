#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run.py LIBBELLHOP MESON-OPTION...: the project in this folder, with bellhop in its subprojects/, is set up, built and run.

In a folder of its own that is removed afterwards. LIBBELLHOP and MESON-OPTION are those of the build under test. Its library is
not compiled once more, which would take minutes: that it would come out the same is seen by the commands. With the wraps' libraries,
which are compiled with the subproject, all of it is. Also looks that what CONTRIBUTING.md quotes of the project is there.
"""
import atexit
import json
import os
import pathlib
import re
import shlex
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
LIBRARY, OPTIONS = pathlib.Path(args[0]).resolve(), args[1:]
WHOLE = "--wrap-mode=forcefallback" in OPTIONS


def run(*command, cwd=FOLDER):
    ran = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         cwd=cwd, text=True, errors="replace")
    if ran.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))} ended with {ran.returncode}:\n{ran.stdout[-8000:]}")
    return ran.stdout


@case("a project that has bellhop in subprojects/ is set up")
def _():
    shutil.copytree(HERE, PROJECT)
    (PROJECT / "subprojects").mkdir()
    (PROJECT / "subprojects/bellhop").symlink_to(TOP)

    # An installed bellhop is not the one under test.
    out = run("meson", "setup", BUILD, PROJECT, "--force-fallback-for=bellhop", "-Doptimization=0", "-Ddebug=false", *OPTIONS)

    assert "Subproject bellhop finished" in out, out


def library_commands(build):
    """What each source of the library is compiled with, as far as it says what it means: its macros, headers, language and checks."""
    commands = {}
    for one in json.loads((build / "compile_commands.json").read_text()):
        if not any(name in one["output"] for name in ("libbellhop.a.p/", "libwords.a.p/")):
            continue
        folder = pathlib.Path(one["directory"])
        headers, words = [], set()
        for word in shlex.split(one["command"]):
            if word.startswith("-I"):
                headers.append((folder / word[2:]).resolve())
            elif word.startswith(("-D", "-U", "-std=", "-W", "-fsanitize=", "-fno-sanitize=")):
                words.add(word)
        ours = [path for path in headers if build not in [path, *path.parents]]
        commands[(folder / one["file"]).resolve()] = ours, words - {"-Werror", "-Winvalid-pch", "-fsanitize=fuzzer-no-link"}
    return commands


def same_library():
    wanted, got = library_commands(LIBRARY.parent), library_commands(BUILD)

    assert len(wanted) > 100, len(wanted)
    equal(got, wanted)


def link_with(libraries):
    """Builds what is of the project itself, and links it with what the build under test has at its top."""
    copies = "subprojects/bellhop/"
    inputs = run("ninja", "-C", BUILD, "-t", "inputs", "embedder").split()
    out = run("ninja", "-C", BUILD, *(one for one in inputs if one.endswith((".o", ".a")) and not one.startswith(copies)))
    *_, link = run("ninja", "-C", BUILD, "-t", "commands", "-s", "embedder").splitlines()
    return out + run("/bin/sh", "-c", link.replace(f" {copies}", f" {libraries}/"), cwd=BUILD)


if not WHOLE:
    case("its copy of the library would be that of the build under test")(same_library)


@case("it is built without a warning, and linked with what the library needs", seconds=580)
def _():
    os.nice(5)    # the other tests have clocks

    out = run("ninja", "-C", BUILD) if WHOLE else link_with(LIBRARY.parent)

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
