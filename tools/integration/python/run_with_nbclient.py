"""Runs a notebook with nbclient on a local kernel: what `gateway-provisioners run` is compared with.

usage: run_with_nbclient.py IN.ipynb OUT.ipynb [--allow-errors]
Writes the notebook also when a cell fails, and ends with 1 then.
"""

import sys

import nbclient
import nbclient.exceptions
import nbformat


def main(source, target, *options):
    notebook = nbformat.read(source, as_version=4)
    client = nbclient.NotebookClient(notebook, timeout=60, allow_errors="--allow-errors" in options)
    try:
        client.execute()
        return 0
    except nbclient.exceptions.CellExecutionError:
        return 1
    finally:
        nbformat.write(notebook, target)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
