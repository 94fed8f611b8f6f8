"""Where our master is known to differ from the recorded one, and why. One that no longer occurs fails the test."""

KNOWN: dict[str, dict[str, str]] = {
    "*": {
        "* | .flags.webui_dir: missing": "there is no directory of a web UI: the page is part of the program",
        "GET /metrics/snapshot | .allocator/*": "the allocator is not measured",
        "GET /metrics/snapshot | .registrar/*": "the registry is a file",
        "GET /metrics/snapshot | .master/*": "only counters and gauges that a framework's tests look at are kept",
    },
    "02": {
        "event UPDATE | .update.status.message: *not compatible with existing ExecutorInfo*":
            "the real text prints both messages as protobuf text, ours as JSON",
    },
    "05": {
        "event UPDATE_OPERATION_STATUS | *message: *instead of *":
            "the real master lists the resources of a sum in another order",
        "POST /api/v1 GET_OPERATIONS | *.uuid.value: *": "the uuid is the master's own",
    },
    "07": {
        "event UPDATE | .update.status.message: 'Total resources*":
            "the real master lists the resources of a sum in another order",
        "GET /frameworks | .completed_frameworks[[]].completed_tasks: 3 items instead of 5":
            "the real master lists tasks twice that had ended on an agent which unregistered later",
    },
    "08": {
        "operator event TASK_UPDATED | .task_updated.state: 'TASK_STARTING' instead of 'TASK_RUNNING'*":
            "the double reports RUNNING only when the scheduler hears of it",
        "event RESCIND | not sent by Mesos: *":
            "a refusal of one second ends in the very moment of a cycle here, just after it there",
    },
    "09": {
        "POST /api/v1/scheduler SUBSCRIBE | header Content-Type: *": "protobuf is not spoken",
        "event OFFERS | offer.resources: *":
            "the double tells of an end only when the scheduler hears of it, hence after the first offer",
    },
    "10": {
        "* | .flags.quorum: missing": "there is no replicated log",
        "* | .flags.zk: missing": "where ZooKeeper is belongs to the process, not to the core",
        "* | .flags.zk_session_timeout: *": "as for zk",
    },
    "10b": {
        "GET /frameworks | *command.shell: not sent by Mesos":
            "whether a default was given or filled in is forgotten",
    },
    "11": {
        "POST /api/v1 GET_FLAGS | *": "one flag less: see webui_dir",
        "POST /api/v1 GET_METRICS | *": "the real one answered with what it had measured by then",
    },
    "13": {
        "event OFFERS | offer.resources: *": "there are no ACLs: the RESERVE is not refused",
        "event UPDATE_OPERATION_STATUS | missing: *": "as above",
        "GET /state-summary | *reserve*": "as above",
    },
}  # fmt: skip
