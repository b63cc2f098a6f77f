"""In which of three languages somebody asks."""

import re
from typing import Final, Literal

Language = Literal["en", "th", "pt"]
_THAI: Final = re.compile(r"[\u0e00-\u0e7f]")
_WORD: Final = re.compile(r"[a-zà-ÿ]+")
_PORTUGUESE: Final = """
qual quais quem quanto quantos quantas como por que porque quando onde a o os as da do das dos na no
nas nos em um uma foi está estão hoje ontem semana mês passada passado zona zonas trabalhador
trabalhadores ociosidade ocioso parado produtividade alertas anomalias resumo desempenho eficiência
turno esta este teve houve mais menos pior melhor
"""
_ENGLISH: Final = """
what which who how many why when where the is are was were of in on today yesterday week month last
this worker workers zone idle productivity alerts anomalies summary performance efficiency shift did
does had most least worst best slow slower
"""


def language_of(text: str) -> Language:
    """Thai by its letters, Portuguese by its small words, else English."""
    if _THAI.search(text):
        return "th"
    words = _WORD.findall(text.lower())
    portuguese, english = frozenset(_PORTUGUESE.split()), frozenset(_ENGLISH.split())
    more = sum(word in portuguese for word in words) > sum(word in english for word in words)
    return "pt" if more else "en"
