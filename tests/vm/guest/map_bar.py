"""Maps the shared memory of the first ivshmem device and writes a word to it; status 0 if it could, 13 if it may not.

usage: map_bar.py UID [GROUP]
"""

import grp
import mmap
import os
import pathlib
import sys

device = next(path.parent for path in pathlib.Path("/sys/bus/pci/devices").glob("*/vendor")
              if path.read_text().strip() == "0x1af4" and (path.parent / "device").read_text().strip() == "0x1110")
os.setgroups([grp.getgrnam(name).gr_gid for name in sys.argv[2:]])
os.setgid(int(sys.argv[1]))
os.setuid(int(sys.argv[1]))
try:
    fd = os.open(device / "resource2", os.O_RDWR)
except PermissionError:
    sys.exit(13)
with mmap.mmap(fd, 4096) as memory:
    memory[:8] = b"viaduct\n"
    print(memory[:7].decode())
