"""The cloud's side on the official service SDK, and a module on the device SDK: does what a lab does with IoT Hub and says each
step as one JSON line. The test on the other side is the hub.
"""

import json
import os
import queue

from azure.iot.device import IoTHubModuleClient, MethodResponse
from azure.iot.hub import IoTHubConfigurationManager, IoTHubRegistryManager
from azure.iot.hub.models import (
    CloudToDeviceMethod,
    Configuration,
    ConfigurationContent,
    QuerySpecification,
    Twin,
    TwinProperties,
)
from msrest.exceptions import HttpOperationError

WAIT = 30
EDGE = {"modulesContent": {"$edgeAgent": {"properties.desired": {"schemaVersion": "1.1"}}}}


def say(step, **what):
    print(json.dumps({"step": step, **what}), flush=True)


def refused(call, *arguments):
    try:
        call(*arguments)
    except HttpOperationError as error:
        return error.response.reason
    return "accepted"


def connect(key):
    with open(os.environ["REQUESTS_CA_BUNDLE"], encoding="ascii") as file:
        anchor = file.read()
    string = "HostName={};GatewayHostName={};DeviceId=device-1;ModuleId=probe;SharedAccessKey={}"
    string = string.format(os.environ["HUB"], os.environ["GATEWAY"], key)
    return IoTHubModuleClient.create_from_connection_string(string, server_verification_cert=anchor)


def module(key):
    client, patches = connect(key), queue.Queue()

    def answer(request):
        payload = {"echo": request.payload}
        client.send_method_response(MethodResponse.create_from_method_request(request, 202, payload))

    client.connect()
    client.patch_twin_reported_properties({"conformance": {"state": "done"}})
    client.on_twin_desired_properties_patch_received = patches.put
    client.on_method_request_received = answer
    return client, patches


def pages(registry, query):
    token, found = None, []
    while True:
        result = registry.query_iot_hub(QuerySpecification(query=query), token, 1)
        found.append([twin.device_id for twin in result.items])
        token = result.continuation_token
        if not token:
            return found


def x509(registry):
    """Identities with certificates, as they are made and as the hub tells them afterwards."""
    first, second = "a" * 40, "B" * 64
    module = registry.create_module_with_x509("device-1", "shown", "lab", first, second)
    device = registry.create_device_with_x509("device-4", first, second, "enabled", False)
    signed = registry.create_device_with_certificate_authority("device-5", "enabled", False)
    told = [module, device, signed, registry.get_module("device-1", "shown")]
    kinds = [identity.authentication.type for identity in told]
    prints = told[-1].authentication.x509_thumbprint
    wrong = refused(registry.create_module_with_x509, "device-1", "wrong", "lab", "a:b", None)
    registry.delete_module("device-1", "shown")
    for made in ["device-4", "device-5"]:
        registry.delete_device(made)
    return {"kinds": kinds, "prints": [prints.primary_thumbprint, prints.secondary_thumbprint], "refused": wrong}


def main():
    registry = IoTHubRegistryManager.from_connection_string(os.environ["OWNER"])
    made = registry.create_device_with_sas("device-1", None, None, "enabled", True)
    for other in ["device-2", "device-3"]:
        registry.create_device_with_sas(other, None, None, "enabled", False)
    probe = registry.create_module_with_sas("device-1", "probe", "lab", None, None)
    key = probe.authentication.symmetric_key.primary_key
    modules = sorted(module.module_id for module in registry.get_modules(made.device_id))
    say("identities", modules=modules, key=key)
    say("twice", refused=refused(registry.create_module_with_sas, "device-1", "probe", "lab", None, None))
    client, patches = module(key)
    say("connected")

    before = registry.get_module_twin("device-1", "probe")
    change = Twin(properties=TwinProperties(desired={"interval": 5}), tags={"site": "a"})
    after = registry.update_module_twin("device-1", "probe", change, before.etag)
    stale = refused(registry.update_module_twin, "device-1", "probe", change, before.etag)
    say("twin", refused=stale, heard=patches.get(timeout=WAIT), tags=after.tags, state=after.connection_state)

    # The SDK tells nobody when its subscription stands, so the hub is asked to wait for it.
    call = CloudToDeviceMethod(method_name="start", payload={"n": [1, 2]}, connect_timeout_in_seconds=WAIT)
    result = registry.invoke_device_module_method("device-1", "probe", call)
    call = CloudToDeviceMethod(method_name="start")
    offline = refused(registry.invoke_device_method, "device-2", call)
    say("method", status=result.status, payload=result.payload, offline=offline)

    where = "properties.reported.conformance.state = 'done'"
    query = QuerySpecification(query=f"SELECT * FROM devices.modules WHERE {where}")
    reported = [f"{twin.device_id}/{twin.module_id}" for twin in registry.query_iot_hub(query).items]
    wrong = QuerySpecification(query="SELECT deviceId FROM devices")
    every = pages(registry, "SELECT * FROM devices WHERE STARTSWITH(deviceId, 'device-')")
    say("query", pages=every, reported=reported, refused=refused(registry.query_iot_hub, wrong))

    configurations = IoTHubConfigurationManager.from_connection_string(os.environ["OWNER"])
    content = {"modulesContent": dict(EDGE["modulesContent"], probe={"properties.desired": {"mode": "deployed"}})}
    wanted = Configuration(
        id="probe",
        schema_version="2.0",
        content=ConfigurationContent(modules_content=content["modulesContent"]),
        target_condition="deviceId = 'device-1'",
        priority=10,
    )
    created = configurations.create_configuration(wanted)
    seen = configurations.get_configuration("probe")
    wanted.priority = 11
    configurations.update_configuration(wanted, created.etag)
    stale = refused(configurations.delete_configuration, "probe", created.etag)
    applied = seen.system_metrics.results["appliedCount"]
    say("configuration", applied=applied, heard=patches.get(timeout=WAIT), refused=stale)
    configurations.delete_configuration("probe")

    content = ConfigurationContent(modules_content={"probe": {"properties.desired.limits": {"memory": 64}}})
    configurations.apply_configuration_on_edge_device("device-1", content)
    say("content", heard=patches.get(timeout=WAIT))

    service = IoTHubRegistryManager.from_connection_string(os.environ["SERVICE"])
    say("forbidden", refused=refused(service.delete_device, "device-1"))
    client.shutdown()
    say("x509", **x509(registry))
    registry.delete_module("device-1", "probe")
    say("done")


if __name__ == "__main__":
    main()
