/* SPDX-License-Identifier: MIT
 * Nothing: gives the installed library a C source, so that it is linked by the C compiler. */
typedef int pester_links_as_c;
