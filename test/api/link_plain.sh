#!/bin/sh
# SPDX-License-Identifier: MIT
# A C program is linked with plain cc, once with the static and once with the shared library, and runs;
# neither needs libstdc++. Arguments: cc, source, build's include, source's include, libpester.a, libpester.so,
# sanitizers of the build, libraries that the static one needs.
set -eu
cc=$1 source=$2 made=$3 include=$4 static=$5 shared=$6 sanitize=$7
shift 7
if [ "$sanitize" != none ]; then
  echo "skipped: a build with sanitizers needs more than plain cc"
  exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
$cc -std=c11 -D_GNU_SOURCE -Wall -Wextra -pedantic -Werror -I"$made" -I"$include" -o "$work/static" \
  "$source" "$static" "$@"
$cc -std=c11 -D_GNU_SOURCE -Wall -Wextra -pedantic -Werror -I"$made" -I"$include" -o "$work/shared" \
  "$source" "$shared" -luv -Wl,-rpath,"$(dirname "$shared")"
"$work/static"
"$work/shared"
for program in "$work/static" "$shared"; do
  if readelf -d "$program" | grep -q 'libstdc++'; then
    echo "$program needs libstdc++"
    exit 1
  fi
done
# What is exported bears the library's name.
if nm -D --defined-only "$shared" | awk '{ print $3 }' | grep -v '^pester_' | grep -v '^PESTER_'; then
  echo "these names are exported, too"
  exit 1
fi
