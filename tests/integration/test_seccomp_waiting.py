# SPDX-License-Identifier: LGPL-2.1-or-later
"""linux.seccomp while the container waits for start: the filter is loaded before, where it lets through what is left."""
import pytest

from harness import proc_status, tare_only
from test_seccomp import ARCH, profile, rule

pytestmark = [tare_only, pytest.mark.skipif(ARCH is None, reason="no filter for this processor")]

# What tare-init does behind a filter that is loaded before the wait: plan/seccomp/left.c
LEFT = ["capset", "close", "sendmsg", "recvmsg", "execve", "exit_group", "prctl", "rt_sigprocmask", "signalfd4", "ppoll", "read",
        "accept4", "madvise", "getpid", "kill", "clone", "setsid", "ioctl"]
# ... and what the C library of a static program does before main()
START = ["brk", "arch_prctl", "set_tid_address", "set_robust_list", "rseq", "prlimit64", "readlinkat", "readlink", "getrandom",
         "mprotect", "uname", "getuid", "prctl"]
SLEEP = ["nanosleep", "clock_nanosleep"]
ADMIN = 1 << 21


def allowed(names):
    return rule(" ".join(names), "SCMP_ACT_ALLOW")


def waiting(bundle):
    s = proc_status(bundle.pid)
    return s["Seccomp"], bool((int(s["CapEff"], 16) | int(s["CapPrm"], 16)) & ADMIN)


@pytest.mark.parametrize("nnp", [False, True])
def test_a_created_container_waits_under_its_filter(bundle, nnp):
    """It waited without it, with CAP_SYS_ADMIN to load it later: for whoever is in its pid namespace with CAP_SYS_PTRACE to use."""
    bundle.process["noNewPrivileges"] = nnp
    bundle.linux["seccomp"] = profile(allowed(LEFT + START + SLEEP), default="SCMP_ACT_ERRNO")
    bundle.process["args"] = ["sleep", "1000"]
    bundle.create().ok()
    assert waiting(bundle) == ("2", False)
    bundle.start().ok()
    assert waiting(bundle) == ("2", False)


def test_nothing_but_what_is_listed_is_done_behind_that_filter(bundle):
    """Any other call would end it."""
    bundle.process["noNewPrivileges"] = False
    bundle.linux["seccomp"] = profile(allowed(LEFT + START), default="SCMP_ACT_KILL_PROCESS")
    bundle.process["args"] = ["true"]
    bundle.create().ok()
    assert waiting(bundle) == ("2", False)
    bundle.start().ok()
    bundle.wait("stopped")
    bundle.delete().ok()
    # the failure of the exec is told, and a signal ends it, by those calls too
    (bundle.rootfs / "bin/broken").write_text("#!/no/interpreter\n")
    (bundle.rootfs / "bin/broken").chmod(0o755)
    bundle.process["args"] = ["broken"]
    bundle.create().ok()
    assert waiting(bundle) == ("2", False)
    r = bundle.start()
    assert r.code == 1 and 'exec: "broken"' in r.err, r
    bundle.delete("--force").ok()
    bundle.create().ok()
    bundle.kill("TERM").ok()
    bundle.wait("stopped")


@pytest.mark.parametrize("call", [c for c in LEFT if c not in ("execve", "clone", "setsid", "ioctl")])
def test_a_filter_that_forbids_what_is_left_is_loaded_last(bundle, call):
    """Nothing of ours need be in a profile: it starts as before, and the program has its filter."""
    bundle.process["noNewPrivileges"] = False
    bundle.linux["seccomp"] = profile(rule(call))
    bundle.process["args"] = ["sleep", "1000"]
    bundle.create().ok()
    assert waiting(bundle) == ("0", True)
    bundle.start().ok()
    assert waiting(bundle) == ("2", False)


@pytest.mark.parametrize("args, early", [([{"index": 0, "value": 0x7E020000, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}], True),
                                         ([{"index": 0, "value": 0x8000, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}], False)])
def test_a_filter_that_looks_at_arguments_is_evaluated_with_ours(bundles, args, early):
    """clone(2) without new namespaces, as engines' profiles have it; and without CLONE_PARENT, which ours has."""
    first, second = bundles("sleep 1000"), bundles("sleep 1000")
    first.up()
    second.unlisted("pid")
    second.linux["namespaces"].append({"type": "pid", "path": f"/proc/{first.pid}/ns/pid"})
    second.process["noNewPrivileges"] = False
    second.linux["seccomp"] = profile(allowed([c for c in LEFT + START + SLEEP if c != "clone"]),
                                      {"names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": args},
                                      default="SCMP_ACT_ERRNO")
    second.process["args"] = ["sleep", "1000"]
    second.create().ok()
    assert waiting(second) == (("2", False) if early else ("0", True))
    second.start().ok()
    assert waiting(second) == ("2", False)
    second.delete("--force").ok()


def test_a_warning_about_capabilities_comes_once(bundle):
    """Though the sets are needed twice, behind the filter too."""
    bundle.process["noNewPrivileges"] = False
    bundle.process["capabilities"]["bounding"].append("CAP_NOT_THERE")
    bundle.linux["seccomp"] = profile(rule("mkdir"))
    r = bundle.sh("true").create().ok()
    assert r.err.count("CAP_NOT_THERE") == 1, r


def test_a_filter_that_comes_too_late_among_others_is_warned_of(bundles):
    """In a pid namespace that is joined, by a container with CAP_SYS_PTRACE."""
    first, second = bundles("exec sleep 1000"), bundles("true")
    first.up()
    second.unlisted("pid")
    second.linux["namespaces"].append({"type": "pid", "path": f"/proc/{first.pid}/ns/pid"})
    second.process["noNewPrivileges"] = False
    second.process["capabilities"] = {k: ["CAP_SYS_PTRACE"] for k in ("bounding", "effective", "permitted")}
    second.linux["seccomp"] = profile(rule("setsid"))
    r = second.run()
    warning = "warning: /linux/seccomp: the filter does not allow all that is left to do: until it is loaded the pid namespace " \
              "that is joined sees a process with CAP_SYS_ADMIN\n"
    assert r.err.endswith(warning), r
    second.linux["seccomp"] = profile(rule("mkdir"))
    assert second.run().ok().err == ""
