// The wire between the SDK and the simulator, where DNS and TLS would be: what goes to
// graph.microsoft.com arrives at the simulator, with that name as its Host. The SDK itself runs
// unchanged; it would not hand its token to a plain http address.

import http from "node:http";

/** Replaces the global fetch. Requests to any other host fail. */
export function connect(simulator) {
  globalThis.fetch = async (input, init = {}) => {
    const request = new Request(input, init);
    const url = new URL(request.url);
    if (url.host !== "graph.microsoft.com") {
      throw new Error(`nobody but Graph is to be called, least of all ${url.host}`);
    }
    const body = Buffer.from(await request.arrayBuffer());
    const headers = Object.fromEntries(request.headers);
    headers.host = url.host;
    headers["x-forwarded-proto"] = "https";
    if (body.length > 0) headers["content-length"] = String(body.length);
    const target = new URL(url.pathname + url.search, simulator);
    return new Promise((resolve, reject) => {
      const outgoing = http.request(target, { method: request.method, headers }, (incoming) => {
        const chunks = [];
        incoming.on("data", (chunk) => chunks.push(chunk));
        incoming.on("error", reject);
        incoming.on("end", () => {
          const empty = [204, 304].includes(incoming.statusCode);
          const response = new Response(empty ? null : Buffer.concat(chunks), {
            status: incoming.statusCode,
            headers: new Headers(
              Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]),
            ),
          });
          Object.defineProperty(response, "url", { value: request.url });
          resolve(response);
        });
      });
      outgoing.on("error", reject);
      outgoing.end(body);
    });
  };
}
