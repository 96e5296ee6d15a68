#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tables of the coverage of the RTL: per file from a merged file of verilator_coverage, and per opcode from soaks.

usage: tools/rtl_coverage.py MERGED.dat [SOAK.json ...]      the tables go to the standard output, as Markdown
"""
import json
import re
import sys
from collections import defaultdict

KINDS = ("line", "branch", "toggle")
POINT = re.compile(r"^C '(.*)' (\d+)$")


def read_points(path):
    """{file: {kind: {(line, column, what): counts}}}, instances and parameters of a module taken together."""
    files = defaultdict(lambda: defaultdict(lambda: defaultdict(int)))
    with open(path, encoding="utf-8", errors="replace") as lines:
        for text in lines:
            match = POINT.match(text.rstrip("\n"))
            if match is None:
                continue
            fields = dict(item.split("\x02", 1) for item in match.group(1).split("\x01") if "\x02" in item)
            kind = fields.get("page", "").split("/")[0].removeprefix("v_")
            name = fields.get("f", "")
            if kind not in KINDS or "/rtl/" not in name or "/tests/" in name:
                continue
            key = (fields.get("l"), fields.get("n"), fields.get("o"))
            files["rtl/" + name.rsplit("/rtl/", 1)[1]][kind][key] += int(match.group(2))
    return files


def share(points):
    if not points:
        return "-"
    hit = sum(1 for count in points.values() if count)
    return f"{100 * hit / len(points):.1f} % ({hit} of {len(points)})"


def file_table(files):
    print("## Per file\n")
    print("| file | lines | branches | toggles |")
    print("|---|---|---|---|")
    total = {kind: {} for kind in KINDS}
    for name in sorted(files):
        print(f"| `{name}` | " + " | ".join(share(files[name][kind]) for kind in KINDS) + " |")
        for kind in KINDS:
            total[kind].update({(name, *key): count for key, count in files[name][kind].items()})
    print("| **all** | " + " | ".join(share(total[kind]) for kind in KINDS) + " |\n")


def never_run(files):
    print("## Lines that nothing reached\n")
    for name in sorted(files):
        lines = sorted({int(line) for kind in ("line", "branch")
                        for (line, _, _), count in files[name][kind].items() if not count})
        if lines:
            print(f"- `{name}`: " + ", ".join(map(str, lines)))
    print()


def functional_tables(reports):
    points = defaultdict(int)
    outcomes = defaultdict(lambda: defaultdict(int))
    packets = 0
    for report in reports:
        packets += report["summary"]["packets"]
        for case in report["cases"]:
            for fault, count in case["outcomes"].items():
                outcomes[case["name"]][fault] += count
            for point in case["points"]:
                key = (case["name"], point["operand"], point["type"], point["alignment"], point["stalls"])
                points[key] += point["packets"]
    print(f"## Packets of the soak: {packets} packets\n")
    print("| opcode | outcomes |")
    print("|---|---|")
    for opcode in sorted(outcomes):
        print(f"| {opcode} | " + ", ".join(f"{fault} {count}" for fault, count in sorted(outcomes[opcode].items())) + " |")
    stalls = sorted({key[4] for key in points})
    alignments = sorted({key[3] for key in points})
    print("\nOperands by type, address alignment (largest power of two, at most 64) and memory:\n")
    heads = [f"{a} B" for a in alignments] + [f"memory: {s}" for s in stalls]
    print("| opcode | operand | type | " + " | ".join(heads) + " |")
    print("|---|---|---|" + "---|" * len(heads))
    for opcode, operand, kind in sorted({key[:3] for key in points}):
        rows = {key: count for key, count in points.items() if key[:3] == (opcode, operand, kind)}
        cells = [sum(c for k, c in rows.items() if k[3] == a) for a in alignments]
        cells += [sum(c for k, c in rows.items() if k[4] == s) for s in stalls]
        print(f"| {opcode} | {operand} | {kind} | " + " | ".join(str(c) if c else "-" for c in cells) + " |")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    files = read_points(sys.argv[1])
    print("# Coverage of the RTL\n")
    print("Written by `scripts/coverage-rtl.sh`: configuration tiny. A point counts as covered if any instance of its "
          "module reached it; a toggle is any change of a bit.\n")
    file_table(files)
    never_run(files)
    reports = []
    for path in sys.argv[2:]:
        with open(path, encoding="utf-8") as file:
            reports.append(json.load(file))
    if reports:
        functional_tables(reports)


if __name__ == "__main__":
    main()
