# SPDX-License-Identifier: Apache-2.0
"""Examples in docs/howto/python.md and in the package run as they stand."""
import doctest
import importlib
import pathlib
import re

import pytest

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "howto" / "python.md"


def test_examples_of_the_page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = PAGE.read_text()
    # Only blocks marked pycon are Python sessions; their fences would be taken for output.
    blocks = re.findall(r"```pycon\n(.*?)```", text, re.DOTALL)
    assert len(blocks) > 3
    session = doctest.DocTestParser().get_doctest(
        "\n".join(blocks), {"TREE": str(PAGE.parents[2])}, "python.md", str(PAGE), 0)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    runner.run(session)
    assert runner.summarize(verbose=False).failed == 0


@pytest.mark.parametrize("name", ["tandem.dtypes", "tandem.packet"])
def test_examples_of_a_module(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0 and result.failed == 0
