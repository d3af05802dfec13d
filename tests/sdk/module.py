"""A module on the official SDK: does everything a module does with its hub and says each step as one JSON line.

`module.py edge` takes its identity from the IOTEDGE_* variables, as `edge-web-socket` does; `module.py string` from
CONNECTION_STRING and the file SERVER_CERT; `module.py x509` and `x509-web-socket` from HOST, DEVICE, MODULE and the files
CERTIFICATE and KEY. The test on the other side plays the cloud.
"""

import json
import os
import queue
import sys

from azure.iot.device import X509, IoTHubModuleClient, Message, MethodResponse

WAIT = 60
OPTIONS = {"connection_retry_interval": 1, "product_info": "contoso.offer.plan"}


def say(step, **what):
    print(json.dumps({"step": step, **what}), flush=True)


def make_client(how):
    if how.startswith("edge"):
        return IoTHubModuleClient.create_from_edge_environment(websockets=how == "edge-web-socket", **OPTIONS)
    with open(os.environ["SERVER_CERT"], encoding="ascii") as file:
        anchor = file.read()
    if how.startswith("x509"):
        return IoTHubModuleClient.create_from_x509_certificate(
            X509(os.environ["CERTIFICATE"], os.environ["KEY"]),
            os.environ["HOST"],
            os.environ["DEVICE"],
            os.environ["MODULE"],
            server_verification_cert=anchor,
            websockets=how == "x509-web-socket",
            **OPTIONS,
        )
    return IoTHubModuleClient.create_from_connection_string(
        os.environ["CONNECTION_STRING"], server_verification_cert=anchor, **OPTIONS
    )


def message(text):
    made = Message(json.dumps({"text": text}))
    made.content_type = "application/json"
    made.content_encoding = "utf-8"
    made.message_id = "message-1"
    made.custom_properties["run"] = "a b/c&d=e+f%"
    made.custom_properties["über"] = ""
    return made


def refused_patch(client):
    try:
        client.patch_twin_reported_properties({"a.b": 1})
    except Exception as error:
        return type(error).__name__
    return "accepted"


def talk(client, has_inputs):
    desired, methods, states, inputs = queue.Queue(), queue.Queue(), queue.Queue(), queue.Queue()
    client.connect()
    say("connected")
    say("twin", twin=client.get_twin())
    client.patch_twin_reported_properties({"sdk": {"name": "python", "old": 1}})
    client.patch_twin_reported_properties({"sdk": {"old": None}})
    say("reported", refused=refused_patch(client))
    client.send_message_to_output(message("first"), "report")
    say("sent")

    client.on_twin_desired_properties_patch_received = desired.put
    client.on_method_request_received = methods.put
    if has_inputs:
        client.on_message_received = inputs.put
    say("listening")
    say("desired", patch=desired.get(timeout=WAIT))
    request = methods.get(timeout=WAIT)
    answer = {"echo": request.payload}
    client.send_method_response(MethodResponse.create_from_method_request(request, 202, answer))
    say("answered", method=request.name)
    if has_inputs:
        received = inputs.get(timeout=WAIT)
        say("input", input=received.input_name, body=received.data.decode())

    client.on_connection_state_change = lambda: states.put(client.connected)
    say("waiting")
    seen = [states.get(timeout=WAIT)]
    while not seen[-1]:
        seen.append(states.get(timeout=WAIT))
    say("reconnected", states=seen)
    client.send_message_to_output(message("second"), "report")
    say("desired", patch=desired.get(timeout=WAIT))


def main():
    client = make_client(sys.argv[1])
    try:
        talk(client, sys.argv[1].startswith("edge"))
    except Exception as error:
        say("failed", error=type(error).__name__, text=str(error))
    client.shutdown()
    say("done")


main()
