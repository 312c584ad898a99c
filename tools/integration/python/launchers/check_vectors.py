"""Runs the launcher protocol's vectors against the launcher's modules: check_vectors.py SCRIPTS VECTORS libraries|pure

With ``libraries`` PyNaCl and pycryptodome must be there; with ``pure`` they are kept from being imported. Prints one line
per group of vectors with the number that passed.
"""

import collections
import json
import os
import pathlib
import sys
import tempfile

scripts, vectors, mode = sys.argv[1:4]
sys.path.insert(0, scripts)
if mode == "pure":
    for name in ("nacl", "Crypto", "Cryptodome"):
        sys.modules[name] = None

import gateway_crypto as crypto  # noqa: E402
import gateway_protocol as protocol  # noqa: E402
import server_listener  # noqa: E402

passed = collections.Counter()


def load(name):
    return json.loads((pathlib.Path(vectors) / name).read_text(encoding="utf-8"))


def check(group, name, condition):
    assert condition, "%s: %s" % (group, name)
    passed[group] += 1


def refuses(call, *errors):
    try:
        call()
    except errors:
        return True
    return False


def check_box():
    nacl, b64 = crypto.nacl(), crypto.decode_base64
    box = load("box.json")
    published = {key: b64(value) for key, value in box["published"].items() if key != "name"}
    check("box", "x25519", crypto._x25519(published["secret_key"], published["public_key"]) == published["x25519"])
    check("box", "shared", nacl.shared(published["public_key"], published["secret_key"]) == published["shared_key"])
    sealed = nacl.seal(published["shared_key"], published["nonce"], published["plaintext"])
    check("box", "tag", sealed[:16] == published["tag"])
    one, other = box["sender"], box["recipient"]
    for mine, theirs in ((one, other), (other, one)):
        check("box", "public key", nacl.public_key(b64(mine["secret_key"])) == b64(mine["public_key"]))
        shared = nacl.shared(b64(theirs["public_key"]), b64(mine["secret_key"]))
        check("box", "shared key", shared == b64(box["shared_key"]))
    key = b64(box["shared_key"])
    for vector in box["boxes"]:
        nonce, plaintext, sealed = (b64(vector[part]) for part in ("nonce", "plaintext", "box"))
        check("box", vector["name"], nacl.seal(key, nonce, plaintext) == sealed)
        check("box", vector["name"], nacl.unseal(key, nonce, sealed) == plaintext)
    for vector in box["refused"]:
        open_it = lambda v=vector: nacl.unseal(key, b64(v["nonce"]), b64(v["box"]))  # noqa: E731
        check("box", vector["name"], refuses(open_it, crypto.BadCiphertext))
    for number in (0, 1, 2**255 - 20, 2**255 - 19, 2**255 - 18):
        point = number.to_bytes(32, "little")
        check("box", "small order", refuses(lambda p=point: nacl.shared(p, b64(one["secret_key"])), ValueError))


def check_version1():
    version1 = load("version1.json")
    for vector in version1["accepted"]:
        if "info_json" not in vector:
            continue
        cipher = crypto.aes_encrypt(crypto.decode_base64(vector["aes_key"]), vector["info_json"].encode())
        check("version1", vector["name"], crypto.encode_base64(cipher) == vector["conn_info"])
    # A payload for each key, for the caller to decrypt; and the same encryption undone with the private exponent here.
    for key in version1["keys"]:
        payload = json.loads(crypto.decode_base64(protocol.version1_payload({"pid": 1}, key["public_key"]).decode()))
        check("version1", "payload", list(payload) == ["version", "key", "conn_info"] and payload["version"] == 1)
        check("version1", "key", len(crypto.decode_base64(payload["key"])) * 8 == key["bits"])
    for bad in ("", "AAAA", "MIIBIjAN", version1["keys"][0]["public_key"][:-8], "!"):
        make = lambda b=bad: protocol.version1_payload({}, b)  # noqa: E731
        check("version1", "bad key", refuses(make, protocol.LaunchError))


def check_version2():
    version2 = load("version2.json")
    kernel_id, answer, comm = version2["kernel_id"], version2["answer"], version2["comm"]
    shared = crypto.decode_base64(answer["shared_key"])
    check_launcher_v2(kernel_id, answer)
    for vector in answer["accepted"]:
        line = json.loads(vector["line"])
        sealed = crypto.nacl().seal(shared, crypto.decode_base64(line["nonce"]), vector["plaintext"].encode())
        check("answer", vector["name"], crypto.encode_base64(sealed) == line["box"])
    for vector in answer["replies"]:
        given = protocol.Version2Answer(b"", shared)
        try:
            taken = protocol.is_taken(vector["line"].encode(), given, kernel_id, sent_before=False)
        except protocol.LaunchError:
            taken = False
        check("replies", vector["name"], taken is vector["ok"])
    key = crypto.decode_base64(comm["comm_key"])

    def opened(vector):
        return protocol.open_request(key, vector["line"].encode(), kernel_id, comm["challenge"], 1)

    for vector in comm["requests"]:
        check("comm", vector["name"], opened(vector) == json.loads(vector["plaintext"]))
        check("comm", vector["name"], supervisor(kernel_id).reply_to(opened(vector))["ok"] is True)
    for vector in comm["refused_requests"]:
        check("comm", vector["name"], opened(vector) is None)
    for vector in comm["bad_requests"]:
        check("comm", vector["name"], supervisor(kernel_id).reply_to(opened(vector))["error"] == vector["error"])
    for vector in comm["replies"]:
        content = json.loads(vector["plaintext"])
        check("comm", vector["name"], protocol.open_line(key, protocol.seal_line(key, content)) == content)


def check_launcher_v2(kernel_id, answer):
    given = json.loads(answer["launcher_v2_json"])
    with tempfile.NamedTemporaryFile("w", suffix=".secret", delete=False) as file:
        file.write(answer["launcher_v2"] + "\n")
    for value in (answer["launcher_v2"], file.name):
        env = {"GP_LAUNCHER_V2": value, "OTHER": "1"}
        launcher_v2 = protocol.take_launcher_v2(env, kernel_id)
        check("launcher_v2", "token", launcher_v2.token == given["token"])
        check("launcher_v2", "key", crypto.encode_base64(launcher_v2.public_key) == given["public_key"])
        check("launcher_v2", "http", [launcher_v2.http_url, launcher_v2.http_token] == list(given["http"].values()))
        check("launcher_v2", "lease", launcher_v2.lease_seconds == given["lease_seconds"])
        check("launcher_v2", "taken away", env == {"OTHER": "1"})
    check("launcher_v2", "file removed", not os.path.exists(file.name))
    check("launcher_v2", "not given", protocol.take_launcher_v2({}, kernel_id) is None)
    changes = ({"version": 1}, {"version": True}, {"token": "AAAA"}, {"public_key": None}, {"lease_seconds": -1})
    for change in (*changes, {"lease_seconds": "1"}, {"kernel_id": "other"}, {"http": {"url": "file:///etc"}}):
        value = crypto.encode_base64(json.dumps({**given, **change}).encode())
        take = lambda v=value: protocol.take_launcher_v2({"GP_LAUNCHER_V2": v}, kernel_id)  # noqa: E731
        check("launcher_v2", "refused %s" % change, refuses(take, protocol.LaunchError))
    for value in ("/no/such/file", "!", "AAAA"):
        take = lambda v=value: protocol.take_launcher_v2({"GP_LAUNCHER_V2": v}, kernel_id)  # noqa: E731
        check("launcher_v2", "refused", refuses(take, protocol.LaunchError))


def supervisor(kernel_id):
    class Kernel:
        pid, exit = 4711, None

        class log:
            tail = staticmethod(lambda _: "")

        signal = staticmethod(lambda _: True)

    return server_listener.Supervisor(server_listener.Launch(kernel_id), None, Kernel)


check_box()
check_version1()
check_version2()
expected = ("pure", "pure") if mode == "pure" else ("PyNaCl", "Cryptodome")
assert (crypto.nacl().name, crypto.version1_cipher().name) == expected, "not the implementation that was to be checked"
for group, count in passed.items():
    print(group, count)
