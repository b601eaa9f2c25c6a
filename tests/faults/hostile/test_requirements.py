# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where each requirement of docs/REQUIREMENTS.md is tested: all the tests named here are there, and no requirement is left out.

Names are FILE::TEST below tests/; a test may serve more than one. What another suite has already is not in this one again.
"""
import pathlib
import re

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[2]
HOSTILE = "faults/hostile"

COVERED = {
    1: ("one scoped path resolver", f"""
        {HOSTILE}/test_links.py::test_no_link_leads_out
        integration/test_mounts.py::test_a_link_at_the_destination_stays_in_the_rootfs
        integration/test_mounts_links.py::test_dest_nofollow_covers_a_link_to_the_host_and_nothing_of_the_host
        integration/test_devices_paths.py::test_a_device_behind_a_link_stays_in_the_rootfs"""),
    2: ("the same under a race", f"""
        {HOSTILE}/test_races.py::test_nothing_gets_out_in_a_race
        {HOSTILE}/test_races.py::test_exec_in_a_race
        {HOSTILE}/test_races.py::test_a_rootfs_that_is_swapped_is_one_of_the_two
        {HOSTILE}/test_races.py::test_a_network_device_that_is_renamed_all_the_time_comes_back"""),
    3: ("checked by what it is", f"""
        {HOSTILE}/test_fakes.py::test_a_null_device_of_others_masks_nothing_and_is_nobodys_stdio
        {HOSTILE}/test_fakes.py::test_a_terminal_is_the_pty_that_was_made
        {HOSTILE}/test_fakes.py::test_the_owner_of_the_callers_stdout_stays
        {HOSTILE}/test_hangs.py::test_a_multiplexer_that_is_a_fifo_is_refused"""),
    4: ("procfs writes", f"""
        {HOSTILE}/test_fakes.py::test_nothing_is_mounted_over_procfs
        {HOSTILE}/test_fakes.py::test_nothing_is_mounted_over_procfs_by_a_link_of_the_image
        integration/test_mounts.py::test_a_leaf_of_proc_may_be_bound_over
        integration/test_lsm.py::test_the_profile_needs_no_proc_in_the_container"""),
    5: ("identifiers", f"""
        {HOSTILE}/test_tampering.py::test_every_verb_refuses_an_id_that_is_none
        {HOSTILE}/test_tampering.py::test_links_in_the_state_are_not_followed
        integration/test_cli.py::test_an_invalid_id_is_refused_before_any_path_is_formed
        integration/test_cli.py::test_delete_force_of_an_invalid_id_is_refused_too
        integration/test_cli.py::test_a_state_directory_that_is_a_link_is_not_followed"""),
    6: ("foreign processes and cgroups", f"""
        {HOSTILE}/test_tampering.py::test_the_pid_of_somebody_else_is_never_signalled
        {HOSTILE}/test_tampering.py::test_the_cgroup_of_a_bystander_is_no_place_for_a_container
        {HOSTILE}/test_hangs.py::test_a_hook_in_the_journal_with_another_start_time_is_left
        integration/test_lifecycle.py::test_a_recycled_pid_is_not_taken_for_the_container
        integration/test_cgroups.py::test_dots_in_the_path_are_refused
        integration/test_cgroups.py::test_a_cgroup_with_foreign_processes_is_refused_and_they_live"""),
    7: ("descriptors", f"""
        {HOSTILE}/test_descriptors.py::test_a_hundred_execs_under_the_eyes_of_a_root_inside
        {HOSTILE}/test_descriptors.py::test_directories_that_the_caller_has_open_stay_with_it
        {HOSTILE}/test_descriptors.py::test_nothing_of_the_state_can_be_written_through_a_waiting_tare_init
        integration/test_process.py::test_preserve_fds_passes_them_on_and_tolerates_holes
        integration/test_hooks.py::test_only_stdio_reaches_a_hook
        integration/test_exec.py::test_only_stdio_and_what_is_asked_for_reaches_the_program"""),
    8: ("cwd", f"""
        {HOSTILE}/test_descriptors.py::test_a_working_directory_by_a_link_of_the_image_never_reaches_the_host
        integration/test_process.py::test_a_cwd_by_descriptor_never_reaches_the_host"""),
    9: ("the runtime's binary", f"""
        {HOSTILE}/test_descriptors.py::test_exec_executes_itself_once
        {HOSTILE}/test_descriptors.py::test_nothing_that_creates_is_in_sight_of_a_pid_namespace_that_it_joins
        {HOSTILE}/test_descriptors.py::test_the_runtime_as_the_program_is_not_the_runtime
        {HOSTILE}/test_descriptors.py::test_creates_in_its_pid_namespace_under_the_eyes_of_a_root_inside
        integration/test_process.py::test_a_waiting_container_runs_from_a_file_that_is_not_on_the_host"""),
    10: ("namespaces guard the host", f"""
        {HOSTILE}/test_fakes.py::test_no_abstract_sockets_and_no_set_id
        integration/test_devices_paths.py::test_a_sysctl_of_the_host_is_refused
        integration/test_devices_paths.py::test_a_sysctl_needs_its_namespace
        integration/test_bad_input.py::test_a_name_needs_a_uts_namespace
        integration/test_mounts.py::test_container_mounts_never_travel_to_a_shared_host"""),
    11: ("numbers of users and groups", f"""
        {HOSTILE}/test_wrong_values.py::test_a_process_file_takes_no_other_user
        {HOSTILE}/test_wrong_values.py::test_a_user_for_exec_is_numbers_only
        integration/test_bad_input.py::test_a_user_id_that_is_none_is_refused"""),
    12: ("groups", """
        integration/test_process.py::test_groups_of_the_caller_are_dropped
        integration/test_process.py::test_user_and_groups_are_exactly_those_listed
        integration/test_exec.py::test_it_runs_as_the_user_of_the_config"""),
    13: ("capabilities", """
        integration/test_process.py::test_the_five_capability_sets_are_exactly_as_configured
        integration/test_process.py::test_no_capabilities_block_means_none
        integration/test_process.py::test_an_unknown_capability_only_warns
        integration/test_exec.py::test_capabilities_and_no_new_privs_are_those_of_the_config"""),
    14: ("exec as init", """
        integration/test_exec.py::test_capabilities_and_no_new_privs_are_those_of_the_config
        integration/test_exec.py::test_the_filter_is_that_of_the_config
        integration/test_exec.py::test_limits_and_umask_are_those_of_the_config"""),
    15: ("a protection that can't be put in force is an error", """
        integration/test_bad_input.py::test_a_bad_value_is_refused_at_its_place
        integration/test_seccomp.py::test_what_makes_no_sense_is_refused
        integration/test_lsm.py::test_a_profile_without_apparmor_is_an_error
        integration/test_lsm.py::test_a_label_without_selinux_is_an_error
        integration/test_namespaces.py::test_a_namespace_of_the_wrong_kind_is_refused
        integration/test_bad_input.py::test_a_user_namespace_needs_both_mappings"""),
    16: ("hooks", f"""
        {HOSTILE}/test_hangs.py::test_delete_force_ends_a_hook_that_hangs
        {HOSTILE}/test_hangs.py::test_delete_force_ends_the_hook_of_a_killed_creator
        {HOSTILE}/test_hangs.py::test_the_next_create_ends_the_hook_of_a_killed_creator
        {HOSTILE}/test_hangs.py::test_what_a_hook_left_running_on_purpose_is_left
        integration/test_hooks.py::test_a_timeout_ends_the_whole_process_group
        integration/test_hooks.py::test_a_hook_that_does_not_read_its_stdin_is_no_error
        integration/test_hooks.py::test_the_environment_is_only_what_the_hook_lists
        integration/test_hooks.py::test_a_failing_create_hook_undoes_the_container"""),
    17: ("a failure leaves nothing", f"""
        faults/test_points.py::test_create
        faults/test_points.py::test_run
        integration/test_rollback.py::test_every_step_that_fails_undoes_all_before_it
        {HOSTILE}/test_load.py::test_eight_loops_at_once
        load/test_containers.py::test_every_verb_for_all_containers_at_once"""),
    18: ("SIGKILL at any system call", """
        faults/test_points.py::test_create
        faults/test_points.py::test_start
        faults/test_points.py::test_exec
        faults/test_points.py::test_delete
        integration/test_rollback.py::test_a_killed_creator_leaves_what_delete_force_removes
        integration/test_rollback.py::test_a_signal_during_create_is_a_failure_like_any_other"""),
    19: ("no false success, no mute failure", """
        faults/test_points.py::test_create
        faults/test_points.py::test_no_failure_is_an_answer
        faults/test_points.py::test_start_of_what_was_killed_meanwhile_fails"""),
    20: ("no hang", f"""
        {HOSTILE}/test_hangs.py::test_a_config_that_is_no_file_is_refused
        {HOSTILE}/test_hangs.py::test_a_process_file_that_is_no_file_is_refused
        {HOSTILE}/test_hangs.py::test_a_namespace_that_is_no_file_of_it_is_refused
        {HOSTILE}/test_hangs.py::test_an_account_file_that_is_no_file_is_not_waited_for
        {HOSTILE}/test_hangs.py::test_a_pid_file_that_is_no_file_is_written_to_replaced_or_refused
        {HOSTILE}/test_hangs.py::test_a_stopped_tare_init_is_told_with_its_place
        {HOSTILE}/test_hangs.py::test_a_mount_from_a_mute_file_system_is_told_with_its_place
        {HOSTILE}/test_hangs.py::test_parallel_starts_end
        {HOSTILE}/test_hangs.py::test_a_container_frozen_on_the_way_is_told
        integration/test_seccomp.py::test_a_filter_that_kills_init_does_not_hang_the_runtime
        integration/test_surroundings.py::test_a_console_socket_that_nobody_serves_is_not_waited_for"""),
    21: ("concurrency", f"""
        integration/test_rollback.py::test_of_many_simultaneous_creates_one_wins
        integration/test_rollback.py::test_of_many_simultaneous_starts_one_wins
        integration/test_rollback.py::test_many_simultaneous_deletes_leave_nothing
        integration/test_rollback.py::test_delete_force_during_create_ends_clean
        {HOSTILE}/test_load.py::test_eight_loops_at_once"""),
    22: ("broken state", f"""
        {HOSTILE}/test_tampering.py::test_a_file_that_was_cut_crashes_nothing
        {HOSTILE}/test_tampering.py::test_the_pid_of_somebody_else_is_never_signalled
        {HOSTILE}/test_hangs.py::test_a_file_of_the_state_that_is_none_is_not_waited_for
        integration/test_cli.py::test_a_broken_record_is_skipped_by_list_and_removed_by_delete_force
        integration/test_lifecycle.py::test_delete_force_finds_processes_and_cgroups_without_the_journal"""),
    23: ("poor surroundings", f"""
        {HOSTILE}/test_surroundings_more.py::test_a_state_that_cannot_be_written_is_told
        {HOSTILE}/test_fakes.py::test_listen_fds_of_others_are_not_believed
        integration/test_process.py::test_closed_stdio_is_a_clean_error_or_full_function
        integration/test_surroundings.py::test_with_few_descriptors_it_works_or_leaves_nothing
        integration/test_surroundings.py::test_a_limit_on_the_size_of_files_is_told
        integration/test_surroundings.py::test_the_container_begins_with_all_signals_open
        integration/test_surroundings.py::test_the_state_is_ours_alone_whatever_the_umask"""),
    24: ("life-cycle rules", f"""
        {HOSTILE}/test_tampering.py::test_signals_by_every_name_and_no_other
        integration/test_lifecycle.py::test_start_of_a_running_container_is_refused
        integration/test_lifecycle.py::test_start_of_a_stopped_container_is_refused
        integration/test_lifecycle.py::test_delete_of_a_running_container_is_refused
        integration/test_lifecycle.py::test_kill_of_a_stopped_container_says_not_running
        integration/test_exec.py::test_exec_in_a_stopped_container_is_refused
        integration/test_lifecycle.py::test_the_pid_file_replaces_a_link_and_does_not_follow_it"""),
    25: ("strict JSON", """
        integration/test_bad_input.py::test_what_is_not_a_json_object_is_refused
        integration/test_bad_input.py::test_invalid_utf8_is_refused
        integration/test_bad_input.py::test_a_duplicate_name_is_refused
        integration/test_bad_input.py::test_a_zero_byte_in_a_string_is_refused
        integration/test_bad_input.py::test_names_are_case_sensitive"""),
    26: ("types and ranges of every field", f"""
        {HOSTILE}/test_wrong_values.py::test_each_node_takes_no_value_of_another_type
        integration/test_bad_input.py::test_a_value_of_the_wrong_type_is_refused_at_its_place"""),
    27: ("bounds", """
        integration/test_bad_input.py::test_deep_nesting_is_refused
        integration/test_bad_input.py::test_a_config_above_16_mb_is_refused
        integration/test_bad_input.py::test_a_big_config_is_fine_within_5_seconds"""),
    28: ("fuzzing", ""),  # tests/fuzz, a suite of its own
}


@pytest.mark.parametrize("number", range(1, 29))
def test_each_requirement_has_its_tests(number):
    _, names = COVERED[number]
    if number == 28:
        if not (TESTS / "fuzz").is_dir():
            pytest.skip("28: tests/fuzz is not in this tree")
        return
    assert names.split()
    for name in names.split():
        file, _, test = name.partition("::")
        assert re.search(rf"^def {test}\(", (TESTS / file).read_text(), re.M), name
