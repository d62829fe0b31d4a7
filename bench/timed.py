"""``python -m bench.timed COMMAND...``: run a command, and print what it took as one JSON line.

A process of its own, since the kernel counts the memory of whoever starts a process as that
process's own; this one has next to none. What the command prints goes to standard error.
"""

import json
import os
import sys
import time


def main() -> None:
    """Run the command that the arguments are."""
    command = sys.argv[1:]
    began = time.perf_counter()
    pid = os.posix_spawn(
        command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, 2, 1)]
    )
    _, status, usage = os.wait4(pid, 0)
    found = {
        "seconds": time.perf_counter() - began,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_mib": usage.ru_maxrss / 1024,
    }
    print(json.dumps(found))
    sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
