"""The graph engine: from a pipeline_config to a compiled graph to measurements."""
