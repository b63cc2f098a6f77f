import threading

import pytest

from vision_node import tools as tool_package
from vision_node.inference.sessions import Models
from vision_node.pipeline.catalogue import Tools, discover
from vision_node.pipeline.runner import Stop


@pytest.fixture(scope="session")
def tools() -> Tools:
    return discover(tool_package)


@pytest.fixture(scope="session")
def models() -> Models:
    return Models()


@pytest.fixture
def never_stop() -> Stop:
    return Stop(threading.Event())
