"""GP_FAKE_SPARK is a folder: the session starts when ``go`` is there (``fail`` in it: it does not start); what is called
is noted in ``calls``."""

import os
import pathlib
import time

FOLDER = pathlib.Path(os.environ["GP_FAKE_SPARK"])


def note(call):
    with open(FOLDER / "calls", "a", encoding="utf-8") as calls:
        calls.write(call + "\n")


class SparkContext:
    version = "fake"

    def cancelAllJobs(self):
        note("cancelAllJobs")


class SparkSession:
    def __init__(self):
        self.sparkContext = SparkContext()

    def sql(self, query):
        return "result of " + query

    def stop(self):
        note("stop")

    class builder:
        @staticmethod
        def getOrCreate():
            note("getOrCreate")
            while not (FOLDER / "go").exists():
                time.sleep(0.02)
            if "fail" in (FOLDER / "go").read_text(encoding="utf-8"):
                raise ValueError("no cluster\nwith details")
            return SparkSession()
