# SPDX-License-Identifier: LGPL-2.1-or-later
"""The two commands of README on bare Debian releases, each release a container of tare's own."""
import re

PROGRAM = "/src/tare/quickstart"


def test_quickstart_run_shows_a_container(debian):
    code, out = debian.run(PROGRAM, "run")
    assert code == 0, out[-6000:]
    assert re.search(r"^hello from \S+, pid 1, as root$", out, re.M), out[-6000:]
    assert re.search(r'"status": "created"', out) and re.search(r"^\.\.\. \d+ steps in all$", out, re.M), out[-6000:]


def test_the_quick_suites_pass(debian):
    code, out = debian.run(PROGRAM, "test", "--quick")
    told = re.findall(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", out, re.M)
    assert told, out[-6000:]
    passed, failed, skipped = map(int, told[-1])
    print(f"{debian.release}: {passed} passed, {failed} failed, {skipped} skipped")
    if failed:
        print(out)
    assert (code, failed) == (0, 0) and passed > 1000, re.findall(r"^(?:FAILED |ERROR |  FAIL ).*", out, re.M)
