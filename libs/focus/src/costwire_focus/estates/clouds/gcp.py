"""An estate's share on Google Cloud: projects, full resource names, hourly rows, nested credits."""

from __future__ import annotations

from costwire_focus.estates.catalogue import Cloud, CommitmentKind, Offer, Region, Service
from costwire_focus.estates.dialects import Dialect

_ENGINE = Service(
    "Compute Engine",
    "Compute",
    "Virtual Machines",
    "6F81-5844-456A",
    "Instance",
    "//compute.googleapis.com/projects/{account}/zones/{zone}/instances/{D19}",
    (
        Offer(
            "N2 Instance Core running in EMEA",
            "0.03481",
            "vCPU-Hours",
            "N2 Instance Core",
            4_000,
            3,
            steady=True,
            commitment_percent=37,
            code="resource",
            details={"InstanceSeries": "N2"},
        ),
        Offer(
            "N2 Instance Ram running in EMEA",
            "0.004664",
            "GiB-Hours",
            "N2 Instance Ram",
            1_611_313,
            5,
            code="resource",
        ),
        Offer(
            "Spot Preemptible E2 Instance Core",
            "0.00654",
            "vCPU-Hours",
            "Spot Preemptible E2 Instance Core",
            2_000,
            3,
            steady=True,
            dynamic=True,
            code="resource",
        ),
    ),
    weight=28,
    zonal=True,
)
_DISKS = Service(
    "Persistent Disk",
    "Storage",
    "Block Storage",
    "6F81-5844-456A",
    "Disk",
    "//compute.googleapis.com/projects/{account}/zones/{zone}/disks/{name}-{h4}",
    (
        Offer(
            "Storage PD Capacity",
            "0.04",
            "GiB-Months",
            "Storage PD Capacity",
            2_138_913,
            6,
            code="disk",
        ),
    ),
    weight=12,
    zonal=True,
)
_BIGQUERY = Service(
    "BigQuery",
    "Analytics",
    "Data Processing",
    "24E6-581D-38E5",
    "Dataset",
    "//bigquery.googleapis.com/projects/{account}/datasets/{name}_{h4}",
    (
        Offer("Analysis", "6.25", "TiB", "Analysis (on demand)", 613_171, 7, code="analysis"),
        Offer(
            "Active Logical Storage",
            "0.02",
            "GiB-Months",
            "Active Logical Storage",
            9_131_171,
            6,
            code="storage",
        ),
    ),
    weight=22,
)
_BUCKETS = Service(
    "Cloud Storage",
    "Storage",
    "Object Storage",
    "95FF-2EF5-5EA1",
    "Bucket",
    "//storage.googleapis.com/projects/_/buckets/{name}-{h8}",
    (
        Offer(
            "Standard Storage Europe Multi-region",
            "0.026",
            "GiB-Months",
            "Standard Storage Europe Multi-region",
            8_171_171,
            6,
            code="storage",
        ),
        Offer(
            "Multi-Region Standard Class A Operations",
            "0.00001",
            "Operations",
            "Class A Request Standard Storage",
            51_131,
            code="operations",
        ),
    ),
    weight=14,
)
_CLUSTERS = Service(
    "Kubernetes Engine",
    "Compute",
    "Containers",
    "CCD8-9BF1-090E",
    "Cluster",
    "//container.googleapis.com/projects/{account}/locations/{region}/clusters/{name}",
    (
        Offer(
            "Regional Kubernetes Clusters",
            "0.1",
            "Hours",
            "Regional Kubernetes Clusters",
            1000,
            3,
            steady=True,
            code="cluster",
        ),
    ),
    weight=7,
    shared=True,
)
_SQL = Service(
    "Cloud SQL",
    "Databases",
    "Relational Databases",
    "9662-B51E-5089",
    "Database instance",
    "//cloudsql.googleapis.com/projects/{account}/instances/{name}",
    (
        Offer(
            "Cloud SQL for PostgreSQL: Zonal - vCPU",
            "0.0413",
            "vCPU-Hours",
            "Cloud SQL for PostgreSQL: Zonal - vCPU in Belgium",
            2_000,
            3,
            steady=True,
            commitment_percent=25,
            code="vcpu",
        ),
    ),
    weight=12,
)

GCP = Cloud(
    key="gcp",
    provider="Google Cloud",
    issuer="Google Cloud EMEA Limited",
    publisher="Google Cloud",
    account="{H6}-{H6}-{H6}",
    account_type="Billing Account",
    sub_account="{name}-{D6}",
    sub_account_type="Project",
    sku="{H4}-{H4}-{H4}",
    sku_price="/tier-{D1}",
    invoice="{D10}",
    regions=(
        Region("europe-west1", "Belgium", ("b", "c", "d")),
        Region("europe-west4", "Netherlands", ("a", "b")),
        Region("us-central1", "Iowa", ("a", "f")),
        Region("me-central2", "Dammam", ("a",)),
    ),
    services=(_ENGINE, _DISKS, _BIGQUERY, _BUCKETS, _CLUSTERS, _SQL),
    commitments=(
        CommitmentKind(
            "Resource-based CUD",
            "Usage",
            "//compute.googleapis.com/projects/{account}/regions/{region}/commitments/{D19}",
            "n2-commitment-1y",
        ),
    ),
    weight=20,
    hourly=True,
    negotiated_percent=3,
    provider_tags=(("goog-k8s-cluster-name", "main"), ("goog-terraform-provisioned", "true")),
    idle=("Storage PD Capacity",),
    custom_columns=(
        "x_CostType",
        "x_Credits",
        "x_CurrencyConversionRate",
        "x_ExportTime",
        "x_Location",
        "x_Project",
        "x_ServiceId",
    ),
    native_dialect=Dialect(null="null", times="blank"),
)
