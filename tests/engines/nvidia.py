#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
The part of NVIDIA's container toolkit, where there is no GPU: what it is depends on the name it is called by. config.toml and the
library libcuda.so.1 are in the program's own directory.

nvidia-container-runtime: adds the hooks to config.json, then executes the first runtime of config.toml that is in PATH.
nvidia-container-runtime-hook: makes a node and mounts the library, in the container's mount namespace, from the host's side.
nvidia-cdi-hook: makes links, the cache of ldconfig, and a file that covers one of the driver's.
"""
import ctypes
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tomllib

HERE = pathlib.Path(sys.argv[0]).absolute().parent
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_REMOUNT, MS_BIND = 1, 2, 4, 32, 4096
LIBC = ctypes.CDLL(None, use_errno=True)


def bind(source, target, flags=0):
    for step in (0, MS_REMOUNT | flags) if flags else (0,):
        if LIBC.mount(os.fsencode(source), os.fsencode(target), None, MS_BIND | step, None) != 0:
            sys.exit(f"mount {target}: {os.strerror(ctypes.get_errno())}")


def hook(name, *args):
    return {"path": str(HERE / name), "args": [name, *args], "env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]}


def runtime(args):
    if "create" in args:
        path = pathlib.Path(args[args.index("--bundle") + 1], "config.json")
        config = json.loads(path.read_text())
        if any(e.startswith("NVIDIA_VISIBLE_DEVICES=") for e in config["process"]["env"]):
            hooks = config.setdefault("hooks", {})
            hooks.setdefault("prestart", []).append(hook("nvidia-container-runtime-hook", "prestart"))
            hooks.setdefault("createContainer", []).extend([
                hook("nvidia-cdi-hook", "create-symlinks", "--link", "libcuda.so.1::/usr/lib/libcuda.so"),
                hook("nvidia-cdi-hook", "update-ldcache", "--folder", "/usr/lib"), hook("nvidia-cdi-hook", "disable-device-node-modification")])
            path.write_text(json.dumps(config))
    names = tomllib.loads((HERE / "config.toml").read_text())["nvidia-container-runtime"]["runtimes"]
    first = next(filter(None, map(shutil.which, names)))
    os.execv(first, [first, *args])


def state_and_root():
    state = json.load(sys.stdin)
    bundle = pathlib.Path(state["bundle"])
    return state, bundle / json.loads((bundle / "config.json").read_text())["root"]["path"]


def prestart(args):
    """The root of the container is not its root yet: its tree is at the path of config.json, in its mount namespace."""
    state, root = state_and_root()
    assert args == ["prestart"] and state["pid"] > 1, (args, state)
    own = os.stat("/proc/self/ns/mnt")
    with open(f"/proc/{state['pid']}/ns/mnt", "rb") as space:
        assert os.fstat(space.fileno()).st_ino != own.st_ino
        if LIBC.setns(space.fileno(), 0) != 0:
            sys.exit(f"setns: {os.strerror(ctypes.get_errno())}")
    library = root / "usr/lib/libcuda.so.1"
    library.parent.mkdir(parents=True, exist_ok=True)
    for path in (library, root / "dev/nvidia0"):
        path.touch()
    bind("/dev/null", root / "dev/nvidia0")
    bind(HERE / "libcuda.so.1", library, MS_RDONLY | MS_NOSUID | MS_NODEV)


def cdi(args):
    _, root = state_and_root()
    if args[0] == "create-symlinks":
        target, path = args[2].split("::")
        os.symlink(target, f"{root}{path}")
    elif args[0] == "update-ldcache":
        conf = root / "etc/ld.so.conf.d/00-nvcr.conf"
        conf.parent.mkdir(parents=True, exist_ok=True)
        conf.write_text(f"{args[2]}\n")
        subprocess.run(["ldconfig", "-r", root, "-f", "/etc/ld.so.conf.d/00-nvcr.conf"], check=True)
    else:
        assert args == ["disable-device-node-modification"]
        own, covered = HERE / "params", root / "etc/nvidia-params"
        own.write_text("ModifyDeviceFiles: 0\n")
        covered.touch()
        bind(own, covered)


if __name__ == "__main__":
    {"nvidia-container-runtime": runtime, "nvidia-container-runtime-hook": prestart,
     "nvidia-cdi-hook": cdi}[os.path.basename(sys.argv[0])](sys.argv[1:])
