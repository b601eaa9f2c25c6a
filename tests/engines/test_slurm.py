# SPDX-License-Identifier: LGPL-2.1-or-later
"""Slurm: jobs in bundles, by oci.conf and srun --container; two nodes on one machine."""
import contextlib
import json
import os
import re
import textwrap

import pytest

import engine as shared
import page
from engine import BOX, Daemon, Engine, command, machine, needs, poll

pytestmark = needs("slurmctld", "slurmd", "srun", "munged", "ip", "busybox")

ADDRESS = "10.77.0.1"


def version():
    return int(re.search(r"(\d+)\.\d+", command("srun", "--version").ok().out)[1])


class Slurm(Engine):
    def __init__(self):
        super().__init__()
        self.dir = BOX / "slurm"
        for name in ("state", "munge"):
            (self.dir / name).mkdir(parents=True)
        command("ip", "link", "add", "br1", "type", "bridge").ok()  # it wants an address that is not loopback
        command("ip", "addr", "add", f"{ADDRESS}/24", "dev", "br1").ok()
        command("ip", "link", "set", "br1", "up").ok()
        with open("/etc/hosts", "a", encoding="utf8") as f:
            f.write(f"{ADDRESS} tare-box\n")
        # newer versions look for the program on the host first, and then ask the container for the path that they found
        (shared.rootfs() / "usr").mkdir()
        (shared.rootfs() / "usr/bin").symlink_to("../bin")
        self.write_config()
        os.environ["SLURM_CONF"] = str(self.dir / "slurm.conf")
        (self.dir / "munge.key").write_bytes(os.urandom(128))
        (self.dir / "munge.key").chmod(0o600)
        (self.dir / "munge").chmod(0o755)
        self.daemons = [Daemon("munged", "munged", "--foreground", "--force", f"--key-file={self.dir}/munge.key",
                               f"--socket={self.dir}/munge/socket", f"--pid-file={self.dir}/munge/pid", f"--seed-file={self.dir}/munge/seed",
                               f"--log-file={self.dir}/munge/log")]
        self.daemons[0].wait_for((self.dir / "munge/socket").exists, "munged")
        self.daemons.append(Daemon("slurmctld", "slurmctld", "-D"))
        self.daemons += [Daemon(f"slurmd-{n}", "slurmd", "-D", "-N", n) for n in ("n1", "n2")]
        self.daemons[-1].wait_for(lambda: command("sinfo", "-h", "-o", "%D %t").out.strip() == "2 idle", "two idle nodes")

    def write_config(self):
        (self.dir / "slurm.conf").write_text(textwrap.dedent(f"""\
            ClusterName=box
            SlurmctldHost=tare-box({ADDRESS})
            AuthType=auth/munge
            CredType=cred/munge
            AuthInfo=socket={self.dir}/munge/socket
            SlurmUser=root
            SlurmdUser=root
            StateSaveLocation={self.dir}/state
            SlurmdSpoolDir={self.dir}/spool.%n
            SlurmctldPidFile={self.dir}/slurmctld.pid
            SlurmdPidFile={self.dir}/slurmd.%n.pid
            ProctrackType=proctrack/pgid
            TaskPlugin=task/none
            MpiDefault=none
            ReturnToService=2
            NodeName=n[1-2] NodeHostname=tare-box NodeAddr={ADDRESS} Port=[17001-17002] CPUs=2 RealMemory=100
            PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
            """))
        (self.dir / "oci.conf").write_text(page.as_here(page.block("slurm.md", "RunTimeQuery="), self.runtime))

    @contextlib.contextmanager
    def using(self, runtime):
        """oci.conf is read for each step."""
        with super().using(runtime):
            self.write_config()
            yield
        self.write_config()

    def bundle(self, name, change=lambda config: None):
        top = self.dir / name
        (top / "rootfs").mkdir(parents=True)  # where it looks for it, whatever config.json says
        command("mount", "--bind", shared.rootfs(), top / "rootfs").ok()
        config = json.loads(command(shared.RUNTIME, "spec", "--bundle", top).ok() and (top / "config.json").read_text())
        config["process"]["terminal"] = False
        config["root"] = {"path": "rootfs", "readonly": False}
        config["hostname"] = name
        change(config)
        (top / "config.json").write_text(json.dumps(config))
        return top

    def srun(self, *args, flags=(), code=0, bundle=None, **kw):
        return command("srun", "--container", bundle or self.box, *flags, *args, **kw).ok(code)

    def close(self):
        for d in reversed(self.daemons):
            d.close()


@pytest.fixture(scope="module")
def engine():
    s = Slurm()
    s.box = s.bundle("box")
    yield s
    s.close()


def test_a_task_runs_in_its_bundle(engine):
    r = engine.srun("sh", "-c", "hostname; echo err >&2; ls -d /pause; echo $$")
    assert (r.out, r.err) == ("box\n/pause\n1\n", "err\n")


def test_the_command_of_the_page(engine):
    r = page.run("scontrol reconfigure\n" + page.block("slurm.md", "srun --container").replace("/srv/bundle", str(engine.box)))
    assert r.ok().out == "box\n", "what hostname says in the bundle"


def test_the_exit_code(engine):
    assert "Exited with exit code 9" in engine.srun("sh", "-c", "exit 9", code=9).err


def test_input(engine):
    assert engine.srun("cat", stdin="in").out == "in"


def test_two_nodes(engine):
    r = engine.srun("readlink", "/proc/self/ns/pid", flags=["-N2", "-n2", "-l"])
    assert {line.split()[0] for line in r.out.splitlines()} == {"0:", "1:"} and r.out.count("pid:[") == 2


def test_a_program_that_cannot_run_is_told(engine):
    r = command("srun", "--container", engine.box, "no-such-program")
    assert r.code != 0 and "executable file not found" in r.err, r


def test_a_bundle_that_is_none_is_told(engine):
    assert command("srun", "--container", engine.dir / "nothing", "true").code != 0


def test_sbatch(engine):
    script = engine.dir / "job.sh"
    script.write_text(f"#!/bin/sh\nsrun --container {engine.box} sh -c 'echo in $(hostname)'\n")
    r = command("sbatch", "--wait", "-o", engine.dir / "job.out", script).ok()
    assert (engine.dir / "job.out").read_text() == "in box\n", r


def test_scancel_ends_the_container(engine):
    script = engine.dir / "long.sh"
    script.write_text(f"#!/bin/sh\nsrun --container {engine.box} sh -c 'touch /tmp/running; sleep 1000'\n")
    job = command("sbatch", "--parsable", "-o", engine.dir / "long.out", script).ok().text
    poll((shared.rootfs() / "tmp/running").exists, "the job to run")
    command("scancel", job).ok()
    poll(lambda: command("squeue", "-h").out == "", "the job to end", 60)


def test_a_time_limit_of_the_step(engine):
    r = command("srun", "--container", engine.box, "--time", "0:01", "--wait", "5", "sh", "-c", "exit 0")
    assert r.code == 0, r


def test_nothing_is_left_of_all_these(engine):
    """A cancelled step of Slurm 26.05 leaves the state of its container, which has ended, with any runtime."""
    def left():
        return [c for c in json.loads(command(shared.RUNTIME, "--root", "/run/slurm-oci", "list", "--format", "json").ok().out or "null") or []
                if not version() >= 26 or c["status"] != "stopped"]
    poll(lambda: left() == [], "containers to be gone")


@machine("slurmstepd of Slurm 22.05 crashes with several tasks on one node")
def test_several_tasks_have_namespaces_of_their_own(engine):
    r = engine.srun("readlink", "/proc/self/ns/pid", flags=["-n3"])
    assert len(set(r.out.split())) == 3
