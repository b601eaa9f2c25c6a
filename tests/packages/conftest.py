# SPDX-License-Identifier: LGPL-2.1-or-later
"""--full: packages and binaries that take minutes. TARE_BUILD: the build directory, if not the top of the sources."""
import os
import pathlib
import shutil
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
NEEDED = ["src", "libocispec", "tests", "bench", "docs", "packaging", "debian", ".github", ".ci"]


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="Debian and RPM packages, binaries for each processor")


@pytest.fixture(scope="session")
def build():
    path = pathlib.Path(os.environ.get("TARE_BUILD", TOP))
    if not (path / "tare").exists():
        pytest.skip(f"{path}/tare is not built")
    return path


@pytest.fixture(name="full")
def only_if_full(request):
    if not request.config.getoption("--full"):
        pytest.skip("takes minutes: tests/run packages -- --full")


def needs(*programs):
    for program in programs:
        if not shutil.which(program):
            pytest.skip(f"{program} is not on this machine")


def run(*argv, **kw):
    done = subprocess.run(list(map(str, argv)), check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL, **kw)
    assert done.returncode == 0, f"{argv}: {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def files_of_the_sources():
    listed = subprocess.run(["git", "-C", TOP, "ls-files", "-co", "--exclude-standard"], check=False, capture_output=True,
                            text=True).stdout.splitlines()
    found = listed or [str(p.relative_to(TOP)) for top in NEEDED for p in (TOP / top).rglob("*")] + \
        [p.name for p in TOP.iterdir() if p.suffix in (".md", ".ac", ".am", ".sh", "") or p.name.startswith(".clang")]
    return [name for name in found if (TOP / name).is_file() and "__pycache__" not in name]


def commit_in(place):
    """A repository of the sources at @place, with one commit. A second one is a clone of it: the sources may change meanwhile."""
    for name in files_of_the_sources():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(TOP / name, place / name, follow_symlinks=False)
    env = {**os.environ, "HOME": str(place), "GIT_CONFIG_NOSYSTEM": "1"}
    env |= {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", "t"), ("EMAIL", "t@t.invalid"), ("DATE", "1700000000 +0000"))}
    for words in (["init", "-q"], ["add", "-Af"], ["commit", "-qm", "all"]):
        run("git", "-c", "core.fileMode=true", *words, cwd=place, env=env)
    return place


def clone_of(repository, place):
    run("git", "clone", "-q", "--no-hardlinks", repository, place, env={**os.environ, "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(place.parent)})
    return place
