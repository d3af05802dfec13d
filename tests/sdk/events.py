"""A reader of IoT Hub's messages on the official SDK of Event Hubs: says each step as one JSON line. The test on the other side is
the hub.
"""

import json
import os
import queue
import threading
from datetime import datetime, timezone

from azure.eventhub import EventHubConsumerClient
from azure.eventhub.exceptions import EventHubError

WAIT = 30
GROUP = "$Default"


def say(step, **what):
    print(json.dumps({"step": step, **what}), flush=True)


def text(value):
    return value.decode() if isinstance(value, bytes) else value


def told(context, event):
    annotations = {text(name): text(value) for name, value in event.raw_amqp_message.annotations.items()}
    return {
        "partition": context.partition_id,
        "sequence": event.sequence_number,
        "offset": event.offset,
        "enqueued": event.enqueued_time.timestamp(),
        "key": text(event.partition_key),
        "body": event.body_as_str()[:100],
        "length": sum(len(part) for part in event.body),
        "properties": {text(name): text(value) for name, value in event.properties.items()},
        "type": event.content_type,
        "device": annotations.get("iothub-connection-device-id"),
        "module": annotations.get("iothub-connection-module-id"),
        "source": annotations.get("iothub-message-source"),
    }


def client(string):
    return EventHubConsumerClient.from_connection_string(
        string, consumer_group=GROUP, connection_verify=os.environ["ANCHOR"], retry_total=0
    )


def read(count, **where):
    """The first messages from a place on, in the order in which they came."""
    reader, seen = client(os.environ["SERVICE"]), queue.Queue()
    run = threading.Thread(
        target=reader.receive,
        kwargs={"on_event": lambda context, event: seen.put(told(context, event)), **where},
        daemon=True,
    )
    run.start()
    found = [seen.get(timeout=WAIT) for _ in range(count)]
    reader.close()
    run.join(timeout=WAIT)
    assert seen.empty(), "more messages came than were asked for"
    return found


def refused(string):
    try:
        with client(string) as reader:
            reader.get_eventhub_properties()
    except EventHubError as error:
        return type(error).__name__
    return "accepted"


def main():
    with client(os.environ["SERVICE"]) as reader:
        hub = reader.get_eventhub_properties()
        partitions = [reader.get_partition_properties(id) for id in hub["partition_ids"]]
    say("hub", name=hub["eventhub_name"], partitions=hub["partition_ids"], empty=[one["is_empty"] for one in partitions])

    input()
    every = read(3, starting_position="-1")
    say("every", messages=every)
    middle = every[1]
    place = {"partition_id": middle["partition"]}
    say("inclusive", messages=read(2, starting_position=middle["offset"], starting_position_inclusive=True, **place))
    say("after", messages=read(1, starting_position=middle["sequence"], **place))
    since = datetime.fromtimestamp(0, timezone.utc)
    say("since", messages=read(3, starting_position=since, **place))
    with client(os.environ["SERVICE"]) as reader:
        partition = reader.get_partition_properties(middle["partition"])
    say("partition", last=partition["last_enqueued_sequence_number"], offset=partition["last_enqueued_offset"])

    # What comes while it listens reaches it too.
    reader, seen = client(os.environ["SERVICE"]), queue.Queue()
    run = threading.Thread(
        target=reader.receive,
        kwargs={
            "on_event": lambda context, event: seen.put(told(context, event)),
            "on_partition_initialize": lambda context: say("listens"),
            "starting_position": every[2]["sequence"],
            **place,
        },
        daemon=True,
    )
    run.start()
    say("live", message=seen.get(timeout=WAIT))
    reader.close()
    run.join(timeout=WAIT)

    key = "SharedAccessKey="
    head, tail = os.environ["SERVICE"].split(key)
    say("wrong", refused=refused(head + key + "A" + tail[1:] if tail[0] != "A" else head + key + "B" + tail[1:]))
    say("device", refused=refused(os.environ["DEVICE"]))


if __name__ == "__main__":
    main()
