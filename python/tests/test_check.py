# SPDX-License-Identifier: Apache-2.0
"""`check`: reference data, and what is wrong with it."""
import json
import shutil

import pytest
from conftest import DATA

import tandem


def test_reference_data_passes():
    report = tandem.check(DATA / "ops", backend="cmodel:edge", filter="ops/*softmax*")
    assert report.ok and report.passed == len(report.cases) > 10 and report.failures == []
    assert all(case.name.startswith("ops/") and case.seconds >= 0 for case in report.cases)


def test_a_wrong_result_is_named(tmp_path):
    index = json.loads((DATA / "ops" / "index.json").read_text())
    case = next(c for c in index["cases"] if c["id"] == "norm.softmax.0.f32")
    case["op"] = "log_softmax"
    (tmp_path / "index.json").write_text(json.dumps({"count": 1, "cases": [case]}))
    shutil.copy(DATA / "ops" / case["file"], tmp_path)
    report = tandem.check(tmp_path, backend="cmodel:tiny")
    assert not report.ok and [f.name.split("/")[1] for f in report.failures] == ["norm.softmax.0.f32"]
    assert "expected" in report.failures[0].detail


def test_what_cannot_be_checked_says_why():
    with pytest.raises(tandem.Error, match="no case matches"):
        tandem.check(DATA / "ops", filter="no-such-case")
    nowhere = tandem.check(DATA / "ops", backend="nowhere:", filter="ops/norm.softmax.0.f32")
    assert not nowhere.ok and "nowhere" in nowhere.failures[0].detail


def test_a_missing_program_is_named(monkeypatch):
    monkeypatch.setenv("TANDEM_PROGRAM", "/nowhere/tandem")
    with pytest.raises(tandem.NotFound, match="/nowhere/tandem does not exist"):
        tandem.check(DATA / "ops")
