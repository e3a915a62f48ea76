"""The schema: what clients of the original know, and the modules that are made of it."""

from __future__ import annotations

import runpy
from pathlib import Path

from google.protobuf.descriptor import Descriptor

from costwire_aggregator.grpc.aggregator_pb2 import DESCRIPTOR

SERVICE_FOLDER = Path(__file__).parents[4] / "services" / "aggregator"
GENERATED = SERVICE_FOLDER / "src" / "costwire_aggregator" / "grpc"
TYPES = {3: "int64", 5: "int32", 9: "string", 11: "message", 14: "enum"}


def fields(message: Descriptor) -> dict[int, tuple[str, str, bool]]:
    """Name, type, and whether it is repeated, by number."""
    return {
        field.number: (field.name, TYPES[field.type], field.is_repeated) for field in message.fields
    }


def test_generated_modules_are_those_of_the_schema(tmp_path: Path) -> None:
    generate = runpy.run_path(str(SERVICE_FOLDER / "generate_proto.py"))["generate"]
    written = generate(tmp_path)
    assert sorted(file.name for file in written) == ["aggregator_pb2.py", "aggregator_pb2.pyi"]
    for file in written:
        committed = (GENERATED / file.name).read_text()
        assert committed == file.read_text(), "run services/aggregator/generate_proto.py"
        assert committed.startswith("# Generated ")


def test_messages_have_the_names_numbers_and_types_of_the_original() -> None:
    messages = DESCRIPTOR.message_types_by_name
    infrastructure = messages["InfrastructureModel"]
    node = infrastructure.nested_types_by_name["Node"]
    assert DESCRIPTOR.package == "server_proto"
    assert fields(messages["Empty"]) == {}
    assert fields(messages["ComputeResources"]) == {
        1: ("milliCPU", "int32", False),
        2: ("memoryInBytes", "int64", False),
    }
    assert fields(infrastructure) == {1: ("nodes", "message", True)}
    assert fields(node) == {
        1: ("id", "string", False),
        2: ("node_type", "enum", False),
        3: ("cpu_architecture", "string", False),
        4: ("resources", "message", False),
        5: ("available_resources", "message", False),
        6: ("labels", "string", True),
    }
    kinds = node.enum_types_by_name["NodeType"].values_by_name
    assert {name: value.number for name, value in kinds.items()} == {"COMPUTE": 0, "NETWORK": 1}


def test_service_has_the_method_of_the_original() -> None:
    (method,) = DESCRIPTOR.services_by_name["Aggregator"].methods
    assert method.full_name == "server_proto.Aggregator.ConnectToQuerier"
    assert method.input_type.full_name == "server_proto.Empty"
    assert method.output_type.full_name == "server_proto.InfrastructureModel"
    assert not method.client_streaming
    assert not method.server_streaming
