"""The clouds an estate can hold, by the name used in files and settings."""

from __future__ import annotations

from collections.abc import Mapping

from ..catalogue import Cloud
from .aws import AWS
from .azure import AZURE
from .gcp import GCP
from .oci import OCI
from .saas import SAAS

CLOUDS: Mapping[str, Cloud] = {cloud.key: cloud for cloud in (AWS, AZURE, GCP, OCI, SAAS)}
