# SPDX-License-Identifier: Apache-2.0
"""Reading and comparing records; those of tests/data were written from PyTorch models."""
import json
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
from conftest import DATA
from safetensors.numpy import save_file

import tandem
from tandem.record import Record, differences, first_difference, pack

RECORDS = DATA / "records"
FAMILIES = ("llama-tiny", "mistral-tiny", "qwen2-tiny")
FIRST = {"wrong_rope_base": "layer.0/op.rotary", "missing_scale": "layer.0/op.sdpa",
         "swapped_heads": "layer.0/op.sdpa", "wrong_norm_epsilon": "layer.0/op.attention_norm",
         "mask_off_by_one": "layer.0/op.sdpa"}


@pytest.mark.parametrize("bug", FIRST)
@pytest.mark.parametrize("family", FAMILIES)
def test_bugs_are_found_at_their_op(family, bug):
    first = first_difference(Record(RECORDS / family / "correct"), Record(RECORDS / family / bug))
    assert first is not None and first.op == FIRST[bug] and first.rel_rms > 1e-4


@pytest.mark.parametrize("family", FAMILIES)
def test_names_and_aliases(family):
    record = Record(RECORDS / family / "correct")
    assert record.num_steps == 1 and record.packets() is None
    names = record.names(0)
    assert len(names) == len(set(names)) and "step.0/layer.2/op.sdpa/in.v" in names
    np.testing.assert_array_equal(record.tensor("step.0/layer.0/op.block/in"), record.tensor("step.0/op.embedding/out"))
    assert "step.0/op.norm/out" in record and "step.0/op.none/out" not in record
    assert record.tensor("step.0/op.embedding/in").tolist() == record.info["prompt_ids"]


def test_equal_records_do_not_differ_and_nan_does(tmp_path):
    source = RECORDS / "llama-tiny" / "correct"
    a = Record(source)
    assert first_difference(a, Record(source)) is None
    assert all(d.max_abs == 0 for d in differences(a, Record(source)))
    shutil.copytree(source, tmp_path / "nan")
    tensors = {name: a.tensor(name) for name in a.names(0) if name not in a.info["aliases"]}
    tensors["step.0/layer.1/op.up/out"] = np.full_like(tensors["step.0/layer.1/op.up/out"], np.nan)
    save_file(tensors, tmp_path / "nan" / "step.0.safetensors")
    assert first_difference(a, Record(tmp_path / "nan"), bound=1e9).op == "layer.1/op.up"


def test_archives_are_records(tmp_path):
    source = RECORDS / "qwen2-tiny" / "correct"
    pack(source, tmp_path / "run.tar.zst")
    packed = Record(tmp_path / "run.tar.zst")
    assert packed.info == Record(source).info and first_difference(Record(source), packed) is None


def test_packets_are_columns(tmp_path):
    shutil.copytree(RECORDS / "llama-tiny" / "correct", tmp_path / "run")
    save_file({"seq": np.arange(1, 4, dtype=np.uint64), "checksum": np.array([1, 2, 2 ** 64 - 1], np.uint64)},
              tmp_path / "run" / "packets.safetensors")
    info = json.loads((tmp_path / "run" / "record.json").read_text())
    info["packets"] = {"file": "packets.safetensors", "ops": ["a"], "digest": None}
    (tmp_path / "run" / "record.json").write_text(json.dumps(info))
    assert Record(tmp_path / "run").packets()["checksum"][2] == 2 ** 64 - 1


@pytest.mark.parametrize("change,part", [
    ({"format": "other"}, "expected \"format\""), ({"version": 2}, "expected version 1, found 2"),
    ({"ops": None}, "has no 'ops'"), ({"steps": [{"file": "../x"}]}, "no file '../x'")])
def test_damaged_records_say_what_is_wrong(change, part, tmp_path):
    shutil.copytree(RECORDS / "llama-tiny" / "correct", tmp_path / "run")
    info = json.loads((tmp_path / "run" / "record.json").read_text()) | change
    (tmp_path / "run" / "record.json").write_text(json.dumps({k: v for k, v in info.items() if v is not None}))
    with pytest.raises(tandem.Error, match=part):
        Record(tmp_path / "run").names(0)


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(tandem.NotFound, match="no such record"):
        Record(tmp_path / "none")
    record = Record(RECORDS / "llama-tiny" / "correct")
    for name, part in (("step.0/op.x/out", "no tensor"), ("step.7/op.norm/out", "expected step.0"), ("x", "found 'x'")):
        with pytest.raises(tandem.NotFound, match=part):
            record.tensor(name)
    other = Record(RECORDS / "llama-tiny" / "correct")
    other.info["aliases"]["step.0/op.norm/out"] = "step.0/op.logits/out"
    with pytest.raises(tandem.InvalidArgument, match="runs of one model"):
        first_difference(record, other)


def test_records_need_no_compiled_part():
    source = pathlib.Path(tandem.__file__).parent
    code = ("import sys; sys.modules['tandem._native'] = None; import tandem.record; "
            f"print(len(tandem.record.Record({str(RECORDS / 'llama-tiny' / 'correct')!r}).ops))")
    done = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=True, cwd=source.parent)
    assert done.stdout.strip() == "51"
    code = "import sys; sys.modules['tandem._native'] = None; import tandem; tandem.open"
    refused = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=False, cwd=source.parent)
    assert "ImportError: tandem.open needs the compiled part of the package" in refused.stderr
