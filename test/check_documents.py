#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Whether the documents speak of what there is: names of the headers, fields, links, programs.

- Each pester_... and PESTER_... in README.md, CHANGELOG.md and docs/ is in include/ ("pester_tls_" and "PESTER_E..." are
  beginnings of names), or a metric's as OpenMetrics has it, or one of its labels; each field that C text sets is one of the struct that its variable is named after.
- What coming-from.md has in code on the right side of its tables is a name or a field.
- Each link within the repository leads somewhere, and each heading that one names is there.
- A block of C that says where it is from (```c examples/get.c) is that program's text, with "..." where something is
  left out; a whole program says so, or is README.md's, which test_install.py compiles.
- docs/architecture.md has a room for each folder of src/, and no file that there is not.
- Each page of docs/guide is in its README.md and has a program; each program of examples/ is in a page and in a test.

check_documents.py SOURCE_ROOT
"""
import pathlib
import re
import sys

# What other projects, or the build, call something.
FOREIGN = {'pester_static'}
# The variables that the pages' C text sets fields of.
STRUCTS = {
    'request': 'pester_request_t', 'options': 'pester_client_options_t', 'policy': 'pester_policy_t',
    'redirects': 'pester_redirects_t', 'auth': 'pester_auth_t', 'route': 'pester_route_t', 'proxy': 'pester_proxy_t',
    'source': 'pester_body_source_t', 'tls': 'pester_tls_options_t',
}
# Two columns of code that are not C; or a program that README.md shows in the words of a page.
BLOCK = re.compile(r'^```c(?: +(\S+))?\n(.*?)^```$', re.M | re.S)


class Headers:
    def __init__(self, root):
        text = ''.join(path.read_text(encoding='utf-8') for path in sorted((root / 'include').rglob('*.h*')))
        self.names = set(re.findall(r'\b(?:pester|PESTER)_\w+', text))
        self.names |= {'PESTER_' + name for name in re.findall(r'\bXX\((E\w+), -\d+', text)}
        self.names |= {name[:-len('_sized')] for name in self.names if name.endswith('_sized')}
        text = re.sub(r'/\*.*?\*/', '', text, flags=re.S)
        self.fields = {}
        for body, name in re.findall(r'^typedef struct \w*\s*\{(.*?)^\} (pester_\w+);', text, re.M | re.S):
            self.fields[name] = set(re.findall(r'(\w+)(?:\[\w+\])?\s*[;,)]', body))

        names = (root / 'src/api/stats.cc').read_text(encoding='utf-8')
        self.metrics = {name.replace('.', '_') for name in re.findall(r'"(pester\.[a-z_.]+)"', names)}
        text = (root / 'src/api/openmetrics.cc').read_text(encoding='utf-8')
        self.metrics |= set(re.findall(r'"(pester_\w+)"', text))

    def knows(self, name):
        if re.sub(r'(_seconds)?(_total|_bucket|_sum|_count)?$', '', name) in self.metrics:
            return True
        beginning = name.endswith('_') or name == 'PESTER_E'
        return name in self.names or beginning and any(known.startswith(name) for known in self.names)


def check_names(page, text, headers):
    for name in sorted(set(re.findall(r'\b(?:pester|PESTER)_\w+', text)) - FOREIGN):
        if not headers.knows(name):
            yield f'{page}: there is no {name}'
    for _, block in BLOCK.findall(text):
        for variable, field in re.findall(r'\b(\w+)\.(\w+)', re.sub(r'"[^"]*"|/\*.*?\*/', '', block, flags=re.S)):
            struct = STRUCTS.get(variable)
            if struct and field not in headers.fields[struct] and field != 'h':
                yield f'{page}: {struct} has no {field}'
    for struct, field in re.findall(r'`(pester_\w+_t)\.(\w+)', text):
        if field not in headers.fields.get(struct, ()):
            yield f'{page}: {struct} has no {field}'


def check_table(page, text, headers):
    """The right column of a table of words: what stands there in code is a name or a field."""
    known = headers.names | set().union(*headers.fields.values())
    for row in re.findall(r'^\|.*\| (.*) \|$', text, re.M):
        for word in re.findall(r'`((?:\w+\.)?[a-z]+(?:_[a-z0-9]+)+)`', row):
            for part in word.split('.'):
                if part not in known and not part.startswith('uv_'):
                    yield f'{page}: there is no {word}'


def anchors(text):
    """As GitHub makes them of headings."""
    for heading in re.findall(r'^#+ (.*)$', re.sub(r'^```.*?^```$', '', text, flags=re.M | re.S), re.M):
        yield re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-')


def check_links(root, page, text):
    code = re.sub(r'^```.*?^```$|`[^`\n]*`', '', text, flags=re.M | re.S)
    for target in re.findall(r'\]\(([^)\s]+)\)', code):
        if re.match(r'\w+:', target):
            continue
        path, _, anchor = target.partition('#')
        file = (root / page).parent / path if path else root / page
        if not file.exists():
            yield f'{page}: {target} leads nowhere'
        elif anchor and anchor not in anchors(file.read_text(encoding='utf-8')):
            yield f'{page}: {target}: there is no such heading'


def lines_of(text):
    """Without indentation: a page may show a part of a function."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def find(piece, lines, start):
    for at in range(start, len(lines) - len(piece) + 1):
        if lines[at:at + len(piece)] == piece:
            return at + len(piece)
    return None


def check_blocks(root, page, text):
    for source, block in BLOCK.findall(text):
        if not source:
            if 'int main(' in block and page != 'README.md':
                yield f'{page}: a program that does not say which one it is'
            continue
        if not (root / source).is_file():
            yield f'{page}: there is no {source}'
            continue
        program, at = lines_of((root / source).read_text(encoding='utf-8')), 0
        for piece in re.split(r'^\s*\.\.\.\s*$', block, flags=re.M):
            at = find(lines_of(piece), program, at)
            if at is None:
                yield f'{page}: not in {source}, or not in this order: {lines_of(piece)[0]}'
                break


def check_programs(root, pages):
    guide = {page: text for page, text in pages.items() if page.startswith('docs/guide/')}
    index = guide.pop('docs/guide/README.md')
    tests = ''.join(path.read_text(encoding='utf-8') for path in (root / 'examples').glob('meson.build'))
    shown = set()
    for page, text in guide.items():
        if f']({page.rpartition("/")[2]})' not in index:
            yield f'docs/guide/README.md: {page} is missing'
        programs = set(re.findall(r'examples/(\w+\.c)', text))
        shown |= programs
        if not programs and page not in PAGES_OF_OTHERS_PROGRAMS:
            yield f'{page}: no program'
    for path in sorted((root / 'examples').glob('*.c')):
        if path.name not in shown:
            yield f'examples/{path.name}: in no page of docs/guide'
        if path.stem not in re.findall(r"'(\w+)(?:\.c)?'", tests):
            yield f'examples/{path.name}: not built'


# A table of words, and one bit.
PAGES_OF_OTHERS_PROGRAMS = {'docs/guide/coming-from.md', 'docs/guide/lenient.md'}


def check_rooms(root, page):
    """Each folder of src/ is a room of the house, and each word of the page's code that looks like files is some."""
    for folder in sorted(path.name for path in (root / 'src').iterdir() if path.is_dir()):
        if f'| `src/{folder}` |' not in page:
            yield f'docs/architecture.md: there is no room for src/{folder}'
    files = {path.stem for path in (root / 'src').rglob('*') if path.suffix in ('.cc', '.h')}
    for text in re.findall(r'^\| in `src/.*?(?=\n\n)', page, re.M | re.S):
        for word in re.findall(r'`([a-z0-9_]+\*?)`', text):
            named = word.rstrip('*')
            if not any(file == named or word.endswith('*') and file.startswith(named) for file in files):
                yield f'docs/architecture.md: there is no {word}'


def main():
    root = pathlib.Path(sys.argv[1])
    files = [root / 'README.md', root / 'CHANGELOG.md', *sorted((root / 'docs').rglob('*.md'))]
    pages = {str(file.relative_to(root)): file.read_text(encoding='utf-8') for file in files}
    headers, problems = Headers(root), []
    for page, text in pages.items():
        problems += [*check_names(page, text, headers), *check_links(root, page, text), *check_blocks(root, page, text)]
    problems += check_programs(root, pages)
    problems += check_rooms(root, pages['docs/architecture.md'])
    problems += check_table('docs/guide/coming-from.md', pages['docs/guide/coming-from.md'], headers)
    blocks = sum(bool(source) for text in pages.values() for source, _ in BLOCK.findall(text))
    if len(headers.names) < 400 or not all(headers.fields.get(struct) for struct in STRUCTS.values()) or blocks < 8:
        problems.append('the headers or the blocks were not read')
    print(f'{len(pages)} documents, {len(headers.names)} names, {blocks} blocks that say where they are from')
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
