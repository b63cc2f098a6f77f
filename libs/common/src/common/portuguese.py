"""What is wrong with a field, in Portuguese: the printers' family answers in it (contract, ch. 2).

The texts follow pydantic's error types. A validator of ours that speaks to this family raises a
`PydanticCustomError` whose context has the Portuguese text as `pt`.
"""

from collections.abc import Mapping
from typing import Any, Final

_TEXTS: Final = {
    "missing": "Este campo é obrigatório.",
    "int_parsing": "Deve ser um número inteiro.",
    "int_type": "Deve ser um número inteiro.",
    "int_from_float": "Deve ser um número inteiro.",
    "int_parsing_size": "O número é grande demais.",
    "float_parsing": "Deve ser um número.",
    "float_type": "Deve ser um número.",
    "finite_number": "Deve ser um número finito.",
    "string_type": "Deve ser um texto.",
    "bool_parsing": "Deve ser verdadeiro ou falso.",
    "bool_type": "Deve ser verdadeiro ou falso.",
    "dict_type": "Deve ser um objeto.",
    "model_type": "Deve ser um objeto.",
    "model_attributes_type": "Deve ser um objeto.",
    "list_type": "Deve ser uma lista.",
    "string_pattern_mismatch": "Contém caracteres não permitidos.",
    "string_too_short": "Deve ter pelo menos {min_length} caractere(s).",
    "string_too_long": "Deve ter no máximo {max_length} caractere(s).",
    "too_short": "Deve ter pelo menos {min_length} item(ns).",
    "too_long": "Deve ter no máximo {max_length} item(ns).",
    "greater_than": "Deve ser maior que {gt}.",
    "greater_than_equal": "Deve ser maior ou igual a {ge}.",
    "less_than": "Deve ser menor que {lt}.",
    "less_than_equal": "Deve ser menor ou igual a {le}.",
    "literal_error": "Deve ser um dos seguintes valores: {expected}.",
    "timezone_aware": "Deve ter um fuso horário.",
    "datetime_parsing": "Deve ser uma data e hora válida.",
    "datetime_from_date_parsing": "Deve ser uma data e hora válida.",
    "datetime_type": "Deve ser uma data e hora válida.",
}


def portuguese_of(error: Mapping[str, Any], *, english: str) -> str:
    """The Portuguese text of one of pydantic's errors; the English one where there is none."""
    context = {name: str(value) for name, value in (error.get("ctx") or {}).items()}
    template = context.get("pt") or _TEXTS.get(str(error["type"]))
    if template is None:
        return english
    if "expected" in context:
        context["expected"] = context["expected"].replace(" or ", " ou ")
    try:
        return template.format(**context)
    except KeyError:
        return english
