#!/usr/bin/env python3
"""Writes the table of the page's files (page_files.hpp) as C++.

usage: embed.py OUT FILE...

index.html is served at "/", every other file under its name.
"""

import pathlib
import sys

TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
         ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
HEAD = """\
#include "host-renderer/page/page_files.hpp"

#include <array>

namespace viaduct::host::page {
namespace {

"""
TAIL = """\

}  // namespace

const File* file_at(std::string_view path) {
  for (const File& file : kFiles)
    if (file.path == path) return &file;
  return nullptr;
}

}  // namespace viaduct::host::page
"""


def main():
    out, files = pathlib.Path(sys.argv[1]), [pathlib.Path(name) for name in sys.argv[2:]]
    text = HEAD
    for number, file in enumerate(files):
        data = file.read_bytes()
        lines = [", ".join(f"0x{byte:02x}" for byte in data[at:at + 20]) for at in range(0, len(data), 20)]
        text += f"constexpr std::array<unsigned char, {len(data)}> kFile{number} = {{\n" + ",\n".join(lines) + "};\n"
    text += "std::string_view view(const unsigned char* data, std::size_t size) {\n" \
            "  return {reinterpret_cast<const char*>(data), size};\n}\n"
    text += f"const std::array<File, {len(files)}> kFiles = {{{{\n"
    for number, file in enumerate(files):
        path = "/" if file.name == "index.html" else "/" + file.name
        text += f'    {{"{path}", "{TYPES[file.suffix]}", view(kFile{number}.data(), kFile{number}.size())}},\n'
    out.write_text(text + "}};\n" + TAIL)


if __name__ == "__main__":
    main()
