#!/bin/bash
# Writes the program of this fixture for an engine of platform $3 below the directory $1: the header of a 64-bit ELF executable
# for a foreign machine, and nothing after it, because no kernel reads further (elf(5); binfmt_elf answers ENOEXEC).
set -euo pipefail
case "$3" in
  amd64) machine='\xb7' ;; # 183, AArch64
  *) machine='\x3e' ;;     # 62, x86-64
esac
{
  printf '\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00' # 64 bits, little-endian
  # shellcheck disable=SC2059 # the machine is one byte
  printf "\x02\x00$machine\x00\x01\x00\x00\x00"                     # executable, machine, version 1
  printf '\x78\x00\x40\x00\x00\x00\x00\x00'                         # entry point
  printf '\x40\x00\x00\x00\x00\x00\x00\x00'                         # program headers follow
  printf '\x00\x00\x00\x00\x00\x00\x00\x00'                         # no section headers
  printf '\x00\x00\x00\x00\x40\x00\x38\x00\x00\x00\x40\x00\x00\x00\x00\x00'
} > "$1/wrong-architecture"
chmod 755 "$1/wrong-architecture"
