# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whoever calls tare may be odd: signals, limits, masks and descriptors that it inherits (security.md, 23)."""
import resource
import signal
import subprocess

import pytest

from harness import assert_same_host, proc_status, snapshot, tare_only


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


@tare_only
@pytest.mark.parametrize("size", [0, 4096, 1 << 20])
def test_a_limit_on_the_size_of_files_is_told(bundle, size):
    def limit():
        ignoring()()
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    before = snapshot()
    bundle.write()
    # what it says goes through a pipe: a file could not take it
    r = subprocess.run(list(map(str, bundle.argv("create", "--bundle", bundle.dir))), preexec_fn=limit,
                       stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=30)
    assert (r.returncode, r.stderr) == (
        1, f'tare: create "{bundle.id}": make the memory file of the plan: file too large\n')
    assert_same_host(before)


def test_what_runs_can_be_deleted_whatever_the_limit_on_the_size_of_files(bundle):
    def limit():
        ignoring()()
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    bundle.stay().up()
    bundle.delete("--force", preexec_fn=limit).ok()
