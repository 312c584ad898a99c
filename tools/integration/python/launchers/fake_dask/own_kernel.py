"""A kernel that is not ipykernel's own."""

from ipykernel.ipkernel import IPythonKernel


class OwnKernel(IPythonKernel):
    banner = "A kernel that is not of the launcher"
