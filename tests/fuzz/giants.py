#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Documents at the ends of what tare reads: deep, long, many. giants.py DIRECTORY writes them."""
import json
import pathlib
import sys

DEEP, LONG, MANY = 100_000, 10 << 20, 100_000

BASE = {"ociVersion": "1.3.0", "root": {"path": "rootfs"},
        "process": {"cwd": "/", "args": ["sh"], "user": {"uid": 0, "gid": 0}},
        "linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}]}}

# In these places an array, or a map, has many members. %d is the number of each.
LISTS = {
    "process/args": "a%d",
    "process/env": "A%d=b",
    "process/user/additionalGids": "%d",
    "process/rlimits": {"type": "RLIMIT_%d", "soft": 1, "hard": 1},
    "process/capabilities/bounding": "CAP_%d",
    "mounts": {"destination": "/m%d", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid"]},
    "hooks/poststop": {"path": "/h%d"},
    "linux/namespaces": {"type": "pid"},
    "linux/devices": {"type": "c", "path": "/dev/d%d", "major": 1, "minor": 3},
    "linux/maskedPaths": "/p%d",
    "linux/readonlyPaths": "/p%d",
    "linux/uidMappings": {"containerID": 0, "hostID": 0, "size": 1},
    "linux/resources/devices": {"allow": True, "type": "c", "major": 7, "minor": 9, "access": "r"},
    "linux/resources/hugepageLimits": {"pageSize": "2MB", "limit": 1},
    "linux/seccomp/syscalls": {"names": ["read"], "action": "SCMP_ACT_ERRNO"},
    "linux/seccomp/architectures": "SCMP_ARCH_X86",
}
MAPS = {
    "annotations": ("a%d", "b"),
    "linux/sysctl": ("net.a%d", "1"),
    "linux/netDevices": ("e%d", {}),
    "linux/resources/unified": ("memory.a%d", "1"),
    "linux/resources/rdma": ("r%d", {"hcaHandles": 1}),
}


def numbered(value, n):
    text = json.dumps(value).replace("%d", str(n))
    return int(n) if value == "%d" else json.loads(text)


def with_value(path, value):
    document = json.loads(json.dumps(BASE))
    at = document
    *parents, last = path.split("/")
    for name in parents:
        at = at.setdefault(name, {})
    at[last] = value
    if path.startswith("linux/seccomp"):
        document["linux"]["seccomp"]["defaultAction"] = "SCMP_ACT_ALLOW"
    return json.dumps(document)


def giants():
    text = json.dumps(BASE)[:-1]
    yield "deep-array", text + ',"x":' + "[" * DEEP
    yield "deep-array-whole", text + ',"x":' + "[" * DEEP + "]" * DEEP + "}"
    yield "deep-object", text + ',"x":' + '{"a":' * DEEP + "1" + "}" * DEEP + "}"
    yield "deep-alone", "[" * DEEP
    for path in ("process/cwd", "linux/cgroupsPath", "hostname"):
        yield "long-" + path.replace("/", "-"), with_value(path, "/" + "a" * LONG)
    for path in ("process/args", "process/env", "linux/maskedPaths"):
        yield "long-in-" + path.replace("/", "-"), with_value(path, ["/" + "a" * LONG])
    yield "long-annotation", with_value("annotations", {"a": "b" * LONG})
    yield "long-name", with_value("annotations", {"a" * LONG: "b"})
    yield "long-escapes", with_value("annotations", {"a": "\u00e9\n" * (LONG // 10)})
    yield "long-number", text + ',"x":' + "1" * LONG + "}"
    yield "long-blanks", text + "}" + " " * LONG
    yield "too-large", text + "}" + " " * (17 << 20)
    for path, item in LISTS.items():
        yield "many-" + path.replace("/", "-"), with_value(path, [numbered(item, n) for n in range(MANY)])
    for names, count in (["read", "write"], MANY), (["unknown%d"], MANY):
        rule = {"names": [n.replace("%d", str(i)) for i in range(count // len(names)) for n in names],
                "action": "SCMP_ACT_ERRNO"}
        yield "many-seccomp-" + names[0].strip("%d"), with_value("linux/seccomp/syscalls", [rule])
    args = [{"index": 0, "value": n, "op": "SCMP_CMP_EQ"} for n in range(MANY)]
    yield "many-seccomp-args", with_value("linux/seccomp/syscalls",
                                          [{"names": ["read"], "action": "SCMP_ACT_ERRNO", "args": args}])
    for path, (name, item) in MAPS.items():
        yield "many-" + path.replace("/", "-"), with_value(path, {numbered(name, n): item for n in range(MANY)})


def main():
    directory = pathlib.Path(sys.argv[1])
    for name, text in giants():
        (directory / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
