"""A host that guests of other machines reach, over TCP on this one."""

import socket

from harness import Host

TOKENS = {"vm1": "the-token-of-vm1-a8f3c1d2", "vm2": "the-token-of-vm2-77b0e9f4"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class NetHost(Host):
    """A host that listens on TCP too, with tenants that are VMs."""

    def __init__(self, tenants, **options):
        self.port = free_port()
        self.net_url = f"tcp://127.0.0.1:{self.port}"
        self.tenants = tenants
        super().__init__(arguments=["--listen", self.net_url], **options)

    def start(self):
        tokens = self.folder / "tokens"
        tokens.mkdir(exist_ok=True)
        self.config = ""
        for name, lines in self.tenants.items():
            (tokens / name).write_text(TOKENS[name] + "\n")
            self.config += "\n".join([f"[tenants.{name}]", f'token_file = "{tokens / name}"', *lines]) + "\n"
        super().start()

    def way(self, token="vm1", region=None):
        """What leads a guest here: the place and its token."""
        variables = {"VIADUCT_URL": self.net_url + (f"?region={region}" if region else "")}
        if token:
            variables["VIADUCT_TOKEN_FILE"] = str(self.folder / "tokens" / token)
        return variables

    def net_guest(self, *command, token="vm1", region=None, extra=None):
        return self.guest(*command, extra={**self.way(token, region), **(extra or {})})
