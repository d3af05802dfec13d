// A module on the official Node SDK: says and does what module.py does, step by step.
//
// `module.js` with `mqtt`, `mqtt-web-socket`, `amqp` or `amqp-web-socket` takes its identity from the IOTEDGE_* variables.
"use strict";

const http = require("node:http");

const { Message, ModuleClient } = require("azure-iot-device");
const { Amqp, AmqpWs } = require("azure-iot-device-amqp");
const { Mqtt, MqttWs } = require("azure-iot-device-mqtt");

const TRANSPORTS = { amqp: Amqp, "amqp-web-socket": AmqpWs, mqtt: Mqtt, "mqtt-web-socket": MqttWs };

function say(step, what = {}) {
  process.stdout.write(JSON.stringify({ step, ...what }) + "\n");
}

// Things that come by callback, taken one by one.
class Mailbox {
  #kept = [];
  #waiting = [];
  put(thing) {
    const taker = this.#waiting.shift();
    if (taker) taker(thing);
    else this.#kept.push(thing);
  }
  take() {
    if (this.#kept.length > 0) return Promise.resolve(this.#kept.shift());
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

function message(text) {
  const made = new Message(JSON.stringify({ text }));
  made.contentType = "application/json";
  made.contentEncoding = "utf-8";
  made.messageId = "message-1";
  made.properties.add("run", "a b/c&d=e+f%");
  made.properties.add("über", "");
  return made;
}

function report(twin, patch) {
  return new Promise((resolve, reject) => {
    twin.properties.reported.update(patch, (error) => (error ? reject(error) : resolve()));
  });
}

// Setting any option makes the SDK forget the trust anchor that `fromEnvironment` had set, so both are set together.
function trustBundle() {
  const socketPath = new URL(process.env.IOTEDGE_WORKLOADURI).pathname;
  const path = `/trust-bundle?api-version=${process.env.IOTEDGE_APIVERSION}`;
  return new Promise((resolve, reject) => {
    http
      .get({ socketPath, path }, async (answer) => {
        let text = "";
        for await (const chunk of answer) text += chunk;
        resolve(JSON.parse(text).certificate);
      })
      .on("error", reject);
  });
}

// The desired properties as the hub sent them, without what the SDK keeps beside them.
function plain(twin) {
  const desired = { ...twin.properties.desired };
  const reported = { ...twin.properties.reported };
  delete reported.update;
  return { desired, reported };
}

async function main() {
  const client = await ModuleClient.fromEnvironment(TRANSPORTS[process.argv[2]]);
  await client.setOptions({ productInfo: "contoso.offer.plan", ca: await trustBundle() });
  await client.open();
  say("connected");
  const twin = await client.getTwin();
  say("twin", { twin: JSON.parse(JSON.stringify(plain(twin))) });
  await report(twin, { sdk: { name: "node", old: 1 } });
  await report(twin, { sdk: { old: null } });
  const refused = await report(twin, { "a.b": 1 }).then(
    () => "accepted",
    (error) => error.name,
  );
  say("reported", { refused });
  await client.sendOutputEvent("report", message("first"));
  say("sent");

  const desired = new Mailbox();
  const methods = new Mailbox();
  const inputs = new Mailbox();
  twin.on("properties.desired", (patch) => desired.put(JSON.parse(JSON.stringify(patch))));
  // The first call hands out the whole document.
  await desired.take();
  client.onMethod("startRun", (request, response) => {
    response.send(202, { echo: request.payload }, (error) => methods.put({ name: request.methodName, error }));
  });
  client.on("inputMessage", (input, received) => {
    inputs.put({ input, body: received.getData().toString() });
    client.complete(received, () => {});
  });
  // Subscriptions have no callback of their own here. Over MQTT this request goes out after theirs; over AMQP they have links of their own.
  await report(twin, { listening: true });
  say("listening");
  say("desired", { patch: await desired.take() });
  say("answered", { method: (await methods.take()).name });
  say("input", await inputs.take());

  say("waiting");
  // The SDK reconnects by itself; a message sent meanwhile waits for it.
  await new Promise((resolve) => setTimeout(resolve, 3000));
  await client.sendOutputEvent("report", message("second"));
  say("reconnected");
  say("desired", { patch: await desired.take() });
  await client.close();
  say("done");
}

main().catch((error) => {
  say("failed", { error: error.name, text: String(error.message) });
  process.exit(1);
});
