"""A module on the official SDK that asks for its twin again and again, and says what it got or why not, as JSON lines."""

import json
import time

from azure.iot.device import IoTHubModuleClient

PAUSE = 0.2


def say(step, **what):
    print(json.dumps({"step": step, **what}), flush=True)


def main():
    client = IoTHubModuleClient.create_from_edge_environment(connection_retry_interval=1)
    client.connect()
    say("connected")
    while True:
        begun = time.monotonic()
        try:
            client.get_twin()
            say("twin", seconds=time.monotonic() - begun)
        except Exception as error:
            say("failed", error=type(error).__name__, text=str(error))
        time.sleep(PAUSE)


main()
