# SPDX-License-Identifier: LGPL-2.1-or-later
"""ps: the processes of a container, as numbers and by the host's ps(1)."""
import json
import os
import subprocess

import pytest

from harness import (IS_TARE, RUNTIME, TESTER, cgroup_mount, cgroup_mounts, is_alive, poll, read, root_only, rt,
                     spawn, finish, tare_only)

pytestmark = pytest.mark.layouts


def procs(b):
    """The pids that the kernel lists in the container's cgroup."""
    top = next(c for c in ("pids", "memory", "") if cgroup_mount(c) is not None)
    return sorted(int(p) for p in read(b.cgroup(top) / "cgroup.procs").split())


def command_line(pid):
    return read(f"/proc/{pid}/cmdline").replace("\0", " ").strip()


def several(bundle):
    if not cgroup_mounts():
        pytest.skip("no cgroup file system")
    bundle.writable().sh("sleep 1001 & sleep 1002 & touch /tmp/ready; wait").up().ready()
    poll(lambda: {"sleep 1001", "sleep 1002"} <= {command_line(pid) for pid in procs(bundle)}, "both sleeps to be executed")
    return bundle


def in_json(b):
    return json.loads(b.verb("ps", "--format", "json").ok().out)


def test_json_is_one_line_of_all_pids(bundle):
    b = several(bundle)
    r = b.verb("ps", "--format", "json").ok()
    assert r.out.count("\n") == 1
    assert sorted(json.loads(r.out)) == procs(b)
    assert b.pid in json.loads(r.out)


@pytest.mark.parametrize("flag", [["-f", "json"], ["--format=json"], ["-format", "json"]])
def test_the_flag_is_taken_in_every_form(bundle, flag):
    b = several(bundle)
    assert sorted(json.loads(b.verb("ps", *flag).ok().out)) == procs(b)


def test_processes_of_cgroups_below_are_listed(bundle):
    b = several(bundle)
    moved = procs(b)[-1]
    made = []
    for top in ("pids", "memory", "freezer", ""):
        if cgroup_mount(top) is not None:
            made.append(b.cgroup(top) / "below")
            made[-1].mkdir()
            (made[-1] / "cgroup.procs").write_text(str(moved))
    assert moved in in_json(b)
    assert len(in_json(b)) == 3


def test_the_table_has_the_header_and_the_lines_of_the_container(bundle):
    b = several(bundle)
    lines = b.verb("ps").ok().lines
    header = subprocess.run(["ps", "-ef"], capture_output=True, text=True, check=True).stdout.splitlines()[0]
    assert lines[0].split() == header.split()
    assert sorted(int(line.split()[1]) for line in lines[1:]) == procs(b)
    assert sum("sleep 100" in line for line in lines) >= 2


def test_options_behind_the_id_choose_the_columns(bundle):
    b = several(bundle)
    lines = b.verb("ps", tail=["-e", "-o", "pid,comm"]).ok().lines
    assert lines[0].split() == ["PID", "COMMAND"]
    assert sorted(int(line.split()[0]) for line in lines[1:]) == procs(b)


def test_ps_without_a_pid_column_is_refused(bundle):
    b = several(bundle)
    r = b.verb("ps", tail=["-e", "-o", "user"])
    assert r.code == 1
    assert "couldn't find PID field in ps output" in r.err
    if IS_TARE:
        assert r.err == f'tare: ps "{b.id}": couldn\'t find PID field in ps output\n'


def test_what_ps_refuses_is_told_in_its_words(bundle):
    b = several(bundle)
    r = b.verb("ps", tail=["--no-such-option"])
    assert r.code == 1
    assert "unknown gnu long option" in r.err
    if IS_TARE:
        assert r.err.startswith(f'tare: ps "{b.id}": ps ended with 1: ')
        assert r.err.count("\n") == 1


@tare_only
def test_a_host_without_ps_is_told(bundle):
    b = several(bundle)
    env = {**os.environ, "PATH": "/nonexistent"}
    assert b.verb("ps", env=env).err == f'tare: ps "{b.id}": "ps": executable file not found in $PATH\n'
    assert in_json(b) == procs(b)


@tare_only
def test_ps_is_found_in_the_callers_path(bundle, scratch):
    b = several(bundle)
    (scratch / "ps").write_text(f"#!/bin/sh\necho 'PID ARGS'; echo '{b.pid}' $*; echo '1 no'\n")
    (scratch / "ps").chmod(0o755)
    env = {**os.environ, "PATH": f"{scratch}:/usr/bin:/bin"}
    assert b.verb("ps", env=env, tail=["a", "--b"]).ok().out == f"PID ARGS\n{b.pid} a --b\n"
    (scratch / "ps").write_text("#!/bin/sh\necho 'PID ARGS'; echo 'x y'\n")
    assert b.verb("ps", env=env).err == f'tare: ps "{b.id}": unable to convert pid of ps output: "x y"\n'
    (scratch / "ps").write_text("#!/bin/sh\nkill -9 $$\n")
    assert b.verb("ps", env=env).err == f'tare: ps "{b.id}": ps was killed by signal 9: \n'


def test_a_stopped_container_has_no_processes(bundle):
    bundle.sh("true").up().wait("stopped")
    assert bundle.verb("ps", "--format", "json").ok().out == "null\n"
    assert len(bundle.verb("ps").ok().lines) == 1


def test_a_created_container_has_one(bundle):
    bundle.stay().create().ok()
    assert in_json(bundle) == [bundle.pid]


def test_unknown_containers_and_formats_are_refused(bundle):
    r = bundle.verb("ps")
    assert r.code == 1
    assert "container does not exist" in r.err
    if IS_TARE:
        assert r.err == f'tare: ps "{bundle.id}": container does not exist: "{bundle.id}"\n'
    bundle.stay().create().ok()
    r = bundle.verb("ps", "--format", "yaml")
    assert r.code == 1
    if IS_TARE:
        assert r.err == (f'tare: ps "{bundle.id}": invalid value "yaml" for --format: it is table, json or a template '
                         '(a template has fields such as {{.ID}})\n')


@tare_only
def test_without_a_cgroup_the_first_process_and_its_descendants_are_listed(bundle):
    bundle.linux["resources"] = {}
    bundle.linux.pop("cgroupsPath", None)
    bundle.writable().sh("(sleep 1003 & sleep 1004 & wait) & touch /tmp/ready; wait")
    bundle.up(glob=["--cgroup-manager=disabled"]).ready()

    def sleeps():
        text = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
        return [int(line.split()[0]) for line in text.splitlines() if line.split()[1:] in (["sleep", "1003"], ["sleep", "1004"])]
    poll(lambda: len(sleeps()) == 2, "two to sleep")
    listed = in_json(bundle)
    assert bundle.pid in listed
    assert set(sleeps()) <= set(listed)
    assert len(listed) == 4
    assert os.getpid() not in listed


@tare_only
@root_only
def test_an_ordinary_user_sees_his_own_containers_processes(bundles):
    b = bundles(user=TESTER)
    b.linux["resources"] = {}
    b.linux["namespaces"].append({"type": "user"})
    for kind in ("uidMappings", "gidMappings"):
        b.linux[kind] = [{"containerID": 0, "hostID": TESTER, "size": 1}]
    b.config["mounts"] = [m for m in b.config["mounts"] if m["type"] in ("proc", "tmpfs")]
    b.linux["namespaces"] = [n for n in b.linux["namespaces"] if n["type"] != "network"]
    b.writable().stay().up()
    poll(lambda: len(in_json(b)) == 2, "the shell and its sleep")
    assert b.pid in in_json(b)


def test_a_reader_that_goes_away_is_no_crash(bundle):
    b = several(bundle)
    read_end, write_end = os.pipe()
    os.close(read_end)
    r = finish(spawn([RUNTIME, "--root", b.root, "ps", b.id], stdout=os.fdopen(write_end, "wb")))
    assert r.code == 1
    assert is_alive(b.pid)


@tare_only
def test_a_template_has_the_headings_of_ps_as_fields(bundle):
    b = several(bundle)
    lines = b.verb("ps", "--format", "{{.PID}}|{{.CMD}}").ok().out.splitlines()
    assert sorted(int(line.split("|")[0]) for line in lines) == procs(b)
    assert {line.split("|")[1] for line in lines} >= {"sleep 1001", "sleep 1002"}
    lines = rt("ps", "-f", r"table {{.S}}\t{{.COMMAND}}", b.id, "-eo", "pid,s,args").ok().out.splitlines()
    assert lines[0] == "S           COMMAND" and "S           sleep 1001" in lines
    r = b.verb("ps", "--format", "{{.PIDD}}")
    assert (r.code, r.err) == (1, f'tare: ps "{b.id}": --format: there is no field "PIDD" (did you mean "PID"?)\n')
