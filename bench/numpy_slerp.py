"""Times SLERP as mergekit computes it (numpy, float32) in processor time; prints elements a second, first of the
arithmetic alone, then with the casts from and to bfloat16 that mergekit makes around it."""
import sys
import time

import numpy as np

ELEMENTS, ROUNDS, T = int(sys.argv[1]), int(sys.argv[2]), 0.3
rng = np.random.default_rng(1)
base = rng.standard_normal(ELEMENTS, dtype=np.float32)
other = base + np.float32(0.3) * rng.standard_normal(ELEMENTS, dtype=np.float32)


def slerp(t, v0, v1):
    kept0, kept1 = np.copy(v0), np.copy(v1)
    n0, n1 = np.linalg.norm(v0), np.linalg.norm(v1)
    unit0 = v0 / n0 if n0 > 1e-8 else v0
    unit1 = v1 / n1 if n1 > 1e-8 else v1
    dot = np.sum(unit0 * unit1)
    if np.abs(dot) > 0.9995:
        return (1 - t) * kept0 + t * kept1
    angle = np.arccos(dot)
    return np.sin(angle - angle * t) / np.sin(angle) * kept0 + np.sin(angle * t) / np.sin(angle) * kept1


def widened(codes):
    return (codes.astype(np.uint32) << 16).view(np.float32)


def rounded(values):
    bits = values.view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def rate(work):
    """Median: like a merge's tensors, each result needs memory of its own, which costs more at some times than at others."""
    times = []
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return ELEMENTS / sorted(times)[ROUNDS // 2]


base_codes, other_codes = rounded(base), rounded(other)
print(rate(lambda: slerp(T, base, other)))
print(rate(lambda: rounded(slerp(T, widened(base_codes), widened(other_codes)))))
