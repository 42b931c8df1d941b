// The official TypeScript client, version 2: both eras, over Streamable HTTP, HTTP+SSE and stdio. See README.md.

import { load, run, withKey } from './errand.mjs';

const { Client, SSEClientTransport, StreamableHTTPClientTransport } = load('@modelcontextprotocol/client');
const { StdioClientTransport } = load('@modelcontextprotocol/client/stdio');

const STATELESS = ['2026-07-28'];

function transportOf(errand) {
  switch (errand.transport) {
    case 'http':
      return new StreamableHTTPClientTransport(new URL(errand.url), withKey(errand));
    case 'sse':
      return new SSEClientTransport(new URL(errand.url), withKey(errand));
    case 'stdio':
      return new StdioClientTransport({ command: errand.command[0], args: errand.command.slice(1), env: errand.environment });
    default:
      throw new Error(`this client has no transport ${errand.transport}`);
  }
}

function optionsOf(era) {
  if (era === 'auto' || era === 'legacy') return { versionNegotiation: { mode: era } };
  if (STATELESS.includes(era)) return { versionNegotiation: { mode: { pin: era } } };
  return { versionNegotiation: { mode: 'legacy' }, supportedProtocolVersions: [era] };
}

await run(
  async (errand) => {
    const client = new Client({ name: 'typescript-v2', version: '2' }, optionsOf(errand.era));
    await client.connect(transportOf(errand));
    return { client, version: () => client.getNegotiatedProtocolVersion() };
  },
  (client, params, options) => client.callTool(params, options),
  async (client, uri, told) => {
    client.setNotificationHandler('notifications/resources/updated', ({ params }) => told(params.uri));
    if (STATELESS.includes(client.getNegotiatedProtocolVersion())) {
      const subscription = await client.listen({ resourceSubscriptions: [uri] });
      return () => subscription.close();
    }
    await client.subscribeResource({ uri });
    return () => client.unsubscribeResource({ uri });
  }
);
