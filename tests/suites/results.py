# SPDX-License-Identifier: LGPL-2.1-or-later
"""Results of public suites that were saved in results/, and the section of docs/conformance.md made of them.

results/NAME.json is what `run --save` wrote, made short by `table`: one letter a test and runtime. reasons.json says
why tare does not pass a test: {suite: {pattern of names: reason}}, as fnmatch(3) has patterns.
"""
import collections
import fnmatch
import json
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
CONFORMANCE = HERE.parents[1] / "docs/conformance.md"
TITLE = "\n## Public suites\n"
LETTERS = {"pass": "p", "fail": "F", "skip": "-"}
OURS = "tare"

INTRO = """
What came out when `tests/suites/run` ran the suites of other projects, from checkouts of them, in namespaces and cgroups of
their own; one row a file of tests: passed / failed / skipped. Then each test that tare does not pass, and why.
"""


def load():
    return [json.loads(p.read_text(encoding="utf8")) for p in sorted((HERE / "results").glob("*.json"))]


def reasons():
    return json.loads((HERE / "reasons.json").read_text(encoding="utf8"))


def shorten(saved, revision):
    """What `run` saved, as it is kept."""
    names = sorted(saved["columns"], key=lambda n: n != OURS)
    tests = list(dict.fromkeys(t for n in names for t in saved["columns"][n]["tests"]))
    return {"suite": saved["suite"], "revision": revision, "layout": saved["layout"],
            "runtimes": {n: saved["columns"][n]["version"] for n in names},
            "tests": {t: "".join(LETTERS[saved["columns"][n]["tests"].get(t, ("skip",))[0]] for n in names) for t in tests}}


def reason(run, test, why):
    """Why tare does not pass @test of @run, or None."""
    return next((text for pattern, text in why.get(run["suite"], {}).items() if fnmatch.fnmatchcase(test, pattern)), None)


def failed(run):
    return [test for test, letters in run["tests"].items() if letters[0] == "F"]


def unexplained():
    why = reasons()
    return [f"{run['suite']}: {test}" for run in load() for test in failed(run) if reason(run, test, why) is None]


def idle_reasons():
    """Reasons for tests that tare passes."""
    tests = collections.defaultdict(set)
    for run in load():
        tests[run["suite"]] |= set(failed(run))
    return [f"{suite}: {pattern}" for suite, patterns in reasons().items() for pattern in patterns
            if not fnmatch.filter(tests[suite], pattern)]


def counts(letters):
    return " / ".join(str(letters.count(letter)) for letter in "pF-")


def by_file(run):
    files = collections.defaultdict(list)
    for test, letters in run["tests"].items():
        files[test.split(": ")[0] if ": " in test else "all programs"].append(letters)
    return files


def escape(text):
    return text.replace("|", "\\|").replace("<", "&lt;")


def tables(run, why):
    names = [f"{n} {v.split()[-1]}" if n != OURS else n for n, v in run["runtimes"].items()]
    yield f"\n### {run['suite']} ({run['revision']}), cgroup layout {run['layout']}\n\n"
    yield f"| file | {' | '.join(names)} |\n|{' --- |' * (len(names) + 1)}\n"
    for file, rows in by_file(run).items():
        yield f"| {file} | {' | '.join(counts([r[i] for r in rows]) for i in range(len(names)))} |\n"
    everything = list(run["tests"].values())
    yield f"| **all** | {' | '.join(counts([r[i] for r in everything]) for i in range(len(names)))} |\n"
    bad = failed(run)
    if bad:
        yield f"\n| test | {' | '.join(names[1:])} | why tare does not pass |\n|{' --- |' * (len(names) + 1)}\n"
    words = {"p": "passes", "F": "fails", "-": "skips"}
    for test in bad:
        peers = " | ".join(words[letter] for letter in run["tests"][test][1:])
        yield f"| {escape(test)} | {peers} | {escape(reason(run, test, why) or '')} |\n"


def section():
    why = reasons()
    yield TITLE
    yield INTRO
    for run in load():
        yield from tables(run, why)
