# SPDX-License-Identifier: Apache-2.0
"""SystemVerilog table of the single-field rules, which the packet check of the command processor walks."""
from specgen.model import with_gaps
from specgen.rules import SpecError
from specgen.sv import HEAD, UNUSED_OFF, UNUSED_ON, camel, comment, enumerator

WORD_BYTES = 8
LISTED_VALUES = 16  # a LISTED rule holds one bit a value
LISTED_WIDE_STEP = 16  # and a LISTED_WIDE rule one bit a multiple of this
NONZERO_KINDS = {16: "NONZERO16", 64: "NONZERO64"}

KINDS = [
    ("ZERO_BYTES", "bytes of one word are zero; arg: bit n for byte n of the word; each byte reports its own offset"),
    ("ZERO_WORDS", "words are zero from that of `at` to word `arg`; each byte reports its own offset"),
    ("MASK", "a byte has no bit outside `arg`"),
    ("LISTED", f"a byte is a value below {LISTED_VALUES} whose bit of `arg` is 1"),
    ("LISTED_WIDE", f"a 16-bit field is n * {LISTED_WIDE_STEP} with bit n of `arg` 1"),
    ("NONZERO16", "a 16-bit field is not zero"),
    ("NONZERO64", "a 64-bit field is not zero"),
    ("EXTENT", "a 32-bit field is not zero, else BAD_SHAPE"),
]


def allowed_values(spec, field):
    """Values that a field may take, or None if it may take all."""
    values = field.get("values")
    rows = spec.enum(field["enum"]) if field.get("enum") else None
    if values is not None:
        names = {row["name"]: row["value"] for row in rows or []}
        return [names.get(value, value) for value in values]
    return [row["value"] for row in rows] if rows else None


def listed_rule(place, field, values):
    if field["width"] == 8 and max(values) < LISTED_VALUES:
        return "LISTED", sum(1 << value for value in values)
    steps = [value // LISTED_WIDE_STEP for value in values]
    if field["width"] == 16 and max(steps) < 16 and all(v % LISTED_WIDE_STEP == 0 for v in values):
        return "LISTED_WIDE", sum(1 << step for step in steps)
    raise SpecError(f"npu_isa.yml: {place}: expected an 8-bit field with values below {LISTED_VALUES} or a 16-bit "
                    f"field with multiples of {LISTED_WIDE_STEP} below 256, which the hardware table can hold; "
                    f"found {field['width']} bits with {values}")


def field_rules(spec, place, field):
    """(kind, at, arg) of the rules of one field, none if every value is allowed."""
    values = allowed_values(spec, field)
    if field["name"] != "opcode" and values:
        kind, arg = listed_rule(place, field, values)
        yield kind, field["at"], arg
    if "mask" in field:
        yield "MASK", field["at"], field["mask"]
    nonzero = field.get("nonzero")
    kind = "EXTENT" if nonzero == "shape" and field["width"] == 32 else NONZERO_KINDS.get(field["width"])
    if nonzero and (kind is None or (nonzero == "shape") != (kind == "EXTENT")):
        raise SpecError(f"npu_isa.yml: {place}: expected 32 bits for 'nonzero: shape' and 16 or 64 for 'nonzero: "
                        f"field', which the hardware table can hold; found {field['width']}")
    if nonzero:
        yield kind, field["at"], 0


def zero_rules(first, last):
    """(kind, at, arg) of the rules that bytes first..last are zero: part of a word, whole words, part of a word."""
    at = first
    while at <= last:
        word_end = at - at % WORD_BYTES + WORD_BYTES - 1
        if at % WORD_BYTES == 0 and last >= word_end:
            words = (last + 1 - at) // WORD_BYTES
            yield "ZERO_WORDS", at, at // WORD_BYTES + words - 1
            at += words * WORD_BYTES
            continue
        end = min(last, word_end)
        yield "ZERO_BYTES", at, sum(1 << (byte % WORD_BYTES) for byte in range(at, end + 1))
        at = end + 1


def opcode_rules(spec, name):
    out = []
    for field in with_gaps(spec.packet_fields(name), spec.isa["packet_bytes"]):
        place = f"{name}.{field['name']}"
        if field.get("reserved"):
            out += zero_rules(field["at"], field["at"] + field["width"] // 8 - 1)
        else:
            out += field_rules(spec, place, field)
    return out


def offsets_text(spec):
    lines = [f"  parameter logic [7:0] Packet{camel(field['name'])}At = 8'd{field['at']};" for field in spec.isa["header"]]
    for name, op in spec.opcodes():
        for field in sorted(op["fields"], key=lambda f: f["at"]):
            lines.append(f"  parameter logic [7:0] {camel(name)}{camel(field['name'])}At = 8'd{field['at']};")
    return lines


def function_text(name, kind, doc, rows, default):
    lines = comment(doc, 2) + [f"  function automatic {kind} {name}(input logic [7:0] opcode);",
                               "    case (opcode)"]
    lines += [f"      npu_isa_pkg::{enumerator('opcode', op)}: return {value};" for op, value in rows]
    return lines + [f"      default: return {default};", "    endcase", "  endfunction", ""]


def emit(spec):
    rules, first = [], []
    for name, _ in spec.opcodes():
        first.append((name, len(rules)))
        body = opcode_rules(spec, name)
        rules += [(name, index + 1 == len(body), *rule) for index, rule in enumerate(body)]
    width = (len(rules) - 1).bit_length()
    out = [HEAD.format(purpose="Rules of single packet fields, in the order in which they are checked.") +
           "package npu_packet_rules_pkg;", "", "  // What a rule demands.", "  typedef enum logic [2:0] {"]
    for index, (kind, doc) in enumerate(KINDS):
        out += comment(doc, 4)
        out.append(f"    RULE_{kind} = 3'd{index}{',' if index + 1 < len(KINDS) else ''}")
    out += ["  } rule_kind_e;", "", "  typedef struct packed {",
            "    logic last;  // of the opcode", "    rule_kind_e kind;",
            "    logic [7:0] at;  // byte offset in the packet", "    logic [15:0] arg;",
            "  } field_rule_t;", "", *UNUSED_OFF,
            f"  parameter int unsigned NumFieldRules = {len(rules)};",
            f"  parameter int unsigned FieldRuleWidth = {width};",
            "  parameter field_rule_t FieldRules [NumFieldRules] = '{"]
    for index, (name, last, kind, at, arg) in enumerate(rules):
        comma = "," if index + 1 < len(rules) else " "
        out.append(f"    {{1'b{int(last)}, RULE_{kind}, 8'd{at}, 16'h{arg:x}}}{comma}  // {name}")
    out += ["  };", "", "  // Byte offsets of fields.", *offsets_text(spec), UNUSED_ON, ""]
    rows = [(name, f"{width}'d{index}") for name, index in first]
    out += function_text("first_field_rule", f"logic [{width - 1}:0]",
                         "Index of the first rule of an opcode.", rows, "'0")
    rows = [(name, f"npu_isa_pkg::{enumerator('engine', op['engine'])}") for name, op in spec.opcodes()]
    out += function_text("engine_of", "npu_isa_pkg::engine_e",
                         "Engine that takes an opcode; CONTROL if the opcode is unknown.", rows,
                         "npu_isa_pkg::ENGINE_CONTROL")
    rows = [(name, "1'b1") for name, _ in spec.opcodes()]
    out += function_text("known_opcode", "logic", "Whether the specification has the opcode.", rows, "1'b0")
    yield "rtl/gen/npu_packet_rules_pkg.sv", "\n".join(out + ["endpackage", ""])
