# SPDX-License-Identifier: LGPL-2.1-or-later
"""features.md and features-linux.md: what the runtime says of itself, held against what it does."""
import json
import re

import pytest

import harness
import schema
from harness import IS_TARE, rt
from sentences import says

F = "features.md#features"
L = "features-linux.md#linuxFeatures"
TYPES = ["pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"]


def version(text):
    return tuple(int(n) for n in re.match(r"(\d+)\.(\d+)\.(\d+)", text).groups())


@pytest.fixture(scope="module")
def features():
    r = rt("features")
    if r.code != 0:
        pytest.skip("this runtime has no features")
    return json.loads(r.out)


def listed(features, *path):
    node = features
    for key in path:
        node = (node or {}).get(key)
    if not node:
        pytest.fail(f"features has no {'/'.join(path)}") if IS_TARE else pytest.skip(f"no {'/'.join(path)}")
    return node


@says(F, "SHOULD be determined on the compilation time of the runtime")
def test_features_are_the_same_wherever_it_runs(features, scratch):
    """Without a file system, a capability or a variable of the host's, the text is the same."""
    # the user stays root: the runtime may have been built where nobody else may look
    bare = harness.command("env", "-i", "setpriv", "--bounding-set=-all", "--inh-caps=-all", "unshare", "--user",
                           harness.RUNTIME, "--root", scratch / "none", "features")
    assert json.loads(bare.ok().out) == features


@says(F, "The `null` value MUST NOT be confused with an empty value")
def test_what_is_not_supported_is_said_by_an_empty_value_not_by_null(features):
    def nulls(node, at=""):
        if node is None:
            yield at
        for key, item in (node.items() if isinstance(node, dict) else ()):
            yield from nulls(item, f"{at}/{key}")
    assert list(nulls(features)) == []
    for part in ("apparmor", "selinux", "intelRdt", "netDevices"):
        if part in features["linux"]:
            assert features["linux"][part]["enabled"] in (True, False)


@says(F + "SpecificationVersion", "**`ociVersionMin`** (string, REQUIRED)", "**`ociVersionMax`** (string, REQUIRED)",
      "The runtime MUST accept this value as the [`ociVersion` property", "MUST NOT be less than")
@pytest.mark.gap(21)
def test_both_versions_are_accepted(features, bundles):
    assert version(features["ociVersionMin"]) <= version(features["ociVersionMax"])
    for key in ("ociVersionMin", "ociVersionMax"):
        b = bundles()
        b.config["ociVersion"] = features[key]
        b.stay().create().ok()


@says(F + "SpecificationVersion", "The Features structure MUST NOT contain properties that are not defined")
@pytest.mark.gap(21)
def test_features_adhere_to_their_schema(features):
    assert schema.errors(features, "features-schema.json") == []
    # in the specification's text, not in its schema
    known = {"/linux/intelRdt/schemata", "/linux/intelRdt/monitoring", "/linux/memoryPolicy"}
    assert set(schema.undefined(features, schema.document("features-schema.json"), "features-schema.json")) <= known


@pytest.mark.gap(21)
def test_features_are_of_1_3_and_complete(features):
    assert version(features["ociVersionMax"]) >= (1, 3, 0)
    linux = features["linux"]
    assert linux["seccomp"]["archs"] and linux["seccomp"]["knownFlags"] and linux["memoryPolicy"]["modes"]
    assert linux["mountExtensions"]["idmap"]["enabled"] and linux["netDevices"]["enabled"]
    assert linux["intelRdt"] == {"enabled": True, "schemata": True, "monitoring": True}
    assert linux["cgroup"]["v1"] and linux["cgroup"]["v2"] and linux["cgroup"]["rdma"]
    assert linux["selinux"]["enabled"] and linux["apparmor"]["enabled"]


@says(F + "Hooks", "The runtime MUST support the elements in this array")
def test_every_listed_hook_is_called(features, bundle, scratch):
    names = listed(features, "hooks")
    bundle.writable().mount(scratch, "bind", scratch, "bind")
    bundle.config["hooks"] = {n: [{"path": "/bin/sh", "args": ["sh", "-c", f"cat >/dev/null; echo {n} >>{scratch}/order"]}]
                              for n in names}
    bundle.sh("true").run().ok()
    assert (scratch / "order").read_text().split() == names


@says(F + "MountOptions", "The runtime MUST recognize the elements in this array")
def test_every_listed_mount_option_is_recognized(features, bundle, scratch):
    options = listed(features, "mountOptions")
    on_bind = {"bind", "rbind", "idmap", "ridmap", "copy-symlink", "src-nofollow", "dest-nofollow"}
    for n, option in enumerate(o for o in options if o not in on_bind | {"remount", "tmpcopyup"}):
        bundle.mount(f"/m{n}", "tmpfs", "tmpfs", option)
    for n, option in enumerate(sorted(on_bind & set(options) - {"idmap", "ridmap"})):
        bundle.mount(f"/b{n}", "bind", scratch, "bind", option)
    mapping = [{"containerID": 0, "hostID": 5000, "size": 10}]
    for option in sorted({"idmap", "ridmap"} & set(options)):
        bundle.mount(f"/{option}", "bind", scratch, "rbind", option).update(uidMappings=mapping, gidMappings=mapping)
    if "remount" in options:
        bundle.mount("/m0", "tmpfs", "tmpfs", "remount", "ro")
    if "tmpcopyup" in options:
        bundle.mount("/etc", "tmpfs", "tmpfs", "tmpcopyup")
    bundle.stay().create().ok()


DATA = {"size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "lowerdir", "upperdir", "workdir", "newinstance", "ptmxmode",
        "hidepid", "huge", "inode64", "inode32", "mpol", "subset", "max", "nsdelegate", "memory_recursiveprot"}


@says(F + "MountOptions", "this array SHOULD NOT contain filesystem-specific mount options")
def test_no_listed_mount_option_belongs_to_a_file_system(features):
    options = listed(features, "mountOptions")
    assert not [o for o in options if "=" in o or o in DATA]


@says(F + "Annotations", "Annotations MUST be a key-value map that follows the same convention")
def test_annotations_are_a_map_of_strings(features):
    notes = features.get("annotations", {})
    assert isinstance(notes, dict)
    assert all(k and isinstance(v, str) for k, v in notes.items())


def accepts(bundles, options, change):
    """Those of @options with which create fails, and how."""
    wrong = {}
    for option in options:
        b = bundles()
        change(b, option)
        r = b.stay().create()
        if r.code != 0:
            wrong[option] = r.err
        b.delete("--force")
    return wrong


@says(L + "Namespaces", "The runtime MUST recognize the elements in this array")
def test_every_listed_namespace_is_recognized(features, bundles):
    kinds = listed(features, "linux", "namespaces")
    assert not IS_TARE or sorted(kinds) == sorted(TYPES)

    def change(b, kind):
        b.unlisted(kind)
        if kind == "user":
            b.userns(200000, 65536)
            harness.chown_tree(b.rootfs, 200000)
        else:
            b.linux["namespaces"].append({"type": kind})
    assert accepts(bundles, kinds, change) == {}


@says(L + "Capabilities", "The runtime MUST recognize the elements in this array")
def test_every_listed_capability_is_recognized(features, probe):
    names = listed(features, "linux", "capabilities")
    probe.bundle.process["capabilities"] = {k: names for k in ("bounding", "permitted", "effective", "inheritable")}
    seen = probe.see()
    last = int(harness.read("/proc/sys/kernel/cap_last_cap"))
    mine = int(harness.proc_status("self")["CapBnd"], 16)
    assert seen.caps("Bnd") == mine & ((1 << min(len(names), last + 1)) - 1)
    assert len(names) == 41


def seccomp_accepts(bundles, options, make):
    def change(b, option):
        b.linux["seccomp"] = make(option)
    return accepts(bundles, options, change)


def with_rule(action="SCMP_ACT_ERRNO", **more):
    return {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["acct"], "action": action, **more}]}


@says(L + "Seccomp", "[`syscalls[].action` property")
def test_every_listed_action_is_recognized(features, bundles):
    actions = listed(features, "linux", "seccomp", "actions")
    assert not IS_TARE or "SCMP_ACT_NOTIFY" in actions
    assert seccomp_accepts(bundles, [a for a in actions if a != "SCMP_ACT_NOTIFY"], with_rule) == {}


@says(L + "Seccomp", "[`syscalls[].args[].op` property")
def test_every_listed_operator_is_recognized(features, bundles):
    operators = listed(features, "linux", "seccomp", "operators")
    assert not IS_TARE or len(operators) == 7
    assert seccomp_accepts(bundles, operators, lambda op: with_rule(args=[{"index": 0, "value": 1, "valueTwo": 1, "op": op}])) == {}


@says(L + "Seccomp", "[`architectures` property")
@pytest.mark.gap(23)
def test_every_listed_architecture_is_recognized(features, bundles):
    archs = listed(features, "linux", "seccomp", "archs")
    assert not IS_TARE or len(archs) == 23
    assert seccomp_accepts(bundles, archs, lambda a: {**with_rule(), "architectures": [a]}) == {}


@says(L + "Seccomp", "The runtime MUST recognize the elements in this array in the [`flags` property",
      "The runtime MUST recognize and support the elements in this array in the [`flags` property")
def test_every_listed_flag_is_recognized(features, bundles):
    known = listed(features, "linux", "seccomp", "knownFlags")
    supported = listed(features, "linux", "seccomp", "supportedFlags")
    assert set(supported) <= set(known)
    # the kernel takes that one only together with a listener
    alone = [f for f in supported if f != "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]
    assert seccomp_accepts(bundles, alone, lambda f: {**with_rule(), "flags": [f]}) == {}


@says(L + "MemoryPolicy", "[`mode` of `linux.memoryPolicy` objects")
def test_every_listed_memory_policy_is_recognized(features, bundles):
    modes = listed(features, "linux", "memoryPolicy", "modes")
    bare = ("MPOL_DEFAULT", "MPOL_LOCAL")

    def change(b, mode):
        b.linux["memoryPolicy"] = {"mode": mode, **({} if mode in bare else {"nodes": "0"})}
    assert accepts(bundles, modes, change) == {}


@says(L + "MemoryPolicy", "[`flags` property of the `linux.memoryPolicy` object")
def test_every_listed_flag_of_a_memory_policy_is_recognized(features, bundles):
    def change(b, flag):
        b.linux["memoryPolicy"] = {"mode": "MPOL_BIND", "nodes": "0", "flags": [flag]}
    assert accepts(bundles, listed(features, "linux", "memoryPolicy", "flags"), change) == {}


@says(L + "MountExtensions", "runtimes MUST still set this value to `true`")
@pytest.mark.gap(15)
def test_idmap_is_true_where_mappings_are_used(features, bundle, scratch):
    enabled = features.get("linux", {}).get("mountExtensions", {}).get("idmap", {}).get("enabled")
    mapping = [{"containerID": 0, "hostID": 5000, "size": 10}]
    bundle.mount("/m", "bind", scratch, "bind", "idmap").update(uidMappings=mapping, gidMappings=mapping)
    works = bundle.stay().create().code == 0
    assert enabled or not (works or IS_TARE)
