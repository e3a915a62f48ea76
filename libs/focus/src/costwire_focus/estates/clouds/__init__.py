"""The clouds an estate can hold, by the name used in files and settings."""

from __future__ import annotations

from collections.abc import Mapping

from costwire_focus.estates.catalogue import Cloud
from costwire_focus.estates.clouds.aws import AWS
from costwire_focus.estates.clouds.azure import AZURE
from costwire_focus.estates.clouds.gcp import GCP
from costwire_focus.estates.clouds.oci import OCI
from costwire_focus.estates.clouds.saas import SAAS

CLOUDS: Mapping[str, Cloud] = {cloud.key: cloud for cloud in (AWS, AZURE, GCP, OCI, SAAS)}
