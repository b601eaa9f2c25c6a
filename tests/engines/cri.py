# SPDX-License-Identifier: LGPL-2.1-or-later
"""
The Container Runtime Interface as a kubelet speaks it: gRPC with Protocol Buffers, of which this has as much as the tests say.
The numbers are those of runtime/v1/api.proto of k8s.io/cri-api. Messages are dicts; what is not in a table is ignored.
"""
import grpc

# number name type; * repeated, % map of strings, else a message of that name. int: any that is a varint.
MESSAGES = {
    "Int64Value": "1 value int",
    "VersionRequest": "1 version string",
    "VersionResponse": "1 version string, 2 runtime_name string, 3 runtime_version string, 4 runtime_api_version string",
    "StatusRequest": "1 verbose int",
    "StatusResponse": "1 status RuntimeStatus, 3 runtime_handlers *RuntimeHandler",
    "RuntimeHandler": "1 name string, 2 features RuntimeHandlerFeatures",
    "RuntimeHandlerFeatures": "1 recursive_read_only_mounts int, 2 user_namespaces int",
    "RuntimeStatus": "1 conditions *RuntimeCondition",
    "RuntimeCondition": "1 type string, 2 status int, 3 reason string, 4 message string",
    "NamespaceOption": "1 network int, 2 pid int, 3 ipc int, 4 target_id string, 5 userns_options UserNamespace",
    "UserNamespace": "1 mode int, 2 uids *IDMapping, 3 gids *IDMapping",
    "IDMapping": "1 host_id int, 2 container_id int, 3 length int",
    "SecurityProfile": "1 profile_type int, 2 localhost_ref string",
    "PodSandboxMetadata": "1 name string, 2 uid string, 3 namespace string, 4 attempt int",
    "LinuxSandboxSecurityContext": "1 namespace_options NamespaceOption, 3 run_as_user Int64Value, 4 readonly_rootfs int, 6 privileged int,"
                                   "9 seccomp SecurityProfile",
    "LinuxPodSandboxConfig": "1 cgroup_parent string, 2 security_context LinuxSandboxSecurityContext, 3 sysctls %",
    "PodSandboxConfig": "1 metadata PodSandboxMetadata, 2 hostname string, 3 log_directory string, 6 labels %, 7 annotations %,"
                        "8 linux LinuxPodSandboxConfig",
    "RunPodSandboxRequest": "1 config PodSandboxConfig, 2 runtime_handler string",
    "RunPodSandboxResponse": "1 pod_sandbox_id string",
    "StopPodSandboxRequest": "1 pod_sandbox_id string",
    "StopPodSandboxResponse": "",
    "RemovePodSandboxRequest": "1 pod_sandbox_id string",
    "RemovePodSandboxResponse": "",
    "PodSandboxStatusRequest": "1 pod_sandbox_id string, 2 verbose int",
    "PodSandboxStatusResponse": "1 status PodSandboxStatus, 2 info %",
    "PodSandboxStatus": "1 id string, 2 metadata PodSandboxMetadata, 3 state int, 4 created_at int, 5 network PodSandboxNetworkStatus,"
                        "7 labels %, 8 annotations %, 9 runtime_handler string",
    "PodSandboxNetworkStatus": "1 ip string",
    "ListPodSandboxRequest": "",
    "ListPodSandboxResponse": "1 items *PodSandbox",
    "PodSandbox": "1 id string, 3 state int",
    "KeyValue": "1 key string, 2 value string",
    "ImageSpec": "1 image string",
    "ContainerMetadata": "1 name string, 2 attempt int",
    "Mount": "1 container_path string, 2 host_path string, 3 readonly int, 4 selinux_relabel int, 5 propagation int,"
             "6 uidMappings *IDMapping, 7 gidMappings *IDMapping, 8 recursive_read_only int, 9 image ImageSpec, 10 image_sub_path string",
    "Device": "1 container_path string, 2 host_path string, 3 permissions string",
    "Capability": "1 add_capabilities *string, 2 drop_capabilities *string",
    "LinuxContainerResources": "1 cpu_period int, 2 cpu_quota int, 3 cpu_shares int, 4 memory_limit_in_bytes int, 5 oom_score_adj int,"
                               "6 cpuset_cpus string, 7 cpuset_mems string, 9 unified %, 10 memory_swap_limit_in_bytes int",
    "LinuxContainerSecurityContext": "1 capabilities Capability, 2 privileged int, 3 namespace_options NamespaceOption,"
                                     "5 run_as_user Int64Value, 6 run_as_username string, 7 readonly_rootfs int,"
                                     "8 supplemental_groups *int, 11 no_new_privs int, 12 run_as_group Int64Value,"
                                     "13 masked_paths *string, 14 readonly_paths *string, 15 seccomp SecurityProfile",
    "LinuxContainerConfig": "1 resources LinuxContainerResources, 2 security_context LinuxContainerSecurityContext",
    "ContainerConfig": "1 metadata ContainerMetadata, 2 image ImageSpec, 3 command *string, 4 args *string, 5 working_dir string,"
                       "6 envs *KeyValue, 7 mounts *Mount, 8 devices *Device, 9 labels %, 10 annotations %, 11 log_path string,"
                       "12 stdin int, 13 stdin_once int, 14 tty int, 15 linux LinuxContainerConfig",
    "CreateContainerRequest": "1 pod_sandbox_id string, 2 config ContainerConfig, 3 sandbox_config PodSandboxConfig",
    "CreateContainerResponse": "1 container_id string",
    "StartContainerRequest": "1 container_id string",
    "StartContainerResponse": "",
    "StopContainerRequest": "1 container_id string, 2 timeout int",
    "StopContainerResponse": "",
    "RemoveContainerRequest": "1 container_id string",
    "RemoveContainerResponse": "",
    "ListContainersRequest": "",
    "ListContainersResponse": "1 containers *Container",
    "Container": "1 id string, 2 pod_sandbox_id string, 6 state int",
    "ContainerStatusRequest": "1 container_id string, 2 verbose int",
    "ContainerStatusResponse": "1 status ContainerStatus, 2 info %",
    "ContainerStatus": "1 id string, 3 state int, 4 created_at int, 5 started_at int, 6 finished_at int, 7 exit_code int, 10 reason string,"
                       "11 message string, 15 log_path string",
    "UpdateContainerResourcesRequest": "1 container_id string, 2 linux LinuxContainerResources",
    "UpdateContainerResourcesResponse": "",
    "ExecSyncRequest": "1 container_id string, 2 cmd *string, 3 timeout int",
    "ExecSyncResponse": "1 stdout string, 2 stderr string, 3 exit_code int",
    "ContainerStatsRequest": "1 container_id string",
    "ContainerStatsResponse": "1 stats ContainerStats",
    "ContainerStats": "2 cpu CpuUsage, 3 memory MemoryUsage",
    "CpuUsage": "1 timestamp int, 2 usage_core_nano_seconds Int64Value",
    "MemoryUsage": "1 timestamp int, 2 working_set_bytes Int64Value",
}
FIELDS = {message: [(int(number), name, kind) for number, name, kind in (f.split() for f in table.split(",") if f.strip())]
          for message, table in MESSAGES.items()}
VARINT, BYTES = 0, 2  # wire types


def varint(n):
    n &= (1 << 64) - 1
    out = bytearray()
    while n > 0x7f:
        out.append(n & 0x7f | 0x80)
        n >>= 7
    return bytes(out + bytes([n]))


def block(number, data):
    return varint(number << 3 | BYTES) + varint(len(data)) + data


def encode_value(number, kind, value):
    if kind == "int":
        return varint(number << 3 | VARINT) + varint(int(value))
    if kind == "string":
        return block(number, value.encode())
    return block(number, encode(kind, value))


def encode(message, values):
    """The dict @values as a @message."""
    known = {name: (number, kind) for number, name, kind in FIELDS[message]}
    out = b""
    for name, value in values.items():
        number, kind = known[name]
        if kind == "%":
            out += b"".join(block(number, encode("KeyValue", {"key": k, "value": v})) for k, v in value.items())
        elif kind[0] == "*":
            out += b"".join(encode_value(number, kind[1:], v) for v in value)
        else:
            out += encode_value(number, kind, value)
    return out


def read_varint(data, at):
    n = shift = 0
    while True:
        n |= (data[at] & 0x7f) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return (n - (1 << 64) if n >> 63 else n), at


def decode_value(kind, value):
    if kind == "int":
        return value
    return value.decode(errors="replace") if kind == "string" else decode(kind, value)


def empty(kind):
    return {"%": {}, "int": 0, "string": ""}.get(kind, [] if kind[0] == "*" else None)


def decode(message, data):
    """What is not there has its default: 0, "", [], None for a message."""
    fields = {number: (name, kind) for number, name, kind in FIELDS[message]}
    values = {name: empty(kind) for name, kind in fields.values()}
    at = 0
    while at < len(data):
        key, at = read_varint(data, at)
        if key & 7 == VARINT:
            value, at = read_varint(data, at)
        elif key & 7 == BYTES:
            length, at = read_varint(data, at)
            value, at = data[at:at + length], at + length
        else:
            at += {1: 8, 5: 4}[key & 7]
            continue
        if key >> 3 not in fields:
            continue
        name, kind = fields[key >> 3]
        if kind == "%":
            pair = decode("KeyValue", value)
            values[name][pair["key"]] = pair["value"]
        elif kind[0] == "*":
            values[name].append(decode_value(kind[1:], value))
        else:
            values[name] = decode_value(kind, value)
    return values


class Refused(Exception):
    """The call came back with an error."""


class Client:
    """call("RunPodSandbox", config=...): the response as a dict."""

    def __init__(self, socket):
        self.channel = grpc.insecure_channel(f"unix://{socket}")

    def __call__(self, name, deadline=60, **request):
        call = self.channel.unary_unary(f"/runtime.v1.RuntimeService/{name}",
                                        request_serializer=lambda values: encode(f"{name}Request", values),
                                        response_deserializer=lambda data: decode(f"{name}Response", data))
        try:
            return call(request, timeout=deadline)
        except grpc.RpcError as e:
            raise Refused(f"{name}: {e.code().name}: {e.details()}") from None
