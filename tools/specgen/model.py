# SPDX-License-Identifier: Apache-2.0
"""Loads and checks the specification; the emitters work on what `load` returns."""
import dataclasses
import hashlib
import json

import yaml

from specgen import rules
from specgen.rules import SpecError  # noqa: F401 (part of this module's interface)


@dataclasses.dataclass
class Spec:
    isa: dict
    regs: dict
    abi_hash: int  # first 8 bytes of the SHA-256 of both files without docs, big endian

    def enum(self, name):
        """Values of an enumeration, or None if there is none of that name."""
        if name == "opcode":
            return [{"name": n, "value": o["value"], "doc": o["doc"]} for n, o in self.opcodes()]
        if name == "error":
            return self.isa["errors"]
        body = self.isa["enums"].get(name) or self.regs["enums"].get(name)
        return body and body["values"]

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


class UniqueKeyLoader(yaml.SafeLoader):
    """YAML without silently overwritten keys."""

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise SpecError(f"{self.name}:{key_node.start_mark.line + 1}: key '{key}' is given "
                                "twice in one mapping, expected once")
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_yaml(path):
    loader = UniqueKeyLoader(path.read_text())
    loader.name = path.name
    try:
        return loader.get_single_data()
    except yaml.YAMLError as error:
        raise SpecError(f"{path.name}: not YAML: {error}") from error
    finally:
        loader.dispose()


def strip_docs(node):
    if isinstance(node, dict):
        return {k: strip_docs(v) for k, v in node.items() if k not in ("doc", "fault", "unit")}
    if isinstance(node, list):
        return [strip_docs(v) for v in node]
    return node


def load(folder):
    """The checked specification of rtl/spec; throws SpecError with file, place, expected and found."""
    isa = read_yaml(folder / "npu_isa.yml")
    regs = read_yaml(folder / "npu_regs.yml")
    rules.check_shape(isa, regs)
    canonical = json.dumps([strip_docs(isa), strip_docs(regs)], sort_keys=True)
    digest = hashlib.sha256(canonical.encode()).digest()
    spec = Spec(isa, regs, int.from_bytes(digest[:8], "big"))
    rules.check_isa(spec)
    rules.check_regs(spec)
    return spec
