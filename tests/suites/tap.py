# SPDX-License-Identifier: LGPL-2.1-or-later
"""The Test Anything Protocol: what a program's output says of itself."""
import re

PLAN = re.compile(r"^1\.\.(\d+)(?:\s*#\s*skip\S*\s*(.*))?\s*$", re.I)
LINE = re.compile(r"^(not )?ok\b(?:\s+(\d+))?(?:\s+-?\s*([^#]*))?(?:#\s*(skip|todo)\S*\s*(.*))?", re.I)
NAMED = re.compile(r"^(not )?ok\s+\d+\s+(?:- )?(.*?)(?:\s+#\s*(skip)\b\s*(.*?))?(?:\s+#\s*[\d.]+s| in [\d.]+m?s)?$", re.I)
BAIL = re.compile(r"^Bail out!\s*(.*)$")


class Tap:
    """Counts of one program's output, and what is wrong with it as TAP."""

    def __init__(self, text):
        self.passed = self.failed = self.skipped = self.todo = 0
        self.planned = self.bail = None
        self.reason = ""       # of a plan that skips all
        self.failures = []     # "3 - its name"
        self.wrong = []        # against the protocol
        self.numbers = []
        for line in text.splitlines():
            self.line(line)
            if self.bail is not None:
                break
        self.finish()

    def line(self, line):
        for pattern, take in ((BAIL, self.take_bail), (PLAN, self.take_plan), (LINE, self.take_test)):
            m = pattern.match(line)
            if m:
                take(m)
                return

    def take_bail(self, m):
        self.bail = m.group(1).strip() or "no reason given"

    def take_plan(self, m):
        if self.planned is not None:
            self.wrong.append("a second plan")
        self.planned = int(m.group(1))
        if self.planned == 0:
            self.reason = (m.group(2) or "").strip()

    def take_test(self, m):
        bad, number, name, word, _ = m.groups()
        number = int(number) if number else len(self.numbers) + 1
        if number in self.numbers:
            self.wrong.append(f"test {number} twice")
        self.numbers.append(number)
        word = (word or "").lower()
        if word == "skip":
            self.skipped += 1
        elif word == "todo":
            self.todo += 1
        elif bad:
            self.failed += 1
            self.failures.append(f"{number} {(name or '').strip()}".strip())
        else:
            self.passed += 1

    def finish(self):
        if self.bail is not None:
            return
        if self.planned is None:
            self.wrong.append("no plan")
        elif sorted(self.numbers) != list(range(1, self.planned + 1)):
            self.wrong.append(f"{self.planned} tests planned, {len(self.numbers)} reported")


def judge(text, code, timeout):
    """(pass, fail or skip; why) of a program as a whole, run by timeout(1)."""
    if code in (124, 137):
        return "fail", f"still running after {timeout:g} s"
    t = Tap(text)
    if t.bail is not None:
        return "fail", f"bail out: {t.bail}"
    counts = f"{t.passed} passed, {t.failed} failed, {t.skipped} skipped, {t.todo} to do"
    ended = f"killed by signal {code - 128}" if code > 128 else f"exit status {code}"
    if t.failed or t.wrong:
        crashed = [ended] if code > 128 or code > 0 and t.wrong else []
        return "fail", "; ".join([*crashed, counts, *t.wrong, *(f"not ok {f}" for f in t.failures)])
    if code != 0:
        return "fail", f"{ended}; {counts}"
    if t.passed == 0 and t.todo == 0:
        return "skip", t.reason or counts
    return "pass", counts


def tests(text):
    """(outcome, name, reason) of each line that names a test; why one failed is what was said before or behind it."""
    said, lines = [], text.splitlines()
    for i, line in enumerate(lines):
        m = NAMED.match(line)
        if not m:
            said = [] if PLAN.match(line) and not said else [*said, line.lstrip("# ")]
            continue
        bad, name, skip, reason = m.groups()
        name = name.rstrip()
        if skip:
            yield "skip", name, reason or "no reason given"
        elif bad:
            yield "fail", name, "\n".join([*said, *comments(lines[i + 1:])])
        else:
            yield "pass", name, ""
        said = []


def comments(lines):
    found = []
    for line in lines:
        if not line.startswith("#"):
            break
        found.append(line[1:].strip())
    return found
