# SPDX-License-Identifier: LGPL-2.1-or-later
"""Decode and encode whole files: nothing of what the schema knows is lost or changed.

libocispec_roundtrip itself checks that a second round gives the same text; here its output
is held against the file. The program is found in the build directory (the current one, or
the one that TARE_BUILD names).
"""

import json
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "libocispec" / "schema"
DATA = pathlib.Path(__file__).resolve().parent / "data"
REAL = ROOT / "tests" / "data"
ROOTS = {"config": "config.json", "process": "process.json", "resources": "resources.json",
         "state": "state.json", "features": "features.json"}

ANOTHER_PLATFORM = {
    "freebsd-vnet-disable.json": "what is wrong is a property of FreeBSD, which is ignored here",
}


def find_program():
    for directory in (os.environ.get("TARE_BUILD"), ".", ROOT):
        for below in ("tests/unit", "."):
            path = directory and pathlib.Path(directory) / below / "libocispec_roundtrip"
            if path and os.access(path, os.X_OK):
                return path.resolve()
    return pytest.fail("libocispec_roundtrip is not built: run make check")


def run(kind, path):
    result = subprocess.run([find_program(), kind, path], capture_output=True, timeout=60,
                            check=False)
    assert result.returncode == 0, result.stdout.decode() + result.stderr.decode()
    verdict, _, rest = result.stdout.decode("utf-8").partition(" ")
    return verdict, rest


def resolve(file, node):
    while "$ref" in node:
        target, _, fragment = node["$ref"].partition("#")
        file = target or file
        node = json.loads((SCHEMAS / file).read_text(encoding="utf-8"))
        for part in filter(None, fragment.split("/")):
            node = node[part]
    return file, node


def known_part(value, file, node):
    """What is left of a value without the properties that the schema has not, and nulls."""
    file, node = resolve(file, node)
    if isinstance(value, list):
        return [known_part(item, file, node["items"]) for item in value]
    if not isinstance(value, dict):
        return value
    if "properties" not in node:
        return {name: known_part(item, file, node["additionalProperties"])
                for name, item in value.items()}
    return {name: known_part(item, file, node["properties"][name])
            for name, item in value.items()
            if name in node["properties"] and item is not None}


def typed(value):
    """For comparing: to Python, True == 1 == 1.0."""
    if isinstance(value, dict):
        return {name: typed(item) for name, item in value.items()}
    if isinstance(value, list):
        return [typed(item) for item in value]
    return (type(value).__name__, value)


def check_good(kind, path):
    verdict, rest = run(kind, path)
    assert verdict == "ok", rest
    original = json.loads(path.read_text(encoding="utf-8"))
    assert typed(json.loads(rest)) == typed(known_part(original, ROOTS[kind], {"$ref": "#"}))


def kind_of_config(path):
    for kind in ("process", "resources"):
        if f"-{kind}-" in path.name:
            return kind
    return "config"


def files(*patterns):
    """Cases for parametrize, of which there must be some."""
    found = sorted(path for pattern in patterns for path in REAL.glob(pattern))
    assert found, patterns
    return [pytest.param(path, id=f"{path.parent.parent.name}/{path.name}") for path in found]


def own(quality):
    return [pytest.param(path, id=path.name) for path in sorted((DATA / quality).glob("*.json"))]


@pytest.mark.parametrize("path", own("good"))
def test_own_good_example_survives(path):
    check_good(path.name.split("-")[0], path)


@pytest.mark.parametrize("path", own("bad"))
def test_own_bad_example_is_refused(path):
    assert run(path.name.split("-")[0], path)[0] == "error"


def test_there_are_own_examples_of_each_kind():
    for quality in ("good", "bad"):
        kinds = {path.name.split("-")[0] for path in (DATA / quality).glob("*.json")}
        assert kinds == set(ROOTS)


@pytest.mark.parametrize("path", files("configs/*.json"))
def test_what_engines_wrote_survives(path):
    check_good(kind_of_config(path), path)


@pytest.mark.parametrize("path", files("runtime-spec/schema/test/*/good/*.json"))
def test_the_specifications_good_example_survives(path):
    check_good(path.parent.parent.name, path)


@pytest.mark.parametrize("path", files("runtime-spec/schema/test/*/bad/*.json"))
def test_the_specifications_bad_example_is_refused(path):
    if path.name in ANOTHER_PLATFORM:
        pytest.skip(ANOTHER_PLATFORM[path.name])
    assert run(path.parent.parent.name, path)[0] == "error"
