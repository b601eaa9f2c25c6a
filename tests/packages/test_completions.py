# SPDX-License-Identifier: LGPL-2.1-or-later
"""Completions for bash, zsh and fish: every verb and flag of the option tables, and what each shell makes of them."""
import json
import os
import re
import subprocess

import pytest
from conftest import needs, run

FILES = {"bash": "completions/bash/tare", "zsh": "completions/zsh/_tare", "fish": "completions/fish/tare.fish"}


def flags(build, *verb):
    """The names of all flags that --help, which prints the tables, has."""
    text = run(build / "tare", "help", *verb).split("ptions:\n")[-1]  # checkpoint --help asks whether CRIU works
    return set(re.findall(r"(?<![\w-])(--?[a-z0-9][a-z0-9-]*)", "\n".join(
        re.match(r"  (?:-\w, |    )--\S+", line)[0] for line in text.splitlines() if re.match(r"  (-\w, |    )--", line))))


def verbs(build):
    text = run(build / "tare", "--help").partition("Verbs:\n")[2].partition("\n\n")[0]
    return re.findall(r"^  ([a-z]+)", text, re.M)


@pytest.fixture(name="shell", params=FILES)
def completion(request, build):
    path = build / FILES[request.param]
    assert path.exists(), "make has not made it"
    return request.param, path.read_text(encoding="utf-8")


def of_verb(shell, text, verb):
    """The part of a completion that is about a verb, or about the flags before it."""
    if shell == "bash":
        return re.search(rf"^\t'{verb}'\) echo '(.*)' ;;$", text, re.M)[1]
    if shell == "zsh":
        return re.search(rf"^\t{verb}\)\n(.*?);;$", text, re.M | re.S)[1] if verb else text.split("_arguments -C")[1].split("return\n")[0]
    condition = f"__tare_verb {verb}" if verb else "__tare_no_verb"
    rows = re.findall(rf"^complete -c tare -n '{condition}' (.*)$", text, re.M)
    return " ".join(f" --{n}" for row in rows for n in re.findall(r"-l (\S+)", row.split(" -d ")[0])) + \
        " ".join(f" -{n}" for row in rows for n in re.findall(r"-s (\S)", row.split(" -d ")[0]))


def test_every_verb_and_flag_of_the_tables_is_in_it(shell, build):
    name, text = shell
    known = verbs(build)
    assert len(known) > 15
    for verb in ["", *known]:
        part = of_verb(name, text, verb)
        given = set(re.findall(r"(?<![\w-])(--?[a-z0-9][a-z0-9-]*|-V)(?![\w])", re.sub(r"\[(\\.|[^\]\\])*\]", " ", part)))
        assert flags(build, *[verb] if verb else []) <= given, verb
        assert not {f for f in given if f.startswith("--")} - flags(build, *[verb] if verb else []), verb


def test_its_shell_can_read_it(shell, build):
    needs(shell[0])
    run(shell[0], "-n", build / FILES[shell[0]])


def complete_bash(build, line, cwd):
    """What bash offers at the end of @line, split at the characters that readline splits at."""
    words = re.findall(r"=|[^\s=]+", line) + ([""] if line.endswith(" ") else [])
    script = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tare; printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run(["bash", "--norc", "-c", script, "bash", build / FILES["bash"], *words], check=False,
                          capture_output=True, text=True, cwd=cwd, env={**os.environ, "PATH": f"{build}:{os.environ['PATH']}"})
    assert (done.returncode, done.stderr) == (0, "")
    return sorted(done.stdout.split())


@pytest.fixture(name="place")
def directory(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "some.json").touch()
    return tmp_path


@pytest.mark.parametrize("line, offered", [
    ("tare cre", ["create"]),
    ("tare --lo", ["--log", "--log-format", "--log-level"]),
    ("tare --log-format ", ["json", "text"]),
    ("tare --log-format=", ["json", "text"]),
    ("tare --log-format=j", ["json"]),
    ("tare --root sub/x cre", ["create"]),
    ("tare --root=sub/x cre", ["create"]),
    ("tare create --bu", ["--bundle"]),
    ("tare create --bundle s", ["sub"]),
    ("tare create --config s", ["some.json", "sub"]),
    ("tare --log-format json list --format ", ["json", "table"]),
    ("tare kill web K", ["KILL"]),
    ("tare box --seccomp=d", ["default"]),
    ("tare box s", ["some.json", "sub"]),
    ("tare box sub program --re", []),
    ("tare exec web --", []),
    ("tare help li", ["list"]),
])
def test_bash_offers(build, place, line, offered):
    got = complete_bash(build, line, place)
    if line.endswith("--format "):
        assert set(offered) <= set(got)
    else:
        assert got == offered


def test_bash_offers_the_containers_of_the_root_that_was_typed(build, place, monkeypatch):
    fake = place / "bin"
    fake.mkdir()
    (fake / "tare").write_text('#!/bin/sh\necho "$@" >"$LOG"\necho web\necho weather\n')
    (fake / "tare").chmod(0o755)
    monkeypatch.setenv("LOG", str(place / "log"))
    script = 'PATH=$1:$PATH; source "$2"; shift 2; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tare; printf "%s\\n" "${COMPREPLY[@]}"'
    for verb in (["state"], ["delete", "--force"], ["exec", "-u", "0"], ["kill"]):
        out = run("bash", "--norc", "-c", script, "bash", fake, build / FILES["bash"], "tare", "--root", "/some/where", *verb, "web")
        assert out.split() == ["web"], verb
        assert (place / "log").read_text() == "--root /some/where list --quiet\n"
        (place / "log").unlink()


@pytest.mark.parametrize("line, offered", [
    ("tare cre", ["create"]),
    ("tare --log-format ", ["json", "text"]),
    ("tare --log-format json cre", ["create"]),
    ("tare create --bund", ["--bundle"]),
    ("tare create cre", []),
    ("tare kill web KI", ["KILL"]),
    ("tare help li", ["list"]),
])
def test_fish_offers(build, place, line, offered):
    needs("fish")
    out = run("fish", "--no-config", "-c", f"source {build / FILES['fish']}; complete -C {json.dumps(line)}", cwd=place,
              env={"PATH": f"{build}:{os.environ['PATH']}", "HOME": str(place)})
    assert sorted(row.split("\t")[0] for row in out.splitlines()) == offered


@pytest.mark.parametrize("line, offered", [
    ("tare cre", ["create"]),
    ("tare --log-format ", ["text", "json"]),
    ("tare create --bund", ["--bundle"]),
    ("tare --log-format json kill web KI", ["KILL"]),
])
def test_zsh_offers(build, place, line, offered):
    """In a terminal of zsh's own, as completion works in nothing else: what Tab has made of the line, or lists below it."""
    needs("zsh")
    (place / "_tare").write_bytes((build / FILES["zsh"]).read_bytes())
    script = f"""
zmodload zsh/zpty
zpty z 'zsh -f -i'
read_until() {{ local got all=; while zpty -r z got "*$1*"; do all+=$got; [[ $all == *$1* ]] && break; done; print -r -- "$all"; }}
zpty -w z 'fpath=({place} $fpath); autoload -U compinit; compinit -u -D; PS1=; bindkey "^X" beep; stty -echo; print rea""dy'
read_until ready >/dev/null
zpty -n -w z {json.dumps(line)}$'\\t\\n'
zpty -w z 'print en""ded'
read_until ended
zpty -d z
"""
    out = run("zsh", "-f", "-c", script, cwd=place, timeout=600, env={"PATH": "/usr/bin:/bin", "HOME": str(place), "TERM": "dumb"})
    for word in offered:
        assert word in out, out
