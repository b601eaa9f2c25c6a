# SPDX-License-Identifier: LGPL-2.1-or-later
"""check: would this bundle run here, and if not, why. Each `no` is held against what run does."""
import json
import os
import platform
import re
import resource
import shutil
import signal
import struct
import time

import pytest

import defaults
from harness import BOX, LAYOUT, RUNTIME, TESTER, Bundle, assert_same_host, cgroup_mount, command, has_v2, proc_status, root_only, rt_argv, snapshot, spawn, tare_only

pytestmark = tare_only

ARGS = "/process/args"
OWN = {"x86_64": 62, "aarch64": 183, "riscv64": 243}[platform.machine()]


def check(bundle, *flags, **kw):
    if bundle.written != json.dumps(bundle.config):
        bundle.write()
    return command(*bundle.argv("check", "--bundle", bundle.dir, "--json", *flags)[:-1], **kw)


def rows(bundle, code, *flags, **kw):
    """The rows, where the exit code is @code."""
    r = check(bundle, *flags, **kw)
    found = json.loads(r.out)
    assert r.code == code and found["result"] == {0: "ok", 1: "no", 2: "weaker"}[code], r
    return found["rows"]


def refusals(bundle, level="no", **kw):
    code = {"no": 1, "weaker": 2}[level]
    return [(r["place"], r["what"], r["why"]) for r in rows(bundle, code, **kw) if r["level"] == level]


def does_not_run(bundle):
    r = bundle.run()
    assert r.code != 0, r
    return r


def elf(machine=OWN, wide=True, kind=2, segments=(), size=None):
    """An ELF file of headers and notes: @segments are (type, data, alignment)."""
    phoff, each = (64, 56) if wide else (52, 32)
    data, headers = b"", b""
    at = phoff + each * len(segments)
    for what, content, align in segments:
        if wide:
            headers += struct.pack("<IIQQQQQQ", what, 5, at + len(data), 0x10000 + at + len(data), 0, len(content), len(content), align)
        else:
            headers += struct.pack("<IIIIIIII", what, at + len(data), 0x10000 + at + len(data), 0, len(content), len(content), 5, align)
        data += content + bytes(-len(content) % 8)
    ident = b"\x7fELF" + bytes([2 if wide else 1, 1, 1]) + bytes(9)
    if wide:
        head = struct.pack("<HHIQQQIHHHHHH", kind, machine, 1, 0x10000, phoff, 0, 0, 64, each, len(segments), 64, 0, 0)
    else:
        head = struct.pack("<HHIIIIIHHHHHH", kind, machine, 1, 0x10000, phoff, 0, 0, 52, each, len(segments), 40, 0, 0)
    return (ident + head + headers + data)[:size]


def note(kind, data):
    return struct.pack("<III4s", 4, len(data), kind, b"GNU\0") + data


LOAD, INTERP, NOTE = 1, 3, 4


def abi(*version):
    return NOTE, note(1, struct.pack("<IIII", 0, *version)), 4


def level(bit):
    return NOTE, note(5, struct.pack("<IIII", 0xc0008002, 4, 1 << bit, 0)), 8


def loader(path):
    return INTERP, path.encode() + b"\0", 1


@pytest.fixture
def program(bundle):
    """Make /app of bytes, the program of the bundle."""
    def make(content, mode=0o755, name="app"):
        path = bundle.rootfs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)
        bundle.process["args"] = ["/app"]
        return bundle
    return make


# --- the answer


@pytest.mark.layouts
def test_an_ordinary_bundle_is_ok_and_runs(bundle):
    bundle.sh("exit 0")
    found = rows(bundle, 0)
    assert found and {r["level"] for r in found} == {"ok"}
    assert [r["what"] for r in found if r["place"] == ARGS][0] == '"/bin/sh"'
    bundle.run().ok()


def test_the_text_has_a_line_a_row_with_the_same_words(bundle):
    bundle.process["args"] = ["/nothing"]
    found = rows(bundle, 1)
    r = command(*bundle.argv("check", "-b", bundle.dir)[:-1])
    assert r.code == 1 and r.err == "" and len(r.lines) == len(found), r
    for line, row in zip(r.lines, found):
        assert line.split()[0] == row["level"] and all(row[k] in line for k in ("place", "what", "why")), line


def test_the_bundle_is_the_working_directory_and_another_config_can_be_named(bundle):
    bundle.process["args"] = ["/nothing"]
    bundle.write()
    (bundle.dir / "other.json").write_text(bundle.text.replace("/nothing", "/bin/true"))
    assert command(RUNTIME, "check", cwd=bundle.dir).code == 1
    assert command(RUNTIME, "check", "-f", "other.json", cwd=bundle.dir).code == 0


def test_a_config_that_create_refuses_is_a_no_at_its_place(bundle):
    bundle.config["mounts"].append({"destination": "", "type": "tmpfs", "source": "tmpfs"})
    at = f"/mounts/{len(bundle.config['mounts']) - 1}/destination"
    [(place, what, why)] = refusals(bundle)
    assert (place, what) == (at, "config.json")
    assert why in does_not_run(bundle).err


@pytest.mark.parametrize("old, new", [('"terminal": false', '"terminal": 3'), ('"ociVersion":', '// a comment\n "ociVersion":')],
                         ids=["type", "comment"])
def test_a_config_that_cannot_be_read_is_a_no_with_its_line(bundle, old, new):
    """As in the error of create."""
    bundle.write()
    assert old in bundle.text
    (bundle.dir / "config.json").write_text(bundle.text.replace(old, new))
    said = command(*bundle.argv("plan", "--bundle", bundle.dir)).err
    [row] = rows(bundle, 1)
    place = f"(line {row['line']}, column {row['column']}): "
    assert f"{row['place']} {place}{row['why']}" in said, said
    text = command(*bundle.argv("check", "-b", bundle.dir)[:-1]).out
    assert f"line {row['line']}, column {row['column']}: {row['why']}" in text, text


def test_a_host_name_that_a_filter_forbids_is_a_no_with_the_hint_of_create(bundle, phone):
    bundle.config["hostname"] = "named"
    bundle.write()
    filtered = (phone, "-s", "sethostname=EPERM")
    r = command(*filtered, *bundle.argv("check", "--bundle", bundle.dir, "--json")[:-1])
    [row] = [row for row in json.loads(r.out)["rows"] if row["level"] == "no"]
    assert (row["place"], row["remedy"]) == ("/hostname", "leave it out: an outer container's filter may forbid it")
    r = command(*filtered, *bundle.argv("run", "--bundle", bundle.dir))
    assert r.code == 1 and r.err.endswith(f'set the host name "named": operation not permitted ({row["remedy"]})\n'), r


def test_systemd_that_does_not_run_is_a_no(bundle):
    """What create refuses is an answer, also where no place in config.json is at fault."""
    if os.path.isdir("/run/systemd/system"):
        pytest.skip("systemd runs here")
    bundle.sh("exit 0").write()
    argv = bundle.argv("check", "--bundle", bundle.dir, "--json", glob=["--systemd-cgroup"])[:-1]
    r = command(*argv)
    if "built without" in r.out:
        pytest.skip("this tare has no --systemd-cgroup")
    row = {"level": "no", "place": "", "what": "create", "why": "systemd does not run here: there is no /run/systemd/system",
           "remedy": "have tare make the cgroups: --cgroup-manager=cgroupfs"}
    assert (r.code, json.loads(r.out), r.err) == (1, {"result": "no", "rows": [row]}, ""), r
    r = bundle.verb("create", "--bundle", bundle.dir, glob=["--systemd-cgroup"])
    assert r.code == 1 and r.err.endswith(f'{row["why"]} ({row["remedy"]})\n'), r


def test_no_bundle_is_an_error_and_not_an_answer(bundle):
    r = command(RUNTIME, "check", "--bundle", BOX / "missing")
    assert r.out == ""
    r.refused("no such file or directory")
    r = command(RUNTIME, "check", "--json", "--bundle", BOX / "missing")
    assert r.code == 1 and "no such file or directory" in json.loads(r.out)["error"] and "no such file" in r.err


def test_arguments_are_refused(bundle):
    assert command(RUNTIME, "check", "web").code == 1


def test_nothing_is_left_on_the_host(bundle):
    bundle.sh("exit 0").write()
    before = snapshot()
    for _ in range(3):
        check(bundle)
    assert_same_host(before)


def test_a_check_that_is_killed_leaves_nothing(bundle):
    bundle.sh("exit 0").write()
    before = snapshot()
    for ms in range(0, 12):
        proc = spawn(bundle.argv("check", "--bundle", bundle.dir)[:-1])
        time.sleep(ms / 1000)
        proc.send_signal(signal.SIGKILL)
        proc.wait()
    assert_same_host(before)


# --- the program


@pytest.mark.parametrize("content, why", [
    (b"", "it is empty"),
    ("echo hello\n", 'it has no "#!" line'),
    ("\ufeff#!/bin/sh\n", 'it has a byte order mark before its "#!": save it without one'),
    (b"MZ\x90\0", "it is a program for Windows"),
    ("#!\n", 'it has a "#!" line that names no interpreter'),
    ("#!/" + "x" * 300 + "\n", 'it has a "#!" line longer than the 255 bytes that the kernel reads'),
    (b"\x00\x01\x02\x03" * 20, 'it is neither an ELF program nor a script with a "#!" line'),
    (elf()[:40], "it is an ELF file with a damaged header: was it cut short?"),
    (elf(segments=[(INTERP, b"/lib/x", 1)]), "it is an ELF file with a damaged header: was it cut short?"),
    (elf(kind=1, segments=[(LOAD, bytes(16), 4096)]), "it is an ELF file, but no program: an object file, or a core"),
    # load_elf_phdrs(): 64 KiB of program headers at most
    pytest.param(elf(segments=[(LOAD, b"", 4096)] * 1171), "it is an ELF file with a damaged header: was it cut short?", id="1171 headers"),
    ("#!/bin/bash\r\n", 'the file is there; its interpreter "/bin/bash\\r" is not: the script has CRLF line ends'),
    ("#!/opt/python\n", 'the file is there; its interpreter "/opt/python" is not'),
], ids=lambda x: None if isinstance(x, bytes) else x[:20])
def test_a_file_that_is_no_program_is_a_no(program, content, why):
    bundle = program(content)
    assert refusals(bundle)[0][::2] == (ARGS, why)
    does_not_run(bundle)


def test_a_loader_of_another_c_library_is_a_no(program):
    bundle = program(elf(segments=[loader("/lib/ld-musl-x86_64.so.1"), (LOAD, bytes(16), 4096)]))
    assert refusals(bundle) == [(ARGS, '"/app"', "the file is there; its loader "
                                 '"/lib/ld-musl-x86_64.so.1" is not: it was built for musl, the rootfs has no C library')]
    assert "its loader" in does_not_run(bundle).err


def test_a_program_of_another_machine_is_a_no(program):
    machine, name = (183, "aarch64") if OWN != 183 else (243, "riscv64")
    bundle = program(elf(machine, segments=[(LOAD, bytes(16), 4096)]))
    assert refusals(bundle) == [(ARGS, '"/app"', f"it is for {name}, this machine is {platform.machine()}")]
    does_not_run(bundle)


@pytest.mark.skipif(OWN != 62, reason="i386 is run by x86-64")
def test_a_64_bit_program_of_a_32_bit_machine_is_a_no(program):
    bundle = program(elf(machine=3, segments=[(LOAD, bytes(16), 4096)]))
    # The kernel reads a file of that machine in the 32-bit form, whatever its first bytes say.
    assert refusals(bundle) == [(ARGS, '"/app"', "it is an ELF file with a damaged header: was it cut short?")]
    does_not_run(bundle)


def test_a_32_bit_program_is_asked_from_the_kernel(bundle):
    """i386 in a kernel of x86-64: what check says of the header is what the kernel does with such a program."""
    if OWN != 62:
        pytest.skip("for x86-64")
    code = bytes.fromhex("31dbb80100000 0cd80".replace(" ", ""))
    ident = b"\x7fELF\x01\x01\x01" + bytes(9)
    head = struct.pack("<HHIIIIIHHHHHH", 2, 3, 1, 0x10054, 52, 0, 0, 52, 32, 1, 40, 0, 0)
    (bundle.rootfs / "app").write_bytes(ident + head + struct.pack("<IIIIIIII", 1, 0, 0x10000, 0, 93, 93, 5, 4096) + code)
    (bundle.rootfs / "app").chmod(0o755)
    bundle.process["args"] = ["/app"]
    r = check(bundle)
    assert (r.code == 0) == (bundle.run().code == 0), r
    assert ("for i386, 32-bit" in r.out) == (r.code == 0), r


def test_the_oldest_kernel_is_compared_with_this_one(program):
    bundle = program(elf(segments=[(LOAD, bytes(16), 4096), abi(99, 1, 2)]))
    assert refusals(bundle) == [(ARGS, '"/app"', f"wants Linux 99.1.2; this is {platform.release()}")]
    bundle = program(elf(segments=[(LOAD, bytes(16), 4096), abi(2, 6, 32)]))
    assert [r["why"] for r in rows(bundle, 0) if "wants" in r["why"]] == [f"wants Linux 2.6.32; this is {platform.release()}"]


def own_level():
    flags = next(line for line in open("/proc/cpuinfo", encoding="utf-8") if line.startswith("flags")).split()
    for number, wanted in ((1, "cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3"),
                           (2, "avx avx2 bmi1 bmi2 f16c fma abm movbe xsave"),
                           (3, "avx512f avx512bw avx512cd avx512dq avx512vl")):
        if not set(wanted.split()) <= set(flags):
            return number
    return 4


@pytest.mark.skipif(OWN != 62, reason="for x86-64")
@pytest.mark.parametrize("bit", [1, 2, 3])
def test_the_level_of_the_processor_is_compared_with_this_one(program, bit):
    bundle = program(elf(segments=[(LOAD, bytes(16), 4096), level(bit)]))
    own = own_level()
    r = check(bundle)
    assert (r.code == 0) == (bit + 1 <= own), r
    assert f"wants a processor with x86-64-v{bit + 1}" in r.out, r


@pytest.mark.skipif(OWN != 62, reason="for x86-64")
def test_a_level_beyond_this_processor_is_a_no(program, tmp_path):
    """With a /proc/cpuinfo of a processor that has v2 only, mounted in a namespace of the test's own."""
    bundle = program(elf(segments=[(LOAD, bytes(16), 4096), level(2)]))
    bundle.write()
    lines = "flags\t\t: fpu cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3 avx avx2fake\n"
    (tmp_path / "cpuinfo").write_text("processor\t: 0\n" + lines)
    script = f'mount --bind {tmp_path}/cpuinfo /proc/cpuinfo && exec "$@"'
    r = command("unshare", "-m", "sh", "-c", script, "sh", *bundle.argv("check", "--json", "-b", bundle.dir)[:-1])
    found = [row for row in json.loads(r.out)["rows"] if row["level"] == "no"]
    assert [row["why"] for row in found] == ["wants a processor with x86-64-v3; this one is x86-64-v2"], r


@pytest.mark.parametrize("name", ["lib/ld-old.so", "lib/libc.so.6"])
def test_the_loader_and_the_library_beside_it_are_read_too(program, name):
    bundle = program(elf(segments=[loader("/lib/ld-old.so"), (LOAD, bytes(16), 4096)]))
    program(elf(kind=3, segments=[(LOAD, bytes(16), 4096), abi(3, 2, 0)]), name="lib/ld-old.so")
    program(elf(kind=3, segments=[(LOAD, bytes(16), 4096), abi(98, 0, 0)]), name=name)
    assert refusals(bundle) == [(ARGS, f'"/{name}"', f"wants Linux 98.0.0; this is {platform.release()}")]


# /sys/fs of a mount namespace of its own, with an SELinux that is in force, or not, and the cgroups of the host.
FAKE = """set -e; mkdir {top}/cgroup; mount --rbind /sys/fs/cgroup {top}/cgroup; mount -t tmpfs fake /sys/fs
mkdir /sys/fs/selinux /sys/fs/cgroup; echo {value} >/sys/fs/selinux/enforce; mount --move {top}/cgroup /sys/fs/cgroup; exec "$@\""""


@root_only
@pytest.mark.parametrize("value, level", [(1, "weaker"), (0, "ok")])
@pytest.mark.parametrize("kind, flags, wish", [
    (0x6474e551, 7, "an executable stack"), (LOAD, 7, "memory that is writable and executable"), (LOAD, 5, None)])
def test_executable_memory_under_selinux(program, tmp_path, kind, flags, wish, value, level):
    content = bytearray(elf(segments=[(kind, bytes(16), 4096), (LOAD, bytes(16), 4096)]))
    content[64 + 4] = flags
    bundle = program(bytes(content))
    bundle.write()
    r = command("unshare", "-m", "sh", "-c", FAKE.format(top=tmp_path, value=value), "sh", *bundle.argv("check", "--json", "-b", bundle.dir)[:-1])
    found = [(row["level"], row["why"]) for row in json.loads(r.out)["rows"] if "SELinux" in row["why"]]
    assert found == ([(level, f"wants {wish}, which SELinux may refuse (execstack, execmem)")] if wish and level != "ok" else []), r


@root_only
def test_ubuntus_way_to_refuse_user_namespaces_is_named(bundles, tmp_path):
    """Only kernels of Ubuntu have this sysctl: a file stands for it, and a chroot, in which nobody makes a user namespace, for the rest."""
    bundle = bundles(user=TESTER, config=defaults.rootless(TESTER, TESTER)).sh("exit 0")
    bundle.write()
    script = ("cp /proc/sys/kernel/cap_last_cap {0}; mount -t tmpfs x /proc/sys/kernel; cp {0} /proc/sys/kernel/;"
              "echo 1 >/proc/sys/kernel/apparmor_restrict_unprivileged_userns; mkdir {1}; mount --rbind / {1};"
              'exec chroot {1} "$@"').format(f"{tmp_path}/cap_last_cap", f"{tmp_path}/root")
    r = command("unshare", "-m", "sh", "-c", script, "sh", *bundle.argv("check", "--json", "-b", bundle.dir)[:-1])
    found = {row["why"]: row["remedy"] for row in json.loads(r.out)["rows"] if row["what"] == "new user namespace"}
    assert list(found) == [f"AppArmor refuses it to user {TESTER}: operation not permitted"], r
    assert "sysctl kernel.apparmor_restrict_unprivileged_userns=0" in list(found.values())[0]


@root_only
@pytest.mark.skipif(shutil.which("strace") is None, reason="no strace on this machine")
@pytest.mark.parametrize("user, level", [(TESTER, "weaker"), (None, "no")])
def test_without_keys_left_check_says_what_create_does(bundles, user, level):
    """keyrings(7): the quota counts only for a process that has no session keyring yet, so strace answers EDQUOT here."""
    bundle = bundles(user=user, config=defaults.rootless(user, user) if user else None).sh("exit 0")
    bundle.write()
    strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=keyctl", "-e", "inject=keyctl:error=EDQUOT"]
    r = command(*strace, *bundle.argv("check", "--json", "-b", bundle.dir)[:-1])
    found = [(row["level"], row["why"]) for row in json.loads(r.out)["rows"] if row["what"] == "session keyring"]
    assert found == [(level, f"the keys of user {user or 0} are used up" + (": the caller's keyring stays" if user else ""))], r
    r = command(*strace, *bundle.argv("run", "-b", bundle.dir))
    assert (r.code != 0) == (level == "no") and "session keyring" in r.err, r


@pytest.mark.parametrize("name, content, version", [
    ("ld-linux.so.2", b"GLIBC_2.9\0GLIBC_2.34\0GLIBC_2.4\0GLIBC_2.x\0GLIBC_PRIVATE\0", "glibc 2.34"),
    ("ld-musl-mine.so.1", b"x\0" + b"10.0.0\0" + b"1.2.13\0" + b"1.1.1\0", "musl 1.2.13"),
    ("ld-linux.so.2", b"GLIBC_2.99999\0GLIBC_2.", None),
    ("ld-musl-mine.so.1", b"\0" + b"1.2.", None),
])
def test_the_c_library_is_told(program, name, content, version):
    bundle = program(elf(segments=[loader(f"/lib/{name}"), (LOAD, bytes(16), 4096)]))
    plain = elf(kind=3, segments=[(LOAD, bytes(16), 4096)])
    program(plain + (content if "musl" in name else b""), name=f"lib/{name}")
    program(plain + bytes(40000) + content, name="lib/libc.so.6")
    found = [r["why"] for r in rows(bundle, 0) if "the C library is" in r["why"]]
    assert found == ([f"the C library is {version}"] if version else [])


def under(bundle, *names, arch=()):
    """A profile of these names, and of what any program needs."""
    needed = ["execve", "exit", "exit_group", "brk", "mmap", "mprotect", "munmap", "openat", "read", "write", "close"]
    bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ERRNO", "architectures": list(arch),
                               "syscalls": [{"names": needed + list(names), "action": "SCMP_ACT_ALLOW"}]}
    return bundle


@pytest.mark.skipif(OWN != 62, reason="names and numbers of x86-64")
@pytest.mark.skipif(tuple(map(int, platform.release().split(".")[:2])) < (6, 6), reason="an older kernel")
def test_a_profile_and_a_kernel_of_different_age(bundle):
    """What a newer call than those of the profile gets is plan/seccomp/newer.c's; landlock_restrict_self is followed by 447 and more."""
    under(bundle.sh("exit 0"), "landlock_restrict_self", "nfsservctl", "socketcall", "nosuchcall")
    found = [r for r in rows(bundle, 2, "--all") if r["level"] == "weaker"]
    assert len(found) == 1 and found[0]["place"] == "/linux/seccomp" and found[0]["remedy"] == "a newer profile"
    assert re.fullmatch(r"names 2 calls that this kernel does not have: nfsservctl, nosuchcall, and is older than \d\d calls that this kernel has, which "
                        r"get ENOSYS: memfd_secret, process_mrelease, futex_waitv, .*", found[0]["why"]), found
    assert re.fullmatch(r"names 2 calls that this kernel does not have, and is older than \d\d calls that this kernel has, which get ENOSYS",
                        refusals(bundle, "weaker")[0][2])
    told = [r["why"] for r in rows(bundle, 0, "--all", "--kernel", "5.12") if r["what"] == "profile"]
    assert told == ["names 3 calls that Linux 5.12 does not have: landlock_restrict_self, nfsservctl, nosuchcall"]
    bundle.linux["seccomp"]["defaultAction"] = "SCMP_ACT_KILL"
    assert not [r for r in rows(bundle, 0) if "older" in r["why"]]


@pytest.mark.skipif(OWN != 62, reason="i386 is run by x86-64")
@pytest.mark.parametrize("names, told", [
    (["clone3"], True), (["clone3", "clock_gettime64"], False), (["getrandom"], False)], ids=["newer", "allowed", "older"])
def test_a_profile_that_keeps_the_time_from_32_bit_programs(program, names, told):
    """clock_gettime64 is 403 of i386: refused by a profile that knows newer calls, but answered with ENOSYS by an older one."""
    segments = [loader("/lib/ld-musl-i386.so.1"), (LOAD, bytes(8), 4096)]
    bundle = program(elf(machine=3, wide=False, segments=segments))
    program(elf(machine=3, wide=False, segments=[(LOAD, bytes(8), 4096)]) + b"__clock_gettime64\0", name="lib/ld-musl-i386.so.1")
    under(bundle, *names, arch=["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"])
    r = check(bundle)
    if "this kernel runs none of its kind" in r.out:
        pytest.skip("this kernel runs no 32-bit programs")
    found = [row for row in json.loads(r.out)["rows"] if "gets no time" in row["why"]]
    assert [(row["level"], row["place"], row["what"]) for row in found] == \
        ([("weaker", "/linux/seccomp", '"/lib/ld-musl-i386.so.1"')] if told else []), r


@pytest.mark.parametrize("how", ["eperm", "enosys"])
@pytest.mark.parametrize("user", [None, TESTER])
def test_calls_that_an_outer_filter_refuses_are_listed(bundles, older, how, user):
    bundle = bundles(user=user, config=defaults.rootless(user, user) if user else None).sh("exit 0")
    bundle.write()
    argv = bundle.argv("check", "--bundle", bundle.dir, "--json")[:-1]
    r = command(older, "99.0", how, "-fsopen", "-mount_setattr", *argv)
    told = [row for row in json.loads(r.out)["rows"] if row["what"] == "system calls"]
    assert [(row["level"], row["why"]) for row in told] == [
        ("ok", "an outer container, or its filter, refuses: fsopen, mount_setattr; tare does without")], r
    assert "system calls" not in command(*argv).out


def test_x_bits_and_noexec_are_told(program, bundle):
    bundle = program("#!/bin/sh\n", mode=0o644)
    assert refusals(bundle) == [(ARGS, '"/app"', "it has no x bit: chmod +x")]
    does_not_run(bundle)


def test_a_rootfs_on_a_noexec_mount_is_a_no(bundle):
    bundle.sh("exit 0").write()
    script = f'mount --bind {bundle.dir} {bundle.dir} && mount -o remount,bind,noexec {bundle.dir} && exec "$@"'
    wrap = ["unshare", "-m", "sh", "-c", script, "sh"]
    r = command(*wrap, *bundle.argv("check", "--json", "-b", bundle.dir)[:-1])
    assert [row["why"] for row in json.loads(r.out)["rows"] if row["level"] == "no"] == ["it is on a mount that is noexec"]
    assert command(*wrap, *bundle.argv("run", "-b", bundle.dir)).code == 1


def test_a_program_that_is_nowhere_in_path_is_a_no(bundle):
    bundle.process["args"] = ["nothing"]
    path = next(v for v in bundle.process["env"] if v.startswith("PATH="))[5:]
    assert refusals(bundle) == [(ARGS, '"nothing"', f'it is in no directory of PATH: "{path}"')]
    does_not_run(bundle)


def test_a_link_that_leads_nowhere_is_told(bundle):
    (bundle.rootfs / "app").symlink_to("/opt/none")
    bundle.process["args"] = ["/app"]
    assert refusals(bundle) == [(ARGS, '"/app"', '"/app" is a link to "/opt/none", and that is not there')]


@pytest.mark.parametrize("links, code", [(5, 0), (6, 1)])
def test_scripts_of_scripts_are_followed_as_far_as_the_kernel_does(bundle, links, code):
    for i in range(links):
        (bundle.rootfs / f"s{i}").write_text(f"#!/s{i + 1}\n" if i < links - 1 else "#!/bin/true\n")
        (bundle.rootfs / f"s{i}").chmod(0o755)
    bundle.process["args"] = ["/s0"]
    r = check(bundle)
    assert r.code == code and (bundle.run().code != 0) == bool(code), r


@pytest.mark.parametrize("path, why", [
    ("/bin/true", None), ("/proc/self/root/bin/true", None), ("/proc/thread-self/cwd/true", None), ("/links/root", None), ("/links/far", None),
    ("/links/here/true", None),
    *[(path, "it is tare-init itself, which executes the program") for path in ("/proc/self/exe", "/proc/thread-self/exe", "/links/exe")],
    *[(path, "no such file of a procfs can be executed") for path in ("/proc", "/proc/cpuinfo", "/proc/nothing", "/links/uptime")],
    ("/proc/self/root/bin/nothing", "no such file or directory"), ("/links/nothing", '"/links/nothing" is a link to "/proc/self/root/nothing", and that is not there'),
    ("/dev/shm/any", '"/dev/shm" is mounted noexec'), ("/dev/stdin", None), ("/proc/self/fd/9", None),
])
def test_links_into_mounts_are_followed(bundle, path, why):
    """Of the files of a procfs only the program's own root, directory and executable lead anywhere; check says `no` where run fails."""
    links = bundle.rootfs / "links"
    links.mkdir()
    for name, target in (("exe", "/proc/self/exe"), ("root", "/proc/self/root/app"), ("far", "../links/root"), ("here", "/proc/self/cwd"),
                         ("uptime", "/proc/uptime"), ("nothing", "/proc/self/root/nothing")):
        (links / name).symlink_to(target)
    (bundle.rootfs / "app").write_text("#!/proc/self/root/bin/sh\n")
    (bundle.rootfs / "app").chmod(0o755)
    bundle.process.update(args=[path], cwd="/bin")
    checked, r = json.loads(check(bundle, "--json").out), bundle.run()
    found = [(row["level"], row["place"], row["why"]) for row in checked["rows"] if row["level"] != "ok"]
    if path in ("/dev/stdin", "/proc/self/fd/9"):
        assert [f[:2] for f in found] == [("weaker", ARGS)] and found[0][2].startswith("not read: it comes with the mount on"), found
    else:
        assert found == ([("no", ARGS, why)] if why else []), found
        assert (r.code != 0) == bool(why) and (not why or f'{ARGS} (line' in r.err), r


def test_a_mount_on_a_link_covers_what_the_link_leads_to(bundle):
    """/var/run is /run in most images."""
    app = bundle.dir / "app"
    app.mkdir()
    shutil.copy("/bin/busybox", app / "true")
    (bundle.rootfs / "var").mkdir()
    (bundle.rootfs / "run").mkdir(exist_ok=True)
    (bundle.rootfs / "var/run").symlink_to("/run")
    bundle.mount("/var/run", "bind", app, "bind")
    bundle.process["args"] = ["/run/true"]
    bundle.run().ok()
    rows(bundle, 0)
    (app / "true").unlink()
    assert refusals(bundle) == [(ARGS, '"/run/true"', "no such file or directory")]


def test_the_rootfs_is_not_left_by_a_link(bundle):
    """An absolute link means the container's own root: the host's /usr/bin/python3 is none of it."""
    (bundle.rootfs / "app").symlink_to("/usr/bin/python3")
    bundle.process["args"] = ["/app"]
    assert "is a link to" in refusals(bundle)[0][2]


# --- what config.json asks from the kernel


def in_user_namespace(bundle, verb, *flags, limits=()):
    """@verb in a user namespace of which these limits are 0: namespaces(7), /proc/sys/user."""
    if bundle.written != json.dumps(bundle.config):
        bundle.write()
    script = "".join(f"echo 0 >/proc/sys/user/{name} && " for name in limits) + 'exec "$@"'
    argv = bundle.argv(verb, "--bundle", bundle.dir, *flags, glob=("--root", f"{BOX}/tmp/state"))
    return command("unshare", "-Urm", "sh", "-c", script, "sh", *(argv[:-1] if verb == "check" else argv))


def test_all_namespaces_that_cannot_be_made_are_named(bundle):
    bundle.sh("exit 0")
    kinds = [n["type"] for n in bundle.linux["namespaces"]]
    limits = {"network": "max_net_namespaces", "ipc": "max_ipc_namespaces"}
    r = in_user_namespace(bundle, "check", "--json", limits=limits.values())
    found = {row["place"]: row for row in json.loads(r.out)["rows"] if row["level"] == "no" and "namespaces" in row["place"]}
    assert {place: (row["what"], row["why"]) for place, row in found.items()} == {
        f"/linux/namespaces/{kinds.index(kind)}": (f"new {kind} namespace", f"the limit user.{limit} is reached")
        for kind, limit in limits.items()}, r
    assert r.code == 1 and in_user_namespace(bundle, "run", limits=limits.values()).code == 1
    shutil.rmtree(BOX / "tmp/state", ignore_errors=True)


@pytest.mark.parametrize("path, why", [("/proc/self/ns/missing", "no such file or directory"), ("/etc/passwd", "is no namespace"),
                                       ("/proc/self/ns/net", '"/proc/self/ns/net" is no uts namespace')])
def test_a_namespace_to_join_that_is_none_is_a_no(bundle, path, why):
    bundle.sh("exit 0").unlisted("uts")
    bundle.config.pop("hostname", None)
    bundle.linux["namespaces"].append({"type": "uts", "path": path})
    at = f"/linux/namespaces/{len(bundle.linux['namespaces']) - 1}"
    found = refusals(bundle)
    assert len(found) == 1 and found[0][0] == at and why in found[0][2], found
    does_not_run(bundle)


def test_a_file_system_that_no_kernel_has_is_a_no(bundle):
    bundle.sh("exit 0").mount("/x", "nosuchfs", "none")
    at = f"/mounts/{len(bundle.config['mounts']) - 1}"
    assert refusals(bundle) == [(at, 'nosuchfs on "/x"', "this kernel has no such file system")]
    does_not_run(bundle)


def test_a_file_system_on_a_file_is_a_no(bundle):
    bundle.sh("exit 0").mount("/etc/passwd", "tmpfs", "tmpfs")
    at = f"/mounts/{len(bundle.config['mounts']) - 1}"
    assert refusals(bundle) == [(at, 'tmpfs on "/etc/passwd"', "a file system is a directory, the target is none")]
    does_not_run(bundle)


@pytest.mark.parametrize("source, target, why", [
    ("missing", "tmp", 'the source "{}": no such file or directory'),
    ("file", "tmp", 'the source "{}" is no directory, the target is one'),
    ("dir", "etc/passwd", 'the source "{}" is a directory, the target is none'),
])
def test_a_source_that_is_missing_or_of_the_wrong_kind_is_a_no(bundle, source, target, why):
    (bundle.dir / "file").write_text("")
    (bundle.dir / "dir").mkdir()
    bundle.sh("exit 0").mount(f"/{target}", "bind", bundle.dir / source, "bind")
    at = f"/mounts/{len(bundle.config['mounts']) - 1}"
    assert refusals(bundle) == [(at, f'bind on "/{target}"', why.format(bundle.dir / source))]
    does_not_run(bundle)


def test_a_target_in_an_earlier_mount_is_not_looked_for_in_the_rootfs(bundle):
    """The rootfs has a directory there, and the tmpfs above it has nothing yet: a file can be bound."""
    (bundle.rootfs / "mnt/x").mkdir(parents=True)
    (bundle.dir / "file").write_text("")
    bundle.sh("exit 0").mount("/mnt", "tmpfs", "tmpfs")
    bundle.mount("/mnt/x", "bind", bundle.dir / "file", "bind")
    rows(bundle, 0)
    bundle.run().ok()


def test_a_source_in_an_earlier_mount_of_the_container_is_not_known(bundle):
    bundle.sh("exit 0").mount("/mnt", "tmpfs", "tmpfs", "mode=755")
    bundle.mount("/other", "bind", bundle.rootfs / "mnt/x", "bind")
    assert [r[2] for r in refusals(bundle, "weaker")] == [
        f'not read: "{bundle.rootfs}/mnt/x" may be in an earlier mount of the container']


@pytest.mark.layouts
def test_cpus_that_are_not_there_are_a_no(bundle):
    if cgroup_mount("cpuset") is None and not has_v2("cpuset"):
        pytest.skip(f"layout {LAYOUT}: no cpuset controller")
    bundle.sh("exit 0")
    bundle.linux["resources"] = {"cpu": {"cpus": "4000"}}
    found = refusals(bundle)
    assert len(found) == 1 and found[0][:2] == ("/linux/resources/cpu/cpus", "cpuset.cpus"), found
    assert found[0][2].startswith('"4000" is asked for, here are 0'), found
    assert "/linux/resources/cpu/cpus" in does_not_run(bundle).err
    bundle.linux["resources"] = {"cpu": {"cpus": "0"}}
    rows(bundle, 0)
    bundle.run().ok()


@pytest.mark.layouts
def test_a_limit_that_no_file_is_there_for_is_a_no(bundle):
    if LAYOUT == "none":
        pytest.skip("no cgroups")
    bundle.sh("exit 0")
    bundle.linux["resources"] = {"hugepageLimits": [{"pageSize": "3MB", "limit": 1}]}
    [(place, _, why)] = refusals(bundle)
    assert (place, why) == ("/linux/resources/hugepageLimits/0", "this kernel has no huge pages of that size") or not has_v2("hugetlb")
    assert does_not_run(bundle)


def test_a_hard_limit_above_the_callers_is_a_no(bundle):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    bundle.sh("exit 0")
    bundle.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 64, "hard": hard + 1}]
    may = int(proc_status("self")["CapEff"], 16) & 1 << 24  # CAP_SYS_RESOURCE
    rows(bundle, 0 if may else 1)
    assert (bundle.run().code == 0) == bool(may)
    bundle.userns()
    found = [r for r in refusals(bundle) if "RLIMIT" in r[1]]
    assert found == [("/process/rlimits/0", "RLIMIT_NOFILE", f"the hard limit here is {hard}, and raising it takes "
                      "CAP_SYS_RESOURCE outside of all user namespaces")]
    assert "/process/rlimits/0" in does_not_run(bundle).err


@pytest.mark.parametrize("action, code", [("SCMP_ACT_ERRNO", 1), ("SCMP_ACT_ALLOW", 0)])
def test_a_profile_that_refuses_execve_is_a_no(bundle, action, code):
    bundle.sh("exit 0")
    bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["execve"], "action": action}]
                               if code else []}
    found = [(r["level"], r["why"]) for r in rows(bundle, code) if r["what"] in ("profile", "exec")]
    assert found == [("no", "linux.seccomp refuses execve: no program can be started") if code else ("ok", "it lets the program be executed")]
    assert (bundle.run().code == 0) == (code == 0)


def test_what_planning_leaves_out_is_weaker(bundle):
    bundle.sh("exit 0")
    for names in bundle.process["capabilities"].values():
        names.append("CAP_OTHER")
    found = refusals(bundle, "weaker")
    place = f"/process/capabilities/bounding/{len(bundle.process['capabilities']['bounding']) - 1}"
    assert (place, "as asked for", 'capability "CAP_OTHER" is not known') in found, found
    bundle.run().ok()


def test_an_ordinary_user_hears_what_that_user_may_do(bundle):
    bundle.sh("exit 0").write()
    r = command(*rt_argv("check", "--json", "--bundle", bundle.dir, user=TESTER, root="/nonexistent"))
    [row] = json.loads(r.out)["rows"]
    assert r.code == 1 and row["place"] == "/linux/namespaces" and "needs root" in row["why"], r


def test_no_privilege_is_needed_for_an_answer():
    bundle = Bundle("exit 0", user=TESTER, config=defaults.rootless(TESTER, TESTER))
    found = rows(bundle, 0)
    assert "this kernel makes one for user 1000" in [r["why"] for r in found if "new user" in r["what"]]
    bundle.run().ok()


# --- files by an enemy


def test_a_fifo_or_device_is_never_opened(bundle):
    os.mkfifo(bundle.rootfs / "app", 0o755)
    bundle.process["args"] = ["/app"]
    assert refusals(bundle) == [(ARGS, '"/app"', "it is no regular file, or may not be read by user 0")]


def test_endless_links_and_scripts_end(bundle):
    (bundle.rootfs / "a").symlink_to("b")
    (bundle.rootfs / "b").symlink_to("a")
    bundle.process["args"] = ["/a"]
    assert refusals(bundle) == [(ARGS, '"/a"', "too many levels of symbolic links")]
    (bundle.rootfs / "c").write_text("#!/c\n")
    (bundle.rootfs / "c").chmod(0o755)
    bundle.process["args"] = ["/c"]
    assert refusals(bundle)[-1][2] == "5 interpreters are scripts themselves: the kernel follows no more"


@pytest.mark.parametrize("cut", [0, 1, 4, 16, 40, 63, 64, 90, 120, 150])
def test_a_program_that_is_cut_short_is_no_crash(program, cut):
    whole = elf(segments=[loader("/lib/ld.so"), (LOAD, bytes(16), 4096), abi(3, 2, 0), level(1)])
    r = check(program(whole[:cut]))
    assert r.code == 1 and "died" not in r.out and json.loads(r.out)["result"] == "no", r


def test_offsets_beyond_all_files_are_no_crash(program):
    whole = bytearray(elf(segments=[(LOAD, bytes(16), 4096), abi(3, 2, 0)]))
    for at in (32, 64 + 8, 64 + 32, 64 + 56 + 8, 64 + 56 + 32):
        broken = bytearray(whole)
        broken[at:at + 8] = b"\xff" * 8
        r = check(program(bytes(broken)))
        assert r.code in (0, 1) and "died" not in r.out, r


def test_names_from_an_image_are_printed_escaped(bundle):
    (bundle.rootfs / "app").write_text("#!/bin/\033[31mred\n")
    (bundle.rootfs / "app").chmod(0o755)
    bundle.process["args"] = ["/app"]
    bundle.write()
    r = command(*bundle.argv("check", "-b", bundle.dir)[:-1])
    assert r.code == 1 and "\033" not in r.out and "\\x1b[31mred" in r.out, r


# --- every file of the rootfs


def test_all_looks_at_every_program(program):
    bundle = program(elf(segments=[(LOAD, bytes(16), 4096)]))
    other, name = (183, "aarch64") if OWN != 183 else (243, "riscv64")
    for path, content in (("opt/foreign", elf(other, segments=[(LOAD, bytes(16), 4096)])), ("opt/deep/er/future", elf(segments=[abi(99, 0, 0), (LOAD, bytes(16), 4096)])),
                          ("opt/object.o", elf(kind=1)), ("opt/text", b"hello\n"), ("opt/cut", elf(segments=[(LOAD, bytes(16), 4096)])[:70])):
        (bundle.rootfs / path).parent.mkdir(parents=True, exist_ok=True)
        (bundle.rootfs / path).write_bytes(content)
    (bundle.rootfs / "opt/link").symlink_to("/opt/foreign")
    os.mkfifo(bundle.rootfs / "opt/fifo")
    found = rows(bundle, 2, "--all")
    told = {r["what"]: (r["level"], r["why"]) for r in found if r["place"] == "/root/path"}
    assert told['"/opt/foreign"'] == ("weaker", f"it is for {name}, this machine is {platform.machine()}")
    assert told['"/opt/deep/er/future"'] == ("weaker", f"wants Linux 99.0.0; this is {platform.release()}")
    assert len(told) == 3 and re.fullmatch(r"\d+ programs and libraries", list(told)[-1])
    assert not [r for r in rows(bundle, 0) if r["place"] == "/root/path"]


def test_all_has_bounds(program):
    """A tree of any depth, and links in circles: what was not read is said, in time."""
    bundle = program(elf(segments=[(LOAD, bytes(16), 4096)]))
    here = os.open(bundle.rootfs, os.O_RDONLY)
    for _ in range(200):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.symlink("..", "up", dir_fd=below)
        os.close(here)
        here = below
    os.close(here)
    [why] = [r["why"] for r in rows(bundle, 2, "--all") if r["place"] == "/root/path"]
    assert why == "not all of them were read: a directory lies too deep"


@root_only
def test_all_says_what_a_user_may_not_read(bundles):
    bundle = bundles(user=TESTER, config=defaults.rootless(TESTER, TESTER)).sh("exit 0")
    (bundle.rootfs / "closed").mkdir(mode=0o700)
    (bundle.rootfs / "secret").write_bytes(elf())
    (bundle.rootfs / "secret").chmod(0o600)
    for path in (bundle.rootfs / "closed", bundle.rootfs / "secret"):
        os.chown(path, 0, 0)
    [why] = [r["why"] for r in rows(bundle, 2, "--all") if r["place"] == "/root/path"]
    assert why == f"not all of them were read: 2 files and directories are closed to user {TESTER}"


def test_a_hundred_thousand_files_more_than_are_read(program, tmp_path):
    """A tree of links to one file: no more inodes than the test needs."""
    bundle = program(elf(segments=[(LOAD, bytes(16), 4096)]))
    (bundle.rootfs / "many").mkdir()
    for number in range(7):
        (bundle.rootfs / f"many/{number}").mkdir()
        here = os.open(bundle.rootfs / f"many/{number}", os.O_RDONLY)
        for i in range(30000):
            os.symlink("x", str(i), dir_fd=here)
        os.close(here)
    [why] = [r["why"] for r in rows(bundle, 2, "--all") if r["place"] == "/root/path"]
    assert why in ("not all of them were read: there are more than 200000 files", "not all of them were read: it took more than 3.5 s")


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda p: os.symlink("libc.so.6", p), lambda p: p.write_bytes(b"\x7fELF")],
                         ids=["fifo", "directory", "circle", "cut"])
def test_a_c_library_that_can_not_be_read_is_told(program, make):
    bundle = program(elf(segments=[loader("/lib/ld.so"), (LOAD, bytes(16), 4096)]))
    program(elf(kind=3, segments=[(LOAD, bytes(16), 4096)]), name="lib/ld.so")
    make(bundle.rootfs / "lib/libc.so.6")
    found = refusals(bundle, "weaker")
    assert [f[:2] for f in found] == [(ARGS, '"/lib/libc.so.6"')] and found[0][2].startswith("not read: "), found


@pytest.mark.skipif(OWN != 62, reason="the vsyscall page is x86-64's")
def test_calls_of_the_vsyscall_page_are_found(program):
    """`mov $0xffffffffff600400, %rax`, as glibc before 2.14 had it; what the kernel says to that is in /proc/self/maps."""
    code = b"\x90" * 5000 + bytes.fromhex("48c7c0000460ff") + b"\xff\xd0"
    with open("/proc/self/maps", encoding="ascii") as f:
        mode = {"r-xp": "emulate", "--xp": "xonly"}.get("".join(line.split()[1] for line in f if "[vsyscall]" in line), "none")
    bundle = program(elf(segments=[(LOAD, code, 4096)]))
    assert [r["why"] for r in rows(bundle, 1 if mode == "none" else 0) if "vsyscall" in r["why"]] == [
        f"calls vsyscall; this kernel runs with vsyscall={mode}"]
    bundle = program(elf(segments=[(LOAD, code.replace(b"\x04\x60", b"\x05\x60"), 4096)]))
    assert not [r for r in rows(bundle, 0) if "vsyscall" in r["why"]]
