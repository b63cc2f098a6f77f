"""Tables of the tracking service, in its own schema."""

from common.db import metadata_for

metadata = metadata_for("tracking")
