// A module on the official Node SDK whose token is renewed every three seconds: sends numbered messages until its twin says stop.
//
// Each step is said as one JSON line.
"use strict";

const http = require("node:http");

const { Message, ModuleClient } = require("azure-iot-device");
const { Mqtt } = require("azure-iot-device-mqtt");

const RENEWAL = { tokenValidTimeInSeconds: 123, tokenRenewalMarginInSeconds: 120 };

function say(step, what = {}) {
  process.stdout.write(JSON.stringify({ step, ...what }) + "\n");
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

async function main() {
  const client = await ModuleClient.fromEnvironment(Mqtt);
  await client.setOptions({ productInfo: "contoso.offer.plan", ca: await trustBundle(), tokenRenewal: RENEWAL });
  await client.open();
  let stopped = false;
  const twin = await client.getTwin();
  twin.on("properties.desired", (patch) => {
    stopped = stopped || Boolean(patch.stop);
  });
  say("connected");
  let number = 0;
  for (; !stopped; number += 1) {
    // Until it is acknowledged: while the token is renewed there is no connection for a moment.
    for (;;) {
      const message = new Message(JSON.stringify({ number }));
      const error = await client.sendOutputEvent("report", message).then(() => null, (reason) => reason);
      if (!error) break;
      say("again", { number, error: error.name });
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  say("stopped", { sent: number });
  await client.close();
  say("done");
}

main().catch((error) => {
  say("failed", { error: error.name, text: String(error.message) });
  process.exit(1);
});
