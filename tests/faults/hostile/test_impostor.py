# SPDX-License-Identifier: LGPL-2.1-or-later
"""Somebody else in tare-init's place: what it sends is held against the plan (src/host/create/message.c).

`impostor.c` stands in a copy of tare where tare-init was. It does what a script says: messages of any kind, length and number, with
descriptors of any kind, processes of its own. Scripts are made at random, near what is right, so that they get far.
"""
import json
import os
import pathlib
import random
import re
import struct
import subprocess

import pytest

from harness import BOX, ConsoleSocket, RUNTIME, command, is_alive, poll, rt_argv, tare_only

pytestmark = tare_only

TOP = pathlib.Path(__file__).resolve().parents[3]
SCRIPT = BOX / "script"
SEND, RECEIVE, SIBLING, CHILD, END, ACCEPT, NAP = range(7)
NOTHING, NULL, MEMORY, PIPE, MULTIPLEXER, DIRECTORY, SOCKET, FILE, PIDFD = range(9)
GIVEN, OURS, SIBLINGS, CHILDS, PARENTS = range(5)
KINDS = {name: number for number, name in enumerate(re.findall(
    r"\bWIRE_([A-Z_]+)\b(?= = 1,|,)", (TOP / "src/wire/wire.h").read_text().partition("enum wire_kind {")[2].partition("};")[0]), 1)}


SOURCES = sorted([*TOP.glob("src/base/*.c"), *TOP.glob("src/kernel/*.c"), TOP / "src/wire/wire.c"])


def act(what, kind=0, step=0, *, fds=0, of=NOTHING, number=GIVEN, cut=0, more=0):
    return struct.pack("=BBBBHHII", what, of, fds, number, cut, more, kind & 0xffffffff, step & 0xffffffff)


def say(kind, step=0, **more):
    return act(SEND, KINDS.get(kind, kind), step, **more)


@pytest.fixture(scope="module")
def impostor(session):
    """A tare that has the impostor for its tare-init."""
    program, fake = BOX / "impostor", BOX / "tare-with-impostor"
    flags = "-std=gnu11 -D_GNU_SOURCE -Os -ffreestanding -fno-builtin -fno-stack-protector -fno-pic -fno-pie -nostdlib -static -no-pie " \
            "-ffunction-sections -Wl,--gc-sections -Wl,--build-id=none -Wl,-z,noseparate-code -s"
    subprocess.run([os.environ.get("CC", "cc"), *flags.split(), f"-I{TOP}/src", f'-DSCRIPT="{SCRIPT}"', "-o", program,
                    pathlib.Path(__file__).with_name("impostor.c"), *SOURCES, "-lgcc"], check=True)
    yield program, fake
    for file in (program, fake, SCRIPT):
        file.unlink(missing_ok=True)


@pytest.fixture
def fake(impostor, bundle):
    """Made of what a waiting container executes, which is the tare-init that is to be replaced."""
    program, fake = impostor
    if not fake.exists():
        bundle.process["args"] = ["true"]
        bundle.create().ok()
        init = pathlib.Path(f"/proc/{bundle.pid}/exe").read_bytes()
        bundle.delete("--force").ok()
        whole, other = pathlib.Path(RUNTIME).read_bytes(), program.read_bytes()
        assert whole.count(init) == 1 and len(other) <= len(init)
        fake.write_bytes(whole.replace(init, other.ljust(len(init), b"\0")))
        fake.chmod(0o755)
    return fake


@pytest.fixture
def bystander():
    procs = [subprocess.Popen(["sleep", "100000"], start_new_session=True) for _ in range(2)]
    yield procs
    assert [p.poll() for p in procs] == [None, None], "a bystander was killed"
    for p in procs:
        p.kill()
        p.wait()


def play(fake, bundle, script, verb, *flags, tail=()):
    SCRIPT.write_bytes(b"".join(script))
    argv = [str(a) for a in bundle.argv(verb, *flags, tail=tail)]
    argv[argv.index(RUNTIME)] = str(fake)
    bundle.created = True
    r = command(*argv, timeout=40)
    assert r.code in (0, 1, 255), (r, script)
    # one failure, behind the warnings that tare took from the impostor
    others = [line for line in r.err.splitlines() if not line.startswith("tare: warning: ")]
    assert len(others) == (r.code != 0), (r, script)
    assert all(c.isprintable() or c == "\n" for c in r.err), r
    return r


def steps_of(bundle, *flags):
    bundle.write()
    argv = rt_argv("plan", "--json", "--bundle", bundle.dir, *flags, bundle.id)
    return [s["op"] if "op" in s else s["operation"] for s in json.loads(command(*argv).ok().out)]


def random_act(rng, steps, pids):
    """Mostly something that could be right."""
    what = rng.choices([SEND, RECEIVE, SIBLING, CHILD, END, NAP], [12, 3, 1, 1, 0.5, 1])[0]
    kind = rng.choice(list(KINDS.values())) if rng.random() < 0.95 else rng.randrange(1 << 32)
    step = rng.choice([rng.randrange(len(steps) + 2), rng.choice(pids), 0, 0xffffffff, len(steps) - 1])
    fds = rng.choices([0, 1, 2, 8], [6, 6, 1, 1])[0]
    return act(what, kind, step, fds=fds, of=rng.randrange(1, 9), number=rng.choices(range(5), [8, 1, 2, 1, 1])[0],
               cut=rng.choices([0, rng.randrange(1, 1700)], [20, 1])[0], more=rng.choices([0, rng.randrange(1, 4096)], [20, 1])[0])


def joined(bundle, first):
    bundle.unlisted("pid")
    bundle.linux["namespaces"].append({"type": "pid", "path": f"/proc/{first.pid}/ns/pid"})


def variants(bundle, first):
    """Plans with all kinds of messages in them."""
    plain = json.dumps(bundle.config)

    def fresh():
        bundle.config = json.loads(plain)
        return bundle.config

    def with_pids():
        fresh()
        joined(bundle, first)

    def with_user():
        fresh()
        bundle.userns(200000)

    def with_agent():
        c = fresh()
        c["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": str(BOX / "nobody"),
                                 "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]}

    def mute():
        c = fresh()
        c["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["sendmsg"], "action": "SCMP_ACT_ERRNO"}]}

    def with_hook():
        c = fresh()
        c["hooks"] = {"createRuntime": [{"path": "/bin/true"}]}

    return [fresh, with_pids, with_user, with_agent, mute, with_hook]


def test_whatever_it_says_nobody_else_is_hurt(request, bundles, fake, bystander):
    """create, run, exec and start with random scripts: an error that is told, no signal to others, nothing left."""
    full = request.config.getoption("--full")
    seed = random.randrange(1 << 32)
    print("seed", seed)
    rng = random.Random(seed)
    first, bundle = bundles("exec sleep 100000"), bundles("exec sleep 100000")
    first.up()
    pids = [p.pid for p in bystander] + [first.pid, os.getpid(), 1, 2]
    changes = variants(bundle, first)
    plans = {}
    for n in range(3000 if full else 100):
        change = rng.choice(changes)
        change()
        verb = rng.choice(["create", "run", "exec", "start"])
        if change not in plans:
            plans[change] = steps_of(bundle)
        steps = plans[change]
        script = [random_act(rng, steps, pids) for _ in range(rng.randrange(1, 10))]
        if verb == "exec":
            play(fake, first, script, "exec", tail=["true"])
        elif verb == "start":
            begin = [say("READY", steps.index("wait-for-start")), act(ACCEPT)]
            bundle.write()
            if play(fake, bundle, turns(steps) + begin + script, "create", "--bundle", bundle.dir).code == 0:
                play(fake, bundle, [], "start")
        else:
            bundle.write()
            r = play(fake, bundle, script, verb, "--bundle", bundle.dir)
            assert verb != "create" or r.code == 0 or not bundle.exists(), (n, script)
        command(*bundle.argv("delete", "--force"))
        assert not bundle.exists(), (n, script)
        assert is_alive(first.pid) and all(p.poll() is None for p in bystander), (n, script)


def turns(steps):
    """What a tare-init of the plain plan says until it waits: nothing, as the host has no step behind the birth; else each in turn."""
    return [act(RECEIVE)] * 2


@pytest.mark.parametrize("number, name", [(GIVEN, "a bystander"), (OURS, "itself"), (CHILDS, "its child"), (PARENTS, "tare")])
@pytest.mark.parametrize("verb", ["create", "exec"])
def test_a_process_that_is_no_child_of_tares_is_not_taken_for_the_containers(bundles, fake, bystander, number, name, verb):
    """Its number was believed, and it was killed with the next failure, whosever it was."""
    first, bundle = bundles("exec sleep 100000"), bundles("exec sleep 100000")
    first.up()
    joined(bundle, first)
    bundle.write()
    script = [act(CHILD), say("CLONED", number=OURS), say("CLONED", bystander[0].pid, number=number), act(NAP, 0, 40)]
    if verb == "create":
        r = play(fake, bundle, script, "create", "--bundle", bundle.dir)
        assert r.code == 1 and not bundle.exists()
    else:
        r = play(fake, first, script, "exec", tail=["true"])
        assert r.code == 255
    if number != OURS:
        assert "tare-init says what it has not to say: process " in r.err, (name, r)


def test_a_process_is_born_once(bundles, fake):
    first = bundles("exec sleep 100000")
    first.up()
    script = [say("CLONED", number=OURS), act(SIBLING), say("CLONED", number=SIBLINGS), act(SIBLING), say("CLONED", number=SIBLINGS)]
    r = play(fake, first, script, "exec", tail=["true"])
    assert r.code == 255
    poll(lambda: not [p for p in os.listdir("/proc") if p.isdigit() and "tare-init" in name_of(p)], "all have ended")


def name_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return ""


REFUSED = "tare-init says what it has not to say: message "


@pytest.mark.parametrize("of", [NULL, PIPE, DIRECTORY, SOCKET, FILE, MEMORY, PIDFD])
def test_a_terminal_is_one(bundle, fake, scratch, of):
    """What came was handed on to the engine."""
    console = ConsoleSocket(str(scratch / "console.sock"))
    try:
        bundle.process["terminal"] = True
        bundle.write()
        at = steps_of(bundle, "--console-socket", str(scratch / "console.sock")).index("open-console")
        r = play(fake, bundle, [say("DESCRIPTOR", at, fds=1, of=of), act(NAP, 0, 40)], "create", "--bundle", bundle.dir,
                 "--console-socket", console.path)
        assert r.code == 1 and REFUSED in r.err, r
    finally:
        console.close()


@pytest.mark.parametrize("message", [
    [say("TURN", 0)], [say("TURN", 0xffffffff)], [say("READY", 0)], [say("NOTIFIER", 3, fds=1, of=NULL)], [say("LAST_MESSAGE", 3, fds=1, of=MEMORY)],
    [say("DESCRIPTOR", 3, fds=1, of=MULTIPLEXER)], [say("CLONED", number=OURS)], [say("GO")], [say("ASK", 5)], [say(99)],
    [say("WARNING", 1 << 31)]])
def test_a_message_that_is_not_in_the_plan_is_refused(bundle, fake, message):
    bundle.write()
    r = play(fake, bundle, [*message, act(NAP, 0, 40)], "create", "--bundle", bundle.dir)
    assert r.code == 1 and REFUSED in r.err and not bundle.exists(), r


@pytest.mark.parametrize("message", [[say("TURN", 3)], [say("READY"), say("READY")], [say("LAST_MESSAGE", 0, fds=1, of=MEMORY)],
                                     [say("READY"), say("LAST_MESSAGE", 0, fds=1, of=PIPE)],
                                     [say("READY"), say("NOTIFIER", 0, fds=1, of=NULL)]])
def test_start_takes_no_other_messages(bundle, fake, message):
    bundle.write()
    wait = steps_of(bundle).index("wait-for-start")
    play(fake, bundle, [*turns([]), say("READY", wait), act(ACCEPT), *message, act(NAP, 0, 40)], "create", "--bundle", bundle.dir)
    if not bundle.exists():
        pytest.skip("the plan has steps of the host that the script does not know")
    r = play(fake, bundle, [], "start")
    assert r.code == 1 and REFUSED in r.err, r
