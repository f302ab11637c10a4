// The official Microsoft Graph SDK for JavaScript against the simulator: the environment's
// SIM_READY is the simulator's ready line. Ends with 0 when everything is as with Graph.

import assert from "node:assert/strict";
import { createRequire } from "node:module";

import { connect } from "./wire.mjs";

const require = createRequire(import.meta.url);
const { BatchRequestContent, BatchResponseContent, Client, GraphError, PageIterator } = require(
  "@microsoft/microsoft-graph-client",
);
const { TokenCredentialAuthenticationProvider } = require(
  "@microsoft/microsoft-graph-client/authProviders/azureTokenCredentials",
);

const ready = JSON.parse(process.env.SIM_READY ?? "null");
assert.ok(ready?.graph, "SIM_READY is not the simulator's ready line");

const signIn = globalThis.fetch;
connect(ready.graph);

/** What @azure/identity calls a token credential: the client-credentials flow. */
const credential = {
  asked: 0,
  async getToken(scopes) {
    this.asked += 1;
    const response = await signIn(ready.token_endpoint, {
      method: "POST",
      body: new URLSearchParams({
        grant_type: "client_credentials",
        client_id: ready.client_id,
        client_secret: ready.client_secret,
        scope: [scopes].flat().join(" "),
      }),
    });
    const body = await response.json();
    assert.equal(response.status, 200, JSON.stringify(body));
    assert.equal(body.token_type, "Bearer");
    return {
      token: body.access_token,
      expiresOnTimestamp: Date.now() + body.expires_in * 1000,
    };
  },
};

const client = Client.initWithMiddleware({
  authProvider: new TokenCredentialAuthenticationProvider(credential, {
    scopes: ["https://graph.microsoft.com/.default"],
  }),
});

const reference = (id) => `https://graph.microsoft.com/v1.0/directoryObjects/${id}`;

/** The error that a call ends in. */
async function refused(call) {
  try {
    await call;
  } catch (error) {
    assert.ok(error instanceof GraphError, String(error));
    return error;
  }
  return assert.fail("the call was not refused");
}

/** Every item of a list, by the SDK's own iterator. */
async function everything(first, options) {
  const items = [];
  const iterator = new PageIterator(
    client,
    first,
    (item) => {
      items.push(item);
      return true;
    },
    options,
  );
  await iterator.iterate();
  assert.ok(iterator.isComplete());
  return { items, deltaLink: iterator.getDeltaLink() };
}

const made = { users: [], groups: [] };

const steps = {
  async "a tenant's organisation"() {
    const { value } = await client.api("/organization").get();
    assert.equal(value.length, 1);
    assert.equal(value[0].id, ready.tenant_id);
  },

  async "lists, page by page"() {
    const first = await client.api("/users").select("id,displayName").top(30).get();
    assert.equal(first.value.length, 30);
    assert.match(first["@odata.nextLink"], /^https:\/\/graph\.microsoft\.com\/v1\.0\/users\?/);
    const { items } = await everything(first);
    const count = await client
      .api("/users/$count")
      .header("ConsistencyLevel", "eventual")
      .get();
    assert.equal(items.length, Number(count));
    assert.equal(new Set(items.map((item) => item.id)).size, items.length);
    assert.deepEqual(Object.keys(items[0]), ["id", "displayName"]);
  },

  async "creates a user"() {
    for (const name of ["sdk.one", "sdk.two"]) {
      const user = await client.api("/users").post({
        accountEnabled: true,
        displayName: `SDK ${name}`,
        mailNickname: name.replace(".", ""),
        userPrincipalName: `${name}@contoso.onmicrosoft.com`,
        passwordProfile: { forceChangePasswordNextSignIn: true, password: "xWwvJ]6NMw+bWH-d" },
      });
      assert.match(user.id, /^[0-9a-f-]{36}$/);
      made.users.push(user.id);
    }
  },

  async "filters"() {
    const byName = await client
      .api("/users")
      .filter("userPrincipalName eq 'SDK.one@contoso.onmicrosoft.com'")
      .select(["id", "accountEnabled"])
      .get();
    assert.deepEqual(byName.value, [{ id: made.users[0], accountEnabled: true }]);
    const advanced = await client
      .api("/users")
      .header("ConsistencyLevel", "eventual")
      .filter("endswith(userPrincipalName,'@contoso.onmicrosoft.com')")
      .orderby("displayName")
      .count(true)
      .top(5)
      .get();
    assert.equal(advanced.value.length, 5);
    assert.ok(advanced["@odata.count"] > 5);
    const search = await client
      .api("/users")
      .header("ConsistencyLevel", "eventual")
      .search('"displayName:sdk"')
      .get();
    assert.deepEqual(search.value.map((user) => user.id).sort(), [...made.users].sort());
  },

  async "updates"() {
    const path = `/users/${made.users[0]}`;
    await client.api(path).patch({ department: "Tools", businessPhones: ["+1 555 0100"] });
    const user = await client.api(path).select("department,businessPhones,jobTitle").get();
    assert.equal(user.department, "Tools");
    assert.deepEqual(user.businessPhones, ["+1 555 0100"]);
    assert.equal(user.jobTitle, null);
    await client.api(`${path}/manager/$ref`).put({ "@odata.id": reference(made.users[1]) });
    const manager = await client.api(`${path}/manager`).get();
    assert.equal(manager.id, made.users[1]);
    assert.equal(manager["@odata.type"], "#microsoft.graph.user");
    const expanded = await client.api(path).select("id").expand("manager($select=id)").get();
    assert.equal(expanded.manager.id, made.users[1]);
  },

  async "members"() {
    const group = await client.api("/groups").post({
      displayName: "SDK group",
      mailNickname: "sdkgroup",
      mailEnabled: false,
      securityEnabled: true,
      "members@odata.bind": [reference(made.users[0])],
    });
    made.groups.push(group.id);
    const path = `/groups/${group.id}/members`;
    await client.api(`${path}/$ref`).post({ "@odata.id": reference(made.users[1]) });
    const { items } = await everything(await client.api(path).top(1).get());
    assert.deepEqual(items.map((item) => item.id).sort(), [...made.users].sort());
    const users = await client.api(`${path}/microsoft.graph.user`).select("id").get();
    assert.equal(users.value.length, 2);
    const twice = await refused(
      client.api(`${path}/$ref`).post({ "@odata.id": reference(made.users[1]) }),
    );
    assert.equal(twice.statusCode, 400);
    assert.equal(twice.code, "Request_BadRequest");
    await client.api(`${path}/${made.users[1]}/$ref`).delete();
    assert.equal((await client.api(path).get()).value.length, 1);
    const of = await client.api(`/users/${made.users[0]}/getMemberGroups`).post({
      securityEnabledOnly: true,
    });
    assert.deepEqual(of.value, [group.id]);
  },

  async "errors are the SDK's"() {
    const id = "00000000-0000-4000-8000-000000000000";
    const missing = await refused(client.api(`/users/${id}`).get());
    assert.equal(missing.statusCode, 404);
    assert.equal(missing.code, "Request_ResourceNotFound");
    assert.match(missing.message, new RegExp(`^Resource '${id}' does not exist`));
    assert.match(missing.requestId, /^[0-9a-f-]{36}$/);
    assert.ok(missing.date instanceof Date && !Number.isNaN(missing.date.getTime()));
    const unknown = await refused(client.api("/users").select("nope").get());
    assert.equal(unknown.code, "BadRequest");
    const advanced = await refused(client.api("/users").filter("endswith(mail,'x')").get());
    assert.equal(advanced.code, "Request_UnsupportedQuery");
  },

  async "batches"() {
    // The SDK takes the path behind the host for the item's address.
    const item = (path, init) => new Request(`https://graph.microsoft.com${path}`, init);
    const content = new BatchRequestContent([
      { id: "1", request: item(`/users/${made.users[0]}?$select=id,displayName`) },
      {
        id: "2",
        dependsOn: ["1"],
        request: item(`/users/${made.users[0]}`, {
          method: "PATCH",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ department: "Batch" }),
        }),
      },
      { id: "3", dependsOn: ["2"], request: item("/users/nobody@contoso.com") },
    ]);
    const answer = await client.api("/$batch").post(await content.getContent());
    const responses = new BatchResponseContent(answer);
    assert.equal(responses.getResponseById("1").status, 200);
    assert.equal((await responses.getResponseById("1").json()).id, made.users[0]);
    assert.equal(responses.getResponseById("2").status, 204);
    assert.equal(responses.getResponseById("3").status, 404);
    const user = await client.api(`/users/${made.users[0]}`).select("department").get();
    assert.equal(user.department, "Batch");
  },

  async "a photo's bytes"() {
    const path = `/users/${made.users[0]}/photo/$value`;
    const png = Buffer.from("iVBORw0KGgo=", "base64");
    await client.api(path).header("Content-Type", "image/png").put(png);
    const stream = await client.api(path).responseType("arraybuffer").get();
    assert.deepEqual(Buffer.from(stream), png);
  },

  async "delta"() {
    const first = await client.api("/users/delta").select("id,displayName,department").get();
    const begun = await everything(first);
    assert.match(begun.deltaLink, /\$deltatoken=/);
    assert.ok(begun.items.some((user) => user.id === made.users[0]));
    const quiet = await everything(await client.api(begun.deltaLink).get());
    assert.deepEqual(quiet.items, []);
    await client.api(`/users/${made.users[0]}`).patch({ department: "Delta" });
    const changed = await everything(await client.api(quiet.deltaLink).get());
    assert.deepEqual(changed.items.map((user) => [user.id, user.department]), [
      [made.users[0], "Delta"],
    ]);
    await client.api(`/users/${made.users[0]}`).delete();
    const removed = await everything(await client.api(changed.deltaLink).get());
    assert.deepEqual(removed.items.map((user) => [user.id, user["@removed"].reason]), [
      [made.users[0], "changed"],
    ]);
    made.users.shift();
  },

  async "deletes"() {
    for (const id of made.groups) await client.api(`/groups/${id}`).delete();
    for (const id of made.users) {
      await client.api(`/users/${id}`).delete();
      assert.equal((await refused(client.api(`/users/${id}`).get())).statusCode, 404);
      const binned = await client.api(`/directory/deletedItems/${id}`).get();
      assert.equal(binned.id, id);
      await client.api(`/directory/deletedItems/${id}`).delete();
    }
  },

  async "asked for tokens as it should"() {
    assert.ok(credential.asked > 0);
  },
};

let failed = 0;
for (const [name, step] of Object.entries(steps)) {
  try {
    await step();
    console.log(`ok    ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED ${name}\n${error.stack ?? error}`);
  }
}
process.exitCode = failed > 0 ? 1 : 0;
