# SPDX-License-Identifier: LGPL-2.1-or-later
"""Arguments, logs, and the verbs that need no container: version, features, spec, help."""
import json
import os
import re
import resource
import subprocess

import pytest

import defaults
from harness import (BOX, IS_TARE, ROOT, RUNTIME, TESTER, Terminal, as_user, command, finish, poll, root_only, rt,
                     tare_only)

VERBS = ["box", "create", "start", "state", "kill", "delete", "run", "exec", "ps", "pause", "resume", "update", "events", "list", "spec", "features",
         "plan", "check"]
BAD_IDS = ["", ".", "..", "a/b", "../x", "a b", "a\nb", "é", "x" * 5000, "a*", "/"]
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def tare(*args, **kw):
    return command(RUNTIME, *args, **kw)


# --- version, help, features


@pytest.mark.parametrize("flag", ["--version", "-v"])
def test_version_has_the_lines_that_engines_parse(flag):
    lines = tare(flag).ok().lines
    assert re.fullmatch(r"(tare|runc) version \d+\.\d+\.\d+\S*", lines[0]), lines
    assert re.fullmatch(r"commit: \S+", lines[1]), lines
    if IS_TARE:
        assert lines[2] == "spec: 1.3.0"
        assert re.fullmatch(r"rundir: /\S+", lines[3])
        assert re.fullmatch(r"([+-][A-Z0-9_]+ ?)+", lines[4]) and {"+SECCOMP", "+SELINUX", "+APPARMOR"} <= set(lines[4].split())
        assert len(lines) == 5


@tare_only
def test_version_names_the_rundir_of_an_ordinary_user():
    r = command(*as_user(TESTER), RUNTIME, "--version", env={"XDG_RUNTIME_DIR": "/x/y", "PATH": os.environ["PATH"]})
    assert "rundir: /x/y/tare" in r.ok().lines


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_of_each_verb_succeeds_and_names_it(verb, flag):
    if verb in ("plan", "check") and not IS_TARE:
        pytest.skip(f"{RUNTIME} has no {verb}")
    r = tare(verb, flag).ok()
    assert verb in r.out and r.err == ""


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_lists_the_verbs(flag):
    r = tare(flag).ok()
    for verb in VERBS:
        assert verb in r.out or not IS_TARE, verb


@tare_only
def test_help_of_a_verb_lists_its_flags():
    for verb, flags in {"create": ["--bundle", "-b", "--config", "-f", "--console-socket", "--pid-file",
                                   "--no-pivot", "--no-new-keyring", "--preserve-fds"],
                        "run": ["--detach", "-d", "--keep", "--no-subreaper", "--bundle"],
                        "kill": ["--all", "-a"], "delete": ["--force", "-f"],
                        "list": ["--format", "--quiet"], "spec": ["--bundle", "--rootless"],
                        "plan": ["--bundle", "--json"], "check": ["--bundle", "-b", "--config", "-f", "--json"]}.items():
        text = tare(verb, "--help").ok().out
        for flag in flags:
            assert re.search(rf"(^|\s|\[){re.escape(flag)}\b", text), (verb, flag, text)


@tare_only
def test_features_prints_the_keys_of_the_spec_and_nothing_on_stderr():
    r = tare("features").ok()
    assert r.err == ""
    f = json.loads(r.out)
    assert r.out == json.dumps(f, indent=4, ensure_ascii=False) + "\n"
    assert f["ociVersionMin"] == "1.0.0" and f["ociVersionMax"] == "1.3.0"
    assert f["hooks"] == ["prestart", "createRuntime", "createContainer", "startContainer",
                          "poststart", "poststop"]
    assert "rro" in f["mountOptions"] and "bind" in f["mountOptions"]
    linux = f["linux"]
    assert set(linux["namespaces"]) == {"pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"}
    assert "CAP_SYS_ADMIN" in linux["capabilities"]
    assert linux["cgroup"]["v1"] is True and linux["cgroup"]["v2"] is True
    assert linux["seccomp"]["enabled"] is True
    assert "SCMP_ACT_ERRNO" in linux["seccomp"]["actions"]
    assert "SCMP_CMP_MASKED_EQ" in linux["seccomp"]["operators"]
    assert "SCMP_ARCH_X86_64" in linux["seccomp"]["archs"]
    assert "enabled" in linux["mountExtensions"]["idmap"]
    assert isinstance(f["annotations"], dict)
    assert isinstance(f["potentiallyUnsafeConfigAnnotations"], list)


@tare_only
def test_features_says_that_mounts_can_be_id_mapped():
    f = json.loads(tare("features").ok().out)
    assert f["linux"]["mountExtensions"]["idmap"]["enabled"] is True
    assert {"idmap", "ridmap", "rro", "copy-symlink", "src-nofollow", "dest-nofollow"} <= set(f["mountOptions"])


# --- spec


def test_spec_prints_the_default_config(scratch):
    tare("spec", cwd=scratch).ok()
    text = (scratch / "config.json").read_text()
    config = json.loads(text)
    assert text.rstrip("\n") == json.dumps(config, indent="\t")
    if IS_TARE:
        expected = json.loads(json.dumps(defaults.SPEC))
        if os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
            expected["linux"]["namespaces"].append({"type": "cgroup"})
        for c in (config, expected):
            c["linux"]["maskedPaths"].sort()
        assert config == expected
        assert list(config)[:3] == ["ociVersion", "process", "root"]


@pytest.mark.parametrize("flags", [["-b"], ["--bundle"]])
def test_spec_writes_into_the_bundle(scratch, flags):
    tare("spec", *flags, scratch).ok()
    assert os.listdir(scratch) == ["config.json"]


def test_spec_refuses_to_overwrite(scratch):
    (scratch / "config.json").write_text("mine")
    r = tare("spec", "-b", scratch)
    assert r.code == 1 and "config.json" in r.err
    assert (scratch / "config.json").read_text() == "mine"


@root_only
def test_spec_rootless_is_for_the_user_who_asks(scratch):
    os.chown(scratch, TESTER, TESTER)
    command(*as_user(TESTER), RUNTIME, "--root", BOX / "scratch/r", "spec", "--rootless", cwd=scratch).ok()
    config = json.loads((scratch / "config.json").read_text())
    if IS_TARE:
        expected = defaults.rootless(TESTER, TESTER)
        assert {n["type"] for n in config["linux"]["namespaces"]} == \
            {n["type"] for n in expected["linux"]["namespaces"]}
        config["linux"].pop("namespaces")
        expected["linux"].pop("namespaces")
        config["mounts"] = [m for m in config["mounts"] if m["destination"] != "/sys/fs/cgroup"]
        for c in (config, expected):
            c["linux"]["maskedPaths"].sort()
        assert config == expected
    assert config["linux"]["uidMappings"] == [{"containerID": 0, "hostID": TESTER, "size": 1}]


def test_the_config_of_spec_runs_as_it_is(bundle):
    tare("spec", "-b", bundle.dir).ok()
    bundle.config = json.loads((bundle.dir / "config.json").read_text())
    bundle.process["terminal"] = False
    bundle.process["args"] = ["echo", "hello"]
    bundle.linux["cgroupsPath"] = f"/{os.environ['TARE_TOKEN']}/{bundle.id}"
    assert bundle.run().ok().out == "hello\n"


# --- flags


@pytest.mark.parametrize("form", ["--bundle={}", "--bundle {}", "-bundle {}", "-bundle={}", "-b {}", "-b={}"])
def test_a_flag_with_a_value_may_be_written(bundle, form):
    bundle.write(None)
    bundle.sh("exit 4").write()
    assert rt("run", *form.format(bundle.dir).split(), bundle.id).code == 4


def test_no_subreaper_with_one_dash_is_accepted(bundle):
    assert bundle.sh("exit 4").run("-no-subreaper").code == 4


@pytest.mark.parametrize("flag", ["--rootless=true", "--rootless=false", "--rootless=auto", "-rootless=auto"])
def test_rootless_takes_a_value(bundle, flag):
    assert bundle.sh("exit 4").run(glob=[flag]).code == 4 if "true" not in flag or not IS_TARE \
        else bundle.sh("exit 4").run(glob=[flag]).code in (1, 4)


@pytest.mark.parametrize("flag", ["--debug", "--debug=false", "--log-format=text", "--log-format json",
                                  "--systemd-cgroup=false"])
def test_global_flags_are_accepted(bundle, flag):
    assert bundle.sh("exit 4").run(glob=flag.split()).code == 4


@tare_only
@pytest.mark.parametrize("flag", ["--log-level=error", "--log-level debug", "--cgroup-manager=cgroupfs",
                                  "--cgroup-manager cgroupfs"])
def test_global_flags_of_crun_are_accepted(bundle, flag):
    assert bundle.sh("exit 4").run(glob=flag.split()).code == 4


@tare_only
def test_cgroup_manager_disabled_makes_no_cgroup(bundle):
    del bundle.linux["cgroupsPath"]
    del bundle.linux["resources"]
    with open("/proc/self/cgroup", encoding="utf8") as f:
        mine = f.read()
    assert bundle.sh("cat /proc/self/cgroup").run(glob=["--cgroup-manager=disabled"]).ok().out == mine


@tare_only
@root_only
def test_cgroup_manager_disabled_is_a_word_for_going_without_device_rules(bundle, scratch):
    """podman --cgroups=disabled sends rules and CAP_MKNOD all the same; where nobody said so that is refused."""
    for kind in ("bounding", "effective", "permitted"):
        bundle.process["capabilities"][kind] = ["CAP_MKNOD"]
    bundle.linux["resources"] = {"devices": [{"allow": False, "access": "rwm"}]}
    bundle.sh("mknod /tmp/x c 1 3; echo made").writable()
    log = scratch / "log"
    assert bundle.run(glob=["--log-format=json", "--log", log, "--cgroup-manager", "disabled"]).ok().out == "made\n"
    assert log.read_text() == ""  # podman takes what is in there for an error


def test_detach_takes_a_boolean(bundle):
    assert bundle.sh("exit 4").run("--detach=false").code == 4


@pytest.mark.parametrize("flags", [["--no-pivot"], ["--no-new-keyring"], ["--preserve-fds", "0"],
                                   ["--keep=false"]])
def test_flags_of_run_are_accepted(bundle, flags):
    if flags == ["--no-pivot"]:
        # without pivot_root the old root stays underneath: only with a mount namespace of its own
        assert "mount" in [n["type"] for n in bundle.linux["namespaces"]]
    assert bundle.sh("exit 4").run(*flags).code == 4


@tare_only
@pytest.mark.parametrize("flag", ["-f", "--config", "--config="])
def test_config_may_have_another_name(bundle, flag):
    bundle.sh("exit 4").write()
    os.rename(bundle.dir / "config.json", bundle.dir / "other.json")
    path = bundle.dir / "other.json"
    flags = [f"{flag}{path}"] if flag.endswith("=") else [flag, path]
    assert bundle.run(*flags).code == 4


def test_the_bundle_defaults_to_the_working_directory(bundle):
    bundle.sh("exit 4").write()
    assert bundle.verb("run", cwd=bundle.dir).code == 4


@pytest.mark.parametrize("verb", [v for v in VERBS if v not in ("plan", "check")] + [pytest.param(v, marks=tare_only) for v in ("plan", "check")])
def test_an_unknown_flag_is_named(verb):
    r = rt(verb, "--no-such-flag", "x")
    assert r.code == (125 if verb == "box" else 1)
    assert "flag provided but not defined: -no-such-flag" in r.err


def test_an_unknown_global_flag_is_named():
    r = rt("--no-such-flag", "list")
    assert r.code == 1 and "flag provided but not defined" in r.err


@pytest.mark.parametrize("args", [["create", "--bundle"], ["run", "--pid-file"], ["spec", "-b"],
                                  ["list", "--format"], ["exec", "--user"], ["update", "--memory"]])
def test_a_flag_without_its_value_is_named(args):
    r = rt(*args)
    assert r.code == 1
    assert re.search(r"flag needs an argument: -", r.err), r


def test_an_unknown_verb_is_refused():
    r = rt("frobnicate")
    assert r.code != 0
    if IS_TARE:
        r.refused("frobnicate")


def test_parsing_stops_at_the_container_id(bundle):
    """What looks like a flag after the id is an argument, so kill takes it for a signal."""
    bundle.writable().stay().up().ready()
    r = bundle.kill("--help")
    assert r.code == 1 and "help" in r.err
    assert bundle.status() == "running"


@pytest.mark.parametrize("verb", ["create", "run", "start", "state", "kill", "delete", "exec", "ps", "pause", "resume", "update", "events"])
def test_a_missing_id_is_refused(verb):
    assert rt(verb).code == 1


@pytest.mark.parametrize("args", [["start", "a", "b"], ["state", "a", "b"], ["create", "a", "b"],
                                  ["kill", "a", "TERM", "x"]])
def test_too_many_arguments_are_refused(args):
    assert rt(*args).code == 1


@pytest.mark.parametrize("verb", ["create", "run", "start", "state", "kill", "delete"])
@pytest.mark.parametrize("bad", BAD_IDS, ids=lambda s: repr(s[:8]))
def test_an_invalid_id_is_refused_before_any_path_is_formed(bundle, verb, bad):
    bundle.write()
    (ROOT / "canary").mkdir(parents=True, exist_ok=True)
    (BOX / "canary").write_text("")
    flags = ["--bundle", bundle.dir] if verb in ("create", "run") else []
    r = rt(verb, *flags, bad)
    assert r.code == 1
    if IS_TARE:
        r.refused(f'{verb} "', "invalid container ID format",
                  '(it has 1 to 255 letters, digits, "_", "+", "." and "-", no "-" in front, and is not "." or "..")')
    assert (ROOT / "canary").is_dir() and (BOX / "canary").exists()
    (BOX / "canary").unlink()
    (ROOT / "canary").rmdir()


@tare_only
@pytest.mark.parametrize("bad", ["..", ".", "../x", "a/b", "", "-x"])
def test_delete_force_of_an_invalid_id_is_refused_too(bad):
    before = sorted(os.listdir(BOX))
    assert rt("delete", "--force", bad).code == 1
    assert sorted(os.listdir(BOX)) == before


@pytest.mark.parametrize("good", ["a", "A-b_c.d+e", "0", "_x", "x" * 100])
def test_valid_ids_are_accepted(bundle, good):
    bundle.sh("exit 4").write()
    bundle.id = good
    assert bundle.run().code == 4


def test_a_state_directory_that_is_a_link_is_not_followed(bundle, scratch):
    (scratch / "canary").write_text("canary")
    ROOT.mkdir(exist_ok=True)
    (ROOT / bundle.id).symlink_to(scratch)
    try:
        assert bundle.create().code == 1
        rt("delete", "--force", bundle.id)
        assert (scratch / "canary").read_text() == "canary"
    finally:
        if (ROOT / bundle.id).is_symlink():
            (ROOT / bundle.id).unlink()


@pytest.mark.parametrize("content", ["", "garbage", "{", '{"pid": -1}'])
@tare_only
def test_a_broken_record_is_skipped_by_list_and_removed_by_delete_force(bundles, content):
    good, broken = bundles("sleep 1000"), bundles("sleep 1000")
    good.create().ok()
    broken.create().ok()
    pid = broken.pid
    assert (ROOT / broken.id / "record").exists()
    (ROOT / broken.id / "record").write_text(content)
    r = rt("list", "-q")
    assert r.lines == [good.id] or set(r.lines) == {good.id, broken.id}
    rt("delete", "--force", broken.id).ok()
    assert not (ROOT / broken.id).exists()
    poll(lambda: not os.path.exists(f"/proc/{pid}"), f"process {pid} of the broken container to end")


def test_a_missing_explicit_root_makes_list_an_error():
    assert rt("list", root=BOX / "nowhere").code == 1 if IS_TARE else True


def test_root_must_not_be_the_root_directory():
    assert rt("list", root="/").code == 1


# --- logs


def fail(bundle, *glob):
    """A create that is refused."""
    bundle.mount("/m", "bind", "/no/such/source", "bind")
    return bundle.create(glob=glob)


def test_log_json_is_exactly_one_object_and_stderr_has_the_text_too(bundle, scratch):
    r = fail(bundle, "--log", scratch / "log", "--log-format", "json")
    assert r.code == 1
    text = (scratch / "log").read_text()
    entry = json.loads(text)
    assert text.count("\n") == 1
    assert list(entry)[:3] == ["level", "msg", "time"]
    assert entry["level"] == "error" and RFC3339.fullmatch(entry["time"])
    assert "/no/such/source" in entry["msg"]
    if IS_TARE:
        assert r.err == f"tare: {entry['msg']}\n"
    else:
        assert "/no/such/source" in r.err


@tare_only
@pytest.mark.parametrize("verb", ["create", "run", "start", "exec"])
def test_log_json_is_one_object_whatever_else_there_is_to_warn_about(bundle, scratch, verb):
    """podman parses the whole file as one."""
    log = scratch / "log"
    bundle.process["capabilities"]["bounding"].append("CAP_NO_SUCH")
    flags = {"glob": ["--log", log, "--log-format", "json"]}
    if verb == "exec":
        bundle.stay().up()
        r = bundle.verb("exec", tail=["no-such-program"], **flags)
    elif verb == "start":
        # found when it is started: create has looked for it
        bundle.writable().stay().create().ok()
        (bundle.rootfs / "bin/busybox").unlink()
        r = bundle.start(**flags)
    else:
        bundle.process["args"] = ["no-such-program"]
        r = bundle.make(verb, **flags)
    assert r.code != 0 and r.err != ""
    text = log.read_text()
    assert text.count("\n") == 1 and json.loads(text)["level"] == "error", text


@tare_only
@pytest.mark.parametrize("args", [["--version"], ["features"], ["--help"]])
def test_nothing_is_said_on_stderr_where_engines_read_both(args):
    assert tare(*args).ok().err == ""


def test_log_text_has_the_error(bundle, scratch):
    r = fail(bundle, "--log", scratch / "log")
    text = (scratch / "log").read_text()
    assert "level=error" in text and "/no/such/source" in text and "time=" in text
    assert "/no/such/source" in r.err


def test_log_is_appended_to(bundle, scratch):
    (scratch / "log").write_text("old\n")
    fail(bundle, "--log", scratch / "log")
    assert (scratch / "log").read_text().startswith("old\n")


def test_success_logs_nothing(bundle, scratch):
    assert bundle.sh("true").run(glob=["--log", scratch / "log", "--log-format=json"]).ok().err == ""
    assert not (scratch / "log").exists() or (scratch / "log").read_text() == ""


def test_an_unknown_log_format_is_refused():
    assert rt("--log-format=xml", "list").code == 1


def test_an_error_is_one_line(bundle):
    r = fail(bundle)
    assert r.code == 1
    if IS_TARE:
        assert r.err.startswith("tare: ") and r.err.count("\n") == 1


# --- plan


@tare_only
def test_plan_needs_no_privileges_and_does_nothing(bundle):
    bundle.write()
    os.chmod(bundle.dir, 0o755)
    r = command(*as_user(65534), RUNTIME, "plan", "--bundle", bundle.dir).ok()
    assert len(r.lines) > 10 and r.err == ""
    assert not bundle.exists()


@tare_only
def test_plan_json_has_a_step_per_object(bundle):
    bundle.write()
    steps = json.loads(rt("plan", "--json", "-b", bundle.dir).ok().out)
    for n, step in enumerate(steps, 1):
        assert list(step) == ["number", "side", "operation", "operands", "place", "undo"], step
        assert step["number"] == n
        assert step["side"] in ("host", "init")
        assert step["operation"]
    places = [s["place"] for s in steps]
    for i in range(len(bundle.config["mounts"])):
        assert f"/mounts/{i}" in places
    for i in range(len(bundle.linux["readonlyPaths"])):
        assert f"/linux/readonlyPaths/{i}" in places
    for i in range(len(bundle.linux["maskedPaths"])):
        assert f"/linux/maskedPaths/{i}" in places


def plan_on_a_terminal(bundle, **env):
    terminal = Terminal()
    process = terminal.spawn(["env", *(f"{name}={value}" for name, value in env.items()), RUNTIME, "--root", ROOT, "plan", "-b", bundle.dir])
    while process.poll() is None:
        terminal.text(wait=0.1)
    assert finish(process).code == 0
    return terminal.text().replace("\r\n", "\n")


@tare_only
def test_plan_on_a_terminal_names_parts_in_colours(bundle):
    """Without the colours and the lines that name parts it is what anything else than a terminal gets."""
    bundle.write()
    plain = rt("plan", "-b", bundle.dir).ok().out
    assert "\033" not in plain and "/mounts\n" not in plain
    seen = plan_on_a_terminal(bundle, TERM="xterm", NO_COLOR="")
    assert "\033[1m/mounts\033[0m\n" in seen and "\033[36minit\033[0m" in seen
    grouped = re.sub(r"\033\[\d+m", "", seen)
    assert [line for line in grouped.splitlines() if re.match(r" *\d+  ", line)] == plain.splitlines()
    for env in ({"TERM": "xterm", "NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert plan_on_a_terminal(bundle, **env) == grouped, env


@tare_only
def test_plan_is_printed_in_the_order_of_its_json(bundle):
    bundle.write()
    steps = json.loads(rt("plan", "--json", "-b", bundle.dir).ok().out)
    text = rt("plan", "-b", bundle.dir).ok().out
    at = 0
    for step in steps:
        at = text.index(step["operation"], at)
    assert at > 0


@tare_only
def test_plan_of_a_bad_config_names_the_place(bundle):
    bundle.config["mounts"][0]["destination"] = 7
    bundle.write()
    rt("plan", "-b", bundle.dir).refused("/mounts/0/destination")


def test_the_runtime_closes_on_eof_of_nothing(bundle):
    """No verb reads standard input that was not meant for it."""
    r = subprocess.run([RUNTIME, "--root", str(ROOT), "list"], stdin=subprocess.DEVNULL,
                       capture_output=True, text=True, timeout=10, check=False)
    assert r.returncode in (0, 1)
    assert bundle.sh("cat").run(stdin=subprocess.DEVNULL).ok().out == ""


@tare_only
@pytest.mark.parametrize("limit,words", [(None, b"does not exist"), (2, b"too many open files")])
def test_a_closed_standard_descriptor_is_known_from_one_that_cannot_be_read(limit, words):
    """poll(2) takes an O_PATH descriptor for closed, and refuses to look where the limit is that low."""
    def prepare(stdin):
        if stdin is None:
            os.close(0)
        else:
            os.dup2(stdin, 0)
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    path = os.open("/", os.O_PATH)
    try:
        assert tare("--version", preexec_fn=lambda: prepare(path)).ok().err == ""
    finally:
        os.close(path)
    with subprocess.Popen([RUNTIME, "events", "none"], preexec_fn=lambda: prepare(None), stderr=subprocess.PIPE) as proc:
        assert words in proc.communicate()[1]  # its number is taken by /dev/null


@tare_only
def test_help_has_a_name_and_a_usage():
    """Who looks for either word finds it: the peers have one each."""
    top = rt("--help").ok().out
    assert top.startswith("NAME:\n   tare - Open Container Initiative runtime\n\nUsage: tare ")
    verbs = re.findall(r"^  ([a-z]+)\b.* ", top.partition("Verbs:")[2].partition("Global")[0], re.M)
    assert len(verbs) > 15
    for verb in verbs:
        for flag in ("-h", "--help"):
            r = rt(verb, flag)
            if verb == "checkpoint" and r.code == 1:  # podman asks so whether there is CRIU: test_checkpoint.py
                continue
            text = r.ok().out
            assert text.startswith(f"NAME:\n   tare {verb} - ") and f"\nUsage: tare [GLOBAL OPTIONS] {verb}" in text


@tare_only
@pytest.mark.parametrize("words", [["foo", "-h"], ["foo"], ["help", "foo"]])
def test_an_unknown_command_has_no_help_topic(words):
    rt(*words).refused("unknown command \"foo\": No help topic for 'foo'")
