# SPDX-License-Identifier: Apache-2.0
"""Packets, completions, programs, ops as scopes, recordings, snapshots."""
import subprocess

import numpy as np
import pytest

import tandem
from tandem._check import program


def copy_packet(src, dst):
    return tandem.Packet("COPY", extent0=1, extent1=1, extent2=1, extent3=src.size, elem_bytes=src.dtype.itemsize,
                         src_addr=src.addr, src_stride3=src.dtype.itemsize, dst_addr=dst.addr,
                         dst_stride3=src.dtype.itemsize)


def test_fields_texts_and_bytes(device):
    packet = tandem.Packet("COPY", extent3=7)
    packet["src_addr"] = 0x1234
    assert packet["src_addr"] == 0x1234 and packet["extent3"] == 7
    assert "src_addr=0x1234" in packet.text() and packet.text() in repr(packet)
    assert tandem.Packet.parse(packet.text()) == packet == tandem.Packet.from_bytes(bytes(packet))
    assert len({packet, tandem.Packet.parse(packet.text())}) == 1 and len(bytes(packet)) == 256
    assert packet != tandem.Packet("NOP") and packet != "COPY"


@pytest.mark.parametrize("wrong,part", [
    (lambda: tandem.Packet("JUMP"), "no opcode 'JUMP'.*COPY"),
    (lambda: tandem.Packet("COPY", speed=3), "COPY has no field 'speed'"),
    (lambda: tandem.Packet("COPY", elem_bytes=1 << 40), "bits"),
    (lambda: tandem.Packet.parse("COPY spam"), "spam"),
    (lambda: tandem.Packet.from_bytes(b"short"), "256 bytes")])
def test_wrong_packets_are_refused(wrong, part):
    with pytest.raises(tandem.InvalidArgument, match=part):
        wrong()


def test_a_packet_moves_bytes_and_completes(device):
    src, dst = device.tensor(np.arange(50, dtype=np.float32)), device.tensor(np.zeros(50, np.float32))
    seq = device.submit(copy_packet(src, dst))
    device.flush()
    device.wait(seq)
    assert device.poll(seq)
    done = device.completion(seq)
    assert (done.seq, done.error, done.cycles) == (seq, 0, 0) and done.checksum != 0
    np.testing.assert_array_equal(dst.numpy(), src.numpy())
    again = device.run(copy_packet(src, dst).text())
    assert again.checksum == done.checksum and again.seq == seq + 1
    src.write(-src.numpy())
    assert device.run(copy_packet(src, dst)).checksum != done.checksum


def test_a_fault_carries_the_devices_message(device):
    src = device.tensor(np.zeros(8, np.float32), label="source")
    packet = copy_packet(src, src)
    packet["dst_addr"] = 0x40
    with pytest.raises(tandem.DeviceFault, match="COPY seq [0-9]+: UNMAPPED at 0x40") as caught:
        device.run(packet)
    assert "the device was reset" in str(caught.value)
    failed = next(seq for seq in range(1, 9) if device.poll(seq) and device.completion(seq).error)
    assert device.completion(failed).fault_addr == 0x40
    np.testing.assert_array_equal(device.ops.affine(src, 1.0, 3.0).numpy(), np.full(8, 3, np.float32))


def test_no_completion_of_what_never_ran(device):
    with pytest.raises(tandem.NotFound, match="seq 99"):
        device.completion(99)


def test_programs_and_tables_are_checked(device):
    with pytest.raises(tandem.InvalidArgument):
        device.load_program([])
    with pytest.raises(tandem.InvalidArgument, match="256 words"):
        device.load_table(0, [1, 2])
    device.load_table(1, list(range(256)))
    device.finish()


def test_a_recording_replays_with_its_op_names(device, tmp_path):
    path = tmp_path / "run.trace"
    with device.recording(path), device.op("mine"):
        device.ops.affine(device.tensor(np.arange(8, dtype=np.float32)), 2.0, 1.0).numpy()
    listing = subprocess.run([program(), "dis", path], capture_output=True, text=True, check=True).stdout
    assert "mine/affine" in listing
    subprocess.run([program(), "replay", path, "--backend", "cmodel:tiny"], check=True, capture_output=True)


def test_snapshot_and_restore(device, tmp_path):
    tensor = device.tensor(np.arange(8, dtype=np.float32))
    device.snapshot(tmp_path / "a.snap")
    tensor.write(0)
    device.snapshot(tmp_path / "b.snap", base=tmp_path / "a.snap")
    device.restore(tmp_path / "a.snap")
    assert tensor.numpy()[7] == 7
    device.restore(tmp_path / "b.snap")
    assert tensor.numpy()[7] == 0
    with pytest.raises(tandem.NotFound):
        device.restore(tmp_path / "none.snap")
