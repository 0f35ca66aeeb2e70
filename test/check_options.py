#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Whether docs/pester.1.md has each option of `pester --help` and `pester simulate --help`, and no other; and each
variable of --write-out and exit status; and whether each command line of a document is one. The help is printed from the table that the command line is read by.

check_options.py SOURCE_ROOT PESTER
"""
import pathlib
import re
import subprocess
import sys

OPTION = r'(?<![\w#-])(--?[A-Za-z#][\w.-]*|-\d(?!\d))'


def options_of(pester, *arguments):
    """{long: short or None} of a help."""
    text = subprocess.run([pester, *arguments, '--help'], capture_output=True, text=True, timeout=60, check=True).stdout
    found = {}
    for line in text.splitlines():
        names = re.match(r'  (?:(-[^-,]),)?(--[\w.-]+)', line)
        if names:
            found[names[2]] = names[1]
    return {long: short for long, short in found.items() if long not in ('--help', '--version')}


def named(text):
    """The words of a page's code that look like options."""
    code = ' '.join(re.findall(r'`+([^`]+)`+', text) + re.findall(r'^    (.*)$', text, re.M))
    return set(re.findall(OPTION, code))


def missing(options, text):
    """The options that a page does not have in the form `-o, --output`."""
    for long, short in options.items():
        spelled = f'{short}, {long}' if short else long
        if not re.search(rf'`[^`]*(?<![\w-]){re.escape(spelled)}(?![\w-])', text):
            yield spelled


def unknown(text, options):
    known = set(options) | {short for short in options.values() if short}
    for word in named(text) - known:
        # Two short ones in one, as in -sS, are those two.
        if word.startswith('--') or not all('-' + letter in known for letter in word[1:]):
            yield word


def main():
    root, pester = pathlib.Path(sys.argv[1]), sys.argv[2]
    manual = (root / 'docs/pester.1.md').read_text(encoding='utf-8')
    start, end = manual.index('## Simulate\n'), manual.index('## Exit status\n')
    page, simulation = manual[:start] + manual[end:], manual[start:end]
    request, simulate = options_of(pester), options_of(pester, 'simulate')
    own = {long: short for long, short in simulate.items()
           if long not in request or long in ('--seed', '--parallel', '--json')}
    every = {**simulate, **request}
    problems = [f'{word} is missing' for word in missing(request, page)]
    problems += [f'Simulate: {word} is missing' for word in missing(own, simulation)]
    problems += [f'{word} is no option' for word in unknown(page, every)]
    problems += [f'Simulate: {word} is no option' for word in unknown(simulation, every)]

    for file in [root / 'README.md', *sorted((root / 'docs').rglob('*.md'))]:
        text = file.read_text(encoding='utf-8')
        for line in re.findall(r'(?:^    (?:\$ )?|`|\| )(pester(?: [^`|\n]*| simulate.*))', text, re.M):
            words = re.sub(r"'[^']*'", '', line)  # what is quoted is a value
            problems += [f'{file.name}: {word} in "{line}"' for word in unknown(f'`{words}`', every)]

    source = (root / 'src/cli/write_out.cc').read_text(encoding='utf-8')
    variables = set(re.findall(r'^    \{"(\w+)",', source, re.M)) | set(re.findall(r'name == "(\w+)"', source))
    told = page[page.index('`-w, --write-out'):]
    told = set(re.findall(r'`(\w+)`', told[:told.index('\n- ')]))
    problems += [f'%{{{name}}} is missing' for name in sorted(variables - told)]
    problems += [f'%{{{name}}} is no variable' for name in sorted(told - variables)]
    numbers = set(re.findall(r'constexpr int kExit\w+ = (\d+);', (root / 'src/cli/exit_code.h').read_text(encoding='utf-8')))
    shown = set(re.findall(r'^\| (\d+) \|', manual[end:], re.M))
    problems += [f'exit status {number} is not in both' for number in sorted(numbers ^ shown)]
    if len(request) < 90 or len(own) < 9 or len(variables) < 35:
        problems.append('the help or the variables were not read')
    print(f'{len(request)} options, {len(own)} of simulate, {len(variables)} variables')
    for problem in problems:
        print('docs/pester.1.md: ' + problem)
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
