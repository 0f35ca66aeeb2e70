#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the installed library shows and needs: only pester_* outside, and no libstdc++.

check_symbols.py NM READELF SHARED [STATIC]
"""
import re
import subprocess
import sys

LIBSTDCXX = re.compile(r'_ZSt|_ZNK?St|_ZT[ISV]|_Zn[wa]|_Zd[la]|__cxa_(?!finalize|atexit)|__gxx_|_Unwind_|_ZN10__cxxabiv1')
# Of a static library every symbol is seen by the linker: ours are marked by prefix or namespace. llhttp is
# inside where the system has it as C sources only.
OURS_STATIC = re.compile(r'pester_\w+|_Z\w*6pester\w*|llhttp_\w+|DW\.ref\.\w+')
TOOLS = re.compile(r'__(asan|ubsan|sanitizer|odr_asan|gcov|llvm|start_asan|stop_asan|x86)[\w.]*')


def lines(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def symbols(nm, *flags):
    """(type, name) of each symbol; nm's headings have one field or end in a colon."""
    for line in lines(nm, *flags):
        fields = line.split()
        if len(fields) >= 2 and not line.endswith(':'):
            yield fields[-2], fields[-1].split('@')[0]


def check_shared(nm, readelf, path):
    problems, shown = [], 0
    for kind, name in symbols(nm, '-D', '--defined-only', path):
        if kind == 'A' or TOOLS.fullmatch(name):  # A: the name of a version
            continue
        shown += 1
        if not name.startswith('pester_'):
            problems.append(f'{path}: shows {name}')
    if shown == 0:
        problems.append(f'{path}: shows nothing')
    for _, name in symbols(nm, '-D', '-u', path):
        if LIBSTDCXX.match(name):
            problems.append(f'{path}: needs {name}')
    needed = re.findall(r'\(NEEDED\).*\[(.+?)\]', '\n'.join(lines(readelf, '-d', path)))
    if not needed:
        problems.append(f'{path}: no NEEDED entries were read')
    problems += [f'{path}: needs {name}' for name in needed if name.startswith(('libstdc++', 'libc++'))]
    print(f'{path}: {shown} symbols shown, needs {" ".join(needed)}')
    return problems


def check_static(nm, path):
    problems = []
    defined = set()
    for kind, name in symbols(nm, '--defined-only', '--extern-only', path):
        defined.add(name)
        if not (OURS_STATIC.fullmatch(name) or TOOLS.fullmatch(name) or kind in 'WVu'):
            problems.append(f'{path}: defines {name}')
    needed = {name for _, name in symbols(nm, '-u', path)} - defined
    if not defined or not needed:
        problems.append(f'{path}: no symbols were read')
    problems += [f'{path}: needs {name}' for name in sorted(needed) if LIBSTDCXX.match(name)]
    print(f'{path}: {len(defined)} symbols defined, {len(needed)} needed')
    return problems


def main():
    nm, readelf, shared, *static = sys.argv[1:]
    problems = check_shared(nm, readelf, shared)
    for path in static:
        problems += check_static(nm, path)
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
