"""Has an image pulled by a message, and waits for the outcome. Usage: python3 pull.py REFERENCE"""

import asyncio
import json
import os
import sys
import uuid

import nats


async def main(reference: str) -> int:
    request = str(uuid.uuid4())
    bus = await nats.connect(os.environ.get("NATS_URL", "nats://127.0.0.1:4222"))
    ended: asyncio.Future = asyncio.get_running_loop().create_future()

    async def hear(message) -> None:
        fact = json.loads(message.data)
        if fact["data"].get("request") == request and not ended.done():
            ended.set_result(fact)

    # Listen before asking: the outcome is said once.
    await bus.subscribe("entrepot.outcome.anonymous.*", cb=hear)
    await bus.flush()
    event = {
        "specversion": "1.0",
        "id": request,
        "source": "examples/python",
        "type": "dev.entrepot.request.pull.v1",
        "data": {"reference": reference},
    }
    await bus.publish("entrepot.request.pull", json.dumps(event).encode())
    fact = await asyncio.wait_for(ended, timeout=600)
    await bus.close()
    if fact["type"] == "dev.entrepot.fact.operation.completed.v1":
        outcome = fact["data"]["outcome"]
        print(f"{outcome['repository']}@{outcome['digest']}")
        return 0
    print(fact["data"].get("error", {}).get("message", "it was called off"), file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "alpine:3")))
