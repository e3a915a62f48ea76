"""The metric families that the gRPC answer is folded from, by their names."""

from __future__ import annotations

NODES = "node_uname_info"
MEMORY_TOTAL = "node_memory_MemTotal_bytes"
MEMORY_AVAILABLE = "node_memory_MemAvailable_bytes"
CAPACITY = "kube_node_status_capacity"
ALLOCATABLE = "kube_node_status_allocatable"
REQUESTS = "kube_pod_container_resource_requests"
PHASES = "kube_pod_status_phase"

OF_ORIGINAL = (NODES, MEMORY_TOTAL, MEMORY_AVAILABLE)
"""What the original asks for."""
