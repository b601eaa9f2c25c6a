# SPDX-License-Identifier: LGPL-2.1-or-later
"""The public suites: what a checkout of each has to hold, how a unit of its tests is run, and what its output says.

A unit is what one box runs: a file of tests, or one program. Every suite has the same members:

    marker      a path by which a checkout of the suite is known
    missing()   what is not built or not there, each with the command that makes it; nothing is built here
    units()     the names of all units, relative to the checkout
    command()   (argv, environment) of one unit
    results()   {test: (outcome, reason)} of its output; a test that never answered is a failure
"""
import ast
import importlib.util
import os
import re
import shlex

import tap

PYTHON = "/usr/bin/python3"
INSIDE = "/mnt/tests"  # where the box shows the checkout
ALONE = "unshare --pid --fork --kill-child --mount-proc"  # a killed test leaves no container to the next one


class RuntimeTools:
    """opencontainers/runtime-tools: one executable a test, validation/**/*.t."""
    marker = "validation"

    def __init__(self, checkout, timeout):
        self.checkout, self.timeout = checkout, timeout

    def missing(self):
        if not self.units():
            yield f"{self.checkout}/validation has no *.t: make runtimetest validation-executables"

    def units(self):
        return sorted(str(p.relative_to(self.checkout)) for p in (self.checkout / self.marker).glob("**/*.t"))

    def tests(self, unit):
        return [unit.removeprefix("validation/")]

    def command(self, unit, runtime):
        return ["timeout", "-k", "5", str(self.timeout), f"./{unit}"], {"RUNTIME": runtime}

    def results(self, unit, text, code):
        """The whole program is one test: its lines have no names of their own."""
        return {self.tests(unit)[0]: tap.judge(text, code, self.timeout)}


class Bats:
    """runc's tests/integration: bats files, helper programs of tests/cmd, two images in tests/integration/testdata."""
    marker = "tests/integration/helpers.bash"
    TEST = re.compile(r'^@test "(.*)" \{$', re.M)
    SPECIAL = re.compile(r"[][(){}.*+?^$|\\]")  # what means something in the expression of --filter

    def __init__(self, checkout, timeout):
        self.checkout, self.timeout = checkout, timeout

    def missing(self):
        if not any((self.checkout / "tests/cmd/_bin").glob("*")):
            yield f"{self.checkout}/tests/cmd/_bin has no helper programs: make test-binaries"
        for image in ("busybox", "debian"):
            if not any((self.checkout / "tests/integration/testdata").glob(f"{image}-*.tar*")):
                yield f"{self.checkout}/tests/integration/testdata has no {image} image: get-images.sh names it"

    def units(self):
        return sorted(str(p.relative_to(self.checkout)) for p in (self.checkout / "tests/integration").glob("*.bats"))

    def tests(self, unit):
        names = self.TEST.findall((self.checkout / unit).read_text(encoding="utf8"))
        return [f"{unit.rsplit('/', 1)[1]}: {name.replace(chr(92), '').strip()}" for name in names]

    def command(self, unit, runtime):
        names = [self.SPECIAL.sub(r"\\\g<0>", t.split(": ", 1)[1]) for t in self.tests(unit)]
        argv = ["sh", "-c", each(f'{ALONE} bats --tap --filter "^$test *\\$"'), "each", unit, str(self.timeout), *names]
        # some of the tests run a container on the controlling terminal
        return ["script", "-qec", shlex.join(argv), "/dev/null"], {"RUNC": runtime, "LC_ALL": "C.UTF-8"}

    def results(self, unit, text, _):
        return named(self.tests(unit), unit.rsplit("/", 1)[1], text)


class Crun:
    """crun's tests/test_*.py: each a table of functions, which RUN_TESTS picks from; tests/init is what they run inside."""
    marker = "tests/tests_utils.py"

    def __init__(self, checkout, timeout):
        self.checkout, self.timeout = checkout, timeout

    def missing(self):
        if not (self.checkout / "tests/init").exists():
            yield f"{self.checkout}/tests/init is not built: ./configure && make tests/init"

    def units(self):
        return sorted(str(p.relative_to(self.checkout)) for p in (self.checkout / "tests").glob("test_*.py"))

    def names(self, unit):
        for node in ast.parse((self.checkout / unit).read_text(encoding="utf8")).body:
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict) and node.targets[0].id == "all_tests":
                return [key.value for key in node.value.keys]
        return []

    def tests(self, unit):
        return [f"{unit.rsplit('/', 1)[1]}: {name}" for name in self.names(unit)]

    def command(self, unit, runtime):
        # what the tests make is named by their pid, which other boxes have too: not in the checkout, which they share
        names = self.names(unit)
        script = 'cd "$HOME" && ' + each(f'env RUN_TESTS="$test" {PYTHON}')
        if any(" " in name for name in names):  # RUN_TESTS can't name those: the file as a whole
            script, names = f'cd "$HOME" && timeout -k 5 "$2" {PYTHON} "$1" </dev/null', []
        argv = ["sh", "-c", script, "each", f"{INSIDE}/{unit}", str(self.timeout), *names]
        return argv, {"OCI_RUNTIME": runtime, "INIT": f"{INSIDE}/tests/init",
                      "PYTHONPATH": f"{INSIDE}/tests:{os.environ.get('PYTHONPATH', '')}"}

    def results(self, unit, text, _):
        if importlib.util.find_spec("libmount") is None and "import libmount" in (self.checkout / unit).read_text(encoding="utf8"):
            return {test: ("skip", "it needs util-linux' Python module libmount") for test in self.tests(unit)}
        return named(self.tests(unit), unit.rsplit("/", 1)[1], text)


class Podman:
    """containers/podman's test/system: bats files, each run as a whole, as every start of bats makes keys and ports first."""
    marker = "test/system/helpers.bash"
    # what is about the runtime; the others are about images, networks, units of systemd and podman's own words
    FILES = {"030-run", "032-sig-proxy", "035-logs", "037-runlabel", "040-ps", "045-start", "050-stop", "055-rm", "060-mount", "065-cp",
             "075-exec", "080-pause", "085-top", "090-events", "130-kill", "140-diff", "160-volumes", "170-run-userns", "180-blkio",
             "190-run-ipcns", "195-run-namespaces", "200-pod", "220-healthcheck", "260-sdnotify", "280-update", "420-cgroups",
             "450-interactive", "520-checkpoint", "550-pause-process", "700-play", "710-kube"}
    CONF = """[engine]
runtime = "{name}"
cgroup_manager = "cgroupfs"
events_logger = "file"
[engine.runtimes]
{name} = ["{runtime}"]
[containers]
log_driver = "k8s-file"
pids_limit = 0
"""
    SCRIPT = """mkdir -p /etc/containers/containers.conf.d "$HOME" && printf %s "$2" >/etc/containers/containers.conf.d/10-suite.conf &&
podman load -q -i testimage.tar >/dev/null && exec bats --tap "$1" </dev/null"""

    def __init__(self, checkout, timeout):
        self.checkout, self.timeout = checkout, timeout

    def missing(self):
        if not (self.checkout / "testimage.tar").exists():
            yield f"{self.checkout}/testimage.tar is not there: tests/suites/testimage {self.checkout}"

    def units(self):
        return sorted(str(p.relative_to(self.checkout)) for p in (self.checkout / "test/system").glob("*.bats") if p.stem in self.FILES)

    def tests(self, unit):
        names = Bats.TEST.findall((self.checkout / unit).read_text(encoding="utf8"))
        return [f"{unit.rsplit('/', 1)[1]}: {name.replace(chr(92), '').strip()}" for name in names]

    def command(self, unit, runtime):
        directory, name = os.path.split(runtime)
        argv = ["sh", "-c", self.SCRIPT, "podman", unit, self.CONF.format(name=name, runtime=runtime)]
        # some tests call the runtime by its name, or want a terminal
        path = f"{directory}:/usr/sbin:/usr/bin:/sbin:/bin"
        env = {"PATH": path, "LC_ALL": "C.UTF-8", "BATS_TEST_TIMEOUT": str(self.timeout), "PODMAN_TIMEOUT": str(self.timeout)}
        return ["script", "-qec", shlex.join(argv), "/dev/null"], env

    def results(self, unit, text, _):
        """By their numbers: bats puts the file's number in front of a name, what it has expanded into it, and a time-out behind it."""
        names = [test.split(": ", 1)[1] for test in self.tests(unit)]

        def rename(m):
            return f"{m[1]}{names[int(m[2]) - 1]}{m[3] or ''}" if 0 < int(m[2]) <= len(names) else m[0]
        return named(self.tests(unit), unit.rsplit("/", 1)[1], re.sub(r"^((?:not )?ok (\d+) ).*?( # skip.*)?$", rename, text, flags=re.M))


def each(command):
    """A script: the command on a file for each test by itself. One that hangs must not take those behind it along."""
    return f'file=$1 limit=$2; shift 2; for test; do timeout --foreground -k 5 "$limit" {command} "$file" </dev/null; done'


def named(tests, prefix, text):
    """{test: (outcome, reason)}: TAP whose lines name the tests."""
    found = {test: ("fail", "no answer: it did not end in time, or took the rest along") for test in tests}
    for outcome, name, reason in tap.tests(text):
        found[f"{prefix}: {name}"] = (outcome, reason)
    return found


SUITES = {"runtime-tools": RuntimeTools, "runc": Bats, "crun": Crun, "podman": Podman}
