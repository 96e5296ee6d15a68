# SPDX-License-Identifier: Apache-2.0
import pathlib

import numpy as np
import pytest

import tandem

DATA = pathlib.Path(__file__).resolve().parents[2] / "tests" / "data"


@pytest.fixture
def device():
    with tandem.open("cmodel:tiny") as opened:
        yield opened


@pytest.fixture
def rng():
    return np.random.default_rng(20)
