"""Command line of a deployment: `python -m federated.deployment --help`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from federated.deployment.certificates import AUTHORITY, ROSTER, admit, fingerprint, make_authority, make_site_keys
from federated.deployment.node import Node
from federated.deployment.relay import Relay
from federated.deployment.server import Server
from federated.errors import FederatedError


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; returns 1 and prints the reason when it cannot be done."""
    parser = argparse.ArgumentParser(prog="python -m federated.deployment", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in _COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--folder", type=Path, required=True, help="folder of keys and certificates")
        for flag, options in _OPTIONS[name].items():
            command.add_argument(flag, **options)  # type: ignore[arg-type]
    parsed = parser.parse_args(arguments)
    try:
        _run(parsed)
    except FederatedError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


_COMMANDS = {
    "authority": "Makes the authority of a federation and the server's certificate.",
    "site": "Makes the keys of a site and its public card.",
    "admit": "Admits the site whose card came, and prints the fingerprint of the roster.",
    "server": "Serves a federation until it is ended.",
    "node": "Serves a site until it is ended.",
    "train": "Runs a plan on the server of this machine and waits for its end.",
    "relay": "Passes messages on over mutual TLS; the other commands start it.",
}
_ADDRESS = {"required": True, "help": "host:port"}
_OPTIONS: dict[str, dict[str, dict[str, object]]] = {
    "authority": {"--host": {"action": "append", "default": [], "help": "a name under which sites reach the server"}},
    "site": {"--name": {"required": True, "help": "name of the site"}},
    "admit": {
        "--card": {"type": Path, "required": True, "help": "the site's card.json"},
        "--days": {"type": int, "default": 90, "help": "how long its certificate is valid"},
    },
    "server": {"--listen": _ADDRESS, "--link-port": {"type": int, "default": 8000, "help": "port on the loopback"}},
    "node": {
        "--server": _ADDRESS,
        "--config": {
            "action": "append",
            "default": [],
            "help": 'key=value, such as adapter="package.module:open_site"',
        },
    },
    "train": {
        "--plan": {"type": Path, "required": True, "help": "JSON of the plan"},
        "--checkpoint": {
            "type": Path,
            "required": True,
            "help": "file of the checkpoint; an existing one is continued",
        },
        "--link-port": {"type": int, "default": 8000, "help": "port of the superlink on the loopback"},
    },
    "relay": {
        "--certificate": {"required": True, "help": "site or server"},
        "--listen": _ADDRESS,
        "--upstream": _ADDRESS,
        "--gate": {"action": "store_true", "help": "demand a client certificate"},
    },
}


def _run(parsed: argparse.Namespace) -> None:
    match parsed.command:
        case "authority":
            make_authority(parsed.folder, parsed.host)
        case "site":
            print(f"Send {make_site_keys(parsed.folder, parsed.name)} to the operator of the federation's server.")
        case "admit":
            admit(parsed.folder, parsed.card, parsed.days)
            print(f"Roster: {fingerprint(parsed.folder / ROSTER)}" if _is_roster(parsed.folder) else "Admitted.")
        case "server":
            host, port = _address(parsed.listen)
            _serve(Server(parsed.folder, host, port, link_port=parsed.link_port))
        case "node":
            _serve(Node(parsed.folder, parsed.server, dict(_setting(text) for text in parsed.config)))
        case "train":
            server = Server(parsed.folder, link_port=parsed.link_port)
            server.wait(server.submit(parsed.plan.absolute(), parsed.checkpoint.absolute()))
        case "relay":
            host, port = _address(parsed.listen)
            key = "tls.key" if parsed.certificate == "site" else "server.key"
            certificate = parsed.folder / f"{parsed.certificate}.crt"
            authority = parsed.folder / AUTHORITY
            Relay(host, port, parsed.upstream, certificate, parsed.folder / key, authority, parsed.gate).serve()


def _is_roster(folder: Path) -> bool:
    return (folder / ROSTER).read_text().count(":") > 1


def _serve(end: Server | Node) -> None:
    try:
        end.start()
        print("Serving. End with Ctrl-C.", flush=True)
        name = end.processes.wait()
        print(f"{name} ended. The end of its log:\n{end.processes.tail(name)}", file=sys.stderr)
    except KeyboardInterrupt:
        pass
    finally:
        end.stop()


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


def _setting(text: str) -> tuple[str, str | int | float | bool]:
    key, _, value = text.partition("=")
    if value in ("true", "false"):
        return key, value == "true"
    try:
        return key, float(value) if "." in value else int(value)
    except ValueError:
        return key, value.strip('"')


if __name__ == "__main__":
    sys.exit(main())
