"""Times SLERP as mergekit computes it (numpy, float32) in processor time; prints elements a second."""
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


best = min(
    (lambda start: (slerp(T, base, other), time.process_time() - start)[1])(time.process_time())
    for _ in range(ROUNDS)
)
print(ELEMENTS / best)
