# SPDX-License-Identifier: LGPL-2.1-or-later
"""linux.seccomp: what the program may call, and what it gets when it may not."""
import ctypes
import errno
import os
import platform
import stat
import struct

import pytest

from harness import IS_TARE, ROOT, rt, tare_only

ARCH = {"x86_64": "SCMP_ARCH_X86_64", "aarch64": "SCMP_ARCH_AARCH64"}.get(platform.machine())
pytestmark = pytest.mark.skipif(ARCH is None, reason=f"no seccomp test for {platform.machine()}")

# busybox' texts for errno numbers
TEXT = {n: os.strerror(n) for n in (errno.EPERM, errno.ENOSYS, errno.EACCES, errno.EXDEV)}


def profile(*rules, default="SCMP_ACT_ALLOW", **more):
    return {"defaultAction": default, "architectures": [ARCH], "syscalls": list(rules), **more}


def rule(names, action="SCMP_ACT_ERRNO", **more):
    return {"names": names.split(), "action": action, **more}


MKDIR = "mkdir mkdirat"


def mkdir(bundle, seccomp, script="mkdir /tmp/new; echo $?"):
    """What mkdir says under @seccomp."""
    bundle.writable().linux["seccomp"] = seccomp
    return bundle.sh(script).run()


@pytest.mark.parametrize("nnp", [True, False])
def test_a_filter_is_in_force(bundle, nnp):
    bundle.process["noNewPrivileges"] = nnp
    bundle.linux["seccomp"] = profile(rule(MKDIR))
    r = bundle.sh("grep Seccomp: /proc/self/status; mkdir /tmp/x").run()
    assert r.lines[0].split() == ["Seccomp:", "2"]
    assert r.code == 1 and TEXT[errno.EPERM] in r.err


def test_without_seccomp_there_is_no_filter(bundle):
    assert bundle.sh("grep Seccomp: /proc/self/status").run().ok().out.split()[1] == "0"


def test_allow_allows(bundle):
    assert mkdir(bundle, profile(rule(MKDIR, "SCMP_ACT_ALLOW"))).ok().out == "0\n"


def test_errno_is_eperm_by_default(bundle):
    assert TEXT[errno.EPERM] in mkdir(bundle, profile(rule(MKDIR))).err


@pytest.mark.parametrize("number", [errno.EACCES, errno.ENOSYS, errno.EXDEV])
def test_errno_ret_is_what_the_call_returns(bundle, number):
    assert TEXT[number] in mkdir(bundle, profile(rule(MKDIR, errnoRet=number))).err


def test_default_errno_ret_is_what_other_calls_return(bundle):
    everything = ("read write readv writev open openat close stat fstat lstat newfstatat statx lseek mmap mprotect"
                  " munmap brk rt_sigaction rt_sigprocmask rt_sigreturn ioctl pread64 pwrite64 access faccessat"
                  " faccessat2 pipe pipe2 select poll dup dup2 dup3 nanosleep clock_nanosleep getpid clone clone3"
                  " fork vfork execve execveat exit exit_group wait4 uname fcntl getcwd chdir fchdir readlink"
                  " readlinkat getuid getgid geteuid getegid getppid getpgrp setpgid gettid arch_prctl prctl"
                  " set_tid_address set_robust_list rseq futex prlimit64 getrandom umask getdents64 getrlimit"
                  " capget capset setgroups setuid setgid setresuid setresgid close_range openat2 socket connect"
                  " sendto sendmsg recvmsg recvfrom getsockopt setsockopt epoll_create1 epoll_ctl epoll_pwait"
                  " epoll_wait sigaltstack madvise sched_getaffinity tgkill tkill kill seccomp statfs fstatfs getsockname"
                  " getpeername accept accept4 ppoll sched_yield restart_syscall setsid keyctl setitimer getitimer"
                  " mincore eventfd2 timerfd_create membarrier time gettimeofday clock_gettime getgroups alarm")
    r = mkdir(bundle, profile(rule(everything, "SCMP_ACT_ALLOW"), default="SCMP_ACT_ERRNO",
                              defaultErrnoRet=errno.EXDEV))
    assert TEXT[errno.EXDEV] in r.err, r


@pytest.mark.parametrize("action,code", [("SCMP_ACT_KILL", 159), ("SCMP_ACT_KILL_THREAD", 159),
                                         ("SCMP_ACT_KILL_PROCESS", 159), ("SCMP_ACT_TRAP", 159)])
def test_an_action_that_kills_does(bundle, action, code):
    r = mkdir(bundle, profile(rule(MKDIR, action)))
    assert r.out == f"{code}\n", r


def test_killing_the_program_itself_ends_run_with_its_code(bundle):
    bundle.linux["seccomp"] = profile(rule(MKDIR, "SCMP_ACT_KILL_PROCESS"))
    bundle.process["args"] = ["mkdir", "/tmp/x"]
    assert bundle.run().code == 128 + 31


def test_trace_without_a_tracer_is_enosys(bundle):
    assert TEXT[errno.ENOSYS] in mkdir(bundle, profile(rule(MKDIR, "SCMP_ACT_TRACE"))).err


def test_log_lets_the_call_through(bundle):
    assert mkdir(bundle, profile(rule(MKDIR, "SCMP_ACT_LOG"))).ok().out == "0\n"


# --- arguments: the signal number of kill(2), pid 1 being the shell


def kill_rule(op, value, value_two=None):
    arg = {"index": 1, "value": value, "op": op}
    if value_two is not None:
        arg["valueTwo"] = value_two
    return rule("kill", args=[arg])


@pytest.mark.parametrize("op,value,two,denied", [
    ("SCMP_CMP_EQ", 10, None, "10"), ("SCMP_CMP_NE", 10, None, "9 11 12"), ("SCMP_CMP_LT", 11, None, "9 10"),
    ("SCMP_CMP_LE", 10, None, "9 10"), ("SCMP_CMP_GT", 10, None, "11 12"), ("SCMP_CMP_GE", 11, None, "11 12"),
    ("SCMP_CMP_MASKED_EQ", 1, 1, "9 11")])
def test_an_argument_is_compared(bundle, op, value, two, denied):
    bundle.linux["seccomp"] = profile(kill_rule(op, value, two))
    r = bundle.sh("for n in 9 10 11 12; do sleep 9 & kill -$n $! 2>/dev/null || echo $n;"
                  " kill -15 $! 2>/dev/null; done; true").run(timeout=60)
    assert r.out.split() == denied.split(), r


def test_all_conditions_on_different_arguments_must_hold(bundle):
    bundle.linux["seccomp"] = profile(rule("kill", args=[
        {"index": 0, "value": 999, "op": "SCMP_CMP_EQ"}, {"index": 1, "value": 0, "op": "SCMP_CMP_EQ"}], errnoRet=13))
    r = bundle.sh("kill -0 999; kill -0 1 && echo one").run()
    assert r.out == "one\n" and TEXT[errno.EACCES] in r.err


def test_several_conditions_on_one_argument_are_alternatives(bundle):
    bundle.linux["seccomp"] = profile(rule("kill", args=[
        {"index": 1, "value": 10, "op": "SCMP_CMP_EQ"}, {"index": 1, "value": 12, "op": "SCMP_CMP_EQ"}]))
    r = bundle.sh("for n in 9 10 11 12; do sleep 9 & kill -$n $! 2>/dev/null || echo $n; done; true").run(timeout=60)
    assert r.out.split() == ["10", "12"], r


# --- flags, architectures, names


@pytest.mark.parametrize("flags", [[], ["SECCOMP_FILTER_FLAG_LOG"], ["SECCOMP_FILTER_FLAG_SPEC_ALLOW"],
                                   ["SECCOMP_FILTER_FLAG_TSYNC"],
                                   ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"]], ids=str)
def test_flags_are_accepted(bundle, flags):
    if not IS_TARE and flags:
        pytest.skip("Debian's runc 1.1.5 knows no flags")
    assert TEXT[errno.EPERM] in mkdir(bundle, profile(rule(MKDIR), flags=flags)).err


NOTIFY = [rule(MKDIR, "SCMP_ACT_NOTIFY")]


def refuse_flags(flags):
    """From here on seccomp(2) fails for a filter that is loaded with exactly these flags."""
    number = {"x86_64": 317, "aarch64": 277}[platform.machine()]
    load, equal, ret = 0x20, 0x15, 0x06  # the fields of seccomp_data: 0 the number, 16, 24 and 32 the arguments
    code = [(load, 0, 0, 0), (equal, 0, 6, number), (load, 0, 0, 16), (equal, 0, 4, 1),  # SECCOMP_SET_MODE_FILTER
            (load, 0, 0, 32), (equal, 2, 0, 0),  # no filter at all: only a question which flags there are
            (load, 0, 0, 24), (equal, 1, 0, flags), (ret, 0, 0, 0x7fff0000), (ret, 0, 0, 0x50000 | errno.EXDEV)]
    text = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *c) for c in code))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(code), ctypes.addressof(text)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(22, 2, program, 0, 0) != 0:  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
        raise OSError(ctypes.get_errno(), "prctl")


@tare_only
@pytest.mark.parametrize("flags,rules,number", [
    (None, [], 4), ([], [], 0), (["LOG"], [], 2), (["SPEC_ALLOW"], [], 4), (["TSYNC"], [], 0),
    (["LOG", "SPEC_ALLOW"], [], 6), (["WAIT_KILLABLE_RECV"], [], 0),
    # with a listener of its own, and for all threads: 8, 1 and 16
    ([], NOTIFY, 25), (["LOG"], NOTIFY, 27), (["WAIT_KILLABLE_RECV"], NOTIFY, 57)], ids=str)
def test_the_kernel_gets_the_flags(bundle, flags, rules, number):
    more = {} if flags is None else {"flags": [f"SECCOMP_FILTER_FLAG_{f}" for f in flags]}
    bundle.linux["seccomp"] = profile(*rules, listenerPath="/nonexistent/agent", **more)
    r = bundle.sh("true").run(preexec_fn=lambda: refuse_flags(number))
    r.refused("/linux/seccomp", f"load the seccomp filter: {os.strerror(errno.EXDEV).lower()}")


def test_several_architectures_are_accepted(bundle):
    p = profile(rule(MKDIR))
    p["architectures"] = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]
    assert TEXT[errno.EPERM] in mkdir(bundle, p).err


def test_no_architectures_means_the_native_one(bundle):
    p = profile(rule(MKDIR))
    del p["architectures"]
    assert TEXT[errno.EPERM] in mkdir(bundle, p).err


def test_unknown_names_are_skipped(bundle):
    assert TEXT[errno.EPERM] in mkdir(bundle, profile(rule("no_such_call " + MKDIR))).err


def test_a_filter_that_kills_init_does_not_hang_the_runtime(bundle):
    bundle.linux["seccomp"] = profile(default="SCMP_ACT_KILL")
    r = bundle.sh("true").run(timeout=10)
    assert r.code != 0


def test_the_filter_holds_for_children(bundle):
    bundle.linux["seccomp"] = profile(rule(MKDIR))
    assert "Seccomp:\t2" in bundle.sh("sh -c 'sh -c \"grep Seccomp: /proc/self/status\"'").run().ok().out


# --- refused: a protection that cannot be in force is an error


@tare_only
@pytest.mark.parametrize("change,place", [
    ({"defaultAction": "SCMP_ACT_NOPE"}, "/linux/seccomp/defaultAction"),
    ({"architectures": ["SCMP_ARCH_NOPE"]}, "/linux/seccomp/architectures/0"),
    ({"flags": ["SECCOMP_FILTER_FLAG_NOPE"]}, "/linux/seccomp/flags/0"),
    ({"syscalls": [rule("mkdir", "SCMP_ACT_NOPE")]}, "/linux/seccomp/syscalls/0/action"),
    ({"syscalls": [rule("mkdir", args=[{"index": 6, "value": 0, "op": "SCMP_CMP_EQ"}])]},
     "/linux/seccomp/syscalls/0/args/0/index"),
    ({"syscalls": [rule("mkdir", args=[{"index": 0, "value": 0, "op": "SCMP_CMP_NOPE"}])]},
     "/linux/seccomp/syscalls/0/args/0/op"),
    ({"syscalls": [rule("mkdir", "SCMP_ACT_KILL", errnoRet=5)]}, "/linux/seccomp/syscalls/0/errnoRet"),
    ({"defaultErrnoRet": 5}, "/linux/seccomp/defaultErrnoRet"),
    ({"syscalls": [rule("")]}, "/linux/seccomp/syscalls/0/names"),
    ({"listenerMetadata": "x"}, "/linux/seccomp/listenerMetadata")], ids=lambda v: v if isinstance(v, str) else None)
def test_what_makes_no_sense_is_refused(bundle, change, place):
    bundle.linux["seccomp"] = {**profile(), **change}
    bundle.run().refused(place)


# --- calls that are newer than the profile


@tare_only
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers are those of x86_64")
def test_newer_calls_get_enosys_and_older_ones_the_default(bundle):
    """Named are calls up to exit_group, 231: sethostname (170) is older, unshare (272) newer."""
    known = ("read write open close stat fstat lstat poll lseek mmap mprotect munmap brk rt_sigaction rt_sigprocmask"
             " rt_sigreturn ioctl pread64 writev access dup dup2 getpid fork vfork clone execve exit wait4 uname fcntl"
             " getcwd chdir readlink getuid getgid geteuid getegid getppid getpgrp arch_prctl gettid futex"
             " set_tid_address clock_gettime exit_group")
    bundle.linux["seccomp"] = profile(rule(known, "SCMP_ACT_ALLOW"), default="SCMP_ACT_ERRNO")
    r = bundle.sh("unshare -u true; hostname x").run()
    assert TEXT[errno.ENOSYS] in r.err.splitlines()[0], r
    assert TEXT[errno.EPERM].lower() in r.err.splitlines()[1].lower(), r


# --- the cache of compiled filters


CACHE = ROOT / ".seccomp-cache"


def cached():
    return {p.name: (p.stat().st_ino, p.stat().st_mtime_ns) for p in CACHE.iterdir()} if CACHE.exists() else {}


@tare_only
def test_a_second_container_with_the_profile_takes_it_from_the_cache(bundles):
    seccomp = profile(rule(MKDIR + " no_such_call_but_in_this_test", errnoRet=errno.EXDEV))
    before = set(cached())
    r = mkdir(bundles(), seccomp)
    assert TEXT[errno.EXDEV] in r.err
    name, = set(cached()) - before
    assert stat.S_IMODE(CACHE.stat().st_mode) == 0o700
    assert stat.S_IMODE((CACHE / name).stat().st_mode) == 0o600
    # a proof that it is used: a filter that allows all, in its place
    data = bytearray((CACHE / name).read_bytes())
    magic, _, key_length, count = struct.unpack_from("8sQII", data)
    key = bytes(data[24:24 + key_length])
    program = struct.pack("HBBI", 6, 0, 0, 0x7fff0000) * count
    checksum = 14695981039346656037
    for byte in struct.pack("II", key_length, count) + key + program:
        checksum = (checksum ^ byte) * 1099511628211 % (1 << 64)
    (CACHE / name).write_bytes(struct.pack("8sQII", magic, checksum, key_length, count) + key + program)
    assert mkdir(bundles(), seccomp).ok().out == "0\n"
    # and damaged it is made anew
    (CACHE / name).write_bytes(b"x" * 100)
    assert TEXT[errno.EXDEV] in mkdir(bundles(), seccomp).err
    assert (CACHE / name).stat().st_size == len(data)
    (CACHE / name).unlink()


@tare_only
def test_a_failed_create_and_plan_store_nothing(bundle):
    bundle.linux["seccomp"] = profile(rule(MKDIR + " no_such_call_but_in_that_test"))
    before = cached()
    bundle.make("plan").ok()
    bundle.process["args"] = ["/nonexistent"]
    bundle.create().refused("no such file")
    assert cached() == before


@tare_only
def test_the_cache_is_no_container(bundle):
    bundle.linux["seccomp"] = profile(rule(MKDIR))
    bundle.sh("true").run().ok()
    assert CACHE.exists()
    assert rt("list", "--quiet").ok().out == ""


@tare_only
@pytest.mark.parametrize("arch", ["SCMP_ARCH_PARISC64", "SCMP_ARCH_LOONGARCH64", "SCMP_ARCH_M68K", "SCMP_ARCH_SHEB"])
def test_architectures_of_other_machines_are_accepted(bundle, arch):
    p = profile(rule(MKDIR))
    p["architectures"] = [ARCH, arch]
    assert TEXT[errno.EPERM] in mkdir(bundle, p).err
