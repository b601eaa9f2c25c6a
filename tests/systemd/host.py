# SPDX-License-Identifier: LGPL-2.1-or-later
"""A bundle for systemd's cgroups, and what systemd says of units."""
import json
import os
import pathlib
import subprocess

import harness

ROOTLESS = os.geteuid() != 0
V1 = not pathlib.Path("/sys/fs/cgroup/cgroup.controllers").exists()
SYSTEMCTL = ["systemctl", "--user"] if ROOTLESS else ["systemctl"]
UID = os.geteuid()
MANAGER = f"/user.slice/user-{UID}.slice/user@{UID}.service" if ROOTLESS else ""
SLICE = "user.slice" if ROOTLESS else "system.slice"
TOP = pathlib.Path("/sys/fs/cgroup")


def systemctl(*words, check=True):
    return subprocess.run([*SYSTEMCTL, *words], capture_output=True, text=True, check=check, timeout=200)


class Bundle(harness.Bundle):
    """Calls create, run and plan with --systemd-cgroup, and nothing else."""

    def __init__(self, *args, **kw):
        super().__init__(*args, **kw)
        self.linux.pop("cgroupsPath", None)
        self.linux["namespaces"].append({"type": "cgroup"})
        if ROOTLESS:
            self.linux.pop("resources")
            self.linux["namespaces"].append({"type": "user"})
        self.unit = f"tare-{self.id}.scope"

    def verb(self, verb, *flags, glob=(), tail=(), **kw):
        systemd = ["--systemd-cgroup"] if verb in ("create", "run", "plan") else []
        kw.setdefault("timeout", 60)
        return super().verb(verb, *flags, glob=[*systemd, *glob], tail=tail, **kw)

    def at(self, slice_, prefix, name=None):
        name = name or self.id
        self.linux["cgroupsPath"] = f"{slice_}:{prefix}:{name}"
        self.unit = f"{prefix}-{name}.scope" if prefix else f"{name}.scope"
        return self

    def annotate(self, **values):
        self.config.setdefault("annotations", {}).update(values)
        return self

    def show(self, *names):
        """Properties of the unit, as systemd prints them."""
        out = systemctl("show", self.unit, *(f"--property={n}" for n in names)).stdout
        return dict(line.split("=", 1) for line in out.splitlines())

    def cgroup_path(self):
        """In v2, or the named hierarchy."""
        groups = harness.cgroups_of(self.pid)
        return groups["systemd"] if V1 else groups[""]

    def read(self, file, above=""):
        return (TOP / self.cgroup_path().lstrip("/") / above / file).read_text().strip()

    def steps(self):
        if self.written != json.dumps(self.config):
            self.write()
        return json.loads(self.verb("plan", "--json", "--bundle", self.dir).ok().out)
