# SPDX-License-Identifier: Apache-2.0
"""Loads and checks the specification; the emitters work on what `load` returns."""
import dataclasses
import hashlib
import json

import yaml


class SpecError(Exception):
    """A mistake in a specification file: file, place, what was expected and found."""


@dataclasses.dataclass
class Spec:
    isa: dict
    regs: dict
    abi_hash: int  # first 8 bytes of the SHA-256 of both files without docs, big endian

    def enum(self, name):
        if name == "opcode":
            return [{"name": n, "value": o["value"], "doc": o["doc"]} for n, o in self.opcodes()]
        if name == "error":
            return self.isa["errors"]
        return (self.isa["enums"].get(name) or self.regs["enums"][name])["values"]

    def opcodes(self):
        return list(self.isa["opcodes"].items())

    def packet_fields(self, opcode):
        """Header and body fields of an opcode in ascending offset, without reserved gaps."""
        body = self.isa["opcodes"][opcode]["fields"]
        return sorted(self.isa["header"] + body, key=lambda f: f["at"])

    def registers(self):
        """All registers with arrays expanded: dicts with name, at, access, doc."""
        out = list(self.regs["registers"])
        for array in self.regs["register_arrays"]:
            for index in range(array["count"]):
                for reg in array["registers"]:
                    out.append({**reg, "name": f"{array['name']}{index}_{reg['name']}",
                                "at": array["at"] + index * array["stride"] + reg["at"]})
        return sorted(out, key=lambda r: r["at"])


def with_gaps(fields, total_bytes):
    """`fields` with the gaps filled by fields named rsvd_<offset> (width in bits, multiple of 8)."""
    out, at = [], 0
    for field in list(fields) + [{"name": None, "at": total_bytes, "width": 0}]:
        if field["at"] > at:
            out.append({"name": f"rsvd_{at}", "at": at, "width": 8 * (field["at"] - at),
                        "doc": "reserved, zero", "reserved": True})
        if field["name"]:
            out.append(field)
            at = field["at"] + field["width"] // 8
    return out


def strip_docs(node):
    if isinstance(node, dict):
        return {k: strip_docs(v) for k, v in node.items() if k not in ("doc", "fault", "unit")}
    if isinstance(node, list):
        return [strip_docs(v) for v in node]
    return node


def check_fields(where, fields, total_bytes, spec):
    end = 0
    for field in sorted(fields, key=lambda f: f["at"]):
        name = f"{where}: {field.get('name')} at byte {field.get('at')}"
        for key in ("name", "at", "width", "doc"):
            if key not in field:
                raise SpecError(f"{name}: key '{key}' is missing")
        if field["width"] not in (8, 16, 32, 64):
            raise SpecError(f"{name}: width {field['width']}, expected 8, 16, 32 or 64")
        if field["at"] % (field["width"] // 8):
            raise SpecError(f"{name}: {field['width']}-bit field needs "
                            f"{field['width'] // 8}-byte alignment")
        if field["at"] < end:
            raise SpecError(f"{name}: overlaps the field before it, which ends at byte {end}")
        end = field["at"] + field["width"] // 8
        if end > total_bytes:
            raise SpecError(f"{name}: ends at byte {end}, past {total_bytes}")
        if "enum" in field:
            names = {v["name"] for v in spec.enum(field["enum"])}
            for value in field.get("values", []):
                if value not in names:
                    raise SpecError(f"{name}: '{value}' is not in enum {field['enum']}")


def check_unique(where, rows, key):
    seen = {}
    for row in rows:
        if row[key] in seen:
            raise SpecError(f"{where}: {row['name']} and {seen[row[key]]} share {key} {row[key]}")
        seen[row[key]] = row["name"]


def load(folder):
    isa = yaml.safe_load((folder / "npu_isa.yml").read_text())
    regs = yaml.safe_load((folder / "npu_regs.yml").read_text())
    canonical = json.dumps([strip_docs(isa), strip_docs(regs)], sort_keys=True)
    digest = hashlib.sha256(canonical.encode()).digest()
    spec = Spec(isa, regs, int.from_bytes(digest[:8], "big"))
    for name, opcode in spec.opcodes():
        if opcode["value"] >= isa["user_opcodes"]["first"]:
            raise SpecError(f"npu_isa.yml: {name}: opcode {opcode['value']:#x} is the user's")
        check_fields(f"npu_isa.yml: {name}", isa["header"] + opcode["fields"],
                     isa["packet_bytes"], spec)
    check_unique("npu_isa.yml: opcodes", spec.enum("opcode"), "value")
    check_unique("npu_isa.yml: errors", isa["errors"], "value")
    check_unique("npu_isa.yml: ucode.ops", isa["ucode"]["ops"], "value")
    check_unique("npu_isa.yml: ucode.ops", isa["ucode"]["ops"], "name")
    check_fields("npu_isa.yml: completion", isa["completion"], isa["completion_bytes"], spec)
    check_unique("npu_regs.yml: registers", spec.registers(), "at")
    check_unique("npu_regs.yml: registers", spec.registers(), "name")
    for reg in spec.registers():
        if reg["access"] not in ("ro", "rw", "cfg", "w1c", "wo"):
            raise SpecError(f"npu_regs.yml: {reg['name']}: access '{reg['access']}' is unknown")
    return spec
