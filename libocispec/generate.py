#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Write C structs and field tables for the JSON types in schema/.

Runs at build time. The header has a struct for each object type, the source the tables
(libocispec/table.h) by which decode.c and encode.c fill and print it.

It understands just the part of JSON Schema that schema/ uses and refuses every keyword
beyond it, so that no rule can be written there which nobody carries out.
"""

import argparse
import json
import pathlib
import re
import sys

COMMENTS = {"$schema", "title", "description", "definitions", "examples"}
KEYWORDS = {
    "string": {"type", "enum", "pattern"},
    "boolean": {"type"},
    "integer": {"type", "minimum", "maximum"},
    "array": {"type", "items", "minItems"},
    "object": {"type", "properties", "required", "additionalProperties"},
}
C_KEYWORDS = set("""auto break case char const continue default do double else enum extern
float for goto if inline int long register restrict return short signed sizeof static struct
switch typedef union unsigned void volatile while""".split())
INTEGERS = [
    ("OCI_INT32", "int32_t", -(2**31), 2**31 - 1),
    ("OCI_UINT32", "uint32_t", 0, 2**32 - 1),
    ("OCI_INT64", "int64_t", -(2**63), 2**63 - 1),
    ("OCI_UINT64", "uint64_t", 0, 2**64 - 1),
]
MAX_FIELDS = 64
PATTERN = re.compile(r"\^(?:(?:\[\^?(?:[^\]\\]|\\n)+\]|[A-Za-z0-9:_])[*+]?)*\$")

HEADER = """\
/* Made by libocispec/generate.py from libocispec/schema: change those, not this. */
#pragma once

#include "libocispec/table.h"

/* Compilers in GNU mode predefine this word, which is the name of a property. */
#undef linux
"""

SOURCE = """\
/* Made by libocispec/generate.py from libocispec/schema: change those, not this. */
#include "libocispec/oci_types.h"

#include <stddef.h>
"""


class SchemaError(Exception):
    pass


def snake(name):
    """ociVersion -> oci_version, kernelTCP -> kernel_tcp, l3CacheSchema -> l3_cache_schema"""
    name = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    name = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    name = re.sub(r"[^A-Za-z0-9]", "_", name).lower()
    return name + "_" if name in C_KEYWORDS else name


def c_string(text):
    return json.dumps(text)


def signed(value):
    # There is no literal for the lowest number: -9223372036854775808 is minus a too large one.
    return "INT64_MIN" if value == -(2**63) else str(value)


class Schemas:
    """The schema files, and what references in them lead to."""

    def __init__(self, directory):
        self.files = {}
        for path in sorted(pathlib.Path(directory).glob("*.json")):
            self.files[path.name] = json.loads(path.read_text(encoding="utf-8"))
        if not self.files:
            raise SchemaError(f"no schema in {directory}")

    def resolve(self, file, node, name):
        """Follow references: the file, node and name of what is meant."""
        while "$ref" in node:
            target, _, fragment = node["$ref"].partition("#")
            file = target or file
            if file not in self.files:
                raise SchemaError(f"{node['$ref']}: no such file")
            node = self.files[file]
            name = node.get("title", name)
            for part in filter(None, fragment.split("/")):
                if part not in node:
                    raise SchemaError(f"{file}#{fragment}: no such definition")
                node, name = node[part], part
        self.check(file, node, name)
        return file, node, name

    @staticmethod
    def check(file, node, name):
        kind = node.get("type")
        if kind not in KEYWORDS:
            raise SchemaError(f"{file}: {name}: type {kind!r} is not understood")
        for keyword in node.keys() - COMMENTS - KEYWORDS[kind]:
            raise SchemaError(f"{file}: {name}: {kind} with {keyword!r} is not understood")


class Field:
    """One property: what its member of the struct and its row of the table say."""

    def __init__(self, generator, file, name, node, required):
        self.json_name, self.name, self.required = name, snake(name), required
        self.shape, self.not_empty = "OCI_ONE", False
        self.type = self.words = self.pattern = self.range = None

        file, node, target = generator.schemas.resolve(file, node, name)
        if node["type"] == "array":
            self.shape = "OCI_ARRAY"
            self.not_empty = self.min_items(node)
            file, node, target = generator.schemas.resolve(file, node["items"], target)
        elif node["type"] == "object" and "properties" not in node:
            self.shape = "OCI_MAP"
            file, node, target = generator.schemas.resolve(
                file, node["additionalProperties"], target)
        self.set_value(generator, file, node, target)

    def min_items(self, node):
        if node.get("minItems", 0) not in (0, 1):
            raise SchemaError(f"{self.json_name}: minItems above 1 is not understood")
        return node.get("minItems", 0) == 1

    def set_value(self, generator, file, node, target):
        if node["type"] == "string":
            self.kind, self.c_type = "OCI_STRING", "const char *"
            self.words = generator.add_words(node.get("enum"))
            self.pattern = generator.add_pattern(node.get("pattern"), node.get("examples"))
        elif node["type"] == "boolean":
            self.kind, self.c_type = "OCI_BOOL", "bool "
        elif node["type"] == "integer":
            self.set_integer(node)
        elif node["type"] == "object" and "properties" in node:
            self.type = generator.add_type(file, node, target)
            self.kind, self.c_type = "OCI_OBJECT", f"struct {self.type} *"
        else:
            raise SchemaError(f"{self.json_name}: {node['type']} in an array or map")
        if self.shape == "OCI_MAP" and self.kind not in ("OCI_STRING", "OCI_OBJECT"):
            raise SchemaError(f"{self.json_name}: a map of {node['type']}")

    def set_integer(self, node):
        self.range = (node["minimum"], node["maximum"])
        for kind, c_type, low, high in INTEGERS:
            if low <= self.range[0] and self.range[1] <= high and (low < 0) == (self.range[0] < 0):
                self.kind, self.c_type = kind, c_type + " "
                return
        raise SchemaError(f"{self.json_name}: {self.range} fits no integer")

    @property
    def has_flag(self):
        return self.shape == "OCI_ONE" and self.kind not in ("OCI_STRING", "OCI_OBJECT")

    def members(self):
        if self.shape == "OCI_MAP":
            map_type = f"{self.type}_map" if self.type else "oci_string_map"
            return [f"struct {map_type} *{self.name};"]
        if self.shape == "OCI_ARRAY":
            element = f"struct {self.type} " if self.type else self.c_type
            return [f"{element}*{self.name};", f"size_t {self.name}_count;"]
        value = f"{self.c_type}{self.name};"
        return [f"bool has_{self.name};", value] if self.has_flag else [value]

    def row(self, struct):
        def offset(member):
            return f"offsetof(struct {struct}, {member})"

        cells = {
            "name": c_string(self.json_name),
            "name_length": len(self.json_name),
            "kind": self.kind,
            "shape": self.shape,
            "offset": offset(self.name),
        }
        if self.required:
            cells["required"] = "true"
        if self.not_empty:
            cells["not_empty"] = "true"
        if self.has_flag:
            cells["has_offset"] = offset(f"has_{self.name}")
        if self.shape == "OCI_ARRAY":
            cells["count_offset"] = offset(f"{self.name}_count")
        for key, value in (("type", self.type and f"{self.type}_type"), ("words", self.words),
                           ("pattern", self.pattern)):
            if value:
                cells[key] = f"&{value}"
        if self.range:
            cells["min"], cells["max"] = signed(self.range[0]), f"{self.range[1]}u"
        return "\n".join(f"\t\t.{key} = {value}," for key, value in cells.items())


class Generator:
    def __init__(self, schemas):
        self.schemas = schemas
        self.types = {}  # C name -> (schema node, its name, fields)
        self.words = {}  # tuple of words -> C name
        self.patterns = {}  # (expression, examples) -> C name
        self.maps = set()
        for file, root in schemas.files.items():
            if "title" in root:
                self.add_type(file, *schemas.resolve(file, root, root["title"])[1:])

    def add_words(self, words):
        if words is None:
            return None
        return self.words.setdefault(tuple(words), f"words_{len(self.words)}")

    def add_pattern(self, expression, examples):
        if expression is None:
            return None
        if not PATTERN.fullmatch(expression) or not examples:
            raise SchemaError(f"pattern {expression!r} is not understood, or has no examples")
        # The matcher has no escapes: it gets the newline itself.
        expression = expression.replace("\\n", "\n")
        return self.patterns.setdefault((expression, tuple(examples)),
                                        f"pattern_{len(self.patterns)}")

    def add_type(self, file, node, name):
        c_name = "oci_" + snake(name)
        if c_name in self.types:
            if self.types[c_name][0] is not node:
                raise SchemaError(f"{file}: two types are named {name}")
            return c_name
        self.types[c_name] = (node, name, [])
        fields = self.types[c_name][2]
        for key, value in node["properties"].items():
            fields.append(Field(self, file, key, value, key in node.get("required", [])))
        self.check_type(name, node, fields)
        self.maps |= {f.type for f in fields if f.shape == "OCI_MAP" and f.type}
        return c_name

    @staticmethod
    def check_type(name, node, fields):
        if not 0 < len(fields) <= MAX_FIELDS:
            raise SchemaError(f"{name}: {len(fields)} properties")
        missing = set(node.get("required", [])) - set(node["properties"])
        if missing:
            raise SchemaError(f"{name}: required but not described: {sorted(missing)}")
        members = [m for f in fields for m in f.members()]
        if len(set(members)) != len(members):
            raise SchemaError(f"{name}: two properties have the same name in C")

    def header(self):
        out = [HEADER]
        out += [f"struct {name};" for name in self.types]
        for name in sorted(self.maps):
            out.append(f"\nstruct {name}_map {{\n\tconst char **keys;\n"
                       f"\tstruct {name} *values;\n\tsize_t count;\n}};")
        for name, (node, _, fields) in self.types.items():
            lines = [f"\t{member}" for field in fields for member in field.members()]
            out.append(f"\n/* {node.get('description', 'No words on it.')} */\n"
                       f"struct {name} {{\n" + "\n".join(lines) + "\n};\n\n"
                       f"extern const struct oci_type {name}_type;")
        return "\n".join(out) + "\n"

    def source(self):
        out = [SOURCE]
        for words, name in self.words.items():
            lines = "".join(f"\t{c_string(word)},\n" for word in words)
            out.append(f"static const char *const {name}_list[] = {{\n{lines}}};\n"
                       f"static const struct oci_words {name} = {{\n"
                       f"\t.words = {name}_list, .count = {len(words)},\n}};\n")
        for (expression, examples), name in self.patterns.items():
            told = " or ".join(filter(None, (", ".join(map(json.dumps, examples[:-1])),
                                             json.dumps(examples[-1]))))
            out.append(f"static const struct oci_pattern {name} = {{\n"
                       f"\t.expression = {c_string(expression)},\n"
                       f"\t.examples = {c_string(told)},\n}};\n")
        out += [self.table(c_name, name, fields)
                for c_name, (_, name, fields) in self.types.items()]
        return "\n".join(out)

    @staticmethod
    def table(c_name, name, fields):
        def key(index):
            encoded = fields[index].json_name.encode()
            return len(encoded), encoded

        rows = "\n".join(f"\t{{\n{field.row(c_name)}\n\t}}," for field in fields)
        order = ", ".join(str(i) for i in sorted(range(len(fields)), key=key))
        required = sum(1 << i for i, field in enumerate(fields) if field.required)
        return (f"static const struct oci_field {c_name}_fields[] = {{\n{rows}\n}};\n"
                f"static const uint8_t {c_name}_by_name[] = {{ {order} }};\n"
                f"const struct oci_type {c_name}_type = {{\n"
                f"\t.name = {c_string(name)},\n"
                f"\t.size = sizeof(struct {c_name}),\n"
                f"\t.fields = {c_name}_fields,\n"
                f"\t.by_name = {c_name}_by_name,\n"
                f"\t.field_count = {len(fields)},\n"
                f"\t.required = {required:#x}u,\n}};\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--schema-dir", required=True)
    parser.add_argument("--header", required=True)
    parser.add_argument("--source", required=True)
    options = parser.parse_args()
    try:
        generator = Generator(Schemas(options.schema_dir))
    except SchemaError as error:
        sys.exit(f"{parser.prog}: {error}")
    pathlib.Path(options.header).write_text(generator.header(), encoding="utf-8")
    pathlib.Path(options.source).write_text(generator.source(), encoding="utf-8")


if __name__ == "__main__":
    main()
