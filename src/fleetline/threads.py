"""How many threads answer a question about many points: NumPy works on an array without holding up the others."""

from __future__ import annotations

import multiprocessing
import os
import threading

from fleetline.errors import InputError

VARIABLE = "FLEETLINE_THREADS"
_MOST = 1024


def threads() -> int:
    """As many as the environment variable FLEETLINE_THREADS says, else one for each processor.

    One inside of a worker, whether thread or process: whoever started those has shared out the processors already.

    Raises:
        InputError: the variable is not a whole number from 1.
    """
    said = os.environ.get(VARIABLE)
    if said:
        if not said.isdecimal() or not 1 <= int(said) <= _MOST:
            allowed = f"a whole number from 1 to {_MOST}"
            raise InputError(
                f"{VARIABLE}: got {said[:80]}, allowed {allowed}", field=VARIABLE, got=said[:80], allowed=allowed
            )
        return int(said)
    worker = multiprocessing.parent_process() is not None or threading.current_thread() is not threading.main_thread()
    return 1 if worker else len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
