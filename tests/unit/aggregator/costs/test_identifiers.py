"""Identifiers: one form for all spellings of one thing, and never for two things."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_aggregator.costs.identifiers import (
    Identifier,
    Kind,
    cluster_name,
    disk_name,
    folded,
    identifier,
    in_google,
    scale_set,
    uuid,
)

VM = "/subscriptions/0-1/resourceGroups/MC_shop/providers/Microsoft.Compute"
OCID = "ocid1.instance.oc1.eu-frankfurt-1.antheljs"
UUID = "4c4c4544-0042-4d10-8056-b4c04f333532"
SPELLINGS: dict[str, tuple[Kind, list[str]]] = {
    "instance of Amazon": (
        Kind.INSTANCE,
        [
            "i-0123456789abcdef0",
            "arn:aws:ec2:eu-west-1:123456789012:instance/i-0123456789abcdef0",
            "arn:aws-cn:ec2:cn-north-1:123456789012:instance/i-0123456789abcdef0",
            "aws:///eu-west-1a/i-0123456789abcdef0",
            " I-0123456789ABCDEF0 ",
        ],
    ),
    "volume of Amazon": (
        Kind.DISK,
        [
            "vol-0123456789abcdef0",
            "arn:aws:ec2:eu-west-1:123456789012:volume/vol-0123456789abcdef0",
            "aws://eu-west-1a/vol-0123456789abcdef0",
            "aws:///eu-west-1a/vol-0123456789abcdef0",
            "vol0123456789abcdef0",
        ],
    ),
    "machine of Azure": (
        Kind.INSTANCE,
        [
            f"{VM}/virtualMachines/web-1",
            f"azure://{VM}/virtualMachines/web-1",
            f"{VM.lower()}/virtualmachines/WEB-1/",
        ],
    ),
    "machine of a scale set": (
        Kind.INSTANCE,
        [
            f"azure://{VM}/virtualMachineScaleSets/pool/virtualMachines/0",
            f"{VM.upper()}/virtualmachinescalesets/pool/virtualmachines/0",
        ],
    ),
    "disk of Azure": (Kind.DISK, [f"{VM}/disks/pvc-1", f"{VM.lower()}/disks/PVC-1"]),
    "instance of Google": (
        Kind.INSTANCE,
        [
            "gce://shop-1/europe-west1-b/gke-pool-x",
            "//compute.googleapis.com/projects/shop-1/zones/europe-west1-b/instances/gke-pool-x",
            "https://www.googleapis.com/compute/v1/projects/shop-1/zones/europe-west1-b/instances/gke-pool-x",
        ],
    ),
    "disk of Google": (
        Kind.DISK,
        [
            "projects/shop-1/zones/europe-west1-b/disks/pvc-1",
            "//compute.googleapis.com/projects/shop-1/zones/europe-west1-b/disks/pvc-1",
        ],
    ),
    "instance of Oracle": (Kind.INSTANCE, [OCID, f"oci://{OCID}", OCID.upper()]),
    "server by its UUID": (
        Kind.PLAIN,
        [UUID, f"openstack:///{UUID}", f"openstack://region/{UUID}", f"vsphere://{UUID.upper()}"],
    ),
    "database": (Kind.OTHER, ["arn:aws:rds:eu-west-1:123456789012:db:web-1"]),
    "storage account": (Kind.OTHER, [f"{VM}/storageAccounts/web", f"{VM}/storageAccounts/web/"]),
    "bucket": (Kind.OTHER, ["//storage.googleapis.com/projects/_/buckets/web"]),
    "plain": (Kind.PLAIN, ["web-1", "WEB-1"]),
    "other instance": (Kind.INSTANCE, ["i-0123456789abcdef1"]),
    "almost an instance": (Kind.PLAIN, ["i-am-no-instance"]),
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_all_spellings_of_a_thing_are_one(name: str) -> None:
    kind, texts = SPELLINGS[name]
    found = {identifier(text) for text in texts}
    assert len(found) == 1
    assert {one.kind for one in found if one} == {kind}


def test_different_things_stay_apart() -> None:
    forms = {name: identifier(texts[0]) for name, (_, texts) in SPELLINGS.items()}
    for (one, its), (other, others) in itertools.combinations(forms.items(), 2):
        assert its != others, (one, other)


@pytest.mark.parametrize("text", [None, "", "  ", "-", "None", "<none>", "NULL", "n/a", "Unknown"])
def test_what_means_nothing_is_no_identifier(text: str | None) -> None:
    assert identifier(text) is None
    assert folded(text) == ""


@given(st.sampled_from([text for _, texts in SPELLINGS.values() for text in texts]))
def test_form_is_read_as_itself(text: str) -> None:
    found = identifier(text)
    assert found is not None
    assert identifier(found.text) == found


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    found = identifier(text)
    assert found is None or found.text
    assert not scale_set(text)
    assert not cluster_name(text)
    assert not uuid(text)


def test_text_of_any_length_is_read_at_once() -> None:
    found = identifier("azure://" + "/" * 1_000_000)
    assert found is not None
    assert found.kind is Kind.PLAIN


def test_uuid_of_zeros_is_none() -> None:
    assert uuid("00000000-0000-0000-0000-000000000000") == ""
    assert uuid("not settable") == ""
    assert uuid(UUID.upper()) == UUID


def test_scale_set_is_that_of_its_machines() -> None:
    pool = f"{VM}/virtualMachineScaleSets/Pool"
    expected = f"{VM}/virtualmachinescalesets/pool".lower()
    assert scale_set(pool) == scale_set(f"azure://{pool}/virtualMachines/7") == expected
    assert scale_set(f"{VM}/virtualMachines/web-1") == ""


@pytest.mark.parametrize(
    "text",
    [
        "arn:aws:eks:eu-west-1:123456789012:cluster/Shop",
        "arn:aws:eks:eu-west-1:123456789012:nodegroup/shop/pool/5ac0-1",
        "arn:aws:eks:eu-west-1:123456789012:pod/shop/default/web/5ac0-1",
        "/subscriptions/0-1/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/shop",
        "//container.googleapis.com/projects/p/locations/europe-west1/clusters/shop",
        "//container.googleapis.com/projects/p/zones/europe-west1-b/clusters/shop/nodePools/x",
        "//container.googleapis.com/projects/p/clusters/shop",
    ],
)
def test_managed_cluster_is_known_by_its_name(text: str) -> None:
    assert cluster_name(text) == "shop"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (f"{VM}/disks/kubernetes-dynamic-PVC-1", "kubernetes-dynamic-pvc-1"),
        ("projects/p/zones/z/disks/mysql", "mysql"),
        ("vol-0123456789abcdef0", ""),
        (f"{VM}/virtualMachines/mysql", ""),
        ("mysql", ""),
    ],
)
def test_name_of_a_disk_is_where_its_id_ends(text: str, name: str) -> None:
    found = identifier(text)
    assert found is not None
    assert disk_name(found) == name


def test_numbers_of_google_stand_for_project_and_name() -> None:
    found = identifier("//compute.googleapis.com/projects/40/zones/z-b/instances/7012")
    assert found is not None
    assert set(in_google(found, "Shop-1", "gke-x")) == {
        f"projects/{project}/zones/z-b/instances/{name}"
        for project in ("40", "shop-1")
        for name in ("7012", "gke-x")
    }
    assert set(in_google(found, None, None)) == {found.text}
    assert not set(in_google(Identifier("web-1"), "shop-1", "gke-x"))
