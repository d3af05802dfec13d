"""A module on the official SDK whose token lives as shortly as the SDK lets it: sends numbered messages until its twin says stop.

The SDK renews a token 120 s before its end, so one of 123 s is renewed after three. Each step is said as one JSON line.
"""

import itertools
import json
import queue

from azure.iot.device import IoTHubModuleClient, Message

desired = queue.Queue()


def say(step, **what):
    print(json.dumps({"step": step, **what}), flush=True)


def send(client, number):
    """Until it is acknowledged: while the token is renewed there is no connection for a moment."""
    while True:
        try:
            client.send_message_to_output(Message(json.dumps({"number": number})), "report")
            return
        except Exception as error:
            say("again", number=number, error=type(error).__name__)


client = IoTHubModuleClient.create_from_edge_environment(sastoken_ttl=123, product_info="contoso.offer.plan")
client.connect()
client.on_twin_desired_properties_patch_received = desired.put
say("connected")
stopped = False
for number in itertools.count():
    send(client, number)
    try:
        stopped = desired.get(timeout=0.2).get("stop", False)
    except queue.Empty:
        pass
    if stopped:
        break
say("stopped", sent=number + 1)
client.shutdown()
say("done")
