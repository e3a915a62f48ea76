"""Settings of the aggregator: the only reader of its environment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AliasChoices, BeforeValidator, Field, ValidationError, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from costwire_aggregator.costs.rules import CLUSTER_TAGS
from costwire_aggregator.upstreams.settings import UpstreamSettings
from costwire_runtime.settings import ServiceSettings


def _words(told: object) -> object:
    return tuple(told.replace(",", " ").split()) if isinstance(told, str) else told


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)]
"""Texts between blanks or commas."""


class Settings(ServiceSettings):
    """Settings of the aggregator, read once at start from `AGGREGATOR_*` variables.

    Those of the original have its names too.
    """

    model_config = SettingsConfigDict(env_prefix="AGGREGATOR_", frozen=True, populate_by_name=True)

    port: int = Field(
        8080,
        ge=0,
        le=65_535,
        validation_alias=AliasChoices("HTTP_PORT", "AGGREGATOR_PORT"),
        description="TCP port to listen on; 0 takes any free one",
    )
    grpc_port: int | None = Field(
        None,
        ge=0,
        le=65_535,
        validation_alias=AliasChoices("GRPC_PORT", "AGGREGATOR_GRPC_PORT"),
        description="TCP port of gRPC; there is none where it is not set",
    )
    prometheus_address: str | None = Field(
        None,
        repr=False,
        validation_alias=AliasChoices("PROMETHEUS_ADDRESS", "AGGREGATOR_PROMETHEUS_ADDRESS"),
        description="address of the only upstream, e.g. http://thanos-query:9090",
    )
    upstreams_file: Path | None = Field(
        None, description="YAML file that names the upstreams, where there are several"
    )
    icos_compat: Literal["default", "strict"] = Field(
        "default",
        validation_alias=AliasChoices("ICOS_COMPAT", "AGGREGATOR_ICOS_COMPAT"),
        description="`strict` tells what the original tells, where that is another thing",
    )
    key: str | None = Field(
        None,
        validation_alias=AliasChoices("KEY", "AGGREGATOR_KEY"),
        description="public keys that tokens are checked with: base64 of DER, or PEM",
    )
    jwks_url: str | None = Field(
        None,
        pattern=r"^https?://[^/\s]+(/\S*)?$",
        description="where those keys are read from, as a JWK Set; instead of `KEY`",
    )
    jwks_ca_file: Path | None = Field(
        None, description="certificates that the one of the JWK Set's server is checked with"
    )
    jwks_refresh_seconds: float = Field(
        300.0, ge=30, le=86_400, description="how often the JWK Set is read"
    )
    token_issuers: Words = Field((), description="issuers of tokens that are taken; any, if none")
    token_audiences: Words = Field((), description="audiences of tokens; any, if none")
    token_roles: Words = Field((), description="roles of which a token must have one")
    token_leeway_seconds: float = Field(
        30.0, ge=0, le=600, description="by how much clocks may differ"
    )
    token_expiry_required: bool = Field(True, description="refuse tokens that never expire")
    grpc_auth: Literal["on", "off"] = Field(
        "on",
        validation_alias=AliasChoices("GRPC_AUTH", "AGGREGATOR_GRPC_AUTH"),
        description="`off` asks for no token on gRPC, as the original does",
    )
    grpc_cert_file: Path | None = Field(None, description="certificate of gRPC, for TLS")
    grpc_key_file: Path | None = Field(None, description="key of that certificate")
    deadline_seconds: float = Field(
        8.0, gt=0, le=300, description="until when the upstreams have to answer"
    )
    answers_mib: int = Field(
        512,
        ge=1,
        le=65_536,
        description="size of all answers to one request together, unpacked; memory is four to "
        "seven times that",
    )
    fresh_seconds: float = Field(
        5.0, ge=0, le=3_600, description="how long an answer is given again without asking"
    )
    stale_seconds: float = Field(
        30.0, ge=0, le=3_600, description="how long one is given again while a new one is made"
    )
    samples_stale_seconds: float = Field(
        180.0, gt=0, description="age from which on samples are told as stale"
    )

    handler_url: str | None = Field(
        None,
        pattern=r"^https?://[^/@\s]+(/\S*)?$",
        description="address of the database handler that has the bills; none: no costs",
    )
    handler_user: str = Field("costwire", description="user of the database handler, a reader")
    handler_password_file: Path | None = Field(
        None, description="file that holds the password of that user"
    )
    handler_ca_file: Path | None = Field(
        None, description="certificates that the handler's own is checked with"
    )
    costs_table: str = Field(
        "charges", pattern=r"^[a-z][a-z0-9_]{0,62}$", description="table that holds the bills"
    )
    costs_deadline_seconds: float = Field(
        30.0, gt=0, le=600, description="until when a bill has to be read"
    )
    costs_fresh_seconds: float = Field(
        60.0, ge=15, le=86_400, description="how long a bill is used again without asking"
    )
    cluster_tags: Words = Field(
        tuple(CLUSTER_TAGS), description="tags whose values are names of clusters"
    )

    @model_validator(mode="before")
    @classmethod
    def _empty_is_unset(cls, values: dict[str, object]) -> dict[str, object]:
        # The original takes an empty KEY, or port, as none.
        return {name: value for name, value in values.items() if value != ""}

    @model_validator(mode="after")
    def _one_way_each(self) -> Self:
        if (self.prometheus_address is None) == (self.upstreams_file is None):
            raise ValueError("set PROMETHEUS_ADDRESS or AGGREGATOR_UPSTREAMS_FILE, one of them")
        if self.key is not None and self.jwks_url is not None:
            raise ValueError("set KEY or AGGREGATOR_JWKS_URL, not both")
        if (self.grpc_cert_file is None) != (self.grpc_key_file is None):
            raise ValueError("give AGGREGATOR_GRPC_CERT_FILE and _KEY_FILE, or neither")
        if self.prometheus_address is not None:
            try:
                self.only_upstream()
            except ValidationError as error:
                # Without its text, which repeats the address, and so may tell a password.
                raise ValueError(
                    "PROMETHEUS_ADDRESS: give an address such as http://prometheus:9090"
                ) from error
        return self

    def only_upstream(self) -> UpstreamSettings:
        """The upstream of `PROMETHEUS_ADDRESS`, which has all the time: there is no other."""
        return UpstreamSettings(
            name="prometheus",
            url=self.prometheus_address or "",
            timeout_seconds=self.deadline_seconds,
        )

    @property
    def is_strict(self) -> bool:
        """Whether the original's answers are wanted."""
        return self.icos_compat == "strict"
