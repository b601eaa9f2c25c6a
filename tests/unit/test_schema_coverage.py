# SPDX-License-Identifier: LGPL-2.1-or-later
"""Our schemas against the specification's own: every property, with the same type.

Both sets of files are flattened into one row for each property (`linux/devices/[]/path`) and
the rows are compared. Where ours says something else on purpose, it is listed here with the
reason. A difference that is no longer one must be taken off the list.
"""

import json
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
OURS = ROOT / "libocispec" / "schema"
THEIRS = ROOT / "tests" / "data" / "runtime-spec" / "schema"
DATA = pathlib.Path(__file__).resolve().parent / "data" / "good"

DOCUMENTS = {  # theirs -> ours
    "config-schema.json": "config.json",
    "state-schema.json": "state.json",
    "features-schema.json": "features.json",
}

# Properties of platforms that tare does not run on.
OTHER_PLATFORMS = {
    f"config/{path}" for path in (
        "windows", "solaris", "vm", "zos", "freebsd", "process/commandLine",
        "process/user/username")
}

NO_ID = "the kernel's (uid_t) -1 is no ID"
TEXT = "REQUIRED in the specification's text"
ONLY_TEXT = "in the specification's text, not in its schema"
BLOCK = "config/linux/resources/blockIO"

# (property, what differs) -> why
DIFFERENCES = {
    ("config/process/user/uid", "range"): NO_ID,
    ("config/process/user/gid", "range"): NO_ID,
    ("config/process/user/additionalGids/[]", "range"): NO_ID,
    ("config/linux/devices/[]/uid", "range"): NO_ID,
    ("config/linux/devices/[]/gid", "range"): NO_ID,
    **{(f"config/{where}/{kind}Mappings/[]/{end}", "range"): NO_ID
       for where in ("linux", "mounts/[]") for kind in ("uid", "gid")
       for end in ("containerID", "hostID")},
    **{(f"config/hooks/{hook}/[]/timeout", "range"): "theirs has no upper end; a C integer has"
       for hook in ("prestart", "createRuntime", "createContainer", "startContainer",
                    "poststart", "poststop")},
    ("config/process/oomScoreAdj", "range"): "theirs has none; the kernel has",
    ("state/pid", "range"): "theirs has no upper end; pid_t has",
    ("config/linux/devices/[]/fileMode", "range"):
        "the text says uint32, and podman and docker send the bits of the file type",
    ("config/linux/devices/[]/type", "enum"): "theirs is the pattern ^[cbup]$, for the same words",
    ("config/linux/devices/[]/type", "pattern"): "ours is an enum of the same words",
    ("config/linux/rootfsPropagation", "enum"): "the text has the recursive ones as well",
    ("state/status", "enum"): "runtimes may add words, and all of them add paused",
    ("config/process/rlimits/[]/type", "pattern"): "the planner knows the names",
    ("features/linux/capabilities/[]", "pattern"): "names are free text",
    ("config/linux/resources/pids/limit", "required"): "the text says OPTIONAL, since 1.3",
    ("config/linux/memoryPolicy/mode", "required"): TEXT,
    ("config/linux/personality/domain", "required"): TEXT,
    **{(f"{BLOCK}/throttle{way}Device/[]/rate", "required"): TEXT
       for way in ("ReadBps", "WriteBps", "ReadIOPS", "WriteIOPS")},
    **{(f"features/linux/{path}", "only ours"): ONLY_TEXT for path in (
        "intelRdt/schemata", "intelRdt/monitoring", "memoryPolicy", "memoryPolicy/modes",
        "memoryPolicy/modes/[]", "memoryPolicy/flags", "memoryPolicy/flags/[]")},
}


def absolute(node, file):
    """Write the file's name into each reference, so that a node can be read anywhere."""
    if isinstance(node, list):
        return [absolute(item, file) for item in node]
    if not isinstance(node, dict):
        return node
    return {key: file + value if key == "$ref" and value.startswith("#") else absolute(value, file)
            for key, value in node.items()}


class Flattener:
    def __init__(self, directory, leave_out=()):
        self.files = {path.name: absolute(json.loads(path.read_text(encoding="utf-8")), path.name)
                      for path in directory.glob("*.json")}
        self.leave_out, self.rows = leave_out, {}

    def follow(self, node):
        """Put what a reference, allOf and anyOf lead to into one node."""
        merged = {key: value for key, value in node.items()
                  if key not in ("$ref", "allOf", "anyOf")}
        parts = node.get("allOf", []) + node.get("anyOf", [])
        if "$ref" in node:
            file, _, fragment = node["$ref"].partition("#")
            found = self.files[file]
            for part in filter(None, fragment.split("/")):
                found = found[part]
            parts.append(found)
        for part in parts:
            for key, value in self.follow(part).items():
                if key == "properties":
                    value = {**merged.get(key, {}), **value}
                elif key == "required":
                    value = merged.get(key, []) + value
                merged[key] = value
        return merged

    def flatten(self, path, node, required=False):
        node = self.follow(node)
        self.rows[path] = {
            "type": node.get("type"),
            "enum": sorted(node.get("enum", [])),
            "range": (node.get("minimum"), node.get("maximum")),
            "pattern": node.get("pattern"),
            "minItems": node.get("minItems", 0),
            "required": required,
        }
        for name, child in node.get("properties", {}).items():
            if f"{path}/{name}" not in self.leave_out:
                self.flatten(f"{path}/{name}", child, name in node.get("required", []))
        children = list(node.get("patternProperties", {}).values())
        if isinstance(node.get("additionalProperties"), dict):
            children.append(node["additionalProperties"])
        for child in children:
            self.flatten(f"{path}/*", child)
        if "items" in node:
            self.flatten(f"{path}/[]", node["items"])


def flatten(directory, names, leave_out=()):
    flattener = Flattener(directory, leave_out)
    for name in names:
        root = name.split(".")[0].split("-")[0]
        flattener.flatten(root, flattener.files[name])
    return flattener.rows


def compare(theirs, ours):
    """All differences, as (property, what differs)."""
    found = {(path, "missing") for path in theirs.keys() - ours.keys()}
    found |= {(path, "only ours") for path in ours.keys() - theirs.keys()}
    for path in theirs.keys() & ours.keys():
        found |= {(path, key) for key, value in theirs[path].items() if ours[path][key] != value}
    return found


def our_rows():
    return flatten(OURS, DOCUMENTS.values())


@pytest.fixture(name="theirs", scope="module")
def their_rows():
    return flatten(THEIRS, DOCUMENTS, OTHER_PLATFORMS)


def test_each_property_is_ours_with_the_same_type(theirs):
    assert len(theirs) > 250
    differences = compare(theirs, our_rows())
    unexplained = sorted(differences - DIFFERENCES.keys())
    assert unexplained == []
    stale = sorted(DIFFERENCES.keys() - differences)
    assert stale == []


def test_our_enums_have_every_word_of_theirs(theirs):
    ours = our_rows()
    for path, row in theirs.items():
        missing = set(row["enum"]) - set(ours[path]["enum"])
        assert not missing, path


def test_what_they_require_we_require(theirs):
    ours = our_rows()
    for path, row in theirs.items():
        assert ours[path]["required"] or not row["required"] or (path, "required") in DIFFERENCES, path


def test_the_comparison_notices_each_removed_or_changed_property(theirs):
    ours = our_rows()
    for path, row in theirs.items():
        without = {key: value for key, value in ours.items() if key != path}
        assert (path, "missing") in compare(theirs, without)
        for wrong in ("string", "integer", "boolean", "object", "array"):
            changed = {path: {**ours[path], "type": wrong}}
            noticed = (path, "type") in compare({path: row}, changed)
            assert noticed == (wrong != row["type"])


def test_shared_parts_are_one_document_each():
    """exec --process and update --resources read the same types as config.json."""
    rows = our_rows()
    for name, prefix in (("process.json", "config/process"),
                         ("resources.json", "config/linux/resources")):
        alone = flatten(OURS, [name])
        root = name.split(".")[0]
        inside = {path.replace(prefix, root, 1): row for path, row in rows.items()
                  if path == prefix or path.startswith(prefix + "/")}
        assert alone == inside


def present(path, value, rows, found):
    """The rows that a document has a value for."""
    found.add(path)
    if isinstance(value, list):
        for item in value:
            present(f"{path}/[]", item, rows, found)
    elif isinstance(value, dict):
        for name, item in value.items():
            named = f"{path}/{name}"
            present(named if named in rows else f"{path}/*", item, rows, found)
    return found


@pytest.mark.parametrize("document", ["config", "features", "state"])
def test_the_full_example_has_every_property(document):
    """The other tests rely on it: what is not in there is not tried."""
    value = json.loads((DATA / f"{document}-full.json").read_text(encoding="utf-8"))
    rows = {path for path in our_rows() if path.split("/")[0] == document}
    assert rows == present(document, value, rows, set())
