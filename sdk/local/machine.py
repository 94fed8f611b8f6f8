"""What /system/stats.json and the metrics of a master or agent tell of the computer that it runs on."""

import os

from sdk.local.core.wire import Json


def machine() -> Json:
    """Load and memory of this computer."""
    one, five, fifteen = os.getloadavg()
    page = os.sysconf("SC_PAGE_SIZE")
    return {
        "avg_load_15min": fifteen,
        "avg_load_1min": one,
        "avg_load_5min": five,
        "cpus_total": os.cpu_count() or 1,
        "mem_free_bytes": page * os.sysconf("SC_AVPHYS_PAGES"),
        "mem_total_bytes": page * os.sysconf("SC_PHYS_PAGES"),
    }
