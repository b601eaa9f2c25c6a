# SPDX-License-Identifier: LGPL-2.1-or-later
"""Id-mapped mounts: whose the files are, seen by stat inside and by the host; what can't be mapped says so."""
import os
import subprocess

import pytest

import defaults
from harness import BOX, TESTER, as_user, chown_tree, command, mount_at, mounts_of, tare_only

pytestmark = tare_only
HOST = 100000


def ids(first, host, size):
    return [{"containerID": first, "hostID": host, "size": size}]


@pytest.fixture
def volume(scratch):
    """A tmpfs of the host's with files of 0 and of 1000."""
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", scratch], check=True)
    (scratch / "root").write_text("")
    (scratch / "user").write_text("")
    os.chown(scratch / "user", 1000, 1001)
    yield scratch
    subprocess.run(["umount", "-R", scratch], check=True)


def mapped(bundle, size=65536):
    bundle.userns(HOST, size)
    chown_tree(bundle.rootfs, HOST)
    return bundle


def owners(bundle, *files):
    r = bundle.sh("stat -c '%u:%g' " + " ".join(f"/m/{f}" for f in files)).run().ok()
    return r.lines


@pytest.mark.parametrize("option", [["idmap"], ["ridmap"], []], ids=str)
def test_mappings_of_the_mount_say_whose_its_files_are(bundle, volume, option):
    m = bundle.mount("/m", "bind", volume, "bind", *option)
    m["uidMappings"], m["gidMappings"] = ids(0, 5000, 2000), ids(0, 7000, 2000)
    assert owners(bundle, "root", "user") == ["5000:7000", "6000:8001"]


def test_a_mapped_mount_works_with_the_containers_own_mappings(bundle, volume):
    mapped(bundle)
    m = bundle.mount("/m", "bind", volume, "bind", "idmap")
    m["uidMappings"] = m["gidMappings"] = ids(0, HOST, 65536)
    assert owners(bundle, "root", "user") == ["0:0", "1000:1001"]


@pytest.mark.parametrize("option", ["idmap", "ridmap"])
def test_without_mappings_it_is_the_containers_user_namespace(bundle, volume, option):
    mapped(bundle).mount("/m", "bind", volume, "rbind", option)
    assert owners(bundle, "root", "user") == ["0:0", "1000:1001"]


def test_without_idmap_the_host_owns_the_files(bundle, volume):
    mapped(bundle).mount("/m", "bind", volume, "bind")
    assert owners(bundle, "root") == ["65534:65534"]


def test_mappings_other_than_the_containers_hold(bundle, volume):
    mapped(bundle)
    m = bundle.mount("/m", "bind", volume, "bind", "idmap")
    m["uidMappings"], m["gidMappings"] = ids(1000, HOST + 5, 1), ids(1001, HOST + 6, 1)
    assert owners(bundle, "user", "root") == ["5:6", "65534:65534"]


def test_a_file_written_through_it_belongs_to_the_mapped_id_on_the_host(bundle, volume):
    mapped(bundle).mount("/m", "bind", volume, "bind", "idmap")
    bundle.process["user"] = {"uid": 1000, "gid": 1001}
    os.chmod(volume, 0o777)
    bundle.sh("echo x >/m/new").run().ok()
    st = os.stat(volume / "new")
    assert (st.st_uid, st.st_gid) == (1000, 1001)


def test_the_hosts_own_mount_is_not_mapped(bundle, volume):
    m = bundle.mount("/m", "bind", volume, "bind", "idmap")
    m["uidMappings"] = m["gidMappings"] = ids(0, 5000, 2000)
    bundle.sh("true").run().ok()
    assert os.stat(volume / "root").st_uid == 0


@pytest.fixture
def below(volume):
    """A second tmpfs below the volume, with a file of 0."""
    (volume / "sub").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", volume / "sub"], check=True)
    (volume / "sub/file").write_text("")
    return volume


@pytest.mark.parametrize("option,sub", [("idmap", "0:0"), ("ridmap", "5000:5000")])
def test_ridmap_maps_what_is_below_and_idmap_does_not(bundle, below, option, sub):
    m = bundle.mount("/m", "bind", below, "rbind", option)
    m["uidMappings"] = m["gidMappings"] = ids(0, 5000, 2000)
    assert owners(bundle, "root", "sub/file") == ["5000:5000", sub]


def test_a_new_file_system_can_be_mapped(bundle):
    m = bundle.mount("/m", "tmpfs", "tmpfs", "idmap", "mode=0751", "nosuid")
    m["uidMappings"] = m["gidMappings"] = ids(0, 5000, 2000)
    r = bundle.sh("stat -c '%u:%g %a' /m; cat /proc/self/mountinfo").run().ok()
    assert r.lines[0] == "5000:5000 751"
    m = mount_at(mounts_of(r.out), "/m")
    assert {"idmapped", "nosuid"} <= set(m.options) and "mode=751" in m.super


def test_a_new_file_system_can_be_mapped_in_a_user_namespace(bundle):
    mapped(bundle).mount("/m", "tmpfs", "tmpfs", "idmap")
    r = bundle.sh("stat -c '%u:%g' /m; touch /m/x; stat -c %u /m/x").run().ok()
    assert r.lines == ["0:0", "0"]


@pytest.mark.parametrize("words,want", [
    ("idmap=uids=0-5000-10#1000-10-11;gids=0-100-10#1001-7-1", ["5000:100", "10:7"]),
    ("idmap=gids=0-100-10#1001-7-1;uids=0-5000-10#1000-10-11", ["5000:100", "10:7"]),
    ("ridmap=uids=0-5000-2000;gids=0-6000-2000", ["5000:6000", "6000:7001"])])
def test_mappings_can_be_said_in_the_option(bundle, volume, words, want):
    bundle.mount("/m", "bind", volume, "bind", words)
    assert owners(bundle, "root", "user") == want


def test_mappings_in_the_option_can_be_relative_to_the_container(bundle, volume):
    mapped(bundle)
    for key in ("uidMappings", "gidMappings"):
        bundle.linux[key] = [{"containerID": 0, "hostID": HOST, "size": 10},
                             {"containerID": 10, "hostID": 300000, "size": 10}]
    bundle.mount("/m", "bind", volume, "bind", "idmap=uids=@0-5-1#@1000-8-4;gids=@0-9-2#@1001-12-1")
    for owner in range(1000, 1004):  # over two of the container's mappings
        (volume / str(owner)).write_text("")
        os.chown(volume / str(owner), owner, 1)
    assert owners(bundle, "root", "user", "1000", "1001", "1002", "1003") == [
        "5:9", "8:12", "8:10", "9:10", "10:10", "11:10"]


def test_a_joined_user_namespace_is_the_containers_own_too(bundles, volume):
    first, second = mapped(bundles("sleep 1000")), bundles()
    first.up()
    chown_tree(second.rootfs, HOST)
    second.namespaces("mount", "pid", "ipc", "uts", "network", user=f"/proc/{first.pid}/ns/user")
    second.mount("/m", "bind", volume, "bind", "idmap")
    assert owners(second, "root", "user") == ["0:0", "1000:1001"]


def test_several_mapped_mounts_each_have_their_own(bundle, volume):
    for i in range(12):
        m = bundle.mount(f"/m/{i}", "bind", volume / "root", "bind", "idmap")
        m["uidMappings"] = m["gidMappings"] = ids(0, 1000 + i, 1)
    assert owners(bundle, *range(12)) == [f"{1000 + i}:{1000 + i}" for i in range(12)]


def test_options_and_mapping_go_together(bundle, below):
    m = bundle.mount("/m", "bind", below, "rbind", "ridmap", "rro", "rnosuid", "noexec")
    m["uidMappings"] = m["gidMappings"] = ids(0, 5000, 2000)
    table = mounts_of(bundle.sh("cat /proc/self/mountinfo").run().ok().out)
    assert {"ro", "nosuid", "noexec", "idmapped"} <= set(mount_at(table, "/m").options)
    sub = set(mount_at(table, "/m/sub").options)
    assert {"ro", "nosuid", "idmapped"} <= sub and "noexec" not in sub


# --- refused, and nothing left (the fixture same_host)



def last(bundle):
    return len(bundle.config["mounts"]) - 1


def test_a_file_system_that_cannot_says_so_and_which(bundle):
    m = bundle.mount("/m", "bind", "/proc/fs", "bind", "idmap")
    m["uidMappings"] = m["gidMappings"] = ids(0, 5000, 2000)
    bundle.refused_at(f"/mounts/{last(bundle)}", 'id-map "/proc/fs": a filesystem of type proc can\'t be id-mapped')


def test_a_new_file_system_that_cannot_says_so_and_which(bundle):
    m = bundle.mount("/m", "mqueue", "mqueue", "idmap")
    m["uidMappings"] = m["gidMappings"] = ids(0, 5000, 2000)
    bundle.refused_at(f"/mounts/{last(bundle)}", "a filesystem of type mqueue can't be id-mapped")


def test_a_file_system_below_that_cannot_says_so_and_where(bundle, volume):
    (volume / "sub").mkdir()
    subprocess.run(["mount", "-t", "mqueue", "mqueue", volume / "sub"], check=True)
    m = bundle.mount("/m", "bind", volume, "rbind", "ridmap")
    m["uidMappings"] = m["gidMappings"] = ids(0, 5000, 2000)
    bundle.refused_at(f"/mounts/{last(bundle)}",
                      f'id-map "{volume}": below it, at "{volume}/sub", is a filesystem of type mqueue, which can\'t be '
                      "id-mapped")


def test_a_missing_source_is_named(bundle):
    m = bundle.mount("/m", "bind", "/nonexistent/x", "bind", "idmap")
    m["uidMappings"] = m["gidMappings"] = ids(0, 5000, 2000)
    bundle.refused_at(f"/mounts/{last(bundle)}", 'open "/nonexistent/x": no such file or directory')


def test_idmap_without_mappings_needs_a_user_namespace(bundle, volume):
    bundle.mount("/m", "bind", volume, "bind", "idmap")
    bundle.refused_at(f"/mounts/{last(bundle)}/options/1",
                      '"idmap" without mappings, and the container has no user namespace')


def test_an_ordinary_user_is_told_that_it_takes_root(bundles):
    if command(*as_user(TESTER), "unshare", "--user", "true").code != 0:
        pytest.skip("this kernel lets no user make a user namespace")
    b = bundles(user=TESTER, config=defaults.rootless(TESTER, TESTER))
    b.process["terminal"] = False
    b.mount("/m", "bind", BOX / "busybox", "bind", "idmap")
    b.refused_at(f"/mounts/{last(b)}/options/1",
                 "an id-mapped mount needs root's rights on the host (the kernel lets only who may administer the "
                 "filesystem do it)")


# --- what is in the image leads nowhere else


@pytest.mark.parametrize("link", ["/canary", "../../../../canary", "{scratch}"])
def test_a_link_at_the_destination_stays_in_the_rootfs(bundle, scratch, link):
    (bundle.dir / "data").mkdir()
    (bundle.rootfs / "m").symlink_to(link.format(scratch=scratch))
    m = bundle.mount("/m", "bind", "data", "bind", "idmap")
    m["uidMappings"] = m["gidMappings"] = ids(0, 5000, 2000)
    bundle.sh("touch /m/inside; true").run()
    assert os.listdir(scratch) == [] and not os.path.exists("/canary")
    assert os.stat(scratch).st_uid == 0
