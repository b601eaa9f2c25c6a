# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each file and command that docs/engines shows is executed by a test, or is marked as one that could not be tried."""
import pathlib
import re

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
ENGINES, SYSTEMD = "tests/engines/", "tests/systemd/"
UNTRIED = "untried"
# (page, how its block begins): the test that takes the block from the page
TESTS = {
    ("README.md", "[Service]"): ENGINES + "test_pages.py::test_the_unit_of_the_page_waits_for_the_program_in_the_container",
    ("buildah.md", "buildah run"): ENGINES + "test_buildah.py::test_the_commands_of_the_page",
    ("containerd.md", "ctr run"): ENGINES + "test_containerd.py::test_the_command_of_the_page",
    ("containerd.md", "echo 'annotation"): ENGINES + "test_containerd.py::test_the_commands_of_the_page_make_a_record",
    ("crio.md", "[crio.runtime]"): UNTRIED,
    ("distrobox.md", "container_manager"): ENGINES + "test_distrobox.py::test_a_distrobox_by_the_file_of_the_page",
    ("distrobox.md", "distrobox create --yes --image docker.io/library/debian:stable --name one"):
        ENGINES + "test_distrobox.py::test_a_distrobox_by_the_flag_of_the_page",
    ("distrobox.md", "distrobox create --yes --image docker.io/library/debian:stable --name two"):
        ENGINES + "test_distrobox.py::test_a_distrobox_by_the_file_of_the_page",
    ("distrobox.md", "toolbox create"): ENGINES + "test_distrobox.py::test_a_toolbox_by_the_file_of_podman",
    ("docker.md", "{"): ENGINES + "test_pages.py::test_docker_runs_by_the_file_of_the_page",
    ("docker.md", "#!/bin/sh"): ENGINES + "test_docker.py::test_the_script_of_the_docs_records_what_is_run",
    ("docker.md", "[Service]"): ENGINES + "test_docker.py::test_buildkit_takes_the_runtime_of_its_variable",
    ("kubernetes.md", "version = 2"): ENGINES + "test_pages.py::test_pods_start_by_runc_and_by_the_class_of_the_page",
    ("kubernetes.md", "version = 3"): ENGINES + "test_pages.py::test_containerd_knows_runc_and_tare_by_the_file_of_the_page",
    ("kubernetes.md", "apiVersion"): ENGINES + "test_pages.py::test_pods_start_by_runc_and_by_the_class_of_the_page",
    ("more.md", "[worker.oci]"): UNTRIED,
    ("more.md", "nerdctl run"): UNTRIED,
    ("more.md", "{{ template"): UNTRIED,
    ("nvidia.md", "podman run"): ENGINES + "test_podman_more.py::test_the_command_of_the_page_gives_a_device",
    ("nvidia.md", "[nvidia-container-runtime]"): ENGINES + "test_podman_more.py::test_nvidias_own_runtime_calls_the_first_of_its_list",
    ("podman.md", "[engine]"): ENGINES + "test_pages.py::test_podman_takes_the_file_of_the_page_that_is_for_it",
    ("slurm.md", "RunTimeQuery"): ENGINES + "test_slurm.py::test_a_task_runs_in_its_bundle",
    ("slurm.md", "srun"): ENGINES + "test_slurm.py::test_the_command_of_the_page",
    ("swarm.md", "{"): ENGINES + "test_pages.py::test_docker_runs_by_the_file_of_the_page",
    ("swarm.md", "docker node update"): ENGINES + "test_swarm.py::test_a_label_keeps_a_service_to_the_nodes_with_tare",
    ("systemd.md", "mkdir"): SYSTEMD + "test_page.py::test_the_commands_of_the_page_delegate_every_controller",
    ("systemd.md", "/sys/fs/cgroup"): SYSTEMD + "test_page.py::test_the_cgroups_are_where_the_page_says",
}
PAGES = sorted(p.name for p in (TOP / "docs/engines").glob("*.md"))


def beginnings(page):
    """The first line of each indented block."""
    text = (TOP / "docs/engines" / page).read_text(encoding="utf8")
    return [b.strip().splitlines()[0] for b in re.findall(r"(?:^(?: {4}.*)?\n)+", text, re.M) if b.strip()]


@pytest.mark.parametrize("page", PAGES)
def test_each_block_has_its_test_or_is_marked(page):
    for line in beginnings(page):
        found = [test for (name, begin), test in TESTS.items() if name == page and line.startswith(begin)]
        assert len(found) == 1, (line, found)
        if found[0] == UNTRIED:
            assert re.search(r"None of this was tried", (TOP / "docs/engines" / page).read_text(encoding="utf8"))
        else:
            path, name = found[0].split("::")
            assert re.search(rf"^def {name}\(", (TOP / path).read_text(encoding="utf8"), re.M), found[0]


def test_no_block_is_listed_that_is_on_no_page():
    for page, begin in TESTS:
        assert any(line.startswith(begin) for line in beginnings(page)), (page, begin)
