"""The revision that a service waits for is the one that Alembic would bring."""

import pytest
from alembic.script import ScriptDirectory

from common.migrate import alembic_config
from common.revisions import head_of


@pytest.mark.parametrize(
    "package", ["gateway", "orchestrator", "tracking", "printers", "devices", "cluster"]
)
def test_head_is_what_alembic_says(package: str) -> None:
    script = ScriptDirectory.from_config(alembic_config(package))
    assert head_of(package) == script.get_current_head()


@pytest.mark.parametrize("package", ["common", "nobody"])
def test_what_has_no_migrations_has_no_head(package: str) -> None:
    assert head_of(package) == ""
