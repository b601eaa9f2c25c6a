# SPDX-License-Identifier: LGPL-2.1-or-later
"""SCMP_ACT_NOTIFY, and what is said when the filter leaves tare-init no way to say it."""
import array
import errno
import fcntl
import json
import os
import select
import shutil
import socket
import struct
import threading

import pytest

from harness import command, finish, is_alive, poll, proc_status, spawn, tare_only
from test_seccomp import ARCH, MKDIR, profile, rule

pytestmark = [tare_only, pytest.mark.skipif(ARCH is None, reason="no seccomp test for this processor")]

NOTIF_RECV, NOTIF_SEND = 0xc0502100, 0xc0182101  # SECCOMP_IOCTL_NOTIF_*
CONTINUE = 1  # SECCOMP_USER_NOTIF_FLAG_CONTINUE
# what tare-init may need itself, on its way to the program
MANY = "sendmsg sendto close exit exit_group futex wait4 waitid recvmsg read poll ppoll nanosleep clone clone3 rt_sigaction prctl"


class Agent:
    """A seccomp agent as the spec has it: reads one state per connection, then answers for the calls."""

    def __init__(self, path, answer=0):
        self.path, self.answer = str(path), answer
        self.messages, self.fds, self.rests, self.calls = [], [], [], []
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        self.listener.listen(4)
        self.stopped = False
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while not self.stopped:
            ready, _, _ = select.select([self.listener, *self.fds], [], [], 0.05)
            for fd in ready:
                try:
                    self.greet() if fd is self.listener else self.handle(fd)
                except OSError:
                    if fd in self.fds:
                        self.fds.remove(fd)
                        os.close(fd)

    def greet(self):
        conn, _ = self.listener.accept()
        conn.settimeout(10)
        data, control, _, _ = conn.recvmsg(1 << 20, socket.CMSG_SPACE(64))
        fds = array.array("i")
        for level, kind, payload in control:
            assert (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS)
            fds.frombytes(payload)
        rest, later = b"", 0
        while True:
            more, control, _, _ = conn.recvmsg(1 << 20, socket.CMSG_SPACE(64))
            later += len(control)
            if not more:
                break
            rest += more
        conn.close()
        if not data:  # a start that failed before it could say anything
            return
        self.rests.append(later)
        self.fds += list(fds)
        self.messages.append(json.loads(data + rest))

    def heard(self):
        """The messages; tare does not wait until an agent has read what it was sent."""
        return poll(lambda: self.messages, "a message")

    def handle(self, fd):
        request = bytearray(80)
        fcntl.ioctl(fd, NOTIF_RECV, request)
        number, = struct.unpack_from("Q", request, 0)
        self.calls.append(struct.unpack_from("i", request, 16)[0])
        response = struct.pack("QqiI", number, 0, -self.answer, 0 if self.answer else CONTINUE)
        fcntl.ioctl(fd, NOTIF_SEND, bytearray(response))

    def close(self):
        self.stopped = True
        self.thread.join()
        for fd in self.fds:
            os.close(fd)
        self.listener.close()


@pytest.fixture
def agents(scratch):
    made = []

    def make(**kw):
        made.append(Agent(scratch / f"agent{len(made)}", **kw))
        return made[-1]
    yield make
    for a in made:
        a.close()


def notify(agent, names=MKDIR, metadata=None, **kw):
    more = {"listenerMetadata": metadata} if metadata is not None else {}
    rules = [rule(names, "SCMP_ACT_NOTIFY")] if names else []
    return profile(*rules, listenerPath=agent if isinstance(agent, str) else agent.path, **more, **kw)


# --- the message


@pytest.mark.parametrize("verb", ["run", "start"])
def test_the_agent_gets_the_state_with_the_listener(bundle, agents, verb):
    agent = agents()
    bundle.config["annotations"] = {"a.key": "a \"value\""}
    bundle.linux["seccomp"] = notify(agent, metadata="MKNOD=/dev/null\n\"x\"")
    bundle.stay()
    if verb == "run":
        bundle.run("--detach").ok()
    else:
        bundle.create().ok()
        assert not agent.messages  # an agent reads one connection to its end before the next
        bundle.start().ok()
    pid = bundle.pid
    assert agent.heard() == [{
        "ociVersion": bundle.config["ociVersion"], "fds": ["seccompFd"], "pid": pid, "metadata": "MKNOD=/dev/null\n\"x\"",
        "state": {"ociVersion": bundle.config["ociVersion"], "id": bundle.id, "status": "creating", "pid": pid,
                  "bundle": str(bundle.dir), "annotations": {"a.key": "a \"value\""}}}]
    assert agent.rests == [0] and len(agent.fds) == 1
    assert "anon_inode:seccomp notify" in os.readlink(f"/proc/self/fd/{agent.fds[0]}")


def test_without_metadata_there_is_none(bundle, agents):
    agent = agents()
    bundle.linux["seccomp"] = notify(agent)
    bundle.sh("true").run().ok()
    assert "metadata" not in agent.heard()[0] and "annotations" not in agent.messages[0]["state"]


def test_each_start_has_a_connection_of_its_own(bundles, agents):
    agent = agents()
    made = [bundles("true"), bundles("true")]
    for b in made:
        b.linux["seccomp"] = notify(agent)
        b.create().ok()
    for b in reversed(made):
        b.start().ok()
    poll(lambda: len(agent.messages) == len(made), "both messages")
    assert [m["state"]["id"] for m in agent.messages] == [b.id for b in reversed(made)]


def test_an_exec_has_a_connection_of_its_own(bundle, agents):
    agent = agents(answer=errno.EXDEV)
    bundle.linux["seccomp"] = notify(agent)
    bundle.stay().up()
    assert len(agent.heard()) == 1
    r = bundle.verb("exec", tail=["sh", "-c", "mkdir /tmp/new; echo $?"])
    assert (r.code, r.out) == (0, "1\n") and os.strerror(errno.EXDEV) in r.err, r
    told = poll(lambda: agent.messages[1:], "the second message")[0]
    assert told["state"]["pid"] == bundle.pid != told["pid"] and told["state"]["status"] == "running"
    assert bundle.verb("exec", tail=["/none"]).code == 255


def test_a_state_larger_than_a_socket_holds_arrives_whole(bundle, agents):
    agent = agents()
    bundle.config["annotations"] = {f"key{i}": "x" * 10000 for i in range(100)}
    bundle.linux["seccomp"] = notify(agent)
    bundle.sh("true").run().ok()
    assert agent.heard()[0]["state"]["annotations"] == bundle.config["annotations"]
    assert agent.rests == [0]


def test_the_path_may_be_relative_to_the_bundle(bundle):
    agent = Agent(bundle.dir / "agent.sock")
    try:
        bundle.linux["seccomp"] = notify("agent.sock")
        bundle.sh("true").run().ok()
        assert len(agent.heard()) == 1
    finally:
        agent.close()


def test_without_notify_the_path_is_ignored(bundle):
    bundle.linux["seccomp"] = profile(rule(MKDIR), listenerPath="/nonexistent/agent")
    bundle.sh("true").run().ok()


# --- the agent decides


@pytest.mark.parametrize("nnp", [True, False], ids=["nnp", "caps"])
@pytest.mark.parametrize("answer,text", [(errno.EXDEV, os.strerror(errno.EXDEV)), (0, "made")], ids=["error", "continue"])
def test_the_agent_answers_for_the_program(bundle, agents, answer, text, nnp):
    agent = agents(answer=answer)
    bundle.process["noNewPrivileges"] = nnp
    bundle.writable().linux["seccomp"] = notify(agent)
    r = bundle.sh("mkdir /tmp/new && echo made").run()
    assert text in r.out + r.err, r
    assert len(agent.calls) == 1


@pytest.mark.parametrize("verb", ["run", "start"])
@pytest.mark.parametrize("what", ["writev", MANY], ids=["writev", "many"])
@pytest.mark.parametrize("flags", [None, ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", "SECCOMP_FILTER_FLAG_TSYNC"]],
                         ids=["", "flags"])
def test_calls_of_the_runtime_itself_may_be_notified(bundle, agents, verb, what, flags):
    agent = agents()
    more = {} if flags is None else {"flags": flags}
    bundle.linux["seccomp"] = notify(agent, what, **more)
    bundle.sh("echo hello; exit 3")
    if verb == "run":
        r = bundle.run()
        assert (r.code, r.out) == (3, "hello\n"), r
    else:
        bundle.create().ok()
        bundle.start().ok()
        bundle.wait("stopped")
    assert len(agent.heard()) == 1


def test_nothing_of_the_handover_is_left_in_the_container(bundle, agents):
    """No zombie, no thread, no descriptor, no other process."""
    agent = agents()
    bundle.linux["seccomp"] = notify(agent)
    bundle.writable().process["args"] = ["sh", "-c", "ls -l /proc/self/fd >/tmp/fds; ps >/tmp/ps; sleep 1000"]
    bundle.up()
    pid = bundle.pid
    poll(lambda: "sleep" in (bundle.rootfs / "tmp/ps").read_text() or "ps" in (bundle.rootfs / "tmp/ps").read_text()
         if (bundle.rootfs / "tmp/ps").exists() else False, "the program")
    assert os.listdir(f"/proc/{pid}/task") == [str(pid)]
    processes = (bundle.rootfs / "tmp/ps").read_text().splitlines()
    assert not [line for line in processes if " Z " in line or "tare" in line], processes
    assert len(processes) == 3, processes  # its head, the shell, ps
    fds = (bundle.rootfs / "tmp/fds").read_text()
    assert "seccomp" not in fds and "memfd" not in fds, fds


@pytest.mark.parametrize("policy", [{"policy": "SCHED_FIFO", "priority": 99}, {"policy": "SCHED_IDLE"},
                                    {"policy": "SCHED_OTHER", "nice": 19}], ids=str)
def test_one_processor_and_any_priority_are_enough(bundle, agents, policy):
    agent = agents()
    cpu = min(os.sched_getaffinity(0))
    bundle.process["scheduler"] = policy
    bundle.linux["seccomp"] = notify(agent, MANY)
    bundle.sh("true").write()
    r = bundle.make("run", glob=("--cgroup-manager", "disabled"),
                    preexec_fn=lambda: os.sched_setaffinity(0, {cpu}))
    assert r.code == 0, r


@pytest.mark.skipif(shutil.which("strace") is None, reason="no strace on this machine")
@pytest.mark.parametrize("verb", ["run", "start"])
@pytest.mark.parametrize("fate", ["delay_exit=200000", "signal=SIGCHLD:when=1"], ids=["late", "orphan"])
def test_the_main_thread_has_no_call_left(bundle, agents, verb, fate):
    """Held up after each birth: the filter is there by then, and would kill whatever waits in the usual ways. And: it
    hears of the end of some orphan first."""
    bundle.linux["seccomp"] = notify(agents())
    bundle.linux["seccomp"]["syscalls"].append(rule("wait4 waitid futex nanosleep rt_sigreturn", "SCMP_ACT_KILL"))
    bundle.process["args"] = ["true"]
    slowly = ["strace", "-f", "-qq", "-e", "trace=clone,clone3", "-e", f"inject=clone,clone3:{fate}",
              "-o", "/dev/null"]
    if verb == "run":
        bundle.write()
        assert command(*slowly, *bundle.argv("run", "--bundle", bundle.dir)).code == 0
        return
    bundle.create().ok()
    tracer = spawn([*slowly, "-p", bundle.pid])
    poll(lambda: proc_status(bundle.pid)["TracerPid"] != "0", "strace")
    bundle.start().ok()
    assert finish(tracer).code == 0
    bundle.wait("stopped")


def test_a_user_namespace_is_no_matter(bundle, agents):
    agent = agents(answer=errno.EXDEV)
    bundle.userns()
    bundle.linux["seccomp"] = notify(agent)
    assert os.strerror(errno.EXDEV) in bundle.sh("mkdir /tmp/new").run().err


def test_the_pid_namespace_of_the_host_is_no_matter(bundle, agents):
    agent = agents(answer=errno.EXDEV)
    bundle.unlisted("pid")
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if m["destination"] != "/proc"]
    bundle.linux.pop("maskedPaths", None)
    bundle.linux.pop("readonlyPaths", None)
    bundle.linux["seccomp"] = notify(agent)
    assert os.strerror(errno.EXDEV) in bundle.sh("mkdir /tmp/new").run().err


# --- failures


@pytest.mark.parametrize("verb", ["run", "start"])
def test_without_an_agent_the_program_is_not_started(bundle, scratch, verb):
    bundle.writable().linux["seccomp"] = notify(str(scratch / "none"))
    bundle.sh("touch /tmp/ran")
    if verb == "run":
        r = bundle.run()
    else:
        bundle.create().ok()
        pid = bundle.pid
        r = bundle.start()
        poll(lambda: not is_alive(pid), "tare-init to end")
        assert bundle.status() == "stopped"
    r.refused("/linux/seccomp", f'connect to the seccomp agent at "{scratch}/none": no such file or directory')
    assert not (bundle.rootfs / "tmp/ran").exists()


def test_an_agent_that_never_takes_the_connection_is_an_error(bundle, scratch):
    path = str(scratch / "full")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(0)
    waiting = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    waiting.connect(path)
    bundle.linux["seccomp"] = notify(path)
    try:
        bundle.sh("true").run(timeout=12).refused("/linux/seccomp", "connect to the seccomp agent")
    finally:
        waiting.close()
        listener.close()


@tare_only
@pytest.mark.parametrize("change, place, text", [
    ({"names": ["write"]}, "/linux/seccomp/syscalls/0/names/0", "for the write syscall"),
    ({"names": ["mkdir", "write"], "args": [{"index": 0, "value": 7, "op": "SCMP_CMP_EQ"}]},
     "/linux/seccomp/syscalls/0/names/1", "for the write syscall"),
    (None, "/linux/seccomp/defaultAction", "as default action"),
])
def test_a_profile_that_only_some_runtimes_can_load_is_refused(bundle, agents, change, place, text):
    """As by runc: where a runtime writes behind the filter it waits for an agent that has no listener yet. That tare needs
    no write there had been taken for enough."""
    profile = notify(agents(), "mkdir")
    if change is None:
        profile["defaultAction"] = "SCMP_ACT_NOTIFY"
    else:
        profile["syscalls"][0].update(change)
    bundle.linux["seccomp"] = profile
    bundle.refused_at(place, f"SCMP_ACT_NOTIFY cannot be used {text} (a runtime has to write before the agent has its listener)")


def test_notify_needs_a_path(bundle):
    bundle.linux["seccomp"] = profile(rule(MKDIR, "SCMP_ACT_NOTIFY"))
    bundle.create().refused("/linux/seccomp/listenerPath", "SCMP_ACT_NOTIFY needs a listenerPath")


# --- when the exec itself fails, behind the filter


@pytest.fixture
def broken(bundle):
    """Programs that only execve(2) finds out about."""
    garbage, script = bundle.rootfs / "bin/garbage", bundle.rootfs / "bin/script"
    garbage.write_bytes(b"\x00\x01not a program")
    script.write_text("#!/nonexistent/interpreter\n")
    garbage.chmod(0o755)
    script.chmod(0o755)
    return bundle


PROGRAMS = {"garbage": 'exec: "/bin/garbage": exec format error', "script": 'exec: "/bin/script"'}


def fails(bundle, verb, program, *words):
    bundle.process["args"] = [f"/bin/{program}"]
    if verb == "run":
        bundle.run(timeout=10).refused("/process/args", *words)
        assert not bundle.exists()
        return
    bundle.create().ok()
    pid = bundle.pid
    bundle.start(timeout=10).refused("/process/args", *words)
    poll(lambda: not is_alive(pid), "tare-init to end")
    assert bundle.status() == "stopped"


@pytest.mark.parametrize("verb", ["run", "start"])
@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("action", ["SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP"])
def test_a_failed_exec_is_told_although_the_filter_allows_nothing_else(broken, verb, program, action):
    broken.linux["seccomp"] = profile(rule("execve", "SCMP_ACT_ALLOW"), default=action)
    fails(broken, verb, program, PROGRAMS[program])


@pytest.mark.parametrize("verb", ["run", "start"])
@pytest.mark.parametrize("names", ["sendmsg", "exit_group", "sendmsg exit_group exit write"])
def test_a_failed_exec_is_told_although_these_are_denied(broken, verb, names):
    broken.linux["seccomp"] = profile(rule(names))
    fails(broken, verb, "garbage", PROGRAMS["garbage"])


@pytest.mark.parametrize("verb", ["run", "start"])
def test_a_failed_exec_is_told_although_an_agent_never_answers(broken, scratch, verb):
    """This agent reads its message and does nothing more, for whatever tare-init may still call but the exec."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(scratch / "lazy"))
    listener.listen(4)
    broken.linux["seccomp"] = profile(rule(MANY, "SCMP_ACT_NOTIFY"), listenerPath=str(scratch / "lazy"))
    try:
        fails(broken, verb, "garbage", PROGRAMS["garbage"])
    finally:
        listener.close()


@pytest.mark.parametrize("verb", ["run", "start"])
def test_a_denied_exec_is_told(broken, verb):
    broken.linux["seccomp"] = profile(rule("execve", errnoRet=errno.EXDEV))
    fails(broken, verb, "sh", 'exec: "/bin/sh": invalid cross-device link')


@pytest.mark.parametrize("action", ["SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP"])
def test_a_filter_that_kills_the_exec_is_refused_by_create(bundle, action):
    bundle.linux["seccomp"] = profile(rule("execve", action))
    bundle.create().refused("/linux/seccomp", "the filter kills execve(2), so no program can be started")
    assert not bundle.exists()


@pytest.mark.parametrize("verb", ["run", "start"])
def test_a_program_that_runs_is_no_failure_although_the_filter_allows_little(bundle, verb):
    bundle.linux["seccomp"] = profile(rule("sendmsg"))
    bundle.sh("exit 3")
    if verb == "run":
        assert bundle.run().code == 3
        return
    bundle.create().ok()
    bundle.start().ok()
    bundle.wait("stopped")


