# SPDX-License-Identifier: LGPL-2.1-or-later
"""src/kernel/arch/: compiled for each processor, and run, under an emulator where it is not ours."""
import pathlib
import platform
import shutil
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
KERNEL = [p for p in sorted((TOP / "src/kernel").glob("*.c")) if p.stem not in ("namespaces", "netlink")]  # tare's alone
FREESTANDING = ("-Os -ffreestanding -fno-builtin -fno-tree-loop-distribute-patterns -fno-stack-protector "
                "-fno-pic -fno-pie -ffunction-sections -fdata-sections").split()
# as configure has it: where a register has 32 bits, the types have 64
DEFINES = ["-D_GNU_SOURCE", "-D_FILE_OFFSET_BITS=64", "-D_TIME_BITS=64"]
PROCESSORS = {"x86_64": "x86_64-linux-gnu-gcc", "aarch64": "aarch64-linux-gnu-gcc",
              "riscv64": "riscv64-linux-gnu-gcc", "arm": "arm-linux-gnueabihf-gcc"}


@pytest.fixture(params=PROCESSORS)
def processor(request):
    compiler = PROCESSORS[request.param]
    if not shutil.which(compiler):
        pytest.skip(f"no {compiler}")
    if request.param == platform.machine():
        return compiler, []
    # since Debian 13 the static one has the plain name
    for emulator in (f"qemu-{request.param}-static", f"qemu-{request.param}"):
        if shutil.which(emulator):
            return compiler, [emulator]
    return pytest.skip(f"no qemu-{request.param}")


def build(compiler, output, sources, *flags):
    subprocess.run([compiler, "-std=gnu11", *DEFINES, "-Wall", "-Wextra", "-Werror", f"-I{TOP}/src",
                    *flags, "-o", output, *sources, "-static", "-no-pie"], check=True)
    return output


def test_system_calls_and_clone_are_right(processor, tmp_path):
    compiler, emulator = processor
    base = [TOP / "src/base/fmt.c", TOP / "src/base/err.c", TOP / "src/base/errno_text.c"]
    probe = build(compiler, tmp_path / "probe", [TOP / "tests/arch/probe.c", *KERNEL, *base], "-O2")
    assert subprocess.run([*emulator, probe, *emulator], timeout=20, check=False).returncode == 0


def test_tare_init_stands_on_its_own(processor, tmp_path):
    compiler, emulator = processor
    sources = [*KERNEL, *(p for d in ("base", "wire", "inside") for p in sorted((TOP / "src" / d).glob("*.c")))]
    objects = []
    for source in sources:
        objects.append(tmp_path / f"{source.parent.name}-{source.stem}.o")
        subprocess.run([compiler, "-std=gnu11", *DEFINES, "-Wall", "-Wextra", "-Werror", f"-I{TOP}/src",
                        *FREESTANDING, "-c", source, "-o", objects[-1]], check=True)
    init = tmp_path / "tare-init"
    subprocess.run([compiler, "-nostdlib", "-static", "-no-pie", "-Wl,--gc-sections", "-o", init, *objects,
                    "-lgcc"], check=True)
    done = subprocess.run([*emulator, init], timeout=20, check=False, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (1, b"tare: tare-init is started by tare alone\n")
