"""Tables of the cluster service, in its own schema."""

from common.db import metadata_for

metadata = metadata_for("cluster")
