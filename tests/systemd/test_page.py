# SPDX-License-Identifier: LGPL-2.1-or-later
"""What docs/engines/systemd.md shows, from the text of the page."""
import pathlib
import subprocess

import pytest

import host
import page
from host import ROOTLESS, TOP, systemctl

root_only = pytest.mark.skipif(ROOTLESS, reason="an ordinary user can't")


@root_only
def test_the_cgroups_are_where_the_page_says(bundle):
    scope, own = [line.split()[0] for line in page.block("systemd.md", "libpod-web.scope").splitlines()]
    assert own.startswith(scope + "/")
    bundle.at("machine.slice", "libpod", "web").stay().up()
    assert pathlib.Path(own) == TOP / bundle.cgroup_path().lstrip("/")
    assert bundle.show("ControlGroup", "Delegate") == {"ControlGroup": scope.removeprefix(str(TOP)), "Delegate": "yes"}
    bundle.delete("--force").ok()
    assert not pathlib.Path(scope).exists()


@pytest.fixture
def without_delegation():
    """No drop-in for user@.service, until the test has ended."""
    service = pathlib.Path("/etc/systemd/system/user@.service.d")
    aside = service.with_name("user@.service.d.aside")
    if service.exists():
        service.rename(aside)
    systemctl("daemon-reload")
    yield
    subprocess.run(["rm", "-r", service], check=True)
    if aside.exists():
        aside.rename(service)
    systemctl("daemon-reload")


def delegated(unit):
    return set(systemctl("show", unit, "--property=DelegateControllers", "--value").stdout.split())


@root_only
def test_the_commands_of_the_page_delegate_every_controller(without_delegation):
    """To each user's systemd that starts afterwards, which is the one of a user who logs in again."""
    assert "cpuset" not in delegated("user@1234.service")
    lines = page.block("systemd.md", "/etc/systemd/system/user@.service.d")
    page.run(lines, cwd="/").ok()
    assert delegated("user@1234.service") >= {"cpu", "cpuset", "io", "memory", "pids"}
    systemctl("reset-failed", "user@1234.service", check=False)


@pytest.mark.skipif(not ROOTLESS, reason="is about an ordinary user")
def test_exec_from_outside_of_the_users_service_works_in_a_scope_of_his(bundle):
    bundle.stay().up()
    words = next(w for w in page.text_of("systemd.md").split("`") if w.startswith("systemd-run --user"))
    line = words.replace("tare exec ...", f"{host.harness.RUNTIME} --root {host.harness.ROOT} exec {bundle.id} echo hello")
    assert page.run(line, cwd="/").ok().out == "hello\n"
