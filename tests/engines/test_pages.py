# SPDX-License-Identifier: LGPL-2.1-or-later
"""The files that docs/engines tells people to write, taken from the pages themselves and given to the engine."""
import json
import os
import re
import tomllib

import pytest

from engine import BOX, RUNTIME, command, needs

RUNTIMES = {2: "io.containerd.grpc.v1.cri", 3: "io.containerd.cri.v1.runtime"}


def blocks(page):
    """The indented blocks of a page, without their indent; an empty line does not end one."""
    text = (BOX / "docs" / page).read_text(encoding="utf8")
    found = re.findall(r"(?:^(?: {4}.*)?\n)+", text, re.M)
    return [re.sub(r"^ {4}", "", b, flags=re.M).strip("\n") + "\n" for b in found if b.strip()]


def block(page, word):
    found = [b for b in blocks(page) if word in b]
    assert len(found) == 1, (page, word, found)
    return found[0]


def containerd_version():
    return int(re.search(r"(\d+)\.\d+\.\d+", command("containerd", "--version").out).group(1))


@needs("containerd")
@pytest.mark.parametrize("form", [2, 3])
def test_containerd_knows_runc_and_tare_by_the_file_of_the_page(form):
    if form > containerd_version() + 1:
        pytest.skip("this containerd knows no such file")
    path = BOX / f"containerd-{form}.toml"
    path.write_text(block("kubernetes.md", f"version = {form}"))
    # what it says on standard output is the configuration in force, in the form that this containerd writes
    config = tomllib.loads(command("containerd", "--config", path, "config", "dump").ok().out)
    cri = config["plugins"][RUNTIMES[config["version"]]]["containerd"]
    assert set(cri["runtimes"]) == {"runc", "tare"}
    assert cri["default_runtime_name"] == "runc"
    assert cri["runtimes"]["tare"]["options"]["BinaryName"] == "/usr/local/bin/tare"
    assert "cri" not in config.get("disabled_plugins", [])


def test_the_file_for_docker_is_json_that_names_tare():
    daemon = json.loads(block("docker.md", '"runtimes"'))
    assert daemon["runtimes"][daemon["default-runtime"]]["path"] == "/usr/local/bin/tare"


@needs("podman")
def test_podman_takes_the_file_of_the_page_that_is_for_it(tmp_path):
    version = tuple(map(int, re.search(r"(\d+)\.(\d+)", command("podman", "--version").out).groups()))
    text = block("podman.md", "append=true" if version >= (4, 8) else '"crun", "runc"')
    (tmp_path / "bin").mkdir()
    runtime = tmp_path / "bin/tare"
    runtime.symlink_to(RUNTIME)
    conf = tmp_path / "tare.conf"
    conf.write_text(text.replace("/usr/local/bin/tare", str(runtime)))
    r = command("podman", "info", "--format", "{{.Host.OCIRuntime.Name}} {{.Host.OCIRuntime.Path}}",
                env={**os.environ, "CONTAINERS_CONF": str(conf)})
    assert r.ok().text == f"tare {runtime}"


def test_the_file_for_crio_is_toml_that_names_tare():
    crio = tomllib.loads(block("crio.md", "[crio.runtime.runtimes.tare]"))["crio"]["runtime"]
    assert crio["runtimes"][crio["default_runtime"]]["runtime_path"] == "/usr/local/bin/tare"
