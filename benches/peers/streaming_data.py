#!/usr/bin/env python3
"""Draws two normal variables of known mutual information into x.npy and y.npy, some rows at a time.

    streaming_data.py FOLDER ROWS COLUMNS RHO SEED

Column i of y is RHO times column i of x plus noise, both of unit variance, as 32-bit numbers:
I(X;Y) = -COLUMNS/2 log2(1 - RHO^2) bits.
"""

import sys
from pathlib import Path

import numpy

folder, rows, columns, rho, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5])  # fmt: skip
random = numpy.random.default_rng(seed)
arrays = {}
for name in ("x", "y"):
    arrays[name] = open(folder / f"{name}.npy", "wb")
    header = {"descr": "<f4", "fortran_order": False, "shape": (rows, columns)}
    numpy.lib.format.write_array_header_1_0(arrays[name], header)
for start in range(0, rows, 10_000):
    count = min(10_000, rows - start)
    x = random.standard_normal((count, columns), dtype=numpy.float32)
    noise = random.standard_normal((count, columns), dtype=numpy.float32)
    arrays["x"].write(x.tobytes())
    arrays["y"].write((numpy.float32(rho) * x + numpy.float32((1 - rho**2) ** 0.5) * noise).tobytes())
for file in arrays.values():
    file.close()
