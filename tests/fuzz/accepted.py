#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What tare plans, the specification's own schema must not refuse: accepted.py FILE

FILE is what plan_fuzz.c wrote. Where tare takes more than the schema, the reason is here; the
last line is the number of configs that were looked at, the exit status 1 if one should have been refused.
"""
import functools
import json
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "oci-validation"))
import schema  # noqa: E402

# (place, what the schema says) -> why tare may take it
EXCUSED = {
    (r"/linux/rootfsPropagation", r"is not one of"): "the text has the recursive ones as well",
    (r"/linux/resources/pids", r"no limit"): "the text has it as OPTIONAL, since 1.3",
    (r"/linux/devices/\d+/fileMode", r"beyond"): "podman and docker send the bits of the file type",
}
# Ignored like any unknown property.
OTHER_PLATFORMS = ("windows", "solaris", "vm", "zos", "freebsd")


def without_nulls(value):
    """null of an optional property is an absent one."""
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [without_nulls(v) for v in value]
    return value


def excused(error):
    place, _, what = error.partition(": ")
    return any(re.fullmatch(where, place) and re.search(word, what)
               for (where, word) in EXCUSED)


def documents(path):
    with open(path, "rb") as file:
        while line := file.readline():
            yield file.read(int(line))


def main():
    schema.document = functools.lru_cache(None)(schema.document)
    count, wrong = 0, {}
    for text in documents(sys.argv[1]):
        count += 1
        value = without_nulls(json.loads(text))
        for name in OTHER_PLATFORMS:
            value.pop(name, None)
        for error in schema.errors(value, "config-schema.json"):
            if not excused(error):
                wrong.setdefault(re.sub(r"\d+", "N", error.partition(":")[0]), (error, text))
    for error, text in wrong.values():
        print(f"accepted, though the schema says: {error}\n{text.decode()}")
    print(count)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
