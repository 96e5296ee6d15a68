# SPDX-License-Identifier: Apache-2.0
"""Every reference case of tests/data/ops through the Python ops, so that every argument gets where it belongs."""
import json

import ml_dtypes
import numpy as np
import pytest
import safetensors
from conftest import DATA

import tandem
from tandem import ops as ops_module

INDEX = json.loads((DATA / "ops" / "index.json").read_text())["cases"]
OPS = sorted({case["op"] for case in INDEX})
STORED = {"F64": np.float64, "F32": np.float32, "F16": np.float16, "BF16": ml_dtypes.bfloat16,
          "F8_E4M3": ml_dtypes.float8_e4m3fn, "F8_E5M2": ml_dtypes.float8_e5m2, "I8": np.int8, "U8": np.uint8,
          "I32": np.int32, "I64": np.int64, "BOOL": np.uint8}
UNARY = {"abs", "cos", "elu", "exp", "gelu", "gelu_tanh", "log", "neg", "recip", "relu", "rsqrt", "sigmoid", "silu",
         "sin", "sqr", "sqrt", "tanh"}
BINARY = {"add", "sub", "mul", "div", "eq", "ne", "lt", "le", "gt", "ge"}


@pytest.fixture(scope="module")
def arrays():
    loaded = {}

    def load(file, key):
        if file not in loaded:
            entries = safetensors.deserialize((DATA / "ops" / file).read_bytes())
            loaded[file] = {name: np.frombuffer(bytes(e["data"]), STORED[e["dtype"]]).reshape(e["shape"])
                            for name, e in entries}
        return loaded[file][key]
    return load


@pytest.fixture(scope="module")
def device():
    with tandem.open("cmodel:edge") as opened:
        yield opened


def run_case(op, ops, p, i, out):
    """Runs a case; `out(label)` makes the output tensor for a reference."""
    if op in UNARY:
        return ops.unary(op, i["x"], alpha=p.get("alpha"), out=out("y"))
    if op in BINARY or (op in ("min", "max") and "axes" not in p):
        return ops.binary(op, i["x"], i["y"], out=out("z"))
    if op in ("sum", "mean", "min", "max", "argmax", "argmin"):
        return ops.reduce(op, i["x"], p["axes"], keepdims=p.get("keepdim", False), out=out("y"))
    return SPECIAL[op](ops, p, i, out)


def matmul(ops, p, i, out):
    for label in ("y", "device"):
        init, y = i.get("init"), out(label)
        if y is None:
            continue
        whole = init is not None and init.ndim != 1
        if whole:
            ops.copy(init, out=y)
        a = sliced(i["a"], p)
        ops.matmul(a, i["b"], bias=None if whole else init, accumulate=whole, transpose_a=p.get("transpose_a", False),
                   transpose_b=p.get("transpose_b", False), out=y)


def sliced(a, p):
    part = lambda text: slice(*[int(n) if n else None for n in text.split(":")])
    return a[..., part(p.get("a_rows", ":")), part(p.get("a_columns", ":"))]


def matmul_w8a8(ops, p, i, out):
    ops.matmul(i["a"], i["w"], transpose_b=True, out=out("acc"))
    ops.matmul_w8a8(i["a"], i["a_scale"], i["w"], i["w_scale"], out=out("y"))


def matmul_group(ops, p, i, out):
    for label in ("y", "device"):
        ops.matmul_group_quantised(i["a"], i["w"], i["scale"], i.get("min"), p["group"], out=out(label))


def sdpa(ops, p, i, out):
    options = dict(scale=p["scale"], causal=bool(p.get("causal")), window=p.get("window") or 0,
                   softcap=p.get("softcap") or 0.0, mask=i.get("mask"),
                   own_key_visible=i.get("mask") is not None and p.get("mask") == "padding")
    if "prefill" not in p:
        return ops.sdpa(i["q"], i["k"], i["v"], out=out("y"), **options)
    y, start = out("y"), 0
    k_cache, v_cache = (ops.copy(i[n]) for n in "kv")
    for cache in (k_cache, v_cache):
        ops.fill(cache, 0.0)
    for stop in range(p["prefill"], i["q"].shape[2] + 1):
        ops.kv_append(i["k"][:, :, start:stop], i["v"][:, :, start:stop], k_cache[:, :, start:stop],
                      v_cache[:, :, start:stop])
        ops.sdpa(i["q"][:, :, start:stop], k_cache[:, :, :stop], v_cache[:, :, :stop], query_offset=start,
                 out=y[:, :, start:stop], **options)
        start = stop


def cast(ops, p, i, out):
    for label, rule in (("y", "torch"), ("y_saturating", "saturating"), ("y_nonsaturating", "nonsaturating")):
        y = out(label)
        if y is not None:
            ops.cast(i["x"], y.dtype, fp8_rule=rule, out=y)


SPECIAL = {
    "matmul": matmul, "matmul_int8": matmul, "matmul_w8a8": matmul_w8a8, "matmul_group_quantised": matmul_group,
    "sdpa": sdpa, "cast": cast,
    "fill": lambda o, p, i, out: o.fill(out("y"), p["value"]),
    "affine": lambda o, p, i, out: o.affine(i["x"], p["mul"], p["add"], out=out("y")),
    "where": lambda o, p, i, out: o.where(i["cond"], i["x"], i["y"], out=out("z")),
    "softmax": lambda o, p, i, out: o.softmax(i["x"], p["axis"], out=out("y")),
    "log_softmax": lambda o, p, i, out: o.softmax(i["x"], p["axis"], log=True, out=out("y")),
    "rmsnorm": lambda o, p, i, out: o.rmsnorm(i["x"], i["weight"], p["eps"], weight_offset=p.get("weight_offset", 0.0),
                                              out=out("y")),
    "layernorm": lambda o, p, i, out: o.layernorm(i["x"], i["weight"], i.get("bias"), p["eps"], out=out("y")),
    "rotary": lambda o, p, i, out: o.rotary(i["x"], i["cos"], i["sin"], interleaved=p["style"] == "interleaved",
                                            out=out("y")),
    "copy": lambda o, p, i, out: o.cast(i["x"], out("y").dtype, out=out("y")),
    "broadcast_to": lambda o, p, i, out: o.copy(i["x"].broadcast_to(*out("y").shape), out=out("y")),
    "reshape": lambda o, p, i, out: o.run("reshape", x=i["x"], y=out("y")),
    "transpose": lambda o, p, i, out: o.copy(i["x"].transpose(*p["axes"]), out=out("y")),
    "permute": lambda o, p, i, out: o.copy(i["x"].permute(*p["dims"]), out=out("y")),
    "slice": lambda o, p, i, out: o.copy(
        i["x"][(slice(None),) * (p["axis"] % i["x"].ndim) + (slice(p["start"], p["stop"], p["step"]),)], out=out("y")),
    "concat": lambda o, p, i, out: o.concat([i[f"x{n}"] for n in range(len(i))], p["axis"], out=out("y")),
    "repeat_kv": lambda o, p, i, out: o.repeat_kv(i["x"], p["repeats"], out=out("y")),
    "index_select": lambda o, p, i, out: o.index_select(i["x"], p["axis"], i["index"], out=out("y")),
    "gather": lambda o, p, i, out: o.gather(i["x"], p["axis"], i["index"], out=out("y")),
    "index_add": lambda o, p, i, out: o.index_add(i["x"], p["axis"], i["index"], i["src"], out=out("y")),
    "scatter_add": lambda o, p, i, out: o.scatter_add(i["x"], p["axis"], i["index"], i["src"], out=out("y")),
    "embedding": lambda o, p, i, out: o.embedding(i["weight"], i["ids"], out=out("y")),
}


def assert_within(got, want, tolerance, references, where):
    """As the README of the reference data says; outputs narrower than fp32 get half an ulp more."""
    kind = tolerance["kind"]
    if kind == "bits" or got.dtype.kind in "iu":
        exact = (lambda x: x) if got.dtype.kind in "iu" else (lambda x: x.astype(np.float64))  # NaN equals NaN
        np.testing.assert_array_equal(exact(got), exact(want), err_msg=where)
        return
    got, want = got.astype(np.float64), want.astype(np.float64)
    with np.errstate(all="ignore"):
        assert_floats_within(got, want, tolerance, references, where)


def assert_floats_within(got, want, tolerance, references, where):
    kind = tolerance["kind"]
    rounded = want.astype(np.float32).astype(np.float64)
    want = np.where(np.isfinite(rounded), want, rounded)
    if kind == "ulp":
        size = np.maximum(np.abs(want), np.finfo(np.float32).tiny)
        limit = tolerance["ulp"] * np.spacing(size.astype(np.float32)).astype(np.float64) + tolerance["abs"]
    elif kind == "abs":
        limit = tolerance["abs"]
    else:
        limit = tolerance["rel"] * np.abs(references(tolerance["array"]).astype(np.float64))
    same = (got == want) | (np.isnan(got) & np.isnan(want))
    inside = np.abs(got - want) <= limit
    assert (same | inside).all(), f"{where}: {got[~(same | inside)]} instead of {want[~(same | inside)]}"


@pytest.mark.parametrize("op", OPS)
def test_reference_cases(op, device, arrays):
    ran = 0
    for case in (c for c in INDEX if c["op"] == op):
        inputs = {}
        for label, entry in case["inputs"].items():
            inputs[label] = device.tensor(arrays(case["file"], entry["key"]))
        outputs, made = case["outputs"], {}
        reference = lambda label: arrays(case["file"], outputs[label]["key"])

        def out(label):
            if label not in outputs:
                return None
            if label not in made:
                kind = reference(label).dtype
                made[label] = device.empty(reference(label).shape, np.float32 if kind == np.float64 else kind)
            return made[label]

        run_case(op, device.ops, case["params"], inputs, out)
        assert made
        for label, tensor in made.items():
            bits = label == "device" or label.startswith("y_")
            tolerance = {"kind": "bits"} if bits else case["tolerance"]
            assert_within(tensor.numpy(), reference(label), tolerance, reference, f"{case['id']}.{label}")
        ran += 1
    assert ran > 0


def test_every_op_is_run_by_some_test():
    other = {"add_rmsnorm", "silu_mul", "gelu_mul", "gelu_tanh_mul", "kv_append", "reduce_max", "reduce_min"}
    renamed = {"broadcast_to", "matmul_int8", "transpose", "permute", "slice"}
    assert set(ops_module.names()) == (set(OPS) - renamed) | other
