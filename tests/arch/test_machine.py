# SPDX-License-Identifier: LGPL-2.1-or-later
"""-- --full: the release's static tare of each processor on Debian's kernel for it, in a machine of QEMU.

An emulator of single programs makes no namespaces, whatever the processor. A machine boots a kernel and an initramfs with busybox, tare and
tests; no disk is needed. What the tests print on the serial console is compared here.
"""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
# name: (tare's architecture, the kernel's, its package, Debian's release, the emulator, its console)
ARM64 = ("qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a57")
MACHINES = {
    "armhf": ("armhf", "armhf", "linux-image-armmp", "bookworm", ("qemu-system-arm", "-M", "virt", "-cpu", "cortex-a15"), "ttyAMA0"),
    "arm64": ("arm64", "arm64", "linux-image-arm64", "bookworm", ARM64, "ttyAMA0"),
    "armhf-on-arm64": ("armhf", "arm64", "linux-image-arm64", "bookworm", ARM64, "ttyAMA0"),
    "riscv64": ("riscv64", "riscv64", "linux-image-riscv64", "trixie", ("qemu-system-riscv64", "-M", "virt"), "ttyS0"),
}
MODULES = ("crc16", "crc32c_generic", "libcrc32c", "crc32c-cryptoapi", "mbcache", "jbd2", "ext4", "loop", "overlay")
INIT = r"""#!/bin/sh
export PATH=/bin HOME=/root
mount -t proc p /proc; mount -t devtmpfs d /dev
for m in %s; do test -f /mod/$m.ko && insmod /mod/$m.ko; done
# pivot_root(2) takes no initramfs
mount -t tmpfs -o mode=755 t /new && cp -a /bin /etc /R /R64 /tests /new
cd /new && mkdir -p proc sys dev tmp run root && mount --move /proc proc && mount --move /dev dev && mount -t sysfs s sys
mkdir -p dev/pts && mount -t devpts d dev/pts && mount -t cgroup2 c sys/fs/cgroup && chmod 1777 tmp
exec switch_root /new /bin/sh /tests
""" % " ".join(MODULES)
# (command, its exit code, a regular expression for all of its output)
TESTS = [
    ("tare box --strict R true", 0, ""),
    ("tare box R sh -c 'exit 7'", 7, ""),
    ("tare box R sh -c 'kill -9 $$'", 137, ""),
    ("tare box R /nope", 127, r'tare: box "R-\w+": exec: "/nope": stat /nope: no such file or directory\n'),
    ("tare box -u u R id", 0, r"uid=1000\(u\) gid=1000\(u\) groups=1000\(u\),3003\(inet\)\n"),
    ("tare box R grep -E 'CapEff|Seccomp:|NoNew' /proc/self/status", 0, r"CapEff:\t00000000a00005fb\nNoNewPrivs:\t0\nSeccomp:\t2\n"),
    ("tare box --deny mkdirat DENY R mkdir /q", 1, "mkdir: can't create directory '/q': Operation not permitted\n"),
    ("tare box --deny uname=kill R uname", 159, ""),
    ("tare box -x R sh -c 'rm -r /home; touch /new'; ls R", 0, "(?s)(?!.*new).*home.*"),
    ("tare box --net none R sh -c 'grep -c : /proc/net/dev'", 0, "1\n"),
    ("tare box --memory 32m R tail /dev/zero", 137, ""),
    ("tare box --pids 5 R sh -c 'for i in 1 2 3 4 5 6 7; do sleep 1 & done; wait'", 2, "(?s).*can't fork.*"),
    ("tare box --timeout 1s R sleep 100", 124, ""),
    ("tare box -r / touch /no", 1, "touch: /no: Read-only file system\n"),
    ("tare box --rlimit fsize=5000000000 R grep 'Max file size' /proc/self/limits", 0,
     # a kernel with 32 bits has no such limits: prlimit64(2) makes it none
     r"Max file size +(5000000000|unlimited) +(5000000000|unlimited) +bytes *\n"),
    # a file of more than 4 GiB
    ("dd if=/dev/zero of=/tmp/big bs=1M count=0 seek=5000 2>/dev/null; mke2fs -F /tmp/big 20000 >/dev/null 2>&1; tare box /tmp/big true", 127,
     '(?s).*exec: "true": executable file not found in \\$PATH.*'),
    ("tare box -d R sleep 1000", 0, r"R-\w+\n"),
    ("tare list -q; tare exec -e A=b $(tare list -q) sh -c 'echo $A; exit 9'", 9, r"R-\w+\nb\n"),
    ("tare box R ps | grep -c sleep", 0, "1\n"),
    ("tare pause $(tare list -q); tare state $(tare list -q) | grep status; tare resume $(tare list -q)", 0, '  "status": "paused",\n'),
    ("tare update --memory 64m $(tare list -q); cat /sys/fs/cgroup/R-*/memory.max", 0, "67108864\n"),
    ("tare kill $(tare list -q) KILL; sleep 1; tare box R true; tare list -q", 0, ""),
    ("mkdir B; tare box --emit-config B -u u --cap +net_raw R id -u; tare run -b B x", 0, "1000\n"),
    ("tare create -b B y; tare state y | grep status; tare start y; sleep 1; tare delete y", 0, '  "status": "created",\n1000\n'),
    ("tare check -b B | grep -c ^no", 1, "0\n"),
    ("cp -a R /tmp/R; chown -R u /tmp/R; su u -c 'HOME=/tmp/R tare box -q /tmp/R id -u'", 0, "0\n"),
    ("tare list -q; mount | grep -c /R", 1, "0\n"),
]
# a 32-bit tare on a 64-bit kernel runs programs of both widths, behind the same filter
OF_BOTH_WIDTHS = [("tare box R uname -m", 0, "armv8l\n|armv7l\n"), ("tare box R64 uname -m", 0, "aarch64\n"),
                  ("tare box --deny mkdirat R64 mkdir /q", 1, "mkdir: can't create directory '/q': Operation not permitted\n")]
# these processors have no mkdir(2), and what has no effect is an error
WITHOUT_OLD_CALLS = [("tare box --deny mkdir R mkdir /q", 125, r'tare: box "R-\w+": --deny mkdir: programs for this processor have no such call '
                                                              r'\(did you mean "mkdirat"\?\)\n')]


def run(*argv, **kw):
    done = subprocess.run(list(map(str, argv)), check=False, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL, **kw)
    assert done.returncode == 0, f"{argv}: {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def place(request, tmp_path_factory):
    if not request.config.getoption("--full"):
        pytest.skip("downloads kernels and takes minutes: tests/run arch -- --full")
    if not shutil.which("gperf") or not os.path.exists(KEYRING):
        pytest.skip("no gperf, or no keyring of Debian's")
    return tmp_path_factory.mktemp("machines")


def release(place, arch):
    """The static tare, made once for each processor."""
    output = place / f"release-{arch}"
    if not output.exists():
        libraries = place / "libraries"
        run(TOP / "packaging/release", "--output", output, *(["--libraries", libraries] if libraries.exists() else ["--keep-libraries", libraries]), arch)
    return next(output.glob(f"tare-*-linux-{arch}"))


def unpacked(place, package, arch, suite):
    """The directory with what is in Debian's package, of another processor than ours: nothing is installed."""
    top = place / f"{suite}-{arch}"
    (top / "lists/partial").mkdir(parents=True, exist_ok=True)
    (top / "cache/archives/partial").mkdir(parents=True, exist_ok=True)
    (top / "sources.list").write_text(f"deb [signed-by={KEYRING}] http://deb.debian.org/debian {suite} main\n")
    options = {"Dir::Etc::SourceList": top / "sources.list", "Dir::Etc::SourceParts": "/dev/null", "Dir::State::Lists": top / "lists",
               "Dir::State::status": "/dev/null", "Dir::Cache": top / "cache", "APT::Architecture": arch, "APT::Architectures": arch,
               "APT::Sandbox::User": "root"}
    words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    if not any((top / "lists").glob("*Packages*")):
        run("apt-get", "-q", *words, "update", cwd=top)
    # the kernel's package has a version in its name, and the one without depends on it
    depends = re.search(r"Depends: (linux-image-\S+)", run("apt-cache", *words, "depends", package)) if package.startswith("linux") else None
    package = depends[1] if depends else package
    if not any(top.glob(f"{package}_*.deb")):
        run("apt-get", "-q", *words, "download", package, cwd=top)
        run("dpkg-deb", "-x", next(top.glob(f"{package}_*.deb")), top / package)
    return top / package


def make_root(root, busybox):
    for name in ("bin", "etc", "root", "tmp", "home/u"):
        (root / name).mkdir(parents=True)
    shutil.copy(busybox, root / "bin/busybox")
    for name in run("/bin/busybox", "--list").split():
        if name != "busybox":
            (root / "bin" / name).symlink_to("busybox")
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\nu:x:1000:1000:u:/home/u:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\nu:x:1000:\ninet:x:3003:u\n")


def script(tests):
    lines = ["export PATH=/bin HOME=/root", "cd /"]
    for number, (command, _, _) in enumerate(tests):
        lines += [f"echo '@@{number}'", f"( {command} ) </dev/null 2>&1", 'echo "=$?"']
    return "\n".join([*lines, "echo '@@end'", "poweroff -f"]) + "\n"


def initramfs(top, binary, kernel, roots, tests):
    make_root(top, roots[0])
    for name in ("proc", "dev", "new", "mod", "R64"):
        (top / name).mkdir()
    for module in MODULES:
        for file in kernel.rglob(f"{module}.ko*"):
            shutil.copy(file, top / "mod")
    for file in (top / "mod").glob("*.xz"):
        run("xz", "-d", file)
    shutil.copy(binary, top / "bin/tare")
    make_root(top / "R", roots[0])
    if len(roots) > 1:
        make_root(top / "R64", roots[1])
    (top / "init").write_text(INIT)
    (top / "init").chmod(0o755)
    (top / "tests").write_text(script(tests))
    archive = top.parent / f"{top.name}.cpio"
    with open(archive, "wb") as f:
        subprocess.run("find . | cpio -o -H newc --quiet", shell=True, check=True, cwd=top, stdout=f)
    return archive


def results_of(console):
    """{number: (exit code, output)}"""
    found = {}
    for part in console.replace("\r", "").split("@@")[1:]:
        number, _, rest = part.partition("\n")
        output, _, code = rest.rpartition("=")
        if number.isdigit() and code.strip().isdigit():
            found[int(number)] = (int(code), output)
    return found


@pytest.mark.parametrize("name", MACHINES)
def test_boxes_and_verbs_on_a_kernel_of_that_processor(place, name):
    arch, kernel_arch, package, suite, emulator, console = MACHINES[name]
    if not shutil.which(emulator[0]) or not shutil.which("cpio"):
        pytest.skip(f"no {emulator[0]}, or no cpio")
    deny = "--deny mkdir" if arch == "armhf" else ""
    tests = [(command.replace("DENY", deny), *expected) for command, *expected in TESTS]
    tests += OF_BOTH_WIDTHS if arch != kernel_arch else []
    tests += WITHOUT_OLD_CALLS if arch != "armhf" else []
    kernel = unpacked(place, package, kernel_arch, suite)
    busyboxes = [unpacked(place, "busybox-static", a, suite) / "bin/busybox" for a in dict.fromkeys((arch, kernel_arch))]
    busyboxes = [b if b.exists() else b.parents[1] / "usr/bin/busybox" for b in busyboxes]
    archive = initramfs(place / name, release(place, arch), kernel, busyboxes, tests)
    image = next(p for p in (kernel / "boot").iterdir() if p.name.startswith("vmlinu"))
    done = subprocess.run([*emulator, "-m", "1024", "-nographic", "-no-reboot", "-kernel", image, "-initrd", archive, "-append",
                           f"console={console} quiet loglevel=3 panic=-1"], check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", timeout=600)
    results = results_of(done.stdout)
    assert results, done.stdout[-4000:]
    wrong = {command: results.get(number, "was not reached") for number, (command, code, pattern) in enumerate(tests)
             if number not in results or results[number][0] != code or not re.fullmatch(pattern, results[number][1])}
    assert wrong == {}
