#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Whether every test that docs/traps.md and docs/conformance.md name is where they say and is run, and whether the first
names every test of the files that are about traps alone.

check_traps.py SOURCE_ROOT
"""
import pathlib
import re
import sys

ABOUT_TRAPS = ['test/unit/test_traps.cc', 'test/sim/test_traps.cc', 'test/loop/test_traps.cc',
               'test/loop/test_traps_of_time.cc', 'test/loop/test_post_cut.cc']


def named(page):
    """(trap, [(file, test)...]) of each row."""
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip().strip('|').split(' | ')]
        if not line.startswith('| ') or cells[0] in ('trap', 'item', 'shown', '---'):
            continue
        tests, waiting = [], []
        for word in re.findall(r'`([^`]+)`', cells[-1]):
            if word.startswith('test/'):
                tests += [(word, name) for name in waiting]
                waiting = []
            else:
                waiting.append(word)
        yield cells[0], tests + [('no file', name) for name in waiting], cells[-1]


def run_by(path):
    """The tests that a file defines and its main() runs. Python's unittest runs every method of that name."""
    text = path.read_text(encoding='utf-8') if path.is_file() else ''
    if path.suffix == '.py':
        return set(re.findall(r'^    def (test_\w+)\(self\)', text, re.M))
    defined = set(re.findall(r'^void (\w+)\(void\*\*\)', text, re.M))
    return {name for name in defined if len(re.findall(rf'\b{name}\b', text)) > 1}


def main():
    root = pathlib.Path(sys.argv[1])
    problems, seen, rows = [], set(), 0
    for trap, tests, cell in named((root / 'docs/traps.md').read_text(encoding='utf-8')):
        rows += 1
        if not tests and not cell.startswith('none yet: '):
            problems.append(f'{trap}: no test')
        for file, name in tests:
            seen.add((file, name))
            if name not in run_by(root / file):
                problems.append(f'{trap}: {file} runs no {name}')
    for file in ABOUT_TRAPS:
        found = run_by(root / file)
        if not found:
            problems.append(f'{file}: no tests')
        problems += [f'{file}: {name} is not in docs/traps.md' for name in sorted(found) if (file, name) not in seen]
    if rows < 17:
        problems.append(f'docs/traps.md: {rows} traps')
    items, bulk = 0, 0
    for item, tests, cell in named((root / 'docs/conformance.md').read_text(encoding='utf-8')):
        numbered = item[0].isdigit()
        items += numbered
        bulk += not numbered
        if numbered and not item.startswith(f'{items}. '):
            problems.append(f'docs/conformance.md: {item} is not item {items}')
        for file, name in tests:
            if name not in run_by(root / file):
                problems.append(f'{item}: {file} runs no {name}')
        for file in re.findall(r'`(test/[^`]+)`', cell):
            if not (root / file).is_file():
                problems.append(f'{item}: there is no {file}')
        if '`test/' not in cell:
            problems.append(f'{item}: no test')
    if items != 30 or bulk < 12:
        problems.append(f'docs/conformance.md: {items} items, {bulk} shown in bulk')
    print(f'{rows} traps, {len(seen)} tests; {items} items of conformance, {bulk} shown in bulk')
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
