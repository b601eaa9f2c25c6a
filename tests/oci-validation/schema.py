# SPDX-License-Identifier: LGPL-2.1-or-later
"""As much of JSON Schema as those of runtime-spec use."""
import json
import re

import spec_text

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}


def document(name):
    return json.loads((spec_text.SPEC / "schema" / name).read_text(encoding="utf8"))


def follow(ref, file):
    name, _, pointer = ref.partition("#")
    name = name or file
    node = document(name)
    for part in pointer.strip("/").split("/") if pointer.strip("/") else []:
        node = node[part]
    return node, name


def is_type(value, kind):
    if kind in ("integer", "number"):
        wanted = int if kind == "integer" else (int, float)
        return isinstance(value, wanted) and not isinstance(value, bool)
    return isinstance(value, TYPES[kind])


def plain(value, node, at):
    """What the words say that concern the value alone."""
    kinds = node.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(is_type(value, k) for k in kinds):
        yield f"{at}: not {kinds}"
    if "enum" in node and value not in node["enum"]:
        yield f"{at}: {value!r} is not one of {node['enum']}"
    if "pattern" in node and isinstance(value, str) and not re.search(node["pattern"], value):
        yield f"{at}: {value!r} does not match {node['pattern']}"
    for word, wrong in (("minimum", lambda a, b: a < b), ("maximum", lambda a, b: a > b)):
        if word in node and is_type(value, "number") and wrong(value, node[word]):
            yield f"{at}: {value} beyond the {word} {node[word]}"
    if isinstance(value, list) and len(value) < node.get("minItems", 0):
        yield f"{at}: fewer than {node['minItems']}"


def members(value, node, file, at):
    for key in node.get("required", []):
        if key not in value:
            yield f"{at}: no {key}"
    for key, item in value.items():
        if key in node.get("properties", {}):
            yield from check(item, node["properties"][key], file, f"{at}/{key}")
            continue
        for pattern, sub in node.get("patternProperties", {}).items():
            if re.search(pattern, key):
                yield from check(item, sub, file, f"{at}/{key}")


def check(value, node, file, at):
    if "$ref" in node:
        yield from check(value, *follow(node["$ref"], file), at)
    yield from plain(value, node, at)
    for sub in node.get("allOf", []):
        yield from check(value, sub, file, at)
    for word in ("oneOf", "anyOf"):
        if word in node and all(list(check(value, sub, file, at)) for sub in node[word]):
            yield f"{at}: none of {word}"
    if isinstance(value, dict):
        yield from members(value, node, file, at)
    if isinstance(value, list) and "items" in node:
        for n, item in enumerate(value):
            yield from check(item, node["items"], file, f"{at}/{n}")


def errors(value, name):
    """What is wrong with @value by the schema of that name."""
    return list(check(value, document(name), name, ""))


def properties(node, file):
    """The names that a schema of an object defines, through its references."""
    if "$ref" in node:
        return properties(*follow(node["$ref"], file))
    return {key: (sub, file) for key, sub in node.get("properties", {}).items()}


def undefined(value, node, file, at=""):
    """Members of @value, at any depth, that the schema does not define."""
    if "$ref" in node:
        node, file = follow(node["$ref"], file)
    known = properties(node, file)
    if isinstance(value, dict) and known:
        for key, item in value.items():
            if key not in known:
                yield f"{at}/{key}"
            else:
                yield from undefined(item, *known[key], f"{at}/{key}")
