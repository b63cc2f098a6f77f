"""Tables of the printers service, in its own schema."""

from common.db import metadata_for

metadata = metadata_for("printers")
