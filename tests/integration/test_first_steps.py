# SPDX-License-Identifier: LGPL-2.1-or-later
"""The first steps of README, manual page and documents, typed in an empty directory, as root and as an ordinary user.

`tare spec && tare plan` was an error: plan had been tried with bundles alone that were ready to run. What stands in the documents
is typed as it stands there, so a step that is changed there is tried, and a new one fails the list of those below.
"""
import json
import os
import pathlib
import re
import shutil

import pytest

from harness import BINARY, ROOT, TESTER, as_user, command, poll, root_only, tare_only

pytestmark = [tare_only, root_only]

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
PROMPT = re.compile(r"^# (.*)$", re.M)


def console_blocks(text, heading):
    """The commands of each ```console block below @heading, up to the next heading."""
    section = text.split(f"\n## {heading}\n", 1)[1].split("\n## ")[0]
    return [PROMPT.findall(block) for block in re.findall(r"```console\n(.*?)```", section, re.S)]


def manual_examples():
    text = (TOP / "docs/tare.8.in").read_text(encoding="utf8").split(".SH EXAMPLES", 1)[1].split(".SH", 1)[0]
    return PROMPT.findall(text.replace(r"\-", "-"))


def readme():
    """Read by those tests alone that are about it: the VM has the tests without the documents."""
    return console_blocks((TOP / "README.md").read_text(encoding="utf8"), "Five minutes")


class Person:
    """Types commands in an empty directory; `tare` is in the PATH, and keeps its state with that of the tests."""

    def __init__(self, scratch, user=None):
        self.home, self.user = scratch / "home", user
        self.state = ROOT if user is None else scratch / "state"
        tools = scratch / "tools"
        for path in (self.home, tools):
            path.mkdir()
        scratch.chmod(0o755)
        self.state.mkdir(0o700, exist_ok=True)
        if user is not None:
            os.chown(self.state, user, user)
            os.chown(self.home, user, user)
        (tools / "tare").write_text(f'#!/bin/sh\nexec {BINARY} --root {self.state} "$@"\n')
        (tools / "tare").chmod(0o755)
        self.env = {"PATH": f"{tools}:{os.environ['PATH']}", "HOME": str(self.home), "TERM": "dumb"}

    def argv(self, line):
        return [*(as_user(self.user) if self.user is not None else []), "sh", "-c", line]

    def types(self, line, **kw):
        return command(*self.argv(line), cwd=self.home, env=self.env, **kw)

    def change(self, path, change):
        file = self.home / path
        config = json.loads(file.read_text())
        change(config)
        file.write_text(json.dumps(config))


@pytest.fixture(params=["root", "user"])
def person(request, scratch):
    return Person(scratch, TESTER if request.param == "user" else None)


@pytest.fixture
def root(scratch):
    return Person(scratch)


def enters(person, terminal, line, type_, expect):
    """@line in a terminal: @type_ is typed there, and @expect comes."""
    where = f"cd {person.home} && PATH={person.env['PATH']} && export PATH && {line}"
    proc = terminal.spawn(person.argv(where))
    terminal.expect("# ")
    terminal.write(type_.encode())
    text = terminal.expect(expect)
    assert proc.wait(20) == 0, text


# --- one verb after the other, in an empty directory


@pytest.mark.parametrize("flag", ["", " --rootless"])
def test_spec_and_plan_in_an_empty_directory(person, flag):
    r = person.types(f"tare spec{flag} && tare plan")
    assert r.code == 0 and r.out.count("\n") > 30, r
    assert " exec " in r.out.splitlines()[-1]
    assert sorted(os.listdir(person.home)) == ["config.json"]


def test_plan_shows_what_create_would_do_given_a_console_socket(person):
    person.types("tare spec").ok()
    ops = [s["operation"] for s in json.loads(person.types("tare plan --json").ok().out)]
    assert "open-console" in ops and ops[ops.index("open-console") + 1] == "pass-console"


def test_plan_says_what_is_not_there_yet(root):
    root.types("tare spec").ok()
    r = root.types("tare --log-level=warning plan").ok()
    assert f'/root/path: "{root.home}/rootfs" is not there yet\n' in r.err
    (root.home / "rootfs").mkdir()
    assert root.types("tare --log-level=warning plan").ok().err == ""


def test_a_rootfs_that_is_no_directory_is_no_plan(root):
    root.types("tare spec && touch rootfs").ok()
    assert '"' in root.types("tare plan").err and root.types("tare plan").code == 1


@pytest.mark.parametrize("line, words", [
    ("tare run x", 'no such file or directory ("tare spec" writes one to begin with, for an ordinary user "tare spec --rootless")'),
    ("tare plan", 'no such file or directory ("tare spec" writes one to begin with, for an ordinary user "tare spec --rootless")'),
    ("tare spec --rootless; tare run x", "rootfs\": no such file or directory (a bundle has config.json and a directory with the root "
     "file system: put one there)"),
    ("tare spec --rootless; mkdir rootfs; tare create x", "cannot allocate tty if tare will detach without setting console socket "
     '(set it to false, give --console-socket, or use "tare run")'),
    ("tare spec --rootless; mkdir rootfs; tare run x </dev/null", "executable file not found in $PATH (PATH is "),
    ("tare spec; tare spec", "File config.json exists. Remove it first"),
    ("tare start x", 'container does not exist: "x"'),
    ("tare exec x sh", 'container does not exist: "x"'),
    ("tare rn x", 'did you mean "run"?'),
])
def test_a_step_too_early_says_which_is_missing(person, line, words):
    r = person.types(line)
    assert r.code != 0 and words in r.err and r.err.count("\n") == 1, r


def test_an_ordinary_user_without_a_user_namespace_hears_of_rootless(scratch):
    person = Person(scratch, TESTER)
    r = person.types("tare spec; mkdir rootfs; tare run x")
    assert r.code == 1 and '(run as root, or add a user namespace as "tare spec --rootless" does)' in r.err, r


def test_list_without_a_container_is_a_heading(person):
    assert [line.split()[0] for line in person.types("tare list").ok().lines] == ["ID"]


# --- README


def test_the_steps_of_the_readme_are_those_that_are_walked():
    assert [[line for line in block if line.startswith("tare ")] for block in readme()] == [
        ["tare spec --bundle web", "tare run --bundle web hello"],
        ["tare box web/rootfs echo hello"],
        ["tare create --bundle web web", "tare state web", "tare start web", "tare list", "tare kill web KILL",
         "tare delete web"],
        ["tare plan --bundle web"],
        ["tare run --bundle web web"] * 3,
    ]


def make_bundle(person):
    for line in readme()[0][:-1]:
        person.types(line).ok()
    assert readme()[0][-1] == "tare run --bundle web hello"


def test_the_readmes_bundle_is_run_and_asked_for_its_pid(root, terminal):
    make_bundle(root)
    enters(root, terminal, readme()[0][-1], "echo pid=$$; exit\n", "pid=1")


def test_the_same_bundle_for_an_ordinary_user(scratch, terminal):
    person = Person(scratch, TESTER)
    for line in readme()[0][:-1]:
        person.types(line.replace("tare spec", "tare spec --rootless")).ok()
    enters(person, terminal, readme()[0][-1], "echo pid=$$; exit\n", "pid=1")


def test_the_readmes_box(root):
    make_bundle(root)
    assert root.types(readme()[1][0]).ok().out == "hello\n"


def test_the_readmes_life_of_a_container(root):
    make_bundle(root)

    def sleep(config):
        config["process"].update(args=["sleep", "1000"], terminal=False)
    root.change("web/config.json", sleep)
    create, state, start, list_, kill, delete = readme()[2]
    try:
        root.types(create).ok()
        assert list(json.loads(root.types(state).ok().out)) == ["ociVersion", "id", "pid", "status", "bundle", "rootfs", "created",
                                                               "owner"]
        root.types(start).ok()
        assert "web" in [line.split()[0] for line in root.types(list_).ok().lines]
        root.types(kill).ok()
        poll(lambda: json.loads(root.types(state).ok().out)["status"] == "stopped", "the end")
        root.types(delete).ok()
    finally:
        root.types("tare delete --force web")


@pytest.mark.parametrize("ready", [True, False])
def test_the_readmes_plan(root, ready):
    """As it stands there, in that order and without a gap but for its `...`; and before there is a root file system."""
    make_bundle(root)
    if not ready:
        shutil.rmtree(root.home / "web/rootfs")
    steps = r"^ +\d+  (host|init)  ([a-z-]+)|^  (\.\.\.)$"
    shown = [found[:2] for found in re.findall(steps, (TOP / "README.md").read_text(encoding="utf8"), re.M)]
    got = [found[:2] for found in re.findall(steps, root.types(readme()[3][0]).ok().out, re.M)]
    at, gap = got.index(("init", "enter-session")), False  # before it the steps are those of cgroup v2
    for step in shown[shown.index(("init", "enter-session")):]:
        if step == ("", ""):
            gap = True
            continue
        at = got.index(step, at) if gap else at
        assert got[at] == step, (step, got)
        at, gap = at + 1, False


# --- the manual page


def test_the_steps_of_the_manual_page(root, terminal):
    lines = manual_examples()
    assert [line.split(" --")[0] for line in lines[1:]] == ["tare spec", "tare plan", "tare run"]
    for line in lines[:-1]:
        root.types(line).ok()
    enters(root, terminal, lines[-1], "echo pid=$$; exit\n", "pid=1")
