"""Addresses at which clouds hand out a machine's credentials to whoever asks."""

import ipaddress
import socket

_NAMES = frozenset({"metadata", "metadata.google.internal", "instance-data"})
_NETWORKS = tuple(
    ipaddress.ip_network(network)
    for network in (
        "fd00:ec2::/32",  # AWS
        "fd20:ce::/32",  # Google
        "100.100.100.200/32",  # Alibaba
        "168.63.129.16/32",  # Azure
        "192.0.0.192/32",  # Oracle
    )
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def is_metadata_host(host: str) -> bool:
    """Whether a host is such an address, or any other link-local one, however it is spelled.

    Decimal, octal and hexadecimal spellings are read as the resolver reads them; of names only
    the known ones are, so what a name leads to is to be asked again with its address.
    """
    address = _address(host)
    if address is None:
        return host.lower().rstrip(".") in _NAMES
    return address.is_link_local or any(address in network for network in _NETWORKS)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        try:
            return ipaddress.IPv4Address(socket.inet_aton(host))
        except (OSError, UnicodeEncodeError):
            return None
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return address.ipv4_mapped or address.sixtofour or address
    return address
