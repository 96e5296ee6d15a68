# SPDX-License-Identifier: Apache-2.0
"""Ops: results that no reference case has, types and shapes of outputs, arguments that are refused."""
import numpy as np
import pytest

import tandem


def silu(x):
    return x / (1 + np.exp(-x))


def test_operators(device, rng):
    x, y = (rng.normal(size=(3, 4)).astype(np.float32) for _ in range(2))
    a, b = device.tensor(x), device.tensor(y)
    np.testing.assert_array_equal((a + b).numpy(), x + y)
    np.testing.assert_array_equal((a - b).numpy(), x - y)
    np.testing.assert_array_equal((a * b).numpy(), x * y)
    np.testing.assert_allclose((a / b).numpy(), x / y, rtol=1e-6)
    np.testing.assert_allclose((a @ b.transpose()).numpy(), x @ y.T, rtol=0, atol=1e-2)


def test_whole_numbers_are_exact_products(device, rng):
    x, y = (rng.integers(-8, 8, (5, 7)).astype(np.int8) for _ in range(2))
    exact = device.tensor(x) @ device.tensor(y).transpose()
    assert exact.dtype == tandem.i32
    np.testing.assert_array_equal(exact.numpy(), x.astype(np.int32) @ y.T.astype(np.int32))


def test_gated_functions(device, rng):
    gate, up = (rng.normal(size=(4, 9)).astype(np.float32) for _ in range(2))
    got = device.ops.silu_mul(device.tensor(gate), device.tensor(up))
    np.testing.assert_allclose(got.numpy(), silu(gate) * up, rtol=1e-5, atol=1e-6)
    tanh = 0.5 * gate * (1 + np.tanh(np.sqrt(2 / np.pi) * (gate + 0.044715 * gate ** 3))) * up
    for op in ("gelu_tanh_mul", "gelu_mul"):
        got = device.ops.gated(op, device.tensor(gate), device.tensor(up))
        np.testing.assert_allclose(got.numpy(), tanh, rtol=0, atol=2e-3)


def test_add_rmsnorm_gives_both(device, rng):
    x, delta = (rng.normal(size=(3, 8)).astype(np.float32) for _ in range(2))
    weight = rng.normal(size=8).astype(np.float32)
    total, y = device.ops.add_rmsnorm(*(device.tensor(t) for t in (x, delta, weight)), eps=1e-3)
    np.testing.assert_array_equal(total.numpy(), x + delta)
    s = x + delta
    want = s / np.sqrt((s * s).mean(-1, keepdims=True) + 1e-3) * weight
    np.testing.assert_allclose(y.numpy(), want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("axes,keepdims,shape", [
    (None, False, ()), (0, False, (3, 4)), (-1, True, (2, 3, 1)), ([0, 2], False, (3,)), ([0, 2], True, (1, 3, 1))])
def test_reductions_have_numpys_shape(axes, keepdims, shape, device, rng):
    x = rng.integers(-9, 9, (2, 3, 4)).astype(np.float32)
    numpys = tuple(axes) if isinstance(axes, list) else axes
    for op in ("sum", "max", "min", "mean"):
        got = device.ops.reduce(op, device.tensor(x), axes, keepdims=keepdims)
        assert got.shape == shape
        np.testing.assert_allclose(got.numpy(), getattr(np, op)(x, numpys, keepdims=keepdims), rtol=1e-6)
    assert device.ops.argmax(device.tensor(x), 1).numpy().tolist() == np.argmax(x, 1).tolist()


def test_output_types_can_be_chosen(device):
    x = device.tensor(np.array([1.0, 2.5], np.float32))
    assert device.ops.unary("neg", x, dtype="bf16").numpy().tolist() == [-1, -2.5]
    assert device.ops.cast(x, "i32").numpy().tolist() == [1, 2]
    assert device.ops.binary("lt", x, x).dtype == tandem.u8
    out = device.empty(2)
    assert device.ops.add(x, x, out=out) is out and out.numpy().tolist() == [2, 5]


def test_64_bit_integers_keep_their_bits(device):
    value = 2 ** 62 + 1
    assert device.ops.fill(device.empty(3, "i64"), value).numpy().tolist() == [value] * 3


def test_masked_rows_can_be_zero(device):
    q = device.tensor(np.ones((1, 1, 2, 4), np.float32))
    mask = device.tensor(np.full((1, 1, 2, 2), -np.inf, np.float32))
    assert np.isnan(device.ops.sdpa(q, q, q, mask=mask).numpy()).all()
    assert (device.ops.sdpa(q, q, q, mask=mask, zero_masked_rows=True).numpy() == 0).all()
    first = device.tensor(np.array([1], np.int32))
    got = device.ops.sdpa(q, q, q, causal=True, first_key=first, zero_masked_rows=True).numpy()
    assert (got[0, 0] == [[0] * 4, [1] * 4]).all()


@pytest.mark.parametrize("wrong,part", [
    (lambda o, x: o.matmul(x, x), "matmul: b: expected k = 3"),
    (lambda o, x: o.matmul(x, x[0]), "expected matrices"),
    (lambda o, x: o.add(x, x.transpose()), "do not broadcast"),
    (lambda o, x: o.softmax(x, 5), "axis"),
    (lambda o, x: o.softmax(x, 50), "axis"),
    (lambda o, x: o.run("leap", x=x), "no op 'leap'; there are .*softmax"),
    (lambda o, x: o.run("affine", x=x, y=x), "affine: argument 'mul' is missing"),
    (lambda o, x: o.run("copy", x=x, y=x, speed=3), "copy: there is no argument 'speed'"),
    (lambda o, x: o.run("copy", x=3, y=x), "copy: argument 'x': expected a tensor, found 1 integers"),
    (lambda o, x: o.run("softmax", x=x, y=x, axis=1.5), "expected an integer, found the number 1.5"),
    (lambda o, x: o.run("fill", y=x, value=x), "expected a number, found 1 tensors"),
    (lambda o, x: o.run("repeat_kv", x=x, y=x, repeats=-1), "from 0 to 4294967295, found -1"),
    (lambda o, x: o.run("cast", x=x, y=x, fp8_rule=3), "expected 0 to 2, found 3"),
    (lambda o, x: o.run("sum", x=x, y=x, axes=[9]), "expected axes of a tensor, found 9"),
    (lambda o, x: o.cast(x, "f32", fp8_rule="hope"), "expected one of torch"),
    (lambda o, x: o.concat([]), "at least one"),
    (lambda o, x: o.sdpa(x, x, x), "batch, heads"),
    (lambda o, x: o.embedding(x, x), "expected ids")])
def test_wrong_arguments_are_refused(wrong, part, device):
    packets = device.info.packets
    x = device.tensor(np.zeros((2, 3), np.float32))
    with pytest.raises(tandem.InvalidArgument, match=part):
        wrong(device.ops, x)
    assert device.info.packets == packets


def test_tensors_of_another_device_are_refused(device):
    with tandem.open("cmodel:tiny") as other:
        with pytest.raises(tandem.InvalidArgument, match="add: argument 'y' lies on <Device cmodel:tiny>"):
            device.ops.add(device.tensor([1.0]), other.tensor([1.0]))


def test_an_index_out_of_range_is_the_devices_fault(device):
    table = device.tensor(np.zeros((4, 2), np.float32))
    with pytest.raises(tandem.DeviceFault, match="BAD_INDEX"):
        device.ops.embedding(table, device.tensor(np.array([7], np.int32))).numpy()
