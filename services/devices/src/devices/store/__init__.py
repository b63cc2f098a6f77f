"""All SQL of the readings: partitions, group commit, rollups, ranges, export."""
