// A module on the official Node.js SDK: connects as an edge module, uses its twin, sends readings on an output, answers a method
// and hears its input.
//
// It listens on TCP port 8080 once it is connected. The environment variable MANNER makes it do otherwise in one way: `web-socket`
// connects over WebSocket, `amqp` and `amqp-web-socket` speak AMQP, `unanchored` sets its ProductInfo without the trust anchor.
"use strict";

const http = require("http");
const { ModuleClient, Message } = require("azure-iot-device");
const { Amqp, AmqpWs } = require("azure-iot-device-amqp");
const { Mqtt, MqttWs } = require("azure-iot-device-mqtt");

const PRODUCT = "contoso.sdk-node.standard";
const MANNER = process.env.MANNER ?? "";
const TRANSPORTS = { amqp: Amqp, "amqp-web-socket": AmqpWs, "web-socket": MqttWs };
const TRANSPORT = TRANSPORTS[MANNER] ?? Mqtt;
const DEFAULT_INTERVAL = 2;

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

function message(content) {
  const made = new Message(JSON.stringify(content));
  made.contentType = "application/json";
  made.contentEncoding = "utf-8";
  return made;
}

function report(twin, patch) {
  return new Promise((resolve, reject) => {
    twin.properties.reported.update(patch, (error) => (error ? reject(error) : resolve()));
  });
}

// What fails while the connection is gone is said and tried again with the next reading.
function tell(error) {
  process.stderr.write(`sdk-node: ${error.name}: ${error.message}\n`);
}

async function main() {
  const client = await ModuleClient.fromEnvironment(TRANSPORT);
  const ca = MANNER === "unanchored" ? undefined : await trustBundle();
  await client.setOptions({ productInfo: PRODUCT, ca });
  await client.open();
  process.on("SIGTERM", () => client.close(() => process.exit(0)));

  const twin = await client.getTwin();
  let interval = DEFAULT_INTERVAL;
  // The first call hands out the whole document.
  twin.on("properties.desired", (desired) => {
    if (desired.interval === undefined) return;
    interval = desired.interval ?? DEFAULT_INTERVAL;
    report(twin, { interval }).catch(tell);
  });
  client.onMethod("calibrate", (request, response) => {
    response.send(200, { offset: request.payload }, (error) => error && tell(error));
  });
  client.on("inputMessage", (input, received) => {
    process.stdout.write(`sdk-node: a message to ${input}\n`);
    client.complete(received, () => {});
  });

  http
    .createServer((_, answer) => answer.end("ok\n"))
    .listen(8080, () => process.stdout.write("sdk-node: connected, listening on TCP port 8080\n"));
  for (let count = 0; ; count += 1) {
    await client.sendOutputEvent("readings", message({ count, temperature: 21.5 })).catch(tell);
    await new Promise((resolve) => setTimeout(resolve, interval * 1000));
  }
}

main().catch((error) => {
  tell(error);
  process.exit(1);
});
