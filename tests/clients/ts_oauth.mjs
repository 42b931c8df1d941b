// The official TypeScript clients, signing in with OAuth: discovery, registration, consent, tokens, refresh, step-up.
//
// stdin  first line   the errand: {version: 1 | 2, url, era, redirect, steps}
//        then a line  for each address that this asked to be opened: where the browser was sent back to
// stdout one line each `{"open": address}` for what a person must decide, and at the end the report
//
// A step is {do: "call_tool" | "list_tools" | "read_resource" | "spoil_token" | "forget_refresh_token", …}; "spoil_token" puts something else in
// the place of the access token, so that the next request is refused and the client has to refresh;
// "forget_refresh_token" leaves it nothing to refresh with.

import { createInterface } from 'node:readline';

import { load } from './errand.mjs';

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const nextLine = async () => (await lines.next()).value;
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

const errand = JSON.parse(await nextLine());
const { Client, StreamableHTTPClientTransport, UnauthorizedError } = errand.version === 2
  ? load('@modelcontextprotocol/client')
  : {
      ...load('@modelcontextprotocol/sdk/client/index.js'),
      ...load('@modelcontextprotocol/sdk/client/streamableHttp.js'),
      ...load('@modelcontextprotocol/sdk/client/auth.js')
    };

const kept = { asked: [], given: [] };
const provider = {
  redirectUrl: errand.redirect,
  clientMetadata: {
    client_name: `typescript-v${errand.version}`,
    redirect_uris: [errand.redirect],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none'
  },
  clientInformation: () => kept.client,
  saveClientInformation: (client) => { kept.client = client; },
  tokens: () => kept.tokens,
  saveTokens: (tokens) => { kept.tokens = tokens; kept.given.push(tokens.scope); },
  saveCodeVerifier: (verifier) => { kept.verifier = verifier; },
  codeVerifier: () => kept.verifier,
  saveDiscoveryState: (state) => { kept.discovery = state; },
  discoveryState: () => kept.discovery,
  redirectToAuthorization: (address) => { kept.asked.push(address.searchParams.get('scope')); say({ open: String(address) }); }
};

const options = errand.version === 2 ? { versionNegotiation: { mode: errand.era } } : {};
const newTransport = () => new StreamableHTTPClientTransport(new URL(errand.url), { authProvider: provider });
let transport = newTransport();
let client = new Client({ name: 'typescript', version: '1' }, options);

/** Takes what the person decided, and with it gets the tokens. */
async function finish() {
  const { searchParams } = new URL(await nextLine());
  await transport.finishAuth(errand.version === 2 ? searchParams : searchParams.get('code'));
}

async function connect() {
  try {
    await client.connect(transport);
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error;
    await finish();
    // A transport that was started is not started again.
    transport = newTransport();
    client = new Client({ name: 'typescript', version: '1' }, options);
    await client.connect(transport);
  }
}

function take(step) {
  switch (step.do) {
    case 'list_tools':
      return client.listTools();
    case 'call_tool':
      return client.callTool({ name: step.name, arguments: step.arguments ?? {} });
    case 'read_resource':
      return client.readResource({ uri: step.uri });
    case 'spoil_token':
      kept.tokens = { ...kept.tokens, access_token: 'aegis_at_spoiled' };
      return {};
    case 'forget_refresh_token':
      delete kept.tokens.refresh_token;
      return {};
    default:
      throw new Error(`there is no step ${step.do}`);
  }
}

async function report(step) {
  try {
    return { result: await take(step) };
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) return { error: String(error.message ?? error) };
  }
  // The person was asked in the middle of the work: what was refused is sent again, in the same session.
  await finish();
  return { result: await take(step), steppedUp: true };
}

await connect();
const steps = [];
for (const step of errand.steps) steps.push(await report(step));
const session = transport.sessionId ?? null;
await client.close();
say({ steps, session, asked: kept.asked, given: kept.given, client: kept.client.client_id });
process.exit(0);
