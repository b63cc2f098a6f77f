"""What bodies and answers of this service have in common (contract, chapter 1)."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints


class Wire(BaseModel):
    """No NaN, no Infinity; unknown fields of newer clients are passed over."""

    model_config = ConfigDict(allow_inf_nan=False, extra="ignore")


NewId = Annotated[
    str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]*$")
]
Reference = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Label = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]
