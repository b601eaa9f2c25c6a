# SPDX-License-Identifier: LGPL-2.1-or-later
"""The generator refuses what it would not carry out, and names things predictably."""

import json
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
GENERATOR = ROOT / "libocispec" / "generate.py"


def generate(tmp_path, schema_dir):
    result = subprocess.run(
        [sys.executable, "-B", GENERATOR, "--schema-dir", schema_dir,
         "--header", tmp_path / "types.h", "--source", tmp_path / "types.c"],
        capture_output=True, text=True, timeout=60, check=False)
    if result.returncode != 0:
        assert not (tmp_path / "types.h").exists()
        return result.stderr
    return (tmp_path / "types.h").read_text() + (tmp_path / "types.c").read_text()


def generate_one(tmp_path, properties, **more):
    directory = tmp_path / "schema"
    directory.mkdir()
    schema = {"title": "thing", "type": "object", "properties": properties, **more}
    (directory / "thing.json").write_text(json.dumps(schema))
    return generate(tmp_path, directory)


NUMBER = {"type": "integer", "minimum": 0, "maximum": 10}


@pytest.mark.parametrize("properties, more, told", [
    ({"a": {"type": "string", "maxLength": 3}}, {}, "string with 'maxLength' is not understood"),
    ({"a": {**NUMBER, "multipleOf": 2}}, {}, "integer with 'multipleOf' is not understood"),
    ({"a": {"type": "number"}}, {}, "type 'number' is not understood"),
    ({"a": {}}, {}, "type None is not understood"),
    ({"a": {"$ref": "#/definitions/b"}}, {}, "no such definition"),
    ({"a": {"$ref": "other.json"}}, {}, "no such file"),
    ({"a": {"type": "integer", "minimum": 0, "maximum": 2**64}}, {}, "fits no integer"),
    ({"a": {"type": "integer", "minimum": -1, "maximum": 2**63}}, {}, "fits no integer"),
    ({"a": {"type": "string", "pattern": "^(a|b)$", "examples": ["a"]}}, {}, "is not understood"),
    ({"a": {"type": "string", "pattern": "a+", "examples": ["a"]}}, {}, "is not understood"),
    ({"a": {"type": "string", "pattern": "^a$"}}, {}, "has no examples"),
    ({"a": {"type": "array", "minItems": 2, "items": NUMBER}}, {}, "minItems above 1"),
    ({"a": {"type": "array", "items": {"type": "array", "items": NUMBER}}}, {},
     "array in an array or map"),
    ({"a": {"type": "object", "additionalProperties": NUMBER}}, {}, "a map of integer"),
    ({"aB": NUMBER, "a_b": NUMBER}, {}, "the same name in C"),
    ({"a": NUMBER}, {"required": ["b"]}, "required but not described"),
    ({f"p{i}": NUMBER for i in range(65)}, {}, "65 properties"),
    ({}, {}, "0 properties"),
    ({"a": NUMBER}, {"additionalItems": False}, "object with 'additionalItems'"),
])
def test_what_is_not_understood_is_refused(tmp_path, properties, more, told):
    assert told in generate_one(tmp_path, properties, **more)


@pytest.mark.parametrize("name, value, declared", [
    ("ociVersion", {"type": "string"}, "const char *oci_version;"),
    ("kernelTCP", NUMBER, "bool has_kernel_tcp;\n\tuint32_t kernel_tcp;"),
    ("disableOOMKiller", {"type": "boolean"}, "bool disable_oom_killer;"),
    ("l3CacheSchema", {"type": "string"}, "const char *l3_cache_schema;"),
    ("throttleReadIOPSDevice", {"type": "array", "items": NUMBER},
     "uint32_t *throttle_read_iops_device;\n\tsize_t throttle_read_iops_device_count;"),
    ("args", {"type": "array", "items": {"type": "string"}}, "const char **args;"),
    ("default", {"type": "string"}, "const char *default_;"),
    ("a", {"type": "object", "additionalProperties": {"type": "string"}},
     "struct oci_string_map *a;"),
    ("a", {"type": "integer", "minimum": -1, "maximum": 5}, "int32_t a;"),
    ("a", {"type": "integer", "minimum": -1, "maximum": 2**31}, "int64_t a;"),
    ("a", {"type": "integer", "minimum": 0, "maximum": 2**32}, "uint64_t a;"),
    ("a", {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}, ".min = INT64_MIN,"),
])
def test_c_names_and_types(tmp_path, name, value, declared):
    assert declared in generate_one(tmp_path, {name: value})


def test_the_same_schemas_give_the_same_bytes(tmp_path):
    schemas = ROOT / "libocispec" / "schema"
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    assert generate(tmp_path / "one", schemas) == generate(tmp_path / "two", schemas)


def test_a_directory_without_schemas_is_refused(tmp_path):
    assert "no schema in" in generate(tmp_path, tmp_path)
