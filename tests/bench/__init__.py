"""The arithmetic of the benchmarks, of `make chaos` and of `make soak`."""
