"""A module on the official Python SDK: connects as an edge module, uses its twin, sends readings on an output.

It listens on TCP port 8080 once it is connected. Fixtures that are wrong in one way run it with one word:
`anonymous` sets no ProductInfo, `deaf` never looks at its twin, `unrouted` sends on an output that no default route takes,
`web-socket` connects over WebSocket.
"""

import json
import signal
import socket
import sys
import threading

from azure.iot.device import IoTHubModuleClient, Message

HOW = sys.argv[1] if len(sys.argv) > 1 else ""
# Each of these is sold as an offer of its own.
PRODUCT = {
    "anonymous": "",
    "deaf": "contoso.sdk-deaf.standard",
    "unrouted": "contoso.sdk-unrouted.standard",
}.get(HOW, "contoso.sdk-python.standard")
OUTPUT = "elsewhere" if HOW == "unrouted" else "readings"
DEFAULT_INTERVAL = 2.0

ended = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: ended.set())


def options():
    chosen = {"connection_retry_interval": 1, "websockets": HOW == "web-socket"}
    if PRODUCT:
        chosen["product_info"] = PRODUCT
    return chosen


def interval(client):
    """Seconds between two readings, from the twin; what was taken is reported."""
    if HOW == "deaf":
        return DEFAULT_INTERVAL
    wanted = client.get_twin()["desired"].get("interval", DEFAULT_INTERVAL)
    client.patch_twin_reported_properties({"interval": wanted})
    return float(wanted)


def reading(count):
    message = Message(json.dumps({"count": count, "temperature": 21.5}))
    message.content_type = "application/json"
    message.content_encoding = "utf-8"
    return message


def serve():
    listener = socket.create_server(("0.0.0.0", 8080))
    print("sdk-python: connected, listening on TCP port 8080", flush=True)
    while True:
        caller, _ = listener.accept()
        with caller:
            caller.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n")


client = IoTHubModuleClient.create_from_edge_environment(**options())
client.connect()
pause = interval(client)
threading.Thread(target=serve, daemon=True).start()
count = 0
while not ended.is_set():
    client.send_message_to_output(reading(count), OUTPUT)
    count += 1
    ended.wait(pause)
client.shutdown()
