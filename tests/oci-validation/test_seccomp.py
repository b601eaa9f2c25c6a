# SPDX-License-Identifier: LGPL-2.1-or-later
"""linux.seccomp, with an agent for SCMP_ACT_NOTIFY that answers what the kernel asks it."""
import array
import fcntl
import json
import os
import socket
import struct
import threading

import pytest

import harness
from harness import is_alive
from sentences import says

SECCOMP, MESSAGE = "configLinuxSeccomp", "containerprocessstate"
GETPPID = 110
EPERM, ENOSYS = 1, 38
ARCHS = [f"SCMP_ARCH_{a}" for a in """X86 X86_64 X32 ARM AARCH64 MIPS MIPS64 MIPS64N32 MIPSEL MIPSEL64 MIPSEL64N32 PPC PPC64
    PPC64LE S390 S390X PARISC PARISC64 RISCV64 LOONGARCH64 M68K SH SHEB""".split()]


def profile(probe, *rules, default="SCMP_ACT_ALLOW", **more):
    probe.bundle.linux["seccomp"] = {"defaultAction": default, "syscalls": list(rules), **more}
    return probe


def rule(action="SCMP_ACT_ERRNO", names=("getppid",), **more):
    return {"names": list(names), "action": action, **more}


@says(SECCOMP, "**`defaultAction`** *(string, REQUIRED)*", "**`action`** *(string, REQUIRED)*",
      "**`names`** *(array of strings, REQUIRED)*", "`names` MUST contain at least one entry.")
def test_a_rule_holds_for_its_names_and_the_default_for_the_others(probe):
    profile(probe, rule())
    asked = probe.see(f"call:{GETPPID}", "call:39")
    assert (asked.asked(f"call:{GETPPID}"), asked.asked("call:39")) == (EPERM, 0)
    assert asked.status["Seccomp"] == "2"
    profile(probe, rule(names=[]))
    assert probe.bundle.create().code != 0


NO_ERRNO = ["SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_TRAP", "SCMP_ACT_ALLOW", "SCMP_ACT_LOG"]


@says(SECCOMP, "When the action doesn't support an errno, the runtime MUST print and error and fail.")
@pytest.mark.gap(2)
@pytest.mark.parametrize("action", NO_ERRNO)
@pytest.mark.parametrize("where", ["default", "rule"])
def test_an_errno_for_an_action_that_has_none_is_an_error(probe, action, where):
    if where == "default":
        profile(probe, default=action, defaultErrnoRet=1)
    else:
        profile(probe, rule(action, errnoRet=1))
    r = probe.bundle.create()
    assert r.code != 0 and r.err != "", r


@says(SECCOMP, "When the action doesn't support an errno, the runtime MUST print and error and fail.")
@pytest.mark.gap(2)
@pytest.mark.parametrize("where", ["default", "rule"])
def test_an_errno_for_an_action_that_has_one_is_what_the_call_returns(probe, where):
    if where == "default":
        names = ["getppid"]
        allowed = rule("SCMP_ACT_ALLOW", names=[n for n in everything() if n not in names])
        profile(probe, allowed, default="SCMP_ACT_ERRNO", defaultErrnoRet=99)
    else:
        profile(probe, rule(errnoRet=99))
    assert probe.see(f"call:{GETPPID}").asked(f"call:{GETPPID}") == 99


def everything():
    """Names of what the probe and a start of it use, and more."""
    return """access arch_prctl bind brk capget capset chdir clock_gettime close close_range connect dup dup2 dup3 epoll_create1
        epoll_ctl epoll_pwait execve execveat exit exit_group fchdir fchown fcntl fstat fstatfs futex get_mempolicy getcwd
        getdents64 getegid geteuid getgid getgroups getpgid getpgrp getpid getpriority getppid getrandom getresgid getresuid
        getsid getsockname getsockopt gettid getuid ioctl ioprio_get keyctl lseek lstat madvise mmap mount mprotect munmap
        nanosleep newfstatat open openat openat2 pause personality pipe2 ppoll prctl pread64 prlimit64 read readlink readlinkat
        recvfrom recvmsg rename rseq rt_sigaction rt_sigprocmask rt_sigreturn sched_getaffinity sched_getattr sched_yield
        seccomp sendmmsg sendmsg sendto set_robust_list set_tid_address setgid setgroups setresgid setresuid setsid setuid
        sigaltstack socket stat statfs statx sysinfo tgkill umask uname unlink unlinkat wait4 waitid write writev""".split()


@says(SECCOMP, "**`index`** *(uint, REQUIRED)*", "**`value`** *(uint64, REQUIRED)*", "**`op`** *(string, REQUIRED)*")
@pytest.mark.parametrize("op,value,two,denied", [
    ("EQ", 5, None, [5]), ("NE", 5, None, [4, 6]), ("LT", 5, None, [4]), ("LE", 5, None, [4, 5]), ("GE", 5, None, [5, 6]),
    ("GT", 5, None, [6]), ("MASKED_EQ", 6, 4, [4, 5])])
def test_an_argument_is_compared(probe, op, value, two, denied):
    arg = {"index": 1, "value": value, "op": f"SCMP_CMP_{op}"}
    if two is not None:
        arg["valueTwo"] = two
    profile(probe, rule(names=["getpriority"], args=[arg], errnoRet=99))
    seen = probe.see(*(f"call:140,0,{n}" for n in (4, 5, 6)))
    assert [n for n in (4, 5, 6) if seen.asked(f"call:140,0,{n}") == 99] == denied


@pytest.mark.gap(23)
def test_all_architectures_of_the_specification_are_accepted(probe):
    profile(probe, rule(), architectures=["SCMP_ARCH_X86_64", *[a for a in ARCHS if a != "SCMP_ARCH_X86_64"]])
    assert probe.see(f"call:{GETPPID}").asked(f"call:{GETPPID}") == EPERM


@pytest.mark.gap(23)
@pytest.mark.parametrize("arch", ARCHS)
def test_an_architecture_of_the_specification_is_accepted(probe, arch):
    profile(probe, rule(), architectures=["SCMP_ARCH_X86_64", arch] if arch != "SCMP_ARCH_X86_64" else [arch])
    assert probe.bundle.create().code == 0


# --- the agent


class Agent:
    """The listening end of listenerPath: takes what comes and answers every notification with ENOSYS's neighbour 99."""

    def __init__(self, path):
        self.path, self.messages, self.extra, self.answered = str(path), [], [], 0
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.bind(self.path)
        self.socket.listen(5)
        self.fds = []
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                conn, _ = self.socket.accept()
            except OSError:
                return
            self.take(conn)

    def take(self, conn):
        """All that comes on one connection: (data, descriptors of each message)."""
        conn.settimeout(10 * harness.BUSY)
        data, parts, closed = b"", [], False
        try:
            while not closed:
                fds = array.array("i")
                got, control, _, _ = conn.recvmsg(65536, socket.CMSG_SPACE(8 * fds.itemsize))
                for _, _, payload in control:
                    fds.frombytes(payload[:len(payload) - len(payload) % fds.itemsize])
                if got:
                    data += got
                    parts.append(list(fds))
                closed = got == b""
        except OSError:
            pass
        conn.close()
        self.messages.append((data, parts, closed))
        for fd in parts[0] if parts else []:
            self.fds.append(fd)
            threading.Thread(target=self.answer, args=(fd,), daemon=True).start()

    def answer(self, fd):
        """SECCOMP_IOCTL_NOTIF_RECV and _SEND, until nobody is left to answer."""
        while True:
            request = bytearray(80)
            try:
                fcntl.ioctl(fd, 0xC0502100, request)
                fcntl.ioctl(fd, 0xC0182101, struct.pack("QqiI", struct.unpack_from("Q", request)[0], 0, -99, 0))
                self.answered += 1
            except OSError:
                return

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(5)
        for fd in self.fds:
            os.close(fd)
        os.unlink(self.path)


@pytest.fixture
def agent(scratch):
    a = Agent(scratch / "agent")
    yield a
    a.close()


@pytest.fixture
def notified(probe, agent):
    """Created and started with a NOTIFY rule: (probe, agent, report)."""
    probe.bundle.config["annotations"] = {"com.example.a": "b"}
    profile(probe, rule("SCMP_ACT_NOTIFY"), listenerPath=agent.path, listenerMetadata="opaque \"data\"")
    return probe, agent, probe.up(f"call:{GETPPID}")


@says(SECCOMP, "This socket MUST use `AF_UNIX` domain and `SOCK_STREAM` type.",
      "**`seccompFd`** (string, REQUIRED) is the seccomp file descriptor")
@says(MESSAGE, "as regular payload serialized in JSON and file descriptors MUST be sent using `SCM_RIGHTS`")
def test_the_agent_gets_the_descriptor_and_answers_with_it(notified):
    probe, agent, seen = notified
    assert seen.asked(f"call:{GETPPID}") == 99 and agent.answered == 1
    data, parts, _ = agent.messages[0]
    assert json.loads(data)["fds"] == ["seccompFd"] and len(parts[0]) == 1


@says(SECCOMP, "The runtime MUST send exactly one [container process state]",
      "The connection MUST NOT be reused and it MUST be closed")
@says(MESSAGE, "the file descriptors MUST be sent only in the first call")
def test_a_connection_carries_one_state_and_is_closed(notified):
    _, agent, _ = notified
    assert len(agent.messages) == 1
    data, parts, closed = agent.messages[0]
    assert closed and json.loads(data)  # more than one object would be no JSON
    assert [len(p) for p in parts] == [1] + [0] * (len(parts) - 1)


@says(MESSAGE, "**`ociVersion`** (string, REQUIRED)", "**`pid`** (int, REQUIRED) is the container process ID",
      "**`state`** ([state](runtime.md#state), REQUIRED)")
def test_the_container_process_state_is_complete(notified):
    probe, agent, _ = notified
    sent = json.loads(agent.messages[0][0])
    assert sent["ociVersion"].startswith("1.") and sent["metadata"] == "opaque \"data\""
    assert sent["pid"] == sent["state"]["pid"] == probe.bundle.pid
    state = sent["state"]
    assert (state["id"], state["bundle"]) == (probe.bundle.id, str(probe.bundle.dir))
    assert state["status"] in ("creating", "created", "running") and state["ociVersion"].startswith("1.")
    assert state["annotations"] == {"com.example.a": "b"}


@says(SECCOMP, "If sending to this socket fails, the runtime MUST [generate an error]",
      "This socket MUST use `AF_UNIX` domain and `SOCK_STREAM` type.")
@pytest.mark.parametrize("there", ["nothing", "datagram", "file"])
def test_a_listener_that_cannot_be_reached_is_an_error(probe, scratch, there):
    path = scratch / "agent"
    server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    if there == "datagram":
        server.bind(str(path))
    if there == "file":
        path.write_text("")
    profile(probe, rule("SCMP_ACT_NOTIFY"), listenerPath=str(path)).stay()
    r = probe.bundle.create()
    if r.code == 0:  # a runtime may load the filter as late as in start
        pid = probe.bundle.pid
        r = probe.bundle.start()
        harness.poll(lambda: not is_alive(pid), "the container to end")
    server.close()
    assert r.code != 0


@says(SECCOMP, "This field MUST NOT be set if `listenerPath` is not set.")
@pytest.mark.gap(3)
@pytest.mark.parametrize("action", ["SCMP_ACT_ERRNO", "SCMP_ACT_NOTIFY"])
def test_metadata_without_a_listener_is_an_error(probe, action):
    profile(probe, rule(action), listenerMetadata="x")
    assert probe.bundle.create().code != 0
