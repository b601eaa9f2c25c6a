# SPDX-License-Identifier: LGPL-2.1-or-later
"""What `make install` puts where, and that all packages are of one version."""
import os
import re
import stat
import subprocess

import pytest
from conftest import TOP, needs, run

INSTALLED = {
    "bin/tare": 0o755,
    "share/bash-completion/completions/tare": 0o644,
    "share/doc/tare/examples/containers.conf.d/50-tare.conf": 0o644,
    "share/fish/vendor_completions.d/tare.fish": 0o644,
    "share/man/man8/tare.8": 0o644,
    "share/zsh/site-functions/_tare": 0o644,
}


@pytest.fixture(scope="module")
def prefix(build, tmp_path_factory):
    place = tmp_path_factory.mktemp("install")
    run("make", "install", f"DESTDIR={place}", cwd=build)
    return next(place.rglob("bin/tare")).parents[1]


def test_what_is_installed(prefix):
    there = {str(p.relative_to(prefix)): stat.S_IMODE(p.stat().st_mode) for p in prefix.rglob("*") if p.is_file()}
    for helper in ("systemd", "criu", "selinux"):  # where libsystemd, protobuf-c, libselinux is
        assert there.pop(f"libexec/tare-{helper}", 0o755) == 0o755
    assert there == INSTALLED


def code_block(page, word):
    """The first indented block of a page that has @word."""
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", page, re.M)
    return next(re.sub(r"^    ", "", b, flags=re.M).strip() for b in blocks if word in b)


def test_the_example_for_podman_is_that_of_its_page_and_names_what_is_installed(build, prefix):
    text = (prefix / "share/doc/tare/examples/containers.conf.d/50-tare.conf").read_text()
    said = "\n".join(line for line in text.splitlines() if not line.startswith("#")).strip()
    page = code_block((TOP / "docs/engines/podman.md").read_text(encoding="utf-8"), "append=true")
    assert re.sub(r"^tare = .*", "", said, flags=re.M) == re.sub(r"^tare = .*", "", page, flags=re.M)
    configured = re.search(r"^prefix = (.*)$", (build / "Makefile").read_text(), re.M)[1]
    assert said.splitlines()[-1] == f'tare = ["{configured}/bin/tare"]' and str(prefix).endswith(configured)


def test_podman_takes_the_example(prefix, tmp_path):
    needs("podman")
    conf = prefix / "share/doc/tare/examples/containers.conf.d/50-tare.conf"
    if int(re.search(r"version (\d+)", run("podman", "--version"))[1]) < 5:
        pytest.skip("podman before 4.8 knows no append: docs/engines/podman.md has what it takes")
    # with a storage of its own: that of the machine may be in use, or left in disorder
    storage = ["--root", tmp_path / "root", "--runroot", tmp_path / "run", "--storage-driver", "vfs"]
    out = run("podman", *storage, "info", "--format", "{{.Host.OCIRuntime.Name}}", env={**os.environ, "CONTAINERS_CONF_OVERRIDE": str(conf)})
    assert out == "tare\n"


def test_uninstall_leaves_nothing(build, tmp_path):
    run("make", "install", f"DESTDIR={tmp_path}", cwd=build)
    assert list(tmp_path.rglob("bin/tare"))
    run("make", "uninstall", f"DESTDIR={tmp_path}", cwd=build)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def version():
    return re.search(r"AC_INIT\(\[tare\], \[([^]]+)\]", (TOP / "configure.ac").read_text(encoding="utf-8"))[1]


@pytest.mark.parametrize("file, pattern", [
    ("debian/changelog", r"^tare \(([^)]+)\)"),
    ("packaging/rpm/tare.spec", r"^Version: +(\S+)"),
    ("packaging/alpine/APKBUILD", r"^pkgver=(\S+)"),
    ("packaging/nix/package.nix", r'version = "([^"]+)"'),
    ("NEWS.md", r"^## (\d\S+)"),
])
def test_all_packages_are_of_the_version(file, pattern):
    assert re.search(pattern, (TOP / file).read_text(encoding="utf-8"), re.M)[1] == version()


def processors(text):
    names = {"amd64": "x86_64", "arm64": "aarch64", "armhf": "arm", "armv7": "arm"}
    return {names.get(word, word) for word in re.findall(r"amd64|arm64|x86_64|aarch64|riscv64|armhf|armv7", text)}


@pytest.mark.parametrize("file, pattern", [
    ("debian/control", r"^Architecture: (.*)"),
    ("packaging/rpm/tare.spec", r"^ExclusiveArch: (.*)"),
    ("packaging/alpine/APKBUILD", r"^arch=(.*)"),
    ("packaging/nix/package.nix", r"platforms = (.*)"),
])
def test_packages_are_for_the_processors_that_tare_knows(file, pattern):
    known = {p.stem for p in (TOP / "src/kernel/arch").glob("*.h")}
    for found in re.findall(pattern, (TOP / file).read_text(encoding="utf-8"), re.M):
        assert processors(found) == known


@pytest.mark.parametrize("argv", [
    ["rpmlint", "packaging/rpm/tare.spec"],
    ["rpmspec", "-P", "packaging/rpm/tare.spec"],
    ["sh", "-n", "packaging/alpine/APKBUILD"],
    ["nix-instantiate", "--parse", "packaging/nix/package.nix"],
    ["dpkg-parsechangelog", "-l", "debian/changelog"],
    ["shellcheck", "debian/tests/podman"],
    ["shellcheck", "-s", "sh", "-e", "SC2034,SC2154", "packaging/alpine/APKBUILD"],
])
def test_packages_are_well_formed(argv, tmp_path):
    needs(argv[0])
    env = {**os.environ, "NIX_STATE_DIR": str(tmp_path), "NIX_STORE_DIR": "/nix/store", "HOME": str(tmp_path)}
    done = subprocess.run(argv, cwd=TOP, check=False, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done
    assert " E: " not in done.stdout
