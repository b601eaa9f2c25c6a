# SPDX-License-Identifier: LGPL-2.1-or-later
"""buildah: run and bud with --isolation oci."""
import os
import pathlib

import pytest

import engine as shared
import page
from engine import BOX, Engine, command, needs, on_terminal

pytestmark = needs("buildah", "busybox")


class Buildah(Engine):
    @staticmethod
    def whole(*args):
        return ["buildah", "--root", BOX / "buildah", "--runroot", "/run/bah", "--storage-driver", "overlay", *args]

    def flags(self):
        return ["--isolation", "oci", "--runtime", self.runtime, "--network", "none"]

    def __call__(self, *args, **kw):
        return command(*self.whole(*args), **kw)

    def run(self, *args, flags=(), code=0, **kw):
        return self(*self.argv(*args, flags=flags), **kw).ok(code)

    def argv(self, *args, flags=()):
        return ["run", *self.flags(), *flags, "c1", "--", *args]

    def bud(self, dockerfile, *flags, code=0):
        context = BOX / "context"
        context.mkdir(exist_ok=True)
        (context / "Dockerfile").write_text(dockerfile)
        (context / "file").write_text("of the context\n")
        return self("bud", *self.flags(), "--pull-never", *flags, "-t", "out", context).ok(code)


@pytest.fixture(scope="module")
def engine():
    b = Buildah()
    b("from", "--name", "c1", "scratch").ok()
    b("add", "c1", shared.archive(), "/").ok()
    b("config", "--cmd", "sh", "c1").ok()
    b("commit", "c1", "localhost/bb").ok()
    return b


def test_run_passes_output_input_and_exit_code(engine):
    r = engine.run("sh", "-c", "cat; echo err >&2; exit 9", code=9, stdin="in")
    assert r.out == "in" and "err" in r.err


@pytest.mark.parametrize("how", ["environment", "drop-in"])
def test_the_runtime_may_be_named_once_for_all(engine, how):
    """docs/engines/buildah.md. What its script says shows that it was called."""
    script = BOX / "named"
    script.write_text(f'#!/bin/sh\necho "$*" >>{BOX}/named.calls\nexec {shared.RUNTIME} "$@"\n')
    script.chmod(0o755)
    argv = ["run", "--network", "none", "c1", "--", "echo", "hello"]
    drop_in = pathlib.Path("/etc/containers/containers.conf.d/50-tare.conf")
    if how == "environment":
        r = engine(*argv, env={**os.environ, "BUILDAH_ISOLATION": "oci", "BUILDAH_RUNTIME": str(script)})
    else:
        drop_in.parent.mkdir(parents=True, exist_ok=True)
        drop_in.write_text(f'[engine]\nruntime = "tare"\n[engine.runtimes]\ntare = ["{script}"]\n')
        try:
            r = engine(*argv, env={**os.environ, "BUILDAH_ISOLATION": "oci"})
        finally:
            drop_in.unlink()
    assert r.ok().out == "hello\n"
    assert "create --bundle" in (BOX / "named.calls").read_text()
    (BOX / "named.calls").unlink()


def test_the_commands_of_the_page(engine):
    """docs/engines/buildah.md: `make` in a container, and a build."""
    container = engine("mount", "c1").ok().text
    made = pathlib.Path(container) / "bin/make"
    made.write_text("#!/bin/sh\necho made of $(cat /proc/sys/kernel/ostype)\n")
    made.chmod(0o755)
    engine("umount", "c1").ok()
    context = BOX / "page-context"
    context.mkdir()
    (context / "Dockerfile").write_text("FROM localhost/bb\nRUN echo built >/built\n")
    lines = page.as_here(page.block("buildah.md", "buildah run"), engine.runtime)
    r = page.run(lines, cwd=context, buildah=engine.whole()).ok()
    assert "made of Linux\n" in r.out, r
    engine("from", "--name", "of-the-page", "localhost/image").ok()
    assert engine("run", *engine.flags(), "of-the-page", "--", "cat", "/built").ok().out == "built\n"
    engine("rm", "of-the-page").ok()


@pytest.mark.parametrize("program", ["no-such-program", "/no/such/program", "/etc/passwd"])
def test_a_program_that_cannot_run_is_an_error(engine, program):
    r = engine(*engine.argv(program))
    assert r.code != 0 and program in r.err, r


def test_only_stdio_reaches_the_program(engine):
    """buildah leaves pipes open in what it calls."""
    assert engine.run("ls", "/proc/self/fd").out.split() == ["0", "1", "2", "3"]


def test_a_terminal(engine):
    r = on_terminal(*engine.whole(*engine.argv("sh", "-c", "tty; exit 5", flags=["-t"])))
    assert r.code == 5 and "/dev/pts/" in r.out, r


def test_user_directory_environment(engine):
    r = engine.run("sh", "-c", "id -u; pwd; echo $A", flags=["--user", "1000", "--workingdir", "/tmp", "--env", "A=1"])
    assert r.out == "1000\n/tmp\n1\n"


def test_volumes_and_mounts(engine):
    (BOX / "vol").mkdir(exist_ok=True)
    (BOX / "vol/x").write_text("there\n")
    assert engine.run("cat", "/v/x", flags=["-v", f"{BOX}/vol:/v:ro"]).out == "there\n"
    assert "tmpfs" in engine.run("grep", " /made ", "/proc/mounts", flags=["--mount", "type=tmpfs,destination=/made"]).out


def test_capabilities_and_hostname(engine):
    r = engine.run("sh", "-c", "grep CapEff /proc/self/status; hostname", flags=["--cap-drop", "all", "--hostname", "here"])
    assert r.out.split() == ["CapEff:", "0" * 16, "here"]


def test_two_runs_see_each_others_files(engine):
    engine.run("touch", "/tmp/left")
    engine.run("test", "-e", "/tmp/left")


def test_bud(engine):
    engine.bud("FROM localhost/bb\nARG A=1\nENV B=2\nWORKDIR /made\nCOPY file .\nRUN cat file >copy && echo $A$B >>copy\n"
               "USER 1000\nRUN id -u >/tmp/who\n", "--build-arg", "A=7")
    engine("from", "--name", "made", "localhost/out").ok()
    r = engine("run", *engine.flags(), "made", "--", "cat", "/made/copy", "/tmp/who")
    assert r.ok().out == "of the context\n72\n1000\n"


def test_a_bud_that_fails_says_what(engine):
    r = engine.bud("FROM localhost/bb\nRUN exit 3\n", code=3)
    assert "exit status 3" in r.err


def test_several_stages(engine):
    engine.bud("FROM localhost/bb AS one\nRUN echo first >/x\nFROM localhost/bb\nCOPY --from=one /x /y\nRUN test -s /y\n")


def test_flags_for_the_runtime(engine):
    root = BOX / "tare-root"
    engine("run", *engine.flags(), "--runtime-flag", f"root={root}", "c1", "--", "true").ok()
    assert root.is_dir() and [n for n in os.listdir(root) if not n.startswith(".")] == []


def test_nothing_is_left_of_all_these(engine):
    root = f"/run/{engine.runtime.name}"
    assert [n for n in (os.listdir(root) if os.path.isdir(root) else []) if not n.startswith(".")] == []
