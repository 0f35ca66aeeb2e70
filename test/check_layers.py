#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Who may include whom, and what each layer's library may need at link time.

check_layers.py SOURCE_ROOT NM LAYER=ARCHIVE...

The rules are data, below. An include that no rule allows, or an undefined symbol that a layer may not
have, is printed with its place; the exit code tells. A rule that meets no file is an error, too, so that
the check cannot pass by looking at nothing.
"""
import pathlib
import re
import subprocess
import sys

# Of the standard library: what neither allocates nor needs libstdc++ at link time.
STD = ('algorithm array bit cerrno climits compare concepts cstddef cstdint cstring initializer_list iterator '
       'limits numeric optional span string_view tuple type_traits utility version').split()
# core's only way to the outside is the assert of test builds.
ASSERT_ONLY = ['cstdio', 'cstdlib']
# And its only way to atomics, which are for memory that processes share: all else is one thread's.
SHARED_WORDS_ONLY = ['atomic']
# The standard library's parts that the layers must not use at all.
ALLOCATING = ('any deque exception forward_list fstream functional future iomanip ios iostream istream list locale map '
              'memory memory_resource mutex ostream queue random regex set sstream stack stdexcept string '
              'system_error thread typeinfo unordered_map unordered_set valarray vector').split()
SOCKETS = ['uv.h', 'sys/socket.h', 'sys/epoll.h', 'poll.h', 'netdb.h', 'netinet/tcp.h']

ANYTHING = r'.*'
PROTOCOL_PARTS = r'llhttp\.h|mbedtls/.*|psa/.*|zlib\.h|brotli/.*|zstd\.h|libpsl\.h|idn2\.h'


class Room:
    """What the files of one room may include: own ("...") paths, and system (<...>) ones."""

    def __init__(self, files, own, system, never=(), extra=None):
        self.files, self.own, self.system = files, re.compile(own), re.compile(system)
        self.never, self.extra = set(never), extra or {}

    def allows(self, path, kind, name):
        if kind == '"':
            return bool(self.own.fullmatch(name))
        if name in self.extra.get(path.name, ()):
            return True
        return name not in self.never and bool(self.system.fullmatch(name))


ROOMS = [
    Room('src/core/*', r'core/.*|pester/errors\.h', '|'.join(map(re.escape, STD)),
         extra={'assert.h': ASSERT_ONLY, 'shared_word.h': SHARED_WORDS_ONLY}),
    Room('src/wire/*', r'(core|wire)/.*|pester/errors\.h', ANYTHING, never=ALLOCATING + SOCKETS),
    Room('src/uv/*', r'(core|wire|uv)/.*|pester/errors\.h', rf'(?!({PROTOCOL_PARTS})$).*', never=ALLOCATING),
    Room('src/api/*', r'(core|wire|uv|api)/.*|pester\.h|pester/.*\.h', rf'(?!({PROTOCOL_PARTS})$).*',
         never=ALLOCATING),
    Room('src/sim/*', r'(core|sim)/.*|api/policy_reader\.h|pester/errors\.h', ANYTHING, never=SOCKETS),
    Room('src/cli/*', r'(cli|sim)/.*|[a-z0-9_]+\.h|pester/.*\.h', ANYTHING),
    Room('test/api/*', r'[a-z0-9_]+\.[hc]|support/.*|pester/.*\.h', ANYTHING),
    Room('examples/*', r'[a-z0-9_]+\.h|pester/.*\.h', ANYTHING),
    Room('include/pester.h', r'(?!)', r'uv\.h|std(def|int)\.h|pester/.*\.h'),
    Room('include/pester.hpp', r'(?!)', r'(?!core/|wire/|uv/|api/|sim/).*'),
    Room('include/pester/errors.h', r'(?!)', r'(?!)'),
    Room('include/pester/*', r'(?!)', r'uv\.h|std(def|int)\.h|pester/.*\.h'),
]
# These rooms came first and can never be empty.
NEVER_EMPTY = {'src/core/*', 'src/wire/*', 'src/uv/*', 'include/pester.h', 'include/pester/*'}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)

# Of libstdc++, of exceptions and of RTTI: nothing that a C program would have to link.
LIBSTDCXX = re.compile(r'_ZSt|_ZNK?St|_ZT[ISV]|_Zn[wa]|_Zd[la]|__cxa_|__gxx_|_Unwind_|_ZNK?9__gnu_cxx|_ZN10__cxxabiv1')
TOOLS = r'__(asan|ubsan|sanitizer|gcov|llvm|stack_chk|sanitizer_cov)\w*|_GLOBAL_OFFSET_TABLE_|__start_\w+|__stop_\w+'
CORE_NEEDS = re.compile(rf'_ZNK?6pester4core.*|mem(cpy|move|set|cmp|chr)|bcmp|strlen|{TOOLS}'
                        r'|abort|fprintf|__fprintf_chk|fwrite|stderr')
SOCKET_CALLS = r'socket|connect|bind|listen|accept4?|send(to|msg)?|recv(from|msg)?|poll|epoll_\w+|getaddrinfo'
PROTOCOL_CALLS = r'llhttp_\w+|mbedtls_\w+|psa_\w+|inflate\w*|deflate\w*|Brotli\w+|ZSTD_\w+'
FORBIDDEN = {
    'core': re.compile(rf'(?!({CORE_NEEDS.pattern})$).*'),
    'wire': re.compile(rf'uv_\w+|{SOCKET_CALLS}|_ZNK?6pester(2uv|3api|3sim).*'),
    'uv': re.compile(rf'{PROTOCOL_CALLS}|_ZNK?6pester(3api|3sim).*|pester_\w+'),
    'api': re.compile(rf'{PROTOCOL_CALLS}|_ZNK?6pester3sim.*'),
}


def check_includes(root):
    problems, looked_at = [], 0
    for room in ROOMS:
        files = [f for f in sorted(root.glob(room.files)) if f.suffix in ('.h', '.hpp', '.c', '.cc')]
        if not files and room.files in NEVER_EMPTY:
            problems.append(f'{room.files}: no such files')
        for file in files:
            text = file.read_text(encoding='utf-8')
            for match in INCLUDE.finditer(text):
                looked_at += 1
                if room.allows(file, match[1], match[2]):
                    continue
                line = text.count('\n', 0, match.start(2)) + 1
                problems.append(f'{file.relative_to(root)}:{line}: may not include {match[2]}')
    return problems, looked_at


def undefined_symbols(nm, archive):
    """(member, symbol) of all that no member of the archive defines."""
    def symbols(*flags):
        out = subprocess.run([nm, '-A', *flags, archive], check=True, capture_output=True, text=True).stdout
        for line in out.splitlines():
            place, _, rest = line.rpartition(': ')
            fields = (rest if place else line).split()
            yield pathlib.Path(place.split(':')[-1]).name, fields[-1]

    defined = {symbol for _, symbol in symbols('--defined-only')}
    return [(member, symbol) for member, symbol in symbols('-u') if symbol not in defined]


def check_archive(nm, layer, archive):
    if layer not in FORBIDDEN:
        return [f'{layer}: no rule for its symbols'], 0
    found = undefined_symbols(nm, archive)
    problems = [f'{layer}: {member} needs {symbol}' for member, symbol in found
                if LIBSTDCXX.match(symbol) or FORBIDDEN[layer].fullmatch(symbol)]
    return problems, len(found)


def main():
    root, nm = pathlib.Path(sys.argv[1]), sys.argv[2]
    problems, count = check_includes(root)
    print(f'{count} includes')
    for argument in sys.argv[3:]:
        layer, _, archive = argument.partition('=')
        found, count = check_archive(nm, layer, archive)
        problems += found
        print(f'{layer}: {count} undefined symbols')
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
