"""Addresses at which clouds hand out a machine's credentials to whoever asks."""

import ipaddress
import socket

_NAMES = frozenset(
    {
        "metadata",
        "metadata.goog",
        "metadata.google.internal",
        "instance-data",
        "instance-data.ec2.internal",
    }
)
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
_ENDS_WITH_IPV4 = tuple(
    ipaddress.ip_network(network)
    for network in (
        "::/96",  # IPv4-compatible
        "::ffff:0:0/96",  # IPv4-mapped
        "::ffff:0:0:0/96",  # IPv4-translated
        "64:ff9b::/96",  # NAT64
    )
)
_LOCAL_NAT64 = ipaddress.ip_network("64:ff9b:1::/48")


def is_metadata_host(host: str) -> bool:
    """Whether a host is such an address, or any other link-local one, however it is spelled.

    Decimal, octal and hexadecimal spellings are read as the resolver reads them; of names only
    the known ones are, so what a name leads to is to be asked again with its address.
    """
    host = host.lower().rstrip(".")
    address = _address(host)
    if address is None:
        return host in _NAMES
    return any(
        each.is_link_local or any(each in network for network in _NETWORKS)
        for each in (address, *_held(address))
    )


_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _address(host: str) -> _Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        try:
            return ipaddress.IPv4Address(socket.inet_aton(host))
        except (OSError, UnicodeEncodeError):
            return None


def _held(address: _Address) -> list[ipaddress.IPv4Address]:
    """The IPv4 addresses that an IPv6 address may stand for."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    held = [address.sixtofour] if address.sixtofour else []
    raw = address.packed
    if address in _LOCAL_NAT64:  # how long the prefix is, only the network knows (RFC 6052)
        split = (raw[6:8] + raw[9:11], raw[7:8] + raw[9:12], raw[9:13])
        held += map(ipaddress.IPv4Address, split)
    if address in _LOCAL_NAT64 or any(address in network for network in _ENDS_WITH_IPV4):
        held.append(ipaddress.IPv4Address(raw[12:]))
    return held
