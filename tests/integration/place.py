# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where in a JSON text the value of each JSON pointer begins: (line, column), from 1."""
import json
import re

SPACE = re.compile(r"[ \t\r\n]*")
DECODER = json.JSONDecoder()


def places(text):
    found = {}

    def skip(at):
        return SPACE.match(text, at).end()

    def value(at, pointer):
        at = skip(at)
        found[pointer] = (text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1) + 1)
        if text[at] not in "{[":
            return DECODER.raw_decode(text, at)[1]
        is_object, close = text[at] == "{", "}" if text[at] == "{" else "]"
        at = skip(at + 1)
        index = 0
        while text[at] != close:
            name = str(index)
            if is_object:
                name, at = DECODER.raw_decode(text, at)
                name = name.replace("~", "~0").replace("/", "~1")
                at = skip(at) + 1
            at = skip(value(at, f"{pointer}/{name}"))
            if text[at] == ",":
                at = skip(at + 1)
            index += 1
        return at + 1

    value(0, "")
    return found
