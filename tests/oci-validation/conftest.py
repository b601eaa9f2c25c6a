# SPDX-License-Identifier: LGPL-2.1-or-later
"""The fixtures of tests/integration, and a bundle whose program is the probe."""
import collections
import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
INTEGRATION = HERE.parent / "integration"
sys.path.insert(0, str(INTEGRATION))
sys.path.insert(0, str(HERE))

# its conftest under another name: pytest keeps "conftest" for this one
_spec = importlib.util.spec_from_file_location("integration_conftest", INTEGRATION / "conftest.py")
base = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(base)

import harness  # noqa: E402
import sentences  # noqa: E402
import spec_text  # noqa: E402

session, same_host, bundle = base.session, base.same_host, base.bundle
scratch, terminal, console = base.scratch, base.terminal, base.console


def pytest_addoption(parser):
    parser.addoption("--update-sentences", action="store_true", help="write sentences.json anew")
    parser.addoption("--gaps-to", metavar="FILE", help="write which tests the gaps of the contract have")


def pytest_configure(config):
    for mark in ("layouts: also run in the other cgroup layouts and the VM",
                 "v2: holds for cgroup v2 too, so it runs in that layout again",
                 "sentence(anchor, words...): what of the spec the test is about",
                 "gap(number): a row of docs/CONTRACT.md, A10"):
        config.addinivalue_line("markers", mark)
    if config.getoption("--update-sentences"):
        sentences.BOOK = sentences.Book(sentences.entry(s, {}, {}) for s in spec_text.all_sentences())
    if config.getoption("--update-sentences") or config.getoption("--gaps-to"):
        return
    if not harness.IN_BOX:
        raise pytest.UsageError("run these through tests/run (or integration/box.py)")
    if not harness.VERSION:
        raise pytest.UsageError(f"{harness.RUNTIME} does not run")


def test_id(item):
    return f"{item.fspath.basename}::{item.name}"


def collected(items):
    """{key of a sentence: names of its tests}"""
    tests, wrong = collections.defaultdict(set), []
    for item in items:
        try:
            for k in sentences.keys_of(item):
                tests[k].add(test_id(item))
        except ValueError as e:
            wrong.append(f"{test_id(item)}: {e}")
    if wrong:
        raise pytest.UsageError("\n".join(sorted(set(wrong))))
    return tests


def by_gap(items):
    """{number of a gap: names of its tests}"""
    tests = collections.defaultdict(list)
    for item in items:
        for mark in item.iter_markers("gap"):
            tests[mark.args[0]].append(test_id(item))
    return tests


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session):
    session.config.collected = collected(session.items)
    out = session.config.getoption("--gaps-to")
    if out:
        pathlib.Path(out).write_text(json.dumps(by_gap(session.items)), encoding="utf8")
        pytest.exit("the gaps are written", 0)
    if session.config.getoption("--update-sentences"):
        entries = sentences.update(session.config.collected)
        open_ = [e for e in entries if e.get("why") == ""]
        for e in open_:
            print("neither test nor reason:", e["anchor"], e["text"][:150])
        pytest.exit(f"sentences.json: {len(entries)} sentences, {len(open_)} without test or reason", 0)


@pytest.fixture(scope="session")
def probe_program(session):
    """The probe, built once a session."""
    path, ready = harness.BOX / "probe", HERE / "probe"
    if ready.exists():  # in the VM, which has it from the host
        shutil.copy(ready, path)
    else:
        subprocess.run(["cc", "-O1", "-static", "-o", path, HERE / "probe.c"], check=True)
    path.chmod(0o755)
    return path


@pytest.fixture
def bundles(same_host):
    """As those of the integration tests, of a version that all runtimes know, and with no limit that takes a capability."""
    made = []

    def make(*args, **kw):
        made.append(harness.Bundle(*args, **kw))
        if "config" not in kw:
            made[-1].config["ociVersion"] = "1.0.2"
            del made[-1].process["rlimits"]
        return made[-1]
    yield make
    for b in reversed(made):
        b.clean()


class Probe:
    """A bundle whose program reports what it sees."""

    def __init__(self, bundle, program):
        self.bundle = bundle
        os.link(program, bundle.rootfs / "bin/probe")
        bundle.process["args"] = ["/bin/probe"]

    def ask(self, *requests):
        self.bundle.process["args"] = ["/bin/probe", *requests]
        return self

    def see(self, *requests, **kw):
        """Run to its end; the report."""
        if requests:
            self.ask(*requests)
        return Report(json.loads(self.bundle.run(**kw).ok().out))

    def stay(self, *requests):
        """Ready for create and start: reports into a file and waits for a signal."""
        self.bundle.writable()
        return self.ask("out:/seen", "stay", *requests)

    def up(self, *requests):
        """Created and started; the report."""
        self.stay(*requests)
        self.bundle.create().ok()
        self.bundle.start().ok()
        return self.seen()

    def seen(self):
        path = self.bundle.rootfs / "seen"
        harness.poll(path.exists, "the probe's report")
        return Report(json.loads(path.read_text()))


class Report(dict):
    """What the probe saw, with the kernel's tables taken apart."""

    @property
    def mounts(self):
        return harness.mounts_of(self["mountinfo"]["text"])

    def mount(self, target):
        return harness.mount_at(self.mounts, target)

    @property
    def status(self):
        lines = (line.partition(":") for line in self["status"]["text"].splitlines())
        return {k: v.strip() for k, _, v in lines}

    def caps(self, kind):
        return int(self.status[f"Cap{kind}"], 16)

    def asked(self, request):
        return self["asked"][request]

    def text(self, path):
        return self["asked"][f"file:{path}"].get("text")


@pytest.fixture
def probe(bundle, probe_program):
    return Probe(bundle, probe_program)


@pytest.fixture
def probes(bundles, probe_program):
    return lambda *a, **kw: Probe(bundles(*a, **kw), probe_program)
