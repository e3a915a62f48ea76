"""Servers of object stores, started once for the tests of a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial

import pytest
from tests.support.object_stores import (
    AzureContainer,
    Bucket,
    GoogleBucket,
    Kind,
    PublicS3Bucket,
    S3Bucket,
    XmlGoogleBucket,
    azure_server,
    google_server,
    s3_server,
)

MakeBucket = Callable[[], Bucket]


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Kind], MakeBucket]]:
    """From a kind of store to what makes buckets of it; a server is started when it is asked."""
    with ExitStack() as stack:
        started: dict[Kind, MakeBucket] = {}

        def s3() -> str:
            return stack.enter_context(s3_server(tmp_path_factory.mktemp("s3")))

        def start(kind: Kind) -> MakeBucket:
            if kind == "s3":
                return partial(S3Bucket, s3())
            if kind == "az":
                folder = tmp_path_factory.mktemp("azure")
                return partial(AzureContainer, stack.enter_context(azure_server(folder)))
            if told := google_server():
                return partial(GoogleBucket, told)
            return partial(XmlGoogleBucket, s3())

        def of(kind: Kind) -> MakeBucket:
            if kind not in started:
                started[kind] = start(kind)
            return started[kind]

        yield of


@pytest.fixture(scope="module")
def public_s3(stores: Callable[[Kind], MakeBucket]) -> Callable[[], PublicS3Bucket]:
    """What makes buckets whose objects everybody may read."""
    return lambda: PublicS3Bucket(stores("s3")().server)
