"""How fast the same arithmetic could be: one fused loop in C over all points, the blocks written by hand in NumPy, a copy.

Written for one case, the article's counting of a sparse model with latent attention under chunked prefill in lockstep, with
lengths, batch and both efficiencies of every point its own: what `throughput` works out for `RATES`, constants taken from a
deployment. `check` holds it against `throughput`, so that it is the same arithmetic.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fleetline.deployment import deploy, throughput
from fleetline.physics.serving import memory_capacity
from fleetline.physics.work import weight_bytes

Array = npt.NDArray[np.float64]
RATES = ("batch", "memory_used_bytes", "throughput_tok_s", "speed_tok_s_user", "ttft_s", "tpot_s", "cycle_s")
GIVEN = ("input_tokens", "output_tokens", "batch", "compute_efficiency", "bandwidth_efficiency")

SOURCE = r"""
#include <math.h>
void rates(long n, const double *c, const double *restrict in, const double *restrict out, const double *restrict batch,
           const double *restrict compute, const double *restrict bandwidth, double *restrict rates[7]) {
  const double rest = c[0], routed = c[1], active = c[2], missed = c[3], stored = c[4], layers = c[5], prefill_flop = c[6],
      decode_flop = c[7], decode_read = c[8], kept = c[9], element = c[10], peak = c[11], peak_attention = c[12],
      hbm = c[13], latency = c[14], chunk = c[15], activation = c[16], weights = c[17], capacity = c[18], context = c[19];
  for (long i = 0; i < n; i++) {
    const double I = in[i], O = out[i], B = batch[i], end = I + O, each = layers * B;
    const double linear = peak * compute[i], attention = peak_attention * compute[i], speed = hbm * bandwidth[i];
    const double before = I * I / 2.0, pairs = end * end / 2.0 - before;
    const double prefill_c = (rest + active) * 2.0 * B * I / linear;
    const double prefill_b = stored * (rest - routed * expm1(B * I * missed)) / speed;
    const double decode_c = (rest + active) * 2.0 * B * O / linear;
    const double decode_b = stored * O * (rest - routed * expm1(B * missed)) / speed;
    const double first_c = each * prefill_flop * before / attention, first_b = each * kept * I * element / speed;
    const double later_c = each * decode_flop * pairs / attention;
    const double later_b = each * decode_read * (pairs / O) * O * element / speed;
    const double first = fmax(first_c, first_b);
    const double total = fmax(prefill_c + decode_c, prefill_b + decode_b) + first + fmax(later_c, later_b) + O * latency;
    const double ttft = fmax(prefill_c, prefill_b) + first;
    const double memory = weights + B * layers * kept * element * end + activation * (B + chunk);
    const double blank = end <= context && memory <= capacity ? 0.0 : NAN;
    rates[0][i] = B + blank;
    rates[1][i] = memory + blank;
    rates[2][i] = B * O / total + blank;
    rates[3][i] = O / total + blank;
    rates[4][i] = ttft + blank;
    rates[5][i] = (total - ttft) / O + blank;
    rates[6][i] = total + blank;
  }
}
"""
# As the language has it; and with sums in any order and four exponentials at a time, which is not the same to the last bit.
FLAGS: Mapping[str, tuple[str, ...]] = {"strict": ("-O3",), "fast": ("-Ofast",)}
CALLED: Mapping[str, str] = {"strict": "rounded as IEEE 754 has it", "fast": "as fast as it goes (-Ofast)"}


def constants(model: str, system: str) -> Array:
    """What of the deployment the loop needs, in the order of the C code."""
    deployment, _ = deploy(model, system, "8000:1000", preset="article")
    parts = {part.name: part for part in deployment.model.parts}
    rest, routed = parts["rest"], parts["routed_experts"]
    (group,) = deployment.model.attention
    stored, cache, machine = deployment.checkpoint.formats["rest"], deployment.checkpoint.kv_cache, deployment.system
    return np.array(
        [
            *(rest.elements, routed.elements, routed.active, np.log1p(-routed.touched_by_one), stored.bytes_per_weight),
            *(group.count, group.costs.prefill_flop, group.costs.decode_flop, group.costs.decode_read, group.costs.kept),
            *(cache.bytes_per_weight, machine.peak(stored.compute_precision), machine.peak(cache.compute_precision)),
            *(machine.hbm_bandwidth, deployment.efficiency.step_latency, deployment.chunk_tokens),
            3.0 * deployment.model.hidden * deployment.activation_value_bytes,
            *(weight_bytes(deployment.model, deployment.checkpoint), memory_capacity(deployment)),
            deployment.model.max_context,
        ]
    )


def compiled(flags: str) -> Callable[..., None] | None:
    """The loop, compiled; None where there is no C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        source, object_code, library = (Path(folder) / f"floor.{ending}" for ending in ("c", "o", "so"))
        source.write_text(SOURCE, encoding="utf-8")
        subprocess.run([compiler, *FLAGS[flags], "-march=native", "-fPIC", "-c", source, "-o", object_code], check=True)
        # linked without the flags: with -Ofast the linker adds code that rounds subnormal numbers to 0 in the whole process
        subprocess.run([compiler, "-shared", object_code, "-o", library, "-lm"], check=True)
        loop = ctypes.CDLL(str(library)).rates
    loop.restype = None

    def address(array: Array) -> Any:
        return array.ctypes.data_as(ctypes.c_void_p)

    def run(fixed: Array, given: list[Array], results: list[Array]) -> None:
        places = (ctypes.c_void_p * len(results))(*(each.ctypes.data for each in results))
        loop(ctypes.c_long(len(given[0])), address(fixed), *map(address, given), places)

    return run


def fused(loop: Callable[..., None], fixed: Array, points: Mapping[str, Array], threads: int) -> dict[str, Array]:
    """The rates of all points by the loop, the points shared out to threads."""
    given = [points[name] for name in GIVEN]
    results = [np.empty_like(given[0]) for _ in RATES]
    ends = np.linspace(0, len(given[0]), threads + 1).astype(int)
    with ThreadPoolExecutor(threads) as pool:
        slices = [slice(start, end) for start, end in pairwise(ends)]
        list(pool.map(lambda some: loop(fixed, [each[some] for each in given], [each[some] for each in results]), slices))
    return dict(zip(RATES, results, strict=True))


def check(model: str, system: str, points: Mapping[str, Any], found: Mapping[str, Array]) -> None:
    """That the loop found what `throughput` does."""
    told = throughput(model, system, preset="article", counting="article", **points)
    for name in RATES:
        np.testing.assert_allclose(found[name], getattr(told, name), rtol=1e-12, err_msg=name)


def copy(source: Array, out: Array, threads: int) -> None:
    """Copy one to the other, shared out to threads."""
    size = -(-source.size // threads)
    with ThreadPoolExecutor(threads) as pool:
        places = [slice(start, start + size) for start in range(0, source.size, size)]
        list(pool.map(lambda some: np.copyto(out[some], source[some]), places))
