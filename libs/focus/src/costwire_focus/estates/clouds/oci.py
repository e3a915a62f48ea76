"""An estate's share on Oracle Cloud Infrastructure: OCIDs, part numbers, own reference columns."""

from __future__ import annotations

from costwire_focus.estates.catalogue import Cloud, CommitmentKind, Offer, Region, Service
from costwire_focus.estates.dialects import Dialect

_COMPUTE = Service(
    "Compute",
    "Compute",
    "Virtual Machines",
    "COMPUTE",
    "Instance",
    "ocid1.instance.oc1.{region}.an{a58}",
    (
        Offer(
            "Standard - E4 - OCPU",
            "0.025",
            "OCPU-Hours",
            "Oracle Cloud Infrastructure - Compute - Standard - E4 - OCPU",
            2_000,
            3,
            steady=True,
            commitment_percent=20,
            code="PIC_COMPUTE_STANDARD_E4",
        ),
        Offer(
            "Standard - E4 - Memory",
            "0.0015",
            "GB-Hours",
            "Oracle Cloud Infrastructure - Compute - Standard - E4 - Memory",
            16_317,
            3,
            code="PIC_COMPUTE_STANDARD_E4_MEMORY",
        ),
    ),
    weight=30,
    zonal=True,
)
_BLOCKS = Service(
    "Block Volume",
    "Storage",
    "Block Storage",
    "BLOCK_STORAGE",
    "Volume",
    "ocid1.volume.oc1.{region}.ab{a58}",
    (
        Offer(
            "Block Volume - Storage",
            "0.0255",
            "GB-Months",
            "Oracle Cloud Infrastructure - Block Volume - Storage",
            1_687_131,
            6,
            code="PIC_BLOCK_STORAGE_STANDARD",
        ),
    ),
    weight=16,
    zonal=True,
)
_DATABASE = Service(
    "Autonomous Database",
    "Databases",
    "Data Warehouses",
    "DATABASE",
    "Autonomous database",
    "ocid1.autonomousdatabase.oc1.{region}.an{a58}",
    (
        Offer(
            "Autonomous Data Warehouse - ECPU",
            "0.336",
            "ECPU-Hours",
            "Oracle Autonomous Data Warehouse - ECPU",
            2_000,
            3,
            steady=True,
            code="PIC_ADW_ECPU",
        ),
    ),
    weight=12,
)
_LOGS = Service(
    "Logging",
    "Management and Governance",
    "Observability",
    "LOGGING",
    "Log group",
    "ocid1.loggroup.oc1.{region}.am{a58}",
    (
        Offer(
            "Logging - Storage",
            "0.05",
            "GB-Months",
            "Oracle Cloud Infrastructure - Logging - Storage",
            1_311_713,
            6,
            code="PIC_LOGGING_STORAGE",
        ),
    ),
    weight=6,
)

_OWN = {
    "x_OciReferenceNumber": "oci_ReferenceNumber",
    "x_OciBackReferenceNumber": "oci_BackReferenceNumber",
    "x_OciCompartmentId": "oci_CompartmentId",
    "x_OciCompartmentName": "oci_CompartmentName",
    "x_OciOverageFlag": "oci_OverageFlag",
}

OCI = Cloud(
    key="oci",
    provider="Oracle",
    issuer="Oracle America, Inc.",
    publisher="Oracle",
    account="{D9}",
    account_type="Subscription",
    sub_account="ocid1.tenancy.oc1..aa{a58}",
    sub_account_type="Tenancy",
    sku="B{D5}",
    sku_price="-PAYG-{D2}",
    invoice="{D8}",
    regions=(
        Region("eu-frankfurt-1", "Germany Central (Frankfurt)", ("AD-1", "AD-2", "AD-3")),
        Region("us-ashburn-1", "US East (Ashburn)", ("AD-1", "AD-2")),
        Region("sa-vinhedo-1", "Brazil Southeast (Vinhedo)", ("AD-1",)),
    ),
    services=(_COMPUTE, _BLOCKS, _DATABASE, _LOGS),
    commitments=(
        CommitmentKind(
            "Annual Universal Credits",
            "Spend",
            "ocid1.organizationssubscription.oc1.{region}.am{a58}",
            "Universal Credits",
        ),
    ),
    weight=8,
    hourly=True,
    negotiated_percent=5,
    provider_tags=(("Oracle-Tags.CreatedBy", "default/ops@example.org"),),
    idle=("Block Volume - Storage",),
    custom_columns=tuple(_OWN),
    native_names=_OWN,
    native_dialect=Dialect(quoting="text", times="minutes", exponents=True, gzip=True),
)
