"""Compute on this machine: environments, sandboxes, kernels. It is told pip's environment and never decides it."""
