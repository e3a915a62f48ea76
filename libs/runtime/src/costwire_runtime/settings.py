"""Settings of a service: the base every one shares, and reading them from the environment."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AliasChoices,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

LogLevel = Annotated[
    Literal["DEBUG", "INFO", "WARNING", "ERROR"],
    BeforeValidator(lambda level: level.upper() if isinstance(level, str) else level),
]
WRONG_USE = 2
_REQUIRED = "required"
_CREDENTIALS = re.compile(r"//[^/\s]*@")


class ServiceSettings(BaseSettings):
    """What every service is told; a subclass adds its own settings and the prefix."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", validate_default=True)

    host: str = Field(default="127.0.0.1", min_length=1, description="address to listen on")
    port: int = Field(ge=0, le=65_535, description="TCP port to listen on; 0 takes any free one")
    log_level: LogLevel = Field(default="INFO", description="least severe log line to write")
    address_file: Path | None = Field(
        default=None, description="file that holds the service's URL while it serves"
    )
    web_config_file: Path | None = Field(
        default=None, description="Prometheus web configuration file: users and certificates"
    )
    shutdown_grace_seconds: float = Field(
        default=10.0,
        ge=2,
        le=3_600,
        description="from the stop signal to the end of the process, at most",
    )
    connections_limit: int = Field(
        default=256, ge=1, le=65_535, description="most open connections; one more is answered 503"
    )
    header_timeout_seconds: float = Field(
        default=10.0,
        gt=0,
        le=3_600,
        description="longest time for a TLS handshake, and for a request's headers to come",
    )
    keep_alive_seconds: int = Field(
        default=75, ge=1, le=3_600, description="longest pause between two requests of a connection"
    )
    header_limit_kib: int = Field(
        default=32, ge=1, le=1_024, description="largest headers of a request, all together"
    )
    header_count_limit: int = Field(default=100, ge=1, description="most headers of a request")
    url_limit_bytes: int = Field(
        default=8_192, ge=256, description="longest path and query of a request"
    )
    body_pause_seconds: float = Field(
        default=30.0,
        gt=0,
        le=3_600,
        description="longest pause within a request's body, which comes at 1 KiB/s or faster",
    )
    send_timeout_seconds: float = Field(
        default=60.0, gt=0, description="how long a client may take for one block of an answer"
    )

    @model_validator(mode="before")
    @classmethod
    def _without_service_links(cls, values: Any) -> Any:
        # Kubernetes sets EXPORTER_PORT=tcp://10.0.0.1:2112 in every pod that stands beside a
        # Service called "exporter": its link, not our setting.
        if not isinstance(values, dict):
            return values
        return {
            name: value
            for name, value in values.items()
            if not (name.lower().endswith("port") and str(value).startswith("tcp://"))
        }


SettingsT = TypeVar("SettingsT", bound=BaseSettings)


def settings_from_environment(cls: type[SettingsT]) -> SettingsT:
    """Read the settings; a wrong one is told on stderr, one line each, and ends the process."""
    try:
        return cls()
    except ValidationError as error:
        for line in explain(cls, error):
            sys.stderr.write(f"{line}\n")
        sys.exit(WRONG_USE)


def explain(cls: type[BaseSettings], error: ValidationError) -> list[str]:
    """One readable line per wrong setting, without the value of a secret one."""
    lines = []
    for problem in error.errors(include_url=False, include_context=False):
        told = str(problem["loc"][0]) if problem["loc"] else ""
        field = _field_of(cls, told)
        name = _variable(cls, told) if told in cls.model_fields else told or cls.__name__
        if problem["type"] == "missing":
            lines.append(f"{name}: is not set, and has no default")
            continue
        is_secret = field in cls.model_fields and _is_secret(cls.model_fields[field])
        told_value = _CREDENTIALS.sub("//***@", str(problem["input"]))
        given = "" if is_secret or not field else f" (it is {told_value!r})"
        message = problem["msg"].removeprefix("Value error, ")
        lines.append(f"{name}: {message[:1].lower()}{message[1:]}{given}")
    return lines


@dataclass(frozen=True)
class DocumentedSetting:
    """A setting as the docs show it."""

    variable: str
    default: str
    description: str


def documented_settings(cls: type[BaseSettings]) -> list[DocumentedSetting]:
    """Every setting of a class, in the order of its fields: what the docs are held against."""
    return [
        DocumentedSetting(_variable(cls, name), _default_text(field), field.description or "")
        for name, field in cls.model_fields.items()
    ]


def _variable(cls: type[BaseSettings], field: str) -> str:
    names = _aliases(cls.model_fields[field])
    return names[0] if names else f"{cls.model_config.get('env_prefix', '')}{field}".upper()


def _field_of(cls: type[BaseSettings], told: str) -> str:
    """The field that a variable's name is another one for."""
    named = (name for name, field in cls.model_fields.items() if told in _aliases(field))
    return next(named, told)


def _aliases(field: FieldInfo) -> list[str]:
    """The names of variables that a field has instead of its own."""
    alias = field.validation_alias
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
    return [choice for choice in choices if isinstance(choice, str)]


def _is_secret(field: FieldInfo) -> bool:
    return SecretStr.__name__ in str(field.annotation)


def _default_text(field: FieldInfo) -> str:
    if field.is_required():
        return _REQUIRED
    default = field.get_default(call_default_factory=True, validated_data={})
    if default is None:
        return ""
    return str(default)
