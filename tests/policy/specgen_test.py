# SPDX-License-Identifier: Apache-2.0
"""The generator refuses bad specifications and says what is wrong; its outputs are complete."""
import pathlib
import re
import shutil
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from specgen import cpp, docs, model, sv, sv_rules, vectors  # noqa: E402


def squeeze(text):
    """Runs of blanks inside lines as one, so that cases do not depend on columns."""
    return re.sub(r"(?<=\S) +", " ", text)


class BadSpecification(unittest.TestCase):
    """Each case changes one text of the real files."""

    def refuse(self, old, new, *parts, file="npu_isa.yml"):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            for name in ("npu_isa.yml", "npu_regs.yml"):
                shutil.copy(ROOT / "rtl" / "spec" / name, folder / name)
            text = squeeze((folder / file).read_text())
            self.assertEqual(text.count(squeeze(old)), 1, f"the case must change one place: {old}")
            (folder / file).write_text(text.replace(squeeze(old), new))
            with self.assertRaises(model.SpecError) as caught:
                model.load(folder)
        for part in (file,) + parts:
            self.assertIn(part, str(caught.exception))

    def test_misaligned_field(self):
        self.refuse("{name: a_addr, at: 64, width: 64", "{name: a_addr, at: 58, width: 64",
                    "MATMUL.a_addr at byte 58", "8-byte alignment", "found byte 58")

    def test_overlap(self):
        self.refuse("{name: b_type, at: 41, width: 8", "{name: b_type, at: 40, width: 8",
                    "MATMUL.b_type at byte 40", "behind a_type, which ends at byte 41", "overlap at byte 40")

    def test_field_past_the_packet(self):
        self.refuse("{name: value, at: 72, width: 64", "{name: value, at: 256, width: 64",
                    "SIGNAL.value at byte 256", "from 0 to 248")

    def test_body_field_over_the_header(self):
        self.refuse("{name: mask, at: 72, width: 32", "{name: mask, at: 8, width: 32",
                    "WAIT", "at byte 8", "overlap")

    def test_duplicate_opcode_value(self):
        self.refuse("  FENCE:\n    value: 0x02", "  FENCE:\n    value: 0x01",
                    "opcodes.FENCE", "value 1 as in NOP")

    def test_duplicate_opcode_name(self):
        self.refuse("  FENCE:\n", "  NOP:\n", "key 'NOP' is given twice")

    def test_user_opcode(self):
        self.refuse("  FENCE:\n    value: 0x02", "  FENCE:\n    value: 0x80",
                    "FENCE.value", "1 to 127", "found 128")

    def test_unknown_enum(self):
        self.refuse("{name: target, at: 40, width: 8, enum: ucode_target", "{name: target, at: 40, width: 8, enum: place",
                    "LOAD_UCODE.target at byte 40", "name of an enumeration", "'place'")

    def test_unknown_enum_value(self):
        self.refuse("values: [NONE, F32, F16]", "values: [NONE, F32, F64]",
                    "MATMUL.scale_type", "value of enum dtype", "'F64'")

    def test_missing_doc(self):
        self.refuse(", doc: polled word}", "}", "WAIT.addr", "key 'doc' is missing")

    def test_empty_doc(self):
        self.refuse("doc: polled word}", "doc: ''}", "WAIT.addr", "a text for 'doc'")

    def test_comma_in_unquoted_text(self):
        self.refuse("doc: polled word}", "doc: polled, word}", "WAIT.addr", "'word'", "comma")

    def test_unknown_unit(self):
        self.refuse("unit: rows, nonzero: shape, doc: rows of A and C",
                    "unit: row, nonzero: shape, doc: rows of A and C", "MATMUL.m", "a unit of", "'row'")

    def test_odd_width(self):
        self.refuse("{name: group_size, at: 52, width: 16", "{name: group_size, at: 52, width: 12",
                    "MATMUL.group_size", "width 8, 16, 32 or 64", "found 12")

    def test_number_as_text(self):
        self.refuse("{name: group_size, at: 52", "{name: group_size, at: x52", "MATMUL.group_size.at", "a number")

    def test_keyword_as_name(self):
        self.refuse("{name: cycle_limit,", "{name: union,", "WAIT.union", "no keyword")

    def test_value_past_the_fast_tables(self):
        self.refuse("values: [0, 16, 32, 64, 128]", "values: [0, 16, 32, 64, 256]",
                    "MATMUL.group_size", "0 to 255", "256")

    def test_unknown_engine(self):
        self.refuse("  FILL:\n    value: 0x31\n    engine: DMA", "  FILL:\n    value: 0x31\n    engine: COPIER",
                    "FILL", "an engine of", "'COPIER'")

    def test_duplicate_micro_op(self):
        self.refuse("{name: mulh,   value: 0x31", "{name: mulh, value: 0x30",
                    "ucode.ops.mulh", "value 48 as in mull")

    def test_bad_micro_op_operands(self):
        self.refuse('operands: "d a b:t"', 'operands: "d a b:q"', "ucode.ops.tab", "'b:q'")

    def test_word_with_a_gap(self):
        self.refuse("{name: imm, lsb: 32, width: 32}", "{name: imm, lsb: 33, width: 31}",
                    "ucode.fields.imm", "lsb 32", "found 33")

    def test_register_overlap(self):
        self.refuse("at: 0x104, access: wo", "at: 0x100, access: wo", "COMMAND", "at 256 as in CTRL",
                    file="npu_regs.yml")

    def test_register_access(self):
        self.refuse("{name: IRQ_MASK, at: 0x164, access: rw", "{name: IRQ_MASK, at: 0x164, access: r",
                    "IRQ_MASK at 0x164", "access ro, rw, cfg", "'r'", file="npu_regs.yml")

    def test_register_field_overlap(self):
        self.refuse("{name: RESUME, lsb: 1", "{name: RESUME, lsb: 0", "COMMAND", "RESUME", "lsb 1 or above",
                    file="npu_regs.yml")

    def test_not_yaml(self):
        self.refuse("packet_bytes: 256", "packet_bytes: [256", "not YAML", "line")


class Outputs(unittest.TestCase):
    spec = model.load(ROOT / "rtl" / "spec")

    def test_hash_ignores_documentation_only(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            for name in ("npu_isa.yml", "npu_regs.yml"):
                shutil.copy(ROOT / "rtl" / "spec" / name, folder / name)
            path = folder / "npu_isa.yml"
            text = path.read_text()
            path.write_text(text.replace("doc: polled word}", "doc: the word}"))
            self.assertEqual(model.load(folder).abi_hash, self.spec.abi_hash)
            path.write_text(text.replace("values: [NONE, F32, F16]", "values: [NONE, F32]"))
            self.assertNotEqual(model.load(folder).abi_hash, self.spec.abi_hash)

    def test_every_opcode_is_everywhere(self):
        texts = {path: text for emitter in (cpp, docs, sv, vectors) for path, text in emitter.emit(self.spec)}
        for name, opcode in self.spec.opcodes():
            self.assertIn(f"| {opcode['value']:#04x} | [{name}]", texts["docs/reference/packets.md"])
            self.assertIn(f"OP_{name} = 8'h{opcode['value']:x}", texts["rtl/gen/npu_isa_pkg.sv"])
            self.assertIn(f"struct {cpp.camel(name)}Packet {{", texts["driver/include/tandem/abi/isa.hpp"])
            self.assertIn(f"packet {name} ", texts["tests/abi/packet_vectors.txt"])

    def test_structs_of_the_package_add_up(self):
        text = dict(sv.emit(self.spec))["rtl/gen/npu_isa_pkg.sv"]
        widths = {"opcode_e": 8, "error_e": 16}
        widths.update({f"{n}_e": b["width"] for n, b in self.spec.isa["enums"].items()})
        for body, name in re.findall(r"typedef struct packed \{([^{}]*)\} (\w+)_packet_t;", text):
            total = 0
            for kind, vector in re.findall(r"^    (\w+) (?:\[(\d+):0\] )?\w+;", body, re.M):
                total += int(vector) + 1 if vector else widths.get(kind, 1)
            self.assertEqual(total, 2048, name)

    def test_rules_of_the_hardware_cover_every_byte_and_constraint(self):
        for name, _ in self.spec.opcodes():
            zero, constrained = set(), set()
            for kind, at, arg in sv_rules.opcode_rules(self.spec, name):
                if kind == "ZERO_WORDS":
                    zero.update(range(at, 8 * (arg + 1)))
                elif kind == "ZERO_BYTES":
                    zero.update(at // 8 * 8 + bit for bit in range(8) if arg >> bit & 1)
                else:
                    constrained.add(at)
            fields = self.spec.packet_fields(name)
            used = {f["at"] + i for f in fields for i in range(f["width"] // 8)}
            self.assertEqual(zero, set(range(256)) - used, name)
            wanted = {f["at"] for f in fields if f["name"] != "opcode" and
                      ({"enum", "values", "mask", "nonzero"} & set(f))}
            self.assertEqual(constrained, wanted, name)

    def test_rules_that_the_hardware_cannot_hold_are_refused(self):
        for old, new in (("values: [0, 16, 32, 64, 128]", "values: [0, 8, 16]"),
                         ("{name: cycle_limit, at: 80, width: 64, unit: cycles, nonzero: field",
                          "{name: cycle_limit, at: 80, width: 32, unit: cycles, nonzero: field"),
                         ("{name: elem_bytes, at: 40, width: 8, unit: bytes, values: [4, 8]",
                          "{name: elem_bytes, at: 40, width: 8, unit: bytes, values: [4, 16]")):
            with tempfile.TemporaryDirectory() as folder:
                folder = pathlib.Path(folder)
                for name in ("npu_isa.yml", "npu_regs.yml"):
                    shutil.copy(ROOT / "rtl" / "spec" / name, folder / name)
                text = squeeze((folder / "npu_isa.yml").read_text())
                self.assertEqual(text.count(squeeze(old)), 1, old)
                (folder / "npu_isa.yml").write_text(text.replace(squeeze(old), new))
                with self.assertRaises(model.SpecError) as caught:
                    list(sv_rules.emit(model.load(folder)))
                self.assertIn("hardware table", str(caught.exception))
                self.assertIn("found", str(caught.exception))


if __name__ == "__main__":
    unittest.main()
