# SPDX-License-Identifier: LGPL-2.1-or-later
"""`features`: valid by its schema, and true: what is listed is accepted, what is not listed is refused."""
import json
import os
import pathlib
import re

import pytest

from harness import HERE, rt, tare_only

pytestmark = tare_only

SCHEMAS = pathlib.Path(os.environ.get("TARE_SCHEMAS", HERE.parent.parent / "libocispec/schema"))


@pytest.fixture(scope="module")
def features():
    return json.loads(rt("features").ok().out)


TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}


def faults(value, schema, schemas, file, at=""):
    """What is wrong with @value, by the part of JSON Schema that our schemas use; unknown members are faults too."""
    if "$ref" in schema:
        name, _, pointer = schema["$ref"].partition("#")
        file = name or file
        schema = schemas[file]
        for part in pointer.split("/")[1:]:
            schema = schema[part]
        yield from faults(value, schema, schemas, file, at)
        return
    kind = TYPES[schema["type"]] if "type" in schema else object
    if not isinstance(value, kind) or kind is int and isinstance(value, bool):
        yield f"{at} is no {schema['type']}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: {value!r} is none of {schema['enum']}"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{at}: {value!r} does not match {schema['pattern']}"
    if isinstance(value, dict):
        rest = schema.get("additionalProperties")
        for key in schema.get("required", []):
            if key not in value:
                yield f"{at}/{key} is missing"
        for key, member in value.items():
            if key in schema.get("properties", {}):
                yield from faults(member, schema["properties"][key], schemas, file, f"{at}/{key}")
            elif isinstance(rest, dict):
                yield from faults(member, rest, schemas, file, f"{at}/{key}")
            else:
                yield f"{at}/{key} is unknown"
    if isinstance(value, list):
        for i, element in enumerate(value):
            yield from faults(element, schema.get("items", {}), schemas, file, f"{at}/{i}")


@pytest.mark.skipif(not SCHEMAS.exists(), reason="the schemas are not here")
def test_it_is_valid_by_its_schema(features):
    schemas = {p.name: json.loads(p.read_text()) for p in SCHEMAS.glob("*.json")}
    assert not list(faults(features, schemas["features.json"], schemas, "features.json"))
    # the check itself finds what is wrong
    wrong = json.loads(json.dumps(features))
    wrong["linux"]["seccomp"]["actions"].append("SCMP_ACT_OTHER")
    wrong["linux"]["apparmor"]["enabled"] = "yes"
    wrong["other"] = 1
    del wrong["ociVersionMax"]
    assert len(list(faults(wrong, schemas["features.json"], schemas, "features.json"))) == 4


def accepts(bundle):
    return bundle.make("plan")


def seccomp(bundle, **more):
    bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", **more}
    return accepts(bundle)


def test_every_action_is_accepted_and_no_other(bundle, features):
    assert len(features["linux"]["seccomp"]["actions"]) == 9
    for action in features["linux"]["seccomp"]["actions"]:
        seccomp(bundle, syscalls=[{"names": ["mkdir"], "action": action}], listenerPath="/x").ok()
    seccomp(bundle, syscalls=[{"names": ["mkdir"], "action": "SCMP_ACT_OTHER"}]).refused("SCMP_ACT_OTHER")


def test_every_operator_is_accepted_and_no_other(bundle, features):
    def of(op):
        return seccomp(bundle, syscalls=[{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO",
                                          "args": [{"index": 0, "value": 1, "valueTwo": 1, "op": op}]}])
    assert len(features["linux"]["seccomp"]["operators"]) == 7
    for op in features["linux"]["seccomp"]["operators"]:
        of(op).ok()
    of("SCMP_CMP_OTHER").refused("SCMP_CMP_OTHER")


def test_every_architecture_is_accepted_and_no_other(bundle, features):
    assert len(features["linux"]["seccomp"]["archs"]) == 23
    for arch in features["linux"]["seccomp"]["archs"]:
        seccomp(bundle, architectures=[arch]).ok()
    seccomp(bundle, architectures=["SCMP_ARCH_OTHER"]).refused("SCMP_ARCH_OTHER")


def test_supported_flags_are_accepted_and_no_other(bundle, features):
    known, supported = (features["linux"]["seccomp"][k] for k in ("knownFlags", "supportedFlags"))
    assert len(known) == 4 and set(supported) <= set(known)
    for flag in known:
        r = seccomp(bundle, flags=[flag])
        if flag in supported:
            r.ok()
        else:
            r.refused("this kernel does not know the seccomp flag", flag)
    seccomp(bundle, flags=["SECCOMP_FILTER_FLAG_OTHER"]).refused("SECCOMP_FILTER_FLAG_OTHER")


def test_every_namespace_is_accepted_and_no_other(bundle, features):
    kinds = features["linux"]["namespaces"]
    assert sorted(kinds) == sorted(["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"])
    bundle.userns()
    bundle.namespaces(*kinds)
    accepts(bundle).ok()
    bundle.namespaces(*kinds, "other")
    accepts(bundle).refused("other")


def test_every_mount_option_is_accepted(bundle, features):
    for option in features["mountOptions"]:
        if option in ("idmap", "ridmap"):
            continue  # these want mappings beside them
        bundle.config["mounts"] = [{"destination": "/x", "type": "bind", "source": "/tmp",
                                    "options": ["bind", option]}]
        if option == "tmpcopyup":
            bundle.config["mounts"] = [{"destination": "/x", "type": "tmpfs", "source": "x", "options": [option]}]
        accepts(bundle).ok()


def test_every_capability_is_accepted_without_a_warning(bundle, features):
    names = features["linux"]["capabilities"]
    bundle.process["capabilities"] = {"bounding": names}
    assert "is not known" not in bundle.make("plan", glob=("--log-level", "warning")).ok().err
    bundle.process["capabilities"] = {"bounding": [*names, "CAP_OTHER"]}
    assert '"CAP_OTHER" is not known' in bundle.make("plan", glob=("--log-level", "warning")).ok().err


def test_every_hook_is_accepted(bundle, features):
    assert len(features["hooks"]) == 6
    for stage in features["hooks"]:
        bundle.config["hooks"] = {stage: [{"path": "/bin/true"}]}
        accepts(bundle).ok()
        bundle.config["hooks"] = {stage: [{"path": "relative"}]}
        accepts(bundle).refused(f"/hooks/{stage}/0/path")


@pytest.mark.parametrize("name,member,value", [("apparmor", "apparmorProfile", "some-profile"),
                                               ("selinux", "selinuxLabel", "u:r:t:s0")])
def test_security_modules_are_named_whether_this_host_has_them_or_not(bundle, features, name, member, value):
    assert features["linux"][name] == {"enabled": True}
    bundle.process[member] = value
    r = accepts(bundle)
    if r.code != 0:
        r.refused(f"/process/{member}", f"{name} is disabled or not supported")


def test_versions_are_those_that_are_accepted(bundle, features):
    for key in ("ociVersionMin", "ociVersionMax"):
        bundle.config["ociVersion"] = features[key]
        accepts(bundle).ok()
    major, minor, _ = features["ociVersionMax"].split(".")
    bundle.config["ociVersion"] = f"{major}.{int(minor) + 1}.0"
    assert "is newer than" in accepts(bundle).ok().err
    bundle.config["ociVersion"] = f"{int(major) + 1}.0.0"
    accepts(bundle).refused("/ociVersion")


def test_annotations_that_act_are_told_to_engines(features):
    with_systemd = ["org.systemd.property."] if features["linux"]["cgroup"]["systemd"] else []
    assert features["potentiallyUnsafeConfigAnnotations"] == ["run.oci.", "org.tare.", "org.criu.", *with_systemd]
    assert features["annotations"]["io.github.seccomp.libseccomp.version"].count(".") == 2
