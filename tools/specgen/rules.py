# SPDX-License-Identifier: Apache-2.0
"""Rules that a specification must obey. Every message names file, place, what was expected and what was found."""
import re


class SpecError(Exception):
    """A mistake in a specification file."""


# Keys of each kind of entry: (required, optional).
KEYS = {
    "isa": ({"abi_version", "enums", "errors", "packet_bytes", "header", "opcodes", "user_opcodes",
             "completion_bytes", "completion", "ucode"}, set()),
    "regs": ({"register_bytes", "address_bits", "max_regions", "magic", "registers",
              "register_arrays", "enums"}, set()),
    "field": ({"name", "at", "width", "doc"}, {"unit", "enum", "values", "mask", "nonzero"}),
    "opcode": ({"value", "engine", "doc", "fields"}, set()),
    "enum": ({"doc", "width", "values"}, set()),
    "value": ({"name", "value", "doc"}, {"bits"}),
    "error": ({"name", "value", "fault", "doc"}, set()),
    "ucode": ({"word_bits", "vector_registers", "scalar_registers", "params", "max_phases",
               "table_words", "fields", "selectors", "ops"}, set()),
    "bits": ({"name", "lsb", "width"}, {"doc", "enum"}),
    "selector": ({"name", "first", "count", "scalar", "doc"}, set()),
    "op": ({"name", "value", "class", "operands", "doc"}, set()),
    "register": ({"name", "at", "access", "doc"}, {"unit", "enum", "fields"}),
    "array": ({"name", "at", "count", "stride", "doc", "registers"}, set()),
}
NUMBERS = {"at", "width", "value", "lsb", "first", "count", "stride", "mask", "abi_version",
           "packet_bytes", "completion_bytes", "word_bits"}
ACCESS = ("ro", "rw", "cfg", "w1c", "wo")
UNITS = ("address", "bytes", "rows", "columns", "elements", "matrices", "words", "cycles", "bits",
         "lanes", "packets", "records")
OP_CLASSES = ("control", "stream", "reduce", "fma", "compare", "logic", "multiply", "convert", "table")
# Words that C++ or SystemVerilog keeps for itself and that a field could be called.
KEYWORDS = set("""and or not xor int long short char bool float double void class struct union enum if else for
while do switch case default break return new delete this true false const static signed unsigned auto register
volatile inline virtual private public using namespace template operator logic bit byte wire reg input output inout
module begin end function task package import var ref type void priority unique final initial assign force release
wait disable fork join event time real integer string local protected table primitive cell config design library use
edge first_match global strong weak expect cover assume assert property sequence clocking constraint rand cross
solve super matches tagged checker let untyped restrict within intersect throughout""".split())


def need(condition, place, expected, found):
    if not condition:
        raise SpecError(f"{place}: expected {expected}, found {found}")


def check_keys(place, node, kind):
    need(isinstance(node, dict), place, "a mapping", repr(node))
    required, optional = KEYS[kind]
    for key in sorted(required - set(node)):
        raise SpecError(f"{place}: key '{key}' is missing, expected {', '.join(sorted(required))}; "
                        f"found {', '.join(map(str, node))}")
    for key in node:
        need(key in required | optional, place, "only keys " + ", ".join(sorted(required | optional)),
             f"'{key}' (a comma in an unquoted text makes a new key)")
    for key in sorted(NUMBERS & set(node)):
        need(isinstance(node[key], int) and node[key] >= 0, f"{place}.{key}", "a number", repr(node[key]))
    if "doc" in node:
        need(isinstance(node["doc"], str) and node["doc"].strip(), place, "a text for 'doc'",
             repr(node["doc"]))


def check_name(place, name, pattern):
    need(isinstance(name, str) and re.fullmatch(pattern, name), place, f"a name like {pattern}",
         repr(name))
    need(name.lower() not in KEYWORDS or name.isupper(), place, "a name that is no keyword",
         repr(name))


def check_int(place, value, low, high):
    need(isinstance(value, int) and not isinstance(value, bool) and low <= value <= high, place,
         f"a number from {low} to {high}", repr(value))


def check_unique(place, rows, key):
    seen = {}
    for row in rows:
        need(row[key] not in seen, f"{place}.{row['name']}", f"a {key} of its own",
             f"{key} {row[key]} as in {seen.get(row[key])}")
        seen[row[key]] = row["name"]


def check_shape(isa, regs):
    """The keys of every entry, so that later rules and emitters can rely on them."""
    f = "npu_isa.yml"
    check_keys(f, isa, "isa")
    check_keys("npu_regs.yml", regs, "regs")
    for name, body in list(isa["enums"].items()) + list(regs["enums"].items()):
        check_keys(f"{f}: enums.{name}", body, "enum")
        for row in body["values"]:
            check_keys(f"{f}: enums.{name}.{row.get('name', '?')}", row, "value")
    for row in isa["errors"]:
        check_keys(f"{f}: errors.{row.get('name', '?')}", row, "error")
    for row in isa["header"]:
        check_keys(f"{f}: header.{row.get('name', '?')}", row, "field")
    for row in isa["completion"]:
        check_keys(f"{f}: completion.{row.get('name', '?')}", row, "field")
    for name, body in isa["opcodes"].items():
        check_keys(f"{f}: {name}", body, "opcode")
        for row in body["fields"]:
            check_keys(f"{f}: {name}.{row.get('name', '?')}", row, "field")
    check_keys(f"{f}: ucode", isa["ucode"], "ucode")
    for kind, key in (("bits", "fields"), ("selector", "selectors"), ("op", "ops")):
        for row in isa["ucode"][key]:
            check_keys(f"{f}: ucode.{key}.{row.get('name', '?')}", row, kind)
    check_register_shape(regs)


def check_register_shape(regs):
    f = "npu_regs.yml"
    for row in regs["register_arrays"]:
        check_keys(f"{f}: register_arrays.{row.get('name', '?')}", row, "array")
    groups = [regs["registers"]] + [a["registers"] for a in regs["register_arrays"]]
    for row in (r for group in groups for r in group):
        place = f"{f}: {row.get('name', '?')}"
        check_keys(place, row, "register")
        for bits in row.get("fields", []):
            check_keys(f"{place}.{bits.get('name', '?')}", bits, "bits")


def check_field_rules(name, field, spec):
    """unit, enum, values, mask and nonzero of one field."""
    if "unit" in field:
        need(field["unit"] in UNITS, name, "a unit of " + ", ".join(UNITS), repr(field["unit"]))
    allowed = field.get("values", [])
    if "enum" in field:
        values = spec.enum(field["enum"])
        need(values is not None, name, "the name of an enumeration", repr(field["enum"]))
        names = [v["name"] for v in values]
        for value in allowed:
            need(value in names, name, f"a value of enum {field['enum']}", repr(value))
        allowed = [v["value"] for v in values]
    for value in allowed:
        # The tables for fast checks hold one bit a value.
        check_int(name, value, 0, min(255, (1 << field["width"]) - 1))
    if "mask" in field:
        check_int(f"{name}.mask", field["mask"], 1, (1 << field["width"]) - 1)
    need(field.get("nonzero") in (None, "shape", "field"), name, "nonzero 'shape' or 'field'",
         repr(field.get("nonzero")))


def check_fields(place, fields, total_bytes, spec):
    end, before = 0, "the start"
    for field in sorted(fields, key=lambda f: f["at"]):
        name = f"{place}.{field['name']} at byte {field['at']}"
        check_name(name, field["name"], "[a-z][a-z0-9_]*")
        need(not field["name"].startswith("rsvd"), name, "a name that does not start with rsvd",
             repr(field["name"]))
        need(field["width"] in (8, 16, 32, 64), name, "width 8, 16, 32 or 64", field["width"])
        size = field["width"] // 8
        check_int(name, field["at"], 0, total_bytes - size)
        need(field["at"] % size == 0, name,
             f"{size}-byte alignment of a {field['width']}-bit field", f"byte {field['at']}")
        need(field["at"] >= end, name, f"a place behind {before}, which ends at byte {end}",
             f"an overlap at byte {field['at']}")
        end, before = field["at"] + size, field["name"]
        check_field_rules(name, field, spec)
    check_unique(place, fields, "name")


def check_enum(place, body):
    check_int(f"{place}.width", body["width"], 1, 16)
    for row in body["values"]:
        check_name(f"{place}.{row['name']}", row["name"], "[A-Z][A-Z0-9_]*")
        check_int(f"{place}.{row['name']}", row["value"], 0, (1 << body["width"]) - 1)
    check_unique(place, body["values"], "name")
    check_unique(place, body["values"], "value")


def check_ucode(ucode):
    place, end = "npu_isa.yml: ucode", 0
    for bits in sorted(ucode["fields"], key=lambda b: b["lsb"]):
        need(bits["lsb"] == end, f"{place}.fields.{bits['name']}", f"lsb {end} (fields cover the word)",
             bits["lsb"])
        end = bits["lsb"] + bits["width"]
    need(end == ucode["word_bits"], f"{place}.fields", f"{ucode['word_bits']} bits together", end)
    limit = 1 << next(b["width"] for b in ucode["fields"] if b["name"] == "dst")
    end = 0
    for sel in ucode["selectors"]:
        need(sel["first"] == end, f"{place}.selectors.{sel['name']}", f"first {end}", sel["first"])
        end = sel["first"] + sel["count"]
    need(end <= limit, f"{place}.selectors", f"at most {limit} selectors", end)
    for op in ucode["ops"]:
        name = f"{place}.ops.{op['name']}"
        need(re.fullmatch("[a-z][a-z0-9]*", str(op["name"])), name, "a lower-case name",
             repr(op["name"]))
        check_int(name, op["value"], 1, 255)
        need(op["class"] in OP_CLASSES, name, "a class of " + ", ".join(OP_CLASSES), op["class"])
        for part in op["operands"].split():
            need(re.fullmatch("d(:[vso])?|[abc](:[vsriot])?", part), name,
                 "operands like 'd a b:t'", repr(part))
    check_unique(f"{place}.ops", ucode["ops"], "value")
    check_unique(f"{place}.ops", ucode["ops"], "name")


def check_isa(spec):
    isa, f = spec.isa, "npu_isa.yml"
    for name, body in isa["enums"].items():
        check_enum(f"{f}: enums.{name}", body)
    check_enum(f"{f}: errors", {"width": 16, "values": isa["errors"]})
    engines = [v["name"] for v in spec.enum("engine")]
    for name, opcode in spec.opcodes():
        check_name(f"{f}: {name}", name, "[A-Z][A-Z0-9_]*")
        check_int(f"{f}: {name}.value", opcode["value"], 1, isa["user_opcodes"]["first"] - 1)
        need(opcode["engine"] in engines, f"{f}: {name}", "an engine of " + ", ".join(engines),
             repr(opcode["engine"]))
        check_fields(f"{f}: {name}", isa["header"] + opcode["fields"], isa["packet_bytes"], spec)
    check_unique(f"{f}: opcodes", spec.enum("opcode"), "value")
    check_fields(f"{f}: completion", isa["completion"], isa["completion_bytes"], spec)
    check_ucode(isa["ucode"])


def check_regs(spec):
    f, registers = "npu_regs.yml", spec.registers()
    for name, body in spec.regs["enums"].items():
        check_enum(f"{f}: enums.{name}", body)
    for reg in registers:
        place = f"{f}: {reg['name']} at {reg['at']:#05x}"
        check_name(place, reg["name"], "[A-Z][A-Z0-9_]*")
        check_int(place, reg["at"], 0, spec.regs["register_bytes"] - 4)
        need(reg["at"] % 4 == 0, place, "an offset that is a multiple of 4", reg["at"])
        need(reg["access"] in ACCESS, place, "access " + ", ".join(ACCESS), repr(reg["access"]))
        check_field_rules(place, {"width": 32, **{k: reg[k] for k in ("unit", "enum") if k in reg}}, spec)
        end = 0
        for bits in sorted(reg.get("fields", []), key=lambda b: b["lsb"]):
            name = f"{place}.{bits['name']}"
            check_name(name, bits["name"], "[A-Z][A-Z0-9_]*")
            need(bits["lsb"] >= end, name, f"lsb {end} or above", bits["lsb"])
            end = bits["lsb"] + bits["width"]
            need(end <= 32, name, "bits inside 32", f"{end}")
    check_unique(f"{f}: registers", registers, "at")
    check_unique(f"{f}: registers", registers, "name")
