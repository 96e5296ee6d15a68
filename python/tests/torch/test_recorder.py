# SPDX-License-Identifier: Apache-2.0
"""The block inspector on tiny models, and the five deliberate bugs."""
import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from model_bugs import BUGS
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM
from write_records import DATA, FAMILIES, load, prompt_of

from tandem.record import Record, differences, first_difference
from tandem.torch import record


@pytest.fixture(scope="module", params=FAMILIES)
def family(request):
    return request.param


@pytest.fixture(scope="module")
def model(family):
    return load(family)


@pytest.fixture(scope="module")
def correct(family, model, tmp_path_factory):
    return Record(record(model, prompt_of(family), tmp_path_factory.mktemp(family) / "correct", steps=3))


def test_every_op_of_a_layer_has_its_name_and_order(correct):
    layer = [name.removeprefix("layer.1/op.") for name in correct.ops if name.startswith("layer.1/")]
    assert layer == ["attention_norm", "q", "k", "v", "rotary", "sdpa", "attention_output", "attention",
                     "attention_residual", "ffn_norm", "gate", "up", "silu_mul", "down", "mlp", "block"]
    assert correct.ops[0] == "op.embedding" and correct.ops[-2:] == ["op.norm", "op.logits"]
    assert [op["name"] for op in correct.info["ops"] if op.get("composite")] == [
        f"layer.{n}/op.{op}" for n in range(3) for op in ("attention", "mlp", "block")]


def test_values_are_those_of_the_reference(family, correct):
    """The golden file was made from float64; hidden states and logits agree within fp32 rounding."""
    from safetensors.numpy import load_file
    golden = load_file(DATA / family / "golden.safetensors")
    ids = prompt_of(family)
    for number in range(1, 4):
        got = correct.tensor(f"step.0/layer.{number - 1}/op.block/out")
        np.testing.assert_allclose(got, golden[f"p0.hidden.{number}"][:len(ids)], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(correct.tensor("step.0/op.logits/out"), golden["p0.logits"][:len(ids)], rtol=1e-4,
                               atol=1e-5)


def test_steps_go_on_with_the_greedy_ids(family, correct):
    greedy = json.loads((DATA / family / "golden.json").read_text())["prompts"][0]["greedy"]
    assert correct.info["new_ids"] == greedy[:3]
    steps = correct.info["steps"]
    assert [step["ids"] for step in steps[1:]] == [[greedy[0]], [greedy[1]]]
    assert [step["first_position"] for step in steps] == [0, len(prompt_of(family)), len(prompt_of(family)) + 1]
    assert correct.tensor("step.2/layer.0/op.sdpa/in.k").shape == (7, 2, 16)
    assert correct.tensor("step.2/layer.0/op.sdpa/in.q").shape == (1, 4, 16)


def test_ops_can_be_recomputed_from_their_recorded_inputs(correct):
    attributes = {op["name"]: op.get("attributes", {}) for op in correct.info["ops"]}
    place = "step.0/layer.1/op."
    q, k, v = (torch.tensor(correct.tensor(f"{place}sdpa/in.{n}")).transpose(0, 1) for n in "qkv")
    scores = q @ k.repeat_interleave(2, 0).transpose(1, 2) * attributes["layer.1/op.sdpa"]["scale"]
    later = torch.ones(scores.shape[1:]).triu(1).bool()
    out = torch.softmax(scores.masked_fill(later, -torch.inf), -1) @ v.repeat_interleave(2, 0)
    np.testing.assert_allclose(correct.tensor(f"{place}sdpa/out"), out.transpose(0, 1), rtol=1e-4, atol=1e-6)
    residual = correct.tensor(f"{place}block/in") + correct.tensor(f"{place}attention_output/out")
    np.testing.assert_array_equal(correct.tensor(f"{place}attention_residual/out"), residual)
    np.testing.assert_array_equal(correct.tensor(f"{place}q/in"), correct.tensor(f"{place}attention_norm/out"))
    gate = torch.tensor(correct.tensor(f"{place}gate/out"))
    gated = torch.nn.functional.silu(gate) * torch.tensor(correct.tensor(f"{place}up/out"))
    np.testing.assert_array_equal(correct.tensor(f"{place}silu_mul/out"), gated)


@pytest.mark.parametrize("name", BUGS)
def test_a_bug_shows_first_at_its_op(name, family, model, correct, tmp_path):
    bug = BUGS[name]
    with bug.applied(model):
        wrong = Record(record(model, prompt_of(family), tmp_path / "wrong"))
    first = first_difference(correct, wrong)
    assert first.op == bug.first_op() and first.rel_rms > 1e-4, first
    right_again = Record(record(model, prompt_of(family), tmp_path / "right"))
    assert first_difference(correct, right_again) is None


@pytest.mark.parametrize("name", [bug.name for bug in BUGS.values() if bug.per_layer])
def test_a_bug_of_one_layer_is_found_in_it(name, family, model, correct, tmp_path):
    bug = BUGS[name]
    with bug.applied(model, layer=2):
        wrong = Record(record(model, prompt_of(family), tmp_path / "wrong"))
    assert first_difference(correct, wrong).op == bug.first_op(2)
    assert {d.op.split("/")[0] for d in differences(correct, wrong) if d.max_abs} == {"layer.2", "op.norm", "op.logits"}


def test_records_in_the_tree_are_current(family, model, tmp_path):
    """Equal but for fp32 rounding, which other processors and versions do otherwise."""
    for name in ("correct", *BUGS):
        stored = Record(DATA / "records" / family / name)
        with BUGS[name].applied(model) if name in BUGS else torch.no_grad():
            fresh = Record(record(model, prompt_of(family), tmp_path / name))
        assert stored.ops == fresh.ops
        assert first_difference(stored, fresh, bound=1e-5) is None


def test_other_attention_implementations_are_recorded_too(family, model, correct, tmp_path):
    model.set_attn_implementation("sdpa")
    try:
        other = Record(record(model, prompt_of(family), tmp_path / "sdpa"))
    finally:
        model.set_attn_implementation("eager")
    assert other.ops == correct.ops and other.info["source"]["attention"] == "sdpa"
    assert first_difference(correct, other, bound=1e-5) is None


def test_blocks_only_is_small(family, model, tmp_path):
    blocks = Record(record(model, prompt_of(family), tmp_path / "blocks", contents="blocks"))
    assert blocks.ops == ["op.embedding", *[f"layer.{n}/op.block" for n in range(3)], "op.norm", "op.logits"]


def test_follow_feeds_given_ids(family, model, tmp_path):
    told = Record(record(model, [1, 2, 3], tmp_path / "told", steps=3, follow=[7, 9]))
    assert [step["ids"] for step in told.info["steps"]] == [[1, 2, 3], [7], [9]]


def test_archives_hold_the_same(family, model, correct, tmp_path):
    packed = Record(record(model, prompt_of(family), tmp_path / "run.tar.zst", steps=3))
    assert packed.info == {**correct.info, "model": packed.info["model"]}
    assert first_difference(correct, packed) is None


def test_another_family_is_recorded_by_module_path(tmp_path):
    torch.manual_seed(3)
    config = GPTNeoXConfig(vocab_size=64, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
                           intermediate_size=64, max_position_embeddings=64)
    other = GPTNeoXForCausalLM(config).eval()
    got = Record(record(other, [1, 2, 3], tmp_path / "neox"))
    assert {"layer.0/op.block", "layer.1/op.attention", "layer.0/op.mlp.dense_h_to_4h", "layer.0/op.rotary",
            "layer.1/op.sdpa", "op.gpt_neox.embed_in"} <= set(got.ops)


@pytest.mark.parametrize("arguments,part", [
    (dict(input_ids=[]), "0 ids"), (dict(input_ids=[1], steps=0), "0 steps"),
    (dict(input_ids=[1], contents="all"), "'all'"), (dict(input_ids=[1], steps=3, follow=[1]), "for each of 2 steps"),
    (dict(input_ids=torch.ones(2, 3, dtype=torch.long)), "a batch of 2")])
def test_wrong_arguments_are_refused(arguments, part, family, model, tmp_path):
    with pytest.raises(ValueError, match=part):
        record(model, path=tmp_path / "no", **arguments)


def test_hooks_are_gone_afterwards(family, model, correct):
    assert all(not m._forward_hooks and not m._forward_pre_hooks for m in model.modules())


def test_command_line(tmp_path):
    command = [sys.executable, "-m", "tandem.torch", "record", "--model", str(DATA / "llama-tiny"), "--prompt-ids"]
    done = subprocess.run([*command, "58,250,174", "--steps", "2", "--out", str(tmp_path / "cli")], text=True,
                          capture_output=True, check=True)
    assert "2 steps of 3 prompt ids, 51 ops" in done.stdout
    assert Record(tmp_path / "cli").info["prompt_ids"] == [58, 250, 174]
    bad = subprocess.run([*command, "58,x", "--out", str(tmp_path / "bad")], text=True, capture_output=True,
                         check=False)
    assert bad.returncode == 2 and "expected token ids" in bad.stderr
    if not torch.cuda.is_available():
        none = subprocess.run([*command, "1", "--device", "cuda", "--out", str(tmp_path / "none")], text=True,
                              capture_output=True, check=False)
        assert none.returncode == 3 and "no CUDA device" in none.stderr
