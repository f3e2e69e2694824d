#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes FILE, a plugin of Slurm, one of the next release of it: change_version.py FILE."""
import struct
import subprocess
import sys

path = sys.argv[1]


def lines(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


address = next(int(line.split()[0], 16) for line in lines("nm", "-D", path) if line.endswith(" plugin_version"))
for line in lines("readelf", "-S", "-W", path):
    words = line.replace("[ ", "[").split()
    if len(words) > 5 and words[1] == ".rodata":
        offset = address - int(words[3], 16) + int(words[4], 16)
with open(path, "r+b") as file:
    file.seek(offset)
    (version,) = struct.unpack("<I", file.read(4))
    file.seek(offset)
    file.write(struct.pack("<I", version + (1 << 8)))
