"""Runs the installers of the Python package gateway_provisioners, and prints what each of them left.

Reads a JSON list of {"program", "args", "env", "prefix"} from standard input; writes a list of {"exit_code", "output",
"specs"} to standard output, where specs maps a kernelspec's folder name to {"kernel_json", "files"}.
"""

import importlib
import json
import os
import sys
import tempfile

# Imported once, before each case gets a process of its own: this is most of the time that an installer takes.
import jupyter_client.kernelspec  # noqa: F401
import jupyter_core.application  # noqa: F401

APPS = {
    "docker": ("docker_specapp", "DockerProvisionerApp"),
    "k8s": ("k8s_specapp", "K8sProvisionerApp"),
    "yarn": ("yarn_specapp", "YarnProvisionerApp"),
    "ssh": ("ssh_specapp", "SshProvisionerApp"),
}


def install(case):
    # Default values are read from the environment when the module is imported.
    os.environ.update(case["env"])
    module, app = APPS[case["program"]]
    sys.argv = ["jupyter-%s-spec" % case["program"], "install", "--prefix", case["prefix"], *case["args"]]
    getattr(importlib.import_module("gateway_provisioners.cli." + module), app).launch_instance()


def run(case):
    with tempfile.TemporaryFile() as output:
        child = os.fork()
        if child == 0:
            code = 70
            try:
                os.dup2(output.fileno(), 1)
                os.dup2(output.fileno(), 2)
                install(case)
                code = 0
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
            except BaseException:
                import traceback

                traceback.print_exc()
                code = 1
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        _, status = os.waitpid(child, 0)
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    return {"exit_code": os.waitstatus_to_exitcode(status), "output": text, "specs": specs(case["prefix"])}


def specs(prefix):
    kernels = os.path.join(prefix, "share", "jupyter", "kernels")
    found = {}
    for name in sorted(os.listdir(kernels)) if os.path.isdir(kernels) else []:
        folder = os.path.join(kernels, name)
        with open(os.path.join(folder, "kernel.json"), encoding="utf-8") as file:
            kernel_json = json.load(file)
        files = [
            os.path.relpath(os.path.join(at, each), folder) for at, _, names in os.walk(folder) for each in names
        ]
        found[name] = {"kernel_json": kernel_json, "files": sorted(files)}
    return found


print(json.dumps([run(case) for case in json.load(sys.stdin)]))
