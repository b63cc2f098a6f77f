from pathlib import Path

import pytest

from common.settings import ServiceSettings


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of secrets, as Compose and Kubernetes mount it."""
    monkeypatch.setenv("GEMBA_SECRETS_DIR", str(tmp_path))
    for name in ("GEMBA_NATS_URL", "GEMBA_SERVICE_SECRET"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "gemba_nats_url").write_text("nats://gemba:secret@nats:4222\n")
    (tmp_path / "gemba_service_secret").write_text("from the file\n")
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_secrets_are_read_from_files() -> None:
    settings = ServiceSettings()
    assert settings.nats_url.get_secret_value() == "nats://gemba:secret@nats:4222"
    assert settings.service_secret.get_secret_value() == "from the file"


@pytest.mark.usefixtures("folder")
def test_a_variable_wins_over_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMBA_SERVICE_SECRET", "from the variable")
    assert ServiceSettings().service_secret.get_secret_value() == "from the variable"


def test_a_folder_of_secrets_that_is_a_file_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GEMBA_SECRETS_DIR", str(tmp_path / "file"))
    with pytest.raises(Exception, match="directory"):
        ServiceSettings()
