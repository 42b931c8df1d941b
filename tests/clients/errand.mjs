// What the Node drivers have in common: the errand from stdin, its steps, the report to stdout. See README.md.

import { createRequire } from 'node:module';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

/** Loads a module of the packages that AEGIS_NODE_PACKAGES holds: they stand beside no script of ours. */
export const load = createRequire(join(process.env.AEGIS_NODE_PACKAGES, 'package.json'));

/**
 * Runs the errand of stdin with the client that `connect` makes of it.
 *
 * `connect(errand)` returns `{client, version()}`, connected; `call(client, step, options)` calls a tool.
 */
export async function run(connect, call) {
  const errand = JSON.parse(await text(process.stdin));
  const { client, version } = await connect(errand);
  const steps = [];
  for (const step of errand.steps) steps.push(await report(client, step, call));
  const made = {
    version: version(),
    server: client.getServerVersion() ?? null,
    capabilities: client.getServerCapabilities() ?? null,
    steps
  };
  await client.close();
  process.stdout.write(`${JSON.stringify(made)}\n`);
}

async function report(client, step, call) {
  const progress = [];
  const giveUp = new AbortController();
  const options = { signal: giveUp.signal, timeout: 30_000 };
  if (step.progress) options.onprogress = (update) => progress.push(update);
  const timer =
    step.cancel_after_ms === undefined ? undefined : setTimeout(() => giveUp.abort('given up'), step.cancel_after_ms);
  try {
    const result = await take(client, step, options, call);
    return step.progress ? { result, progress } : { result };
  } catch (error) {
    if (giveUp.signal.aborted) return { cancelled: true };
    return { error: { code: error.code ?? null, message: String(error.message ?? error) } };
  } finally {
    clearTimeout(timer);
  }
}

function take(client, step, options, call) {
  switch (step.do) {
    case 'list_tools':
      return client.listTools(undefined, options);
    case 'call_tool':
      return call(client, { name: step.name, arguments: step.arguments ?? {} }, options);
    case 'list_resources':
      return client.listResources(undefined, options);
    case 'list_resource_templates':
      return client.listResourceTemplates(undefined, options);
    case 'read_resource':
      return client.readResource({ uri: step.uri }, options);
    case 'list_prompts':
      return client.listPrompts(undefined, options);
    case 'get_prompt':
      return client.getPrompt({ name: step.name, arguments: step.arguments ?? {} }, options);
    case 'ping':
      return client.ping(options);
    default:
      throw new Error(`no such step: ${step.do}`);
  }
}

/** Returns what the transports over HTTP take to carry the key. */
export const withKey = (errand) => ({ requestInit: { headers: { Authorization: `Bearer ${errand.key}` } } });
