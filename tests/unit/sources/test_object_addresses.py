"""What the URL of an object store names."""

from __future__ import annotations

import pytest

from costwire_sources import open_source
from costwire_sources.errors import Unreadable
from costwire_sources.objects.address import fixed_folder, matches, parse_address


@pytest.mark.parametrize(
    ("text", "bucket", "path", "is_folder", "name"),
    [
        ("s3://bills/2024/a.csv", "bills", "2024/a.csv", False, "s3://bills/2024/a.csv"),
        ("s3://bills/2024/", "bills", "2024", True, "s3://bills/2024"),
        ("s3://bills", "bills", "", True, "s3://bills/"),
        ("s3://bills/", "bills", "", True, "s3://bills/"),
        ("gs://bills/*.csv", "bills", "*.csv", False, "gs://bills/*.csv"),
        ("S3://bills/50%25?.csv", "bills", "50%25?.csv", False, "s3://bills/50%25?.csv"),
        ("az://$web/a b#1.csv", "$web", "a b#1.csv", False, "az://$web/a b#1.csv"),
    ],
)
def test_url_names_a_bucket_and_a_path(
    text: str, bucket: str, path: str, is_folder: bool, name: str
) -> None:
    address = parse_address(text)
    assert (address.bucket, address.path, address.is_folder) == (bucket, path, is_folder)
    assert address.name == name
    assert open_source(text).name == name
    assert open_source(text, name="acme").name == "acme"


@pytest.mark.parametrize(
    ("host", "endpoint"),
    [
        ("acme.dfs.core.windows.net", "https://acme.blob.core.windows.net"),
        ("acme.blob.core.usgovcloudapi.net", "https://acme.blob.core.usgovcloudapi.net"),
    ],
)
def test_azure_url_names_the_account(host: str, endpoint: str) -> None:
    address = parse_address(f"abfss://bills@{host}/a.csv")
    assert (address.kind, address.bucket, address.account) == ("az", "bills", "acme")
    assert address.endpoint == endpoint
    assert address.name == f"abfss://bills@{host}/a.csv"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("s3://", "names no bucket"),
        ("s3:///a.csv", "names no bucket"),
        ("s3://b/a.csv", "names no bucket"),
        ("s3://bills//a.csv", "cannot be empty"),
        ("s3://bills/a//b.csv", "cannot be empty"),
        ("s3://bills/a/../b.csv", "cannot be empty"),
        ("s3://bills/a.csv//", "cannot be empty"),
        ("abfss://bills@evil.example/a.csv", "none of Azure's"),
        ("abfss://bills@acme.dfs.core.windows.net.evil.example/a", "none of Azure's"),
        ("abfss://bills@acme.dfs.core.windows.net:443/a", "none of Azure's"),
        ("s3://bills:9000/a.csv", "no credentials or ports"),
    ],
)
def test_url_that_cannot_be_one_is_refused(text: str, said: str) -> None:
    with pytest.raises(Unreadable, match=said):
        open_source(text)


@pytest.mark.parametrize(
    "text",
    [
        "s3://AKIAKEY:s3cret@bills/a.csv",
        "s3://s3cret@bills/a.csv",
        "abfss://ann:s3cret@acme.dfs.core.windows.net/a.csv",
        "az://bills/a.csv?sv=2024&sig=s3cret",
        "s3://bills/a.csv?X-Amz-Signature=s3cret",
        "gs://bills?token=s3cret",
    ],
)
def test_secret_in_a_url_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(Unreadable) as caught:
        open_source(text)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("r/*.csv", "r/a.csv", True),
        ("r/*.csv", "r/s/a.csv", False),
        ("r/*.csv", "r/.a.csv", False),
        ("r/.*.csv", "r/.a.csv", True),
        ("r/**/*.csv", "r/a.csv", True),
        ("r/**/*.csv", "r/s/t/a.csv", True),
        ("r/**/*.csv", "r/.s/a.csv", False),
        ("r/**", "r/s/a.csv", True),
        ("**/a.csv", "a.csv", True),
        ("r/2024-0?/a.csv", "r/2024-09/a.csv", True),
        ("r/2024-0?/a.csv", "r/2024-10/a.csv", False),
        ("r/[!a]*", "r/b", True),
        ("r/*.CSV", "r/a.csv", False),
        ("r/*/a.csv", "r/a.csv", False),
    ],
)
def test_glob_matches_names_between_slashes(pattern: str, path: str, expected: bool) -> None:
    assert matches(path, pattern) is expected


@pytest.mark.parametrize(
    ("pattern", "folder"), [("a/b/*.csv", "a/b"), ("*.csv", ""), ("a/**/b/c.csv", "a")]
)
def test_folder_of_a_glob_is_what_lies_before_its_first_wildcard(pattern: str, folder: str) -> None:
    assert fixed_folder(pattern) == folder
