# SPDX-License-Identifier: Apache-2.0
"""Opening devices, what they say of themselves, closing, threads, errors."""
import gc
import threading

import numpy as np
import pytest

import tandem


def test_info_describes_the_device(device):
    info = device.info
    assert info.backend == "cmodel:tiny" and info.config == "tiny" and not info.timed
    assert (info.array_rows, info.array_cols, info.vector_lanes) == (4, 4, 4)
    assert info.num_regions == len(device.regions)
    assert {"weights", "activations", "kv"} <= {region.name for region in device.regions}


def test_counters_grow_with_use(device):
    before = device.info
    device.tensor(np.zeros(100, np.float32)).numpy()
    after = device.info
    assert after.bytes_in - before.bytes_in == 400 and after.bytes_out - before.bytes_out == 400
    device.ops.fill(device.empty(4), 1.0)
    assert device.info.packets > after.packets


def test_a_configuration_can_be_named():
    with tandem.open("cmodel:", config="edge") as device:
        assert device.info.config == "edge"


@pytest.mark.parametrize("uri,kind,part", [
    ("nowhere:", tandem.NotFound, "nowhere"),
    ("cmodel:nothing", tandem.NotFound, "nothing"),
    ("", tandem.InvalidArgument, "."),
    ("cmodel:tiny?threads=many", tandem.InvalidArgument, "threads")])
def test_what_cannot_be_opened_says_why(uri, kind, part):
    with pytest.raises(kind, match=part):
        tandem.open(uri)


def test_memory_is_counted_and_freed(device):
    used = lambda: next(r.used for r in device.regions if r.name == "weights")
    start = used()
    buffer = device.malloc(4096, region="weights", label="w")
    assert used() - start in range(4096, 4096 + 129) and buffer.addr % 64 == 0
    del buffer
    gc.collect()
    assert used() == start


def test_out_of_memory_lists_what_is_live(device):
    kept = device.malloc(1 << 20, label="the big one")
    with pytest.raises(tandem.OutOfMemory, match="the big one") as caught:
        device.malloc(1 << 40)
    assert isinstance(caught.value, MemoryError) and kept.num_bytes == 1 << 20


def test_closed_device_refuses_calls(device):
    tensor = device.tensor([1.0, 2.0])
    device.close()
    device.close()
    assert "closed" in repr(device)
    with pytest.raises(tandem.InvalidArgument, match="the device is closed"):
        tensor.numpy()
    with pytest.raises(tandem.InvalidArgument, match="the device is closed"):
        device.finish()


def test_views_outlive_the_device():
    device = tandem.open("cmodel:tiny")
    view = device.tensor(np.arange(1000, dtype=np.float32)).view()
    device.close()
    del device
    gc.collect()
    assert view.sum() == 499500


def test_threads_share_a_device(device):
    results = {}

    def work(n):
        x = device.tensor(np.full((16, 16), n, np.float32))
        for _ in range(20):
            x = device.ops.affine(x, 1.0, 1.0)
        results[n] = x.numpy()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all((results[n] == n + 20).all() for n in range(4))


def test_exceptions_have_python_bases():
    assert issubclass(tandem.InvalidArgument, ValueError) and issubclass(tandem.DeadlineExceeded, TimeoutError)
    assert issubclass(tandem.DeviceFault, tandem.Error) and not issubclass(tandem.Error, ValueError)
    from tandem.errors import error_of
    assert [type(error_of(n, "text")).status for n in range(1, 10)] == list(range(1, 10))
    assert type(error_of(77, "text")) is tandem.Internal


def test_unknown_names_of_the_module_are_refused():
    with pytest.raises(AttributeError, match="nothing"):
        tandem.nothing
    assert set(tandem.__all__) <= set(dir(tandem))


def test_check_mode_reports_findings():
    with tandem.open("cmodel:tiny?check=1") as device:
        device.ops.affine(device.empty(4, label="never written"), 1.0, 0.0).numpy()
        assert "never written" in device.take_findings()
        assert device.take_findings() == ""
        with pytest.raises(tandem.Unavailable, match="numpy\\(\\)"):
            device.empty(4).view()
