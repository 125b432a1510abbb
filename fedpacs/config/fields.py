"""Kinds of values that several configuration models hold, each checked when the file is read."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field


def _ae_title(value: str) -> str:
    if not re.fullmatch(r"[\x20-\x5b\x5d-\x7e]{1,16}", value):
        msg = "an AE title has 1 to 16 printable ASCII characters and no backslash (PS3.5 6.2)"
        raise ValueError(msg)
    return value


def _key_uri(value: str) -> str:
    if not re.fullmatch(r"(file|env):.+", value):
        msg = "a key is named by URI, `file:PATH` or `env:NAME`; never write the key itself here"
        raise ValueError(msg)
    return value


AETitle = Annotated[str, AfterValidator(_ae_title)]
KeyUri = Annotated[str, AfterValidator(_key_uri)]
Port = Annotated[int, Field(ge=1, le=65535)]
