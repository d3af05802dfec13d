"""A module on the official Python SDK: connects as an edge module, uses its twin, sends readings on an output.

It listens on TCP port 8080 once it is connected, takes changes of its interval, answers the method `calibrate` and others with
404, and looks at what comes to its inputs. Fixtures that are otherwise or wrong in one way run it with one word, on the command
line or in the environment variable MANNER: `anonymous` sets no ProductInfo, `deaf` never looks at its twin, `unrouted` sends on
an output that no default route takes, `web-socket` connects over WebSocket, `other-product` says that it is of another offer,
`slashes` joins its ids by slashes, `qos-two` sends one message with QoS 2, which edgeHub takes from nobody, `old-tls`
offers nothing newer than TLS 1.1, `strict` cannot bear a desired property that it does not know, `once` connects once and never
again.
"""

import json
import os
import queue
import signal
import socket
import ssl
import sys
import threading

from azure.iot.device import IoTHubModuleClient, Message, MethodResponse

HOW = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("MANNER", "")
# Some of these are sold as an offer of their own.
PRODUCT = {
    "anonymous": "",
    "deaf": "contoso.sdk-deaf.standard",
    "unrouted": "contoso.sdk-unrouted.standard",
    "other-product": "fabrikam.readings.standard",
    "slashes": "contoso/sdk-python/standard",
    "strict": "contoso.sdk-strict.standard",
    "once": "contoso.sdk-once.standard",
}.get(HOW, "contoso.sdk-python.standard")
OUTPUT = "elsewhere" if HOW == "unrouted" else "readings"
DEFAULT_INTERVAL = 2.0
# How long a goodbye may take, in seconds; who cannot say it by then goes without.
GOODBYE = 3
# Seconds until the hub is tried again.
RETRY = 1

changes = queue.Queue()
ended = threading.Event()


def end(*_):
    ended.set()
    signal.alarm(GOODBYE)


signal.signal(signal.SIGTERM, end)
signal.signal(signal.SIGALRM, lambda *_: os._exit(0))


def options():
    chosen = {"connection_retry_interval": RETRY, "websockets": HOW == "web-socket"}
    if HOW == "once":
        chosen.update(connection_retry=False, auto_connect=False)
    if HOW == "old-tls":
        # The SDK asks for TLS 1.2 by this name, and OpenSSL holds nothing older for safe at a level above 0.
        ssl.PROTOCOL_TLSv1_2 = ssl.PROTOCOL_TLSv1_1
        chosen["cipher"] = "DEFAULT:@SECLEVEL=0"
    if PRODUCT:
        chosen["product_info"] = PRODUCT
    return chosen


def attempt(what, call, *arguments):
    """Does something with the hub. What cannot be done now is left: the SDK raises many kinds for a hub that is away or busy."""
    try:
        call(*arguments)
    except Exception as error:
        print("sdk-python:", what, "not done:", error, flush=True)


def interval(client, desired):
    """Seconds between two readings; what was taken is reported."""
    wanted = desired.get("interval", DEFAULT_INTERVAL)
    attempt("report", client.patch_twin_reported_properties, {"interval": wanted})
    return float(wanted)


def change(client, desired, pause):
    """The interval after a change of desired properties."""
    for name in desired:
        if HOW == "strict" and name not in ("interval", "$version"):
            raise KeyError(name)
    return interval(client, desired) if "interval" in desired else pause


def method(client, request):
    known = request.name == "calibrate"
    status, answer = (200, {"offset": request.payload}) if known else (404, {"error": "no such method"})
    attempt("answer", client.send_method_response, MethodResponse(request.request_id, status, answer))


def listen(client):
    """Everything that edgeHub may send. Handlers run in threads of the SDK; what changes the readings goes to the main one."""
    client.on_twin_desired_properties_patch_received = changes.put
    client.on_method_request_received = lambda request: method(client, request)
    client.on_message_received = lambda message: print("sdk-python: a message to", message.input_name, flush=True)


def send_qos_two(client):
    """No public call does: it goes through the client that the SDK is built on."""
    stage = client._mqtt_pipeline._pipeline
    while not hasattr(stage, "transport"):
        stage = stage.next
    topic = f"devices/{os.environ['IOTEDGE_DEVICEID']}/modules/{os.environ['IOTEDGE_MODULEID']}/messages/events/"
    stage.transport._mqtt_client.publish(topic, "exactly once", qos=2)


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
pause = DEFAULT_INTERVAL
if HOW != "deaf":
    pause = interval(client, client.get_twin()["desired"])
    listen(client)
threading.Thread(target=serve, daemon=True).start()
if HOW == "qos-two":
    send_qos_two(client)
count = 0
while not ended.is_set():
    attempt("message", client.send_message_to_output, reading(count), OUTPUT)
    count += 1
    while not changes.empty():
        pause = change(client, changes.get(), pause)
    ended.wait(pause)
client.shutdown()
