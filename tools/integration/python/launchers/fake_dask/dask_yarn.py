"""Enough of dask_yarn to see what a launcher does with it: a cluster that knows the environment it was made in."""

import os


class YarnCluster:
    def __init__(self, application):
        self.application = application

    @classmethod
    def from_current(cls):
        return cls(os.environ["GP_FAKE_DASK"])
