// The official TypeScript client, version 1, which most programs still have: the handshake, over Streamable HTTP,
// HTTP+SSE, WebSocket and stdio. It knows one era; asked for another revision than its own, it says so. See README.md.

import { load, run, withKey } from './errand.mjs';

const { Client } = load('@modelcontextprotocol/sdk/client/index.js');
const { StreamableHTTPClientTransport } = load('@modelcontextprotocol/sdk/client/streamableHttp.js');
const { SSEClientTransport } = load('@modelcontextprotocol/sdk/client/sse.js');
const { WebSocketClientTransport } = load('@modelcontextprotocol/sdk/client/websocket.js');
const { StdioClientTransport } = load('@modelcontextprotocol/sdk/client/stdio.js');
const { LATEST_PROTOCOL_VERSION, ResourceUpdatedNotificationSchema } = load('@modelcontextprotocol/sdk/types.js');

function transportOf(errand) {
  switch (errand.transport) {
    case 'http':
      return new StreamableHTTPClientTransport(new URL(errand.url), withKey(errand));
    case 'sse':
      return new SSEClientTransport(new URL(errand.url), withKey(errand));
    case 'websocket':
      // Its transport has no option for headers; Node's own WebSocket has one.
      globalThis.WebSocket = class extends WebSocket {
        constructor(url, protocols) {
          super(url, { protocols, headers: withKey(errand).requestInit.headers });
        }
      };
      return new WebSocketClientTransport(new URL(errand.url));
    case 'stdio':
      return new StdioClientTransport({ command: errand.command[0], args: errand.command.slice(1), env: errand.environment });
    default:
      throw new Error(`this client has no transport ${errand.transport}`);
  }
}

await run(
  async (errand) => {
    if (!['auto', 'legacy', LATEST_PROTOCOL_VERSION].includes(errand.era)) {
      throw new Error(`this client speaks ${LATEST_PROTOCOL_VERSION} alone, not ${errand.era}`);
    }
    const client = new Client({ name: 'typescript-v1', version: '1' });
    let version = null;
    const transport = transportOf(errand);
    // The client tells its transport what was agreed on, and nobody else.
    const tell = transport.setProtocolVersion?.bind(transport);
    transport.setProtocolVersion = (agreed) => {
      version = agreed;
      tell?.(agreed);
    };
    await client.connect(transport);
    return { client, version: () => version };
  },
  (client, params, options) => client.callTool(params, undefined, options),
  async (client, uri, told) => {
    client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => told(params.uri));
    await client.subscribeResource({ uri });
    return () => client.unsubscribeResource({ uri });
  }
);
