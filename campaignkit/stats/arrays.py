"""What arrays are called in type hints, throughout the house."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Whole = NDArray[np.int64]
Bounds = tuple[Floats, Floats]  # lower, upper
