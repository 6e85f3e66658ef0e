#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every #include is one that docs/ARCHITECTURE.md allows."""
import fnmatch
import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "test/support"))
from tap import case, main  # noqa: E402

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
LIBRARIES = {"asio": "asio", "asio.hpp": "asio", "simdjson.h": "simdjson", "CLI": "CLI11", "mbedtls": "mbedtls", "catch2": "catch2"}
FOLDERS = ("agent", "base", "crypto", "dialect", "framing", "io", "op", "os")
SYSTEM = re.compile(r"^(sys/|linux/|net|arpa/|.*\.h$)")


def rules():
    text = (TOP / "docs/ARCHITECTURE.md").read_text()
    table = re.findall(r"^\| ([\w/.*]+) \| (.+) \|$", text, re.MULTILINE)
    return {folder: [word.strip() for word in allowed.split(",")] for folder, allowed in table if folder != "folder"}


def sources():
    for top in ("include", "src", "transports", "tools/bellhop"):
        for path in sorted((TOP / top).rglob("*.[ch]pp")):
            yield path.relative_to(TOP).as_posix()


def rule_of(path, table):
    if path in table:
        return path
    for folder in table:
        if fnmatch.fnmatchcase(path, folder + "/*") and "registry.cpp" not in folder:
            return folder
    return None


def target_of(path, quote, name):
    """The file an include means, or the library it belongs to; None: the language's or the system's."""
    if name.startswith("bellhop/"):
        return "include/" + name
    first = name.split("/")[0]
    if first in LIBRARIES:
        return LIBRARIES[first]
    if quote == '"' and first in FOLDERS:
        return "src/" + name
    if quote == '"' and (TOP / name).exists():
        return name
    if quote == '"':
        return (pathlib.PurePosixPath(path).parent / name).as_posix()
    return None


def allowed(path, target, table):
    folder = rule_of(path, table)
    if folder is None:
        return False
    own = pathlib.PurePosixPath(path).parent.as_posix() + "/"
    if "anything" in table[folder] or target.startswith(own):
        return True
    return any(target == rule or fnmatch.fnmatchcase(target, rule + "/*") for rule in table[folder])


def wrong_includes(table):
    for path in sources():
        for quote, name in INCLUDE.findall((TOP / path).read_text()):
            target = target_of(path, quote, name)
            if target and not allowed(path, target, table):
                yield f"{path} includes {name}"
            elif not target and path.startswith(("include/", "src/dialect/")) and SYSTEM.match(name):
                yield f"{path} includes the system's {name}"


@case("every source file has a rule in docs/ARCHITECTURE.md")
def _():
    table = rules()
    missing = [path for path in sources() if rule_of(path, table) is None]
    assert len(table) > 10 and not missing, missing


@case("every include is in the table of docs/ARCHITECTURE.md")
def _():
    wrong = list(wrong_includes(rules()))
    assert not wrong, "\n".join(wrong)


@case("an include that is not in the table is found")
def _():
    table = rules()
    assert not allowed("src/dialect/frames/session.cpp", "asio", table)
    assert not allowed("src/dialect/frames/session.cpp", "src/os/fd.hpp", table)
    assert not allowed("src/dialect/frames/session.cpp", "src/dialect/qga/qga.hpp", table)
    assert not allowed("src/io/channel.cpp", "src/os/process.hpp", table)
    assert not allowed("src/dialect/nova/password.cpp", "mbedtls", table)
    assert not allowed("src/crypto/cipher.cpp", "src/os/fd.hpp", table)
    assert not allowed("src/op/run.cpp", "src/agent/agent.hpp", table)
    assert allowed("src/crypto/cipher.cpp", "mbedtls", table)
    assert allowed("src/io/channel.hpp", "src/os/readiness.hpp", table)


@case("every source file says its licence in the first line")
def _():
    wrong = [path for path in sources() if "SPDX-License-Identifier: Apache-2.0" not in (TOP / path).read_text().splitlines()[0]]
    assert not wrong, wrong


main()
