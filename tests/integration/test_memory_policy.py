# SPDX-License-Identifier: LGPL-2.1-or-later
"""linux.memoryPolicy and linux.personality, as the container's own process has them."""
import json
import os
import platform

import pytest

from harness import RUNTIME, command, tare_only

pytestmark = tare_only


def policies(bundle):
    """The policy of each mapping, with what follows it: numa_maps(5)."""
    return [line.split(" ", 1)[1] + " " for line in bundle.sh("cat /proc/self/numa_maps").run().ok().lines]


@pytest.fixture
def numa():
    if not os.path.exists("/proc/self/numa_maps"):
        pytest.skip("a kernel without NUMA")


@pytest.mark.parametrize("config,seen", [
    ({"mode": "MPOL_DEFAULT"}, "default"),
    ({"mode": "MPOL_LOCAL"}, "local"),
    ({"mode": "MPOL_BIND", "nodes": "0"}, "bind:0"),
    ({"mode": "MPOL_INTERLEAVE", "nodes": "0"}, "interleave:0"),
    ({"mode": "MPOL_PREFERRED", "nodes": "0"}, "prefer:0"),
    ({"mode": "MPOL_PREFERRED"}, "local"),
    ({"mode": "MPOL_PREFERRED_MANY", "nodes": "0"}, "prefer (many):0"),
    ({"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]}, "bind=static:0"),
    ({"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_RELATIVE_NODES"]}, "bind=relative:0"),
], ids=str)
def test_the_programs_memory_has_the_policy(bundle, numa, config, seen):
    bundle.linux["memoryPolicy"] = config
    found = policies(bundle)
    assert found and all(policy.startswith(f"{seen} ") for policy in found), found


def test_a_policy_that_the_kernel_refuses_is_an_error(bundle, numa):
    bundle.linux["memoryPolicy"] = {"mode": "MPOL_BIND", "nodes": "900-901"}
    bundle.run().refused("/linux/memoryPolicy", "set memory policy MPOL_BIND of nodes 900-901", "invalid argument")


def test_linux32_is_another_machine(bundle):
    bundle.linux["personality"] = {"domain": "LINUX32"}
    expected = {"x86_64": "i686", "aarch64": "armv8l"}.get(platform.machine())
    if expected is None:
        pytest.skip(f"what is {platform.machine()} with 32 bits?")
    assert bundle.sh("uname -m; cat /proc/self/personality").run().ok().lines == [expected, "00000008"]


def test_linux_is_this_machine(bundle):
    bundle.linux["personality"] = {"domain": "LINUX"}
    assert bundle.sh("uname -m; cat /proc/self/personality").run().ok().lines == [platform.machine(), "00000000"]


def test_features_lists_exactly_the_modes_and_flags_that_create_takes(bundle):
    linux = json.loads(command(RUNTIME, "features").ok().out)["linux"]["memoryPolicy"]
    assert linux["modes"] == ["MPOL_BIND", "MPOL_DEFAULT", "MPOL_INTERLEAVE", "MPOL_LOCAL", "MPOL_PREFERRED",
                              "MPOL_PREFERRED_MANY", "MPOL_WEIGHTED_INTERLEAVE"]
    assert linux["flags"] == ["MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES"]
    for mode in linux["modes"]:
        bundle.linux["memoryPolicy"] = {"mode": mode}
        bundle.write()
        r = bundle.make("plan")
        assert r.code == 0 or f"{mode} needs at least one node" in r.err, r


@pytest.mark.parametrize("key,value,place", [
    ("memoryPolicy", {"mode": "MPOL_X"}, "/linux/memoryPolicy/mode"),
    ("memoryPolicy", {"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_X"]}, "/linux/memoryPolicy/flags/0"),
    ("memoryPolicy", {"mode": "MPOL_BIND", "nodes": "x"}, "/linux/memoryPolicy/nodes"),
    ("personality", {"domain": "BSD"}, "/linux/personality/domain")], ids=str)
def test_unknown_words_are_refused_at_their_place(bundle, key, value, place):
    bundle.linux[key] = value
    bundle.run().refused(f"{place} (line ")


def test_a_flag_of_a_personality_is_left_out_with_a_warning(bundle):
    """The spec: "Currently no flag values are supported". It had been an error; runc and crun run the container."""
    bundle.linux["personality"] = {"domain": "LINUX32", "flags": ["ADDR_NO_RANDOMIZE"]}
    r = bundle.sh("uname -m; cat /proc/self/personality").run().ok()
    assert r.lines == ["i686", "00000008"]
    assert r.err == 'tare: warning: /linux/personality/flags/0: unknown flag "ADDR_NO_RANDOMIZE": left out\n'


@pytest.mark.parametrize("policy, words", [
    ({"mode": "INTERLEAVE", "nodes": "0"}, 'invalid memory policy mode "INTERLEAVE": unknown value "INTERLEAVE"'),
    ({"nodes": "0-7"}, "invalid memory policy mode: required property"),
    ({"mode": "MPOL_PREFERRED", "nodes": "0", "flags": ["badflag"]}, 'invalid memory policy flag "badflag": unknown value "badflag"'),
    ({"mode": "MPOL_DEFAULT", "nodes": "0-7"}, "invalid memory policy: mode requires 0 nodes but got 8: MPOL_DEFAULT takes no nodes"),
    ({"mode": "MPOL_BIND", "nodes": "0-9876543210"}, 'invalid memory policy nodes: "0-9876543210" is not a list of nodes'),
])
def test_what_is_no_policy_is_told_in_runcs_words(bundle, policy, words):
    bundle.linux["memoryPolicy"] = policy
    bundle.run().refused("/linux/memoryPolicy", "(line ", words)
