# SPDX-License-Identifier: LGPL-2.1-or-later
"""kernel, and check on paper: what this machine can do, and what another kernel could."""
import json
import os
import re
import shutil

import pytest

from harness import ROOT, RUNTIME, TESTER, assert_same_host, command, snapshot, tare_only

pytestmark = tare_only


def page(*before, **kw):
    r = command(*before, RUNTIME, "kernel", "--json", **kw).ok()
    return json.loads(r.out)


def as_user():
    return {"user": TESTER, "group": TESTER, "extra_groups": []}


# --- one page about this machine


def test_the_page_is_what_the_kernel_says():
    told = page()
    name = os.uname()
    assert told["kernel"]["release"] == name.release and told["kernel"]["machine"] == name.machine
    assert int(told["kernel"]["page size"]) == os.sysconf("SC_PAGESIZE")
    with open("/proc/filesystems", encoding="ascii") as f:
        assert told["file systems"]["known"].split() == [line.split("\t")[1].strip() for line in f]
    with open("/proc/sys/kernel/pid_max", encoding="ascii") as f:
        assert told["limits"]["kernel/pid_max"] == f.read().strip()
    with open("/proc/self/maps", encoding="ascii") as f:
        mapped = [line.split()[1] for line in f if "[vsyscall]" in line]
    if name.machine == "x86_64":
        assert told["kernel"]["vsyscall"] == {"r-xp": "emulate", "--xp": "xonly"}.get("".join(mapped), "none")
    for kind, said in told["namespaces"].items():
        assert said.startswith("can be made"), kind
    assert told["ids"]["user"] == "0"


def test_the_text_says_the_same():
    told, text = page(), command(RUNTIME, "kernel").ok().out
    for section in [s for s in told if s != "versions"]:
        for name, value in told[section].items():
            assert re.search(rf"^.{{14}}{re.escape(name)} +{re.escape(value)}$", text, re.M), (section, name)


def test_a_user_is_told_what_that_user_may_do():
    told = page(**as_user())
    assert told["ids"]["user"] == str(TESTER) and "subuid" in told["ids"]
    assert all("not for this user" in value for value in told["cgroups"].values() if value.startswith("/"))
    assert told["namespaces"]["user"].startswith("can be made")
    assert told["namespaces"]["mount"].startswith("can be made with a user namespace")


@pytest.mark.parametrize("how, word", [("enosys", "missing"), ("eperm", "refused: operation not permitted")])
def test_calls_that_an_outer_filter_refuses_are_named(older, how, word):
    told = page(older, "5.4", how)["calls"]
    lacking = {name for name, value in told.items() if value.startswith(word)}
    assert lacking == {"close_range", "faccessat2", "mount_setattr", "openat2"}
    assert {value.split(" (")[0] for name, value in told.items() if name not in lacking} == {"there"}


def test_parts_of_the_mount_calls_that_are_refused_are_named(older):
    told = page(older, "99.0", "enosys", "-fsopen", "-move_mount")["calls"]
    assert {name for name, value in told.items() if not value.startswith("there")} == {"fsopen", "move_mount"}


def test_nothing_is_left_on_the_host():
    before = snapshot()
    page()
    assert_same_host(before)


def test_no_argument_is_taken():
    assert command(RUNTIME, "kernel", "web").code == 1


# --- on paper


def paper(bundle, version, code, *flags, **kw):
    bundle.write()
    r = command(*bundle.argv("check", "--bundle", bundle.dir, "--json", "--kernel", version, *flags)[:-1], **kw)
    assert r.code == code, r
    return json.loads(r.out)["rows"]


def refused(rows):
    return {(row["place"], row["what"], row["since"]) for row in rows if row["level"] == "no"}


def test_an_ordinary_bundle_runs_on_every_kernel_since_3_10(bundle):
    bundle.sh("exit 0")
    for version in ("3.10", "4.18", "5.4", "6.1"):
        found = paper(bundle, version, 0)
        other = {row["what"] for row in found if "tare does without" in row["why"]}
        assert ("openat2" in other) == (version in ("3.10", "4.18", "5.4"))
        assert all(f"Linux {version}" in row["why"] for row in found if row["what"] == "openat2")


@pytest.mark.parametrize("before, since", [("5.5.19", "5.6"), ("4.18", "5.6")])
def test_what_came_later_is_a_no_at_its_place(bundle, before, since):
    bundle.sh("exit 0")
    bundle.config["linux"]["namespaces"].append({"type": "time"})
    at = f"/linux/namespaces/{len(bundle.config['linux']['namespaces']) - 1}"
    assert refused(paper(bundle, before, 1)) == {(at, "time namespaces", since)}
    assert refused(paper(bundle, since, 0)) == set()


@pytest.mark.parametrize("kernel", ["3.10", "4.14", "4.19", "5.4", "5.10", "6.1"])
def test_paper_says_what_create_on_such_a_kernel_says(bundle, older, kernel):
    """check --kernel VERSION has a `no` where, and only where, run fails for that reason on a kernel made older."""
    bundle.sh("exit 0")
    wanted = {
        "time namespaces": lambda c: c["linux"]["namespaces"].append({"type": "time"}),
        "cgroup namespaces": lambda c: c["linux"]["namespaces"].append({"type": "cgroup"}),
        "ambient capabilities": lambda c: [c["process"]["capabilities"].setdefault(kind, []).append("CAP_KILL")
                                           for kind in ("bounding", "permitted", "effective", "inheritable", "ambient")],
        "SCMP_ACT_LOG": lambda c: c["linux"].update(seccomp={
            "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getpgid"], "action": "SCMP_ACT_LOG"}]}),
    }
    plain = json.loads(json.dumps(bundle.config))
    for what, change in wanted.items():
        bundle.config = json.loads(json.dumps(plain))
        bundle.config["process"].setdefault("capabilities", {})
        change(bundle.config)
        bundle.write()
        on_paper = {row[1] for row in refused(json.loads(command(
            *bundle.argv("check", "-b", bundle.dir, "--json", "--kernel", kernel)[:-1]).out)["rows"])}
        # the older kernel has the same release, and so takes a filter that was compiled without it
        shutil.rmtree(ROOT / ".seccomp-cache", ignore_errors=True)
        r = command(older, kernel, "enosys", *bundle.argv("run", "--bundle", bundle.dir))
        assert on_paper == ({what} if r.code else set()), r
        assert not r.code or what in r.err, r


def test_a_program_is_held_against_that_version(bundle):
    bundle.sh("exit 0")
    found = [row["why"] for row in paper(bundle, "2.6.18", 1) if row["place"] == "/process/args"]
    assert any(why.startswith("wants Linux 3.2.0; asked is Linux 2.6.18") for why in found), found


@pytest.mark.parametrize("release, version", [("4.18.0-553.el8_10.x86_64", "4.18.0"), ("5.15.0+", "5.15.0"), ("5.4.0-rc3", "5.4.0")])
def test_the_release_of_a_kernel_is_a_version_too(bundle, release, version):
    bundle.sh("exit 0")
    bundle.config["linux"]["namespaces"].append({"type": "time"})
    rows = refused(paper(bundle, version, 0 if version.startswith("5.15") else 1))
    assert refused(paper(bundle, release, 1 if rows else 0)) == rows


def test_no_version_is_refused(bundle):
    bundle.write()
    for word in ("", "five", "5.x", "-1", ".", "5.4_x"):
        r = command(*bundle.argv("check", "-b", bundle.dir, f"--kernel={word}")[:-1])
        assert (r.code, r.out) == (1, "") and r.err.endswith(
            f"--kernel {word}: no version of Linux (such as 4.18 or 5.15.3)\n"), r
