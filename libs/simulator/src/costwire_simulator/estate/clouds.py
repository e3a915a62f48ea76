"""How clouds name and shape machines and disks, as far as Kubernetes shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Region:
    """Where machines stand."""

    id: str
    zones: tuple[str, ...]
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Cloud:
    """One provider; texts are filled with what is known of a machine or a disk."""

    key: str
    regions: tuple[Region, ...]
    instance_type: str
    cores: int
    memory: int
    account: str
    node: str
    provider_id: str
    host_id: str
    driver: str
    storage_class: str
    handle: str
    serial: Callable[[str], str]
    """What a machine sees of a disk, by the last part of its handle."""
    disk_model: str
    os_image: str
    kernel: str
    kubelet: str
    pod_interface: str
    """What the names of the pods' network interfaces on a node begin with."""

    def region(self, id: str) -> Region:
        """One of them, or one like them that is not listed."""
        zones = tuple(f"{id}{'-' if self.key == 'gcp' else ''}{end}" for end in "abc")
        known = (region for region in self.regions if region.id == id)
        return next(known, Region(id, zones if self.key != "azure" else ("",), 0.0, 0.0))


AWS = Cloud(
    key="aws",
    regions=(
        Region("us-east-1", ("us-east-1a", "us-east-1b", "us-east-1c"), 38.95, -77.45),
        Region("eu-central-1", ("eu-central-1a", "eu-central-1b"), 50.11, 8.68),
    ),
    instance_type="m6i.large",
    cores=2,
    memory=8 * GIB,
    account="{digits12}",
    node="ip-{dashed}.{domain}",
    provider_id="aws:///{zone}/i-{hex17}",
    host_id="{provider_end}",
    driver="ebs.csi.aws.com",
    storage_class="gp3",
    handle="vol-{hex17}",
    serial=lambda name: name.replace("-", ""),
    disk_model="Amazon Elastic Block Store",
    os_image="Amazon Linux 2023.6.20250107",
    kernel="6.1.119-129.201.amzn2023.x86_64",
    kubelet="v1.31.4-eks-aeac579",
    pod_interface="eni",
)
_AZURE_GROUP = "/subscriptions/{account}/resourceGroups/mc_{cluster}_{region}/providers"
AZURE = Cloud(
    key="azure",
    regions=(
        Region("westeurope", ("westeurope-1", "westeurope-2", "westeurope-3"), 52.37, 4.90),
        Region("eastus2", ("eastus2-1", "eastus2-2"), 36.67, -78.39),
    ),
    instance_type="Standard_D4s_v5",
    cores=4,
    memory=16 * GIB,
    account="{uuid}",
    node="aks-default-{digits8}-vmss{number:06d}",
    provider_id=(
        f"azure://{_AZURE_GROUP}/Microsoft.Compute/virtualMachineScaleSets/"
        "aks-default-{digits8}-vmss/virtualMachines/{number}"
    ),
    host_id="{uuid}",
    driver="disk.csi.azure.com",
    storage_class="managed-csi",
    handle=f"{_AZURE_GROUP}/Microsoft.Compute/disks/pvc-{{uuid}}",
    serial=lambda _: "",
    disk_model="Virtual_Disk",
    os_image="Ubuntu 22.04.5 LTS",
    kernel="5.15.0-1075-azure",
    kubelet="v1.31.3",
    pod_interface="azv",
)
GCP = Cloud(
    key="gcp",
    regions=(
        Region("europe-west1", ("europe-west1-b", "europe-west1-c"), 50.45, 3.82),
        Region("us-central1", ("us-central1-a", "us-central1-f"), 41.26, -95.86),
    ),
    instance_type="n2-standard-4",
    cores=4,
    memory=16 * GIB,
    account="wide-world-{digits6}",
    node="gke-{cluster}-default-pool-{hex8}-{hex4}",
    provider_id="gce://{account}/{zone}/{name}",
    host_id="{digits19}",
    driver="pd.csi.storage.gke.io",
    storage_class="standard-rwo",
    handle="projects/{account}/zones/{zone}/disks/pvc-{uuid}",
    serial=lambda name: name,
    disk_model="PersistentDisk",
    os_image="Container-Optimized OS from Google",
    kernel="6.1.112+",
    kubelet="v1.31.4-gke.1183000",
    pod_interface="gke",
)
EDGE = Cloud(
    key="edge",
    regions=(
        Region("barcelona", ("hall-1",), 41.38, 2.17),
        Region("ljubljana", ("hall-1",), 46.05, 14.51),
    ),
    instance_type="k3s",
    cores=8,
    memory=32 * GIB,
    account="",
    node="{cluster}-{number:03d}",
    provider_id="k3s://{name}",
    host_id="{hex32}",
    driver="",
    storage_class="local-path",
    handle="/var/lib/rancher/k3s/storage/pvc-{uuid}",
    serial=lambda name: f"S{name[-12:].upper()}",
    disk_model="Samsung SSD 980 1TB",
    os_image="Debian GNU/Linux 12 (bookworm)",
    kernel="6.1.0-28-amd64",
    kubelet="v1.31.4+k3s1",
    pod_interface="veth",
)
CLOUDS = {cloud.key: cloud for cloud in (AWS, AZURE, GCP, EDGE)}
