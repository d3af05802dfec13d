#!/bin/bash
# Writes the program of this fixture below the directory $1: the header of an ELF executable for machine 183 (AArch64)
# and nothing after it, because no x64 kernel reads further (elf(5); binfmt_elf answers ENOEXEC).
set -euo pipefail
{
  printf '\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00' # 64 bits, little-endian
  printf '\x02\x00\xb7\x00\x01\x00\x00\x00'                         # executable, AArch64, version 1
  printf '\x78\x00\x40\x00\x00\x00\x00\x00'                         # entry point
  printf '\x40\x00\x00\x00\x00\x00\x00\x00'                         # program headers follow
  printf '\x00\x00\x00\x00\x00\x00\x00\x00'                         # no section headers
  printf '\x00\x00\x00\x00\x40\x00\x38\x00\x00\x00\x40\x00\x00\x00\x00\x00'
} > "$1/wrong-architecture"
chmod 755 "$1/wrong-architecture"
