"""Entry point: python3 generate.py --vk vk.xml --video video.xml --internal viaduct.xml --policy policy.toml
--out DIR [--list]. With --list it prints the files it would write, for the build's sake."""

import argparse
import sys

sys.dont_write_bytecode = True

import commands as command_rules  # noqa: E402
import emit_commands  # noqa: E402
import emit_golden  # noqa: E402
import model  # noqa: E402
from emit_fake_driver import FakeDriverEmitter  # noqa: E402
from emit_guest import GuestEmitter  # noqa: E402
from emit_host import HostEmitter  # noqa: E402
from emit_requests import RequestEmitter  # noqa: E402
from emit_testing import TestingEmitter  # noqa: E402
from emit_structs import StructEmitter  # noqa: E402
from fields import Fields  # noqa: E402
from layout import Layout  # noqa: E402
from policy import Policy  # noqa: E402
from text import Output  # noqa: E402


def main():
    parser = argparse.ArgumentParser()
    for name in ("vk", "video", "internal", "policy", "out"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--golden", help="write the golden files here instead of the generated ones")
    args = parser.parse_args()
    policy = Policy(args.policy)
    registry = model.load(args.vk, args.video, args.internal, policy)
    policy.check(registry)
    layout = Layout(registry, policy)
    layout.analyse()
    fields = Fields(layout)
    commands = command_rules.all_commands(layout)
    output = Output(args.out, args.list or args.golden is not None)
    names = emit_commands.emit(output, layout, policy, commands)
    structs = StructEmitter(layout, fields)
    structs.emit(output)
    requests = RequestEmitter(layout, fields, structs, commands, policy)
    requests.emit(output)
    guest = GuestEmitter(layout, fields, requests, commands, policy)
    guest.emit(output)
    TestingEmitter(layout, fields, structs, requests, commands, policy).emit(output)
    host = HostEmitter(layout, fields, requests, commands, policy, names)
    host.emit(output)
    FakeDriverEmitter(layout, commands).emit(output)
    if args.golden:
        emit_golden.emit(Output(args.golden), structs, requests, guest, host, policy)
    if args.list:
        print(";".join(output.written))


if __name__ == "__main__":
    main()
