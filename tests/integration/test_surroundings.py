# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whoever calls tare may be odd: signals, limits, masks and descriptors that it inherits (docs/REQUIREMENTS.md, 23)."""
import json
import os
import resource
import signal
import socket
import stat
import subprocess

import pytest

import defaults
from harness import (RUNTIME, TESTER, assert_same_host, command, finish, poll, proc_status, root_only, rt, rt_argv, snapshot, spawn,
                     tare_only)


def ignoring(*signals):
    """For Popen: all else as a shell has it."""
    def prepare():
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        for number in signals:
            signal.signal(number, signal.SIG_IGN)
    return prepare


@pytest.mark.parametrize("stage", ["prestart", "createRuntime", "createContainer"])
def test_a_hook_that_fails_is_noticed_with_sigchld_ignored(bundle, stage):
    path = "/bin/false"
    bundle.config["hooks"] = {stage: [{"path": path}]}
    before = snapshot()
    bundle.create(preexec_fn=ignoring(signal.SIGCHLD)).refused(f'{stage} hook "{path}"', "1")
    assert_same_host(before)


def test_the_exit_code_arrives_with_sigchld_ignored(bundle):
    assert bundle.sh("exit 9").run(preexec_fn=ignoring(signal.SIGCHLD)).code == 9


def test_the_container_begins_with_all_signals_open(bundle):
    def block():
        ignoring(signal.SIGCHLD, signal.SIGHUP, signal.SIGPIPE, signal.SIGTERM, signal.SIGXFSZ)()
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    bundle.process["args"] = ["sleep", "1000"]
    bundle.create(preexec_fn=block).ok()
    bundle.start(preexec_fn=block).ok()
    status = proc_status(bundle.pid)
    assert {status[k] for k in ("SigBlk", "SigIgn", "SigCgt")} == {"0" * 16}
    bundle.delete("--force", preexec_fn=block).ok()


def limited(resource_, size):
    """For Popen: as a shell after ulimit -S."""
    def prepare():
        ignoring()()
        resource.setrlimit(resource_, (size, resource.RLIM_INFINITY))
    return prepare


@tare_only
@pytest.mark.parametrize("size", [0, 4096, 60000])
def test_a_limit_on_the_size_of_files_is_told(bundle, size):
    before = snapshot()
    bundle.write()
    # what it says goes through a pipe: a file could not take it
    r = subprocess.run(list(map(str, bundle.argv("create", "--bundle", bundle.dir))),
                       preexec_fn=limited(resource.RLIMIT_FSIZE, size),
                       stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=30)
    assert (r.returncode, r.stderr) == (
        1, f'tare: create "{bundle.id}": make the memory file of the plan: file too large (files of tare may not be that large: '
           'raise RLIMIT_FSIZE (ulimit -f) of its caller)\n')
    assert_same_host(before)


@pytest.mark.parametrize("size", [1 << 20, 1 << 28])
def test_a_limit_on_the_size_of_files_is_enough_for_a_plan(bundle, size):
    """A limit of 1 MiB was refused: the plan's file had a gigabyte, though hardly any of it was ever written."""
    limit = limited(resource.RLIMIT_FSIZE, size)
    assert bundle.sh("echo here").run(preexec_fn=limit).ok().out == "here\n"


def needs_address_space():
    with open(RUNTIME, "rb") as f:
        if b"__asan_init" in f.read():
            pytest.skip("AddressSanitizer itself reserves terabytes")


@pytest.mark.parametrize("size", [32 << 20, 512 << 20])
def test_each_verb_works_in_a_small_address_space(bundle, size):
    """A batch system's `ulimit -v`. Each verb, even list, ended with "out of memory": it reserved a gigabyte."""
    needs_address_space()
    limit = limited(resource.RLIMIT_AS, size)
    bundle.stay().create(preexec_fn=limit).ok()
    bundle.start(preexec_fn=limit).ok()
    assert bundle.verb("exec", tail=["echo", "there"], preexec_fn=limit).ok().out == "there\n"
    assert bundle.id in rt("list", "--quiet", preexec_fn=limit).ok().lines
    assert json.loads(bundle.verb("state", preexec_fn=limit).ok().out)["status"] == "running"
    bundle.delete("--force", preexec_fn=limit).ok()


@tare_only
def test_a_config_that_needs_more_than_the_address_space_is_told_so(bundle):
    needs_address_space()
    bundle.process["env"] += [f"A{i}={'x' * 100000}" for i in range(100)]
    before = snapshot()
    r = bundle.create(preexec_fn=limited(resource.RLIMIT_AS, 16 << 20))
    assert (r.code, r.err) == (
        1, "tare: config.json needs more memory than the limits of tare's caller allow (ulimit -v, ulimit -f)\n")
    assert_same_host(before)


@tare_only
def test_hardly_any_memory_is_promised_before_it_is_used(bundle):
    """
    With vm.overcommit_memory=2 the kernel counts writable private pages (VmData) whether they are touched or not: the whole
    host's promises have one limit, so a gigabyte of them in each tare fails, or has other programs fail.
    """
    needs_address_space()
    process = bundle.stay().spawn()
    bundle.wait("running")
    promised = int(proc_status(process.pid)["VmData"].split()[0])
    bundle.kill("KILL").ok()
    finish(process)
    assert promised < 8192, f"{promised} KiB"


def test_what_runs_can_be_deleted_whatever_the_limit_on_the_size_of_files(bundle):
    def limit():
        ignoring()()
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    bundle.stay().up()
    bundle.delete("--force", preexec_fn=limit).ok()


# --- umask


@tare_only
@pytest.mark.parametrize("user", [None, pytest.param(TESTER, marks=root_only)])
@pytest.mark.parametrize("mask", [0, 0o777])
def test_the_state_is_ours_alone_whatever_the_umask(bundles, scratch, user, mask):
    bundle = bundles(user=user, config=defaults.rootless(TESTER, TESTER) if user else None)
    bundle.process.update(args=["sleep", "1000"], terminal=False)
    if user:
        os.chown(scratch, user, user)
    bundle.create("--pid-file", scratch / "pid", preexec_fn=lambda: os.umask(mask)).ok()
    top = bundle.root / bundle.id
    modes = {n: stat.S_IMODE((top / n).stat().st_mode) for n in ("record", "config", "journal", "exec.fifo")}
    assert (stat.S_IMODE(top.stat().st_mode), set(modes.values())) == (0o700, {0o600}), modes
    assert stat.S_IMODE((scratch / "pid").stat().st_mode) == (0o644 & ~(mask & 0o077))
    bundle.start(preexec_fn=lambda: os.umask(mask)).ok()
    # and the program has it as its caller had
    assert proc_status(bundle.pid)["Umask"] == f"{mask:04o}"
    bundle.delete("--force", preexec_fn=lambda: os.umask(mask)).ok()


@pytest.mark.parametrize("stage", ["prestart", "createRuntime", "createContainer"])
def test_hooks_of_the_host_have_the_callers_umask(bundle, scratch, stage):
    bundle.config["hooks"] = {stage: [{"path": "/bin/sh", "args": ["sh", "-c", f"umask >{scratch}/mask"]}]}
    bundle.create(preexec_fn=lambda: os.umask(0o027)).ok()
    assert int((scratch / "mask").read_text(), 8) == 0o027


# --- descriptors


@tare_only
@pytest.mark.parametrize("limit", range(3, 25))
def test_with_few_descriptors_it_works_or_leaves_nothing(bundle, limit):
    del bundle.process["rlimits"]
    bundle.process["args"] = ["sleep", "1000"]

    def lower():
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    before = snapshot()
    r = bundle.create(preexec_fn=lower)
    if r.code == 0:
        bundle.start(preexec_fn=lower)
        bundle.delete("--force").ok()
    else:
        r.refused("too many open files" if limit < 16 else "descriptors")
    assert_same_host(before)


@tare_only
def test_more_descriptors_than_there_can_be_are_refused(bundle):
    text = "--preserve-fds 2147483647: no process has so many"
    bundle.create("--preserve-fds", 2147483647).refused(text)
    bundle.stay().up()
    r = bundle.verb("exec", "--preserve-fds", 2147483647, tail=["true"])
    assert (r.code, r.err) == (255, f'tare: exec "{bundle.id}": exec failed: {text}\n')


@tare_only
def test_more_descriptors_than_this_process_may_have_are_refused(bundle):
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    text = f"--preserve-fds {soft}: this process may have {soft} descriptors (`ulimit -n` shows and sets the limit)"
    bundle.create("--preserve-fds", soft).refused(text)
    bundle.create("--preserve-fds", soft - 20).ok()


# --- where pids mean something else


LAYOUT = os.environ.get("TARE_LAYOUT")
WITHOUT_PROC = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs tmpfs /proc && exec "$@"', "sh"]
ELSEWHERE = ["unshare", "-p", "-f", "--kill-child", "--mount-proc"]
# /proc still shows the namespace above, where the pid is right, but no system call takes that pid
HALFWAY = ["unshare", "-p", "-f", "--kill-child"]
NO_PROC = "can't be looked up: /proc is not this pid namespace's (mount -t proc proc /proc)"
OTHER = "belongs to another pid namespace (call tare in the pid namespace in which the container was created)"


@tare_only
@root_only
@pytest.mark.layouts
@pytest.mark.skipif(LAYOUT == "none", reason="it takes a cgroup")
@pytest.mark.parametrize("wrapper, why", [(WITHOUT_PROC, NO_PROC), (ELSEWHERE, OTHER), (HALFWAY, OTHER)],
                         ids=["no procfs", "another pid namespace", "the procfs of the one above"])
def test_what_runs_is_not_taken_for_stopped_where_its_pid_is_not_known(bundle, wrapper, why):
    """`delete` without --force removed a container that ran, with its processes: its pid had been looked up in vain."""
    bundle.stay().up()

    def there(verb, *tail):
        return command(*wrapper, *bundle.argv(verb), *tail)
    assert json.loads(there("state").ok().out)["status"] == "running"
    r = there("delete")
    assert r.code == 1 and r.err.startswith(f'tare: delete "{bundle.id}": cannot delete container {bundle.id} that is not stopped: running: '
                                            f"process {bundle.pid} {why}\n"), r
    r = there("kill", "TERM")
    assert (r.code, r.err) == (1, f'tare: kill "{bundle.id}": process {bundle.pid} {why}\n')
    r = there("exec", "true")
    assert (r.code, r.err) == (255, f'tare: exec "{bundle.id}": exec failed: process {bundle.pid} {why}\n')
    assert bundle.verb("exec", tail=["true"]).ok()
    r = there("delete", "--force")
    # cgroup v1 does not list the processes of other pid namespaces, so they can't be killed from there
    assert (r.code, bundle.exists()) == ((0, False) if wrapper is WITHOUT_PROC or LAYOUT != "v1" else (1, True)), r
    bundle.delete("--force").ok()


@tare_only
@root_only
@pytest.mark.layouts
@pytest.mark.skipif(LAYOUT != "none", reason="it is about containers without a cgroup")
def test_without_cgroup_and_procfs_nothing_is_deleted(bundle):
    bundle.stay().up()
    for flags in [], ["--force"]:
        r = command(*WITHOUT_PROC, *bundle.argv("delete"), *flags)
        assert r.code == 1 and f"process {bundle.pid} {NO_PROC}" in r.err, r
    assert bundle.status() == "running"
    bundle.delete("--force").ok()


@root_only
@pytest.mark.skipif(LAYOUT in ("v1", "none"), reason="only cgroup v2 says it to other pid namespaces")
def test_what_has_ended_is_stopped_in_other_pid_namespaces_too(bundle):
    bundle.stay().up()
    bundle.kill("KILL").ok()
    bundle.wait("stopped")
    assert json.loads(command(*ELSEWHERE, *bundle.argv("state")).ok().out)["status"] == "stopped"
    command(*ELSEWHERE, *bundle.argv("delete")).ok()


# --- who is at the other end


@tare_only
def test_a_console_socket_that_nobody_serves_is_not_waited_for(bundle, scratch):
    path = scratch / "console"
    bundle.process["terminal"] = True
    before = snapshot()
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as first:
        listener.bind(str(path))
        listener.listen(0)
        first.connect(str(path))  # and that is all there is room for
        bundle.create("--console-socket", path).refused(
            f'nobody accepts connections at socket "{path}"')
    assert_same_host(before)


@tare_only
def test_a_log_that_nobody_reads_is_not_waited_for(scratch):
    os.mkfifo(scratch / "fifo")
    rt("--log", scratch / "fifo", "state", "x", timeout=5).refused(f'log file "{scratch}/fifo"')


def test_run_goes_on_when_nobody_reads_what_the_program_prints(bundle):
    bundle.process["terminal"] = True
    bundle.sh("echo first; sleep 0.3; echo second; echo third; exit 6")
    bundle.write()
    read_end, write_end = os.pipe()
    proc = spawn(bundle.argv("run", "--bundle", bundle.dir), stdout=write_end)
    os.close(write_end)
    os.read(read_end, 1)
    os.close(read_end)
    assert proc.wait(10) in (6, 129)  # 129: the end of the terminal came first, with SIGHUP
    assert not bundle.exists()


# --- start


def start_in_a_hook(bundle, scratch):
    """A start whose container is in a hook that does not end."""
    hook = f"touch {scratch}/in-hook; exec sleep 1000"
    bundle.mount(scratch, "bind", scratch, "rbind")
    bundle.writable().config["hooks"] = {"startContainer": [{"path": "/bin/sh", "args": ["sh", "-c", hook]}]}
    bundle.create().ok()
    proc = spawn(bundle.argv("start"))
    poll(lambda: (scratch / "in-hook").exists(), "the hook to run")
    return proc


@tare_only
def test_start_of_a_container_that_is_killed_on_the_way_fails(bundle, scratch):
    proc = start_in_a_hook(bundle, scratch)
    os.kill(bundle.pid, signal.SIGKILL)
    finish(proc, timeout=10).refused("the container's first process was killed before it could start")


@tare_only
def test_delete_force_does_not_wait_for_a_hook_of_start(bundle, scratch):
    proc = start_in_a_hook(bundle, scratch)
    bundle.delete("--force", timeout=5).ok()
    assert finish(proc, timeout=10).code == 1


@tare_only
def test_more_annotations_than_a_record_can_hold_are_refused(bundle):
    bundle.config["annotations"] = {f"{n:x}": "" for n in range(1_000_000)}
    before = snapshot()
    bundle.create(timeout=60).refused("too many annotations")
    assert_same_host(before)


def test_without_a_procfs_the_error_says_how_to_get_one(bundle, scratch):
    bundle.sh("true").write()
    before = snapshot()
    unmount = "while umount -l /proc 2>/dev/null; do :; done"
    for words, prepare, hint in [
            (["run", "--bundle", bundle.dir, bundle.id], unmount, "no procfs is mounted on /proc"),
            (["box", bundle.rootfs, "true"], unmount, "no procfs is mounted on /proc"),
            # As `unshare -pf` without --mount-proc leaves it; there is no such process outside.
            (["run", "--bundle", bundle.dir, bundle.id], "echo 30000 >/proc/sys/kernel/ns_last_pid", "the procfs on /proc is that of another pid namespace")]:
        flags = ["-m"] if prepare == unmount else ["-m", "-p", "-f"]
        r = finish(spawn(["unshare", *flags, "sh", "-c", f'{prepare}; exec "$@"', "sh", *rt_argv(*words)]))
        assert r.code in (1, 125) and r.err.endswith(f": no such file or directory ({hint}: mount -t proc proc /proc)\n"), r
    assert_same_host(before)


@tare_only
def test_without_pidfds_too_the_error_says_whose_procfs_it_is(bundle, older):
    bundle.sh("true").write()
    before = snapshot()
    r = command(older, "4.19", "enosys", "unshare", "-m", "-p", "-f", "sh", "-c", 'echo 30000 >/proc/sys/kernel/ns_last_pid; exec "$@"',
                "sh", *rt_argv("run", "--bundle", bundle.dir, bundle.id))
    assert r.code == 1 and r.err.endswith(": no such process (the procfs on /proc is that of another pid namespace: "
                                          "mount -t proc proc /proc)\n"), r
    assert_same_host(before)
