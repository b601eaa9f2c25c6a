# SPDX-License-Identifier: LGPL-2.1-or-later
"""Why a program could not be executed: tare looks at the file when that happens, and says what is wrong with it.

Earlier tests asked for the errno's words alone, which name the file that is there, and not the one that is missing.
"""
import os
import struct

import pytest

import defaults
from harness import TESTER, root_only, tare_only

pytestmark = [tare_only, root_only]

MACHINES = {"x86_64": 62, "aarch64": 183}
HERE = os.uname().machine
OTHER = "aarch64" if HERE == "x86_64" else "x86_64"
GLIBC = {"x86_64": "/lib64/ld-linux-x86-64.so.2"}.get(HERE, "/lib/ld-linux-aarch64.so.1")
MUSL = f"/lib/ld-musl-{HERE}.so.1"


def elf(machine=HERE, loader="", kind=2, segments=None):
    """A 64-bit program without code: what the kernel looks at before it maps anything."""
    name = loader.encode() + b"\0"
    count = 2 if loader else 1
    header = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack(
        "<HHIQQQIHHHHHH", kind, MACHINES[machine], 1, 0x400000, 64, 0, 0, 64, 56, count if segments is None else segments, 0, 0, 0)

    def segment(what, offset, size):
        return struct.pack("<IIQQQQQQ", what, 5, offset, 0x400000 + offset, 0x400000 + offset, size, size,
                           4096 if what == 1 else 1)
    at = 64 + 56 * count
    if not loader:
        return header + segment(1, 0, at)
    return header + segment(3, at, len(name)) + segment(1, 0, at + len(name)) + name


def put(bundle, path, content, mode=0o755):
    full = bundle.rootfs / path.lstrip("/")
    full.parent.mkdir(parents=True, exist_ok=True)
    full.write_bytes(content if isinstance(content, bytes) else content.encode())
    full.chmod(mode)


MISSING = "no such file or directory"
FORMAT = "exec format error"

CASES = {
    "interpreter": (b"#!/bin/bash -e\n", MISSING, 'the file is there; its interpreter "/bin/bash" is not'),
    "crlf": (b"#!/bin/sh\r\necho hello\r\n", MISSING,
             r'the file is there; its interpreter "/bin/sh\r" is not: the script has CRLF line ends'),
    "relative interpreter": (b"#!tools/sh\n", MISSING, 'the file is there; its interpreter "tools/sh" is not'),
    "loader": (elf(loader="/lib/ld-mine.so.1"), MISSING, 'the file is there; its loader "/lib/ld-mine.so.1" is not'),
    "glibc without a library": (elf(loader=GLIBC), MISSING, f'the file is there; its loader "{GLIBC}" is not: it was built for '
                                "glibc, the rootfs has no C library"),
    "machine": (elf(machine=OTHER), FORMAT, f"it is for {OTHER}, this machine is {HERE}"),
    "object": (elf(kind=1), FORMAT, "it is an ELF file, but no program: an object file, or a core"),
    "no line": (b"echo hello\n", FORMAT, 'it has no "#!" line'),
    "empty": (b"", FORMAT, "it is empty"),
    "mark": (b"\xef\xbb\xbf#!/bin/sh\n", FORMAT, 'it has a byte order mark before its "#!": save it without one'),
    "no interpreter": (b"#!  \necho\n", FORMAT, 'it has a "#!" line that names no interpreter'),
    "long line": (b"#!/" + b"x" * 400 + b"\n", FORMAT, 'it has a "#!" line longer than the 255 bytes that the kernel reads'),
    "windows": (b"MZ\x90\0\x03\0\0\0", FORMAT, "it is a program for Windows"),
    "macos": (b"\xcf\xfa\xed\xfe\x07\0\0\x01", FORMAT, "it is a program for macOS"),
    "macos, several machines": (b"\xca\xfe\xba\xbe\0\0\0\x02", FORMAT, "it is a program for macOS"),
    "java": (b"\xca\xfe\xba\xbe\0\0\0\x41", FORMAT, "it is a Java class: it takes a program that runs such"),
    "wasm": (b"\0asm\x01\0\0\0", FORMAT, "it is a WebAssembly module: it takes a program that runs such"),
    "gzip": (b"\x1f\x8b\x08\0", FORMAT, "it is an archive, or compressed: unpack it first"),
    "jar": (b"PK\3\4\x14\0", FORMAT, "it is an archive, or compressed: unpack it first"),
    "xz": (b"\xfd7zXZ\0", FORMAT, "it is an archive, or compressed: unpack it first"),
    "git-lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", FORMAT,
                'it only names a file of git-lfs: "git lfs pull" gets it'),
    "binary": (b"\0\x01\x02\x03data", FORMAT, 'it is neither an ELF program nor a script with a "#!" line'),
    "cut": (elf()[:40], FORMAT, "it is an ELF file with a damaged header: was it cut short?"),
    "no segments": (elf(segments=0), FORMAT, "it is an ELF file with a damaged header: was it cut short?"),
}


@pytest.mark.parametrize("name", CASES)
def test_run_says_what_is_wrong_with_the_file(bundle, name):
    content, words, why = CASES[name]
    put(bundle, "/prog", content)
    bundle.process["args"] = ["/prog"]
    bundle.refused_at("/process/args", f'exec: "/prog": {words} ({why})')


@pytest.mark.parametrize("name", ["interpreter", "machine"])
def test_start_and_exec_say_it_too(bundle, bundles, name):
    content, words, why = CASES[name]
    put(bundle, "/prog", content)
    bundle.process["args"] = ["/prog"]
    bundle.create().ok()
    r = bundle.start()
    assert r.code == 1 and r.err.endswith(f'exec: "/prog": {words} ({why})\n'), r
    assert bundle.status() == "stopped"

    other = bundles()
    put(other, "/prog", content)
    other.stay().up()
    r = other.verb("exec", tail=["/prog"])
    assert (r.code, r.err) == (255, f'tare: exec "{other.id}": /process/args: exec failed: exec: "/prog": {words} ({why})\n')
    assert other.status() == "running"


def test_after_a_failed_start_the_container_is_stopped_at_once(bundles):
    """The socket of tare-init closes a moment before its process ends: 14 of 300 were still "running"."""
    for _ in range(40):
        bundle = bundles()
        put(bundle, "/prog", CASES["machine"][0])
        bundle.process["args"] = ["/prog"]
        bundle.create().ok()
        assert bundle.start().code == 1 and bundle.status() == "stopped"


def test_the_other_c_library_is_named(bundle):
    put(bundle, MUSL, elf())
    put(bundle, "/prog", elf(loader=GLIBC))
    bundle.process["args"] = ["/prog"]
    bundle.refused_at("/process/args", f'exec: "/prog": {MISSING} (the file is there; its loader "{GLIBC}" is not: it was built '
                      "for glibc, the rootfs has musl)")


def test_a_chain_of_files_is_followed_to_the_missing_one(bundle):
    put(bundle, "/prog", "#!/tools/one\n")
    put(bundle, "/tools/one", "#!/tools/two\n")
    put(bundle, "/tools/two", elf(loader="/lib/ld-mine.so.1"))
    bundle.process["args"] = ["/prog"]
    bundle.refused_at("/process/args", f'exec: "/prog": {MISSING} ("/tools/two" is there; its loader "/lib/ld-mine.so.1" is not)')


def test_a_circle_of_links_or_scripts_is_named(bundle):
    """Both have one errno, whose words speak of links alone."""
    (bundle.rootfs / "loop").symlink_to("loop")
    put(bundle, "/script", "#!/script\n")
    bundle.process["args"] = ["/loop"]
    bundle.refused_at("/process/args", 'exec: "/loop": too many levels of symbolic links (it is a link that leads back to itself)')
    bundle.process["args"] = ["/script"]
    bundle.refused_at("/process/args", 'exec: "/script": too many levels of symbolic links (its interpreter is a script, and that one\'s, '
                      "and so on: execve(2) follows only a few)")


def test_an_interpreter_of_another_machine_is_named(bundle):
    put(bundle, "/prog", "#!/tools/sh\n")
    put(bundle, "/tools/sh", elf(machine=OTHER))
    bundle.process["args"] = ["/prog"]
    bundle.refused_at("/process/args", f'exec: "/prog": {FORMAT} (its interpreter "/tools/sh" is for {OTHER}, this machine is '
                      f"{HERE})")


def test_a_link_that_leads_nowhere_is_named(bundle):
    (bundle.rootfs / "prog").symlink_to("/opt/nothing/here")
    bundle.process["args"] = ["/prog"]
    bundle.refused_at("/process/args", f'exec: "/prog": stat /prog: {MISSING} ("/prog" is a link to "/opt/nothing/here", and '
                      "that is not there)")


def test_a_file_that_is_not_there_is_told_as_before(bundle):
    bundle.process["args"] = ["/prog"]
    bundle.refused_at("/process/args", f'exec: "/prog": stat /prog: {MISSING}')


def test_a_program_of_the_working_directory(bundle):
    put(bundle, "/work/prog", "#!tools/sh\n")
    put(bundle, "/work/tools/sh", elf(machine=OTHER))
    bundle.process["cwd"], bundle.process["args"] = "/work", ["./prog"]
    bundle.refused_at("/process/args", f'exec: "./prog": {FORMAT} (its interpreter "tools/sh" is for {OTHER}, this machine is '
                      f"{HERE})")


# --- not allowed


def test_a_missing_x_bit_is_named(bundle):
    put(bundle, "/prog", "#!/bin/sh\n", 0o644)
    bundle.process["args"] = ["/prog"]
    bundle.refused_at("/process/args", 'exec: "/prog": permission denied (it has no x bit: chmod +x)')


def test_the_first_of_path_that_may_not_be_executed_is_named(bundle):
    put(bundle, "/a/prog", "#!/bin/sh\n", 0o644)
    put(bundle, "/b/prog", "#!/bin/sh\n", 0o744)
    bundle.process["args"], bundle.process["env"] = ["prog"], ["PATH=/nothing:/a:/b:/bin"]
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    bundle.refused_at("/process/args", 'exec: "prog": permission denied (it has no x bit: chmod +x)')


def test_an_interpreter_without_an_x_bit_is_named(bundle):
    put(bundle, "/prog", "#!/tools/sh\n")
    put(bundle, "/tools/sh", "x", 0o644)
    bundle.process["args"] = ["/prog"]
    bundle.refused_at("/process/args", 'exec: "/prog": permission denied (its interpreter "/tools/sh" has no x bit: chmod +x)')


def test_a_mode_that_is_for_others_is_told(bundle):
    put(bundle, "/prog", "#!/bin/sh\n", 0o700)
    bundle.process["args"], bundle.process["user"] = ["/prog"], {"uid": 1000, "gid": 1000}
    bundle.refused_at("/process/args", 'exec: "/prog": permission denied (it has mode 0700, which does not let this user '
                      "execute it)")


def test_a_closed_directory_is_named(bundle):
    put(bundle, "/closed/bin/prog", "#!/bin/sh\n")
    (bundle.rootfs / "closed").chmod(0o700)
    bundle.process["args"], bundle.process["user"] = ["/closed/bin/prog"], {"uid": 1000, "gid": 1000}
    bundle.refused_at("/process/args", 'exec: "/closed/bin/prog": permission denied (the directory "/closed" has mode 0700, which '
                      "may keep this user out)")


def test_a_mount_without_exec_is_named(bundle, scratch):
    (scratch / "prog").write_text("#!/bin/sh\n")
    (scratch / "prog").chmod(0o755)
    bundle.mount("/data", "bind", scratch, "bind", "noexec")
    bundle.process["args"] = ["/data/prog"]
    bundle.refused_at("/process/args", 'exec: "/data/prog": permission denied ("/data" is mounted noexec)')


def test_what_is_on_a_mount_counts_as_there(bundle, scratch):
    """It is looked at in the container's own mounts: a loader on a volume is there."""
    (scratch / "sh").write_bytes(elf(machine=OTHER))
    (scratch / "sh").chmod(0o755)
    bundle.mount("/tools", "bind", scratch, "bind")
    put(bundle, "/prog", "#!/tools/sh\n")
    bundle.process["args"] = ["/prog"]
    r = bundle.run()
    assert f'(its interpreter "/tools/sh" is for {OTHER}' in r.err, r


def test_an_interpreter_is_looked_for_in_the_container_alone(bundle, scratch):
    """A link that leads out is followed inside, where it leads nowhere."""
    (scratch / "sh").write_text("#!/bin/sh\n")
    (bundle.rootfs / "tools").symlink_to(os.path.relpath(scratch, bundle.rootfs))
    put(bundle, "/prog", "#!/tools/sh\n")
    bundle.process["args"] = ["/prog"]
    bundle.refused_at("/process/args", f'exec: "/prog": {MISSING} (the file is there; its interpreter "/tools/sh" is not)')


@pytest.mark.parametrize("kind", ["fifo", "device", "directory"])
def test_an_interpreter_that_is_no_file_does_not_hang(bundle, kind):
    (bundle.rootfs / "tools").mkdir()
    path = bundle.rootfs / "tools/sh"
    {"fifo": os.mkfifo, "device": lambda p: os.mknod(p, 0o20755, os.makedev(1, 5)), "directory": os.mkdir}[kind](path)
    path.chmod(0o755)
    put(bundle, "/prog", "#!/tools/sh\n")
    bundle.process["args"] = ["/prog"]
    bundle.refused_at("/process/args", 'exec: "/prog": permission denied')


def test_file_capabilities_beyond_the_bounding_set_are_named(bundle):
    put(bundle, "/prog", elf())
    # struct vfs_cap_data, revision 2, effective: CAP_SYS_ADMIN
    os.setxattr(bundle.rootfs / "prog", "security.capability", struct.pack("<IIIII", 0x02000001, 1 << 21, 0, 0, 0))
    bundle.process["args"] = ["/prog"]
    bundle.process["noNewPrivileges"] = False
    bundle.refused_at("/process/args", 'exec: "/prog": operation not permitted (it has file capabilities (setcap) that the '
                      "container's bounding set lacks)")


# --- behind a filter


def profile(default, *rules):
    return {"defaultAction": default, "syscalls": [{"names": names.split(), "action": action, **more}
                                                   for names, action, more in rules]}


@pytest.mark.parametrize("answer, words", [(1, "operation not permitted"), (2, MISSING), (38, "function not implemented")])
def test_a_profile_that_refuses_execve_is_blamed(bundle, answer, words):
    bundle.linux["seccomp"] = profile("SCMP_ACT_ALLOW", ("execve execveat", "SCMP_ACT_ERRNO", {"errnoRet": answer}))
    bundle.process["args"] = ["true"]
    bundle.refused_at("/process/args", f'exec: "true": {words} (linux.seccomp refuses execve)')


def test_a_list_of_allowed_calls_without_execve_is_blamed(bundle):
    """Shortened by somebody, so that tare-init can't send anything behind it either."""
    bundle.linux["seccomp"] = profile("SCMP_ACT_ERRNO", ("read write exit_group", "SCMP_ACT_ALLOW", {}))
    bundle.process["args"] = ["true"]
    bundle.refused_at("/process/args", 'exec: "true": operation not permitted (linux.seccomp refuses execve)')


def test_a_profile_that_asks_for_arguments_is_not_blamed(bundle):
    bundle.linux["seccomp"] = profile("SCMP_ACT_ALLOW", ("execve", "SCMP_ACT_ERRNO", {
        "args": [{"index": 0, "value": 0, "op": "SCMP_CMP_EQ"}]}))
    put(bundle, "/prog", b"")
    bundle.process["args"] = ["/prog"]
    bundle.refused_at("/process/args", f'exec: "/prog": {FORMAT} (it is empty)')


@pytest.mark.parametrize("action", ["SCMP_ACT_ERRNO", "SCMP_ACT_KILL_PROCESS"])
def test_where_nobody_may_wait_behind_the_filter_the_error_is_told_all_the_same(bundle, action):
    bundle.linux["seccomp"] = profile("SCMP_ACT_ALLOW", ("recvmsg", action, {}))
    put(bundle, "/prog", b"")
    bundle.process["args"] = ["/prog"]
    r = bundle.run()
    assert r.code == 1 and f'exec: "/prog": {FORMAT}' in r.err, r
    assert not bundle.exists()


def test_a_mute_profile_leaves_the_errno(bundle):
    bundle.linux["seccomp"] = profile("SCMP_ACT_ALLOW", ("sendmsg", "SCMP_ACT_ERRNO", {}))
    put(bundle, "/prog", b"")
    bundle.process["args"] = ["/prog"]
    bundle.refused_at("/process/args", f'exec: "/prog": {FORMAT}')


# --- for whom


def test_an_ordinary_user_is_told_as_well(bundles):
    b = bundles(user=TESTER, config=defaults.rootless(TESTER, TESTER))
    put(b, "/prog", "#!/bin/bash\n")
    os.chmod(b.dir.parent, 0o1777)
    b.process["args"] = ["/prog"]
    b.refused_at("/process/args", f'exec: "/prog": {MISSING} (the file is there; its interpreter "/bin/bash" is not)')


def test_without_a_mount_namespace_it_is_the_root_that_counts(bundle):
    b = bundle.chroot()
    put(b, "/work/prog", "#!tools/sh\n")
    b.process["cwd"], b.process["args"] = "/work", ["./prog"]
    r = b.run()
    assert r.err.endswith('(the file is there; its interpreter "tools/sh" is not)\n'), r


@pytest.mark.parametrize("change", [{"args": ["true", "x" * (128 << 10)]}, {"env": ["PATH=/bin", "X=" + "x" * (128 << 10)]},
                                    {"args": ["true"] + ["x" * 1000] * 8000}], ids=["argument", "variable", "all"])
def test_the_limits_of_arguments_are_told(bundle, change):
    bundle.process.update({"args": ["true"], **change})
    bundle.run().refused("/process/args", "argument list too long (one argument or variable may have 128 KiB, and all of them a "
                         "quarter of the stack's limit (RLIMIT_STACK), at most 6 MiB)")


def test_a_long_name_is_told_without_a_look(bundle):
    path = "/" + "d" * 200 + "/" + "e" * 200 + "/" + "f" * 200
    put(bundle, path, b"")
    bundle.process["args"] = [path]
    bundle.refused_at("/process/args", f'exec: "{path}": {FORMAT}')


# --- hooks


STAGES = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("name", ["crlf", "machine"])
def test_a_hook_that_can_not_be_executed_is_looked_at_too(bundle, stage, name):
    """Of the host, but for startContainer, whose path is the container's."""
    content, words, why = CASES[name]
    put(bundle, "/hook", content)
    path = "/hook" if stage == "startContainer" else str(bundle.rootfs / "hook")
    bundle.config["hooks"] = {stage: [{"path": path}]}
    r = bundle.sh("exit 0").run()
    assert r.code == (0 if stage == "poststop" else 1), r
    assert r.err.endswith(f'error running {stage} hook #0: {stage} hook "{path}" exited with 127: exec: {words} ({why})\n'), r


def test_a_hook_that_only_speaks_so_is_not_looked_at(bundle):
    """A program with the same words and exit code was executed, and nothing is wrong with its file."""
    put(bundle, "/hook", "#!/bin/sh\nprintf 'exec: no such file or directory'\nexit 127\n")
    bundle.config["hooks"] = {"createRuntime": [{"path": str(bundle.rootfs / "hook")}]}
    r = bundle.sh("exit 0").run()
    assert r.code == 1 and r.err.endswith("exited with 127: exec: no such file or directory\n"), r
