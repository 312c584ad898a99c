"""Gateway Provisioners' own response manager: prints its address and key, waits for one kernel, prints what it got.

Argument: the kernel's id.
"""

import asyncio
import json
import sys

from gateway_provisioners.response_manager import ResponseManager


async def main(kernel_id):
    manager = ResponseManager.instance()
    manager.register_event(kernel_id)
    print(json.dumps({"address": manager.response_address, "key": manager.public_key}), flush=True)
    while True:
        try:
            info = await manager.get_connection_info(kernel_id)
            break
        except asyncio.TimeoutError:
            continue
    info["key"] = info["key"].decode()
    print(json.dumps(info), flush=True)
    manager.stop_response_manager()


asyncio.run(main(sys.argv[1]))
