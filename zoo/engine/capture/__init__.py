"""Passes captured once and replayed: a trace and a memory plan on a CPU, CUDA graphs on a GPU."""
