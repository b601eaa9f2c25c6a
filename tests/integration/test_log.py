# SPDX-License-Identifier: LGPL-2.1-or-later
"""--log, --log-level, --debug: what is told of a verb that works, where, and in which form."""
import json
import os
import re

import pytest

from harness import command, finish, poll, rt, tare_only

pytestmark = tare_only

WARNING = '/process/capabilities/bounding/0: capability "CAP_NO_SUCH" is not known'
ENTRY = re.compile(r'time="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z" level=(\w+) msg="(.*)"')


@pytest.fixture
def warned(bundle):
    """A container that is warned of once: runtime-spec, config.md: such a capability MUST be logged as a warning."""
    bundle.process["capabilities"] = {"bounding": ["CAP_NO_SUCH"]}
    return bundle.sh("echo up")


def entries(text):
    found = [ENTRY.fullmatch(line) for line in text.splitlines()]
    assert all(found), text
    return [m.groups() for m in found]


# --- warnings


def test_a_warning_is_seen_without_any_flag(warned):
    """Had been promised only for those who ask for warnings: whoever needs this one does not know that it is there."""
    r = warned.run()
    assert (r.code, r.out, r.err) == (0, "up\n", f"tare: warning: {WARNING}\n")


@pytest.mark.parametrize("version", ["1.4.0", "1.30.0", "1.4.0-rc1"])
def test_a_newer_specification_of_the_same_major_version_is_a_warning(bundle, version):
    """It was refused, so no container ran any more with an engine that is newer than tare; runc and crun take any version."""
    bundle.config["ociVersion"] = version
    r = bundle.sh("echo up").run()
    told = f'tare: warning: /ociVersion: ociVersion "{version}" is newer than 1.3.0: what it adds is left out\n'
    assert (r.code, r.out, r.err) == (0, "up\n", told)


def test_a_warning_of_exec_is_seen(bundle):
    bundle.stay().up()
    r = bundle.verb("exec", "--cap", "CAP_NO_SUCH", tail=["true"])
    assert r.code == 0 and '"CAP_NO_SUCH" is not known' in r.err and r.err.startswith("tare: warning: /process/"), r


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_warning_is_in_the_log_and_not_in_the_programs_output(warned, scratch, form):
    """An engine's --log: standard error is the container's."""
    log = scratch / "log"
    r = warned.run(glob=["--log", log, "--log-format", form])
    assert (r.code, r.out, r.err) == (0, "up\n", "")
    text = log.read_text()
    if form == "json":
        entry = json.loads(text)
        assert (list(entry), entry["level"], entry["msg"]) == (["level", "msg", "time"], "warning", WARNING)
    else:
        assert entries(text) == [("warning", WARNING.replace('"', '\\"'))]


def test_a_failure_stands_alone_in_a_json_log(warned, scratch):
    """podman decodes the whole file as one object."""
    log = scratch / "log"
    r = warned.create("--pid-file", scratch / "none/pid", glob=["--log", log, "--log-format=json"])
    failure = f'create "{warned.id}": write pid file "{scratch}/none/pid": no such file or directory'
    assert (r.code, r.err) == (1, f"tare: warning: {WARNING}\ntare: {failure}\n")
    entry = json.loads(log.read_text())
    assert (entry["level"], entry["msg"]) == ("error", failure)


@pytest.mark.parametrize("name", ["/dev/fd/{}", "/proc/self/fd/{}"])
def test_a_log_may_be_a_descriptor_of_the_callers(warned, name):
    """As a shell's process substitution names it. Of such links only /dev/stderr and its kin had been tried, and others refused."""
    reader, writer = os.pipe()
    warned.sh("true").run(glob=["--log", name.format(writer)], pass_fds=[writer]).ok()
    os.close(writer)
    with open(reader, encoding="utf-8") as f:
        assert entries(f.read()) == [("warning", WARNING.replace('"', '\\"'))]


def test_a_warning_is_in_the_log_while_the_program_runs(warned, scratch):
    log = scratch / "log"
    proc = warned.writable().sh("touch /tmp/ready; read x").spawn("run", glob=["--log", log, "--log-format=json"])
    warned.ready()
    poll(lambda: log.exists() and log.read_text(), "the log")
    assert json.loads(log.read_text())["msg"] == WARNING
    proc.kill()
    finish(proc)


def test_who_wants_no_warnings_gets_none(warned):
    r = warned.run(glob=["--log-level=error"])
    assert (r.code, r.out, r.err) == (0, "up\n", "")


def test_without_a_file_the_form_is_that_of_the_log(warned):
    r = warned.run(glob=["--log-format=json"])
    assert json.loads(r.err)["msg"] == WARNING


# --- --debug


def steps(bundle):
    plan = json.loads(bundle.make("plan", "--json").ok().out)
    return {s["number"]: (s["side"], s["operation"], s["place"]) for s in plan}


STEP = re.compile(r"step (\d+), (host|init): ([a-z-]+)(.*?)( \[(.*?)\])? took \d+\.\d{3} ms(, the older way: .*)?")


def told(texts):
    found = [STEP.fullmatch(text) for text in texts if text.startswith("step ")]
    assert all(found), texts
    return {int(m[1]): (m[2], m[3], m[6] or "") for m in found}


@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize("where", ["stderr", "file"])
def test_debug_tells_each_step_with_its_time(bundle, scratch, form, where):
    """What --debug is good for had not been asked: it was silent where all went well."""
    bundle.stay()
    planned = steps(bundle)
    log = scratch / "log"
    r = bundle.create(glob=["--debug", "--log-format", form, *(["--log", log] if where == "file" else [])]).ok()
    text = r.err if where == "stderr" else log.read_text()
    assert where == "stderr" or r.err == ""
    if form == "json":
        found = [(e["level"], e["msg"]) for e in map(json.loads, text.splitlines())]
    else:
        found = [(level, msg.replace('\\"', '"')) for level, msg in entries(text)]
    assert {level for level, _ in found} == {"debug"}
    texts = [msg for _, msg in found]
    assert texts[0].startswith("tare ") and re.fullmatch(r"done after \d+\.\d{3} ms(, the older way: .*)?", texts[-1])
    waits = min(n for n, s in planned.items() if s[1] == "wait-for-start")
    assert told(texts) == {n: s for n, s in planned.items() if n < waits}


def test_debug_of_start_tells_what_is_left(bundle):
    (bundle.rootfs / "bin/hook").write_text("#!/bin/sh\n")
    (bundle.rootfs / "bin/hook").chmod(0o755)
    bundle.config["hooks"] = {"startContainer": [{"path": "/bin/hook"}]}
    planned = {n: s for n, s in steps(bundle.stay()).items() if s[1] == "run-hook"}
    bundle.create(glob=["--debug"]).ok()
    r = bundle.verb("start", glob=["--debug"]).ok()
    assert told(t for _, t in entries(r.err)).items() >= planned.items()


def test_a_start_that_asks_for_nothing_is_silent(bundle):
    bundle.stay().create(glob=["--debug"]).ok()
    assert bundle.start().ok().err == ""


def test_debug_behind_a_filter_that_allows_little(bundle):
    """Once the filter is loaded no call of ours is made: not even to tell."""
    bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_KILL_PROCESS", "syscalls": [
        {"names": ["execve", "exit_group", "exit"], "action": "SCMP_ACT_ALLOW"}]}
    bundle.process["args"] = ["true"]
    plain, debug = bundle.run(), bundle.run(glob=["--debug"])
    assert plain.code == debug.code and "level=error" not in debug.err


@pytest.mark.parametrize("flags, number", [(None, 4), ([], 0), (["LOG"], 2), (["LOG", "SPEC_ALLOW"], 6)])
def test_debug_tells_the_flags_of_a_filter(bundle, flags, number):
    """By the line that runc's users look for. Which flags the kernel was given could not be seen at all."""
    bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW"}
    if flags is not None:
        bundle.linux["seccomp"]["flags"] = [f"SECCOMP_FILTER_FLAG_{name}" for name in flags]
    bundle.process["args"] = ["true"]
    r = bundle.run(glob=["--debug"]).ok()
    assert ("debug", f"seccomp filter flags: {number}") in entries(r.err)


@pytest.mark.parametrize("verb, flags, tail", [
    ("state", [], []), ("ps", [], []), ("kill", [], ["USR2"]), ("exec", [], ["true"]), ("delete", ["--force"], [])])
def test_debug_of_each_verb_tells_something(bundle, verb, flags, tail):
    bundle.stay().up()
    quiet = bundle.verb(verb, *flags, tail=tail) if verb != "delete" else None
    r = bundle.verb(verb, *flags, tail=tail, glob=["--debug"]).ok()
    assert quiet is None or (quiet.code, quiet.err) == (0, "")
    assert quiet is None or verb == "ps" or quiet.out == r.out
    texts = [t for _, t in entries(r.err)]
    assert f"{verb} " in texts[0] and texts[-1].startswith("done after ")
    more = {"kill": "signal 12 to process", "exec": "step 1, host: spawn", "delete": "kill process"}.get(verb)
    assert more is None or any(t.startswith(more) for t in texts), texts


def test_debug_tells_the_older_ways(older, bundle):
    argv = bundle.sh("true").write().argv("run", "--bundle", bundle.dir, glob=["--debug"])
    r = command(older, "4.19", "enosys", *argv)
    assert r.code == 0, r
    for way in ("mount and a stage for open_tree, mount_setattr and move_mount", "a walk for openat2", "clone for clone3",
                "/proc/PID for pidfd_open"):
        assert way in r.err, way
    modern = rt("--debug", "state", "none")
    assert "older way" not in modern.err
