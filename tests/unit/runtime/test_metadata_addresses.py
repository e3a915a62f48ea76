"""Metadata addresses in every spelling that a resolver takes."""

import pytest

from costwire_runtime.metadata_addresses import is_metadata_host


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "0xa9.254.0251.254",
        "169.254.43518",
        "fd00:ec2::254",
        "fd20:ce::254",
        "fe80::1",
        "fe80::1%eth0",
        "::ffff:169.254.169.254",
        "::ffff:a9fe:a9fe",
        "64:ff9b::169.254.169.254",
        "2002:a9fe:a9fe::1",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "metadata.google.internal",
        "METADATA.google.internal.",
        "169.254.169.254.",
        "0xa9fea9fe.",
        "2852039166.",
        "::169.254.169.254",
        "::ffff:0:169.254.169.254",
        "64:ff9b:1::a9fe:a9fe",
        "64:ff9b:1:a9fe:a9:fe00::",
        "64:ff9b:1:a9:fe:a9fe::",
        "64:ff9b:1:0:a9:fea9:fe00:0",
        "metadata.goog",
        "instance-data.ec2.internal",
    ],
)
def test_metadata_addresses_are_known_however_they_are_spelled(host: str) -> None:
    assert is_metadata_host(host)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1.",
        "10.0.0.1",
        "s3.amazonaws.com",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::10.0.0.1",
        "fd00::1",
        "2130706433",
        "",
        ".",
        "bücher.de",
    ],
)
def test_other_hosts_are_none(host: str) -> None:
    assert not is_metadata_host(host)
