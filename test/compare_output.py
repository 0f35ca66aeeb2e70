# SPDX-License-Identifier: MIT
"""Runs a program and compares what it prints with a committed file: generated documents stay true."""
import difflib
import subprocess
import sys


def main():
    program, path = sys.argv[1:3]
    printed = subprocess.run([program], check=True, capture_output=True, text=True).stdout.splitlines(True)
    with open(path, encoding="utf-8") as file:
        committed = file.read().splitlines(True)
    difference = list(difflib.unified_diff(committed, printed, path, program))
    sys.stdout.writelines(difference)
    return 1 if difference else 0


if __name__ == "__main__":
    sys.exit(main())
