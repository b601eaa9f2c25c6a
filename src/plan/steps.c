/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/steps.c - the names of all kinds of steps
 *
 * Only this table, for messages about a step that failed; describe.c has the operands.
 */
#include "plan/plan.h"

#define HOST(text, undone_by)                                                                      \
	{                                                                                          \
		.name = (text), .side = SIDE_HOST, .undo = (undone_by)                             \
	}
#define INIT(text)                                                                                 \
	{                                                                                          \
		.name = (text), .side = SIDE_INIT, .undo = ""                                      \
	}

/* clang-format off */
const struct step_kind step_kinds[OP_COUNT] = {
	[OP_CLAIM_ID] = HOST("claim-id", "remove-state"),
	[OP_RECORD_MOUNT] = HOST("record-mount", "unmount"),
	[OP_MAKE_NOTIFY] = HOST("make-notify", "remove-notify"),
	[OP_MAKE_CGROUP] = HOST("make-cgroup", "remove-cgroup"),
	[OP_WRITE_CGROUP] = HOST("write-cgroup", ""),
	[OP_ATTACH_DEVICES] = HOST("attach-devices", ""),
	[OP_MAKE_RESCTRL] = HOST("make-resctrl", "remove-resctrl"),
	[OP_WRITE_RESCTRL] = HOST("write-resctrl", "write-resctrl-back"),
	[OP_SPAWN] = HOST("spawn", "kill"),
	[OP_START_SCOPE] = HOST("start-scope", "stop-scope"),
	[OP_JOIN_CGROUP] = HOST("join-cgroup", ""),
	[OP_HAND_DOWN] = HOST("hand-down", ""),
	[OP_JOIN_RESCTRL] = HOST("join-resctrl", ""),
	[OP_COMPARE_ID_MAP] = HOST("compare-id-map", ""),
	[OP_WRITE_ID_MAP] = HOST("write-id-map", ""),
	[OP_DENY_SETGROUPS] = HOST("deny-setgroups", ""),
	[OP_OWN_CGROUP] = HOST("own-cgroup", ""),
	[OP_SET_OOM_SCORE] = HOST("set-oom-score", ""),
	[OP_RELEASE] = HOST("release", ""),
	[OP_MOVE_NETDEV] = HOST("move-netdev", "move-netdev-back"),
	[OP_ENTER_SESSION] = INIT("enter-session"),
	[OP_RESET_AFFINITY] = INIT("reset-affinity"),
	[OP_JOIN_NAMESPACE] = INIT("join-namespace"),
	[OP_UNSHARE] = INIT("unshare"),
	[OP_SET_CLOCKS] = INIT("set-clocks"),
	[OP_NEW_KEYRING] = INIT("new-keyring"),
	[OP_OPEN_LABEL] = INIT("open-label"),
	[OP_LOOPBACK_UP] = INIT("loopback-up"),
	[OP_SET_HOSTNAME] = INIT("set-hostname"),
	[OP_SET_DOMAINNAME] = INIT("set-domainname"),
	[OP_SET_SYSCTL] = INIT("set-sysctl"),
	[OP_PROPAGATE] = INIT("propagate"),
	[OP_MOUNT_ROOTFS] = INIT("mount-rootfs"),
	[OP_LAYER_ROOTFS] = INIT("layer-rootfs"),
	[OP_MOUNT] = INIT("mount"),
	[OP_BRING_DEVICES] = INIT("bring-devices"),
	[OP_MAKE_DEVICE] = INIT("make-device"),
	[OP_DROP_DEVICES] = INIT("drop-devices"),
	[OP_MAKE_LINK] = INIT("make-link"),
	[OP_REGISTER_BINFMT] = INIT("register-binfmt"),
	[OP_OPEN_CONSOLE] = INIT("open-console"),
	[OP_PASS_CONSOLE] = HOST("pass-console", ""),
	[OP_RUN_HOST_HOOK] = HOST("run-host-hook", ""),
	[OP_RUN_HOOK] = INIT("run-hook"),
	[OP_MAKE_DIR] = INIT("make-dir"),
	[OP_PROTECT_MOUNT] = INIT("protect-mount"),
	[OP_MASK_PATH] = INIT("mask-path"),
	[OP_PROTECT_PATH] = INIT("protect-path"),
	[OP_PIVOT_ROOT] = INIT("pivot-root"),
	[OP_MOVE_ROOT] = INIT("move-root"),
	[OP_CHROOT] = INIT("chroot"),
	[OP_PROTECT_ROOT] = INIT("protect-root"),
	[OP_PROPAGATE_ROOT] = INIT("propagate-root"),
	[OP_SET_SCHEDULER] = HOST("set-scheduler", ""),
	[OP_SET_AFFINITY] = HOST("set-affinity", ""),
	[OP_SET_IO_PRIORITY] = HOST("set-io-priority", ""),
	[OP_NOTE_ROOT] = HOST("note-root", ""),
	[OP_PRINT_OMITTED] = HOST("print-omitted", ""),
	[OP_SET_RLIMIT] = INIT("set-rlimit"),
	[OP_SET_MEMORY_POLICY] = INIT("set-memory-policy"),
	[OP_SET_PERSONALITY] = INIT("set-personality"),
	[OP_CHANGE_DIR] = INIT("change-dir"),
	[OP_DROP_BOUNDING] = INIT("drop-bounding"),
	[OP_SET_USER] = INIT("set-user"),
	[OP_SET_UMASK] = INIT("set-umask"),
	[OP_SET_CAPS] = INIT("set-caps"),
	[OP_NO_NEW_PRIVS] = INIT("no-new-privs"),
	[OP_RESTRICT] = INIT("restrict"),
	[OP_TRY_NETWORK] = INIT("try-network"),
	[OP_PREPARE_EXEC] = INIT("prepare-exec"),
	[OP_SET_LABEL] = INIT("set-label"),
	[OP_DROP_LAST] = INIT("drop-last"),
	[OP_ENTER_PIDS] = INIT("enter-pids"),
	[OP_SET_PROCESS_LIMIT] = HOST("set-process-limit", ""),
	[OP_WAIT_FOR_START] = INIT("wait-for-start"),
	[OP_STAY_AS_INIT] = INIT("stay-as-init"),
	[OP_SET_SECCOMP] = INIT("set-seccomp"),
	[OP_EXEC] = INIT("exec"),
};
/* clang-format on */
