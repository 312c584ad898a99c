"""Runs a notebook with papermill on a local kernel, with parameters: what `gateway-provisioners run -p` is compared with.

usage: run_with_papermill.py IN.ipynb OUT.ipynb PARAMETERS.json
"""

import json
import sys

import papermill


def main(source, target, parameters):
    with open(parameters, encoding="utf-8") as file:
        papermill.execute_notebook(source, target, parameters=json.load(file), progress_bar=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
