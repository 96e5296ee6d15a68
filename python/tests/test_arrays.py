# SPDX-License-Identifier: Apache-2.0
"""numpy arrays in and out, views, slices."""
import numpy as np
import pytest

import tandem
from tandem import dtypes


@pytest.mark.parametrize("kind", dtypes.ALL, ids=lambda t: t.name)
@pytest.mark.parametrize("shape", [(), (1,), (7,), (3, 5), (2, 3, 4, 5), (0,), (3, 0, 2)])
def test_values_come_back(kind, shape, device, rng):
    values = rng.integers(0, 100, shape).astype(kind.numpy)
    tensor = device.tensor(values)
    assert tensor.dtype == kind and tensor.shape == shape and tensor.nbytes == values.nbytes
    for got in (tensor.numpy(), tensor.view(), np.asarray(tensor)):
        assert got.dtype == kind.numpy and got.shape == shape
        assert got.tobytes() == values.tobytes()


def test_python_numbers_become_32_bits(device):
    assert device.tensor([1, 2]).dtype == tandem.i32
    assert device.tensor([1.5, 2]).dtype == tandem.f32
    assert device.tensor([True, False]).dtype == tandem.u8
    assert device.tensor(np.array([True])).dtype == tandem.u8
    assert device.tensor([1.5], "bf16").numpy()[0] == 1.5
    with pytest.raises(tandem.InvalidArgument, match="float64.*the device has f32"):
        device.tensor(np.zeros(3))
    with pytest.raises(tandem.InvalidArgument, match="no element type 'f12'"):
        device.empty(3, "f12")


def test_a_view_is_the_device_memory(device):
    tensor = device.tensor(np.arange(6, dtype=np.float32))
    view = tensor.view()
    view[2] = 40
    assert device.ops.affine(tensor, 1.0, 0.0).numpy()[2] == 40
    device.ops.fill(tensor, 7.0)
    device.finish()
    assert (view == 7).all()


@pytest.mark.parametrize("index", [
    0, -1, slice(None), slice(1, 3), slice(None, None, 2), (1, 2), (slice(1), 3), (Ellipsis, 1), (0, Ellipsis),
    (None, 1), (slice(None), None, slice(2, 5)), (slice(2, 2),), (1, slice(None, None, 3), -2), Ellipsis])
def test_slices_are_numpys(index, device):
    values = np.arange(4 * 5 * 6, dtype=np.int32).reshape(4, 5, 6)
    np.testing.assert_array_equal(device.tensor(values)[index].numpy(), values[index])


def test_views_of_shape(device):
    values = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    tensor = device.tensor(values)
    np.testing.assert_array_equal(tensor.permute(2, 0, 1).numpy(), values.transpose(2, 0, 1))
    np.testing.assert_array_equal(tensor.transpose().numpy(), values.swapaxes(-1, -2))
    np.testing.assert_array_equal(tensor.reshape(6, -1).numpy(), values.reshape(6, 4))
    np.testing.assert_array_equal(tensor[:1, :1].broadcast_to(5, 2, 3, 4).numpy()[4, 1, 2], values[0, 0])
    assert len(tensor) == 2 and tensor.size == 24 and not tensor.transpose().is_contiguous


def test_writing_through_a_slice_leaves_the_rest(device):
    tensor = device.tensor(np.zeros((4, 6), np.float32))
    tensor[1:3, ::2].write([[1, 2, 3], [4, 5, 6]])
    want = np.zeros((4, 6), np.float32)
    want[1:3, ::2] = [[1, 2, 3], [4, 5, 6]]
    np.testing.assert_array_equal(tensor.numpy(), want)


@pytest.mark.parametrize("wrong,part", [
    (lambda t: t[:, :, :], "3 indices for 2 axes"), (lambda t: t[::-1], "positive step"),
    (lambda t: t.reshape(5), "cannot be reshaped"), (lambda t: t.transpose().reshape(6), "contiguous"),
    (lambda t: t.permute(0, 0), "each axis once"), (lambda t: t.broadcast_to(3, 3), "does not broadcast"),
    (lambda t: t.device.empty((1,) * 7), "at most 6 axes")])
def test_views_that_do_not_fit_are_refused(wrong, part, device):
    with pytest.raises(tandem.InvalidArgument, match=part):
        wrong(device.tensor(np.zeros((2, 3), np.float32)))


def test_index_out_of_range(device):
    tensor = device.tensor(np.zeros((2, 3), np.float32))
    with pytest.raises(IndexError, match="index 2 on an axis of 2"):
        tensor[2]
    with pytest.raises(TypeError):
        len(tensor[0, 0])
    with pytest.raises(ValueError, match="view\\(\\)"):
        np.array(tensor, copy=False)


def test_a_slice_keeps_its_memory(device):
    part = device.tensor(np.arange(10, dtype=np.float32))[5:]
    for _ in range(3):
        device.ops.fill(device.empty(10), 9.0)
    np.testing.assert_array_equal(part.numpy(), [5, 6, 7, 8, 9])
