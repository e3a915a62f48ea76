"""Reports in object stores: S3, Azure Blob Storage, Google Cloud Storage."""

from costwire_sources.access import Access
from costwire_sources.objects.address import SCHEMES
from costwire_sources.objects.source import ObjectSource

__all__ = ["SCHEMES", "Access", "ObjectSource"]
