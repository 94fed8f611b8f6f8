"""The addresses at which this container is reached: the agent's, or those of its own networks.

Mesos names the agent's address in the environment. On a network of containers that is somebody else's; what the plugins
of the networks gave to the container stands at its interfaces.
"""

import fcntl
import ipaddress
import socket
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

_SIOCGIFADDR = 0x8915
_IPV4_AT = 20
"""Where `ifreq` has the four bytes of an IPv4 address: behind 16 bytes of name, family and port."""
_EVERYWHERE = "00"
"""The scope of an IPv6 address that is not of one link or this machine alone."""


def own_addresses(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Of the container that this process runs in; none where Mesos names no address: the status has the agent then."""
    agent = environment.get("MESOS_AGENT_ENDPOINT", "").rpartition(":")[0].strip("[]")
    named = [one for one in (environment.get("LIBPROCESS_IP", ""), agent) if _is_address(one)]
    for address in named:
        if _is_ours(address):
            return (address,)
    return tuple(interfaces()) if named else ()


def interfaces(proc: Path = Path("/proc/self/net")) -> Iterator[str]:
    """Addresses of the network interfaces, IPv4 first, without those that only this container reaches."""
    for address in (*_ipv4(), *_ipv6(proc / "if_inet6")):
        if not ipaddress.ip_address(address).is_loopback:
            yield address


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False  # a host name: the agent's own
    return True


def _is_ours(address: str) -> bool:
    if ipaddress.ip_address(address).is_unspecified:
        return False
    try:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


def _ipv4() -> Iterator[str]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode())
            try:
                answer = fcntl.ioctl(any_socket.fileno(), _SIOCGIFADDR, request)
            except OSError:
                continue  # an interface without one
            yield socket.inet_ntoa(answer[_IPV4_AT : _IPV4_AT + 4])


def _ipv6(file: Path) -> Iterator[str]:
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return  # a machine without IPv6
    for line in lines:
        digits, _, _, scope, *_ = line.split()
        if scope == _EVERYWHERE:
            yield str(ipaddress.ip_address(bytes.fromhex(digits)))
