# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is refused: one clear line that names the place, exit status 1, nothing left behind."""
import json
import os
import pathlib

import pytest

from harness import RUNTIME, VERSION, IS_TARE
from place import places

pytestmark = pytest.mark.skipif(not IS_TARE, reason=f"{RUNTIME} is not tare: {VERSION.splitlines()[:1]}")


def refuse(bundle, pointer, *words, verb="run"):
    """The refusal names @pointer with its line and column, and has all @words."""
    if bundle.text is None or bundle.written != json.dumps(bundle.config):
        bundle.write()
    r = bundle.verb(verb, "--bundle", bundle.dir)
    line, column = places(bundle.text)[pointer]
    r.refused(f'tare: {verb} "{bundle.id}": {pointer} (line {line}, column {column}): ', *words)
    assert not bundle.exists()
    return r


def whole(bundle, pointer, text, verb="run"):
    """The refusal is exactly this line."""
    r = refuse(bundle, pointer, verb=verb)
    line, column = places(bundle.text)[pointer]
    assert r.err == f'tare: {verb} "{bundle.id}": {pointer} (line {line}, column {column}): {text}\n'


def put(config, pointer, value):
    """Set what @pointer names."""
    *path, last = pointer.strip("/").split("/")
    at = config
    for name in path:
        at = at[int(name)] if isinstance(at, list) else at.setdefault(name, {})
    if isinstance(at, list):
        if last == str(len(at)):
            at.append(value)
        else:
            at[int(last)] = value
    else:
        at[last] = value


# --- no config at all


def test_a_missing_config_is_named(bundle):
    bundle.verb("run", "--bundle", bundle.dir).refused("config.json", "no such file or directory")


def test_a_missing_bundle_is_named(bundle):
    bundle.verb("run", "--bundle", "/no/such/bundle").refused("/no/such/bundle", "no such file or directory")


@pytest.mark.parametrize("kind", ["directory", "fifo", "socket", "device", "loop"])
def test_a_config_that_is_no_file_is_refused_and_does_not_hang(bundle, kind):
    path = bundle.dir / "config.json"
    if kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        os.mknod(path, 0o140600)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.symlink_to("config.json")
    bundle.verb("run", "--bundle", bundle.dir, timeout=10).refused("config.json")


def test_an_unreadable_config_is_named(bundle):
    from harness import TESTER, as_user, command
    bundle.write()
    os.chmod(bundle.dir / "config.json", 0)
    command(*as_user(TESTER), RUNTIME, "plan", "--bundle", bundle.dir).refused("config.json", "permission denied")


# --- not JSON


GARBAGE = {
    "empty": "", "blank": "  \n", "cut": '{"ociVersion": "1.3.0"', "trailing": "{} x", "two": "{}{}",
    "comment": "{} // x", "single quotes": "{'a': 1}", "nan": '{"a": NaN}', "comma": '{"a": 1,}',
    "leading zero": '{"a": 01}', "control": '{"a": "\x01"}', "list": "[]", "string": '"x"', "number": "7",
    "null": "null", "plus": '{"a": +1}', "hex": '{"a": 0x1}', "unquoted": "{a: 1}",
}


@pytest.mark.parametrize("text", GARBAGE.values(), ids=GARBAGE.keys())
def test_what_is_not_a_json_object_is_refused(bundle, text):
    bundle.write(text)
    bundle.verb("run", "--bundle", bundle.dir).refused(f'tare: run "{bundle.id}": ')


@pytest.mark.parametrize("data", [b'{"a": "\xff"}', b'{"\xc0\x80": 1}', b'{"a": "\xed\xa0\x80"}', b"\xef\xbb\xbf{}",
                                  b'{"a": "\xf4\x90\x80\x80"}'])
def test_invalid_utf8_is_refused(bundle, data):
    (bundle.dir / "config.json").write_bytes(data)
    bundle.verb("run", "--bundle", bundle.dir).refused(f'tare: run "{bundle.id}": ')


@pytest.mark.parametrize("pointer", ["/hostname", "/process/cwd", "/root/path", "/process/args/0", "/process/env/0"])
def test_a_zero_byte_in_a_string_is_refused(bundle, pointer):
    put(bundle.config, pointer, "a\0b")
    refuse(bundle, pointer)


@pytest.mark.parametrize("old,second,place,name", [
    ('"hostname": "tare"', '"hostname": "other"', "config.json", "hostname"),
    ('"cwd": "/"', '"cwd": "/tmp"', "/process", "cwd"),
    ('"uid": 0', '"uid": 1', "/process/user", "uid"),
    ('"unknown": 1', '"unknown": 2', "/x-unknown", "unknown"),
    ('"key": "v"', '"key": "w"', "/annotations", "key")])
def test_a_duplicate_name_is_refused(bundle, old, second, place, name):
    """The line and column are the second one's."""
    bundle.config["annotations"] = {"key": "v"}
    bundle.config["x-unknown"] = {"unknown": 1}
    bundle.write()
    assert old in bundle.text
    bundle.write(bundle.text.replace(old, f"{old}, {second}", 1))
    at = bundle.text.index(second)
    line, column = bundle.text.count("\n", 0, at) + 1, at - bundle.text.rfind("\n", 0, at)
    r = bundle.verb("run", "--bundle", bundle.dir).refused()
    assert r.err == f'tare: run "{bundle.id}": {place} (line {line}, column {column}): duplicate name "{name}"\n'


def test_deep_nesting_is_refused(bundle):
    bundle.write('{"x": ' + "[" * 100000 + "]" * 100000 + "}")
    bundle.verb("run", "--bundle", bundle.dir, timeout=10).refused(f'tare: run "{bundle.id}": ')


def test_a_config_above_16_mb_is_refused(bundle):
    bundle.write('{"x": "' + "a" * (17 << 20) + '"}')
    bundle.verb("run", "--bundle", bundle.dir, timeout=10).refused("config.json")


def test_a_big_config_is_fine_within_5_seconds(bundle):
    bundle.config["annotations"] = {"big": "x" * 8_000_000}
    bundle.config["x-unknown"] = list(range(100000))
    assert bundle.sh("exit 4").run(timeout=5).code == 4


def test_an_unknown_property_is_ignored(bundle):
    bundle.config["x-unknown"] = {"a": [1, {"b": None}]}
    bundle.linux["x-unknown"] = 7
    assert bundle.sh("exit 4").run().code == 4


def test_names_are_case_sensitive(bundle):
    bundle.config["Hostname"] = "ignored"
    assert bundle.sh("hostname").run().ok().out == "tare\n"


# --- types


def nodes(value, pointer=""):
    """Every pointer of the default config."""
    yield pointer
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in items:
        yield from nodes(inner, f"{pointer}/{name}")


WRONG = [True, 7, -1, 1.5, "x", "7", [], {}, [[]], {"a": 1}]


def same_type(old, new):
    if isinstance(old, bool) or isinstance(new, bool):
        return isinstance(old, bool) and isinstance(new, bool)
    if isinstance(old, int):
        return isinstance(new, int) and (new >= 0 or new == -1)
    if isinstance(old, list):
        return isinstance(new, list) and (not new or old and isinstance(old[0], type(new[0])))
    return isinstance(old, type(new))


def default_nodes():
    import defaults
    return [p for p in nodes(defaults.config()) if p and not p.startswith(("/mounts/1", "/mounts/2", "/mounts/3",
            "/mounts/4", "/mounts/5", "/mounts/6", "/linux/maskedPaths/1", "/linux/readonlyPaths/1"))]


@pytest.mark.parametrize("pointer", default_nodes())
def test_a_value_of_the_wrong_type_is_refused_at_its_place(bundle, pointer):
    import copy

    import defaults
    old = defaults.config()
    for name in pointer.strip("/").split("/"):
        old = old[int(name)] if isinstance(old, list) else old[name]
    for value in WRONG:
        if same_type(old, value):
            continue
        saved = copy.deepcopy(bundle.config)
        put(bundle.config, pointer, value)
        bundle.write()
        r = bundle.verb("run", "--bundle", bundle.dir)
        assert r.code == 1 and r.err.count("\n") == 1 and pointer in r.err, (value, r)
        bundle.config = saved


@pytest.mark.parametrize("pointer", ["/process/user/uid", "/process/user/gid", "/process/user/additionalGids/0"])
@pytest.mark.parametrize("value", ["1000", 1.5, True, [], {}, -1, 4294967295, 4294967296, 2**63, 2**64, 10**30])
def test_a_user_id_that_is_none_is_refused(bundle, pointer, value):
    bundle.process["user"]["additionalGids"] = [7]
    put(bundle.config, pointer, value)
    refuse(bundle, pointer)


# --- values, each refused at its place


BAD = [
    ("/ociVersion", "2.0.0"), ("/ociVersion", ""), ("/ociVersion", "1"), ("/ociVersion", "x.y.z"),
    ("/ociVersion", "0.9.0"),
    ("/root/path", "no/such/dir"), ("/root/path", "config.json"), ("/root/path", ""),
    ("/process/cwd", "relative"), ("/process/cwd", ""),
    ("/process/args", []),
    ("/process/rlimits/0/type", "RLIMIT_NOPE"), ("/process/rlimits/0/type", "NOFILE"),
    ("/process/rlimits/0/soft", 2048), ("/process/rlimits/0/soft", -1), ("/process/rlimits/0/soft", 2**64),
    ("/process/rlimits/1", {"type": "RLIMIT_NOFILE", "soft": 1, "hard": 1}),
    ("/process/oomScoreAdj", 1001), ("/process/oomScoreAdj", -1001),
    ("/process/user/umask", -1), ("/process/user/umask", 2**32),
    ("/linux/namespaces/0/type", "nope"), ("/linux/namespaces/0/type", "PID"), ("/linux/namespaces/0/type", "net"),
    ("/linux/namespaces/5", {"type": "pid"}), ("/linux/namespaces/0/path", "relative"),
    ("/linux/rootfsPropagation", "nope"),
    ("/linux/maskedPaths/0", "relative"), ("/linux/readonlyPaths/0", "relative"),
    ("/linux/devices", [{"type": "x", "path": "/dev/a", "major": 1, "minor": 1}]),
    ("/linux/devices", [{"type": "c", "path": "dev/a", "major": 1, "minor": 1}]),
    ("/linux/devices", [{"type": "c", "path": "/dev/a", "major": 4096, "minor": 1}]),
    ("/linux/devices", [{"type": "c", "path": "/dev/a", "major": 1, "minor": 1048576}]),
    ("/linux/devices", [{"type": "c", "path": "/dev/a", "major": 2**32 + 1, "minor": 1}]),
    ("/linux/devices", [{"type": "c", "path": "/dev/a"}]),
    ("/linux/devices", [{"type": "c", "path": "/dev/a", "major": 1, "minor": 1, "fileMode": 0o200000}]),
    ("/linux/resources/devices/0/type", "x"), ("/linux/resources/devices/0/access", "rwx"),
    ("/linux/resources/memory", {"limit": 2**63}), ("/linux/resources/pids", {"limit": 2**63}),
    ("/hooks", {"prestart": [{"path": "relative"}]}), ("/hooks", {"poststop": [{"path": ""}]}),
    ("/hooks", {"createRuntime": [{"path": "/bin/true", "timeout": 0}]}),
    ("/hooks", {"createRuntime": [{"path": "/bin/true", "timeout": -1}]}),
    ("/hooks", {"createRuntime": [{"args": ["x"]}]}),
    ("/annotations", {"": "empty key"}),
    ("/mounts/0/destination", ""), ("/mounts/0", {"destination": "/m", "type": "tmpfs", "source": "x", "options": ["no-such-option"]}),
    ("/mounts/0/uidMappings", [{"containerID": 0, "hostID": 1000, "size": 1}]),
    ("/hostname", "x" * 65),
    ("/linux/personality", {"domain": "NOPE"}),
]


@pytest.mark.parametrize("pointer,value", BAD, ids=lambda v: v if isinstance(v, str) else str(v)[:40])
def test_a_bad_value_is_refused_at_its_place(bundle, pointer, value):
    put(bundle.config, pointer, value)
    bundle.write()
    r = bundle.verb("run", "--bundle", bundle.dir)
    r.refused(f'tare: run "{bundle.id}": {pointer}', "(line ", "column ")
    assert not bundle.exists()


@pytest.mark.parametrize("pointer", ["/ociVersion", "/root/path", "/process/cwd", "/mounts/0/destination",
                                     "/linux/namespaces/0/type",
                                     "/process/rlimits/0/type", "/process/rlimits/0/soft", "/process/rlimits/0/hard",
                                     "/linux/resources/devices/0/allow"])
def test_a_missing_required_property_is_named(bundle, pointer):
    *path, last = pointer.strip("/").split("/")
    at = bundle.config
    for name in path:
        at = at[int(name)] if isinstance(at, list) else at[name]
    del at[last]
    bundle.run().refused("/" + "/".join(path) if path else "ociVersion", last)


def test_an_empty_propagation_is_none(bundle):
    """As other empty strings of programs in Go, and with runc and crun. It had been refused as a word that nobody knows."""
    bundle.linux["rootfsPropagation"] = ""
    empty = bundle.sh("grep ' / ' /proc/self/mountinfo | cut -d' ' -f7- | cut -d- -f1").run().ok().out
    del bundle.linux["rootfsPropagation"]
    assert bundle.run().ok().out == empty


@pytest.mark.parametrize("user,ids", [({"uid": 1000}, ["1000", "0"]), ({"gid": 7}, ["0", "7"]), ({}, ["0", "0"]),
                                      ({"username": "u"}, ["0", "0"]), (None, ["0", "0"])])
def test_an_id_that_a_user_lacks_is_0(bundle, user, ids):
    """The text calls both required; its own Go types, and so every engine and both peers, have 0 where a number is missing.

    A missing uid had been refused, and a missing user was root."""
    bundle.process["user"] = user
    if user is None:
        del bundle.process["user"]
    assert bundle.sh("id -u; id -g").run().ok().lines == ids


def test_mappings_without_a_user_namespace_are_left_out_with_a_warning(bundle):
    """It had been an error, and the spec asks for none: runc and crun run the container."""
    for key in ("uidMappings", "gidMappings"):
        bundle.linux[key] = [{"containerID": 0, "hostID": 1000, "size": 1}]
    r = bundle.sh("cat /proc/self/uid_map").run().ok()
    assert r.out == pathlib.Path("/proc/self/uid_map").read_text(encoding="utf8")
    assert r.err == "".join(f"tare: warning: /linux/{key}: there is no user namespace: left out\n" for key in ("uidMappings", "gidMappings"))


def test_a_user_namespace_needs_both_mappings(bundle):
    bundle.userns()
    del bundle.linux["gidMappings"]
    bundle.run().refused("gidMappings")


@pytest.mark.parametrize("mapping", [
    {"containerID": 0, "hostID": 0, "size": 0}, {"containerID": 0, "hostID": 4294967295, "size": 2},
    {"containerID": 4294967296, "hostID": 0, "size": 1}, {"containerID": 0, "hostID": 0}])
def test_a_mapping_out_of_range_is_refused(bundle, mapping):
    bundle.userns()
    bundle.linux["uidMappings"] = [mapping]
    bundle.run().refused("/linux/uidMappings/0")


@pytest.mark.parametrize("field,kind", [("hostname", "uts"), ("domainname", "uts")])
def test_a_name_needs_a_uts_namespace(bundle, field, kind):
    bundle.config.pop("hostname")
    bundle.config[field] = "name"
    bundle.unlisted(kind)
    refuse(bundle, f"/{field}", "uts")


# --- whole lines


def test_the_line_for_a_missing_bind_source(bundle):
    index = len(bundle.config["mounts"])
    bundle.mount("/data", "bind", "/srv/no-such-data", "rbind")
    bundle.write()
    r = bundle.run()
    line, column = places(bundle.text)[f"/mounts/{index}"]
    r.refused(f'tare: run "{bundle.id}": /mounts/{index} (line {line}, column {column}): ', '"/srv/no-such-data"',
              '"/data"', "no such file or directory")


def test_the_line_for_a_wrong_type(bundle):
    put(bundle.config, "/process/user/uid", "1000")
    refuse(bundle, "/process/user/uid", "integer", "string", verb="create")


def test_the_line_for_a_misspelt_namespace_offers_the_right_one(bundle):
    put(bundle.config, "/linux/namespaces/0/type", "pidd")
    refuse(bundle, "/linux/namespaces/0/type", '"pidd"', '"pid"')


def test_a_misspelt_capability_or_property_does_not_stop_the_container(bundle):
    bundle.process["capabilites"] = {}
    assert bundle.sh("exit 4").run().code == 4


def test_an_existing_id_is_refused_and_named(bundle):
    bundle.stay().create().ok()
    r = bundle.verb("create", "--bundle", bundle.dir)
    r.refused("container with given ID already exists", bundle.id)
