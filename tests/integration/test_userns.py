# SPDX-License-Identifier: LGPL-2.1-or-later
"""User namespaces with mappings: as root, and as an ordinary user."""
import os
import pwd
import shutil
import stat
import subprocess

import pytest

import defaults
import place
from harness import (IS_TARE, TESTER, as_user, chown_tree, cgroup_mount, command, namespace, poll, proc_status,
                     root_only, tare_only)

pytestmark = [pytest.mark.layouts, root_only]
HOST, SIZE = 200000, 65536


def mapped(bundle, host=HOST, size=SIZE):
    """As root: container ids are host ids from @host on."""
    bundle.userns(host, size)
    chown_tree(bundle.rootfs, host)
    os.chmod(bundle.dir, 0o755)
    return bundle


def test_the_maps_are_as_configured(bundle):
    r = mapped(bundle).sh("cat /proc/self/uid_map /proc/self/gid_map; id -u; id -g").run().ok()
    assert [line.split() for line in r.lines[:2]] == [["0", str(HOST), str(SIZE)]] * 2
    assert r.lines[2:] == ["0", "0"]


@tare_only
def test_a_foreign_message_queue_that_the_host_does_not_show_is_told(bundle):
    """What is bound in its place has a path that config.json does not have: the hint says where it comes from."""
    mapped(bundle).unlisted("ipc")
    mounts = [m["destination"] for m in bundle.config["mounts"]]
    bundle.write()
    line, column = place.places(bundle.text)[f"/mounts/{mounts.index('/dev/mqueue')}"]
    r = command("unshare", "-m", "sh", "-c", 'mount -t tmpfs tmpfs /dev && exec "$@"', "sh",
                *bundle.argv("run", "--bundle", bundle.dir))
    assert (r.code, r.out, r.err) == (
        1, "", f'tare: run "{bundle.id}": /mounts/{mounts.index("/dev/mqueue")} (line {line}, column {column}): open "/dev/mqueue": '
               "no such file or directory (the host has none to bind: add an ipc namespace for a new one, or leave the mount out)\n")


def test_several_mappings_are_as_configured(bundle):
    mapped(bundle)
    for key in ("uidMappings", "gidMappings"):
        bundle.linux[key] = [{"containerID": 0, "hostID": HOST, "size": 1000},
                             {"containerID": 1000, "hostID": 300000, "size": 10}]
    r = bundle.sh("cat /proc/self/uid_map").run().ok()
    assert [line.split() for line in r.lines] == [["0", str(HOST), "1000"], ["1000", "300000", "10"]]


def test_the_program_is_the_mapped_user_on_the_host(bundle):
    mapped(bundle).process["user"] = {"uid": 7, "gid": 8, "additionalGids": [9]}
    bundle.stay().up()
    s = proc_status(bundle.pid)
    assert s["Uid"].split() == [str(HOST + 7)] * 4 and s["Gid"].split() == [str(HOST + 8)] * 4
    assert s["Groups"].split() == [str(HOST + 9)]
    assert namespace(bundle.pid, "user") != namespace("self", "user")


def test_the_directory_of_message_queues_is_the_containers(bundle):
    """It had belonged to nobody: the IPC namespace was made before there was a root in the user namespace."""
    mapped(bundle).mount("/dev/mqueue", "mqueue", "mqueue", "nosuid", "nodev", "noexec")
    assert bundle.sh("stat -c '%u %a' /dev/mqueue; chmod 700 /dev/mqueue; stat -c %a /dev/mqueue").run().ok().out == "0 1777\n700\n"


def test_a_created_container_waits_in_its_user_namespace(bundle):
    mapped(bundle).stay().create().ok()
    assert namespace(bundle.pid, "user") != namespace("self", "user")
    bundle.start().ok()
    assert bundle.status() == "running"


def test_capabilities_are_as_configured_in_a_user_namespace(bundle):
    r = mapped(bundle).sh("grep Cap /proc/self/status").run().ok()
    caps = {line.split()[0]: int(line.split()[1], 16) for line in r.lines}
    want = 1 << 29 | 1 << 5 | 1 << 10
    assert caps == {"CapInh:": 0, "CapPrm:": want, "CapEff:": want, "CapBnd:": want, "CapAmb:": 0}


def test_devices_are_there_in_a_user_namespace(bundle):
    mapped(bundle).sh("echo x >/dev/null && dd if=/dev/zero bs=4 count=1 2>/dev/null | wc -c; stat -c %F /dev/null")
    r = bundle.run().ok()
    assert r.lines == ["4", "character special file"]


def test_files_of_the_rootfs_keep_their_owners(bundle):
    mapped(bundle).sh("true").run().ok()
    assert os.lstat(bundle.rootfs / "etc").st_uid == HOST
    assert (bundle.rootfs / "bin/busybox").stat().st_uid == 0


def test_a_terminal_works_in_a_user_namespace(bundle, terminal):
    mapped(bundle).process["terminal"] = True
    bundle.sh("tty; stat -c %u $(tty); exit 6").write()
    proc = terminal.spawn(bundle.argv("run", "--bundle", bundle.dir))
    text = terminal.expect("/dev/")
    assert proc.wait(20) == 6, text


@tare_only
def test_a_joined_user_namespace_is_that_of_the_other_container(bundles):
    first, second = mapped(bundles("sleep 1000")), bundles("sleep 1000")
    first.up()
    pid = first.pid
    chown_tree(second.rootfs, HOST)
    second.namespaces("mount", "pid", "ipc", "uts", "network", user=f"/proc/{pid}/ns/user")
    second.up()
    assert namespace(second.pid, "user") == namespace(pid, "user")


def in_user_namespace_of(first, second):
    """@second joins it, and brings the maps that @first was given."""
    chown_tree(second.rootfs, HOST)
    second.namespaces("mount", "pid", "ipc", "uts", "network", user=f"/proc/{first.pid}/ns/user")
    for key in ("uidMappings", "gidMappings"):
        second.linux[key] = [dict(m) for m in first.linux[key]]


@tare_only
@pytest.mark.parametrize("split", [False, True])
def test_a_user_namespace_is_joined_with_the_maps_that_it_has(bundles, split):
    """Refused once. Engines write both, and the same maps may be written in more parts and another order."""
    first, second = mapped(bundles("sleep 1000")), bundles("sleep 1000")
    first.up()
    in_user_namespace_of(first, second)
    if split:
        second.linux["uidMappings"] = [{"containerID": 5, "hostID": HOST + 5, "size": SIZE - 5},
                                       {"containerID": 0, "hostID": HOST, "size": 5}]
    second.up()
    assert namespace(second.pid, "user") == namespace(first.pid, "user")


@tare_only
@pytest.mark.parametrize("key, change", [("uidMappings", {"hostID": HOST + 1}), ("gidMappings", {"size": SIZE - 1}),
                                         ("gidMappings", {"containerID": 1})])
def test_maps_that_a_joined_user_namespace_does_not_have_are_refused(bundles, key, change):
    first, second = mapped(bundles("sleep 1000")), bundles("sleep 1000")
    first.up()
    in_user_namespace_of(first, second)
    second.linux[key][0].update(change)
    kind = key[:3] + "_map"
    line = open(f"/proc/{first.pid}/{kind}", encoding="utf8").readline().strip()
    second.refused_at(f"/linux/{key}", f"the user namespace that is joined has another {kind} (its first line is "
                                       f'"{line}": mappings beside a path must be those it has)')


@tare_only
def test_root_without_maps_keeps_all_ids(bundle):
    bundle.linux["namespaces"].append({"type": "user"})
    r = bundle.sh("cat /proc/self/uid_map /proc/self/gid_map; id -u").run().ok()
    own = open("/proc/self/uid_map", encoding="utf8").read().split()
    assert [line.split() for line in r.lines[:2]] == [[own[0], own[0], own[2]]] * 2 and r.lines[2] == "0"
    assert bundle.sh("readlink /proc/self/ns/user").run().ok().out.strip() != namespace("self", "user")


NOT_MAPPED = "of the rootfs belongs to 0:0 of the host, which the user namespace does not map: chown it to mapped IDs"


@tare_only
@pytest.mark.parametrize("owned, destination, where", [("etc", "/etc/new", "/etc"), (".", "/new/deep", "/")])
def test_a_rootfs_of_nobody_in_the_map_is_named(bundle, owned, destination, where):
    """"permission denied" alone made people look at the mode, and at what they bind."""
    mapped(bundle).mount(destination, "tmpfs", "tmpfs")
    os.lchown(bundle.rootfs / owned, 0, 0)
    bundle.refused_at("/mounts/7", f'mount on "{destination}": make "{destination}" in the rootfs: permission denied ("{where}" '
                                   f"{NOT_MAPPED})", foreseen=False)


@tare_only
def test_a_device_in_a_directory_of_nobody_in_the_map_is_named(bundle):
    mapped(bundle)
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if not m["destination"].startswith("/dev")]
    os.lchown(bundle.rootfs / "dev", 0, 0)
    r = bundle.sh("true").run()
    assert (r.code, r.err) == (1, f'tare: run "{bundle.id}": device "/dev/null": make the file: permission denied ("/dev" {NOT_MAPPED})\n')


# ---- a map without root, as of an engine's user who keeps the only id that there is ----

def without_root(bundle, host=HOST, size=10, uid=1000):
    """As root: no id 0 in the container; its devpts can't have the group 5 then."""
    mapped(bundle, host)
    for key in ("uidMappings", "gidMappings"):
        bundle.linux[key] = [{"containerID": 1000, "hostID": host, "size": size}]
    bundle.process["user"] = {"uid": uid, "gid": uid}
    return bundle


CAPS = {"bounding": ["CAP_KILL", "CAP_CHOWN"], "permitted": ["CAP_KILL", "CAP_CHOWN"], "effective": ["CAP_KILL"],
        "inheritable": ["CAP_KILL"]}
READ_CAPS = "grep -E '^Cap(Inh|Prm|Eff|Bnd|Amb)' /proc/self/status"


def caps_of(result):
    return {line.split()[0]: int(line.split()[1], 16) for line in result.ok().lines}


@tare_only
@pytest.mark.parametrize("uid", [1000, 1009])
def test_a_map_without_root_serves_its_own_users(bundle, uid):
    """It was an error: "become root in the user namespace: invalid argument". The specification asks for no mapping of 0."""
    without_root(bundle, uid=uid).mount("/made/there", "tmpfs", "tmpfs")
    r = bundle.sh("id -u; id -g; cat /proc/self/uid_map; stat -c %u:%g /made/there /dev; echo > /dev/null").run()
    assert r.ok().lines[:2] == [str(uid)] * 2 and r.lines[2].split() == ["1000", str(HOST), "10"]
    assert r.lines[3:] == [f"{uid}:{uid}"] * 2


@tare_only
def test_a_map_without_root_gives_no_more_capabilities(bundle):
    """tare-init has all as ambient ones until it sets those of config.json: none may be left over an exec."""
    kill, chown = 1 << 5, 1 << 0
    without_root(bundle).process["capabilities"] = dict(CAPS)
    assert caps_of(bundle.sh(READ_CAPS).run()) == {"CapInh:": kill, "CapPrm:": 0, "CapEff:": 0, "CapBnd:": kill | chown, "CapAmb:": 0}
    bundle.process["capabilities"]["ambient"] = ["CAP_KILL"]
    assert caps_of(bundle.run()) == {"CapInh:": kill, "CapPrm:": kill, "CapEff:": kill, "CapBnd:": kill | chown, "CapAmb:": kill}


@tare_only
def test_exec_in_a_map_without_root(bundle):
    without_root(bundle).process["capabilities"] = dict(CAPS)
    bundle.stay().up()
    r = bundle.verb("exec", tail=["sh", "-c", READ_CAPS])
    assert caps_of(r) == {"CapInh:": 1 << 5, "CapPrm:": 0, "CapEff:": 0, "CapBnd:": 1 << 5 | 1, "CapAmb:": 0}
    assert bundle.verb("exec", "-u", "1004:1005", tail=["sh", "-c", "id -u; id -g"]).ok().lines == ["1004", "1005"]
    r = bundle.verb("exec", "-u", "0", tail=["true"])
    assert (r.code, r.err) == (255, f'tare: exec "{bundle.id}": /process/user: exec failed: set uid 0: invalid argument '
                                    "(uid 0 is not mapped: the user namespace has the uids 1000-1009)\n")


@tare_only
def test_a_terminal_in_a_map_without_root(bundle, terminal):
    without_root(bundle).stay().up()
    proc = terminal.spawn(bundle.argv("exec", "--tty", tail=["sh", "-c", "stat -c owner=%u $(tty); exit 6"]))
    text = terminal.expect("owner=1000")
    assert proc.wait(20) == 6, text


@tare_only
def test_a_user_namespace_without_root_is_joined(bundles):
    first, second = without_root(bundles("sleep 1000")), bundles("sleep 1000")
    first.up()
    in_user_namespace_of(first, second)
    second.process["user"] = {"uid": 1002, "gid": 1003}
    second.up()
    assert proc_status(second.pid)["Uid"].split() == [str(HOST + 2)] * 4
    second.delete("--force").ok()
    del second.linux["uidMappings"], second.linux["gidMappings"]
    second.refused_at("/linux/namespaces", "become root of the container's user namespace: invalid argument "
                                           "(it maps no root: give its mappings, too)", foreseen=False)


@tare_only
@pytest.mark.parametrize("groups", [[], [5]])
def test_groups_in_a_joined_user_namespace_that_denies_them(bundles, groups):
    """Whether setgroups is denied only the namespace itself tells: user_namespaces(7)."""
    second = bundles("id -G")
    uid = ordinary_user()
    chown_tree(second.rootfs, uid)
    os.chmod(second.dir, 0o755)
    holder = subprocess.Popen([*as_user(uid), "unshare", "--user", "--map-root-user", "sleep", "1000"])
    try:
        poll(lambda: "sleep" in open(f"/proc/{holder.pid}/comm", encoding="utf8").read())
        second.namespaces("mount", "pid", "ipc", "uts", "network", user=f"/proc/{holder.pid}/ns/user")
        for key in ("uidMappings", "gidMappings"):
            second.linux[key] = [{"containerID": 0, "hostID": uid, "size": 1}]
        second.process["user"]["additionalGids"] = groups
        if not groups:
            second.run().ok()
            return
        second.refused_at("/process/user", "groups can't be set: the user namespace that is joined has setgroups(2) denied")
    finally:
        holder.kill()
        holder.wait()


# --- as an ordinary user


def ordinary_user():
    try:
        return pwd.getpwnam("tester").pw_uid
    except KeyError:
        return TESTER


@pytest.fixture
def rootless(bundles):
    """A bundle of an ordinary user: its own id as root, no cgroup."""
    uid = ordinary_user()
    probe = command(*as_user(uid), "unshare", "--user", "true")
    if probe.code != 0:
        pytest.skip(f"this kernel lets no user make a user namespace: {probe.err.strip()}")
    b = bundles(user=uid, config=defaults.rootless(uid, uid))
    b.process["terminal"] = False
    return b


def test_an_ordinary_user_runs_a_container_with_one_id(rootless):
    r = rootless.sh("id -u; cat /proc/self/uid_map; echo $$").run().ok()
    assert r.lines[0] == "0" and r.lines[1].split() == ["0", str(ordinary_user()), "1"] and r.lines[2] == "1"


def test_an_ordinary_user_has_the_whole_lifecycle(rootless):
    rootless.writable().stay().create().ok()
    assert rootless.status() == "created"
    rootless.start().ok()
    rootless.ready()
    assert proc_status(rootless.pid)["Uid"].split() == [str(ordinary_user())] * 4
    rootless.kill("TERM").ok()
    rootless.wait("stopped")
    rootless.delete().ok()
    assert not rootless.exists()


def test_an_ordinary_user_gets_the_exit_code(rootless):
    assert rootless.sh("exit 5").run().code == 5


def test_setgroups_is_denied_in_a_one_id_map(rootless):
    assert rootless.sh("cat /proc/self/setgroups").run().ok().out == "deny\n"


def test_an_ordinary_user_execs_in_a_one_id_map(rootless):
    """The container's own setgroups counts, not tare's, which is outside of that user namespace."""
    rootless.stay().up()
    r = rootless.verb("exec", tail=["sh", "-c", "id -u; readlink /proc/self/ns/user"]).ok()
    assert r.lines == ["0", namespace(rootless.pid, "user")]
    if IS_TARE:
        r = rootless.verb("exec", "-g", "7", tail=["true"])
        assert (r.code, r.err) == (255, f'tare: exec "{rootless.id}": /process/user/additionalGids: exec failed: groups '
                                        "can't be set: this user namespace has setgroups(2) denied (give the user a range "
                                        "in /etc/subgid and map it)\n")


@tare_only
def test_the_directory_that_keeps_an_ordinary_user_from_a_source_is_named(rootless, scratch):
    """Any of the directories on the way may be the one that lacks its x bit."""
    closed = scratch / "closed"
    (closed / "source").mkdir(parents=True)
    closed.chmod(0o700)
    rootless.mount("/mnt", "bind", str(closed / "source"), "bind")
    number = len(rootless.config["mounts"]) - 1
    rootless.refused_at(f"/mounts/{number}", f'mount on "/mnt": bind "{closed}/source": permission denied (user {ordinary_user()} may '
                                             f'not search "{closed}": it has mode 0700 and belongs to user 0)', foreseen=False)


@tare_only
def test_an_ordinary_user_keeps_his_only_id(rootless):
    uid = ordinary_user()
    for key in ("uidMappings", "gidMappings"):
        rootless.linux[key] = [{"containerID": uid, "hostID": uid, "size": 1}]
    rootless.process["user"] = {"uid": uid, "gid": uid}
    rootless.stay().up()
    assert proc_status(rootless.pid)["Uid"].split() == [str(uid)] * 4
    assert rootless.verb("exec", tail=["sh", "-c", "id -u; id -g"]).ok().lines == [str(uid)] * 2


@tare_only
def test_an_ordinary_user_without_maps_is_root_inside(rootless):
    uid = ordinary_user()
    del rootless.linux["uidMappings"], rootless.linux["gidMappings"]
    r = rootless.sh("id -u; cat /proc/self/uid_map").run()
    if subordinate(uid) is not None and r.code != 0:
        pytest.skip(f"no newuidmap that works: {r.err}")
    assert r.ok().lines[0] == "0" and r.lines[1].split() == ["0", str(uid), "1"]


def test_an_ordinary_user_cannot_map_ids_of_others(rootless):
    for key in ("uidMappings", "gidMappings"):
        rootless.linux[key] = [{"containerID": 0, "hostID": 0, "size": 1}]
    r = rootless.sh("true").run()
    assert r.code == 1
    if IS_TARE:
        assert "Mappings" in r.err
    assert not rootless.exists()


def subordinate(uid):
    """(first id, count) of this user's subordinate ids."""
    try:
        name = pwd.getpwuid(uid).pw_name
        with open("/etc/subuid", encoding="utf8") as f:
            for line in f:
                owner, first, count = line.strip().split(":")
                if owner in (name, str(uid)):
                    return int(first), int(count)
    except (KeyError, OSError):
        pass
    return None


def test_an_ordinary_user_maps_subordinate_ids_with_newuidmap(rootless):
    uid = ordinary_user()
    ids = subordinate(uid)
    helper = shutil.which("newuidmap")
    if ids is None:
        pytest.skip(f"user {uid} has no subordinate ids on this machine")
    if helper is None or not os.stat(helper).st_mode & stat.S_ISUID:
        pytest.skip("no set-uid newuidmap on this machine")
    for key in ("uidMappings", "gidMappings"):
        rootless.linux[key] = [{"containerID": 0, "hostID": uid, "size": 1},
                               {"containerID": 1, "hostID": ids[0], "size": 1000}]
    rootless.process["user"] = {"uid": 5, "gid": 6}
    rootless.process["noNewPrivileges"] = True
    r = rootless.sh("id -u; id -g; cat /proc/self/uid_map").run().ok()
    assert r.lines[:2] == ["5", "6"]
    assert [x.split() for x in r.lines[2:]] == [["0", str(uid), "1"], ["1", str(ids[0]), "1000"]]


def test_an_ordinary_user_without_a_cgroup_asks_for_a_limit(rootless):
    """A limit that cannot be put in force is an error."""
    rootless.linux["resources"] = {"memory": {"limit": 64 << 20}}
    if cgroup_mount("") is not None and cgroup_mount("memory") is None:
        pytest.skip("cgroup v2 may be delegated to this user")
    assert rootless.sh("true").run().code == 1
    assert not rootless.exists()
