# SPDX-License-Identifier: LGPL-2.1-or-later
"""`make release`: the same bytes wherever and whenever it is made, and what is in it."""
import hashlib
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import tarfile

import pytest
from conftest import TOP, clone_of, commit_in, needs, run

# what apt-get prints without a network
UNREACHABLE = "Could not (resolve|connect)|Cannot initiate the connection|Temporary failure resolving|Unable to connect|Network is unreachable"
CROSS = {"amd64": "x86_64", "arm64": "aarch64", "armhf": "arm", "riscv64": "riscv64"}


def compiler(machine):
    return f"{machine}-linux-gnu{'eabihf' if machine == 'arm' else ''}-gcc"


def release(source, output, *words, **env):
    run(source / "packaging/release", "--output", output, *words, cwd=source, env={**os.environ, **env})
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in output.iterdir()}


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """The sources of one commit, released in two places that have little in common."""
    needs("git", "autoconf", "automake", "xz")
    first = tmp_path_factory.mktemp("a")
    other = tmp_path_factory.mktemp("a-place-with-a-longer-name") / "deeper"
    other.mkdir()
    one = release(commit_in(first / "s"), first / "out", "--sources-only")
    old = os.umask(0o077)
    try:
        two = release(clone_of(first / "s", other / "sources"), other / "out", "--sources-only", TZ="Asia/Kathmandu", LC_ALL="C", USER="somebody")
    finally:
        os.umask(old)
    return first / "out", one, two


def test_the_bytes_are_the_same_in_two_places(two):
    _, one, other = two
    assert one == other
    assert {re.sub(r"\d+\.\d+\.\d+", "V", name) for name in one} == {"tare-V.tar.xz", "tare-V.spdx.json", "SHA256SUMS"}


def test_the_tarball_has_the_commits_date_and_nobodys_name(two):
    tarball = next(two[0].glob("*.tar.xz"))
    with tarfile.open(tarball) as tar:
        members = tar.getmembers()
    assert {m.mtime for m in members} == {1700000000}
    assert {(m.uid, m.gid, m.uname, m.gname) for m in members} <= {(0, 0, "", ""), (0, 0, "root", "root")}
    assert all(m.mode & 0o022 == 0 and m.mode & 0o444 == 0o444 for m in members)


def test_the_tarball_has_every_source(two):
    tarball = next(two[0].glob("*.tar.xz"))
    with tarfile.open(tarball) as tar:
        there = {name.partition("/")[2] for name in tar.getnames()}
    left_out = {".gitignore", ".gitattributes"}
    committed = run("git", "ls-files", cwd=two[0].parent / "s").splitlines()
    assert len(committed) > 100 and not {f for f in committed if pathlib.Path(f).name not in left_out} - there
    assert "configure" in there


def test_what_is_built_from_the_tarball_knows_its_commit(two, tmp_path):
    tarball = next(two[0].glob("*.tar.xz"))
    with tarfile.open(tarball) as tar:
        tar.extractall(tmp_path)
        tree = next(tmp_path.iterdir())
    commit = (tree / ".commit").read_text().strip()
    assert re.fullmatch("[0-9a-f]{12}", commit)
    run("./configure", "--without-systemd", cwd=tree)
    assert f'#define TARE_COMMIT "{commit}"' in (tree / "config.h").read_text()


def check_sbom(place):
    """Every file is in it with its sums, every relation is between things that are there, and a validator's must-haves are."""
    document = json.loads(next(place.glob("*.spdx.json")).read_text())
    assert (document["spdxVersion"], document["dataLicense"], document["SPDXID"]) == ("SPDX-2.3", "CC0-1.0", "SPDXRef-DOCUMENT")
    assert document["creationInfo"]["created"] == "2023-11-14T22:13:20Z"
    files = {f["fileName"]: {c["algorithm"]: c["checksumValue"] for c in f["checksums"]} for f in document["files"]}
    there = {f"./{p.name}": p for p in place.iterdir() if p.suffix != ".json" and p.name != "SHA256SUMS"}
    assert files.keys() == there.keys()
    for name, path in there.items():
        data = path.read_bytes()
        assert files[name] == {"SHA1": hashlib.sha1(data).hexdigest(), "SHA256": hashlib.sha256(data).hexdigest()}
    known = {"SPDXRef-DOCUMENT", *(x["SPDXID"] for x in document["files"] + document["packages"])}
    assert len(known) == 1 + len(document["files"]) + len(document["packages"])
    assert all({r["spdxElementId"], r["relatedSpdxElement"]} <= known for r in document["relationships"])
    for package in document["packages"]:
        assert {"name", "SPDXID", "downloadLocation", "versionInfo", "licenseDeclared"} <= package.keys()
    return document


def test_the_sbom_names_each_file_and_its_sums(two):
    check_sbom(two[0])


def test_the_checksums_are_right(two):
    run("sha256sum", "--check", "--strict", "SHA256SUMS", cwd=two[0])


# ---- binaries: -- --full ----


@pytest.fixture(scope="module")
def binaries(request, tmp_path_factory):
    """Twice, in two places, with the same libraries' sources, which are downloaded once."""
    if not request.config.getoption("--full"):
        pytest.skip("takes minutes and downloads libraries: tests/run packages -- --full")
    if platform.machine() != "x86_64":
        pytest.skip("Debian's cross compilers are looked for on x86_64")
    needs("git", "gperf", "libtoolize", "musl-gcc", *map(compiler, CROSS.values()))
    place = tmp_path_factory.mktemp("binaries")
    source = commit_in(place / "s")
    try:
        one = release(source, place / "out", "--keep-libraries", place / "libraries")
    except AssertionError as e:
        if "release: apt-get " in str(e) and re.search(UNREACHABLE, str(e)):
            pytest.skip("Debian's sources of the libraries can't be fetched from here")
        raise
    other = tmp_path_factory.mktemp("elsewhere")
    again = release(clone_of(source, other / "sources-of-it"), other / "out", "--libraries", place / "libraries", LC_ALL="C")
    return place / "out", one, again


def test_binaries_are_the_same_in_two_places(binaries):
    place, one, again = binaries
    assert one == again
    assert {p.name.rpartition("-")[2] for p in place.glob("*-linux-*")} == set(CROSS)


def test_the_sbom_says_what_was_linked(binaries):
    document = check_sbom(binaries[0])
    linked = {r["relatedSpdxElement"] for r in document["relationships"] if r["relationshipType"] == "STATIC_LINK"}
    assert linked == {"SPDXRef-libcap2", "SPDXRef-libseccomp", "SPDXRef-yajl", "SPDXRef-musl-dev", "SPDXRef-libc6-dev-arm64-cross",
                      "SPDXRef-libc6-dev-armhf-cross", "SPDXRef-libc6-dev-riscv64-cross"}


@pytest.mark.parametrize("arch", CROSS)
def test_a_binary_is_static_and_stripped_and_runs(binaries, arch, tmp_path):
    """An emulator of single programs makes no namespaces: there all that tare decides is run; here a container is, too."""
    binary = next(binaries[0].glob(f"*-linux-{arch}"))
    header = run("readelf", "-lSW", binary)
    assert "INTERP" not in header and ".symtab" not in header and ".debug" not in header
    assert binary.stat().st_size < 2_500_000
    ours = CROSS[arch] == platform.machine()
    emulator = [] if ours else [shutil.which(f"qemu-{CROSS[arch]}-static") or shutil.which(f"qemu-{CROSS[arch]}")]
    if emulator == [None]:
        pytest.skip(f"no qemu-{CROSS[arch]}")

    def tare(*words):
        return run(*emulator, binary, "--root", tmp_path / "state", *words)

    assert re.search(r"^commit: [0-9a-f]{12}$", tare("--version"), re.M)
    (tmp_path / "root/bin").mkdir(parents=True)
    (tmp_path / "say.c").write_text('#include <unistd.h>\nint main(void) { return write(1, "said\\n", 5) != 5; }\n')
    run(compiler(CROSS[arch]), "-static", "-o", tmp_path / "root/bin/say", tmp_path / "say.c")
    plan = tare("box", "--plan", tmp_path / "root", "say")
    assert "new pid,ipc,uts,mount" in plan and 'exec            "say"' in plan, plan
    tare("box", "--emit-config", tmp_path / "out", tmp_path / "root", "say")
    assert '"path": ' in (tmp_path / "out/config.json").read_text()
    if ours and os.geteuid() == 0:
        assert tare("box", "--quiet", tmp_path / "root", "say") == "said\n"


# ---- packages of distributions: -- --full ----


def test_debian_packages(full, tmp_path):
    needs("dpkg-buildpackage", "dh", "lintian")
    lacking = subprocess.run(["dpkg-checkbuilddeps", TOP / "debian/control"], check=False, capture_output=True, text=True)
    if lacking.returncode != 0:
        pytest.skip(lacking.stderr.strip())
    source = commit_in(tmp_path / "tare")
    shutil.rmtree(source / ".git")
    run("dpkg-buildpackage", "-us", "-uc", cwd=source)
    said = subprocess.run(["lintian", "--fail-on", "error", *tmp_path.glob("*.changes")], check=False, capture_output=True, text=True)
    assert said.returncode == 0, said.stdout
    content = {p.name.partition("_")[0]: run("dpkg", "-c", p) for p in tmp_path.glob("*.deb") if "dbgsym" not in p.name}
    assert content.keys() == {"tare", "tare-systemd", "tare-selinux", "tare-criu"}
    for name in ("tare-systemd", "tare-selinux", "tare-criu"):
        assert f" ./usr/libexec/{name}\n" in content[name] and "libexec" not in content["tare"]
    for name in ("bin/tare", "share/man/man8/tare.8.gz", "share/bash-completion/completions/tare", "share/zsh/vendor-completions/_tare",
                 "share/fish/vendor_completions.d/tare.fish", "share/doc/tare/examples/containers.conf.d/50-tare.conf"):
        assert f" ./usr/{name}\n" in content["tare"], name
    depends = run("dpkg-deb", "-f", next(tmp_path.glob("tare_*.deb")), "Depends")
    assert "libseccomp2" in depends and "libyajl2" in depends and "libsystemd" not in depends and "protobuf" not in depends


def test_rpm_packages(full, tmp_path):
    needs("rpmbuild", "rpmlint", "git")
    release(commit_in(tmp_path / "s"), tmp_path / "SOURCES", "--sources-only")
    # its needs have Fedora's names, so rpm can't look for them here
    run("rpmbuild", "-ba", "--nodeps", "--define", f"_topdir {tmp_path}", TOP / "packaging/rpm/tare.spec", cwd=tmp_path)
    names = {re.match(r"tare(-systemd|-selinux|-criu|-debug\w+)?", p.name)[0] for p in tmp_path.glob("RPMS/*/*.rpm")}
    assert {"tare", "tare-systemd", "tare-selinux", "tare-criu"} <= names
    said = subprocess.run(["rpmlint", *tmp_path.glob("RPMS/*/*.rpm")], check=False, capture_output=True, text=True).stdout
    # what the machines of a distribution put in
    assert set(re.findall(r" E: (\S+)", said)) <= {"no-signature", "no-packager-tag", "no-group-tag"}, said
