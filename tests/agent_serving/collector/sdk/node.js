// Sends events with the SDK for Node of Segment or RudderStack: PACKAGE HOST KEY COUNT. Prints the SDK's errors.
const [name, host, writeKey, count] = process.argv.slice(2);
const events = [...Array(Number(count)).keys()].map((number) => ({
  userId: "M000000001", anonymousId: "server-1", event: "상품 조회 🧺", properties: { product_id: number, note: "한글 ✓" },
}));
const person = { userId: "M000000001", traits: { email: "kim@shop.example" } };

async function segment() {
  const { Analytics } = require(name);
  const client = new Analytics({ writeKey, host, flushAt: 20, flushInterval: 500, maxRetries: 4 });
  client.on("error", (error) => console.log(error.code, error.reason?.status ?? error.reason?.message ?? ""));
  events.forEach((event) => client.track(event));
  client.identify(person);
  await client.closeAndFlush();
}

async function rudder() {
  const Analytics = require(name);
  const client = new Analytics(writeKey, { dataPlaneUrl: host, flushAt: 20, flushInterval: 500, retryCount: 4,
    errorHandler: (error) => console.log(error.response?.status ?? error.message) });
  events.forEach((event) => client.track(event));
  client.identify(person);
  await new Promise((resolve) => setTimeout(resolve, 700));
  await client.flush().catch((error) => console.log(error.response?.status ?? error.message));
}

(name.startsWith("@segment") ? segment : rudder)().then(() => setTimeout(() => process.exit(0), 100));
